// Both halves against each other: twin.mjs, and the C code behind `vaulttool`, which takes and
// gives one JSON object per line.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes, randomInt, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import * as twin from "./twin.mjs";

const { hex, unhex } = twin;
const data = new URL("../data/", import.meta.url);
const load = (name) => JSON.parse(readFileSync(new URL(name, data), "utf8"));

const tool = spawn(process.env.VAULTTOOL, [], { stdio: ["pipe", "pipe", "inherit"] });
const lines = createInterface({ input: tool.stdout })[Symbol.asyncIterator]();
after(() => tool.stdin.end());

async function ask(request) {
  tool.stdin.write(`${JSON.stringify(request)}\n`);
  const { value, done } = await lines.next();
  assert.equal(done, false, "vaulttool ended");
  return JSON.parse(value);
}

const REFUSED = { err: "crypto.refused" };
const pattern = (size) =>
  Buffer.from(Uint8Array.from({ length: size }, (_, i) => 31 * i + (i >> 8)));
const SIZES = [0, 1, 100, 247, 248, 249, 1000, 65527, 65528, 65529, 131064, 200000, 1 << 20];

function sample(size) {
  return {
    subject: {
      record: randomUUID(),
      version: randomInt(1, 2 ** 32),
      schema: "cairn-timeline/1",
      owner: hex(randomBytes(32)),
    },
    dek: randomBytes(32),
    content: randomBytes(size),
  };
}

const flipped = (bytes, bit) => {
  const copy = Buffer.from(bytes);
  copy[bit >> 3] ^= 1 << (bit & 7);
  return copy;
};

test("RFC 9180 A.2.1 with @hpke/core", async () => {
  const v = load("hpke/rfc9180-a2.json");
  const [info, aad, pt] = [unhex(v.info), unhex(v.aad), unhex(v.pt)];
  const sealed = await twin.hpkeSeal(unhex(v.pkRm), info, aad, pt, unhex(v.skEm));
  assert.equal(hex(sealed), v.enc + v.ct);
  assert.deepEqual(await twin.hpkeOpen(unhex(v.skRm), info, aad, sealed), pt);
});

test("keys: the vectors, and random roots both ways", async () => {
  const { vectors } = load("vault/keys.json");
  assert.equal(vectors.length, 3);
  for (const v of vectors) assert.deepEqual(twin.deriveKeys(unhex(v.root), v.bounty), v);
  for (let i = 0; i < 20; i++) {
    const [root, bounty] = [randomBytes(32), randomUUID()];
    const fromC = await ask({ op: "keys", root: hex(root), bounty });
    assert.deepEqual(fromC, twin.deriveKeys(root, bounty));
  }
});

test("envelopes: the vectors byte for byte", async () => {
  const { vectors } = load("vault/envelopes.json");
  assert.equal(vectors.length, 10);
  for (const v of vectors) {
    const content = pattern(v.content_size);
    const made = twin.seal(v, unhex(v.dek), content, unhex(v.header));
    assert.equal(hex(twin.sha256(made.envelope)), v.envelope_sha256);
    if (v.envelope !== undefined) assert.equal(hex(made.envelope), v.envelope);
    assert.deepEqual(made.manifest, v.manifest);
    assert.equal(hex(twin.sha256(v.schema)), v.schema_hash);
    assert.deepEqual(twin.open(v, unhex(v.dek), made.envelope), content);
    const w = v.wrap;
    assert.equal(hex(twin.sha256(made.envelope.subarray(0, 92))), w.context_hash);
    const context = unhex(w.context_hash);
    const ephemeral = unhex(w.ephemeral_secret);
    const wrapped = await twin.wrap(unhex(w.recipient), context, unhex(v.dek), ephemeral);
    assert.equal(hex(wrapped), w.wrap);
    assert.equal(hex(await twin.unwrap(unhex(w.recipient_secret), context, unhex(w.wrap))), v.dek);
  }
});

test("envelopes: sealed by C, opened here", async () => {
  for (const size of SIZES) {
    const s = sample(size);
    const made = await ask({ op: "seal", ...s.subject, dek: hex(s.dek), content: hex(s.content) });
    const envelope = unhex(made.envelope);
    assert.deepEqual(twin.open(s.subject, s.dek, envelope), s.content);
    assert.equal(made.size, envelope.length);
    assert.equal(made.content_commitment, hex(twin.commitContent(s.dek, s.content)));
  }
});

