// The vault format a second time, from the text of docs/vault.md and docs/keys.md alone:
// libsodium.js for the stream and BLAKE2b, Node's OpenSSL for SHA-256, HKDF, Ed25519 and X25519,
// @hpke/core for the wraps. It shares no code with server/, so what both agree on is the documented
// format.
import { Chacha20Poly1305 } from "@hpke/chacha20poly1305";
import { CipherSuite, HkdfSha256 } from "@hpke/core";
import { DhkemX25519HkdfSha256 } from "@hpke/dhkem-x25519";
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  timingSafeEqual,
} from "node:crypto";
import { createRequire } from "node:module";

const sodium = createRequire(import.meta.url)("libsodium-wrappers-sumo");
await sodium.ready;

export const suite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Chacha20Poly1305(),
});

const CHUNK = 65536;
const OVERHEAD = 17;
const HEAD = 148;
const AAD = 92;
const CONTENT_MAX = 8 << 20;
const TAG_MESSAGE = 0;
const TAG_FINAL = 3;

export const hex = (bytes) => Buffer.from(bytes).toString("hex");
export const unhex = (text) => Buffer.from(text, "hex");
export const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const blake2b = (bytes, key) => Buffer.from(sodium.crypto_generichash(32, bytes, key ?? null));
const hkdf = (secret, label) => Buffer.from(hkdfSync("sha256", secret, Buffer.alloc(0), label, 32));

// PKCS#8 of a raw 32-byte key: the fixed prefix of RFC 8410, algorithm 1.3.101.110 or .112.
const PKCS8 = {
  x25519: "302e020100300506032b656e04220420",
  ed25519: "302e020100300506032b657004220420",
};

function publicOf(kind, secret) {
  const der = Buffer.concat([unhex(PKCS8[kind]), secret]);
  const key = createPublicKey(createPrivateKey({ key: der, format: "der", type: "pkcs8" }));
  return key.export({ format: "der", type: "spki" }).subarray(-32);
}

export const signPublic = (seed) => publicOf("ed25519", seed);
export const boxPublic = (secret) => publicOf("x25519", secret);

function uuidOf(bytes) {
  const id = Buffer.from(bytes.subarray(0, 16));
  id[6] = (id[6] & 0x0f) | 0x80;
  id[8] = (id[8] & 0x3f) | 0x80;
  return hex(id).replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}

export function deriveKeys(root, bounty) {
  const identitySeed = hkdf(root, "cairn/v1/identity");
  const receive = hkdf(root, "cairn/v1/receive");
  const bountySeed = hkdf(root, `cairn/v1/bounty/sign/${bounty}`);
  const bountyReceive = hkdf(root, `cairn/v1/bounty/receive/${bounty}`);
  const identity = signPublic(identitySeed);
  return {
    root: hex(root),
    identity_seed: hex(identitySeed),
    identity_public: hex(identity),
    account: uuidOf(sha256(Buffer.concat([Buffer.from("cairn/v1/account"), identity]))),
    receive_secret: hex(receive),
    receive_public: hex(boxPublic(receive)),
    backup: hex(hkdf(root, "cairn/v1/backup")),
    bounty,
    bounty_seed: hex(bountySeed),
    bounty_public: hex(signPublic(bountySeed)),
    bounty_receive_secret: hex(bountyReceive),
    bounty_receive_public: hex(boxPublic(bountyReceive)),
  };
}

// Padme by its definition: round up so that the lowest (E - S) bits are zero.
export function padded(length) {
  const exponent = Math.floor(Math.log2(length));
  const step = 2 ** (exponent - (Math.floor(Math.log2(exponent)) + 1));
  return Math.max(256, Math.ceil(length / step) * step);
}

function aadOf(subject) {
  const version = Buffer.alloc(4);
  version.writeUInt32BE(subject.version);
  return Buffer.concat([
    Buffer.from("CAIRNVT\x01"),
    unhex(subject.record.replaceAll("-", "")),
    version,
    sha256(subject.schema),
    unhex(subject.owner),
  ]);
}

const commitKey = (dek, aad) => blake2b(Buffer.concat([Buffer.from("cairn/kc/v1"), aad]), dek);
export const commitContent = (dek, content) => blake2b(content, hkdf(dek, "cairn/v1/content"));

// With a header the stream starts where libsodium's init_pull would start to read it.
function startStream(dek, header) {
  if (header !== undefined)
    return { header, state: sodium.crypto_secretstream_xchacha20poly1305_init_pull(header, dek) };
  return sodium.crypto_secretstream_xchacha20poly1305_init_push(dek);
}

