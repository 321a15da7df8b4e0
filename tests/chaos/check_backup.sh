#!/bin/bash
# An old backup, a missing mark and a changed log are refused at start (docs/chaos.md).
. "$(dirname "$0")/common.sh"
chaos_run backup.mjs --seed "${SEED:-1}"
if [ -n "$LONG" ]; then
    chaos_control any-database '^FAILED .*old backup.*SERVED' backup.mjs
    chaos_control no-recompute '^FAILED .*entry 7 in a bundle' backup.mjs
fi
chaos_end
