#!/bin/bash
# The interoperability test of the vault: run.sh [path of vaulttool]. Installs its npm packages, at
# the exact versions of package-lock.json, when they are missing; ends non-zero on any difference.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=tests/lib/env.sh
[ -f "$root/tests/lib/env.sh" ] && . "$root/tests/lib/env.sh"
VAULTTOOL=$(realpath "${1:-$root/build/plain/tests/interop/vaulttool}")
export VAULTTOOL
cd "$here"
[ -d node_modules ] || npm ci --no-audit --no-fund
# The files of tests/data/vault are exactly what the tool makes from documented inputs.
for kind in keys envelopes; do
    diff <("$VAULTTOOL" vectors "$kind") "$root/tests/data/vault/$kind.json"
done
exec node interop.mjs
