#!/bin/bash
# Behind `make demo`: server/demo.sh BUILD. Founds a federation on this machine, sends every patient of a cohort through
# the main job over the public API, with sponsor, patients and reviewers at different members, and leaves what came of
# it in DEMO_OUT. The federation is gone afterwards.
#   COHORT    CSV (default tests/data/pbcseq.csv)   MAPPING   its mapping, else the one that fits its columns
#   TERMS     terms, else those for its disease      DEMO_OUT  default build/demo     PATIENTS  only the first N
#   MEMBERS   4 by default, 1 for a federation of one; never 2 or 3 (docs/federation.md)
set -euo pipefail
top=$(pwd)
cd "$(dirname "$0")/.."
B=${1:?usage: server/demo.sh BUILD}
absolute() { case $1 in /*) echo "$1" ;; *) echo "$top/$1" ;; esac; }

members=${MEMBERS:-4}
cohort=$(absolute "${COHORT:-$PWD/tests/data/pbcseq.csv}")
out=$(absolute "${DEMO_OUT:-$PWD/build/demo}")
[ -r "$cohort" ] || { echo "COHORT=$cohort cannot be read" >&2; exit 2; }
options=(--cohort "$cohort" --out "$out" --data "$PWD/tests/data")
[ -z "${MAPPING:-}" ] || options+=(--mapping "$(absolute "$MAPPING")")
[ -z "${TERMS:-}" ] || options+=(--terms "$(absolute "$TERMS")")
[ -z "${PATIENTS:-}" ] || options+=(--patients "$PATIENTS")

# shellcheck source=server/federation.sh
. server/federation.sh
# Not below a home folder: as root, cairnd runs under the account cairn, which must reach the folder.
base=$(mktemp -d /var/tmp/cairn-demo.XXXXXX)
trap 'federation_stop_all >/dev/null 2>&1 || true; rm -rf "$base"' EXIT
trap 'exit 130' INT TERM
[ "$(id -u)" != 0 ] || chown cairn: "$base"
federation_found "$B" "$base" "$members" "$(federation_ports "$members")" demo.invalid/cairn >"$base/founded" ||
    { cat "$base/founded" >&2; exit 1; }
list=
federation_start_all "$B" "$base" "$members"
for ((i = 1; i <= members; i++)); do
    list+="${list:+, }{\"server\": \"${FEDERATION_URL[$i]}\", \"operator_key\": \"$base/operator-$i/root.key\"}"
done
echo "{\"members\": [$list]}" >"$base/members.json"
rm -rf "$out/summary.json" "$out/policy" "$out/public" "$out/receipts" # of an earlier run
status=0
"$B/cairn" --home "$base/operator-1" demo --federation "$base/members.json" "${options[@]}" || status=$?
federation_stop_all || status=$?
if [ "$status" != 0 ]; then
    for ((i = 1; i <= members; i++)); do
        echo "demo failed ($status); the end of member $i's log:" >&2
        tail -n 20 "$base/log/member-$i.log" >&2
    done
    exit "$status"
fi
echo
echo "Left behind: $out/summary.json, and for programs that are not ours policy and receipts/ID.*"
