/* Holds a member to what it has acknowledged. Every finding is a sentence; none means:
 *  - each acknowledged write is there, with a final receipt that verifies inside the downloaded log;
 *  - the same key and body get the first answer again, byte for byte;
 *  - each row of the outbox stands in the log exactly once, in order, without a gap;
 *  - the books sum to zero, no floor is broken, and the independent auditor finds nothing;
 *  - each payout reference went out at most once, each confirmed payout exactly once;
 *  - each acknowledged upload is whole.
 * What a kind of statement leaves behind is in EFFECTS. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { audit } from '../audit/audit.mjs';
import { saltsFrom } from '../audit/log.mjs';
import { canonical, parse, sha256 } from '../apigate/client.mjs';
import { download, proofHolds } from './logfiles.mjs';
import { filesBelow, isRoot, serverUser, until } from './member.mjs';

const AT_ONCE = 16;
const QUIET_MS = 30000;

async function each(list, work) {
    let at = 0;
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
        while (at < list.length) await work(list[at++]);
    }));
}

/* kind -> what is wrong with the object it made, or nothing. get() reads as the one who wrote. */
const inHistory = async (w, get, state) => {
    const s = await get(`/v1/submissions/${w.statement.submission ?? w.statement.id}`);
    return s?.history.some((h) => h.entry === w.entry && h.state === state) ? null : `no ${state} in its history`;
};
const transferred = async (w, get, all) => {
    const list = await all();
    return list.some((t) => t.entry === w.entry && t.amount_minor === w.statement.amount_minor) ? null
        : 'no such transfer in the wallet';
};
const EFFECTS = {
    'account.register': null, // below: needs no session of its own
    'role.attest': async (w, get) => (await get(`/v1/accounts/${w.statement.account}`))?.roles
        .some((r) => r.entry === w.entry) ? null : 'the role is not there',
    'record.version': async (w, get) => {
        const v = await get(`/v1/records/${w.statement.record}/versions/${w.statement.number}`);
        return v?.entry === w.entry && canonical(v.manifest) === canonical(w.statement.manifest) ? null
            : 'the version is not there as it was sent';
    },
    'deposit.request': transferred,
    'bounty.fund': transferred,
    'bounty.publish': async (w, get) => canonical((await get(`/v1/bounties/${w.statement.id}`))?.statement ?? null) ===
        canonical(w.statement) ? null : 'the bounty is not there as it was signed',
    'bounty.close': async (w, get) => (await get(`/v1/bounties/${w.statement.bounty}`))?.state === 'closed' ? null
        : 'the bounty is not closed',
    'submission.open': (w, get) => inHistory(w, get, 'QUOTED'),
    'submission.submit': (w, get) => inHistory(w, get, 'ROUND'),
    'submission.withdraw': (w, get) => inHistory(w, get, 'WITHDRAWN'),
    'verdict.commit': async (w, get) => (await get(`/v1/reviews/${w.statement.submission}`))?.committed ? null
        : 'the commitment is not there',
    'verdict.reveal': async (w, get) => (await get(`/v1/reviews/${w.statement.submission}`))?.revealed ? null
        : 'the verdict is not there',
    'payout.request': async (w, get) => {
        const p = await get(`/v1/payouts/${w.statement.id}`);
        const due = w.statement.destination.startsWith('fail') ? 'failed' : 'confirmed';
        return p?.state === due && p.amount_minor === w.statement.amount_minor ? null
            : `the payout is ${p?.state ?? 'not there'}, should be ${due}`;
    },
};

export class Checker {
    /* since: what of the history is new; older acknowledgements were checked before. */
    constructor(member, world, since = { writes: 0, contents: 0 }) {
        this.since = since;
        this.member = member;
        this.world = world;
        this.api = world.api;
        this.history = world.api.history;
        this.findings = [];
        this.counts = {};
        this.wallets = new Map();
    }
    find(what) { this.findings.push(what); }

    async run() {
        await this.quiet();
        const news = this.history.writes.slice(this.since.writes);
        this.contents = this.history.contents.slice(this.since.contents);
        this.writes = news.filter((w) => w.reply.status < 300).map((w) => {
            const { statement } = JSON.parse(w.body);
            return { ...w, statement, entry: parse(w.reply).entry, what: `${statement.kind} ${statement.id}` };
        });
        const before = this.history.writes.length; // what the checker sends is not history
        this.log = [null, await this.tree('account', 1), await this.tree('tx', 2)];
        await each(this.writes, (w) => this.write(w));
        await this.uploads();
        await this.replays();
        this.history.writes.length = before;
        await this.books();
        this.payments();
        this.next = { writes: before, contents: this.history.contents.length };
        return this.findings;
    }

