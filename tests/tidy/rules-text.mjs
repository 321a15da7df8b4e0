// Rules for every text file of the project.

export const FILE_MAX = 600;
const LINE_MAX_C = 100;
const LINE_MAX = 120; // of other code; prose and tables are as long as they are

// Words of unfinished work, of authorship and of one person's machine. Spelled in pieces, since this
// file is checked like any other.
const WORDS = [
    { words: ['FIX' + 'ME', 'X' + 'XX', 'TO' + 'DO'], why: 'do it, or say in docs/ what is missing', exact: true },
    { words: ['co-author' + 'ed-by', '@auth' + 'or', 'generated' + ' with'], why: 'the history knows who wrote what' },
    { words: ['/wo' + 'rk/', '/home' + '/', '/tmp/' + 'cairn/'], why: 'a path of one machine' },
    { words: ['lorem' + ' ipsum', 'not' + ' implemented', 'place' + 'holder'], why: 'unfinished' },
];

const CODE = /\.(c|h|mjs|js|ts|sh|sql|awk)$|^(Makefile|\.ci\/)/;
const DATA = /^tests\/data\/|^tests\/fuzz\/corpus\/|package-lock\.json$/;

export function isData(path) {
    return DATA.test(path);
}

export function layout(file, report) {
    const longest = /\.[ch]$/.test(file.path) ? LINE_MAX_C : LINE_MAX;
    file.lines.forEach((line, i) => {
        if (/[ \t]+$/.test(line))
            report('trailing-space', i + 1, 'space at the end of the line');
        if (line.includes('\r'))
            report('line-end', i + 1, 'carriage return');
        if (!CODE.test(file.path))
            return;
        if (line.includes('\t') && file.path !== 'Makefile')
            report('tab', i + 1, 'indent with spaces');
        if ([...line].length > longest && !exempt(file.path, line))
            report('line-length', i + 1, `${[...line].length} columns, more than ${longest}`);
    });
    if (file.text.length > 0 && !file.text.endsWith('\n'))
        report('line-end', file.lines.length, 'no newline at the end of the file');
    if (/\n\n$/.test(file.text))
        report('line-end', file.lines.length, 'empty lines at the end of the file');
}

// A sentence of the error registry, an SQL comment and an address stand on one line each, however long.
function exempt(path, line) {
    return path.endsWith('.def') || /^COMMENT ON /.test(line) || /https?:\/\/\S{40,}/.test(line);
}

export function fileLength(file, report) {
    const lines = file.lines.length;
    if (CODE.test(file.path) && lines > FILE_MAX)
        report('file-length', 1, `${lines} lines, more than ${FILE_MAX}`, { name: '*', size: lines });
}

export function words(file, report) {
    for (const { words: list, why, exact } of WORDS) {
        const pattern = new RegExp(list.map((w) => w.replace(/[.*+?/]/g, '\\$&'))
            .map((w) => (/^\w/.test(w) ? `\\b${w}` : w) + (/\w$/.test(w) ? '\\b' : '')).join('|'), exact ? '' : 'i');
        file.lines.forEach((line, i) => {
            const match = pattern.exec(line);
            if (match)
                report('word', i + 1, `"${match[0]}": ${why}`, { name: match[0] });
        });
    }
}
