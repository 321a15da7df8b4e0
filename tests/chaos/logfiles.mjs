/* The log as anyone can download it: checkpoint, tiles and entry bundles (C2SP tlog-tiles), with the
 * tree recomputed from the entries and the checkpoint's signature verified. */
import crypto from 'node:crypto';
import { leafHash, rootOf } from '../audit/log.mjs';
import { b64, parse, sha256 } from '../apigate/client.mjs';

const WIDTH = 256;

function tilePath(index, width) {
    const groups = [String(index % 1000).padStart(3, '0')];
    for (let n = Math.floor(index / 1000); n > 0; n = Math.floor(n / 1000))
        groups.unshift(`x${String(n % 1000).padStart(3, '0')}`);
    return groups.join('/') + (width < WIDTH ? `.p/${width}` : '');
}

function splitBundle(bytes) {
    const entries = [];
    for (let at = 0; at < bytes.length;) {
        const len = bytes.readUInt16BE(at);
        if (at + 2 + len > bytes.length) throw new Error('a bundle breaks off');
        entries.push(bytes.subarray(at + 2, at + 2 + len));
        at += 2 + len;
    }
    return entries;
}

function signatureHolds(note, vkey) {
    const blank = note.indexOf('\n\n');
    const body = note.slice(0, blank + 1);
    const [name, , key] = vkey.split('+');
    const typed = Buffer.from(vkey.slice(name.length + 10), 'base64');
    if (key === undefined || typed[0] !== 1) throw new Error(`not an Ed25519 log key: ${vkey}`);
    const line = note.slice(blank + 2).split('\n').find((l) => l.startsWith(`\u2014 ${name} `));
    if (line === undefined) return false;
    const signature = Buffer.from(line.slice(name.length + 3), 'base64').subarray(4);
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: typed.subarray(1).toString('base64url') };
    return crypto.verify(null, Buffer.from(body), crypto.createPublicKey({ key: jwk, format: 'jwk' }), signature);
}

/* { entries, size, root }; throws with what is wrong. */
export async function download(api, chain) {
    const get = async (path) => (await api.must(200, null, 'GET', path)).body;
    const federation = parse(await api.must(200, null, 'GET', '/v1/federation'));
    const { key } = federation.logs.find((l) => l.chain === chain);
    const note = (await get(`/log/${chain}/checkpoint`)).toString();
    if (!signatureHolds(note, key)) throw new Error(`${chain}: the checkpoint is not signed by the log's key`);
    const [, sizeText, root] = note.split('\n');
    const size = Number(sizeText);
    const entries = [];
    for (let i = 0; i * WIDTH < size; i++) {
        const width = Math.min(WIDTH, size - i * WIDTH);
        const bundle = splitBundle(await get(`/log/${chain}/tile/entries/${tilePath(i, width)}`));
        const tile = await get(`/log/${chain}/tile/0/${tilePath(i, width)}`);
        if (bundle.length !== width || !tile.equals(Buffer.concat(bundle.map(leafHash))))
            throw new Error(`${chain}: tile ${i} does not hold the hashes of its entries`);
        entries.push(...bundle);
    }
    if (b64(rootOf(entries.map(leafHash))) !== root)
        throw new Error(`${chain}: the checkpoint's root is not the root of the entries`);
    return { entries, size, root };
}

/* RFC 9162 2.1.3.2; null if the proof has the wrong length. */
function climb(leaf, index, size, proof) {
    let fn = BigInt(index), sn = BigInt(size) - 1n, hash = leaf;
    for (const p of proof) {
        if (sn === 0n) return null;
        if ((fn & 1n) === 1n || fn === sn) {
            hash = sha256(Buffer.from([1]), p, hash);
            while ((fn & 1n) === 0n && fn !== 0n) { fn >>= 1n; sn >>= 1n; }
        } else {
            hash = sha256(Buffer.from([1]), hash, p);
        }
        fn >>= 1n;
        sn >>= 1n;
    }
    return sn === 0n ? hash : null;
}

/* Does the receipt's own proof lead from its entry to the root of the checkpoint it carries? */
export function proofHolds(receipt) {
    const lines = receipt.proof.split('\n');
    const blank = lines.indexOf('');
    const start = lines.findIndex((l) => l.startsWith('index '));
    if (start < 0 || Number(lines[start].slice(6)) !== receipt.index) return false;
    const hashes = lines.slice(start + 1, blank).map((l) => Buffer.from(l, 'base64'));
    const [, size, root] = lines.slice(blank + 1);
    const got = climb(leafHash(Buffer.from(receipt.entry, 'base64')), receipt.index, size, hashes);
    return got !== null && b64(got) === root;
}
