/* The main job once, through the API alone: register, attest, deposit, publish, fund, record version,
 * submission, commitments, reveals, payout, receipts, log files. Every reply is held against openapi.yaml;
 * what reviewers open is what the patient sealed; every receipt's entry commits to its statement and
 * lies in the log under the checkpoint of its proof.
 * Usage: node mainjob.mjs BASE_URL OPERATOR_ROOT_HEX */
import './node-version.mjs';
import { b64, canonical, makeStatement, parse, sha256, verify } from './client.mjs';
import { Spec, errorRegistry } from './spec.mjs';
import { validateReply } from './validate.mjs';
import * as vault from './vault.mjs';
import { World } from './world.mjs';

/* ---- Merkle (RFC 9162 2.1.3.2) ------------------------------------------------------------------- */
function rootOf(leaf, index, size, proof) {
    let fn = BigInt(index),
        sn = BigInt(size) - 1n,
        hash = leaf;
    for (const p of proof) {
        if (sn === 0n) return null;
        if ((fn & 1n) === 1n || fn === sn) {
            hash = sha256(Buffer.from([1]), p, hash);
            while ((fn & 1n) === 0n && fn !== 0n) {
                fn >>= 1n;
                sn >>= 1n;
            }
        } else {
            hash = sha256(Buffer.from([1]), hash, p);
        }
        fn >>= 1n;
        sn >>= 1n;
    }
    return sn === 0n ? hash : null;
}

export function checkReceipt(receipt, origin) {
    const entry = Buffer.from(receipt.entry, 'base64');
    const statement = canonical(receipt.statement);
    if (!verify(receipt.statement)) return 'the statement is not signed by its signer';
    const kind = entry.subarray(0, 8).toString('latin1');
    const rest = entry.subarray(18);
    if (
        kind === 'public/1'
            ? !rest.equals(Buffer.from(statement))
            : kind !== 'anchor/1' ||
              !rest.equals(sha256(Buffer.from(receipt.salt, 'hex'), statement))
    )
        return 'the entry does not commit to the statement';
    const lines = receipt.proof.split('\n');
    const blank = lines.indexOf('');
    const index = lines.find((l) => l.startsWith('index '))?.slice(6);
    if (Number(index) !== receipt.index)
        return `index ${index} in the proof, ${receipt.index} in the receipt`;
    const hashes = lines
        .slice(lines.findIndex((l) => l.startsWith('index ')) + 1, blank)
        .map((l) => Buffer.from(l, 'base64'));
    const [name, size, root] = lines.slice(blank + 1);
    if (name !== origin) return `the checkpoint is of ${name}, not ${origin}`;
    const got = rootOf(sha256(Buffer.from([0]), entry), receipt.index, size, hashes);
    return got && b64(got) === root
        ? null
        : 'the proof does not lead to the root of its checkpoint';
}

