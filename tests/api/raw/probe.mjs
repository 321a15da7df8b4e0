// Raw socket probes of the HTTP edge. Usage: node probe.mjs PATH_OF_edge_server
// Each hostile head goes out with a good request behind it in the same write: there must be exactly one
// reply, with the right status and code, and the connection must be closed.
import { start, exchange, replies, header, check, finish } from './lib.mjs';

const server = await start(process.argv[2], ['--rate-local', '1000000']);
const port = server.port;
const HOST = 'Host: a\r\n';
const GET = `GET /fast HTTP/1.1\r\n${HOST}`;
const GOOD = `GET /count HTTP/1.1\r\n${HOST}\r\n`;
const POST = `POST /json HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nIdempotency-Key: 0123456789abcdef\r\n`;
const QUOTED = JSON.stringify(GOOD);
const line = (target, version = 'HTTP/1.1') => `GET ${target} ${version}\r\n${HOST}\r\n`;

const hostile = [
  ['empty line first', 400, `\r\n${GET}\r\n`],
  ['bare LF everywhere', 400, 'GET /fast HTTP/1.1\nHost: a\n\n'],
  ['bare LF after the request line', 400, `GET /fast HTTP/1.1\n${HOST}\r\n`],
  ['bare LF after a field', 400, 'GET /fast HTTP/1.1\r\nHost: a\n\r\n'],
  ['bare LF at the end', 400, `GET /fast HTTP/1.1\r\n${HOST}\n`],
  ['bare CR in a value', 400, `${GET}X: a\rY: b\r\n\r\n`],
  ['CR CR LF', 400, `${GET}X: a\r\r\n\r\n`],
  ['NUL in a value', 400, `${GET}X: a\0b\r\n\r\n`],
  ['NUL in a name', 400, `${GET}X\0: a\r\n\r\n`],
  ['NUL in the target', 400, line('/fast\0')],
  ['control byte in a value', 400, `${GET}X: a\x01\r\n\r\n`],
  ['DEL in a value', 400, `${GET}X: \x7f\r\n\r\n`],
  ['control byte in a name', 400, `${GET}X\x1f: a\r\n\r\n`],
  ['8-bit name', 400, `${GET}X\xe9: a\r\n\r\n`],
  ['folded line', 400, `${GET}X: a\r\n b\r\n\r\n`],
  ['folded line, tab', 400, `${GET}X: a\r\n\tb\r\n\r\n`],
  ['space before the first field', 400, `GET /fast HTTP/1.1\r\n ${HOST}\r\n`],
  ['space before the colon', 400, 'GET /fast HTTP/1.1\r\nHost : a\r\n\r\n'],
  ['space before the colon of a length', 400, `${POST}Content-Length : 2\r\n\r\n{}`],
  ['no colon', 400, `${GET}nothing\r\n\r\n`],
  ['empty name', 400, `${GET}: a\r\n\r\n`],
  ['name with brackets', 400, `${GET}X[]: a\r\n\r\n`],
  ['two spaces before the target', 400, `GET  /fast HTTP/1.1\r\n${HOST}\r\n`],
  ['two spaces after the target', 400, `GET /fast  HTTP/1.1\r\n${HOST}\r\n`],
  ['space after the version', 400, `GET /fast HTTP/1.1 \r\n${HOST}\r\n`],
  ['tab for a space', 400, `GET\t/fast HTTP/1.1\r\n${HOST}\r\n`],
  ['no version', 400, `GET /fast\r\n${HOST}\r\n`],
  ['HTTP/1.0', 505, line('/fast', 'HTTP/1.0')],
  ['HTTP/2.0', 505, line('/fast', 'HTTP/2.0')],
  ['HTTP/1.2', 505, line('/fast', 'HTTP/1.2')],
  ['HTTP/1.10', 400, line('/fast', 'HTTP/1.10')],
  ['http/1.1', 400, line('/fast', 'http/1.1')],
  ['garbage version', 400, line('/fast', 'XXXX/1.1')],
  ['HTTP/2 preface', 400, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['TLS hello', 400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['method with a bracket', 400, `G[T /fast HTTP/1.1\r\n${HOST}\r\n`],
  ['long method', 400, `${'A'.repeat(20)} /fast HTTP/1.1\r\n${HOST}\r\n`],
  ['absolute target', 400, line('http://a/fast')],
  ['asterisk', 400, `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`],
  ['authority', 400, `CONNECT a:443 HTTP/1.1\r\n${HOST}\r\n`],
  ['double slash', 400, line('//fast')],
  ['double slash inside', 400, line('/a//fast')],
  ['dots', 400, line('/../fast')],
  ['dots inside', 400, line('/a/../fast')],
  ['dot', 400, line('/./fast')],
  ['escaped dots', 400, line('/a/%2e%2e/fast')],
  ['escaped dot, capital', 400, line('/%2E/fast')],
  ['escaped slash', 400, line('/a%2ffast')],
  ['escaped slash, capital', 400, line('/a%2Ffast')],
  ['escaped backslash', 400, line('/a%5cfast')],
  ['escaped NUL', 400, line('/fast%00')],
  ['escaped NUL in the query', 400, line('/fast?a=%00')],
  ['escaped line end', 400, line('/fast%0d%0a')],
  ['bad escape', 400, line('/fast%zz')],
  ['cut escape', 400, line('/fast%2')],
  ['backslash', 400, line('/a\\fast')],
  ['fragment', 400, line('/fast#a')],
  ['8-bit target', 400, line('/f\xe4st')],
  ['33 parameters', 400, line(`/fast?${'&'.repeat(32)}`)],
  ['long target', 414, line(`/${'a'.repeat(2048)}`)],
  ['no Host', 400, 'GET /fast HTTP/1.1\r\n\r\n'],
  ['two Hosts', 400, `${GET}${HOST}\r\n`],
  ['empty Host', 400, 'GET /fast HTTP/1.1\r\nHost:\r\n\r\n'],
  ['Host with a space', 400, 'GET /fast HTTP/1.1\r\nHost: a b\r\n\r\n'],
  ['Host with a list', 400, 'GET /fast HTTP/1.1\r\nHost: a, b\r\n\r\n'],
  ['Host with a path', 400, 'GET /fast HTTP/1.1\r\nHost: a/b\r\n\r\n'],
  ['Host with a user', 400, 'GET /fast HTTP/1.1\r\nHost: u@b\r\n\r\n'],
  ['two equal lengths', 400, `${POST}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`],
  ['two lengths', 400, `${POST}Content-Length: 2\r\nContent-Length: 0\r\n\r\n{}`],
  ['list of lengths', 400, `${POST}Content-Length: 2, 2\r\n\r\n{}`],
  ['negative length', 400, `${POST}Content-Length: -2\r\n\r\n{}`],
  ['signed length', 400, `${POST}Content-Length: +2\r\n\r\n{}`],
  ['hexadecimal length', 400, `${POST}Content-Length: 0x2\r\n\r\n{}`],
  ['space behind the length', 400, `${POST}Content-Length: 2 \r\n\r\n{}`],
  ['overflowing length', 400, `${POST}Content-Length: 18446744073709551618\r\n\r\n{}`],
  ['empty length', 400, `${POST}Content-Length:\r\n\r\n{}`],
  ['chunked', 411, `${POST}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`],
  ['chunked and length', 400, `${POST}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['length and chunked', 400, `${POST}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n`],
  ['unknown coding', 411, `${POST}Transfer-Encoding: xchunked\r\n\r\n{}`],
  ['hidden coding', 400, `${POST}Content-Length: 2\r\nTransfer-Encoding:\x0bchunked\r\n\r\n{}`],
  ['body on GET', 400, `${GET}Content-Length: 2\r\n\r\n{}`],
  ['body on HEAD', 400, `HEAD /fast HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\n{}`],
  ['body on DELETE', 400, `DELETE /thing/a HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\n{}`],
  ['two tokens', 400, `${GET}Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n`],
  ['two types', 400, `${POST}Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}`],
  ['two keys', 400, `${POST}Idempotency-Key: 1123456789abcdef\r\nContent-Length: 2\r\n\r\n{}`],
  ['other expectation', 417, `${POST}Expect: 101-go\r\nContent-Length: 2\r\n\r\n{}`],
  ['too many fields', 431, `${GET}${'X: a\r\n'.repeat(64)}\r\n`],
  ['too large a head', 431, `${GET}X: ${'a'.repeat(16400)}\r\n\r\n`],
  ['far too large a head', 431, `${GET}X: ${'a'.repeat(400000)}\r\n\r\n`],
  ['too many cookies', 431, `${GET}Cookie: ${'a=b;'.repeat(200)}\r\n\r\n`],
];

function one(name, status, result) {
  const got = replies(result.text);
  const ok = result.how === 'closed' && got.length === 1 && got[0].status === status;
  check(ok, `${name}: wanted one ${status} and the end, got ${result.how} ${got.map((r) => r.status)}`);
  if (!ok) return;
  let problem = {};
  try { problem = JSON.parse(got[0].body); } catch { /* checked below */ }
  check(problem.status === status && typeof problem.code === 'string'
    && header(got[0], 'content-type') === 'application/problem+json'
    && header(got[0], 'connection') === 'close'
    && header(got[0], 'x-request-id') === problem.instance, `${name}: the problem document`);
}

for (const [name, status, bytes] of hostile) {
  one(name, status, await exchange(port, bytes + GOOD));
  const halves = [bytes.slice(0, 20), bytes.slice(20) + GOOD];
  one(`${name}, in two writes`, status, await exchange(port, halves, { pause: 5 }));
}

// A bad head behind good ones: the good are answered first, in order, then the refusal, then the end.
for (const [name, status, bytes] of hostile.filter((_, i) => i % 4 === 0)) {
  for (const [what, before, statuses] of [
    ['inline', GET + '\r\n', [200]],
    ['worker', `GET /work HTTP/1.1\r\n${HOST}\r\n`, [200]],
    ['three', `${GET}\r\nGET /echo/x HTTP/1.1\r\n${HOST}\r\n${POST}Content-Length: 2\r\n\r\n{}`, [200, 200, 201]],
  ]) {
    const got = replies((await exchange(port, before + bytes + GOOD)).text).map((r) => r.status);
    check(String(got) === String([...statuses, status]), `${name} behind ${what}: got ${got}`);
  }
}

// What has to work.
const good = [
  ['pipelined inline', `${GET}\r\n${GET}\r\n${GOOD}`, [200, 200, 200]],
  ['pipelined over workers', `GET /work HTTP/1.1\r\n${HOST}\r\n`.repeat(5), [200, 200, 200, 200, 200]],
  ['body like a request', `${POST}Content-Length: ${QUOTED.length}\r\n\r\n${QUOTED}${GOOD}`, [201, 200]],
  ['PATCH', `PATCH /fast HTTP/1.1\r\n${HOST}\r\n`, [405]],
  ['lower-case method', `get /fast HTTP/1.1\r\n${HOST}\r\n`, [405]],
  ['OPTIONS', `OPTIONS /fast HTTP/1.1\r\n${HOST}\r\n`, [204]],
  ['upgrade is ignored', `${GET}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n`
    + 'HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n', [200]],
  ['largest head', `${GET}X: ${'a'.repeat(16384 - GET.length - 7)}\r\n\r\n${GOOD}`, [200, 200]],
  ['64 fields', `${GET}${'X: a\r\n'.repeat(63)}\r\n${GOOD}`, [200, 200]],
  ['costly head', `${GET}${`X: ${'a'.repeat(200)}\r\n`.repeat(63)}\r\n${GOOD}`, [200, 200]],
  ['refusal keeps the connection', `GET /nothing HTTP/1.1\r\n${HOST}\r\n${GET}\r\n`, [404, 200]],
  ['401 keeps the connection', `GET /me/a HTTP/1.1\r\n${HOST}\r\n${GET}\r\n`, [401, 200]],
  ['403', `GET /patient/a HTTP/1.1\r\n${HOST}Authorization: Bearer token-x\r\n\r\n`, [403]],
  ['role', `GET /patient/a HTTP/1.1\r\n${HOST}Authorization: bearer token-patient\r\n\r\n`, [200]],
  ['basic is no bearer', `GET /me/a HTTP/1.1\r\n${HOST}Authorization: Basic YTpi\r\n\r\n`, [401]],
  ['bad token on a public route', `GET /echo/a HTTP/1.1\r\n${HOST}Authorization: Bearer x\r\n\r\n`, [401]],
  ['unknown parameter', `GET /echo/a?x=1 HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ['parameter twice', `GET /echo/a?q=1&q=2 HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ['nine parameters', `GET /echo/a?a&b&c&d&e&f&g&h&i HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ['not an id', `GET /id/x HTTP/1.1\r\n${HOST}\r\n`, [404]],
  ['id', `GET /id/00000000-0000-4000-8000-000000000001 HTTP/1.1\r\n${HOST}\r\n`, [200]],
  ['trailing slash', `GET /fast/ HTTP/1.1\r\n${HOST}\r\n`, [404]],
  ['forgotten reply', `GET /broken HTTP/1.1\r\n${HOST}\r\n`, [500]],
  ['file', `GET /file HTTP/1.1\r\n${HOST}\r\n`, [200]],
  ['JSON syntax', `${POST}Content-Length: 1\r\n\r\n{`, [400]],
  ['empty JSON', `${POST}Content-Length: 0\r\n\r\n`, [400]],
  ['no length', `${POST}\r\n`, [411]],
  ['If-Match missing', `DELETE /thing/a HTTP/1.1\r\n${HOST}\r\n`, [428]],
  ['If-Match stale', `DELETE /thing/a HTTP/1.1\r\n${HOST}If-Match: "v6"\r\n\r\n`, [412]],
  ['If-Match weak', `DELETE /thing/a HTTP/1.1\r\n${HOST}If-Match: W/"v7"\r\n\r\n`, [412]],
  ['If-Match', `DELETE /thing/a HTTP/1.1\r\n${HOST}If-Match: "v7"\r\n\r\n`, [204]],
];
for (const [name, bytes, statuses] of good) {
  const last = bytes.lastIndexOf('\r\n\r\n') === bytes.length - 4
    ? bytes.slice(0, -2) + 'Connection: close\r\n\r\n' : null;
  const result = await exchange(port, last ?? bytes, { wait: last ? 3000 : 400 });
  const got = replies(result.text).map((r) => r.status);
  check(String(got) === String(statuses) && (last === null || result.how === 'closed'),
    `${name}: wanted ${statuses}, got ${result.how} ${got}`);
}

// Refusals while a body is coming: answered at once, nothing behind it is read as a request.
const refused = [
  ['too large', 413, `${POST}Content-Length: 70000\r\n\r\n${GOOD}`],
  ['far too large', 413, `${POST}Content-Length: 999999999999999999\r\n\r\n${GOOD}`],
  ['type', 415, `POST /json HTTP/1.1\r\n${HOST}Content-Type: text/plain\r\n`
    + `Content-Length: ${GOOD.length}\r\n\r\n${GOOD}`],
  ['no type', 415, `POST /json HTTP/1.1\r\n${HOST}Content-Length: ${GOOD.length}\r\n\r\n${GOOD}`],
  ['sign in', 401, `POST /me/a HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n`
    + `Content-Length: 2\r\n\r\n{}${GOOD}`],
  ['unknown path', 404, `POST /nothing HTTP/1.1\r\n${HOST}Content-Length: ${GOOD.length}\r\n\r\n${GOOD}${GOOD}`],
  ['method', 405, `PATCH /fast HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\n{}${GOOD}`],
  ['body on a bodiless POST', 405, `POST /work HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\n{}${GOOD}`],
  ['too large, asking first', 413, `${POST}Expect: 100-continue\r\nContent-Length: 70000\r\n\r\n`],
];
for (const [name, status, bytes] of refused) {
  const result = await exchange(port, bytes);
  one(name, status, result);
}
// The client that keeps sending still gets to read its refusal.
for (let i = 0; i < 20; i++) {
  const anyway = [`${POST}Content-Length: 900000\r\n\r\n`, Buffer.alloc(900000, 32)];
  one('too large, sent anyway', 413, await exchange(port, anyway));
}

// Cut off in the middle.
one('half a head', 400, await exchange(port, 'GET /fast HT', { half: true }));
one('half a body', 400, await exchange(port, `${POST}Content-Length: 20\r\n\r\n{`, { half: true }));

// Headers of every reply, ETag, tracing.
{
  const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const [r] = replies((await exchange(port, `${GET}traceparent: ${trace}\r\nConnection: close\r\n\r\n`)).text);
  check(header(r, 'x-request-id') === trace.slice(3, 35) && header(r, 'traceparent') === trace,
    'traceparent is taken and echoed');
  const zero = trace.replace(/0af7651916cd43dd8448eb211c80319c/, '0'.repeat(32));
  for (const bad of [zero, `ff${trace.slice(2)}`, `${trace}-x`, trace.toUpperCase()]) {
    const [b] = replies((await exchange(port, `${GET}traceparent: ${bad}\r\nConnection: close\r\n\r\n`)).text);
    check(header(b, 'traceparent') === undefined && header(b, 'x-request-id') !== bad.slice(3, 35),
      `traceparent ${bad} is not`);
  }
  for (const name of ['x-content-type-options', 'cache-control', 'referrer-policy', 'ratelimit',
    'ratelimit-policy', 'x-request-id'])
    check(header(r, name) !== undefined, `every reply has ${name}`);
  const [s] = replies((await exchange(port, `GET /split HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`)).text);
  check(s?.status === 204 && header(s, 'set-cookie') === undefined, 'a header cannot be split');
  const tags = [['"v7"', 304], ['W/"v7"', 304], ['"v6", "v7"', 304], ['*', 304], ['"v6"', 200], ['"v77"', 200]];
  for (const [tag, status] of tags) {
    const ask = `HEAD /etag HTTP/1.1\r\n${HOST}If-None-Match: ${tag}\r\nConnection: close\r\n\r\n`;
    const [e] = replies((await exchange(port, ask)).text);
    check(e.status === status && header(e, 'etag') === '"v7"', `If-None-Match ${tag}: got ${e.status}`);
  }
}

// The same key and body hash alike, another body does not.
{
  const hash = async (body) => {
    const ask = `${POST}Connection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    return JSON.parse(replies((await exchange(port, ask)).text)[0].body).hash;
  };
  const [a, b, c] = [await hash('{"a":1}'), await hash('{"a":1}'), await hash('{"a":2}')];
  check(a === b && a !== c && /^[0-9a-f]{64}$/.test(a), 'request hash');
}

check(server.files().length === 0, 'no temporary file is left');
const ask = `GET /metrics HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;
const metrics = replies((await exchange(port, ask)).text)[0].body;
check(/cairn_http_refused_total\{code="http.malformed"\} [1-9]/.test(metrics), 'refusals are counted');
check(/cairn_http_requests_total\{method="GET",route="\/fast",status="2xx"\} [1-9]/.test(metrics),
  'requests are counted');
const how = await server.stop();
check(how.code === 0 && server.stdout.includes('stopped'),
  `a clean stop: ${JSON.stringify(how)} ${server.stderr.slice(-2000)}`);
finish('probes');
