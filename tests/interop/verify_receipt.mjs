// Verifies receipts from the C2SP texts alone (signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof,
// tlog-policy, RFC 9162) and the entry format of docs/log.md. It shares no code with the server and uses
// nothing but node:crypto, so that a mistake would have to be made twice.
//   node tests/interop/verify_receipt.mjs POLICY STEM...    STEM.tlog-proof .leaf .statement [.salt]
//   node tests/interop/verify_receipt.mjs POLICY DIR        every receipt in DIR
//   node tests/interop/verify_receipt.mjs --compare FILE    lines "accept|refuse POLICY STEM": do we agree?
import { createHash, createPublicKey, verify } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

class Refused extends Error {}
const refuse = (why) => {
  throw new Refused(why);
};
const need = (condition, why) => condition || refuse(why);

const sha256 = (...parts) => parts.reduce((h, p) => h.update(p), createHash("sha256")).digest();
const LF = 0x0a;

// Strict base64 (RFC 4648 section 4): whatever does not encode back to itself had another spelling.
const base64 = (text, why) => {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : refuse(why);
};
// Decimal without sign or leading zero, below 2^64.
const decimal = (text, why) => {
  need(/^(0|[1-9][0-9]{0,19})$/.test(text), why);
  const n = BigInt(text);
  return n < 1n << 64n ? n : refuse(why);
};
const utf8 = (bytes, why) => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return refuse(why);
  }
};

// ---- signed-note ----

const nameIsValid = (name) => name !== "" && !/[\u0000-\u001f+\p{White_Space}]/u.test(name);

// Splits at the last empty line; returns the text as bytes and the parsed signature lines.
const openNote = (bytes) => {
  const whole = utf8(bytes, "the note is not UTF-8");
  need(!/[\u0000-\u0009\u000b-\u001f]/.test(whole), "the note has control characters");
  need(whole.endsWith("\n"), "the note does not end in a newline");
  const at = whole.lastIndexOf("\n\n");
  need(at >= 0, "the note has no empty line");
  const text = whole.slice(0, at + 1);
  const lines = whole.slice(at + 2).split("\n");
  need(lines.pop() === "" && lines.length > 0, "the note has no signature");
  const signatures = lines.map((line) => {
    const parts = /^\u2014 ([^ ]+) ([^ ]+)$/u.exec(line);
    need(parts && nameIsValid(parts[1]), "a signature line is malformed");
    const blob = base64(parts[2], "a signature is not base64");
    need(blob.length > 4, "a signature is empty");
    return { name: parts[1], id: blob.subarray(0, 4), bytes: blob.subarray(4) };
  });
  return { text: Buffer.from(text), signatures };
};

const ed25519Spki = Buffer.from("302a300506032b6570032100", "hex");
const ed25519 = (key, message, signature) => {
  if (signature.length !== 64) return false;
  try {
    const der = Buffer.concat([ed25519Spki, key]);
    return verify(null, message, createPublicKey({ key: der, format: "der", type: "spki" }), signature);
  } catch {
    return false;
  }
};

// Type 0x01 signs the text; type 0x04 (cosignature/v1) signs a header, a time and the text.
const signatureIsGood = (key, bytes, text) => {
  if (key.type === 0x01) return ed25519(key.public, text, bytes);
  if (bytes.length !== 72) return false;
  const time = bytes.readBigUInt64BE(0);
  if (time >= 1n << 63n) return false;
  const message = Buffer.concat([Buffer.from(`cosignature/v1\ntime ${time}\n`), text]);
  return ed25519(key.public, message, bytes.subarray(8));
};

// vkey: name+hex(key id)+base64(type || key); text is a string of octets.
const parseVkey = (octets) => {
  const text = utf8(Buffer.from(octets, "latin1"), "a key name is not UTF-8");
  const parts = /^([^+]*)\+([0-9a-f]{8})\+(.*)$/su.exec(text);
  need(parts && nameIsValid(parts[1]), "a verifier key is malformed");
  const material = base64(parts[3], "a verifier key is not base64");
  need(material.length === 33, "a verifier key has the wrong length");
  const id = sha256(parts[1], "\n", material).subarray(0, 4);
  need(id.toString("hex") === parts[2], "a key id does not belong to its key");
  return { name: parts[1], id, type: material[0], public: material.subarray(1) };
};

// ---- tlog-policy ----

