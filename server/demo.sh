#!/bin/bash
# Behind `make demo`: server/demo.sh BUILD. Sends every patient of a cohort through the main job on a fresh
# member of its own, over the public API, and leaves what came of it in DEMO_OUT.
#   COHORT    CSV (default tests/data/pbcseq.csv)   MAPPING   its mapping, else the one that fits its columns
#   TERMS     terms, else those for its disease      DEMO_OUT  default build/demo     PATIENTS  only the first N
set -euo pipefail
top=$(pwd)
cd "$(dirname "$0")/.."
SERVER_B=${1:?usage: server/demo.sh BUILD}
absolute() { case $1 in /*) echo "$1" ;; *) echo "$top/$1" ;; esac; }

cohort=$(absolute "${COHORT:-$PWD/tests/data/pbcseq.csv}")
out=$(absolute "${DEMO_OUT:-$PWD/build/demo}")
[ -r "$cohort" ] || { echo "COHORT=$cohort cannot be read" >&2; exit 2; }
options=(--cohort "$cohort" --out "$out" --data "$PWD/tests/data")
[ -z "${MAPPING:-}" ] || options+=(--mapping "$(absolute "$MAPPING")")
[ -z "${TERMS:-}" ] || options+=(--terms "$(absolute "$TERMS")")
[ -z "${PATIENTS:-}" ] || options+=(--patients "$PATIENTS")

# shellcheck source=../tests/lib/server.sh
. tests/lib/server.sh
operator=$(mktemp -d)
trap 'server_remove; rm -rf "$operator"' EXIT
trap 'exit 130' INT TERM
key=$("$SERVER_B/cairn" --home "$operator" --json keygen | sed -n 's/.*"identity_key":"\([^"]*\)".*/\1/p')
[ -n "$key" ] || { echo "no operator key" >&2; exit 1; }
SERVER_FEDERATION=demo.invalid/cairn server_make "$key"
server_start
rm -rf "$out/summary.json" "$out/policy" "$out/public" "$out/receipts" # of an earlier run
status=0
"$SERVER_B/cairn" --server "$SERVER_URL" --home "$operator" demo --operator-key "$operator/root.key" \
    "${options[@]}" || status=$?
server_stop || status=$?
if [ "$status" != 0 ]; then
    echo "demo failed ($status); the end of the member's log:" >&2
    tail -n 20 "$SERVER_DIR/log/err" >&2
fi
echo
echo "Left behind: $out/summary.json, and for programs that are not ours policy and receipts/ID.*"
exit "$status"
