#!/bin/bash
# The runner behind `make check`, `make check-long` and `make bench`: tests/run.sh SUITE... runs every item
# of tests/items that belongs to one of the suites; with ITEMS="name name" in the environment, only those.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
. tests/lib/env.sh
unset MAKEFLAGS MAKELEVEL # an item that calls make is a make of its own
LOGS=build/check
mkdir -p "$LOGS"

passed=0
failed=0
lanes=$(($(nproc) > 1 ? 2 : 1))
declare -A names=() limits=() begun=() # of what runs, by process id
trap 'trap - INT TERM; kill "${!names[@]}" 2>/dev/null; wait; exit 130' INT TERM

chosen() { # NAME SUITES: is the item in one of the wanted suites, and asked for by name if any is?
    local suite
    [ -z "${ITEMS:-}" ] || [[ " $ITEMS " == *" $1 "* ]] || return 1
    for suite in $wanted; do
        [[ ",$2," == *",$suite,"* ]] && return 0
    done
    return 1
}

start() { # NAME LIMIT COMMAND
    # timeout makes a process group of the item, so that nothing it started outlives its limit.
    timeout --kill-after=15 "$2" bash -c "$3" >"$LOGS/$1.log" 2>&1 </dev/null &
    names[$!]=$1
    limits[$!]=$2
    begun[$!]=$SECONDS
}

# Waits until one of those that run has ended, and says how.
reap() {
    local pid status
    wait -n -p pid "${!names[@]}"
    status=$?
    report "${names[$pid]}" "$status" $((SECONDS - begun[$pid])) "${limits[$pid]}"
    unset "names[$pid]" "limits[$pid]" "begun[$pid]"
}

reap_down_to() { # COUNT
    while [ ${#names[@]} -gt "$1" ]; do
        reap
    done
}

# Adds the item's own counts if it printed some, and never lets a failed item add no failure.
count() { # LOG STATUS
    local counts
    counts=$(tail -n 1 "$1" | grep -oE '(^|: )[0-9]+ passed, [0-9]+ failed$' | sed 's/^: //')
    read -r good _ bad _ <<<"${counts:-$(($2 == 0)) x $(($2 != 0)) x}"
    [ "$2" = 0 ] || [ "$bad" != 0 ] || bad=1
    passed=$((passed + good))
    failed=$((failed + bad))
}

report() { # NAME STATUS SECONDS LIMIT
    local log=$LOGS/$1.log
    count "$log" "$2"
    if [ "$bad" = 0 ]; then
        printf '%-17s ok   %4d s  %d passed\n' "$1" "$3" "$good"
    else
        printf '%-17s FAIL %4d s  %d passed, %d failed; exit %d\n' "$1" "$3" "$good" "$bad" "$2"
        [ "$2" != 124 ] || echo "    over its limit of $4 s"
        tail -n 40 "$log" | sed 's/^/    | /'
        echo "    the rest: $log"
    fi
    grep -aE '^(note|line coverage):' "$log" | sed 's/^/    /' | head -n 20
}

[ $# -gt 0 ] || { echo "usage: tests/run.sh SUITE..." >&2; exit 2; }
wanted=$*
# The table on descriptor 9: an item must not eat it.
while read -r name suites how limit command <&9; do
    case $name in '' | '#'*) continue ;; esac
    case $how in
    alone) room=0 ;;
    beside) room=$((lanes - 1)) ;;
    *) echo "tests/items: $name: neither alone nor beside" >&2; exit 2 ;;
    esac
    chosen "$name" "$suites" || continue
    reap_down_to "$room"
    start "$name" "$limit" "$command"
    [ "$how" = beside ] || reap
done 9<tests/items
reap_down_to 0

[ $((passed + failed)) -gt 0 ] || { echo "no such item or suite: $wanted ${ITEMS:-}" >&2; exit 2; }
echo "$SECONDS s in all"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
