/* Holds the members of a federation together to what they have said. Every finding is a sentence; none means:
 *  - each member keeps what it acknowledged, with a receipt that proves it (tests/chaos/checker.mjs);
 *  - all members show one log: the same entries, tiles and roots; every checkpoint that anybody showed or
 *    stored at any time is of that log and carries the cosignatures of a quorum;
 *  - each member's entries stand in it once, in order, without a gap, and all databases say the same of it;
 *  - books are zero in every currency at every member, and what members owe each other is zero in sum;
 *  - receipts are accepted offline by `cairn verify` and by a verifier that shares no code with it;
 *  - nobody is accused: no evidence anywhere. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { b64, canonical, parse, sha256 } from '../../apigate/client.mjs';
import { saltsFrom } from '../../audit/log.mjs';
import { clearingOwner } from '../../audit/members.mjs';
import { Checker } from '../checker.mjs';
import { download } from '../logfiles.mjs';
import { ROOT } from '../member.mjs';
import { CHAINS } from './fleet.mjs';
import { readNote, rootsOf, signersOf } from './notes.mjs';

/* What a member's log says when it holds two things in its hands that exclude each other. */
const ACCUSES = /two things that exclude each other|two certificates of view/;

/* Requests at a time. */
const AT_ONCE = 16;
async function each(list, work) {
    const left = [...list];
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
        while (left.length > 0) await work(left.shift());
    }));
}

/* A client that asks on behalf of the checker: what it sends is not history, and receipts are kept as files for
 * verifiers that were never here. at: the member where the object lives, if not the person's own. */
function asking(api, keep, at, acting) {
    const headers = acting ? { 'Cairn-Acting-As': acting } : {};
    return Object.assign(Object.create(api), {
        send: (request) => api.send(request),
        call: async (person, method, path, options) => {
            const where = at ? `/v1/members/${at}${path.slice(3)}` : path;
            const reply = await api.call(person, method, where, { ...options, headers });
            if (path.startsWith('/v1/receipts/') && reply.status === 200) keep(parse(reply));
            return reply;
        },
    });
}

/* One member against the joint log: what its people were told, wherever the objects live. */
class OfMember extends Checker {
    constructor(member, home, since, logs, folder) {
        super(member, home, since);
        this.logs = logs;
        this.folder = folder;
        this.api = asking(home.api, (r) => this.keep(r));
    }
    keep(receipt) {
        const stem = join(this.folder, receipt.statement.id);
        writeFileSync(`${stem}.tlog-proof`, receipt.proof);
        writeFileSync(`${stem}.leaf`, Buffer.from(receipt.entry, 'base64'));
        writeFileSync(`${stem}.statement`, canonical(receipt.statement));
        if (receipt.salt !== null) writeFileSync(`${stem}.salt`, receipt.salt);
    }
    async trees() { this.log = [null, await this.tree('account', 1), await this.tree('tx', 2)]; }
    async tree(chain, number) {
        const { entries } = this.logs[chain];
        const places = entries.flatMap((e, i) => (e.readUInt16BE(8) === this.member.number ? [i] : []));
        const rows = this.member.rows(`SELECT e.id, e.seq, e.is_public, encode(e.statement, 'base64') AS statement,
            coalesce(a.salt_slot, 0) AS slot FROM entry e LEFT JOIN account a ON a.id = e.subject
            WHERE e.chain = ${number} ORDER BY e.seq`);
        const salts = saltsFrom(readFileSync(join(this.member.data, 'subjects.keys')));
        if (places.length !== rows.length)
            this.find(`${chain}: ${rows.length} entries in the outbox, ${places.length} in the log`);
        const at = new Map();
        rows.forEach((r, i) => {
            const leaf = entries[places[i]];
            const bytes = Buffer.from(r.statement, 'base64');
            const body = r.is_public ? bytes : sha256(salts(r.slot, number, r.seq) ?? '', bytes);
            if (r.seq !== i + 1 || !leaf?.subarray(18).equals(body))
                this.find(`${chain}: entry ${r.id} is not in its place`);
            at.set(r.id, places[i]);
        });
        return { at, entries };
    }

