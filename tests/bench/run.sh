#!/bin/bash
# Behind `make bench`: tests/bench/run.sh [--json] [--rounds N] [--quick] [--only PART,..]; the parts are reads, writes,
# vault, idle, growth and ledger.
# LEDGER_ONLY=1 in the environment stands for --only ledger; ledger.mjs names the parts of that. --quick: of these,
# only enough to see that they work.
# Builds what it measures, then bench.mjs does the rest; docs/benchmarks.md explains the figures.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib/env.sh
case " $* " in
*" --quick "*) ;;
*) .ci/install bench >&2 || echo "note: without etcd-server some figures have no peer" >&2 ;;
esac
export BENCH_B=${BENCH_B:-build/plain}
make -s -j2 VARIANT="${BENCH_B#build/}" all \
    "$BENCH_B"/tests/bench/{bare_mhd,bench_receipt,bench_vault,ledger_proof,load,world} >&2
ulimit -n "$(ulimit -Hn)" # 10,000 idle connections need as many descriptors
exec node tests/bench/bench.mjs "$@"
