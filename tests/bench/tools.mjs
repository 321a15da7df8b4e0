// What every figure needs: programs, medians, CPU time, the load generators.
import { spawn } from 'node:child_process';
import { closeSync, fdatasyncSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const BUILD = path.resolve(ROOT, process.env.BENCH_B ?? 'build/plain');
export const tool = (name) => path.join(BUILD, 'tests/bench', name);

export function median(values) {
    const sorted = [...values].sort((a, b) => a - b);
    const half = Math.floor(sorted.length / 2);
    return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

export function quantile(values, share) {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

// How far the rounds lie apart, as a share of their median.
export function noise(values) {
    return (Math.max(...values) - Math.min(...values)) / median(values);
}

// Runs a program to its end and gives its output; what it says on the error channel is ours to show.
export function run(program, args, { input, ...options } = {}) {
    return new Promise((resolve, reject) => {
        const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], cwd: ROOT, ...options });
        let out = '';
        let err = '';
        child.stdout.on('data', (d) => { out += d; });
        child.stderr.on('data', (d) => { err += d; });
        child.on('error', reject);
        child.on('close', (code, signal) => {
            const what = `${program} ${args.join(' ').slice(0, 200)}: ${signal ?? `exit ${code}`}`;
            return code === 0 ? resolve(out) : reject(new Error(`${what}\n${err.slice(-2000)}`));
        });
        child.stdin.on('error', () => {});
        child.stdin.end(input ?? '');
    });
}

export function freePort() {
    return new Promise((resolve) => {
        const server = net.createServer().listen(0, '127.0.0.1', () => {
            const { port } = server.address();
            server.close(() => resolve(port));
        });
    });
}

export async function freePorts(count) {
    const ports = new Set();
    while (ports.size < count)
        ports.add(await freePort());
    return [...ports];
}

const UNITS = { us: 1, ms: 1e3, s: 1e6 };

export async function wrk(url, connections, seconds) {
    return wrkOutput(await run('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', url]));
}

export function wrkOutput(text) {
    if (/Non-2xx|Socket errors/.test(text))
        throw new Error(`wrk: ${text}`);
    const at = (percent) => {
        const m = new RegExp(`^\\s+${percent}%\\s+([\\d.]+)(us|ms|s)`, 'm').exec(text);
        return Math.round(Number(m[1]) * UNITS[m[2]]);
    };
    return { requests: Number(/(\d+) requests in/.exec(text)[1]),
        per_second: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)[1]), p50_us: at(50), p99_us: at(99) };
}

function stat(pid) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /s, '').split(' ');
    const ticks = fields.slice(11, 15).reduce((sum, n) => sum + Number(n), 0);
    return { parent: Number(fields[1]), seconds: ticks / 100 };
}

// CPU seconds of the processes under pid, by kind: itself, and the rest (its PostgreSQL).
export function cpuOf(pid) {
    const all = new Map();
    for (const name of readdirSync('/proc')) {
        if (!/^\d+$/.test(name))
            continue;
        try {
            all.set(Number(name), stat(name));
        } catch {
            // it ended meanwhile
        }
    }
    const below = (at) => at === pid || (all.has(at) && all.get(at).parent > 1 && below(all.get(at).parent));
    let children = 0;
    for (const [at, { seconds }] of all)
        if (at !== pid && below(at))
            children += seconds;
    return { own: all.get(pid)?.seconds ?? 0, children };
}

export function memoryMiB(pid) {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
}

// How often a second the disk under folder makes one page durable: the ceiling of all that commits alone.
export function fdatasyncRate(folder, milliseconds = 1000) {
    const file = path.join(folder, 'fdatasync');
    const fd = openSync(file, 'w');
    const page = Buffer.alloc(8192, 1);
    const times = [];
    for (const end = performance.now() + milliseconds; performance.now() < end;) {
        const begun = performance.now();
        writeSync(fd, page, 0, page.length, 0);
        fdatasyncSync(fd);
        times.push(performance.now() - begun);
    }
    closeSync(fd);
    rmSync(file);
    return { per_second: times.length / (milliseconds / 1000), p50_us: Math.round(1000 * median(times)) };
}

// Asks until it is so: for states of other processes that announce nothing.
export async function until(what, milliseconds, test) {
    for (const end = Date.now() + milliseconds; ;) {
        const got = await test();
        if (got)
            return got;
        if (Date.now() > end)
            throw new Error(`not within ${milliseconds / 1000} s: ${what}`);
        await new Promise((done) => setTimeout(done, 20));
    }
}

export function progress(text) {
    if (process.stderr.isTTY)
        process.stderr.write(`\r\x1b[K${text}`);
    else if (text)
        console.error(text);
}
