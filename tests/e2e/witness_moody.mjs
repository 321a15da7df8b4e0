/* A witness of C2SP tlog-witness that errs in every way once and cosigns otherwise; it holds whoever asks to the
 * specification. */
import crypto from 'node:crypto';
import http from 'node:http';
import { DASH, Key, bodyOf, consistent, sha256 } from './witness_notes.mjs';

const MOODS = ['wrong key', 'forgets', 'ahead', 'redirects', 'babbles'];

export class Moody {
    constructor(a) {
        Object.assign(this, { a, key: new Key('moody.example/w', 4), trees: {}, moods: [...MOODS], problems: [],
            last: {}, running: 0, followed: 0, answered: {} });
        this.server = http.createServer((request, reply) => {
            const parts = [];
            request.on('data', (p) => parts.push(p)).on('end', () => {
                this.running += 1;
                if (this.running > 1) this.problems.push('two requests at once');
                setImmediate(() => {
                    this.#answer(request, Buffer.concat(parts).toString(), reply);
                    this.running -= 1;
                });
            });
        });
    }
    async listen() {
        this.url = await new Promise((done) => this.server.listen(0, '127.0.0.1', () =>
            done(`http://127.0.0.1:${this.server.address().port}/some/prefix`)));
        return this;
    }
    #line(body, key = this.key) {
        const time = Buffer.alloc(8);
        time.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000)));
        const message = `cosignature/v1\ntime ${time.readBigUInt64BE()}\n${body}`;
        const line = Buffer.concat([key.id, time, crypto.sign(null, Buffer.from(message), key.secret)]);
        return `${DASH}${this.key.name} ${line.toString('base64')}\n`;
    }
    /* The request as the specification reads, or what is wrong with it. */
    #read(request, text) {
        const at = text.indexOf('\n\n');
        const [first, ...hashes] = text.slice(0, at).split('\n');
        const note = text.slice(at + 2);
        const body = bodyOf(note);
        const [origin, size, root] = body.split('\n');
        const key = Object.values(this.a.logs).find((k) => k.name === origin);
        const old = Number(/^old (0|[1-9][0-9]*)$/.exec(first)?.[1] ?? NaN);
        const proof = hashes.map((h) => Buffer.from(h, 'base64'));
        const lines = note.slice(body.length + 1).split('\n');
        const own = Buffer.from(lines.find((l) => l.startsWith(`${DASH}${origin} `)).split(' ')[2], 'base64');
        const good = request.method === 'POST' && request.url === '/some/prefix/add-checkpoint' && key && old >= 0
            && hashes.length <= 63 && proof.every((h) => h.length === 32) && key.verifies(body, own.subarray(4));
        if (!good) this.problems.push(`no request: ${request.method} ${request.url} ${text}`);
        return { old, proof, body, origin, size: Number(size), root: Buffer.from(root, 'base64') };
    }
    #answer(request, text, reply) {
        if (request.url === '/elsewhere') this.followed += 1;
        const r = this.#read(request, text);
        const tree = this.trees[r.origin] ?? { size: 0, root: sha256('') };
        const last = this.last[r.origin];
        if (last && last.status !== 409 && Date.now() - last.at < 4900)
            this.problems.push(`${r.origin} again after ${Date.now() - last.at} ms`);
        const say = (status, body, headers = {}) => {
            this.last[r.origin] = { status, at: Date.now() };
            reply.writeHead(status, headers).end(body);
        };
        const size = (n) => say(409, `${n}\n`, { 'Content-Type': 'text/x.tlog.size' });
        const mood = this.moods[0];
        if (mood && (mood !== 'forgets' || tree.size > 0)) this.moods.shift();
        if (mood === 'wrong key') return say(200, this.#line(r.body, new Key(this.key.name, 4)));
        if (mood === 'forgets' && tree.size > 0) {
            this.trees[r.origin] = undefined;
            return size(0);
        }
        if (mood === 'ahead') return size(r.size + 1000);
        if (mood === 'redirects') return say(307, '', { Location: `http://${request.headers.host}/elsewhere` });
        if (mood === 'babbles') return say(200, 'x'.repeat(1 << 20));
        if (r.old !== tree.size) return size(tree.size);
        if (!consistent(r.old, tree.root, r.size, r.root, r.proof)) {
            this.problems.push(`the proof from ${r.old} to ${r.size} does not verify`);
            return say(422, '');
        }
        this.trees[r.origin] = r;
        /* Lines of others may stand beside its own. */
        return say(200, `${DASH}other.example ${Buffer.alloc(40).toString('base64')}\n${this.#line(r.body)}`);
    }
}
