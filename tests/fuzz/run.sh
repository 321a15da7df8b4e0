#!/bin/bash
# Fuzz targets: `run.sh replay` feeds every seed once; `run.sh search SECONDS [NAME...]` looks for new
# inputs, two targets at a time. What it finds is kept in build/fuzz: crashers in artifacts/, new inputs
# in corpus/NAME; a crasher that is mended belongs in tests/fuzz/corpus/NAME.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
mode=${1:-}
seconds=${2:-60}
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
LIMITS="-timeout=10 -rss_limit_mb=2048 -max_len=65536"
export LIMITS seconds

replay_one() { # NAME
    local seeds=tests/fuzz/corpus/$1
    [ -n "$(ls -A "$seeds" 2>/dev/null)" ] || { echo "FAIL $1: no seeds in $seeds"; return 1; }
    # shellcheck disable=SC2086
    if "build/fuzz/tests/fuzz/fuzz_$1" $LIMITS "$seeds"/* >"build/fuzz/$1.log" 2>&1; then
        echo "ok   $1: $(find "$seeds" -type f | wc -l) seeds"
    else
        echo "FAIL $1"
        tail -n 40 "build/fuzz/$1.log"
        return 1
    fi
}

search_one() { # NAME
    local new=build/fuzz/corpus/$1
    mkdir -p "$new" build/fuzz/artifacts
    # shellcheck disable=SC2086
    if "build/fuzz/tests/fuzz/fuzz_$1" $LIMITS -max_total_time="$seconds" -print_final_stats=1 \
        -artifact_prefix="build/fuzz/artifacts/$1-" "$new" "tests/fuzz/corpus/$1" \
        >"build/fuzz/$1.log" 2>&1; then
        echo "ok   $1: $(awk '/number_of_executed_units/ { print $2 }' "build/fuzz/$1.log") runs," \
            "$(grep -oE 'cov: [0-9]+' "build/fuzz/$1.log" | tail -n 1)"
    else
        echo "FAIL $1"
        tail -n 40 "build/fuzz/$1.log"
        return 1
    fi
}
export -f replay_one search_one

shift $(($# > 2 ? 2 : $#))
names=${*:-$(find tests/fuzz -name 'fuzz_*.c' -printf '%f\n' | sed 's/^fuzz_//; s/\.c$//' | sort)}
[ -n "$names" ] || { echo "no fuzz targets"; exit 1; }
case $mode in replay | search) ;; *) echo "usage: run.sh replay | search SECONDS [NAME...]"; exit 2 ;; esac
make -j2 VARIANT=fuzz fuzzers >build/fuzz.make.log 2>&1 || { tail -n 40 build/fuzz.make.log; exit 1; }
# shellcheck disable=SC2086
printf '%s\n' $names | xargs -P2 -I{} bash -c "${mode}_one {} || true" | tee build/fuzz/results
awk '/^ok / { good++ } /^FAIL / { bad++ } END { printf "%d passed, %d failed\n", good, bad; exit bad != 0 }' \
    build/fuzz/results