/* ---- the walk --------------------------------------------------------------------------------------- */
class Walk {
    constructor(base, operatorRoot) {
        this.spec = new Spec();
        this.registry = errorRegistry();
        this.world = new World(base, operatorRoot);
        this.seen = new Map();
        this.wrong = [];
        this.replies = 0;
        const send = this.world.api.send.bind(this.world.api);
        this.world.api.send = async (request) => {
            const reply = await send(request);
            this.#hold(request, reply);
            return reply;
        };
    }
    #hold(request, reply) {
        const path = request.path.split('?')[0].split('/');
        const operation = this.spec.operations.find((o) => {
            const template = o.template.split('/');
            const rest = template.at(-1) === '{path...}';
            return (
                o.method === request.method &&
                (rest ? path.length >= template.length : path.length === template.length) &&
                template.every((t, i) => t.startsWith('{') || t === path[i])
            );
        });
        this.replies++;
        if (!operation)
            return void this.wrong.push(`${request.method} ${request.path}: no such operation`);
        if (reply.status < 300) this.seen.set(operation.id, (this.seen.get(operation.id) ?? 0) + 1);
        for (const what of validateReply(this.spec, this.registry, operation, reply))
            this.wrong.push(`${operation.id}: ${what}`);
    }
    check(right, what) {
        if (!right) this.wrong.push(what);
    }
    async get(person, path) {
        return parse(await this.world.api.must(200, person, 'GET', path));
    }

    async run() {
        const w = await this.world.setUp();
        const [sponsor] = w.sponsors;
        const [patient] = w.patients;
        for (const path of ['/health/live', '/health/ready']) await this.get(null, path);
        await w.api.must(200, null, 'GET', '/metrics');
        const me = await this.get(patient, `/v1/accounts/${patient.account}`);
        this.check(
            me.identity_key === b64(patient.identity.public),
            'the account has another identity key',
        );

        const record = await w.record(patient);
        await this.get(patient, '/v1/records');
        const stored = await w.api.must(
            200,
            patient,
            'GET',
            `/v1/records/${record.record}/versions/1/content`,
        );
        this.check(stored.body.equals(record.envelope), 'the stored record is not what was put');
        const version = await this.get(patient, `/v1/records/${record.record}/versions/1`);
        const dek = await vault.unwrap(
            patient.receive,
            sha256(stored.body.subarray(0, vault.AAD_BYTES)),
            Buffer.from(version.owner_wrap, 'base64'),
        );
        this.check(
            vault.open(stored.body, dek).equals(record.content),
            'the record does not open to its content',
        );

        const bounty = await w.bounty(sponsor);
        this.check(
            (await this.get(null, `/v1/bounties/${bounty.id}`)).funded === true,
            'the bounty is not funded',
        );
        await this.get(null, '/v1/bounties?disease=MONDO:0005388&limit=5');
        const submission = await this.submission(patient, bounty);
        await this.money(submission);
        const entries = await this.receipts(
            patient,
            sponsor,
            submission.seats.map((s) => s.reviewer),
        );
        await this.log();
        await this.members();
        const dead = await w.openSubmission(w.patients[1], bounty);
        await w.withdraw(dead);
        await this.close(bounty);
        await w.api.must(204, w.plain, 'DELETE', '/v1/sessions/current');
        return entries;
    }

    async available(person) {
        const { balances } = await this.get(person, '/v1/wallet');
        return balances.find((b) => b.currency === 'EUR')?.available_minor ?? 0;
    }

    async submission(patient, bounty) {
        const w = this.world;
        const s = await w.openSubmission(patient, bounty);
        await w.putSlice(s);
        await w.submit(s);
        for (const seat of s.seats) {
            seat.before = await this.available(seat.reviewer);
            const review = await this.get(seat.reviewer, `/v1/reviews/${s.id}`);
            const got = await w.api.must(200, seat.reviewer, 'GET', `/v1/reviews/${s.id}/content`);
            const dek = await vault.unwrap(
                seat.reviewer.receive,
                sha256(canonical(review.grant)),
                Buffer.from(review.wrap, 'base64'),
            );
            this.check(
                vault.open(got.body, dek).equals(s.content),
                `seat ${seat.seat} does not open the slice`,
            );
            await this.get(seat.reviewer, '/v1/reviews?phase=commit');
            await w.commit(s, seat);
        }
        for (const seat of s.seats) await w.reveal(s, seat);
        const after = await this.get(patient, `/v1/submissions/${s.id}`);
        this.check(after.state === 'PAID', `the submission ended ${after.state}, not PAID`);
        this.check(
            after.opened_by.length === s.seats.length,
            'not every seat is shown to have opened the slice',
        );
        await this.get(patient, '/v1/submissions');
        await this.get(bounty.sponsor, `/v1/bounties/${bounty.id}/submissions`);
        return { ...s, decision: after.decision };
    }

    async money(submission) {
        const w = this.world;
        const { patient, bounty } = submission;
        const paid = await this.available(patient);
        this.check(
            paid === submission.decision?.pay_minor && paid > 0,
            `the patient holds ${paid}, the decision says ${submission.decision?.pay_minor}`,
        );
        for (const { reviewer, before } of submission.seats) {
            const fee = (await this.available(reviewer)) - before;
            this.check(fee === bounty.terms.review.fee_minor, `a reviewer was paid ${fee}`);
        }
        const json = w.payoutBody(patient, paid);
        await w.api.must(201, patient, 'POST', '/v1/payouts', { json });
        await this.get(patient, `/v1/payouts/${json.statement.id}`);
        await this.get(patient, '/v1/wallet/transfers');
        const books = await this.get(bounty.sponsor, `/v1/bounties/${bounty.id}/account`);
        const fees = submission.seats.length * bounty.terms.review.fee_minor;
        const whole =
            books.available_minor +
            books.reserved_minor +
            books.accrued_minor +
            books.paid_minor +
            fees;
        this.check(
            whole === 200000,
            `the bounty's buckets add up to ${whole}, not to what was put in`,
        );
    }

    async receipts(...lists) {
        const w = this.world;
        const origin = (chain) => w.federation.logs.find((l) => l.chain === chain).origin;
        let entries = 0;
        for (const person of lists.flat()) {
            const { items } = await this.get(person, '/v1/receipts?limit=100');
            for (const item of items) {
                const reply = await w.api.must(
                    200,
                    person,
                    'GET',
                    `/v1/receipts/${item.id}?wait=20`,
                );
                const receipt = parse(reply);
                const wrong = checkReceipt(receipt, origin(receipt.chain));
                if (wrong) this.wrong.push(`receipt of ${item.kind}: ${wrong}`);
                entries++;
            }
        }
        return entries;
    }

    async log() {
        const w = this.world;
        await w.api.must(200, null, 'GET', '/v1/federation/policy');
        for (const chain of ['account', 'tx']) {
            const note = await w.api.must(200, null, 'GET', `/log/${chain}/checkpoint`);
            const size = Number(note.body.toString().split('\n')[1]);
            const tile = size >= 256 ? '0/000' : `0/000.p/${size}`;
            const got = await w.api.must(200, null, 'GET', `/log/${chain}/tile/${tile}`);
            this.check(
                got.body.length === 32 * Math.min(size, 256),
                `tile ${tile} has ${got.body.length} bytes`,
            );
            const view = await w.api.must(200, null, 'GET', `/log/${chain}/view/1`);
            const form = /^cairn-view\/1\n(?:[a-z]+ [^\n]+\n)+$/;
            this.check(form.test(view.body.toString()), 'a final view is not of its form');
        }
    }

    /* The one member moves: with one approval needed, its proposal is enough. */
    async members() {
        const w = this.world;
        const now = parse(await w.api.must(200, null, 'GET', '/v1/federation/changes'));
        const members = { genesis: now.genesis, change: 'rekey', number: 1, endpoint: 'http://127.0.0.1:8481' };
        const statement = makeStatement('member.propose', w.operator.identity, members, {
            version: now.epoch,
        });
        const reply = await w.api.must(201, w.operator, 'POST', '/v1/federation/changes', {
            json: { statement },
        });
        this.check(parse(reply).id === statement.id, 'a proposal is known by its statement');
    }

    async close(bounty) {
        const reply = await this.world.api.must(200, null, 'GET', `/v1/bounties/${bounty.id}`);
        const statement = makeStatement(
            'bounty.close',
            bounty.sponsor.identity,
            { bounty: bounty.id },
            { version: parse(reply).version },
        );
        await this.world.api.must(
            200,
            bounty.sponsor,
            'POST',
            `/v1/bounties/${bounty.id}/closure`,
            { json: { statement }, ifMatch: reply.headers.etag },
        );
    }
}

export async function mainjob(base, operatorRoot) {
    const walk = new Walk(base, operatorRoot);
    try {
        walk.receiptsChecked = await walk.run();
    } catch (e) {
        walk.wrong.push(`could not go on: ${e.message}`);
    } finally {
        walk.world.close();
    }
    const unseen = walk.spec.operations.filter((o) => !walk.seen.has(o.id)).map((o) => o.id);
    for (const id of unseen) walk.wrong.push(`${id} never succeeded`);
    return walk;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
    const [base, root] = process.argv.slice(2);
    if (!base || !/^[0-9a-f]{64}$/.test(root ?? '')) {
        console.error('usage: node mainjob.mjs BASE_URL OPERATOR_ROOT_HEX');
        process.exit(2);
    }
    const walk = await mainjob(base, root);
    for (const line of walk.wrong) console.log(`mainjob: ${line}`);
    console.log(
        `mainjob: ${walk.replies} replies held against openapi.yaml, ${walk.seen.size} operations succeeded, ` +
            `${walk.receiptsChecked ?? 0} receipts checked, ${walk.wrong.length} wrong`,
    );
    process.exit(walk.wrong.length === 0 ? 0 : 1);
}
