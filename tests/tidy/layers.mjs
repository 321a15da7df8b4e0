// Who may include whom. Includes run one way: api -> domain -> store, ledger -> crypto -> base.
// A file belongs to the first zone whose prefix its path has; a zone may include itself and what `may`
// names.

export const ZONES = [
    { name: 'base', at: 'server/base/', may: [] },
    { name: 'crypto', at: 'server/crypto/', may: ['base'] },
    { name: 'ledger-core', at: 'server/ledger/core/', may: ['base', 'crypto', 'ledger-log'] },
    { name: 'ledger-log', at: 'server/ledger/log/', may: ['base', 'crypto'] },
    { name: 'ledger-wire', at: 'server/ledger/wire/', may: ['base', 'crypto', 'ledger-core', 'ledger-log'] },
    { name: 'ledger-members', at: 'server/ledger/members/',
      may: ['base', 'crypto', 'rules', 'ledger-core', 'ledger-log', 'ledger-wire'] },
    // Formats and pure rules: bytes in, bytes out. The client computes with the very same files.
    { name: 'rules', may: ['base', 'crypto'],
      at: new RegExp('^server/(statement/|timeline/|vault/format\\.|market/reward\\.|'
          + 'review/(draw|score|verdict)\\.|peer/(httpsig|fields_text|nonces)\\.)') },
    { name: 'store', at: 'server/store/', may: ['base', 'crypto', 'ledger-log', 'rules'] },
    { name: 'ledger-io', at: 'server/ledger/io/',
      may: ['base', 'crypto', 'rules', 'ledger-core', 'ledger-log', 'ledger-wire', 'ledger-members', 'store',
            'app'] },
    { name: 'app', at: 'server/app.h', may: ['base', 'crypto'] },
    { name: 'wiring', at: /^server\/(main|app|config)[a-z_]*\.[ch]$/, may: ['*'] },
    { name: 'act', at: /^server\/act\.[ch]$/,
      may: ['base', 'crypto', 'rules', 'store', 'ledger-io', 'app', 'domain'] },
    { name: 'client', at: 'api/client/',
      may: ['base', 'crypto', 'rules', 'ledger-core', 'ledger-log', 'ledger-wire', 'ledger-members'] },
    { name: 'edge', at: 'api/',
      may: ['base', 'crypto', 'rules', 'ledger-core', 'ledger-log', 'ledger-wire', 'ledger-members',
            'ledger-io', 'store', 'app', 'act', 'domain'] },
    // Every other file of server/ is the domain: rules over the store, no HTTP, no SQL text.
    { name: 'domain', at: 'server/',
      may: ['base', 'crypto', 'rules', 'ledger-log', 'ledger-io', 'store', 'app', 'act', 'domain'] },
    { name: 'tests', at: 'tests/', may: ['*'] },
];

// Domain folders meet through FOLDER/FOLDER.h; these headers are public beside it.
export const PUBLIC = [
    'server/market/board.h',
    'server/market/bounty.h',
    'server/market/money.h',
    'server/market/price.h',
    'server/market/states.h',
    'server/market/submission.h',
    'server/party/enroll.h',
    'server/peer/post.h',
    'server/review/round.h',
    'server/vault/blobs.h',
    'server/vault/record.h',
];

// Libraries that one place alone may see.
export const FENCED = [
    { header: /^sodium(\.h|\/)/, only: [/^server\/crypto\//] },
    { header: /^openssl\//, only: [/^server\/crypto\//] },
    { header: /^(libpq-fe|postgres_ext|pg_config)\.h$/, only: [/^server\/store\//] },
    { header: /^microhttpd\.h$/, only: [/^api\/http\//] },
    { header: /^gnutls\//, only: [/^api\/http\//] },
    { header: /^curl\//, only: [/^api\/client\//, /^server\/peer\//, /^server\/ledger\/io\//] },
];

// The pure zones: no clock, no thread, no file, no socket. What the other headers would offer does not
// compile without them; the calls are those of the headers that are left.
export const PURE = {
    zones: ['ledger-core', 'ledger-log', 'ledger-wire', 'ledger-members'],
    system: ['assert.h', 'inttypes.h', 'limits.h', 'stdbool.h', 'stddef.h', 'stdint.h', 'stdio.h',
             'string.h', 'stdlib.h', 'stdarg.h'],
    calls: ['fopen', 'fread', 'fwrite', 'fputs', 'puts', 'printf', 'fprintf', 'rename', 'remove', 'time',
            'clock', 'clock_gettime', 'clock_wall', 'clock_monotonic', 'random', 'random_bytes', 'getenv'],
};

export function zoneOf(path) {
    return ZONES.find((z) => (z.at instanceof RegExp ? z.at.test(path) : path.startsWith(z.at)));
}
