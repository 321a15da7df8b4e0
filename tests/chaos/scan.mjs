/* Looks for many byte strings at once (Aho and Corasick 1975) in files of any size. */
import { closeSync, openSync, readSync } from 'node:fs';

const PIECE = 1 << 22;

/* The forms in which a text may stand somewhere: as it is, UTF-16, hex, base64 at each alignment, and a
 * whole number as 8 bytes. */
export function forms(text) {
    const bytes = Buffer.from(text, 'latin1');
    const list = [['plain', bytes], ['utf-16le', Buffer.from(text, 'utf16le')],
        ['utf-16be', Buffer.from(text, 'utf16le').swap16()], ['hex', Buffer.from(bytes.toString('hex'))],
        ['HEX', Buffer.from(bytes.toString('hex').toUpperCase())]];
    /* Of base64, only the characters that depend on no neighbour. */
    for (const shift of [0, 1, 2]) {
        const all = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
        const from = [0, 2, 3][shift];
        const to = Math.floor(((shift + bytes.length) * 8) / 6);
        for (const alphabet of [all, all.replaceAll('+', '-').replaceAll('/', '_')])
            list.push([`base64+${shift}`, Buffer.from(alphabet.slice(from, to))]);
    }
    if (/^\d{10,18}$/.test(text)) {
        const number = Buffer.alloc(8);
        number.writeBigInt64LE(BigInt(text));
        list.push(['int64le', Buffer.from(number)], ['int64be', Buffer.from(number).reverse()]);
    }
    return list;
}

export class Scanner {
    #next = [new Int32Array(256).fill(-1)];
    #out = [[]];
    constructor(texts) {
        for (const text of texts)
            for (const [form, bytes] of forms(text)) this.#insert(bytes, `${text} (${form})`);
        this.#link();
    }
    #insert(bytes, name) {
        let at = 0;
        for (const b of bytes) {
            if (this.#next[at][b] < 0) {
                this.#next[at][b] = this.#next.length;
                this.#next.push(new Int32Array(256).fill(-1));
                this.#out.push([]);
            }
            at = this.#next[at][b];
        }
        this.#out[at].push(name);
    }
    /* Breadth first: each missing edge becomes that of the longest proper suffix. */
    #link() {
        const fail = new Int32Array(this.#next.length);
        const queue = [];
        for (let b = 0; b < 256; b++) {
            if (this.#next[0][b] < 0) this.#next[0][b] = 0;
            else queue.push(this.#next[0][b]);
        }
        for (let i = 0; i < queue.length; i++) {
            const s = queue[i];
            this.#out[s].push(...this.#out[fail[s]]);
            for (let b = 0; b < 256; b++) {
                const t = this.#next[s][b];
                if (t < 0) {
                    this.#next[s][b] = this.#next[fail[s]][b];
                } else {
                    fail[t] = this.#next[fail[s]][b];
                    queue.push(t);
                }
            }
        }
        this.table = new Int32Array(this.#next.length * 256);
        this.#next.forEach((row, s) => this.table.set(row, s * 256));
        this.hit = Uint8Array.from(this.#out, (o) => (o.length > 0 ? 1 : 0));
    }

    /* found: Set of names that gains what the bytes hold; returns the state for the next piece. */
    feed(bytes, found, state = 0) {
        const { table, hit } = this;
        let s = state;
        for (let i = 0; i < bytes.length; i++) {
            s = table[(s << 8) | bytes[i]];
            if (hit[s] === 1) for (const name of this.#out[s]) found.add(name);
        }
        return s;
    }
    file(path) {
        const found = new Set();
        const piece = Buffer.allocUnsafe(PIECE);
        const fd = openSync(path, 'r');
        let state = 0, size = 0;
        for (let n; (n = readSync(fd, piece, 0, PIECE)) > 0; size += n)
            state = this.feed(piece.subarray(0, n), found, state);
        closeSync(fd);
        return { found, size };
    }
    bytes(bytes) {
        const found = new Set();
        this.feed(bytes, found);
        return { found, size: bytes.length };
    }
}
