// Reads C without a compiler: blanks comments and literals, finds functions and top-level declarations.
// It knows only the C that the house style allows, and says so when a file does not fit.

const KEEP_LINES = /[^\n]/g;

function blank(text) {
    return text.replace(KEEP_LINES, ' ');
}

// Comments, string and character literals become spaces, so that positions and lines stay the same.
// Returns { code, lineComments: [line numbers of // comments] }.
export function stripC(text) {
    const lineComments = [];
    const token = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'/g;
    const code = text.replace(token, (match, offset) => {
        if (match.startsWith('//'))
            lineComments.push(lineOf(text, offset));
        if (match[0] === '"' || match[0] === "'")
            return match[0] + blank(match.slice(1, -1)) + match[0];
        return blank(match);
    });
    return { code, lineComments };
}

export function lineOf(text, offset) {
    let line = 1;
    for (let i = text.indexOf('\n'); i !== -1 && i < offset; i = text.indexOf('\n', i + 1))
        line++;
    return line;
}

// Preprocessor lines (with their continuations) blanked: what is left is declarations and functions.
function withoutPreprocessor(code) {
    return code.replace(/^[ \t]*#(?:[^\n]*\\\n)*[^\n]*/gm, blank);
}

function closing(code, open) {
    let depth = 0;
    for (let i = open; i < code.length; i++) {
        if (code[i] === '{')
            depth++;
        else if (code[i] === '}' && --depth === 0)
            return i;
    }
    return -1;
}

// Splits a file into its top-level items, in order:
//   { kind: 'function', name, line, lines, body }   body: code between the braces, bodyLine: its line
//   { kind: 'declaration', text, line }             with brace contents blanked
//   { kind: 'broken', line }                        braces do not match
export function topLevel(code) {
    const plain = withoutPreprocessor(code);
    const items = [];
    let start = 0;
    let i = 0;
    const begin = () => start + plain.slice(start).search(/\S|$/);
    while (i < plain.length) {
        if (plain[i] === ';') {
            items.push({ kind: 'declaration', text: squeeze(plain.slice(start, i)), line: lineOf(plain, begin()) });
            start = ++i;
        } else if (plain[i] === '{') {
            const end = closing(plain, i);
            if (end === -1) {
                items.push({ kind: 'broken', line: lineOf(plain, i) });
                return items;
            }
            const head = plain.slice(start, i);
            const name = functionName(head);
            if (name !== null) {
                const line = lineOf(plain, begin());
                items.push({ kind: 'function', name, line, lines: lineOf(plain, end) - line + 1,
                             body: plain.slice(i + 1, end), bodyLine: lineOf(plain, i) });
                start = end + 1;
            }
            i = end + 1;
        } else {
            i++;
        }
    }
    return items;
}

function squeeze(text) {
    return text.replace(/\{[\s\S]*\}/, '{}').replace(/\s+/g, ' ').trim();
}

// "static enum err f(int a)" -> "f"; null for struct, enum, union and initialiser braces.
function functionName(head) {
    const text = head.replace(/\s+/g, ' ').trim();
    if (!text.endsWith(')') || /=/.test(text))
        return null;
    const match = /([A-Za-z_]\w*) ?\(/.exec(text.replace(/__attribute__ ?\(\(.*?\)\) ?/g, ''));
    return match ? match[1] : null;
}
