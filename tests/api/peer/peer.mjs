// The transport between members over raw sockets, against a signer and verifier of another make.
// Usage: node peer.mjs PATH_OF_peer_server
import { createHash } from 'node:crypto';
import http from 'node:http';
import net from 'node:net';
import { start, exchange, replies, header, check, finish } from '../raw/lib.mjs';
import { Key, digest, selfTest, signRequest, verifyRequest } from './httpsig.mjs';

const FRAMES = '/peer/v1/frames';
const POST_MAX = 8 << 20;
const genesis = Buffer.alloc(32, 7);
const keys = [0, 1, 2, 3].map((n) => new Key(Buffer.alloc(32, n + 1)));
const stranger = new Key(Buffer.alloc(32, 99));
const vote = (text) => {
  const payload = Buffer.from(text);
  const head = Buffer.alloc(5);
  head.writeUInt8(1, 0);
  head.writeUInt32BE(payload.length, 1);
  return Buffer.concat([head, payload]);
};
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

check(selfTest(), 'the verifier here does not meet the vectors of RFC 9421 and RFC 9530');

// ---- member 2: a server of ours that looks at what member 1 sends -------------------------------
const posts = [];
let arrived = () => {};
const two = http.createServer((req, res) => {
  const chunks = [];
  req.on('data', (c) => chunks.push(c));
  req.on('end', () => {
    posts.push({ req, socket: req.socket, body: Buffer.concat(chunks) });
    res.writeHead(204).end();
    arrived();
  });
});
await new Promise((resolve) => two.listen(0, '127.0.0.1', resolve));

const member = (n, port) => [
  '--member', `${n},${keys[n].public.toString('hex')},${port ? `http://127.0.0.1:${port}` : ''}`,
];
const options = (...more) => ['--me', '1', '--seed', keys[1].seed.toString('hex'), '--genesis', genesis.toString('hex'),
  ...member(1), ...member(2, two.address().port), ...member(3), ...more];
const server = await start(process.argv[2], options());
const port = server.port;

const get = async (path, at = port) =>
  replies((await exchange(at, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)).text)[0];
async function counted(name, at = port) {
  const text = (await get('/metrics', at)).body;
  return Number(new RegExp(`^${name.replace(/[{}]/g, '\\$&')} (\\d+)$`, 'm').exec(text)?.[1]);
}
const refused = (reason, at) => counted(`cairn_peer_refused_total{reason="${reason}"}`, at);

// ---- what we send is signed as described ---------------------------------------------------------
const both = new Promise((resolve) => { arrived = () => posts.length >= 3 && resolve(); });
for (const payload of ['aa', 'bbbb', 'cccccc']) {
  const seen = posts.length;
  await get(`/send/2/0/${payload}`);
  while (posts.length === seen) await new Promise((r) => setImmediate(r));
}
await both;
for (const { req, body } of posts) {
  let who;
  try {
    who = verifyRequest({ method: req.method, target: req.url, headers: req.headers }, keys[1].public, body);
  } catch (e) {
    check(false, `member 1 sent what does not verify: ${e.message}`);
  }
  check(who?.from === 1, 'the sender is member 1');
  check(req.url === FRAMES && req.headers['content-type'] === 'application/vnd.cairn.frames', 'path and type');
  check(req.headers['cairn-member'] === `from=1, to=2, genesis=:${genesis.toString('base64')}:`, 'Cairn-Member');
  check(req.headers.expect === undefined && req.httpVersion === '1.1', 'no Expect, HTTP/1.1');
}
check(posts[0].body.equals(vote(Buffer.from('aa', 'hex'))), 'the frame is the one that was sent');
check(new Set(posts.map((p) => p.socket)).size === 1, 'the connection is kept');
check(new Set(posts.map((p) => p.req.headers.signature)).size === 3, 'each POST has a signature of its own');
check((await counted('cairn_peer_sent_frames_total{member="2"}')) === 3, 'three frames are counted');

