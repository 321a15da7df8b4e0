#!/bin/bash
# The simulator's own proof: seeds without a violation, every planted bug found, all scenarios, and one trace
# for gcc and clang, with and without optimisation, with sanitizers.
# Needs `make all sim`. tests/sim/check.sh seeds COUNT [FIRST] | mutants | scenarios | same [COUNT]
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib/env.sh

# Splits COUNT seeds over the processors; fails if one part does.
seeds() { # COUNT FIRST
    local parts each status=0 part pids=()
    parts=$(nproc)
    each=$((($1 + parts - 1) / parts))
    mkdir -p build/check
    for ((part = 0; part < parts; part++)); do
        build/plain/cairn-sim --seed $(($2 + part * each)) --seeds "$each" >"build/check/sim-part.$part" &
        pids+=($!)
    done
    for part in "${pids[@]}"; do
        wait "$part" || status=1
    done
    cat build/check/sim-part.*
    rm -f build/check/sim-part.*
    awk -v ok=$((1 - status)) 'BEGIN { print ok " passed, " 1 - ok " failed" }'
    return $status
}

# One seed, one trace: whatever compiled it, and whatever memory looked like before.
same() { # COUNT
    local out=build/check/sim-same flags first='' line status=0
    mkdir -p "$out"
    for flags in "gcc -O0" "gcc -O2" "clang -O0" "clang -O2" "gcc -O1 -fsanitize=address,undefined"; do
        # shellcheck disable=SC2086
        $flags -std=c17 -D_GNU_SOURCE -I. -include server/base/banned.h tests/sim/*.c \
            server/ledger/core/*.c build/plain/libcairn.a -ljansson -lsodium -lcrypto -lpthread -o "$out/sim"
        line=$("$out/sim" --seed 1 --seeds "$1" | grep -o 'trace .*')
        echo "$flags: $line"
        first=${first:-$line}
        [ "$line" = "$first" ] || status=1
    done
    rm -rf "$out"
    echo "$((1 - status)) passed, $status failed"
    return $status
}

case ${1:-} in
seeds) seeds "${2:?count}" "${3:-1}" ;;
mutants) build/plain/cairn-sim --mutants --seeds 10000 ;;
scenarios) build/plain/cairn-sim --scenario tests/scenario/*.scenario ;;
same) same "${2:-1000}" ;;
*) sed -n '2,4p' "$0" && exit 2 ;;
esac
