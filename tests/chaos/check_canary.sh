#!/bin/bash
# Values planted in every field of a series are nowhere at the member (docs/chaos.md).
. "$(dirname "$0")/common.sh"
[ -n "${CAIRN:-}" ] || chaos_build build/plain/cairn
chaos_run canary.mjs
chaos_end
