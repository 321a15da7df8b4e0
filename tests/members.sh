#!/bin/bash
# The README's job on the command line, with everybody at another member: sponsor at 1, patient at 2, reviewers at 2, 3
# and 4. Then each member's files alone are audited and verified. tests/members.sh [BUILD]
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lib/env.sh
B=${1:-build/plain}
. server/federation.sh

base=$(mktemp -d /var/tmp/cairn-test.XXXXXX)
trap 'federation_stop_all >/dev/null 2>&1 || true; rm -rf "$base"' EXIT
trap 'exit 130' INT TERM
[ "$(id -u)" != 0 ] || chown cairn: "$base"
federation_found "$B" "$base" 4 "$(federation_ports 4)" test.invalid/cairn >"$base/founded"
for i in 1 2 3 4; do
    federation_start "$B" "$base" "$i"
done
passed=0
failed=0
check() { # WHAT COMMAND...
    local what=$1
    shift
    if "$@" >"$base/out" 2>&1; then
        passed=$((passed + 1))
        echo "ok   $what"
    else
        failed=$((failed + 1))
        echo "FAIL $what"
        tail -n 5 "$base/out"
    fi
}
refused() { # WHAT CODE COMMAND...: must fail with this code
    local what=$1 code=$2
    shift 2
    if "$@" >"$base/said" 2>&1; then
        echo "not refused" >"$base/said"
    fi
    check "$what" grep -F "[$code]" "$base/said"
}

declare -A at=([sponsor]=1 [patient]=2 [alder]=2 [birch]=3 [cedar]=4)
as() { "$B/cairn" --server "${FEDERATION_URL[${at[$1]}]}" --home "$base/$1" "${@:2}"; }
operator() { "$B/cairn" --server "${FEDERATION_URL[$1]}" --home "$base/operator-$1" "${@:2}"; }
id() { sed -n 's/.*"id":"\([^"]*\)".*/\1/p'; }
# What another member has to learn first is asked for until it is there.
until_there() {
    local deadline=$((SECONDS + 30))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || { echo "not there after 30 s: $*" >&2; return 1; }
        sleep 0.1
    done
}
enroll() { # NAME ROLE INSTITUTION
    as "$1" keygen >/dev/null
    as "$1" register >/dev/null
    operator "${at[$1]}" attest --account "$(as "$1" --json whoami | id)" --role "$2" --institution "$3" >/dev/null
}

for i in 1 2 3 4; do operator "$i" register >/dev/null; done
enroll sponsor sponsor foundation
enroll patient patient clinic
for who in alder birch cedar; do enroll $who reviewer institute-$who; done
as sponsor deposit --amount 1000000 --currency EUR --reference first >/dev/null
"$B/cairn" bounty template >"$base/terms.json"
bounty=$(as sponsor --json bounty publish --terms "$base/terms.json" | id)
as sponsor bounty fund --amount 500000 "$bounty" >/dev/null
until_there as patient bounty show "$bounty"
for who in alder birch cedar; do until_there as $who review list --member 1; done

as patient import --csv tests/data/pbcseq.csv --mapping tests/data/mappings/pbcseq.json --subject 2 \
    --out "$base/series" >/dev/null
series=$base/series/timeline-0002.json
submission=$(as patient --json submit --bounty "$bounty" --file "$series" | id)
check "a patient submits to another member's bounty" test -n "$submission"
check "it is listed there" bash -c 'grep -q "$1"' - "$submission" < <(as patient submission list --bounty "$bounty")
check "it is not at home" bash -c '! grep -q "$1"' - "$submission" < <(as patient submission list)
refused "without the bounty it is not found" object.not_found as patient submission show "$submission"
check "with it, it is" as patient submission show --bounty "$bounty" "$submission"
refused "nor by a reviewer who asks at home" object.not_found as cedar review open --out "$base/x" "$submission"

cat >"$base/verdict.json" <<'VERDICT'
{ "rubric": { "authentic": 9000, "complete": 8000, "consistent": 9000, "coded": 9000, "useful": 8000 },
  "visits": 9, "months": 105, "recommend": "accept", "reasons": [] }
VERDICT
for who in alder birch cedar; do
    check "$who finds the seat" bash -c 'grep -qE "$1 +1 "' - "$submission" < <(as $who review list --all)
    check "$who opens the slice" as $who review open --out "$base/slice-$who" --member 1 "$submission"
    check "$who commits" as $who review score --verdict "$base/verdict.json" --member 1 "$submission"
done
check "alder reveals" as alder review score --member 1 "$submission"
check "birch reveals" as birch review score --member 1 "$submission"
paid() { as patient wallet | grep -q EUR; }
until_there paid
check "the pay came" paid
check "and is paid out" as patient payout --amount 1000 --currency EUR --destination "my account"

check "the patient's receipts at home" as patient receipt get --all --wait 20 --out "$base/held/patient"
check "and those of the bounty" as patient receipt get --all --wait 20 --bounty "$bounty" --out "$base/held/patient"
check "cedar's at the bounty" as cedar receipt get --all --wait 20 --member 1 --out "$base/held/cedar"
for i in 1 2 3 4; do
    url=${FEDERATION_URL[$i]}
    "$B/cairn" --server "$url" policy --out "$base/policy-$i" >/dev/null
    audit=("$B/cairn" --server "$url" audit --policy "$base/policy-1" --state "$base/state"
        --receipts "$base/held/patient")
    until_there "${audit[@]}" || true # a member may be a moment behind what was seen at the one before
    check "member $i is audited with the policy of member 1" "${audit[@]}"
    check "its policy is the one of member 1" cmp "$base/policy-1" "$base/policy-$i"
done
federation_stop_all
for who in patient cedar; do
    check "$who's receipts verify offline" "$B/cairn" verify --policy "$base/policy-3" --dir "$base/held/$who"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