    /* Everything that was begun is finished: all entries published, all payouts settled. */
    async quiet() {
        const work = `SELECT (SELECT count(*) FROM payout WHERE state IN ('created', 'submitted'))
            + (SELECT coalesce(sum(last_seq), 0) FROM chain_head) - (SELECT coalesce(sum(n), 0) FROM delivery) AS n`;
        await until('all entries in the log and all payouts settled', QUIET_MS,
            () => Number(this.member.rows(work)[0].n) === 0);
    }

    /* The downloaded log against the outbox table: a bijection, in order. */
    async tree(chain, number) {
        let log = null;
        try {
            log = await download(this.api, chain);
        } catch (e) {
            this.find(`log: ${e.message}`);
            return { at: new Map(), entries: [] };
        }
        const rows = this.member.rows(`SELECT e.id, e.seq, e.is_public, encode(e.statement, 'base64') AS statement,
            coalesce(a.salt_slot, 0) AS slot FROM entry e LEFT JOIN account a ON a.id = e.subject
            WHERE e.chain = ${number} ORDER BY e.seq`);
        const salts = saltsFrom(readFileSync(join(this.member.data, 'subjects.keys')));
        if (log.size !== rows.length)
            this.find(`${chain}: ${rows.length} entries in the outbox, ${log.size} in the log`);
        const at = new Map();
        rows.forEach((r, i) => {
            const leaf = log.entries[i];
            const bytes = Buffer.from(r.statement, 'base64');
            if (r.seq !== i + 1) this.find(`${chain}: sequence ${r.seq} of the outbox where ${i + 1} is next`);
            const head = leaf?.subarray(0, 8).toString('latin1') === (r.is_public ? 'public/1' : 'anchor/1') &&
                leaf.readBigUInt64BE(10) === BigInt(i + 1);
            const body = r.is_public ? bytes : sha256(salts(r.slot, number, r.seq) ?? '', bytes);
            if (!head || !leaf.subarray(18).equals(body)) this.find(`${chain}: leaf ${i} is not entry ${r.id}`);
            at.set(r.id, i);
        });
        this.counts[chain] = rows.length;
        return { at, entries: log.entries };
    }

    async write(w) {
        const person = w.person ?? this.personOf(w.statement.signer);
        const get = async (path) => {
            const reply = await this.api.call(person, 'GET', path);
            return reply.status === 200 ? parse(reply) : null;
        };
        const wrong = w.statement.kind === 'account.register' ? await this.account(w)
            : await EFFECTS[w.statement.kind](w, get, () => this.transfers(person));
        if (wrong) this.find(`lost: ${w.what}: ${wrong}`);
        await this.receipt(w, person);
    }
    async account(w) {
        const reply = await this.api.call(this.world.operator, 'GET', `/v1/accounts/${parse(w.reply).id}`);
        return reply.status === 200 && parse(reply).identity_key === w.statement.signer ? null : 'no such account';
    }
    personOf(signer) {
        return [...this.api.people.values()].find((p) => p.identity.public.toString('base64') === signer) ?? null;
    }
    async transfers(person) {
        if (!this.wallets.has(person)) this.wallets.set(person, this.allTransfers(person));
        return this.wallets.get(person);
    }
    async allTransfers(person) {
        const list = [];
        for (let cursor = ''; cursor !== null;) {
            const page = parse(await this.api.must(200, person, 'GET',
                `/v1/wallet/transfers?limit=100${cursor && `&cursor=${cursor}`}`));
            list.push(...page.items);
            cursor = page.next;
        }
        return list;
    }
    async receipt(w, person) {
        if (!person) return; // registered and never signed in: nobody can ask
        const reply = await this.api.call(person, 'GET', `/v1/receipts/${w.entry}?wait=10`);
        if (reply.status !== 200) return this.find(`no receipt: ${w.what}: ${reply.status}`);
        const r = parse(reply);
        const log = this.log[r.chain === 'account' ? 1 : 2];
        const leaf = Buffer.from(r.entry, 'base64');
        const text = Buffer.from(canonical(r.statement));
        const body = r.salt === null ? text : sha256(Buffer.from(r.salt, 'hex'), text);
        if (canonical(r.statement) !== canonical(w.statement)) this.find(`receipt of ${w.what}: another statement`);
        if (log.at.get(w.entry) !== r.index || !log.entries[r.index]?.equals(leaf))
            this.find(`receipt of ${w.what}: index ${r.index} is not where the log has it`);
        if (!leaf.subarray(18).equals(body)) this.find(`receipt of ${w.what}: the entry does not commit to it`);
        if (!proofHolds(r)) this.find(`receipt of ${w.what}: the proof does not hold`);
        this.counts.receipts = (this.counts.receipts ?? 0) + 1;
    }

