/* openapi.yaml as the tests use it: one flat list of operations with references resolved, and ajv
 * (JSON Schema 2020-12) compiled over the whole document, so that every $ref means what it says. */
import './node-version.mjs';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import YAML from 'yaml';

export const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const METHODS = ['get', 'post', 'put', 'delete'];
const DOCUMENT = 'cairn:openapi';

const escaped = (text) => encodeURIComponent(text.replaceAll('~', '~0').replaceAll('/', '~1'));

export class Spec {
    constructor(file = path.join(repository, 'openapi.yaml')) {
        this.doc = YAML.parse(fs.readFileSync(file, 'utf8'));
        /* strict mode is for authors of pure schemas; this document has OpenAPI around its schemas */
        this.ajv = new Ajv2020.default({ strict: false, allErrors: false, validateSchema: false });
        addFormats.default(this.ajv);
        this.ajv.addSchema(this.doc, DOCUMENT);
        this.compiled = new Map();
        this.all = [];
        for (const [template, item] of Object.entries(this.doc.paths))
            for (const method of METHODS)
                if (item[method]) this.all.push(this.#operation(template, method, item[method]));
        /* What people may call of one member; what members call among themselves is in tests/api/peer,
         * and what needs a second member in tests/unit/api/test_members.c. */
        this.operations = this.all.filter((o) => o.who !== 'peer' && !o.raw['x-federated']);
        this.byId = new Map(this.all.map((o) => [o.id, o]));
    }

    resolve(node) {
        if (!node?.$ref) return node;
        const parts = node.$ref
            .slice(2)
            .split('/')
            .map((p) => p.replaceAll('~1', '/').replaceAll('~0', '~'));
        return this.resolve(parts.reduce((at, p) => at[p], this.doc));
    }

    #operation(template, method, o) {
        const content = o.requestBody?.content ?? {};
        const type = Object.keys(content)[0] ?? null;
        return {
            id: o.operationId,
            method: method.toUpperCase(),
            template,
            raw: o,
            who: o['x-roles'][0],
            ownership: o['x-ownership'],
            parties: o['x-parties'] ?? [],
            deadline: o['x-deadline-ms'],
            bodyMax: o['x-body-max'],
            codes: new Set(o['x-codes']),
            bodyType: type,
            bodySchema: type === 'application/json' ? content[type].schema : null,
            bodyExample: type ? content[type].example : undefined,
            parameters: o.parameters.map((p) => this.resolve(p)),
            responses: new Map(
                Object.entries(o.responses).map(([status, r]) => [
                    Number(status),
                    {
                        ...this.resolve(r),
                        pointer: this.#replyPointer(template, method, status, r),
                    },
                ]),
            ),
        };
    }
    #replyPointer(template, method, status, response) {
        return response.$ref ?? `#/paths/${escaped(template)}/${method}/responses/${status}`;
    }

    validator(pointer) {
        if (!this.compiled.has(pointer))
            this.compiled.set(pointer, this.ajv.compile({ $ref: `${DOCUMENT}${pointer}` }));
        return this.compiled.get(pointer);
    }
    /* Null if the value is valid against the schema, else one sentence that says where it is not. */
    problem(pointer, value) {
        const check = this.validator(pointer);
        if (check(value)) return null;
        const e = check.errors[0];
        const extra = e.params?.additionalProperty;
        return `${e.instancePath || '/'} ${e.message}${extra ? ` (${extra})` : ''}`;
    }
    bodyProblem(operation, value) {
        const pointer = operation.bodySchema.$ref;
        return this.problem(pointer, value);
    }
    replyProblem(operation, status, type, value) {
        const { pointer } = operation.responses.get(status);
        return this.problem(`${pointer}/content/${escaped(type)}/schema`, value);
    }
    parameterProblem(parameter, value) {
        if (parameter.schema.$ref) return this.problem(parameter.schema.$ref, value);
        const check = this.ajv.validate(parameter.schema, value);
        return check ? null : this.ajv.errorsText();
    }
}

/* Code -> { status, title, http } of server/base/err.def; http is false behind its "Not sent over
 * HTTP" line. */
export function errorRegistry(file = path.join(repository, 'server/base/err.def')) {
    const text = fs.readFileSync(file, 'utf8');
    const local = text.indexOf('/* Not sent over HTTP');
    if (local < 0) throw new Error(`${file}: the line "Not sent over HTTP" is gone`);
    const codes = new Map();
    for (const m of text.matchAll(/^ERR\((\w+),\s*(\d+),\s*"([^"]+)",\s*"((?:[^"\\]|\\.)*)"\)/gm))
        if (!codes.has(m[3]))
            codes.set(m[3], {
                name: m[1],
                status: Number(m[2]),
                title: m[4],
                http: m.index < local,
            });
    if (codes.size < 20) throw new Error(`${file}: only ${codes.size} errors understood`);
    return codes;
}
