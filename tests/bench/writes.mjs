// Writes: accepted, durable, with books and outbox; beside pgbench with the same statements, one write to
// a transaction, as many clients, in a copy of the database in the same PostgreSQL.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { capture, numbered, script, scriptFile, SPACE } from './peer.mjs';
import { cpuOf, progress } from './tools.mjs';

const CLIENTS = [1, 16, 64];
const COPY = 'peer';
const GROUPED = 16; // writes to a transaction of the second pgbench figure
const PER_SECOND_MAX = 6000;

// The write that was captured, by the ids of its rows.
async function describe(server, table) {
    const [id, account, bounty, nym] = (await server.sql(table === 'submission'
        ? "SELECT id, account, bounty, '\\x' || encode(nym, 'hex') FROM submission ORDER BY n DESC LIMIT 1"
        : "SELECT id, account, '', '' FROM deposit ORDER BY at DESC LIMIT 1")).split('|');
    const key = await server.sql(`SELECT key FROM idem WHERE principal = '${account}' ORDER BY at DESC LIMIT 1`);
    const owned = async (owner, kind) => server.sql(
        `SELECT id FROM book_account WHERE owner = '${owner}' AND kind = '${kind}' AND currency = 'EUR'`);
    const roles = new Map([[account, numbered(SPACE.account, 'p')]]);
    if (bounty) {
        roles.set(bounty, numbered(SPACE.bounty, 'b'));
        roles.set(await owned(bounty, 'available'), numbered(SPACE.available, 'b'));
        roles.set(await owned(bounty, 'reserved'), numbered(SPACE.reserved, 'b'));
    } else {
        roles.set(await owned(account, 'wallet'), numbered(SPACE.wallet, 'p'));
    }
    const bytes = new Map(nym ? [[nym, "decode(lpad(to_hex(:n::bigint), 64, '0'), 'hex')"]] : []);
    return { id, roles, bytes, idem: key };
}

async function peerScript(server, kind, first) {
    const steps = await capture(server, () => server.load(kind, { clients: 1, milliseconds: 5000, first, count: 1 }));
    const write = await describe(server, kind);
    const known = new Set((await server.sql('SELECT id FROM account UNION SELECT id FROM bounty'
        + ' UNION SELECT id FROM book_account')).split('\n'));
    return { steps, lines: script(steps, { ...write, known }) };
}

// A copy of the database, with as many people and bounties as cairnd's, under ids that pgbench can count.
async function makeCopy(server, people, bounties) {
    await server.sql(`CREATE DATABASE ${COPY} OWNER cairn_owner`, 'postgres');
    const dump = await server.postgres('pg_dump', ['-U', 'cairn_super', 'cairn']);
    await server.sql(dump, COPY);
    const id = (space, i) => `${numbered(space, 'i').replace(':i', i)}::uuid`;
    await server.sql(`
        CREATE FUNCTION pg_temp.entry(id uuid, kind text) RETURNS void LANGUAGE sql AS $$
            WITH head AS (UPDATE chain_head SET last_seq = last_seq + 1 WHERE chain = 2 RETURNING last_seq)
            INSERT INTO entry SELECT $1, 2, last_seq, $2, false, $1, '\\x7b7d', now() FROM head $$;
        SELECT pg_temp.entry(${id(SPACE.account, 'i')}, 'account.register') FROM generate_series(0, ${people - 1}) i;
        SELECT pg_temp.entry(${id(SPACE.bounty, 'i')}, 'bounty.publish') FROM generate_series(0, ${bounties - 1}) i;
        INSERT INTO account (id, identity_key, receive_key, entry, at)
            SELECT ${id(SPACE.account, 'i')}, sha256(i::text::bytea), sha256(i::text::bytea), ${id(SPACE.account, 'i')},
                   now() FROM generate_series(0, ${people - 1}) i;
        INSERT INTO bounty (id, sponsor, disease, currency, terms, terms_hash, opens_at, closes_at, state, version, at)
            SELECT ${id(SPACE.bounty, 'i')}, b.sponsor, b.disease, b.currency, b.terms, b.terms_hash, b.opens_at,
                   b.closes_at, b.state, b.version, b.at
            FROM generate_series(0, ${bounties - 1}) i, (SELECT * FROM bounty LIMIT 1) b;
        SELECT books_open_account(${id(SPACE.available, 'i')}, 'available', ${id(SPACE.bounty, 'i')}, 'EUR'),
               books_open_account(${id(SPACE.reserved, 'i')}, 'reserved', ${id(SPACE.bounty, 'i')}, 'EUR')
            FROM generate_series(0, ${bounties - 1}) i;
        UPDATE book_account SET credits = 1000000000000 WHERE kind = 'available';
        ANALYZE`, COPY);
    await server.sql('ANALYZE');
}