// ---- what is sent to us --------------------------------------------------------------------------
function make({ from = 2, to = 1, key = keys[from], body = vote('hello'), target = FRAMES, method = 'POST',
  type = 'application/vnd.cairn.frames', world = genesis, headers = {}, bend = {} } = {}) {
  const request = { method, target, body, headers: {
    'content-type': type,
    'content-length': String(body.length),
    'content-digest': digest(body),
    'cairn-member': `from=${from}, to=${to}, genesis=:${world.toString('base64')}:`,
    ...headers,
  } };
  return signRequest(request, key, from, bend);
}
function bytes({ method, target, headers, body }, { without = [], extra = '' } = {}) {
  const lines = Object.entries(headers).filter(([n]) => !without.includes(n)).map(([n, v]) => `${n}: ${v}\r\n`);
  const head = `${method} ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${lines.join('')}${extra}\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}
const post = async (raw, at = port, half = false) => replies((await exchange(at, raw, { wait: 8000, half })).text)[0];
const code = (reply) => /"code":"([^"]+)"/.exec(reply?.body ?? '')?.[1] ?? '';

async function expect(what, raw, status, wantedCode, reason, half) {
  const before = reason ? await refused(reason) : 0;
  const reply = await post(raw, port, half);
  check(reply?.status === status, `${what}: ${reply?.status} ${code(reply)}, not ${status}`);
  if (wantedCode) check(code(reply) === wantedCode, `${what}: ${code(reply)}, not ${wantedCode}`);
  if (reason) check((await refused(reason)) === before + 1, `${what}: not counted as ${reason}`);
  return reply;
}
const frames = () => server.stdout.split('\n').filter((l) => l.includes('"frame"')).map((l) => JSON.parse(l));
async function waitFrames(n) {
  const late = Date.now() + 5000;
  while (frames().length < n && Date.now() < late) await new Promise((r) => setImmediate(r));
  return frames();
}

const good = await expect('a good POST', bytes(make()), 204);
check(header(good, 'RateLimit-Policy')?.startsWith('"member"'), 'a member has a budget of its own');
let seen = await waitFrames(1);
check(seen.length === 1 && seen[0].from === 2 && seen[0].sha256 === sha256('hello'), 'the frame arrived');
const replayed = bytes(make({ body: vote('again') }));
await expect('a POST', replayed, 204);
await expect('the same POST again', replayed, 204);
seen = await waitFrames(3);
check(seen.length === 3 && seen[2].sha256 === sha256('again'), 'a replay brings the same frames again, no more');
for (const hours of [-1, 1, -24 * 365]) {
  const created = Math.floor(Date.now() / 1000) + hours * 3600;
  await expect(`a POST from ${hours} h away`, bytes(make({ bend: { created } })), 204);
}
await expect('no frames at all', bytes(make({ body: Buffer.alloc(0) })), 204);

const SIGNATURE = [403, 'peer.signature'];
await expect('no signature', bytes(make(), { without: ['signature'] }), ...SIGNATURE, 'unsigned');
await expect('no Signature-Input', bytes(make(), { without: ['signature-input'] }), ...SIGNATURE, 'unsigned');
await expect('another tag', bytes(make({ bend: { tag: 'other' } })), ...SIGNATURE, 'unsigned');
const token = { without: ['signature'], extra: 'Authorization: Bearer abc\r\n' };
await expect('a token instead', bytes(make(), token), ...SIGNATURE, 'unsigned');
await expect('another algorithm', bytes(make({ bend: { alg: 'rsa-v1_5-sha256' } })), ...SIGNATURE, 'form');
const long = { created: 1e9, expires: 1e9 + 120 };
await expect('a life of two minutes', bytes(make({ bend: long })), ...SIGNATURE, 'form');
await expect('no Cairn-Member', bytes(make(), { without: ['cairn-member'] }), ...SIGNATURE, 'form');
await expect('keyid and Cairn-Member differ', bytes(make({ bend: { keyid: 'member-3' } })), ...SIGNATURE, 'form');
for (const left of ['@method', '@path', 'content-digest', 'content-type', 'content-length', 'cairn-member']) {
  const components = ['@method', '@path', 'content-digest', 'content-type', 'content-length', 'cairn-member']
    .filter((c) => c !== left);
  await expect(`${left} is not covered`, bytes(make({ bend: { components } })), ...SIGNATURE, 'coverage');
}
await expect('a header added after signing', bytes(make(), { extra: 'If-Match: "v1"\r\n' }), ...SIGNATURE, 'coverage');
await expect('an unknown member', bytes(make({ from: 9, key: stranger })), ...SIGNATURE, 'stranger');
await expect('ourselves', bytes(make({ from: 1 })), ...SIGNATURE, 'stranger');
await expect('a wrong key', bytes(make({ key: stranger })), ...SIGNATURE, 'signature');
await expect("another member's key", bytes(make({ from: 2, key: keys[3] })), ...SIGNATURE, 'signature');
await expect('for another member', bytes(make({ to: 3 })), ...SIGNATURE, 'addressee');
await expect('for another federation', bytes(make({ world: Buffer.alloc(32, 8) })), ...SIGNATURE, 'addressee');
const flip = (s) => { s[5] ^= 1; return s; };
await expect('a broken signature', bytes(make({ bend: { signature: flip } })), ...SIGNATURE, 'signature');
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
await expect('a malleable signature', bytes(make({ bend: { signature: (s) => {
  let value = BigInt(`0x${Buffer.from(s.subarray(32)).reverse().toString('hex')}`) + ORDER;
  for (let i = 32; i < 64; i++, value >>= 8n) s[i] = Number(value & 255n);
  return s;
} } })), ...SIGNATURE, 'signature');
const changed = make();
changed.body = vote('jello');
await expect('another body', bytes(changed), 400, 'peer.digest', 'digest');
await expect('two Signature fields', bytes(make(), { extra: 'Signature: cairn=:AAAA:\r\n' }), 400, 'http.malformed');
await expect('another type', bytes(make({ type: 'application/json' })), 415, 'body.media_type');
const tooLarge = bytes(make({ body: Buffer.alloc(POST_MAX + 1) })).subarray(0, 2000);
await expect('too large', tooLarge, 413, 'body.too_large', 'oversize');
await expect('the other method', `GET ${FRAMES} HTTP/1.1\r\nHost: a\r\n\r\n`, 405, 'route.method');
await expect('a query that is not known', bytes(make({ target: `${FRAMES}?a=1` })), 400, 'query.invalid');
await expect('a body that is cut off', bytes(make()).subarray(0, -1), 400, 'body.cut_off', undefined, true);
seen = await waitFrames(6);
check(seen.length === 6, `of all these no frame came through: ${seen.length}`);

// A frame that is cut is taken as bytes; what reads it counts it, and the ones before it count.
const cutBefore = await refused('frame');
const cut = Buffer.concat([vote('first'), vote('second').subarray(0, 7)]);
await expect('a cut frame behind a good one', bytes(make({ body: cut })), 204);
seen = await waitFrames(7);
check(seen.length === 7 && seen[6].sha256 === sha256('first'), 'the frame before the cut one arrived');
for (const late = Date.now() + 5000; (await refused('frame')) === cutBefore && Date.now() < late;);
check((await refused('frame')) === cutBefore + 1, 'the cut frame is counted');
const batch = (i) => Buffer.concat([Buffer.from([5, 0, 16, 0, 0]), Buffer.alloc(1 << 20, i)]);
const large = Buffer.concat(Array.from({ length: 7 }, (_, i) => batch(i)));
await expect('a POST of 7 MiB', bytes(make({ body: large })), 204);
seen = await waitFrames(14);
check(seen.length === 14 && seen[13].len === 1 << 20, 'seven large frames arrived');

// ---- calls on behalf of people: fresh, and once --------------------------------------------------
const echo = { target: '/peer/v1/echo', type: 'application/json', body: Buffer.from('{"a":1}') };
const call = (bend = {}, more = {}) => bytes(make({ ...echo, bend, ...more }));
const fresh = call();
const reply = await expect('a call', fresh, 200);
check(reply?.body === '{"peer":2,"body":{"a":1}}', 'the handler knows who calls');
await expect('the same call again', fresh, 409, 'peer.replayed', 'replay');
const seconds = Math.floor(Date.now() / 1000);
await expect('a call by a clock 4 minutes behind', call({ created: seconds - 240 }), 200);
await expect('a call by a clock 4 minutes ahead', call({ created: seconds + 240 }), 200);
await expect('a call by a clock an hour behind', call({ created: seconds - 3600 }), 403, 'peer.stale', 'stale');
await expect('a call by a clock an hour ahead', call({ created: seconds + 3600 }), 403, 'peer.stale', 'stale');
await expect('a call with a query', call({}, { target: '/peer/v1/echo?q=a%20b' }), 200);
const moved = make({ target: '/peer/v1/echo?q=1', type: 'application/json', body: Buffer.from('{}') });
moved.target = '/peer/v1/echo?q=2';
await expect('another query than was signed', bytes(moved), ...SIGNATURE, 'signature');
const frameCall = make();
frameCall.target = '/peer/v1/echo';
await expect('a POST of frames sent elsewhere', bytes(frameCall), ...SIGNATURE, 'signature');

// ---- who announces much and sends little takes from its own part ---------------------------------
// Of 128 MiB a third member of two peers has 32 MiB for itself and may have 16 MiB of what is common.
const sockets = [];
const announced = bytes(make({ body: Buffer.alloc(POST_MAX) })).subarray(0, 3000);
const fullBefore = await refused('full');
let told = 0;
for (let i = 0; i < 24; i++) {
  const socket = net.connect(port, '127.0.0.1', () => socket.write(announced));
  let text = '';
  socket.on('data', (d) => {
    if (!text.startsWith('HTTP/1.1 503') && (text += d).startsWith('HTTP/1.1 503')) told++;
  });
  socket.on('error', () => {});
  sockets.push(socket);
}
for (const late = Date.now() + 5000; (await refused('full')) < fullBefore + 18 && Date.now() < late;);
for (const late = Date.now() + 5000; told < 18 && Date.now() < late;) await new Promise((r) => setImmediate(r));
check((await refused('full')) === fullBefore + 18, 'up to its part a member is served, and no further');
check(told === 18, `who gets no room is told so: ${told}`);
await expect('a small POST of another member meanwhile', bytes(make({ from: 3, body: vote('x') })), 204);
for (const s of sockets) s.destroy();
let again;
for (const late = Date.now() + 5000; Date.now() < late;) {
  again = await post(bytes(make({ body: Buffer.concat([vote('back'), large]) })));
  if (again?.status === 204) break;
}
check(again?.status === 204, 'when they are gone there is room again');

// ---- junk is limited by its address, members are not ---------------------------------------------
const narrow = await start(process.argv[2], options('--rate-local', '20'));
let limited = 0;
const junk = bytes(make(), { without: ['signature'] });
for (let i = 0; i < 210; i++) limited += (await post(junk, narrow.port))?.status === 429;
check(limited > 0, 'unsigned requests run into the limit of their address');
check((await post(junk, narrow.port))?.status === 429, 'and stay there');
check((await post(bytes(make()), narrow.port))?.status === 429,
  'at an address that is used up, nothing is looked at');
check((await narrow.stop()).code === 0, 'the server stops well');
const wide = await start(process.argv[2], options('--rate-local', '20'));
let served = 0;
for (let i = 0; i < 300; i++) served += (await post(bytes(make()), wide.port))?.status === 204;
check(served === 300, `a member is not limited by its address: ${served} of 300`);
check((await wide.stop()).code === 0, 'the server stops well');

check((await server.stop()).code === 0, 'the server stops well');
check(server.stderr === '', `nothing on standard error: ${server.stderr.slice(0, 500)}`);
two.close();
two.closeAllConnections();
finish('peer');
