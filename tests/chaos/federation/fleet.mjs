/* Founds and runs the members, and looks at them from outside: what they publish, how far they are. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Api } from '../../apigate/client.mjs';
import { ROOT, until } from '../member.mjs';
import { Member } from './member.mjs';

export const FEDERATION = 'chaos.example/four';
export const CHAINS = ['account', 'tx'];
const QUIET_MS = 60000;
/* Nothing under way at this member: no entry of the outbox that is not in the log, no money on its way. */
const UNFINISHED = `SELECT (SELECT count(*) FROM payout WHERE state IN ('created', 'submitted'))
    + (SELECT coalesce(sum(last_seq), 0) FROM chain_head) - (SELECT coalesce(sum(n), 0) FROM delivery)
    + (SELECT coalesce(sum(sent - acknowledged), 0) FROM peer_head) AS n`;

function must(program, args) {
    const r = spawnSync(program, args, { encoding: 'utf8' });
    if (r.status !== 0) throw new Error(`${program} ${args[0]}: status ${r.status} ${r.stderr}${r.stdout}`);
    return r.stdout;
}

function newFolder() {
    const folder = mkdtempSync('/var/tmp/cairn-federation.');
    chmodSync(folder, 0o755);
    return folder;
}

export class Fleet {
    constructor(network, { folder = newFolder(), cairnd = process.env.CAIRND ?? join(ROOT, 'build/fp/cairnd'),
        cairn = process.env.CAIRN ?? join(ROOT, 'build/fp/cairn') } = {}) {
        Object.assign(this, { network, folder, cairnd, cairn });
        this.members = network.members.map((n) => new Member(network, n, this.placeOf(n), cairnd));
        this.quorum = Math.floor((2 * this.members.length) / 3) + 1;
        this.apis = this.members.map((m) => new Api(m.endpoint));
        this.seen = new Map(CHAINS.map((c) => [c, new Map()])); // size -> checkpoint texts that members showed
    }
    placeOf(number) { return join(this.folder, `member-${number}`); }

    found() {
        const cards = this.members.map((m) => {
            must(m.cairnd, m.initArguments());
            return join(m.data, 'card.json');
        });
        const founding = join(this.folder, 'founding');
        must(this.cairn, ['federation', 'init', '--name', FEDERATION, '--out', founding, ...cards]);
        for (const m of this.members)
            must(m.cairnd, ['join', '--data', m.data, '--genesis', join(founding, 'genesis.json'),
                '--log-keys', founding]);
        this.genesis = JSON.parse(readFileSync(join(founding, 'genesis.json'), 'utf8'));
    }
    async start() { await Promise.all(this.members.map((m) => m.start())); }
    async stop() { return Promise.all(this.members.map((m) => m.stop())); }

    /* ---- looking ---- */
    async get(index, path) {
        const reply = await this.apis[index].must(200, null, 'GET', path);
        return reply.body;
    }
    async state(index) { return JSON.parse(await this.get(index, '/v1/federation')); }
    /* What the members show at this moment, kept for the checker: nothing of it may ever be untrue. */
    async sample() {
        await Promise.all(this.members.map(async (m, i) => {
            for (const chain of CHAINS) {
                let note;
                try {
                    note = (await this.get(i, `/log/${chain}/checkpoint`)).toString();
                } catch {
                    continue; // down, or before its first checkpoint
                }
                const size = Number(note.split('\n')[1]);
                const bySize = this.seen.get(chain);
                if (!bySize.has(size)) bySize.set(size, new Map());
                bySize.get(size).set(note, m.number);
            }
        }));
    }
    async sizes(index) {
        try {
            const { logs } = await this.state(index);
            return logs.map((l) => l.size);
        } catch {
            return null;
        }
    }
    unfinished(member) {
        try {
            return Number(member.rows(UNFINISHED)[0].n);
        } catch {
            return -1; // its database is not there yet
        }
    }
    /* All entries of all members in the log, and everybody shows the same. */
    async quiet(ms = QUIET_MS) {
        let last = '';
        try {
            await until('quiet', ms, async () => {
                const sizes = await Promise.all(this.members.map((_, i) => this.sizes(i)));
                const open = this.members.map((m) => this.unfinished(m));
                last = JSON.stringify({ sizes, open });
                return sizes.every((s) => s && s.every((v, k) => v === sizes[0][k])) && open.every((n) => n === 0);
            });
        } catch (e) {
            throw new Error(`${e.message}; sizes of [account, tx] and open work by member: ${last}`);
        }
    }
}
