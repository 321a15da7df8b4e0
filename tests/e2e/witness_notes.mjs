/* Notes, trees and add-checkpoint as the C2SP texts and RFC 6962 describe them, with node:crypto. It shares no
 * code with the server, so that a mistake would have to be made twice. */
import crypto from 'node:crypto';
import http from 'node:http';

export const DASH = '\u2014 ';

/* ---- notes: signed-note, tlog-checkpoint, tlog-cosignature ------------------------------------- */

export const sha256 = (...parts) => parts.reduce((h, p) => h.update(p), crypto.createHash('sha256')).digest();

export class Key {
    constructor(name, type, seed = crypto.randomBytes(32)) {
        const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
        this.secret = crypto.createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
        this.public = crypto.createPublicKey(this.secret).export({ format: 'der', type: 'spki' }).subarray(12);
        this.name = name;
        this.id = sha256(`${name}\n`, Buffer.from([type]), this.public).subarray(0, 4);
        this.vkey = `${name}+${this.id.toString('hex')}+${Buffer.concat([Buffer.from([type]), this.public])
            .toString('base64')}`;
    }
    line(bytes) { return `${DASH}${this.name} ${Buffer.concat([this.id, bytes]).toString('base64')}\n`; }
    sign(body) { return `${body}\n${this.line(crypto.sign(null, Buffer.from(body), this.secret))}`; }
    verifies(message, signature) {
        const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), this.public]);
        const key = crypto.createPublicKey({ key: der, format: 'der', type: 'spki' });
        return crypto.verify(null, Buffer.from(message), key, signature);
    }
}

export const checkpointOf = (origin, size, root) => `${origin}\n${size}\n${root.toString('base64')}\n`;
export const bodyOf = (note) => note.slice(0, note.lastIndexOf('\n\n') + 1);
export const sizeOf = (note) => Number(note.split('\n')[1]);

/* The time of the one cosignature/v1 of this key among the lines, if it is good; else 0. */
export function cosigned(lines, key, body) {
    const own = lines.split('\n').filter((l) => l.startsWith(`${DASH}${key.name} `))
        .map((l) => Buffer.from(l.slice(DASH.length + key.name.length + 1), 'base64'))
        .filter((b) => b.length === 4 + 8 + 64 && b.subarray(0, 4).equals(key.id));
    if (own.length !== 1) return 0;
    const time = own[0].readBigUInt64BE(4);
    return key.verifies(`cosignature/v1\ntime ${time}\n${body}`, own[0].subarray(12)) ? Number(time) : 0;
}

/* ---- trees: RFC 6962 section 2.1 --------------------------------------------------------------- */

const split = (n) => 2 ** Math.floor(Math.log2(n - 1));
export function mth(leaves) {
    if (leaves.length === 0) return sha256('');
    if (leaves.length === 1) return sha256(Buffer.from([0]), leaves[0]);
    const k = split(leaves.length);
    return sha256(Buffer.from([1]), mth(leaves.slice(0, k)), mth(leaves.slice(k)));
}
function subproof(m, leaves, whole) {
    if (m === leaves.length) return whole ? [] : [mth(leaves)];
    const k = split(leaves.length);
    return m <= k ? [...subproof(m, leaves.slice(0, k), whole), mth(leaves.slice(k))]
        : [...subproof(m - k, leaves.slice(k), false), mth(leaves.slice(0, k))];
}
export const proofOf = (m, leaves) => (m === 0 || m === leaves.length ? [] : subproof(m, leaves, true));

/* RFC 9162 section 2.1.4.2 */
export function consistent(old, oldRoot, size, root, proof) {
    if (old === 0 || old === size) return proof.length === 0 && (old === 0 || oldRoot.equals(root));
    const path = Number.isInteger(Math.log2(old)) ? [oldRoot, ...proof] : proof;
    let [fn, sn] = [old - 1, size - 1];
    while (fn % 2 === 1) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
    let [fr, sr] = [path[0], path[0]];
    const node = (l, r) => sha256(Buffer.from([1]), l, r);
    for (const c of path.slice(1)) {
        if (sn === 0) return false;
        if (fn % 2 === 1 || fn === sn) {
            [fr, sr] = [node(c, fr), node(c, sr)];
            while (fn % 2 === 0 && fn !== 0) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
        } else {
            sr = node(sr, c);
        }
        [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
    }
    return sn === 0 && fr.equals(oldRoot) && sr.equals(root);
}

/* ---- tlog-witness ------------------------------------------------------------------------------ */

export const requestOf = (old, proof, note) =>
    `old ${old}\n${proof.map((h) => `${h.toString('base64')}\n`).join('')}\n${note}`;

/* No Content-Type: the specification asks for none. */
export function post(url, body) {
    return new Promise((done, fail) => {
        const bytes = Buffer.from(body);
        const request = http.request(`${url}/add-checkpoint`,
            { method: 'POST', headers: { 'Content-Length': bytes.length } }, (reply) => {
                const parts = [];
                reply.on('data', (p) => parts.push(p)).on('error', fail);
                reply.on('end', () => done({ status: reply.statusCode, type: reply.headers['content-type'],
                    text: Buffer.concat(parts).toString() }));
            });
        request.on('error', fail).end(bytes);
    });
}
