// One client at one member of four: from the COMMIT of an entry until it is final there, and until its receipt
// with a quorum of cosignatures is in the client's hands.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Api, Person, b64, makeStatement, parse } from '../apigate/client.mjs';
import { median, progress, quantile, run, tool } from './tools.mjs';

const DEPOSITS = 60;
const DEPOSITS_QUICK = 10;

// Somebody at this member who may deposit.
async function sponsorAt(member) {
    const api = new Api(member.url);
    api.origin = parse(await api.must(200, null, 'GET', '/v1/federation')).federation;
    const { operator } = member;
    const sponsor = new Person();
    for (const p of [operator, sponsor]) {
        const statement = makeStatement('account.register', p.identity, { receive_key: b64(p.receive.public) });
        await api.must(201, null, 'POST', '/v1/accounts', { json: { statement } });
        await api.signIn(p);
    }
    const statement = makeStatement('role.attest', operator.identity,
        { account: sponsor.account, role: 'sponsor', institution: 'acme' });
    await api.must(201, operator, 'POST', '/v1/attestations', { json: { statement } });
    return { api, sponsor };
}

// Deposits one after the other, each when the receipt of the one before is here.
async function round({ api, sponsor }, member, deposits) {
    const first = await member.lastSequence() + 1;
    const answered = [];
    const received = [];
    let receipt;
    for (let i = 0; i < deposits; i++) {
        const statement = makeStatement('deposit.request', sponsor.identity,
            { amount_minor: 100, currency: 'EUR', reference: 'bench' });
        const begun = performance.now();
        await api.must(201, sponsor, 'POST', '/v1/deposits', { json: { statement } });
        const posted = performance.now();
        receipt = parse(await api.must(200, sponsor, 'GET', `/v1/receipts/${statement.id}?wait=10`));
        if (!receipt.proof)
            throw new Error(`no proof within 10 s: ${JSON.stringify(receipt)}`);
        answered.push(posted - begun);
        received.push(performance.now() - posted);
    }
    const { p50, p99, n } = await member.finality(first);
    if (n < deposits)
        throw new Error(`${n} of ${deposits} entries are final`);
    return { answered, received, p50, p99, receipt };
}

async function weigh(report, federation, receipt) {
    const answer = path.join(federation.folder, 'receipt.json');
    const policy = path.join(federation.folder, 'policy');
    writeFileSync(answer, JSON.stringify(receipt));
    writeFileSync(policy, await (await fetch(`${federation.members[0].url}/v1/federation/policy`)).text());
    const r = JSON.parse(await run(tool('bench_receipt'), [policy, answer]));
    report.figure({ group: 'receipt, 4 members', what: 'proof with its cosignatures, entry and salt', unit: 'bytes',
        value: r.proof + r.leaf + r.salt, most: 2048, note: `its statement: ${r.statement} bytes` });
    report.figure({ group: 'receipt, 4 members', what: 'checked offline, CPU', unit: 'us', value: r.verify_us,
        most: 1000 });
}

export async function finality(federation, report, { rounds, quick }) {
    const member = federation.members[0];
    const deposits = quick ? DEPOSITS_QUICK : DEPOSITS;
    const who = await sponsorAt(member);
    await round(who, member, deposits); // to warm up
    const got = [];
    for (let i = 0; i < rounds; i++) {
        progress(`finality: round ${i + 1} of ${rounds}`);
        got.push(await round(who, member, deposits));
    }
    const row = (what, field, most) => report.figure({ group: 'finality, 4 members, 1 client', what, unit: 'ms', most,
        values: got.map(field) });
    row('entry committed until its block is, p50', (r) => r.p50, 8);
    row('entry committed until its block is, p99', (r) => r.p99);
    row('POST, p50', (r) => median(r.answered));
    row('answer to the POST until the receipt is here, p50', (r) => median(r.received));
    row('answer to the POST until the receipt is here, p99', (r) => quantile(r.received, 0.99));
    await weigh(report, federation, got.at(-1).receipt);
    who.api.close();
}
