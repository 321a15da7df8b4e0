/* A strict JSON reader for the mock server: refuses what the real one must refuse (duplicate keys,
 * floats, depth, bad UTF-8) with the same codes. */
import './node-version.mjs';

export const DEPTH_MAX = 16;

export class Refusal extends Error {
    constructor(code, pointer = '', detail = undefined) {
        super(code);
        Object.assign(this, { code, pointer, detail });
    }
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SPACE = /[ \t\r\n]*/y;

class Reader {
    constructor(text, lax) {
        Object.assign(this, { text, lax, at: 0 });
    }
    take(pattern) {
        pattern.lastIndex = this.at;
        const m = pattern.exec(this.text);
        if (!m) throw new Refusal('json.malformed');
        this.at += m[0].length;
        return m;
    }
    skip() {
        this.take(SPACE);
    }
    char(wanted) {
        if (this.text[this.at] !== wanted) throw new Refusal('json.malformed');
        this.at++;
        this.skip();
    }
    string() {
        const text = JSON.parse(this.take(STRING)[0]);
        if (text.includes('\0') || !text.isWellFormed()) throw new Refusal('json.malformed');
        return text;
    }
    number() {
        const m = this.take(NUMBER);
        if ((m[1] || m[2]) && this.lax !== 'float') throw new Refusal('json.not_integer');
        const n = Number(m[0]);
        if (!Number.isSafeInteger(n)) throw new Refusal('field.range');
        return n;
    }
    value(depth = 1) {
        const c = this.text[this.at];
        let result;
        if (c === '{' || c === '[') {
            if (depth > DEPTH_MAX) throw new Refusal('json.too_deep');
            result = c === '{' ? this.object(depth) : this.array(depth);
        } else if (c === '"') result = this.string();
        else if (c === '-' || (c >= '0' && c <= '9')) result = this.number();
        else result = { true: true, false: false, null: null }[this.take(/true|false|null/y)[0]];
        this.skip();
        return result;
    }
    object(depth) {
        const out = {};
        this.char('{');
        for (let first = true; this.text[this.at] !== '}'; first = false) {
            if (!first) this.char(',');
            const key = this.string();
            this.skip();
            this.char(':');
            const value = this.value(depth + 1);
            if (Object.hasOwn(out, key) && this.lax !== 'duplicate')
                throw new Refusal('json.duplicate_key');
            Object.defineProperty(out, key, {
                value,
                enumerable: true,
                configurable: true,
                writable: true,
            });
        }
        this.at++;
        return out;
    }
    array(depth) {
        const out = [];
        this.char('[');
        while (this.text[this.at] !== ']') {
            if (out.length) this.char(',');
            out.push(this.value(depth + 1));
        }
        this.at++;
        return out;
    }
}

/* Depth counts on the text first, as the real server does, so that junk that is deep is "too deep". */
function tooDeep(text) {
    let depth = 0;
    for (const m of text.matchAll(/"(?:[^"\\]|\\.)*"|[{[]|[}\]]/g)) {
        if (m[0] === '{' || m[0] === '[') depth++;
        else if (m[0].length === 1) depth--;
        if (depth > DEPTH_MAX) return true;
    }
    return false;
}

export function strictJson(bytes, lax) {
    let text;
    try {
        text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
        throw new Refusal('json.malformed');
    }
    if (tooDeep(text)) throw new Refusal('json.too_deep');
    const reader = new Reader(text, lax);
    reader.skip();
    const value = reader.value();
    if (reader.at !== text.length) throw new Refusal('json.malformed');
    return value;
}
