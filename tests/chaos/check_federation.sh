#!/bin/bash
# Four members under kills, crashes, partitions, bad links, pauses, full disk, power cuts, clock jumps and a lost
# vote log: check_federation.sh [CYCLES], 5 by default, 36 with LONG=1, which also builds servers with planted
# faults that must be caught (docs/chaos.md). SEED=N repeats a schedule, KINDS=A,B,.. names one.
. "$(dirname "$0")/common.sh"
[ -n "${CAIRN:-}" ] || chaos_build VARIANT=fp build/fp/cairn
export CAIRN=${CAIRN:-$PWD/build/fp/cairn}
chaos_build build/plain/tests/chaos/federation/links build/plain/tests/chaos/federation/volatile_disk

# As chaos_control, with the mutants of this folder.
federation_control() { # MUTANT PATTERN KINDS
    # shellcheck disable=SC2154
    local program log=$chaos_folder/control.log
    echo "== control: $1, which $3 must catch"
    if ! program=$(node tests/chaos/federation/mutant.mjs "$1" "$chaos_folder/$1" 2>"$log"); then
        cat "$log"
        chaos_failed=$((chaos_failed + 1))
    elif CAIRND=$program chaos_node "$log" federation/chaos.mjs --control --kinds "$3" --seed 1 ||
        ! grep -Eq -e "$2" "$log"; then
        tail -n 20 "$log"
        echo "FAILED  $1 was not caught"
        chaos_failed=$((chaos_failed + 1))
    else
        grep -E -m 3 -e "$2" "$log" | cut -c 1-200 | sed -E 's/^(FAILED)? */caught  /'
        chaos_passed=$((chaos_passed + 1))
    fi
    rm -rf "${chaos_folder:?}/$1"
}

chaos_run federation/chaos.mjs --cycles "${1:-$([ -n "$LONG" ] && echo 36 || echo 5)}" --era 12 --doctored \
    --seed "${SEED:-$((RANDOM * RANDOM % 1000000))}" ${KINDS:+--kinds "$KINDS"}
if [ -n "$LONG" ]; then
    federation_control votes-again 'votes with a key whose votes it has forgotten' lose-votes
    federation_control unsynced 'has stopped voting' power-cut,power-cut,power-cut
    federation_control never-anchors 'not within 60 s: quiet' kill-server,kill-server
    federation_control ack-early 'lost: |no receipt: ' kill-server,kill-around,kill-all,kill-around
fi
chaos_end >/dev/null
status=$?
echo "federation: $chaos_passed passed, $chaos_failed failed"
exit "$status"