export function seal(subject, dek, content, fixedHeader) {
  const plain = Buffer.alloc(padded(content.length + 8));
  plain.writeBigUInt64BE(BigInt(content.length));
  plain.set(content, 8);
  const aad = aadOf(subject);
  const { state, header } = startStream(dek, fixedHeader);
  const parts = [aad, commitKey(dek, aad), header];
  for (let at = 0; at < plain.length; at += CHUNK) {
    const tag = at + CHUNK >= plain.length ? TAG_FINAL : TAG_MESSAGE;
    const chunk = plain.subarray(at, at + CHUNK);
    parts.push(sodium.crypto_secretstream_xchacha20poly1305_push(state, chunk, aad, tag));
  }
  const envelope = Buffer.concat(parts);
  return {
    envelope,
    manifest: {
      size: envelope.length,
      ciphertext_hash: hex(blake2b(envelope)),
      key_commitment: hex(commitKey(dek, aad)),
      content_commitment: hex(commitContent(dek, content)),
    },
  };
}

// The content, or null if anything at all is wrong.
export function open(subject, dek, envelope) {
  const aad = aadOf(subject);
  if (envelope.length <= HEAD || !envelope.subarray(0, AAD).equals(aad)) return null;
  if (!timingSafeEqual(envelope.subarray(AAD, AAD + 32), commitKey(dek, aad))) return null;
  const { state } = startStream(dek, envelope.subarray(AAD + 32, HEAD));
  const parts = [];
  for (let at = HEAD; at < envelope.length; at += CHUNK + OVERHEAD) {
    const last = at + CHUNK + OVERHEAD >= envelope.length;
    const chunk = envelope.subarray(at, at + CHUNK + OVERHEAD);
    if (chunk.length <= OVERHEAD) return null;
    const got = sodium.crypto_secretstream_xchacha20poly1305_pull(state, chunk, aad);
    if (got === false || got.tag !== (last ? TAG_FINAL : TAG_MESSAGE)) return null;
    parts.push(got.message);
  }
  const plain = Buffer.concat(parts);
  if (plain.length < 256) return null;
  const length = plain.readBigUInt64BE();
  if (length > BigInt(CONTENT_MAX) || padded(Number(length) + 8) !== plain.length) return null;
  const end = 8 + Number(length);
  return plain.subarray(end).every((byte) => byte === 0) ? plain.subarray(8, end) : null;
}

const infoOf = (contextHash) => Buffer.concat([Buffer.from("cairn/wrap/v1"), contextHash]);
// @hpke/core takes ArrayBuffers, and a Buffer may be a view into a larger one.
export const exact = (bytes) => new Uint8Array(bytes).buffer;

async function pairOf(secret) {
  return {
    privateKey: await suite.kem.importKey("raw", exact(secret), false),
    publicKey: await suite.kem.importKey("raw", exact(boxPublic(secret)), true),
  };
}

export async function hpkeSeal(recipient, info, aad, plain, ephemeralSecret) {
  const sender = await suite.createSenderContext({
    recipientPublicKey: await suite.kem.importKey("raw", exact(recipient), true),
    info: exact(info),
    ...(ephemeralSecret === undefined ? {} : { ekm: await pairOf(ephemeralSecret) }),
  });
  const ct = await sender.seal(exact(plain), exact(aad));
  return Buffer.concat([Buffer.from(sender.enc), Buffer.from(ct)]);
}

// The plaintext, or null if it does not open.
export async function hpkeOpen(secret, info, aad, encAndCt) {
  try {
    const recipient = await suite.createRecipientContext({
      recipientKey: await pairOf(secret),
      enc: exact(encAndCt.subarray(0, 32)),
      info: exact(info),
    });
    return Buffer.from(await recipient.open(exact(encAndCt.subarray(32)), exact(aad)));
  } catch {
    return null;
  }
}

const NONE = Buffer.alloc(0);
export const wrap = (recipient, contextHash, dek, ephemeralSecret) =>
  hpkeSeal(recipient, infoOf(contextHash), NONE, dek, ephemeralSecret);
export const unwrap = (secret, contextHash, bytes) =>
  hpkeOpen(secret, infoOf(contextHash), NONE, bytes);

export function sign(seed, message) {
  const pair = sodium.crypto_sign_seed_keypair(seed);
  return Buffer.from(sodium.crypto_sign_detached(message, pair.privateKey));
}
export const verify = (publicKey, message, signature) =>
  sodium.crypto_sign_verify_detached(signature, message, publicKey);
