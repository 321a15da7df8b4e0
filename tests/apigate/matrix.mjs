/* Role x operation x ownership, generated from openapi.yaml: nine callers make each operation's right
 * request on an object and, where it has an owner, on an object that does not exist.
 * Usage: node matrix.mjs BASE_URL SETUP.json
 * A cell fails when its status is not what x-roles, x-ownership and x-parties say, when a reply is not
 * as described, or when foreign and absent can be told apart: the two must be the same reply, byte for
 * byte, but for the request id. */
import './node-version.mjs';
import fs from 'node:fs';
import { Person, parse, pause } from './client.mjs';
import { CALLERS, people, principal, verdictFor } from './callers.mjs';
import { operations } from './operations.mjs';
import { assemble } from './plans.mjs';
import { Spec, errorRegistry } from './spec.mjs';
import { validateReply } from './validate.mjs';
import { World } from './world.mjs';

/* What may differ between two refusals of the same kind. */
const OWN_HEADERS = new Set([
    'x-request-id',
    'date',
    'ratelimit',
    'ratelimit-policy',
    'traceparent',
    'connection',
    'keep-alive',
]);

function fingerprint(reply) {
    const body = { ...parse(reply) };
    delete body.instance;
    const headers = Object.entries(reply.headers)
        .filter(([name]) => !OWN_HEADERS.has(name) && name !== 'content-length')
        .sort();
    const text = reply.body.toString();
    return JSON.stringify({ status: reply.status, headers, body, length: text.length });
}

export class Matrix {
    constructor(spec, registry, world) {
        Object.assign(this, { spec, registry, world });
        this.rows = [];
        this.cells = 0;
        this.failures = [];
        this.lists = new Map();
    }

    async send(request) {
        for (;;) {
            const reply = await this.world.api.send(request);
            if (reply.status !== 429) return reply;
            await pause(reply);
        }
    }
    fail(operation, caller, what) {
        this.failures.push(`${operation.id} as ${caller}: ${what}`);
        return '!';
    }

    /* One cell; returns its reply. absent: on an object that is not there. */
    async cell(operation, caller, target, absent) {
        const own = operations[operation.id];
        const person = people(this.world, target)[caller];
        const r = await own.request(this.world, target, person ?? new Person(), absent);
        const request = assemble(operation, { ...r, person });
        const reply = await this.send(request);
        this.cells++;
        const wanted =
            absent && verdictFor(operation, caller) === 200 ? 404 : verdictFor(operation, caller);
        const lacks = own.lacking && reply.status >= 400 && parse(reply).code === own.lacking;
        const got = reply.status < 300 || (lacks && wanted === 200) ? 200 : reply.status;
        const where = absent ? `${caller} (absent)` : caller;
        let mark = '';
        if (got === 200 && wanted !== 200)
            mark = this.fail(operation, where, `unexpected ${reply.status}, wanted ${wanted}`);
        else if (got !== wanted)
            mark = this.fail(
                operation,
                where,
                `${reply.status} ${reply.body.toString().slice(0, 160)}, wanted ${wanted}`,
            );
        for (const what of validateReply(this.spec, this.registry, operation, reply))
            mark = this.fail(operation, where, what);
        if (reply.status < 300) await own.used?.(this.world, target, reply, r);
        if (reply.status < 300 && operation.id === 'deleteSession')
            await this.world.api.signIn(person);
        return { reply, text: `${reply.status}${mark}` };
    }

    async operation(operation) {
        const own = operations[operation.id];
        const last = principal(operation);
        const row = { id: operation.id, cells: {} };
        this.rows.push(row);
        const order = [...CALLERS.filter((c) => c !== last), last];
        for (const caller of order) {
            const target = await own.target(this.world);
            const there = await this.cell(operation, caller, target, false);
            row.cells[caller] = there.text;
            if (there.reply.status === 200 && operation.who !== 'anyone')
                this.keep(operation, caller, there.reply);
            if (operation.ownership === 'none') continue;
            const gone = await this.cell(operation, caller, await own.target(this.world), true);
            row.cells[caller] += `/${gone.text}`;
            if (
                there.reply.status === 404 &&
                gone.reply.status === 404 &&
                fingerprint(there.reply) !== fingerprint(gone.reply)
            ) {
                row.cells[caller] += '!';
                this.fail(
                    operation,
                    caller,
                    `foreign and absent differ: ${fingerprint(there.reply)} and ${fingerprint(gone.reply)}`,
                );
            }
        }
    }

    /* A list of one's own must not show what is in the list of another in the same role. */
    keep(operation, caller, reply) {
        if (!operation.parameters.some((p) => p.name === 'cursor')) return;
        const names = new Set(
            parse(reply).items.map(
                (i) => i.id ?? `${i.record ?? i.submission}/${i.number ?? i.seat}`,
            ),
        );
        for (const [other, theirs] of this.lists.get(operation.id) ?? [])
            if (other.split('-')[0] === caller.split('-')[0])
                for (const name of names)
                    if (theirs.has(name))
                        this.fail(
                            operation,
                            caller,
                            `lists ${name}, which is also in the list of ${other}`,
                        );
        this.lists.set(operation.id, [...(this.lists.get(operation.id) ?? []), [caller, names]]);
    }

    print() {
        const width = 15;
        console.log(`${'operation'.padEnd(24)}${CALLERS.map((c) => c.padEnd(width)).join('')}`);
        for (const row of this.rows)
            console.log(
                `${row.id.padEnd(24)}${CALLERS.map((c) => (row.cells[c] ?? '').padEnd(width)).join('')}`,
            );
        console.log("(status on the owner's object / status on an absent one; ! = failure)");
        for (const line of this.failures) console.log(`matrix: ${line}`);
        console.log(`matrix: ${this.cells} cells, ${this.failures.length} failures`);
    }
}

export async function matrix(base, setup) {
    const spec = new Spec();
    const world = await new World(base, setup.operator_root).setUp();
    const m = new Matrix(spec, errorRegistry(), world);
    try {
        for (const operation of spec.operations) await m.operation(operation);
    } finally {
        world.close();
    }
    return m;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
    const [base, file] = process.argv.slice(2);
    if (!base || !file) {
        console.error('usage: node matrix.mjs BASE_URL SETUP.json');
        process.exit(2);
    }
    const m = await matrix(base, JSON.parse(fs.readFileSync(file, 'utf8')));
    m.print();
    process.exit(m.failures.length === 0 ? 0 : 1);
}
