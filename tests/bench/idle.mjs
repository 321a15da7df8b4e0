// Memory of cairnd with idle kept-alive connections, each after one request.
import net from 'node:net';
import { memoryMiB, progress } from './tools.mjs';

const CONNECTIONS = 10000;
const AT_ONCE = 200;
const PER_ADDRESS = 4000; // below cairnd's limit for one address

function open(port, i, sockets) {
    return new Promise((resolve, reject) => {
        const localAddress = `127.0.0.${2 + Math.floor(i / PER_ADDRESS)}`;
        const socket = net.connect({ port, host: '127.0.0.1', localAddress });
        sockets.push(socket);
        socket.on('error', reject);
        socket.on('close', () => reject(new Error(`idle connection ${i} was closed by the server`)));
        socket.once('data', (d) => (d.toString('latin1').startsWith('HTTP/1.1 200') ? resolve()
            : reject(new Error(`idle connection ${i}: ${d.toString('latin1').slice(0, 200)}`))));
        socket.write('GET /health/live HTTP/1.1\r\nHost: bench\r\n\r\n');
    });
}

export async function idle(server, report) {
    const port = Number(new URL(server.url).port);
    const before = memoryMiB(server.pid);
    const sockets = [];
    for (let i = 0; i < CONNECTIONS; i += AT_ONCE) {
        progress(`idle connections: ${i}`);
        await Promise.all(Array.from({ length: AT_ONCE }, (_, k) => open(port, i + k, sockets)));
    }
    const open_ = sockets.filter((s) => !s.destroyed && s.readyState === 'open').length;
    report.figure({ group: 'memory', what: `cairnd with ${open_} idle connections`, unit: 'MiB',
        value: memoryMiB(server.pid), most: 256, note: `${before.toFixed(1)} MiB before` });
    for (const socket of sockets)
        socket.destroy();
    if (open_ !== CONNECTIONS)
        throw new Error(`only ${open_} of ${CONNECTIONS} connections stayed open`);
}
