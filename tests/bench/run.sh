#!/bin/bash
# Behind `make bench`: tests/bench/run.sh [--json] [--rounds N] [--only reads,writes,vault,idle,growth].
# Builds what it measures, then bench.mjs does the rest; docs/benchmarks.md explains the figures.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib/env.sh
export BENCH_B=${BENCH_B:-build/plain}
make -s -j2 VARIANT="${BENCH_B#build/}" all \
    "$BENCH_B"/tests/bench/{bare_mhd,bench_receipt,bench_vault,load,world} >&2
ulimit -n "$(ulimit -Hn)" # 10,000 idle connections need as many descriptors
exec node tests/bench/bench.mjs "$@"
