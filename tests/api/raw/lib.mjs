// Starting the edge server and talking to it in raw bytes.
import { spawn } from 'node:child_process';
import net from 'node:net';
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export function temporary() {
  return mkdtempSync(path.join(tmpdir(), 'cairn-edge-'));
}

export function start(binary, args = [], tmp = temporary()) {
  const child = spawn(binary, ['--port', '0', '--tmp', tmp, '--quiet', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const server = { child, tmp, stderr: '', stdout: '' };
  server.exited = new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })));
  child.stderr.on('data', (d) => { server.stderr += d; });
  server.files = () => readdirSync(tmp);
  server.stop = async () => {
    child.kill('SIGTERM');
    return server.exited;
  };
  return new Promise((resolve, reject) => {
    child.stdout.on('data', (d) => {
      server.stdout += d;
      const m = /"port":(\d+)/.exec(server.stdout);
      if (m) {
        server.port = Number(m[1]);
        resolve(server);
      }
    });
    server.exited.then((how) => reject(new Error(`the server ended: ${JSON.stringify(how)} ${server.stderr}`)));
  });
}

// Sends bytes in pieces, collects until the server closes or time is over.
export function exchange(port, pieces, { wait = 3000, half = false, pause = 0, local } = {}) {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1', localAddress: local, noDelay: true, allowHalfOpen: true });
    const chunks = [];
    let done = false;
    const finish = (how) => {
      if (done) return;
      done = true;
      clearTimeout(timer);
      socket.destroy();
      resolve({ how, text: Buffer.concat(chunks).toString('latin1') });
    };
    const timer = setTimeout(() => finish('timeout'), wait);
    socket.on('data', (d) => chunks.push(d));
    socket.on('end', () => finish('closed'));
    socket.on('error', (e) => finish(e.code === 'EPIPE' ? 'closed' : e.code));
    socket.on('close', () => finish('closed'));
    socket.on('connect', async () => {
      for (const piece of [].concat(pieces)) {
        if (done) return;
        socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
        if (pause > 0) await new Promise((r) => setTimeout(r, pause));
      }
      if (half) socket.end();
    });
  });
}

// The replies in a byte stream, cut by Content-Length; interim ones are dropped.
export function replies(text) {
  const out = [];
  while (text.length > 0) {
    const m = /^HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n([\s\S]*?)\r\n\r\n/.exec(text);
    if (!m) return [...out, { status: 0, head: text, body: '' }];
    const length = Number(/^content-length: (\d+)/im.exec(m[2])?.[1] ?? 0);
    const body = text.slice(m[0].length, m[0].length + length);
    if (m[1] !== '100') out.push({ status: Number(m[1]), head: m[2], body });
    text = text.slice(m[0].length + (m[1] === '100' ? 0 : length));
  }
  return out;
}

export function header(reply, name) {
  return new RegExp(`^${name}: ([^\\r\\n]*)`, 'im').exec(reply?.head ?? '')?.[1];
}

let failures = 0;
let checks = 0;
export function check(ok, what) {
  checks++;
  if (!ok) {
    failures++;
    console.log(`FAILED ${what}`);
  }
}
export function finish(name) {
  console.log(`${name}: ${checks - failures} of ${checks} checks passed`);
  process.exit(failures === 0 && checks > 0 ? 0 : 1);
}
