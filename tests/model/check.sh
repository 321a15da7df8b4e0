#!/bin/bash
# Checks the models of this folder with SPIN: tests/model/check.sh [quick|full|deep]. docs/model.md says what
# they model. quick: seconds. full: minutes and 1.5 GiB. deep: one long search more, which wants 6 GiB.
# A line per search, and at the end "model: N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
mode=${1:-quick}
case $mode in quick | full | deep) ;; *) echo "usage: tests/model/check.sh [quick|full|deep]" >&2; exit 2 ;; esac
command -v spin >/dev/null || { echo "model: no spin: .ci/install test" >&2; exit 2; }
models=$PWD/tests/model
mkdir -p build
work=$(mktemp -d build/model.XXXXXX)
passed=0
failed=0

# Compiles the verifier and runs it; leaves its words in $log. Every state is stored whole: no hash of it, no
# bit per state, so that a search that ends has seen everything.
search() { # breadth|depth MODEL DEFINES...
    local order=$1 model=$models/$2 flags=(-DSAFETY -DMEMLIM=7000)
    shift 2
    # Breadth first is for errors, found so soon that the compiler takes longer than the search.
    if [ "$order" = breadth ]; then flags+=(-O1 -DBFS); else flags+=(-O2); fi
    folder=$(mktemp -d "$work/search.XXXXXX")
    log=$folder/log
    (
        cd "$folder" || exit
        spin -a "$@" "$model" && gcc "${flags[@]}" -o pan pan.c && ./pan -m100000
    ) >"$log" 2>&1
}

figure() { # PATTERN: the first number that the pattern captures in the log
    sed -nE "s/$1/\1/p" "$log" | head -n 1
}

figures() {
    states=$(figure '^ *([0-9.e+]+) states, stored.*')
    depth=$(figure '.*depth reached ([0-9]+),.*')
    errors=$(figure '.*errors: ([0-9]+)$')
    seconds=$(figure '.*elapsed time ([0-9.e+-]+) seconds.*')
    memory=$(figure '^ *([0-9.]+)[[:space:]]total actual memory usage.*')
}

good() { # TEXT
    passed=$((passed + 1))
    echo "$1"
    rm -rf "$folder"
}

bad() { # TEXT: keeps the folder with the way to the error; docs/model.md says how to read it
    failed=$((failed + 1))
    echo "$1"
    grep -vE '^$|^[[:space:]]*[^[:space:]]+:[0-9]+, state' "$log" | cut -c1-160 | tail -n 15 | sed 's/^/    | /'
    echo "    the rest: $log"
}

# The search must end by itself, having seen every state, with no error. A search that the depth, the memory
# or an error cut short is not one that found nothing.
holds() { # NAME MODEL DEFINES...
    local name=$1
    shift
    search depth "$@"
    figures
    local text="$name: ${states:-no} states, ${seconds:-no} s, depth ${depth:-none}, ${memory:-no} MB,"
    text+=" ${errors:-no count of} errors"
    if [ "${errors:-1}" != 0 ] || [ -z "$states" ] ||
        grep -qE 'max search depth too small|Search not completed|out of memory|MEMLIM|^pan:1:' "$log"; then
        bad "$text: NOT AS IT MUST BE"
    else
        good "$text"
    fi
}

# The error must be found, by an assertion and nothing else. Breadth first, so that the way to it is shortest.
caught() { # NAME MODEL DEFINES...
    local name=$1
    shift
    search breadth "$@"
    figures
    if [ "${errors:-0}" = 1 ] && grep -q '^pan:1: assertion violated' "$log"; then
        good "$name: caught after $states states, $((depth + 1)) steps, $seconds s"
    else
        bad "$name: NOT caught, ${states:-no} states"
    fi
}

# No rule may be dead text: of the program's statements only the ends of the processes are never reached.
complete() { # NAME MODEL DEFINES... of a search that holds
    local name=$1 dead ends
    shift
    search depth "$@" -DUNSORTED -DCOVERAGE
    dead=$(grep -cE ', state [0-9]+, ' "$log")
    ends=$(grep -cE ', state [0-9]+, "-end-"' "$log")
    if [ "$ends" -gt 0 ] && [ "$dead" = "$ends" ]; then
        good "$name: every rule is used"
    else
        bad "$name: $((dead - ends)) statements are never reached"
    fi
}

quick() {
    local mutant
    holds "model, 2 views" simplex.pml -DLEMMAS
    holds "model, 2 views, members told apart" simplex.pml -DLEMMAS -DUNSORTED
    complete "model, 2 views" simplex.pml
    caught "witness, 2 final views" simplex.pml -DWITNESS
    for mutant in AMNESIA REFINAL NOSKIPCERT DOUBLE SKIPFINAL EARLYPRUNE SENDFIRST; do
        caught "mutant $mutant" simplex.pml "-D$mutant"
    done
}

full() {
    local view mutant
    holds "model, 2 views, a crash between sign, sync and send" simplex.pml -DLEMMAS -DGATE
    for view in 1 2 3; do
        holds "model, 3 views, the leader of view $view equivocates" simplex.pml -DLEMMAS -DVIEWS=3 \
            -DTWINNED=$((1 << view))
    done
    holds "epochs" epoch.pml
    complete "epochs" epoch.pml
    caught "witness, the new epoch's views final" epoch.pml -DWITNESS
    for mutant in NONEMPTY EARLY UNBOUND MIXED; do
        caught "mutant of epochs $mutant" epoch.pml "-D$mutant"
    done
}

quick
[ "$mode" = quick ] || full
[ "$mode" != deep ] || holds "model, 3 views, every leader equivocates" simplex.pml -DLEMMAS -DVIEWS=3
[ "$failed" != 0 ] || rm -rf "$work"
echo "model: $passed passed, $failed failed"
[ "$failed" = 0 ]
