/* What the mock's handlers share: finding objects, who may have them, pages. */
import './node-version.mjs';
import { sha256 } from './client.mjs';
import { Refusal } from './strict-json.mjs';

export const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
export const NOT_FOUND = () => new Refusal('object.not_found');
export const key = Buffer.alloc(32, 7);
export const text = (value) => ({ text: value });
export const find = (map, id) => {
    if (!ID.test(id) || !map.has(id)) throw NOT_FOUND();
    return map.get(id);
};
/* One's own, or the same answer as for what does not exist. */
export function mine(c, object, owner = object.owner) {
    if (
        owner !== c.account.id &&
        !(c.mock.bug === 'foreign-read' && c.operation.id === 'getRecordVersion')
    )
        throw c.mock.bug === 'foreign-404'
            ? new Refusal('object.not_found', '', 'This is not yours.')
            : NOT_FOUND();
    return object;
}
export function signedBySelf(c) {
    if (c.statement.signer !== c.account.identity && c.mock.bug !== 'signature')
        throw new Refusal('statement.signer');
}
/* Pages of 1..100 with a MAC on the cursor. */
const mac = (n) => sha256(key, String(n)).toString('hex').slice(0, 16);
export function page(c, items) {
    let start = 0;
    if (c.query.cursor !== undefined) {
        const [n, tag] = c.query.cursor.split('_');
        if (!/^\d+$/.test(n) || (mac(n) !== tag && c.mock.bug !== 'cursor'))
            throw new Refusal('query.cursor');
        start = Number(n);
    }
    const end = start + (c.query.limit ?? 50);
    const next = end < items.length ? `${end}_${mac(end)}` : null;
    return {
        value: { items: items.slice(start, end), next },
        headers: next
            ? {
                  Link:
                      `<?${new URLSearchParams({ ...(c.mock.bug === 'link' ? {} : c.query), cursor: next })}>` +
                      '; rel="next"',
              }
            : {},
    };
}