    /* all: the checkers of all members, whose trees are known. */
    async run(all) {
        const { writes, contents } = this.history;
        const [from, next] = [this.since, { writes: writes.length, contents: contents.length }];
        this.writes = writes.slice(from.writes).filter((w) => w.reply.status < 300).map((w) => {
            const { statement } = JSON.parse(w.body);
            return { ...w, statement, entry: parse(w.reply).entry, what: `${statement.kind} ${statement.id}` };
        });
        this.contents = contents.slice(from.contents);
        const sent = this.contents;
        await each(this.writes, (w) => this.at(w, all).write(w));
        for (const member of all) {
            const there = Object.create(this.at({ path: `/v1/members/${member.member.number}/` }, all));
            there.contents = sent.filter((c) => this.whereOf(c) === member.member.number);
            await there.uploads();
        }
        this.counts.uploads = sent.length;
        await this.replays();
        writes.length = next.writes; // what the checker sends is not history
        contents.length = next.contents;
        await this.books();
        this.payments();
        this.next = next;
        return this.findings;
    }
    whereOf(w) { return Number(/^\/v1\/members\/(\d+)\//.exec(w.path)?.[1] ?? this.member.number); }
    /* The same checks, where the object of this request lives. */
    at(w, all) {
        const number = this.whereOf(w);
        if (number === this.member.number) return this;
        const { member, log } = all[number - 1];
        const api = asking(this.world.api, (r) => this.keep(r), number,
            w.headers?.['Cairn-Acting-As']);
        return Object.assign(Object.create(this), { member, log, api });
    }
    async write(w) {
        if (w.statement.kind.startsWith('member.')) return this.receipt(w, w.person);
        if (w.statement.kind !== 'pseudonym.register') return super.write(w);
        const key = Buffer.from(w.statement.key, 'base64').toString('hex');
        const [row] = this.member.rows(`SELECT entry FROM pseudonym WHERE key = decode('${key}', 'hex')`);
        if (row?.entry !== w.entry) this.find(`lost: ${w.what}: no such pseudonym`);
        return this.receipt(w, w.person);
    }
}

export class FederationChecker {
    /* since: by member, what of the history is new. */
    constructor(fleet, traffic, since) {
        Object.assign(this, { fleet, traffic, since, findings: [], counts: {} });
    }
    find(what) { this.findings.push(what); }
    count(what, n) { this.counts[what] = (this.counts[what] ?? 0) + n; }

    async run() {
        await this.fleet.sample();
        await this.joint();
        await this.homes();
        this.blocks();
        this.money();
        this.receipts();
        await this.accused();
        return this.findings;
    }

    /* ---- one log ---- */
    async joint() {
        this.logs = {};
        this.signers = {};
        for (const chain of CHAINS) {
            this.signers[chain] = signersOf(this.fleet.genesis, chain);
            const all = await Promise.all(this.traffic.homes.map(({ api }) =>
                this.attempt(() => download(api, chain))));
            const [first] = all.filter((l) => l);
            if (!first) throw new Error(`${chain}: no member has a log`);
            all.forEach((l, i) => {
                const same = !l || (l.root === first.root && l.size === first.size &&
                    l.entries.every((e, k) => e.equals(first.entries[k])));
                if (!same) this.find(`${chain}: member ${i + 1} shows another log of size ${l.size}`);
            });
            this.logs[chain] = { ...first, roots: rootsOf(first.entries) };
            this.count(`${chain} entries`, first.size);
            this.checkpoints(chain);
            this.sequences(chain, first.entries);
        }
    }
    async attempt(what) {
        try {
            return await what();
        } catch (e) {
            this.find(`log: ${e.message}`);
            return null;
        }
    }
    checkpoints(chain) {
        for (const notes of this.fleet.seen.get(chain).values())
            for (const [note, member] of notes) this.note(chain, note, `shown by member ${member}`);
        for (const m of this.fleet.members) {
            const number = CHAINS.indexOf(chain) + 1;
            for (const { note } of m.rows(`SELECT note FROM log_checkpoint WHERE chain = ${number} ORDER BY size`))
                this.note(chain, note, `stored by member ${m.number}`);
        }
    }
    note(chain, note, where) {
        const { size, root, by } = (() => {
            try {
                return readNote(note, chain, this.signers[chain]);
            } catch (e) {
                this.find(`checkpoint ${where}: ${e.message}`);
                return {};
            }
        })();
        if (size === undefined) return;
        this.count('checkpoints', 1);
        if (by < this.fleet.quorum) this.find(`checkpoint ${where}: ${chain} of size ${size} has ${by} cosignatures`);
        if (root !== this.logs[chain].roots[size])
            this.find(`checkpoint ${where}: ${chain} of size ${size} has another root`);
    }
    /* From the tiles alone: who has how many entries, each once and in order. */
    sequences(chain, entries) {
        const next = new Map(this.fleet.members.map((m) => [m.number, 1n]));
        entries.forEach((e, i) => {
            const member = e.readUInt16BE(8);
            const sequence = e.readBigUInt64BE(10);
            if (next.get(member) !== sequence)
                this.find(`${chain}: index ${i} is entry ${sequence} of member ${member}, where ` +
                    `${next.get(member)} is next`);
            next.set(member, sequence + 1n);
        });
        this.logs[chain].next = next;
    }

    /* ---- each member ---- */
    async homes() {
        this.folder = join(this.fleet.folder, 'receipts');
        mkdirSync(this.folder, { recursive: true });
        this.next = [];
        const all = this.traffic.homes.map((home, i) =>
            new OfMember(this.fleet.members[i], home, this.since?.[i], this.logs, this.folder));
        for (const one of all) await one.trees();
        for (const one of all) {
            const { calls } = one.world.api;
            const n = calls.length;
            for (const f of await one.run(all)) this.find(`${one.member.name}: ${f}`);
            calls.length = n;
            for (const k of ['receipts', 'replays', 'uploads', 'payouts', 'transfers'])
                this.count(k, one.counts[k] ?? 0);
            this.next.push(one.next);
        }
    }

    /* All databases have the same blocks, which name the batches that the tiles show. */
    blocks() {
        const select = `SELECT b.chain, b.height, encode(b.id, 'hex') AS id, encode(b.parent, 'hex') AS parent,
            b.tree_size AS size, replace(encode(b.tree_root, 'base64'), E'\\n', '') AS root
            FROM chain_block b ORDER BY b.chain, b.height`;
        const all = this.fleet.members.map((m) => m.rows(select));
        const ids = new Map();
        all.forEach((rows, i) => {
            let before = null;
            for (const r of rows) {
                const what = `member ${i + 1}: block ${r.height} of ${CHAINS[r.chain - 1]}`;
                const key = `${r.chain}/${r.height}`;
                if (ids.has(key) && ids.get(key) !== r.id) this.find(`${what} is not the block of the others`);
                ids.set(key, r.id);
                const follows = before?.chain === r.chain ? r.height === before.height + 1 && r.parent === before.id
                    : r.height === 1;
                if (!follows) this.find(`${what} does not follow the one before it`);
                if (this.logs[CHAINS[r.chain - 1]].roots[r.size] !== r.root) this.find(`${what} is of another log`);
                before = r;
            }
            this.batches(this.fleet.members[i]);
        });
        this.count('blocks', ids.size);
    }
    batches(m) {
        for (const chain of CHAINS) {
            const rows = m.rows(`SELECT member, first_seq, n, first_index FROM chain_batch
                WHERE chain = ${CHAINS.indexOf(chain) + 1} ORDER BY first_index`);
            const where = `member ${m.number}: ${chain}`;
            const next = new Map();
            let index = 0;
            for (const r of rows) {
                const due = next.get(r.member) ?? 1;
                const leaf = this.logs[chain].entries[r.first_index];
                if (r.first_index !== index) this.find(`${where}: a batch at ${r.first_index} where ${index} is next`);
                if (r.first_seq !== due)
                    this.find(`${where}: batch ${r.first_seq} of member ${r.member} where ${due} is next`);
                if (leaf?.readUInt16BE(8) !== r.member || leaf.readBigUInt64BE(10) !== BigInt(r.first_seq))
                    this.find(`${where}: the batch at ${r.first_index} is not what the log has there`);
                next.set(r.member, r.first_seq + r.n);
                index = r.first_index + r.n;
            }
            if (index !== this.logs[chain].size)
                this.find(`${where}: batches end at ${index}, the log at ${this.logs[chain].size}`);
        }
    }

    /* ---- money ---- */
    money() {
        const sum = (m, what, where) => m.rows(`SELECT currency, sum(${what})::bigint AS n FROM book_account ${where}
            GROUP BY currency`).map((r) => [r.currency, r.n]);
        const clearing = (m, other) => sum(m, 'credits - debits',
            `WHERE kind = 'clearing' AND owner = '${clearingOwner(other.number)}'`);
        const owed = new Map();
        const { members } = this.fleet;
        for (const m of members) {
            for (const what of ['debits - credits', 'debits_pending - credits_pending'])
                for (const [currency, n] of sum(m, what, ''))
                    if (n !== 0) this.find(`member ${m.number}: books of ${currency} are off by ${n} (${what})`);
            for (const other of members.filter((o) => o !== m))
                for (const [currency, n] of clearing(m, other)) {
                    const [low, high] = [m.number, other.number].toSorted((a, b) => a - b);
                    const pair = `${low} and ${high} in ${currency}`;
                    owed.set(pair, (owed.get(pair) ?? 0) + n);
                    this.count('clearing', Math.max(n, 0));
                }
        }
        for (const [pair, n] of owed)
            if (n !== 0) this.find(`clearing between members ${pair} sums to ${n}`);
    }

    /* ---- receipts, offline ---- */
    receipts() {
        const policy = join(this.folder, 'policy');
        writeFileSync(policy, this.policy());
        const verifiers = { 'cairn verify': [this.fleet.cairn, 'verify', '--policy', policy, '--dir', this.folder],
            'verify_receipt.mjs': [process.execPath, join(ROOT, 'tests/interop/verify_receipt.mjs'), policy,
                this.folder] };
        for (const [name, [program, ...args]] of Object.entries(verifiers)) {
            const r = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
            const said = (r.stdout + r.stderr).trim().split('\n');
            if (r.status !== 0) this.find(`${name}: ${said.slice(-3).join(' ')}`);
            const verified = /(\d+) verified|verified\W+(\d+)/.exec(said.join(' ')) ?? [0, 0];
            this.count(name, Number(verified[1] ?? verified[2]));
        }
        rmSync(this.folder, { recursive: true });
    }
    /* Written from the genesis, not taken from the servers under test. */
    policy() {
        const vkey = (s) => {
            const key = s.key.export({ format: 'der', type: 'spki' }).subarray(12);
            const raw = Buffer.concat([Buffer.from([s.type]), key]);
            return `${s.name}+${s.id.toString('hex')}+${b64(raw)}`;
        };
        const { cosigners } = this.signers.tx;
        const names = cosigners.map((_, i) => `m${i + 1}`);
        return [...CHAINS.map((c) => `log ${vkey(this.signers[c].log)}`),
            ...cosigners.map((s, i) => `witness m${i + 1} ${vkey(s)}`),
            `group members ${this.fleet.quorum} ${names.join(' ')}`, 'quorum members', ''].join('\n');
    }

    /* ---- nobody is accused ---- */
    async accused() {
        for (const chain of CHAINS)
            for (const e of this.logs[chain].entries)
                if (e.includes('"kind":"member.evidence"'))
                    this.find(`${chain}: an entry accuses a member: ${e.subarray(18, 200)}`);
        for (const m of this.fleet.members)
            for (const line of m.logged().map((l) => JSON.stringify(l)))
                if (ACCUSES.test(line)) this.find(`member ${m.number} accuses: ${line}`);
    }
}
