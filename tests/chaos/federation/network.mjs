/* The network of a federation under test: one namespace per member, all on one bridge, inside a namespace of
 * this run alone, which goes with it. The clients sit on the bridge and reach every member always; what is
 * cut, delayed or lost is between members. Without root, or where the kernel gives no namespaces, all members
 * share 127.0.0.1 and nothing of this can be done to them (docs/chaos.md). */
import { spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';

const INSIDE = 'CAIRN_CHAOS_NETWORK';
const PORT = 8480;
const address = (number) => `10.77.0.${number}`;
const PEERS = '10.77.0.0/26'; // members; the bridge, where the clients are, lies outside
const HUB = '10.77.0.254/24';
const FORGET = 'add table inet chaos\ndelete table inet chaos\n'; // whether it is there or not

function run(input, name, ...args) {
    const r = spawnSync(name, args, { input, encoding: 'utf8' });
    if (r.status !== 0) throw new Error(`${name} ${args.join(' ')}: ${r.stderr ?? r.error}`);
    return r.stdout;
}

/* Runs this program again in namespaces of its own; resolves only where it may go on. The process ids stay
 * those of everybody, so that members are our direct children. */
export async function enter() {
    const possible = process.getuid() === 0 && process.env[INSIDE] === undefined &&
        spawnSync('unshare', ['--net', '--mount', 'ip', 'link']).status === 0;
    if (!possible) return;
    const args = ['--net', '--mount', '--propagation', 'private', process.execPath, ...process.argv.slice(1)];
    const child = spawn('unshare', args, { stdio: 'inherit', env: { ...process.env, [INSIDE]: '1' } });
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
    const [code, signal] = await new Promise((done) => child.once('exit', (...how) => done(how)));
    if (code !== 0 && code !== 1) console.log(`the run was ended: ${signal ?? `status ${code}`}`);
    process.exit(code ?? 128 + constants.signals[signal]);
}

export class Network {
    /* emulator: the program of links.c. */
    constructor(count, emulator) {
        this.members = Array.from({ length: count }, (_, i) => i + 1);
        this.real = process.env[INSIDE] === '1';
        this.emulator = emulator;
        this.emulators = new Map();
        this.port = 20000 + Math.floor(Math.random() * 10000); // without namespaces
        if (this.real) this.#build();
    }
    #build() {
        /* The names of namespaces are files under /run: here, of this run alone. */
        run('', 'mkdir', '-p', '/run/netns');
        run('', 'mount', '-t', 'tmpfs', 'cairn-chaos', '/run/netns');
        const ip = (lines, ...where) => run(`${lines.join('\n')}\n`, 'ip', ...where, '-batch', '-');
        ip(['link set lo up', 'link add hub type bridge', `addr add ${HUB} dev hub`, 'link set hub up']);
        for (const n of this.members) {
            ip([`netns add m${n}`, `link add v${n} type veth peer name eth0 netns m${n}`,
                `link set v${n} master hub up`]);
            ip([`addr add ${address(n)}/24 dev eth0`, 'link set eth0 up', 'link set lo up'], '-n', `m${n}`);
        }
    }
    endpoint(number) {
        return this.real ? `http://${address(number)}:${PORT}` : `http://127.0.0.1:${this.port + number}`;
    }
    /* The command that becomes (by exec, so it is our direct child) this program at that member. */
    at(number, ...command) {
        return this.real ? ['nsenter', `--net=/run/netns/m${number}`, ...command] : command;
    }
    #inside(number, input, ...command) {
        const [name, ...args] = this.at(number, ...command);
        return run(input, name, ...args);
    }

    /* Groups of members that hear only each other; whoever is in none hears nobody. */
    partition(...groups) {
        for (const n of this.members) {
            const friends = groups.find((g) => g.includes(n)) ?? [];
            const enemies = this.members.filter((m) => m !== n && !friends.includes(m));
            if (enemies.length > 0) this.deaf(n, enemies);
        }
    }
    /* One way alone: what these say does not reach this member. */
    deaf(number, enemies) {
        const set = enemies.map(address).join(', ');
        const drop = `chain in { type filter hook input priority 0; ip saddr { ${set} } drop; }`;
        this.#inside(number, `${FORGET}table inet chaos { ${drop}; }\n`, 'nft', '-f', '-');
    }
    /* What this member sends to others is delayed (ms, with a spread that reorders) or lost (of 1000). */
    async degrade(number, { delay = 0, jitter = 0, loss = 0, seed = 1 }) {
        this.restore(number);
        const [name, ...args] = this.at(number, this.emulator, ...[delay, jitter, loss, seed].map(String));
        const child = spawn(name, args, { stdio: ['ignore', 'pipe', 'inherit'] });
        this.emulators.set(number, child);
        await new Promise((done, failed) => {
            child.stdout.once('data', done);
            child.once('exit', (code) => failed(new Error(`the link emulator ended with ${code}`)));
        });
        this.#inside(number, '', 'iptables-legacy', '-w', '-A', 'OUTPUT', '-d', PEERS, '-j', 'NFQUEUE',
            '--queue-num', '0', '--queue-bypass');
    }
    restore(number) {
        const child = this.emulators.get(number);
        if (!child) return;
        this.#inside(number, '', 'iptables-legacy', '-w', '-F', 'OUTPUT');
        child.removeAllListeners('exit');
        child.kill('SIGTERM'); // it lets go what it holds
        this.emulators.delete(number);
    }
    heal() {
        if (!this.real) return;
        for (const n of this.members) {
            this.#inside(n, FORGET, 'nft', '-f', '-');
            this.restore(n);
        }
    }
    end() {
        for (const child of this.emulators.values()) child.kill('SIGKILL');
    }
}
