#!/bin/bash
# 200 connections cut between COMMIT and its answer (2,000 with LONG=1), and uploads that break off
# (docs/chaos.md).
. "$(dirname "$0")/common.sh"
chaos_run cut.mjs --cuts "$([ -n "$LONG" ] && echo 2000 || echo 200)" --seed "${SEED:-1}"
chaos_run upload.mjs
if [ -n "$LONG" ]; then
    chaos_control no-replay 'replay: .* became 409' cut.mjs
    chaos_control keeps-halves 'no file in tmp' upload.mjs
fi
chaos_end
