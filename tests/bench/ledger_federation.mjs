// A federation under measurement: members as users run them, each with its private PostgreSQL, on loopback.
// Entries are put into the outboxes by SQL as the server's own role does it, so that neither HTTP nor the rules of
// the market are what is measured. Times come from the databases: when a transaction was committed there
// (track_commit_timestamp), all on one clock.
import { appendFileSync, chmodSync, mkdtempSync } from 'node:fs';
import path from 'node:path';
import { Person, b64 } from '../apigate/client.mjs';
import { Server, folders } from './server.mjs';
import { BUILD, freePorts, run, until } from './tools.mjs';

const TX = 2;
const DATABASE = 'track_commit_timestamp = on\nmax_connections = 40\n';
// Where many share two processors, each has few threads, as its operator would do it.
const MANY = 4;
const FEW_THREADS = 'workers = 2\nthreads = 1\n';

/* Entries that fall due at an even rate, whatever becomes of them: each transaction puts in all that fell due since
 * the one before, and "at" says when each was due. They look like small private statements of the member's own. */
const PUT = `
    CREATE PROCEDURE bench_put(per_second float8, total bigint) LANGUAGE plpgsql AS $$
    DECLARE
        begun CONSTANT timestamptz := clock_timestamp();
        done bigint := 0;
        due bigint;
    BEGIN
        LOOP
            due := least(total, floor(extract(epoch from clock_timestamp() - begun) * per_second));
            IF due > done THEN
                WITH head AS (UPDATE chain_head SET last_seq = last_seq + due - done WHERE chain = ${TX}
                              RETURNING last_seq - (due - done) AS last_seq)
                INSERT INTO entry (id, chain, seq, kind, is_public, subject, statement, at)
                    SELECT gen_random_uuid(), ${TX}, last_seq + k, 'deposit.request', false,
                           '00000000-0000-0000-0000-000000000000',
                           convert_to('{"kind":"deposit.request","reference":"' || last_seq + k || '"}', 'UTF8'),
                           begun + (done + k) / per_second * interval '1 second'
                    FROM head, generate_series(1, due - done) k;
                COMMIT;
                done := due;
            END IF;
            EXIT WHEN done >= total;
            PERFORM pg_sleep(0.01); -- a server that is as busy has about as many transactions a second
        END LOOP;
    END $$;
    GRANT EXECUTE ON PROCEDURE bench_put TO cairn_app;`;

const P = (share) => `percentile_disc(${share}) WITHIN GROUP (ORDER BY ms)`;
const SPREAD = `count(*), ${P(0.5)}, ${P(0.99)}`;
const COMMITTED = 'pg_xact_commit_timestamp';

class Member extends Server {
    constructor(folder, number, endpoint) {
        super();
        Object.assign(this, { folder, number, endpoint, operator: new Person(),
            data: path.join(folder, `member-${number}`) });
        this.log = path.join(folder, `log-${number}`);
        this.flags = [];
    }

    get initArguments() {
        return ['init', '--data', this.data, '--member', String(this.number), '--name', `institution-${this.number}`,
            '--endpoint', this.endpoint, '--operator', b64(this.operator.identity.public)];
    }

    put(perSecond, total) {
        return this.sql(`SET ROLE cairn_app; CALL bench_put(${perSecond}, ${total})`);
    }

    // Samples of the metrics by name and labels, as they stand in the text.
    async metrics() {
        const text = await (await fetch(`${this.url}/metrics`)).text();
        return new Map(text.split('\n').filter((l) => l && !l.startsWith('#')).map((l) => l.split(' '))
            .map(([name, value]) => [name, Number(value)]));
    }

    async sent() {
        let bytes = 0;
        for (const [name, value] of await this.metrics())
            if (name.startsWith('cairn_peer_sent_bytes_total'))
                bytes += value;
        return bytes;
    }

    // Of the own entries that were due in [from, to): how long until this database held them in a final block.
    async latency(from, to) {
        const [n, p50, p99] = (await this.sql(`
            SELECT ${SPREAD}
            FROM (SELECT 1000 * extract(epoch from ${COMMITTED}(b.xmin) - e.at) AS ms
                  FROM chain_batch c JOIN chain_block b USING (chain, height)
                       JOIN entry e ON e.chain = c.chain AND e.seq >= c.first_seq AND e.seq < c.first_seq + c.n
                  WHERE c.chain = ${TX} AND c.member = ${this.number}
                        AND e.at >= to_timestamp(${from}) AND e.at < to_timestamp(${to})) t`)).split('|').map(Number);
        return { n, p50, p99 };
    }