const parsePolicy = (bytes) => {
  const text = bytes.toString("latin1"); // octets; names are compared as such
  need(!/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text), "the policy has control characters");
  need(text === "" || text.endsWith("\n"), "the policy's last line has no newline");
  const policy = { logs: [], witnesses: [], quorum: undefined };
  const named = new Map(); // name -> { key } or { k, members }
  const used = new Set();
  const addKey = (list, vkey, type) => {
    const key = parseVkey(vkey);
    need(key.type === type, "a key has the wrong signature type");
    need(!list.some((k) => k.public.equals(key.public)), "a public key is listed twice");
    const all = [...policy.logs, ...policy.witnesses];
    need(!all.some((k) => k.name === key.name && k.id.equals(key.id)), "two keys share name and id");
    list.push(key);
    return key;
  };
  const define = (name, what) => {
    need(name !== "none" && !named.has(name), "a name is defined twice");
    named.set(name, what);
  };
  for (const line of text.split("\n")) {
    const words = line.split(/[ \t]+/).filter((w) => w !== "");
    if (words.length === 0 || words[0].startsWith("#")) continue;
    const [kind, ...rest] = words;
    if (kind === "log") {
      need(rest.length === 1 || rest.length === 2, "a log line is malformed");
      addKey(policy.logs, rest[0], 0x01);
    } else if (kind === "witness") {
      need(rest.length === 2 || rest.length === 3, "a witness line is malformed");
      define(rest[0], { key: addKey(policy.witnesses, rest[1], 0x04) });
    } else if (kind === "group") {
      const [name, threshold, ...members] = rest;
      need(members.length >= 1, "a group line is malformed");
      for (const member of members) {
        need(named.has(member), "a member is not defined before its group");
        need(!used.has(member), "a name is a member twice");
        used.add(member);
      }
      const n = BigInt(members.length);
      const k = threshold === "any" ? 1n : threshold === "all" ? n : decimal(threshold, "a threshold is malformed");
      need(k >= 1n && k <= n, "a threshold is out of range");
      define(name, { k, members: members.map((m) => named.get(m)) });
    } else if (kind === "quorum") {
      need(rest.length === 1 && policy.quorum === undefined, "a quorum line is malformed or repeated");
      need(rest[0] === "none" || named.has(rest[0]), "the quorum is not defined");
      policy.quorum = rest[0] === "none" ? null : named.get(rest[0]);
    } else {
      refuse("a policy line has no known keyword");
    }
  }
  need(policy.quorum !== undefined, "the policy has no quorum line");
  return policy;
};

const witnessed = (rule, by) =>
  rule.key ? by.has(rule.key) : BigInt(rule.members.filter((m) => witnessed(m, by)).length) >= rule.k;

// ---- tlog-checkpoint ----

const checkCheckpoint = (policy, bytes) => {
  const note = openNote(bytes);
  const lines = note.text.toString().split("\n");
  need(lines.pop() === "" && lines.length >= 3 && lines.every((l) => l !== ""), "the checkpoint lacks a line");
  const checkpoint = {
    origin: lines[0],
    size: decimal(lines[1], "the tree size is malformed"),
    root: base64(lines[2], "the root is not base64"),
  };
  need(checkpoint.root.length === 32, "the root is not 32 bytes");
  const by = new Set();
  for (const s of note.signatures) {
    const key = [...policy.logs, ...policy.witnesses].find((k) => k.name === s.name && k.id.equals(s.id));
    if (!key) continue; // signatures of unknown keys are ignored
    need(!by.has(key), "a key signed twice");
    need(signatureIsGood(key, s.bytes, note.text), `the signature of ${s.name} does not verify`);
    by.add(key);
  }
  need(policy.logs.some((k) => k.name === checkpoint.origin && by.has(k)), "no listed log of this origin signed");
  need(policy.quorum === null || witnessed(policy.quorum, by), "the quorum has not cosigned");
  return checkpoint;
};

// ---- RFC 9162 2.1.3.2 ----

