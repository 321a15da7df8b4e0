/* Envelopes and wraps as docs/vault.md describes them, made with libsodium and @hpke/core: a second
 * implementation beside the server's own, so that what the tests upload is the real thing. */
import './node-version.mjs';
import crypto from 'node:crypto';
import sodium from 'libsodium-wrappers-sumo';
import { CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { Chacha20Poly1305 } from '@hpke/chacha20poly1305';
import { b64, canonical, sha256 } from './client.mjs';

await sodium.ready;
const CHUNK = 65536;
const HEAD_BYTES = 148;
export const AAD_BYTES = 92;

const blake = (bytes, key = null) => Buffer.from(sodium.crypto_generichash(32, bytes, key));

/* Padme: keep as many of the leading bits as the length of the exponent has. */
function padded(len) {
    const exponent = Math.floor(Math.log2(len));
    const spare = exponent - (Math.floor(Math.log2(exponent)) + 1);
    const mask = 2 ** spare - 1;
    return Math.max(256, Math.ceil(len / (mask + 1)) * (mask + 1));
}

export function contentCommitment(dek, content) {
    const key = Buffer.from(
        crypto.hkdfSync('sha256', dek, Buffer.alloc(0), 'cairn/v1/content', 32),
    );
    return blake(content, key);
}

/* subject = { record, version, schema, owner (32 bytes) }; returns { envelope, dek, manifest }. */
export function seal(subject, content, dek = crypto.randomBytes(32)) {
    const version = Buffer.alloc(4);
    version.writeUInt32BE(subject.version);
    const aad = Buffer.concat([
        Buffer.from('CAIRNVT\x01', 'latin1'),
        Buffer.from(subject.record.replaceAll('-', ''), 'hex'),
        version,
        sha256(subject.schema),
        subject.owner,
    ]);
    const keyCommitment = blake(Buffer.concat([Buffer.from('cairn/kc/v1'), aad]), dek);

    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(content.length));
    const plain = Buffer.alloc(padded(8 + content.length));
    length.copy(plain);
    content.copy(plain, 8);

    const { state, header } = sodium.crypto_secretstream_xchacha20poly1305_init_push(dek);
    const parts = [aad, keyCommitment, Buffer.from(header)];
    for (let at = 0; at < plain.length; at += CHUNK) {
        const last = at + CHUNK >= plain.length;
        const tag = last
            ? sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
            : sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
        parts.push(
            Buffer.from(
                sodium.crypto_secretstream_xchacha20poly1305_push(
                    state,
                    plain.subarray(at, at + CHUNK),
                    aad,
                    tag,
                ),
            ),
        );
    }
    const envelope = Buffer.concat(parts);
    return {
        envelope,
        dek,
        aad,
        manifest: {
            suite: 1,
            schema: subject.schema,
            size: envelope.length,
            ciphertext_hash: b64(blake(envelope)),
            key_commitment: b64(keyCommitment),
            content_commitment: b64(contentCommitment(dek, content)),
        },
    };
}

export function open(envelope, dek) {
    const aad = envelope.subarray(0, AAD_BYTES);
    const wanted = blake(Buffer.concat([Buffer.from('cairn/kc/v1'), aad]), dek);
    if (!wanted.equals(envelope.subarray(AAD_BYTES, AAD_BYTES + 32)))
        throw new Error('the key commitment does not match');
    const state = sodium.crypto_secretstream_xchacha20poly1305_init_pull(
        envelope.subarray(AAD_BYTES + 32, HEAD_BYTES),
        dek,
    );
    const parts = [];
    for (let at = HEAD_BYTES; at < envelope.length; at += CHUNK + 17) {
        const got = sodium.crypto_secretstream_xchacha20poly1305_pull(
            state,
            envelope.subarray(at, at + CHUNK + 17),
            aad,
        );
        if (!got) throw new Error('a chunk does not open');
        parts.push(Buffer.from(got.message));
    }
    const plain = Buffer.concat(parts);
    const length = Number(plain.readBigUInt64BE(0));
    return plain.subarray(8, 8 + length);
}

const suite = new CipherSuite({
    kem: new DhkemX25519HkdfSha256(),
    kdf: new HkdfSha256(),
    aead: new Chacha20Poly1305(),
});
const wrapInfo = (contextHash) => Buffer.concat([Buffer.from('cairn/wrap/v1'), contextHash]);

export async function wrap(recipient, contextHash, dek) {
    const recipientPublicKey = await suite.kem.deserializePublicKey(Uint8Array.from(recipient));
    const sender = await suite.createSenderContext({
        recipientPublicKey,
        info: wrapInfo(contextHash),
    });
    return Buffer.concat([Buffer.from(sender.enc), Buffer.from(await sender.seal(dek))]);
}

export async function unwrap(recipient, contextHash, bytes) {
    const recipientKey = await suite.kem.importKey('raw', Uint8Array.from(recipient.seed), false);
    const context = await suite.createRecipientContext({
        recipientKey,
        enc: Uint8Array.from(bytes.subarray(0, 32)),
        info: wrapInfo(contextHash),
    });
    return Buffer.from(await context.open(Uint8Array.from(bytes.subarray(32))));
}

/* A canonical timeline of n visits, 90 days apart, each with two liver tests. */
export function timeline(disease, visits = 3) {
    const observations = [];
    for (let i = 0; i < visits; i++) {
        const date = new Date(Date.UTC(2020, 0, 1 + 90 * i)).toISOString().slice(0, 10);
        for (const [code, value] of [
            ['1742-6', 410 + 13 * i],
            ['1975-2', 11 + 10 * i],
        ])
            observations.push({
                code,
                date,
                precision: 'day',
                scale: code === '1975-2' ? 1 : 0,
                system: 'http://loinc.org',
                unit: code === '1975-2' ? 'mg/dL' : 'U/L',
                value,
            });
    }
    return Buffer.from(canonical({ disease, format: 'cairn-timeline/1', observations }));
}
