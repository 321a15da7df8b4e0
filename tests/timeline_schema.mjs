// docs/timeline.schema.json and docs/mapping.schema.json against the files that the C parsers are tested
// with, and against broken copies of them. Needs ajv 8 from tests/apigate/node_modules (npm ci there).
// Further arguments are files of canonical timelines, one a line. Ends with "N passed, N failed".
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';

const root = new URL('../', import.meta.url);
const require = createRequire(new URL('tests/apigate/package.json', root));
const { default: Ajv2020 } = require('ajv/dist/2020.js');
const text = (path) => readFileSync(new URL(path, root), 'utf8');

const ajv = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false, allErrors: false });
const timeline = ajv.compile(JSON.parse(text('docs/timeline.schema.json')));
const mapping = ajv.compile(JSON.parse(text('docs/mapping.schema.json')));

let passed = 0;
let failed = 0;
function expect(wanted, validate, value, name) {
  if (validate(value) === wanted) {
    passed++;
    return;
  }
  failed++;
  console.error(`${name}: ${wanted ? ajv.errorsText(validate.errors) : 'taken, but broken'}`);
}

// A copy of value, changed by edit.
function broken(value, edit) {
  const copy = structuredClone(value);
  edit(copy);
  return copy;
}

for (const name of ['empty', 'one', 'mixed', 'cgd', 'patient'])
  expect(true, timeline, JSON.parse(text(`tests/fuzz/corpus/timeline/${name}.json`)), name);

const mixed = JSON.parse(text('tests/fuzz/corpus/timeline/mixed.json'));
const quantity = mixed.observations.findIndex((o) => o.scale > 0);
const coded = mixed.observations.findIndex((o) => 'value_code' in o);
const edits = {
  'unknown member': (t) => { t.note = ''; },
  'disease': (t) => { t.disease = 'ORPHA:186'; },
  'format': (t) => { t.format = 'cairn-timeline/2'; },
  'trailing zero': (t) => { t.observations[quantity].value = 1450; },
  'zero with a scale': (t) => { t.observations[quantity].value = 0; },
  'real number': (t) => { t.observations[quantity].value = 14.5; },
  'too large': (t) => { t.observations[quantity].value = 1000000000000001; },
  'scale': (t) => { t.observations[quantity].scale = 10; },
  'no unit': (t) => { delete t.observations[quantity].unit; },
  'both kinds': (t) => { t.observations[quantity].value_code = 'Y'; },
  'no value system': (t) => { delete t.observations[coded].value_system; },
  'coarse date': (t) => { t.observations[coded].date = '1974-08-02'; },
  'coarse year': (t) => { Object.assign(t.observations[coded], { precision: 'year' }); },
  'precision': (t) => { t.observations[quantity].precision = 'week'; },
  'date': (t) => { t.observations[quantity].date = '1974-13-01'; },
  'year 0': (t) => { t.observations[quantity].date = '0000-01-01'; },
  'not ASCII': (t) => { t.observations[quantity].unit = '\u00b5g'; },
  'space at the end': (t) => { t.observations[quantity].code += ' '; },
  'long code': (t) => { t.observations[quantity].code = 'c'.repeat(65); },
  'too many': (t) => { t.observations = Array(20001).fill(t.observations[quantity]); },
};
for (const [name, edit] of Object.entries(edits)) expect(false, timeline, broken(mixed, edit), name);

for (const name of readdirSync(new URL('tests/data/mappings/', root)))
  expect(true, mapping, JSON.parse(text(`tests/data/mappings/${name}`)), name);
for (const name of ['quantity', 'code', 'event', 'fixed'])
  expect(true, mapping, JSON.parse(text(`tests/fuzz/corpus/mapping/${name}.json`)), name);
const cgd = JSON.parse(text('tests/data/mappings/cgd.json'));
const mappingEdits = {
  'no date': (m) => { delete m.date; },
  'no columns': (m) => { m.columns = []; },
  'no plus': (m) => { delete m.date.plus; },
  'date kind': (m) => { m.date.kind = 'hours'; },
  'epoch of another kind': (m) => { m.date.epoch = '1974-01-01'; },
  'type': (m) => { m.columns[0].type = 'text'; },
  'unknown member': (m) => { m.columns[0].unti = 'cm'; },
  'unit of an event': (m) => { m.columns[0].unit = 'cm'; },
  'when without equals': (m) => { delete m.columns[0].when.equals; },
  'once': (m) => { m.columns[2].once = 1; },
  'value without code': (m) => { delete m.columns[0].value.code; },
};
for (const [name, edit] of Object.entries(mappingEdits)) expect(false, mapping, broken(cgd, edit), name);

for (const path of process.argv.slice(2))
  readFileSync(path, 'utf8').split('\n').filter((line) => line !== '')
    .forEach((line, i) => expect(true, timeline, JSON.parse(line), `${path}:${i + 1}`));

console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