async function pgbench(server, file, { clients, seconds, base }) {
    const begun = cpuOf(server.pid).children;
    const text = await server.postgres('pgbench', ['-U', 'cairn_app', '-n', '-M', 'prepared', '-c', String(clients),
        '-j', '1', '-T', String(seconds), '-D', 'i=0', '-D', `base=${base}`, '-f', file, COPY]);
    const done = Number(/number of transactions actually processed: (\d+)/.exec(text)[1]);
    return { per_second: Number(/tps = ([\d.]+) \(without/.exec(text)[1]),
        p50_us: Math.round(1000 * Number(/latency average = ([\d.]+) ms/.exec(text)[1])),
        database_us: Math.round(1e6 * (cpuOf(server.pid).children - begun) / done) };
}

class Writes {
    static base = 0; // of pgbench's numbers: each run has its own

    constructor(server, kind) {
        Object.assign(this, { server, kind, first: 0, got: new Map() });
    }

    async prepare() {
        const { steps, lines } = await peerScript(this.server, this.kind, this.first++);
        this.statements = lines.length;
        const shape = { people: this.server.people.patient.length, bounties: this.server.people.bounty.length };
        this.file = path.join(this.server.folder, `${this.kind}.pgbench`);
        this.grouped = path.join(this.server.folder, `${this.kind}.grouped.pgbench`);
        writeFileSync(this.file, scriptFile(lines, shape));
        writeFileSync(this.grouped, scriptFile(lines, { ...shape, times: GROUPED }));
        this.steps = steps.length;
    }

    keep(key, value) {
        this.got.set(key, [...this.got.get(key) ?? [], value]);
    }

    async cairn(clients, seconds) {
        const begun = cpuOf(this.server.pid);
        const r = await this.server.load(this.kind, { clients, milliseconds: seconds * 1000, first: this.first,
            count: Math.min(PER_SECOND_MAX, clients * 1000) * seconds });
        const ended = cpuOf(this.server.pid);
        this.first += r.used;
        this.keep(`cairn ${clients}`, { ...r, server_us: Math.round(1e6 * (ended.own - begun.own) / r.good),
            database_us: Math.round(1e6 * (ended.children - begun.children) / r.good) });
        await this.server.settle();
    }

    async peer(key, file, clients, seconds, times = 1) {
        Writes.base += 1e9;
        const r = await pgbench(this.server, file, { clients, seconds, base: Writes.base });
        this.keep(key, { ...r, per_second: r.per_second * times, database_us: r.database_us / times });
    }
}

export async function writes(server, report, { rounds, seconds }) {
    const kinds = [new Writes(server, 'submission'), new Writes(server, 'deposit')];
    await server.sql('ANALYZE');
    for (const w of kinds)
        await w.prepare();
    await makeCopy(server, server.people.patient.length, server.people.bounty.length);
    for (let round = 0; round < rounds; round++) {
        for (const w of kinds) {
            for (const clients of CLIENTS) {
                progress(`writes: round ${round + 1} of ${rounds}, ${w.kind}, ${clients} clients`);
                const pair = [() => w.cairn(clients, seconds),
                    () => w.peer(`peer ${clients}`, w.file, clients, seconds)];
                for (const one of round % 2 ? pair.reverse() : pair)
                    await one();
            }
            await w.peer('grouped', w.grouped, 1, seconds, GROUPED);
        }
        await server.sql('ANALYZE'); // what autovacuum would do at some moment of its own
        await server.sql('ANALYZE', COPY);
    }
    for (const w of kinds) {
        for (const clients of CLIENTS)
            report.pair({ group: 'writes', what: `${w.kind}, ${clients} client${clients > 1 ? 's' : ''}`, unit: '/s',
                peer: `pgbench, ${w.statements} statements`, goal: 0.5, cairn: w.got.get(`cairn ${clients}`),
                other: w.got.get(`peer ${clients}`) });
        report.pair({ group: 'writes', what: `${w.kind}, 64 clients, beside pgbench with ${GROUPED} to a transaction`,
            unit: '/s', peer: 'pgbench, 1 client', cairn: w.got.get('cairn 64'), other: w.got.get('grouped') });
    }
}
