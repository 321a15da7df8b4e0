#!/bin/bash
# kill -9 of cairnd and of PostgreSQL at random moments: 20 of them, 200 with LONG=1 (docs/chaos.md).
# SEED=N repeats a schedule.
. "$(dirname "$0")/common.sh"
chaos_run crash.mjs --kills "$([ -n "$LONG" ] && echo 200 || echo 20)" --seed "${SEED:-$((RANDOM * RANDOM % 1000000))}"
chaos_control ack-early 'lost: ' crash.mjs --kills 6 --target server --tolerant
[ -z "$LONG" ] || chaos_control ack-unflushed 'lost: ' crash.mjs --kills 10 --target both --tolerant
chaos_end
