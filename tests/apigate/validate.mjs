/* Holds one real reply against openapi.yaml: status, headers, content type, body, error code. Returns
 * a list of sentences; an empty one means that the reply is as described. */
import './node-version.mjs';

const PROBLEM = 'application/problem+json';
const JSON_TYPES = new Set(['application/json', PROBLEM]);

function checkHeaders(spec, response, reply, found) {
    for (const [name, ref] of Object.entries(response.headers ?? {})) {
        const header = spec.resolve(ref);
        const value = reply.headers[name.toLowerCase()];
        if (value === undefined) {
            if (header.required) found.push(`header ${name} is missing`);
            continue;
        }
        const wrong = spec.parameterProblem({ schema: header.schema }, value);
        if (wrong) found.push(`header ${name} is "${value}": ${wrong}`);
    }
}

function utf8(bytes) {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}

function readBody(type, reply, found) {
    try {
        if (JSON_TYPES.has(type)) return JSON.parse(utf8(reply.body));
        return type.startsWith('text/') || type.includes('openmetrics')
            ? utf8(reply.body)
            : reply.body.toString('latin1');
    } catch (e) {
        found.push(`the body is no ${type}: ${e.message}`);
        return undefined;
    }
}

function checkProblem(operation, registry, reply, value, found) {
    const known = registry.get(value.code);
    if (!known) return void found.push(`the code ${value.code} is not in err.def`);
    if (!operation.codes.has(value.code))
        found.push(`the code ${value.code} is not documented here`);
    if (value.status !== reply.status)
        found.push(`status member ${value.status} under ${reply.status}`);
    if (known.status !== reply.status)
        found.push(`${value.code} belongs to status ${known.status}`);
    if (value.type !== `https://cairn.invalid/problems/${value.code}`)
        found.push(`type is ${value.type}`);
    if (value.instance !== reply.headers['x-request-id'])
        found.push('instance is not the X-Request-Id');
}

function checkVersion(reply, value, found) {
    const etag = reply.headers.etag;
    if (etag !== undefined && Number.isInteger(value?.version) && etag !== `"v${value.version}"`)
        found.push(`ETag ${etag} beside version ${value.version}`);
}

export function validateReply(spec, registry, operation, reply) {
    const found = [];
    const response = operation.responses.get(reply.status);
    if (!response)
        return [`status ${reply.status} is not documented: ${reply.body.toString().slice(0, 300)}`];
    checkHeaders(spec, response, reply, found);
    const types = Object.keys(response.content ?? {});
    if (types.length === 0) {
        if (reply.body.length > 0)
            found.push(`${reply.body.length} bytes of body where none belongs`);
        return found;
    }
    const type = (reply.headers['content-type'] ?? '').split(';')[0].trim().toLowerCase();
    if (!types.includes(type))
        return [...found, `Content-Type is "${type}", not ${types.join(' or ')}`];
    const value = readBody(type, reply, found);
    if (value === undefined) return found;
    const wrong = spec.replyProblem(operation, reply.status, type, value);
    if (wrong) found.push(`the ${reply.status} body breaks its schema: ${wrong}`);
    else if (type === PROBLEM) checkProblem(operation, registry, reply, value, found);
    else if (type === 'application/json') checkVersion(reply, value, found);
    return found;
}

/* Replies outside of any operation (unknown path, wrong method): the problem alone. */
export function validateBare(spec, registry, reply, code) {
    const operation = {
        codes: new Set([code]),
        responses: new Map([
            [
                registry.get(code).status,
                {
                    ...spec.doc.components.responses.NotFound,
                    pointer: '#/components/responses/NotFound',
                },
            ],
        ]),
    };
    return validateReply(spec, registry, operation, reply);
}
