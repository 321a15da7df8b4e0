/* Disks that fail: a small one that fills up (tmpfs), and one whose power can be cut (volatile_disk.c behind
 * nbdfuse, a loop device and ext4). Root only; mounts are those of this run's namespace and go with it. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../member.mjs';

const SMALL_MIB = 320;
const VOLATILE_MIB = 512;
const TRIES_MS = 20000;

const disks = new Set();
process.on('exit', () => { for (const d of disks) d.end(); });

function run(name, ...args) {
    const r = spawnSync(name, args, { encoding: 'utf8' });
    if (r.status !== 0) throw new Error(`${name} ${args.join(' ')}: ${r.stderr ?? r.error}`);
}

export class SmallDisk {
    constructor(path) {
        this.path = path;
        mkdirSync(path, { recursive: true });
        disks.add(this);
        run('mount', '-t', 'tmpfs', '-o', `size=${SMALL_MIB}m,mode=755`, 'cairn-chaos', path);
    }
    get #eater() { return join(this.path, 'eater'); }
    fill() { spawnSync('dd', ['if=/dev/zero', `of=${this.#eater}`, 'bs=64k']); }
    release() { rmSync(this.#eater, { force: true }); }
    end() {
        disks.delete(this);
        spawnSync('umount', ['-l', this.path]);
    }
}

export class VolatileDisk {
    /* program: of volatile_disk.c; beside: a folder on a disk that keeps. */
    constructor(path, beside, program, random) {
        Object.assign(this, { path, beside, program, random, lost: 0 });
        disks.add(this);
        for (const folder of [path, beside, this.#fuse]) mkdirSync(folder, { recursive: true });
        writeFileSync(this.#image, '');
        truncateSync(this.#image, VOLATILE_MIB << 20);
    }
    get #fuse() { return join(this.beside, 'fuse'); }
    get #image() { return join(this.beside, 'image'); }
    async attach({ fresh = false } = {}) {
        const socket = join(this.beside, 'nbd.sock');
        this.disk = spawn(this.program, [socket, this.#image, String(this.random.below(1e9))],
            { stdio: ['ignore', 'pipe', 'inherit'] });
        this.diskEnded = new Promise((done) => this.disk.once('exit', done));
        this.said = '';
        this.disk.stdout.on('data', (text) => { this.said += text; });
        await until('the volatile disk', TRIES_MS, () => this.said.includes('ready'));
        this.fuse = spawn('nbdfuse', [this.#fuse, `nbd+unix:///?socket=${socket}`], { stdio: 'ignore' });
        this.fuseEnded = new Promise((done) => this.fuse.once('exit', done));
        await until('nbdfuse', TRIES_MS, () => spawnSync('test', ['-s', join(this.#fuse, 'nbd')]).status === 0);
        if (fresh) run('mkfs.ext4', '-q', '-F', join(this.#fuse, 'nbd'));
        run('mount', '-o', 'loop', join(this.#fuse, 'nbd'), this.path);
    }
    /* In the middle of a flush: half of what it should have made durable is lost, and nothing more reaches the
     * medium. Somebody must be writing. */
    async cut() {
        this.disk.kill('SIGUSR1');
        await until('the cut', TRIES_MS, () => /^cut \d+$/m.test(this.said));
        this.lost += Number(/^cut (\d+)$/m.exec(this.said)[1]);
    }
    /* After everybody who worked there is gone. */
    async detach() {
        await until('the volatile disk to be left', TRIES_MS, () => spawnSync('umount', [this.path]).status === 0);
        await until('nbdfuse to end', TRIES_MS, () => spawnSync('umount', [this.#fuse]).status === 0);
        await Promise.all([this.fuseEnded, this.diskEnded]);
    }
    end() {
        spawnSync('umount', ['-l', this.path]);
        spawnSync('umount', ['-l', this.#fuse]);
        disks.delete(this);
        this.fuse?.kill('SIGKILL');
        this.disk?.kill('SIGKILL');
    }
}
