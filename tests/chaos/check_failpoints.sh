#!/bin/bash
# An error and a crash at every failpoint of the server; LONG=1 tries more hits of each (docs/chaos.md).
. "$(dirname "$0")/common.sh"
chaos_run failpoints.mjs --seed "${SEED:-1}" ${LONG:+--long}
[ -z "$LONG" ] || chaos_control pay-again 'was sent twice' failpoints.mjs --only payout_sent
chaos_end
