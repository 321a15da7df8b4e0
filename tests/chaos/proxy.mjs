/* Stands between cairnd and PostgreSQL, reads both directions of the protocol (version 3) and cuts a
 * connection at its COMMIT. Where:
 *   asked     the COMMIT is passed on, then our client's side is gone: the outcome is open
 *   answered  PostgreSQL has said "COMMIT", and that answer is not passed on: committed, and nobody knows
 *   before    the COMMIT itself is lost: nothing was committed (not counted as a cut after COMMIT) */
import net from 'node:net';

const COMMIT_STATEMENT = 'tx_commit'; // its name as a prepared statement, server/store/batch.c

/* Calls each(type, payload) for every whole message. The first one of a client has no type. */
class Messages {
    #rest = Buffer.alloc(0);
    constructor(first, each) {
        this.first = first;
        this.each = each;
    }
    add(bytes) {
        this.#rest = Buffer.concat([this.#rest, bytes]);
        for (;;) {
            const head = this.first ? 0 : 1;
            if (this.#rest.length < head + 4) return;
            const len = this.#rest.readUInt32BE(head);
            if (this.#rest.length < head + len) return;
            this.each(this.first ? '' : String.fromCharCode(this.#rest[0]), this.#rest.subarray(head + 4, head + len));
            this.#rest = this.#rest.subarray(head + len);
            this.first = false;
        }
    }
}

function asksCommit(type, payload) {
    if (type === 'Q') return /^\s*COMMIT\b/i.test(payload.toString('latin1'));
    if (type !== 'B') return false;
    const name = payload.indexOf(0) + 1; // behind the portal's name
    return payload.toString('latin1', name, payload.indexOf(0, name)) === COMMIT_STATEMENT;
}

export class Proxy {
    cuts = { asked: 0, answered: 0, before: 0 };
    commits = 0;
    #sockets = new Set();

    /* upstream: path of PostgreSQL's socket; choose() -> 'asked' | 'answered' | 'before' | null. */
    constructor(upstream, choose) {
        this.upstream = upstream;
        this.choose = choose;
        this.active = false;
        this.server = net.createServer((client) => this.#join(client));
    }
    listen() {
        return new Promise((done) => this.server.listen(0, '127.0.0.1', () => done(this.server.address().port)));
    }
    close() {
        this.server.close();
        for (const s of this.#sockets) s.destroy();
    }

    #join(client) {
        const server = net.connect(this.upstream);
        const link = { client, server, fate: null };
        for (const [one, other] of [[client, server], [server, client]]) {
            this.#sockets.add(one);
            one.on('error', () => {});
            one.on('close', () => {
                this.#sockets.delete(one);
                other.end();
            });
        }
        const asked = new Messages(true, (type, payload) => this.#asked(link, type, payload));
        const answers = new Messages(false, (type, payload) => this.#answered(link, type, payload));
        client.on('data', (bytes) => {
            asked.add(bytes);
            if (link.fate !== 'before') server.write(bytes);
            if (link.fate === 'before' || link.fate === 'asked') this.#cut(link);
        });
        server.on('data', (bytes) => {
            answers.add(bytes);
            if (link.fate === 'gone') this.#cut(link);
            else client.write(bytes);
        });
    }
    #asked(link, type, payload) {
        if (!this.active || link.fate !== null || !asksCommit(type, payload)) return;
        this.commits++;
        link.fate = this.choose();
        if (link.fate === 'asked' || link.fate === 'before') this.cuts[link.fate]++;
    }
    #answered(link, type, payload) {
        if (link.fate !== 'answered' || type !== 'C' || payload.toString('latin1', 0, 6) !== 'COMMIT') return;
        link.fate = 'gone';
        this.cuts.answered++;
    }
    /* PostgreSQL still reads what it was sent; our client sees a connection that broke. */
    #cut(link) {
        link.client.destroy();
        if (link.fate === 'before' || link.fate === 'gone') link.server.destroy();
        else link.server.end();
    }
}
