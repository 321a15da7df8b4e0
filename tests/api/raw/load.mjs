// Suspend and resume under load, uploads, a full disk, a full queue, deadlines, long polls, limits.
// Usage: node load.mjs PATH_OF_edge_server [CONNECTIONS]   (the full-disk part needs mount(8) rights)
import { execFileSync } from 'node:child_process';
import net from 'node:net';
import { start, exchange, replies, header, check, finish, temporary } from './lib.mjs';

const binary = process.argv[2];
const connections = Number(process.argv[3] ?? 1000);
const HOST = 'Host: a\r\n';
const get = (path, more = '') => `GET ${path} HTTP/1.1\r\n${HOST}${more}Connection: close\r\n\r\n`;
const put = (length, more = '') => `PUT /file/x HTTP/1.1\r\n${HOST}`
  + `Content-Type: application/octet-stream\r\nContent-Length: ${length}\r\n${more}\r\n`;
const status = (result) => replies(result.text).map((r) => r.status).join(' ');
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

async function until(what, fn, ms = 4000) {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(20))
    if (await fn()) return check(true, what);
  check(false, what);
}
const metric = async (server, name) => Number(new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (\\d+)`, 'm')
  .exec((await exchange(server.port, get('/metrics'))).text)?.[1] ?? NaN);

// ---- 1,000 connections, each suspended several times, all must complete ----
{
  const server = await start(binary, ['--queue', '100000', '--workers', '8']);
  const each = 5;
  const one = () => new Promise((resolve) => {
    let text = '';
    const socket = net.connect({ port: server.port, host: '127.0.0.1' });
    socket.on('error', () => {});
    socket.on('data', (d) => { text += d.toString('latin1'); });
    socket.on('close', () => resolve(replies(text)));
    // Half of them pipeline, half wait for each reply.
    socket.write(`GET /work HTTP/1.1\r\n${HOST}\r\n`.repeat(each - 1) + get('/work'));
  });
  const all = await Promise.all(Array.from({ length: connections }, one));
  const complete = all.filter((r) => r.length === each && r.every((x) => x.status === 200)).length;
  check(complete === connections, `suspended connections that completed: ${complete} of ${connections}`);
  const how = await server.stop();
  check(how.code === 0, `a clean stop: ${JSON.stringify(how)} ${server.stderr.slice(-2000)}`);
}

// ---- queue, deadlines, shutdown ----
{
  const server = await start(binary, ['--workers', '2', '--queue', '3']);
  const port = server.port;
  const blocked = [exchange(port, get('/block'), { wait: 15000 }), exchange(port, get('/block'), { wait: 15000 })];
  await until('two run', async () => await metric(server, 'cairn_http_queue{state="running"}') === 2);
  const queued = [1, 2, 3].map(() => exchange(port, get('/echo/x'), { wait: 15000 }));
  await until('three wait', async () => await metric(server, 'cairn_http_queue{state="queued"}') === 3);
  const refused = replies((await exchange(port, get('/echo/x'))).text)[0];
  check(refused?.status === 503 && Number(header(refused, 'retry-after')) >= 1,
    'a full queue says 503 and Retry-After at once');
  check(status(await exchange(port, get('/fast'))) === '200', 'inline routes answer while all workers are busy');
  const from = Date.now();
  check((await Promise.all(queued)).every((r) => status(r) === '503'), 'what waited too long gets 503');
  const cut = await Promise.all(blocked);
  check(cut.every((r) => r.text === ''), 'what ran too long is cut');
  check(Date.now() - from < 7000, 'deadlines hold');
  check(status(await exchange(port, get('/release'))) === '204', 'release');
  await until('workers are free again', async () => status(await exchange(port, get('/echo/x'))) === '200');
  // Stopping while requests run, wait and are parked: all are answered.
  const last = [exchange(port, get('/block'), { wait: 15000 }), exchange(port, get('/work'), { wait: 15000 }),
    exchange(port, get('/wait?q=99'), { wait: 15000 })];
  await until('one is parked', async () => await metric(server, 'cairn_http_queue{state="parked"}') === 1);
  const stopped = server.stop();
  server.child.kill('SIGTERM');
  await sleep(100);
  check(status(await exchange(port, get('/fast'), { wait: 300 })) === '', 'no new connection is taken while stopping');
  const how = await Promise.race([stopped, sleep(300).then(() => 'waits')]);
  check(how === 'waits', 'the stop waits for running handlers');
  server.child.kill('SIGKILL');
  await stopped;
  await Promise.all(last);
}
{
  const server = await start(binary, ['--workers', '2']);
  const port = server.port;
  const last = [exchange(port, get('/work'), { wait: 9000 }), exchange(port, get('/wait?q=99'), { wait: 9000 })];
  await until('one is parked', async () => await metric(server, 'cairn_http_queue{state="parked"}') === 1);
  const from = Date.now();
  const how = await server.stop();
  check(how.code === 0 && Date.now() - from < 1500,
    `a stop answers the parked: ${Date.now() - from} ms ${JSON.stringify(how)}`);
  check((await Promise.all(last)).every((r) => status(r) === '200'), 'everything under way was answered');
}

// ---- long polls ----
{
  const server = await start(binary, ['--workers', '2']);
  const port = server.port;
  let from = Date.now();
  let r = replies((await exchange(port, get('/wait?q=1'), { wait: 5000 })).text)[0];
  check(r?.body === '0 late' && Date.now() - from >= 1900 && Date.now() - from < 2600,
    `a poll ends at its time: ${r?.body} ${Date.now() - from} ms`);
  from = Date.now();
  const polls = Array.from({ length: 50 }, () => exchange(port, get('/wait?q=1'), { wait: 5000 }));
  await until('fifty are parked', async () => await metric(server, 'cairn_http_queue{state="parked"}') === 50, 1500);
  await exchange(port, get('/wake'));
  r = (await Promise.all(polls)).map((x) => replies(x.text)[0]?.body);
  check(r.every((x) => x === '1 in time') && Date.now() - from < 1900, `a wake ends all polls: ${r[0]}`);
  // Wakes that race with parking must not be lost.
  r = replies((await exchange(port, get('/race'))).text)[0];
  check(r?.body === 'in time', `a wake between the look and the wait: ${r?.body}`);
  let late = 0;
  for (let i = 2; i < 202; i++) {
    const poll = exchange(port, get(`/wait?q=${i}`), { wait: 5000 });
    if (i % 3 === 0) await sleep(Math.random() * 3);
    await exchange(port, get('/wake'));
    if (!/ in time$/.test(replies((await poll).text)[0]?.body)) late++;
  }
  check(late === 0, `no wake is lost: ${late} of 200`);
  // The database away: 503, but not for what needs none.
  await exchange(port, get('/database/down'));
  const down = replies((await exchange(port, get('/echo/x'))).text)[0];
  check(down?.status === 503 && header(down, 'retry-after') !== undefined, 'without a database: 503');
  check(status(await exchange(port, get('/rest/a/b'))) === '200', 'routes that need none still answer');
  await exchange(port, get('/database/up'));
  check(status(await exchange(port, get('/echo/x'))) === '200', 'and back');
  await server.stop();
}

// ---- uploads ----
{
  const server = await start(binary);
  const port = server.port;
  const bytes = Buffer.alloc(3 << 20, 'x');
  const whole = await exchange(port, [put(bytes.length, 'Connection: close\r\n'), bytes]);
  check(status(whole) === '201', `an upload: ${status(whole)}`);
  check(server.files().length === 0, 'a file that nobody renamed is removed');
  const empty = await exchange(port, put(0, 'Connection: close\r\n'));
  check(status(empty) === '201', 'an empty upload');
  for (let i = 0; i < 20; i++) {
    const socket = net.connect({ port, host: '127.0.0.1' });
    socket.on('error', () => {});
    socket.write(put(bytes.length));
    socket.write(bytes.subarray(0, 100000));
    await until('the file is there', () => server.files().length > 0);
    if (i % 2) socket.resetAndDestroy(); else socket.destroy();
    await until('a cut-off upload leaves no file', () => server.files().length === 0);
  }
  const half = await exchange(port, [put(bytes.length), bytes.subarray(0, 1000)], { half: true });
  check(status(half) === '400', `an upload that ends early: ${status(half)}`);
  await until('no file', () => server.files().length === 0);
  await server.stop();
}

// ---- a full disk ----
{
  const tmp = temporary();
  let mounted = false;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', tmp]);
    mounted = true;
  } catch { console.log('skipped: the full disk (no right to mount a tmpfs)'); }
  if (mounted) {
    const server = await start(binary, [], tmp);
    const bytes = Buffer.alloc(3 << 20, 'x');
    for (let i = 0; i < 5; i++) {
      const full = await exchange(server.port, [put(bytes.length), bytes]);
      check(status(full) === '507' && full.how === 'closed', `a full disk: ${status(full)} ${full.how}`);
      await until('the file is gone', () => server.files().length === 0);
    }
    const small = await exchange(server.port, [put(1000, 'Connection: close\r\n'), bytes.subarray(0, 1000)]);
    check(status(small) === '201', `and it lives: ${status(small)}`);
    await server.stop();
    execFileSync('umount', [tmp]);
  }
}

// ---- rate limits ----
{
  const server = await start(binary, ['--rate-local', '2', '--rate-token', '1']);
  const port = server.port;
  const got = replies((await exchange(port, `GET /fast HTTP/1.1\r\n${HOST}\r\n`.repeat(24) + get('/fast'))).text);
  const allowed = got.filter((r) => r.status === 200).length;
  const last = got.at(-1);
  check(allowed >= 20 && allowed <= 21 && last.status === 429, `a burst of 20 of 25: ${allowed}`);
  check(Number(header(last, 'retry-after')) >= 1 && /"ip";r=0/.test(header(last, 'ratelimit')),
    'Retry-After and RateLimit');
  await server.stop();
}
finish('load');
