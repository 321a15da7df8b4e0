#!/bin/bash
# The demo as a test: every cohort goes through, and the summary and receipts say so. tests/demo.sh [BUILD [PATIENTS]]
# All go through four members, but for cgd, which shows that the demo runs on a federation of one as well.
# Cohorts: those of tests/data, and every CSV of the folder CAIRN_COHORTS that a mapping fits.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
. tests/lib/env.sh
B=${1:-build/plain}
PATIENTS=${2:-}
export PATIENTS
passed=0
failed=0
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
trap 'exit 130' INT TERM

ok() {
    passed=$((passed + 1))
    echo "ok   $*"
}
bad() {
    failed=$((failed + 1))
    echo "FAIL $*"
}

# What must hold of any run, said in its own summary, and of the files beside it.
sound() { # NAME
    node - "$out/$1" "$1" "$PATIENTS" "$MEMBERS" <<'NODE'
const fs = require('fs');
const [dir, name, only, members] = process.argv.slice(2);
const s = JSON.parse(fs.readFileSync(`${dir}/summary.json`));
const files = fs.readdirSync(`${dir}/receipts`);
const count = (suffix) => files.filter((f) => f.endsWith(suffix)).length;
const wrong = [];
const must = (ok, what) => ok || wrong.push(what);
const { accepted, rejected, returned } = s.submissions;
must(s.books.sum_minor === 0, `books.sum_minor is ${s.books.sum_minor}`);
must(s.books.negative_accounts === 0, `${s.books.negative_accounts} negative accounts`);
must(s.receipts.failed === 0 && s.receipts.verified > 0, `receipts ${JSON.stringify(s.receipts)}`);
must(s.books.clearing_open_minor === 0, `${s.books.clearing_open_minor} on its way between members`);
must(s.members === Number(members), `${s.members} members, not ${members}`);
// A C2SP tlog-proof ends with the checkpoint: the log's signature, then those of the cosigners.
const quorum = s.members - Math.floor((s.members - 1) / 3);
const signatures = (f) => fs.readFileSync(`${dir}/receipts/${f}`, 'utf8').match(/^\u2014 /gm)?.length ?? 0;
const signed = files.filter((f) => f.endsWith('.tlog-proof')).map(signatures);
must(Math.min(...signed) >= 1 + quorum, `a receipt has ${Math.min(...signed) - 1} cosignatures, not ${quorum}`);
must(/^quorum /m.test(fs.readFileSync(`${dir}/policy`, 'utf8')), 'the policy names no quorum');
must((accepted > 0) === (s.paid_minor > 0) && s.reviewers_paid_minor > 0, 'pay does not follow decisions');
must(accepted + rejected + returned <= s.patients, 'more submissions than patients');
must(s.entries >= s.receipts.verified, 'fewer entries than receipts');
for (const suffix of ['.tlog-proof', '.leaf', '.statement', '.salt'])
    must(count(suffix) === s.receipts.verified, `${count(suffix)} files *${suffix}`);
must(fs.statSync(`${dir}/policy`).size > 0, 'no policy');
must(fs.readdirSync(`${dir}/public`).length >= 3, 'no public entry');
if (name === 'pbcseq' && !only) {
    must(s.patients === 220 && s.visits === 1562, `${s.patients} patients, ${s.visits} visits`);
    must(accepted > 0 && rejected + returned > 0, 'all series were judged alike');
    must(s.seconds < 60, `${s.seconds} s`);
}
for (const w of wrong)
    console.log(`     ${name}: ${w}`);
console.log(`     ${name}: ${s.patients} patients, ${accepted} accepted, ${returned} returned, ${rejected} rejected, ` +
    `${s.entries} entries, ${s.receipts.verified} receipts, ${s.seconds.toFixed(1)} s`);
process.exit(wrong.length ? 1 : 0);
NODE
}

run() { # NAME CSV [MEMBERS]
    export MEMBERS=${3:-4}
    if COHORT=$2 DEMO_OUT=$out/$1 server/demo.sh "$B" >"$out/$1.log" 2>&1; then
        ok "$1: make demo ends with success"
    else
        bad "$1: make demo"
        tail -n 30 "$out/$1.log"
        return
    fi
    if sound "$1"; then ok "$1: the summary is sound"; else bad "$1: the summary is not sound"; fi
    if "$B/cairn" verify --policy "$out/$1/policy" --dir "$out/$1/receipts" >"$out/$1.verify" 2>&1; then
        ok "$1: cairn verify takes the folder"
    else
        bad "$1: cairn verify"
        tail -n 5 "$out/$1.verify"
    fi
}

# A series that is no series must be refused with a sentence, and leave nothing running.
refused() {
    printf 'a,b\n1,2\n' >"$out/nothing.csv"
    if MEMBERS=1 COHORT=$out/nothing.csv DEMO_OUT=$out/nothing server/demo.sh "$B" >"$out/nothing.log" 2>&1; then
        bad "a file without the mapped columns was taken"
    else
        ok "a file without the mapped columns is refused"
    fi
}

run pbcseq tests/data/pbcseq.csv
run cgd tests/data/cgd.csv 1
if [ -d "${CAIRN_COHORTS:-}" ]; then
    for csv in "$CAIRN_COHORTS"/*.csv; do
        case $(basename "$csv" .csv) in pbcseq | cgd) ;; *) run "$(basename "$csv" .csv)" "$csv" ;; esac
    done
else
    echo "note: CAIRN_COHORTS is not set: only the cohorts of tests/data were sent through"
fi
refused
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
