#!/bin/bash
# A full disk under the data directory; LONG=1 goes on until the WAL is full as well (docs/chaos.md).
. "$(dirname "$0")/common.sh"
chaos_run disk.mjs --seed "${SEED:-1}" ${LONG:+--long}
[ -z "$LONG" ] || chaos_control full-is-500 '^FAILED .*500 internal' disk.mjs
chaos_end
