// The log: bundles hold the entries that were delivered, leaf hashes and tiles recompute, and every
// checkpoint's root is the root of the stored leaves at its size.
import { createHash, createHmac } from 'node:crypto';

const width = 256;
const sha256 = (...parts) => {
    const h = createHash('sha256');
    for (const p of parts)
        h.update(p);
    return h.digest();
};
export const leafHash = (entry) => sha256(Buffer.of(0), entry);
const nodeHash = (l, r) => sha256(Buffer.of(1), l, r);

// RFC 6962 section 2.1: split at the largest power of two below n.
export function rootOf(hashes) {
    if (hashes.length === 0)
        return sha256('');
    if (hashes.length === 1)
        return hashes[0];
    let k = 1;
    while (k * 2 < hashes.length)
        k *= 2;
    return nodeHash(rootOf(hashes.slice(0, k)), rootOf(hashes.slice(k)));
}

// Level by level the rows of hashes that tiles hold: leaves, then one hash per 256 below.
export function tileLevels(leaves) {
    const levels = [leaves];
    while (levels.at(-1).length >= width) {
        const below = levels.at(-1);
        const above = [];
        for (let i = 0; i + width <= below.length; i += width)
            above.push(rootOf(below.slice(i, i + width)));
        levels.push(above);
    }
    return levels;
}

// Folding the frontier of complete subtrees gives each checkpoint's root without rereading the leaves.
class Frontier {
    constructor() {
        this.roots = []; // [size, hash], largest first
        this.size = 0;
    }

    append(hash) {
        let part = [1, hash];
        while (this.roots.length > 0 && this.roots.at(-1)[0] === part[0]) {
            const left = this.roots.pop();
            part = [left[0] * 2, nodeHash(left[1], part[1])];
        }
        this.roots.push(part);
        this.size += 1;
    }

    root() {
        if (this.size === 0)
            return sha256('');
        return this.roots.map((r) => r[1]).reduceRight((right, left) => nodeHash(left, right));
    }
}

class Chain {
    constructor() {
        this.entries = []; // bytes in log order
        this.deliveries = [];
        this.tiles = new Map();
        this.checkpoints = [];
        this.bundles = 0;
    }
}

export class Log {
    // salts: (slot, chain, seq) -> 32 bytes or null; null without key file
    constructor(report, entries, salts) {
        this.report = report;
        this.entries = entries;
        this.salts = salts;
        this.chains = [null, new Chain(), new Chain()];
        this.slots = new Map([['00000000-0000-0000-0000-000000000000', 0]]);
        this.member = null;
    }

    sections() {
        return [
            { name: 'salt_slot', sql: 'SELECT id, salt_slot::text FROM account',
              row: (r) => this.slots.set(r.id, Number(r.salt_slot)) },
            { name: 'delivery', row: (r) => this.chains[r.chain].deliveries.push(r),
              sql: `SELECT chain, first_seq::text, n::text, first_index::text FROM delivery d
                    ORDER BY d.chain, d.first_seq` },
            { name: 'log_bundle', row: (r) => this.bundle(r),
              sql: `SELECT chain, index::text, width, replace(encode(entries, 'base64'), E'\\n', '') AS entries
                    FROM log_bundle b ORDER BY b.chain, b.index` },
            { name: 'log_tile', row: (r) => this.chains[r.chain].tiles.set(`${r.level}/${r.index}`, r.hashes),
              sql: `SELECT chain, level, index::text, encode(hashes, 'hex') AS hashes FROM log_tile` },
            { name: 'log_checkpoint', row: (r) => this.chains[r.chain].checkpoints.push(r),
              sql: `SELECT chain, size::text, encode(root, 'hex') AS root, note FROM log_checkpoint p
                    ORDER BY p.chain, p.size` },
        ];
    }

    bundle(r) {
        const where = `log_bundle ${r.chain}/${r.index}`;
        const c = this.chains[r.chain];
        const bytes = Buffer.from(r.entries, 'base64');
        if (Number(r.index) !== c.bundles || c.entries.length !== c.bundles * width)
            this.report('log.bundle', where, 'a bundle before it is missing or not full');
        c.bundles += 1;
        let n = 0;
        for (let at = 0; at < bytes.length; n += 1) {
            const len = at + 2 <= bytes.length ? bytes.readUInt16BE(at) : bytes.length;
            if (at + 2 + len > bytes.length) {
                this.report('log.bundle', where, 'breaks off');
                break;
            }
            c.entries.push(bytes.subarray(at + 2, at + 2 + len));
            at += 2 + len;
        }
        if (n !== r.width || n > width)
            this.report('log.bundle', where, `holds ${n} entries, says ${r.width}`);
    }

