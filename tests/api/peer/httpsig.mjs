// HTTP Message Signatures as docs/peers.md describes them, written from RFC 9421 and RFC 9530 over
// node:crypto alone: the second opinion on server/peer/httpsig.c, which shares no code with it.
import { createHash, createPrivateKey, createPublicKey, sign, verify, randomBytes } from 'node:crypto';

const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

export class Key {
  constructor(seed) {
    this.seed = seed;
    this.private = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
    this.public = createPublicKey(this.private).export({ format: 'der', type: 'spki' }).subarray(-32);
  }
}

export const digest = (body) => `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;

// RFC 9421 2.5. request: { method, target, headers: lower-case names }.
export function signatureBase(request, components, params) {
  const [path, query] = request.target.split('?');
  const derived = { '@method': request.method, '@path': path };
  if (query !== undefined) derived['@query'] = `?${query}`;
  const lines = components.map((name) => {
    const value = name.startsWith('@') ? derived[name] : request.headers[name];
    if (value === undefined) throw new Error(`the request has no ${name}`);
    return `"${name}": ${value}`;
  });
  return [...lines, `"@signature-params": ${params}`].join('\n');
}

export function wanted(request) {
  const has = (name) => (request.headers[name] !== undefined ? [name] : []);
  return [
    '@method',
    '@path',
    ...(request.target.includes('?') ? ['@query'] : []),
    ...has('content-digest'),
    ...has('content-type'),
    ...has('content-length'),
    'cairn-member',
    ...has('cairn-on-behalf-of'),
    ...has('idempotency-key'),
    ...has('if-match'),
  ];
}

// Adds the two fields to request.headers. Everything can be bent for a test.
export function signRequest(request, key, from, bend = {}) {
  const components = bend.components ?? wanted(request);
  const created = bend.created ?? Math.floor(Date.now() / 1000);
  const nonce = bend.nonce ?? randomBytes(8).toString('hex');
  const params =
    `(${components.map((c) => `"${c}"`).join(' ')});created=${created};expires=${bend.expires ?? created + 60}` +
    `;keyid="${bend.keyid ?? `member-${from}`}";nonce="${nonce}";alg="${bend.alg ?? 'ed25519'}"` +
    `;tag="${bend.tag ?? 'cairn-peer'}"`;
  let signature = sign(null, Buffer.from(signatureBase(request, components, params)), key.private);
  if (bend.signature) signature = bend.signature(signature);
  request.headers['signature-input'] = `cairn=${params}`;
  request.headers.signature = `cairn=:${signature.toString('base64')}:`;
  return request;
}

// What a member sent: throws unless all is as described. Returns what was signed.
export function verifyRequest(request, publicKey, body) {
  const form = [
    '^cairn=(\\((.*?)\\);created=(\\d+);expires=(\\d+);keyid="member-(\\d+)"',
    'nonce="([0-9a-f]{16})";alg="ed25519";tag="cairn-peer")$',
  ].join(';');
  const input = new RegExp(form).exec(request.headers['signature-input']);
  const signature = /^cairn=:([A-Za-z0-9+/]{86}==):$/.exec(request.headers.signature);
  if (!input || !signature) throw new Error(`not our form: ${request.headers['signature-input']}`);
  const components = input[2].split(' ').map((c) => JSON.parse(c));
  if (components.join() !== wanted(request).join()) throw new Error(`covers ${components}`);
  if (Number(input[4]) - Number(input[3]) !== 60) throw new Error('does not live for 60 s');
  const base = Buffer.from(signatureBase(request, components, input[1]));
  const key = createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' });
  if (!verify(null, base, key, Buffer.from(signature[1], 'base64'))) throw new Error('the signature is wrong');
  if (request.headers['content-digest'] !== digest(body)) throw new Error('the digest is wrong');
  return { from: Number(input[5]), created: Number(input[3]), nonce: input[6] };
}

// RFC 9421 B.2.6: the same code must make the RFC's own signature.
export function selfTest() {
  const key = new Key(Buffer.from('n4Ni+HpISpVObnQMW0wOhCKROaIKqKtW/2ZYb2p9KcU=', 'base64'));
  const params =
    '("date" "@method" "@path" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"';
  const request = {
    method: 'POST',
    target: '/foo?param=Value&Pet=dog',
    headers: { date: 'Tue, 20 Apr 2021 02:07:55 GMT', 'content-type': 'application/json', 'content-length': '18' },
  };
  // "@authority" is not among what members cover: its line is put in by hand.
  const base = signatureBase(request, ['date', '@method', '@path', 'content-type', 'content-length'], params)
    .replace('"content-type": ', '"@authority": example.com\n"content-type": ')
    .replace('"@path" "content-type"', '"@path" "@authority" "content-type"');
  return (
    sign(null, Buffer.from(base), key.private).toString('base64') ===
      'wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==' &&
    digest('{"hello": "world"}\n') === 'sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:'
  );
}