test("envelopes: sealed here, opened by C; the same bytes under one header", async () => {
  for (const size of SIZES) {
    const s = sample(size);
    const made = twin.seal(s.subject, s.dek, s.content);
    const request = { ...s.subject, dek: hex(s.dek) };
    const opened = await ask({ op: "open", ...request, envelope: hex(made.envelope) });
    assert.deepEqual(opened, { content: hex(s.content) });
    const header = hex(made.envelope.subarray(124, 148));
    const again = await ask({ op: "seal", ...request, content: hex(s.content), header });
    assert.deepEqual(again, { ...made.manifest, envelope: hex(made.envelope) });
  }
});

test("envelopes: flipped bits, cuts and wrong subjects are refused by both", async () => {
  const s = sample(20);
  const { envelope } = twin.seal(s.subject, s.dek, s.content);
  const refused = async (subject, dek, bytes) => {
    assert.equal(twin.open(subject, dek, bytes), null);
    const request = { op: "open", ...subject, dek: hex(dek), envelope: hex(bytes) };
    assert.deepEqual(await ask(request), REFUSED);
  };
  for (let bit = 0; bit < 8 * envelope.length; bit++)
    await refused(s.subject, s.dek, flipped(envelope, bit));
  for (let end = 0; end < envelope.length; end++)
    await refused(s.subject, s.dek, envelope.subarray(0, end));
  await refused(s.subject, s.dek, Buffer.concat([envelope, Buffer.alloc(1)]));
  await refused(s.subject, flipped(s.dek, 5), envelope);
  await refused({ ...s.subject, record: randomUUID() }, s.dek, envelope);
  await refused({ ...s.subject, version: (s.subject.version % 1000) + 1001 }, s.dek, envelope);
  await refused({ ...s.subject, schema: "cairn-timeline/2" }, s.dek, envelope);
  await refused({ ...s.subject, owner: hex(randomBytes(32)) }, s.dek, envelope);
  assert.deepEqual(twin.open(s.subject, s.dek, envelope), s.content);
});

test("wraps: both directions, and flipped bits refused by both", async () => {
  const secret = randomBytes(32);
  const recipient = twin.boxPublic(secret);
  const [context, dek] = [randomBytes(32), randomBytes(32)];
  const keys = { recipient: hex(recipient), recipient_secret: hex(secret) };
  for (let i = 0; i < 10; i++) {
    const fromC = await ask({ op: "wrap", ...keys, context_hash: hex(context), dek: hex(dek) });
    assert.deepEqual(await twin.unwrap(secret, context, unhex(fromC.wrap)), dek);
    const fromHere = hex(await twin.wrap(recipient, context, dek));
    const opened = await ask({ op: "unwrap", ...keys, context_hash: hex(context), wrap: fromHere });
    assert.deepEqual(opened, { dek: hex(dek) });
  }
  const wrapped = await twin.wrap(recipient, context, dek);
  const refused = async (bytes, hash) => {
    assert.equal(await twin.unwrap(secret, hash, bytes), null);
    const request = { op: "unwrap", ...keys, context_hash: hex(hash), wrap: hex(bytes) };
    assert.deepEqual(await ask(request), REFUSED);
  };
  for (let bit = 0; bit < 8 * wrapped.length; bit++) await refused(flipped(wrapped, bit), context);
  await refused(wrapped, randomBytes(32));
});

test("signatures: identical, and flipped bits refused by both", async () => {
  const [seed, message] = [randomBytes(32), randomBytes(50)];
  const made = await ask({ op: "sign", seed: hex(seed), message: hex(message) });
  const signature = twin.sign(seed, message);
  assert.deepEqual(made, { public: hex(twin.signPublic(seed)), signature: hex(signature) });
  const request = { op: "verify", public: made.public, message: hex(message) };
  assert.deepEqual(await ask({ ...request, signature: hex(signature) }), {});
  for (let bit = 0; bit < 512; bit += 3) {
    const bad = flipped(signature, bit);
    assert.equal(twin.verify(unhex(made.public), message, bad), false);
    assert.deepEqual(await ask({ ...request, signature: hex(bad) }), REFUSED);
  }
});
