#!/bin/bash
# Listener and workers under the thread sanitizer: the load test of this folder against an edge server that was
# built with it. Fails on any report, even where the test itself would pass.
set -euo pipefail
cd "$(dirname "$0")/../../.."
server=build/tsan/tests/api/raw/edge_server
make -s -j2 VARIANT=tsan "$server"
log=build/tsan/edge-report
rm -f "$log".*
export TSAN_OPTIONS="halt_on_error=0:second_deadlock_stack=1:log_path=$PWD/$log:suppressions=$PWD/tests/unit/tsan.supp"
# A thread sanitizer of this age cannot live with the widest address space randomisation.
fixed=
setarch -R true 2>/dev/null && fixed="setarch -R"
$fixed node tests/api/raw/load.mjs "$server" 200
if compgen -G "$log.*" >/dev/null; then
    head -n 80 "$log".*
    exit 1
fi