    // Entries of all members that became durable here in [from, to), and blocks; seconds since the epoch.
    async delivered(from, to) {
        const [entries, blocks] = (await this.sql(`
            SELECT coalesce(sum(c.n), 0), count(DISTINCT b.height)
            FROM chain_batch c JOIN chain_block b USING (chain, height)
            WHERE c.chain = ${TX} AND ${COMMITTED}(b.xmin) >= to_timestamp(${from})
                  AND ${COMMITTED}(b.xmin) < to_timestamp(${to})`)).split('|').map(Number);
        return { entries, blocks };
    }

    // The same from the COMMIT of the entry on, for those from this sequence on.
    async finality(first) {
        const [n, p50, p99] = (await this.sql(`
            SELECT ${SPREAD}
            FROM (SELECT 1000 * extract(epoch from ${COMMITTED}(b.xmin) - ${COMMITTED}(e.xmin)) AS ms
                  FROM chain_batch c JOIN chain_block b USING (chain, height)
                       JOIN entry e ON e.chain = c.chain AND e.seq >= c.first_seq AND e.seq < c.first_seq + c.n
                  WHERE c.chain = ${TX} AND c.member = ${this.number} AND e.seq >= ${first}) t`))
            .split('|').map(Number);
        return { n, p50, p99 };
    }

    // Times between blocks that became durable here in [from, to), in ms.
    async gaps(from, to) {
        const [p50, longest] = (await this.sql(`
            SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY gap), max(gap)
            FROM (SELECT 1000 * extract(epoch from at - lag(at) OVER (ORDER BY at)) AS gap
                  FROM (SELECT ${COMMITTED}(xmin) AS at FROM chain_block WHERE chain = ${TX}) b
                  WHERE at >= to_timestamp(${from}) AND at < to_timestamp(${to})) t`)).split('|').map(Number);
        return { p50, longest };
    }

    kill() {
        this.child.kill('SIGKILL');
    }

    // Entries a second between the first block beyond this size and the last.
    async drained(size) {
        const [n, seconds] = (await this.sql(`
            SELECT max(tree_size) - min(tree_size),
                   extract(epoch from max(${COMMITTED}(xmin)) - min(${COMMITTED}(xmin)))
            FROM chain_block WHERE chain = ${TX} AND tree_size > ${size}`)).split('|').map(Number);
        return n / seconds;
    }

    async lastSequence() {
        return Number(await this.sql(`SELECT last_seq FROM chain_head WHERE chain = ${TX}`));
    }

    async size() {
        return Number(await this.sql(`SELECT coalesce(max(tree_size), 0) FROM chain_block WHERE chain = ${TX}`));
    }
}

export class Federation {
    /* t0: the first timeout in ms. inFlight: heights that a leader may have open. ports: where others reach member i,
     * if not at the port where it listens. */
    static async make(count, { t0 = 500, inFlight, reach } = {}) {
        const f = new Federation();
        f.folder = mkdtempSync('/var/tmp/cairn-bench.');
        folders.add(f.folder);
        chmodSync(f.folder, 0o777);
        const ports = await freePorts(count);
        f.members = [];
        for (let i = 1; i <= count; i++) {
            const port = reach ? await reach(i, ports[i - 1]) : ports[i - 1];
            const m = new Member(f.folder, i, `http://127.0.0.1:${port}`);
            m.flags = ['--port', String(ports[i - 1])];
            f.members.push(m);
            await run(path.join(BUILD, 'cairnd'), m.initArguments);
        }
        const founding = path.join(f.folder, 'founding');
        await run(path.join(BUILD, 'cairn'), ['federation', 'init', '--name', 'bench.invalid/cairn', '--out', founding,
            '--first-timeout', String(t0), ...f.members.map((m) => path.join(m.data, 'card.json'))]);
        for (const m of f.members) {
            await run(path.join(BUILD, 'cairnd'), ['join', '--data', m.data, '--genesis',
                path.join(founding, 'genesis.json'), '--log-keys', founding]);
            appendFileSync(path.join(m.data, 'cairn.conf'),
                (count > MANY ? FEW_THREADS : '') + (inFlight === undefined ? '' : `in_flight = ${inFlight}\n`));
        }
        await f.start();
        await f.stop();
        for (const m of f.members)
            appendFileSync(path.join(m.data, 'pg/cairn.local.conf'), DATABASE, { mode: 0o644 });
        await f.start();
        await Promise.all(f.members.map((m) => m.sql(PUT)));
        return f;
    }

    async start() {
        await Promise.all(this.members.map((m) => m.start()));
    }

    async stop() {
        await Promise.all(this.members.map((m) => m.stop()));
    }

    async remove() {
        await this.stop();
        await this.members[0].remove();
    }

    // Waits until every entry of these members is final at all of them.
    static async settle(members, seconds = 120) {
        const last = await Promise.all(members.map((m) => m.lastSequence()));
        const wanted = last.reduce((sum, n) => sum + n, 0);
        await until(`${wanted} entries at all members`, 1000 * seconds, async () =>
            (await Promise.all(members.map((m) => m.size()))).every((size) => size >= wanted));
    }
}
