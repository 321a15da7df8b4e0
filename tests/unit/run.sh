#!/bin/bash
# Builds and runs the unit tests of one variant: tests/unit/run.sh VARIANT [FOLDER...]; the folders, as in
# server/base, choose a part. Two programs run at a time, each with its own time limit.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
variant=${1:?usage: tests/unit/run.sh VARIANT [FOLDER...]}
shift
LIMIT_S=150
B=build/$variant
OUT=$B/unit-logs

export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=tests/unit/tsan.supp

programs() {
    local folder
    if [ $# = 0 ]; then
        find tests/unit -name 'test_*.c'
    else
        for folder in "$@"; do
            [ -d "tests/unit/$folder" ] || { echo "no tests in tests/unit/$folder" >&2; return 1; }
            find "tests/unit/$folder" -name 'test_*.c'
        done
    fi | sed 's/\.c$//' | sort
}

# A thread sanitizer of this age cannot live with the widest address space randomisation.
if [ "$variant" = tsan ] && setarch -R true 2>/dev/null; then
    export FIXED="setarch -R"
fi

run_one() { # PROGRAM: writes its log and one line "NAME GOOD BAD SKIPPED"
    local name log good bad skipped status=0
    name=${1#tests/unit/}
    log=$OUT/${name//\//_}.log
    # shellcheck disable=SC2086
    timeout --kill-after=5 "$LIMIT_S" ${FIXED:-} "$B/$1" >"$log" 2>&1 </dev/null || status=$?
    # cmocka ends each group of tests with "[  PASSED  ] 5 test(s)." and the like.
    read -r good bad skipped < <(awk '
        /^\[  PASSED  \] [0-9]+ test\(s\)/ { good += $4 }
        /^\[  FAILED  \] [0-9]+ test\(s\)/ { bad += $4 }
        /^\[  SKIPPED \] [0-9]+ test\(s\)/ { skipped += $4 }
        END { print good + 0, bad + 0, skipped + 0 }' "$log")
    # A program that dies, is late or runs no test at all has failed, whatever it printed before.
    if [ "$status" != 0 ] && [ "$bad" = 0 ]; then bad=1; fi
    if [ $((good + bad + skipped)) = 0 ]; then bad=1; fi
    echo "$name $good $bad $skipped $status"
    [ "$bad" = 0 ] || { echo "--- $name: exit $status"; tail -n 60 "$log"; } >&2
}
export -f run_one
export B OUT LIMIT_S

list=$(programs "$@")
[ -n "$list" ] || { echo "no unit tests found" >&2; exit 1; }
# shellcheck disable=SC2046,SC2086
make -j2 VARIANT="$variant" $(printf "$B/%s " $list) >"build/unit-$variant.make.log" 2>&1 ||
    { tail -n 40 "build/unit-$variant.make.log"; exit 1; }
mkdir -p "$OUT"
echo "$list" | xargs -P2 -I{} bash -c 'run_one {}' >"$OUT/results"
sort "$OUT/results" | awk '
    { printf "%-48s %4d ok %3d failed\n", $1, $2, $3; good += $2; bad += $3; skipped += $4 }
    END {
        if (skipped) printf "note: %d unit tests skipped\n", skipped
        printf "%d passed, %d failed\n", good, bad
        exit bad != 0
    }'
