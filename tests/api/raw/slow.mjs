// Slow clients against good ones. Usage: node slow.mjs PATH_OF_edge_server [SECONDS [BAD_CONNECTIONS]]
// A third drips heads, a third drips bodies, a third asks for 64 MiB and does not read. They come back
// whenever they are cut. Meanwhile good clients must succeed, quickly, and no bad connection may outlive
// its deadline.
import net from 'node:net';
import { closeSync, ftruncateSync, openSync, rmSync } from 'node:fs';
import path from 'node:path';
import { start, exchange, replies, check, finish, temporary } from './lib.mjs';

const seconds = Number(process.argv[3] ?? 10);
const count = Number(process.argv[4] ?? 500);
const dir = temporary();
const big = path.join(dir, 'big');
const fd = openSync(big, 'w');
ftruncateSync(fd, 64 << 20);
closeSync(fd);
const server = await start(process.argv[2], ['--workers', '4', '--big', big]);
const HOST = 'Host: a\r\n';
let running = true;
const lives = { head: [], body: [], read: [] };
const open = new Set();

const kinds = {
  // One byte each 700 ms: any inactivity timer is content.
  head: (socket, tick) => {
    const text = `GET /fast HTTP/1.1\r\n${HOST}X: ${'a'.repeat(10000)}`;
    socket.write(text.slice(0, 5));
    tick(700, (i) => socket.write(text[5 + i]));
  },
  body: (socket, tick) => {
    socket.write(`POST /json HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n`);
    tick(700, () => socket.write(' '));
  },
  read: (socket) => {
    socket.pause();
    socket.write(`GET /big HTTP/1.1\r\n${HOST}\r\n`);
  },
};

function bad(kind) {
  if (!running) return;
  const socket = net.connect({ port: server.port, host: '127.0.0.1', localAddress: '127.0.0.2' });
  const born = Date.now();
  let timer;
  open.add(socket);
  socket.on('error', () => {});
  socket.on('connect', () => kinds[kind](socket, (ms, fn) => {
    let i = 0;
    timer = setInterval(() => { if (socket.writable) fn(i++); }, ms);
  }));
  // A paused socket does not tell that it was closed: it comes back when it must have been.
  if (kind === 'read') timer = setTimeout(() => socket.destroy(), 7000);
  socket.on('data', () => {});
  socket.on('close', () => {
    clearTimeout(timer);
    open.delete(socket);
    if (running) lives[kind].push(Date.now() - born);
    setTimeout(() => bad(kind), 50);
  });
  if (kind !== 'read') socket.on('end', () => socket.destroy());
}

for (let i = 0; i < count; i++) bad(['head', 'body', 'read'][i % 3]);

let sent = 0;
let good = 0;
const misses = [];
const times = [];
async function client(i) {
  while (running) {
    const t = process.hrtime.bigint();
    sent++;
    const path = ['/fast', '/echo/x', '/work'][i % 3];
    const ask = `GET ${path} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;
    const result = await exchange(server.port, ask, { wait: 8000 });
    const got = replies(result.text);
    if (got.length === 1 && got[0].status === 200) good++;
    else misses.push(`${path} ${result.how} ${result.text.slice(0, 40).trim()}`);
    times.push(Number(process.hrtime.bigint() - t) / 1e6);
    await new Promise((r) => setTimeout(r, 10));
  }
}
const clients = Array.from({ length: 12 }, (_, i) => client(i));
await new Promise((r) => setTimeout(r, seconds * 1000));
running = false;
await Promise.all(clients);
for (const s of open) s.destroy();

if (misses.length > 0) console.log(`missed: ${[...new Set(misses)].join('; ')}`);
const text = (await exchange(server.port, `GET /metrics HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`)).text;
const cut = (phase) => Number(new RegExp(`cut_total\\{phase="${phase}"\\} (\\d+)`).exec(text)?.[1] ?? 0);
times.sort((a, b) => a - b);
const p99 = times[Math.floor(times.length * 0.99)];
const max = (list) => Math.max(0, ...list);
console.log(`good clients: ${good} of ${sent}, p99 ${p99.toFixed(1)} ms, slowest ${times.at(-1).toFixed(0)} ms`);
console.log(`longest bad lives: head ${max(lives.head)} ms, body ${max(lives.body)} ms; `
  + `cut: ${cut('head')} heads, ${cut('body')} bodies, ${cut('reply')} replies`);
check(sent > seconds * 100, 'good clients made progress');
check(good >= 0.99 * sent, `good clients: ${good} of ${sent}`);
check(p99 <= 250, `p99 ${p99} ms`);
if (seconds >= 10) {
  check(lives.head.length >= count / 4, `heads were cut: ${lives.head.length}`);
  check(lives.body.length >= count / 4, `bodies were cut: ${lives.body.length}`);
  check(cut('reply') >= count / 4, `readers were cut: ${cut('reply')}`);
  check(max(lives.head) < 9500, 'no head lived longer than 8 s');
  check(max(lives.body) < 9500, 'no body lived longer than its deadline');
}
const how = await server.stop();
rmSync(dir, { recursive: true });
check(how.code === 0, `a clean stop: ${JSON.stringify(how)} ${server.stderr.slice(-2000)}`);
finish('slow clients');