    finish() {
        for (const chain of [1, 2]) {
            const c = this.chains[chain];
            this.checkDeliveries(chain, c);
            const leaves = c.entries.map(leafHash);
            this.checkTiles(chain, c, leaves);
            this.checkRoots(chain, c, leaves);
        }
    }

    checkDeliveries(chain, c) {
        let seq = 1;
        let index = 0;
        for (const d of c.deliveries) {
            const where = `delivery ${chain}/${d.first_seq}`;
            if (Number(d.first_seq) !== seq || Number(d.first_index) < index)
                this.report('log.delivery', where, `sequence ${seq} or index ${index} is next`);
            seq = Number(d.first_seq) + Number(d.n);
            index = Number(d.first_index) + Number(d.n);
            for (let i = 0; i < Number(d.n); i += 1)
                this.checkLeaf(chain, c, Number(d.first_seq) + i, Number(d.first_index) + i);
        }
        if (seq - 1 > this.entries.bySeq[chain].length)
            this.report('log.delivery', `delivery of chain ${chain}`, 'more was delivered than there are entries');
    }

    checkLeaf(chain, c, seq, index) {
        const where = `log entry ${chain}/${index}`;
        const e = this.entries.bySeq[chain][seq - 1];
        const leaf = c.entries[index];
        if (e === undefined || leaf === undefined || leaf.length < 18) {
            this.report('log.leaf', where, `entry of sequence ${seq} is missing`);
            return;
        }
        const text = leaf.subarray(0, 8).toString('latin1');
        this.member ??= leaf.readUInt16BE(8);
        if (text !== (e.isPublic ? 'public/1' : 'anchor/1') || leaf.readUInt16BE(8) !== this.member
            || leaf.readBigUInt64BE(10) !== BigInt(seq))
            this.report('log.leaf', where, `head does not fit entry ${e.id}`);
        else if (e.isPublic && !leaf.subarray(18).equals(e.bytes))
            this.report('log.leaf', where, `differs from the statement of entry ${e.id}`);
        else if (!e.isPublic && leaf.length !== 50)
            this.report('log.leaf', where, 'an anchor has 50 bytes');
        else if (!e.isPublic && this.salts !== null)
            this.checkAnchor(where, e, leaf);
    }

    // A destroyed key makes an anchor meaningless by intention: that is no violation.
    checkAnchor(where, e, leaf) {
        const salt = this.salts(this.slots.get(e.subject), e.chain, e.seq);
        if (salt !== null && !sha256(salt, e.bytes).equals(leaf.subarray(18)))
            this.report('log.anchor', where, `does not commit to the statement of entry ${e.id}`);
    }

    checkTiles(chain, c, leaves) {
        const want = new Map();
        tileLevels(leaves).forEach((row, level) => {
            for (let i = 0; i < row.length; i += width)
                want.set(`${level}/${i / width}`, Buffer.concat(row.slice(i, i + width)).toString('hex'));
        });
        for (const key of new Set([...want.keys(), ...c.tiles.keys()]))
            if (want.get(key) !== c.tiles.get(key))
                this.report('log.tile', `log_tile ${chain}/${key}`, 'does not recompute from the entries');
    }

    checkRoots(chain, c, leaves) {
        const frontier = new Frontier();
        let published = 0;
        for (const p of c.checkpoints) {
            const where = `log_checkpoint ${chain}/${p.size}`;
            const size = Number(p.size);
            while (frontier.size < size && frontier.size < leaves.length)
                frontier.append(leaves[frontier.size]);
            published = size;
            const root = frontier.root();
            if (frontier.size !== size || root.toString('hex') !== p.root)
                this.report('log.root', where, 'is not the root of the stored entries');
            const lines = p.note.split('\n');
            if (lines[1] !== p.size || lines[2] !== Buffer.from(p.root, 'hex').toString('base64'))
                this.report('log.note', where, 'the signed note says something else');
        }
        if (published !== leaves.length)
            this.report('log.root', `log of chain ${chain}`, `${leaves.length} entries, ${published} published`);
    }
}

// The key file: 64-byte slots "CKEY" || slot u64 || key[32] || check[20]. See docs/audit.md.
export function saltsFrom(file) {
    return (slot, chain, seq) => {
        const at = slot === undefined ? -1 : slot * 64;
        if (at < 0 || at + 64 > file.length || file.subarray(at, at + 4).toString('latin1') !== 'CKEY')
            return null;
        const text = Buffer.alloc(22);
        text.write('cairn/v1/salt', 'latin1');
        text.writeUInt8(chain, 13);
        text.writeBigUInt64BE(BigInt(seq), 14);
        return createHmac('sha256', file.subarray(at + 12, at + 44)).update(text).digest();
    };
}