    async replays() {
        await each(this.writes, async (w) => {
            const again = await this.api.send({ method: w.method, path: w.path, headers: w.headers, body: w.body });
            if (again.status !== w.reply.status || !again.body.equals(w.reply.body))
                this.find(`replay: ${w.what}: ${w.reply.status} ${w.reply.body} became ${again.status} ${again.body}`);
            else if (again.headers['idempotency-replayed'] !== 'true')
                this.find(`replay: ${w.what}: not marked as a repeated answer`);
        });
        this.counts.replays = this.writes.length;
    }

    /* Acknowledged ciphertext is on disk and has the hash that names it. */
    async uploads() {
        const hashes = this.contents.map((c) => c.hash ??= this.blake(c.body));
        const files = [...new Set(hashes)].map((h) => join(this.member.data, 'blobs', h.slice(0, 2), h));
        for (const f of files.filter((p) => !existsSync(p))) this.find(`upload: ${f} is not there`);
        const there = files.filter((p) => existsSync(p));
        for (const line of this.b2sum(there)) {
            const [hash, path] = line.split('  ');
            if (!path.endsWith(`/${hash}`)) this.find(`upload: ${path} has the hash ${hash}`);
        }
        const own = this.contents.filter((c) => c.path.startsWith('/v1/records/'));
        await each(own, async (c) => {
            const reply = await this.api.call(c.person, 'GET', c.path);
            if (reply.status !== 200 || !reply.body.equals(c.body)) this.find(`upload: ${c.path}: ${reply.status}`);
        });
        for (const name of filesBelow(join(this.member.data, 'tmp'))) this.find(`upload: ${name} is left in tmp`);
        this.counts.uploads = files.length;
    }
    blake(bytes) {
        return this.run_('b2sum', ['-l', '256', '-'], bytes).split(' ')[0];
    }
    b2sum(files) {
        const lines = [];
        for (let i = 0; i < files.length; i += 500)
            lines.push(...this.run_('b2sum', ['-l', '256', ...files.slice(i, i + 500)]).trimEnd().split('\n'));
        return lines;
    }
    run_(name, args, input) {
        const r = spawnSync(name, args, { input, encoding: 'utf8' });
        if (r.status !== 0) throw new Error(`${name}: ${r.stderr}`);
        return r.stdout;
    }

    async books() {
        const metrics = (await this.api.must(200, null, 'GET', '/metrics')).body.toString();
        const gauge = (name) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1]);
        for (const name of ['cairn_books_sum_minor', 'cairn_books_negative_accounts', 'cairn_outbox_lag'])
            if (gauge(name) !== 0) this.find(`metrics: ${name} is ${gauge(name)}`);
        const { violations, transfers } = await this.audit();
        for (const v of violations) this.find(`audit: ${v.code}: ${v.row}: ${v.detail}`);
        this.counts.transfers = transfers;
    }
    /* PostgreSQL asks the kernel who we are: the auditor connects as the server's user. */
    async audit() {
        if (isRoot) {
            process.setegid(serverUser.gid);
            process.seteuid(serverUser.uid);
        }
        try {
            return await audit({ socket: this.member.socket(), port: '5432', database: 'cairn', user: 'cairn_audit',
                keys: join(this.member.data, 'subjects.keys') });
        } finally {
            if (isRoot) {
                process.seteuid(0);
                process.setegid(0);
            }
        }
    }

    /* The outside world of the test adapter: lines "REFERENCE AMOUNT CURRENCY OUTCOME". */
    payments() {
        const path = join(this.member.data, 'payments.log');
        const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
        const whole = lines.slice(0, -1).filter((l) => /^\S{36} \d+ [A-Z]{3} (confirmed|refused)$/.test(l));
        const orders = new Map();
        for (const line of whole) {
            const [reference, amount, currency, outcome] = line.split(' ');
            if (orders.has(reference)) this.find(`payments: ${reference} was sent twice`);
            orders.set(reference, { amount: Number(amount), currency, outcome });
        }
        const payouts = this.member.rows('SELECT id, amount, currency, state FROM payout');
        for (const p of payouts) {
            const o = orders.get(p.id);
            const outcome = p.state === 'confirmed' ? 'confirmed' : 'refused';
            if (!o || o.amount !== p.amount || o.currency !== p.currency || o.outcome !== outcome)
                this.find(`payments: payout ${p.id} is ${p.state}, the adapter has ${JSON.stringify(o ?? null)}`);
        }
        const known = new Set(payouts.map((p) => p.id));
        for (const reference of orders.keys())
            if (!known.has(reference)) this.find(`payments: ${reference} was sent and no payout knows it`);
        this.counts.payouts = payouts.length;
    }
}
