/* Checkpoints as a reader sees them: text, log signature, cosignatures of the members (C2SP signed-note,
 * tlog-checkpoint, tlog-cosignature), and the roots that a list of entries has at every size. */
import crypto from 'node:crypto';
import { b64, sha256 } from '../../apigate/client.mjs';
import { leafHash } from '../../audit/log.mjs';

const LOG = 1, COSIGNATURE = 4;

function keyOf(name, type, bytes) {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') };
    const id = sha256(`${name}\n`, Buffer.from([type]), bytes).subarray(0, 4);
    return { name, id, type, key: crypto.createPublicKey({ key: jwk, format: 'jwk' }) };
}

/* Everybody who may sign a checkpoint of this chain, from the genesis alone. */
export function signersOf(genesis, chain) {
    const cosigners = genesis.members.map((m) => keyOf(`${genesis.federation}/member-${m.number}`, COSIGNATURE,
        Buffer.from(m.cosigner_key, 'base64')));
    const log = keyOf(`${genesis.federation}/${chain}`, LOG, Buffer.from(genesis.log_keys[chain], 'base64'));
    return { log, cosigners };
}

function signatureHolds(signer, text, bytes) {
    if (signer.type === LOG) return crypto.verify(null, Buffer.from(text), signer.key, bytes);
    const time = bytes.readBigUInt64BE(0);
    const said = Buffer.from(`cosignature/v1\ntime ${time}\n${text}`);
    return crypto.verify(null, said, signer.key, bytes.subarray(8));
}

/* { size, root, by }: by is the number of members whose cosignature verifies. Throws with what is wrong. */
export function readNote(note, chain, signers) {
    const blank = note.indexOf('\n\n');
    const text = note.slice(0, blank + 1);
    const [origin, size, root, ...rest] = text.split('\n');
    if (origin !== signers.log.name || rest.length !== 1) throw new Error(`${chain}: not a checkpoint of this log`);
    const by = new Set();
    for (const line of note.slice(blank + 2).split('\n').filter((l) => l !== '')) {
        const [, name, blob] = line.split(' ');
        const bytes = Buffer.from(blob, 'base64');
        const signer = [signers.log, ...signers.cosigners]
            .find((s) => s.name === name && s.id.equals(bytes.subarray(0, 4)));
        if (!signer) continue;
        if (!signatureHolds(signer, text, bytes.subarray(4)))
            throw new Error(`${chain}: the signature of ${name} is wrong`);
        by.add(signer);
    }
    if (!by.delete(signers.log)) throw new Error(`${chain}: the log has not signed size ${size}`);
    return { size: Number(size), root, by: by.size };
}

/* Root after each number of entries, in base64; [0] is that of the empty tree. */
export function rootsOf(entries) {
    const roots = [b64(sha256(''))];
    let peaks = []; // [leaves, hash] of complete subtrees, largest first
    for (const entry of entries) {
        let part = [1, leafHash(entry)];
        while (peaks.length > 0 && peaks.at(-1)[0] === part[0]) {
            const left = peaks.pop();
            part = [left[0] * 2, sha256(Buffer.from([1]), left[1], part[1])];
        }
        peaks = [...peaks, part];
        roots.push(b64(peaks.map((p) => p[1]).reduceRight((right, left) => sha256(Buffer.from([1]), left, right))));
    }
    return roots;
}