const inclusionIsGood = (leaf, index, size, path, root) => {
  if (index >= size) return false;
  let fn = index;
  let sn = size - 1n;
  let r = leaf;
  for (const p of path) {
    if (sn === 0n) return false;
    if ((fn & 1n) === 1n || fn === sn) {
      r = sha256(Buffer.of(1), p, r);
      while ((fn & 1n) === 0n && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else {
      r = sha256(Buffer.of(1), r, p);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  return sn === 0n && r.equals(root);
};

// ---- tlog-proof ----

const parseProof = (bytes) => {
  let at = 0;
  const line = () => {
    const end = bytes.indexOf(LF, at);
    need(end >= 0, "the proof breaks off");
    const text = bytes.toString("latin1", at, end);
    at = end + 1;
    return text;
  };
  need(line() === "c2sp.org/tlog-proof@v1", "this is no tlog-proof of version 1");
  let next = line();
  if (next.startsWith("extra ")) {
    need(base64(next.slice(6), "the extra data is not base64").length > 0, "the extra data is empty");
    next = line();
  }
  need(next.startsWith("index "), "the index line is missing");
  const index = decimal(next.slice(6), "the index is malformed");
  const path = [];
  while ((next = line()) !== "") {
    path.push(base64(next, "a proof line is not base64"));
    need(path.at(-1).length === 32 && path.length <= 64, "a proof line is not a hash");
  }
  return { index, path, note: bytes.subarray(at) };
};

// ---- entries (docs/log.md) ----

// RFC 8785 restricted to objects, arrays, strings, safe integers, booleans and null; ASCII keys.
const canonical = (value, depth = 1) => {
  need(depth <= 16 || typeof value !== "object" || value === null, "the statement is nested too deep");
  if (value === null || typeof value === "boolean") return JSON.stringify(value);
  if (typeof value === "number") {
    need(Number.isSafeInteger(value), "the statement has a number that is no safe integer");
    return JSON.stringify(value);
  }
  if (typeof value === "string") {
    need(value.isWellFormed() && !value.includes("\u0000"), "the statement has a bad string");
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map((v) => canonical(v, depth + 1)).join(",")}]`;
  const keys = Object.keys(value).sort();
  need(keys.every((k) => /^[\x20-\x7e]*$/.test(k)), "the statement has a key that is not printable ASCII");
  return `{${keys.map((k) => `${JSON.stringify(k)}:${canonical(value[k], depth + 1)}`).join(",")}}`;
};

const checkEntry = (leaf, statement, salt) => {
  need(leaf.length >= 20 && leaf.length <= 65535, "the entry has a wrong length");
  const prefix = leaf.toString("latin1", 0, 8);
  const entry = { member: leaf.readUInt16BE(8), sequence: leaf.readBigUInt64BE(10) };
  const rest = leaf.subarray(18);
  need(entry.sequence >= 1n, "the entry has sequence 0");
  if (prefix === "public/1") {
    const text = utf8(rest, "the entry's statement is not UTF-8");
    let value;
    try {
      value = JSON.parse(text);
    } catch {
      refuse("the entry's statement is not JSON");
    }
    need(text.startsWith("{") && canonical(value) === text, "the entry's statement is not canonical");
    need(rest.equals(statement), "the statement is not the entry's");
    need(!salt, "a public entry has no salt");
  } else {
    need(prefix === "anchor/1" && rest.length === 32, "the entry is neither public nor an anchor");
    need(salt, "the salt is missing");
    need(sha256(salt, statement).equals(rest), "the commitment is to another salt or statement");
  }
  return entry;
};

// ---- a receipt ----

const readSalt = (path) => {
  if (!existsSync(path)) return null;
  const text = readFileSync(path, "latin1");
  if (text === "") return null;
  need(/^[0-9a-f]{64}$/.test(text), "the salt is not 64 lower-case hex digits");
  return Buffer.from(text, "hex");
};

const verifyReceipt = (policy, stem) => {
  const leaf = readFileSync(`${stem}.leaf`);
  const proof = parseProof(readFileSync(`${stem}.tlog-proof`));
  const checkpoint = checkCheckpoint(policy, proof.note);
  const hash = sha256(Buffer.of(0), leaf);
  need(
    inclusionIsGood(hash, proof.index, checkpoint.size, proof.path, checkpoint.root),
    "the entry is not in the tree at this index",
  );
  const entry = checkEntry(leaf, readFileSync(`${stem}.statement`), readSalt(`${stem}.salt`));
  return { ...checkpoint, index: proof.index, ...entry };
};

const verdict = (policyPath, stem) => {
  try {
    const r = verifyReceipt(parsePolicy(readFileSync(policyPath)), stem);
    return { good: true, text: `${r.origin} index ${r.index} of ${r.size}, member ${r.member} no. ${r.sequence}` };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { good: false, text: error.message };
  }
};

const compare = (list) => {
  let agreed = 0;
  let differ = 0;
  let accepted = 0;
  for (const line of readFileSync(list, "utf8").trimEnd().split("\n")) {
    const [expected, policy, stem] = line.split(" ");
    const got = verdict(join(dirname(list), policy), join(dirname(list), stem));
    if (got.good === (expected === "accept")) {
      agreed++;
      accepted += got.good ? 1 : 0;
    } else {
      differ++;
      console.log(`${stem}: expected ${expected}, here ${got.good ? "accept" : "refuse"} (${got.text})`);
    }
  }
  console.log(`accepted by both: ${accepted}, refused by both: ${agreed - accepted}, differ: ${differ}`);
  return differ === 0 && accepted > 0 && agreed > accepted;
};

const verifyAll = (policy, paths) => {
  const stems = paths.flatMap((p) =>
    existsSync(p) && statSync(p).isDirectory()
      ? readdirSync(p)
          .filter((f) => f.endsWith(".tlog-proof"))
          .sort()
          .map((f) => join(p, f.slice(0, -".tlog-proof".length)))
      : [p.replace(/\.tlog-proof$/, "")],
  );
  let failed = 0;
  for (const stem of stems) {
    const got = verdict(policy, stem);
    if (!got.good) failed++;
    if (!got.good || stems.length <= 20) console.log(`${got.good ? "verified" : "REFUSED"} ${stem}: ${got.text}`);
  }
  console.log(`${stems.length - failed} verified, ${failed} refused`);
  return stems.length > 0 && failed === 0;
};

const [first, ...others] = process.argv.slice(2);
if (first === undefined || others.length === 0) {
  console.error("usage: verify_receipt.mjs POLICY STEM|DIR... | --compare FILE");
  process.exit(2);
}
process.exit((first === "--compare" ? compare(others[0]) : verifyAll(first, others)) ? 0 : 1);
