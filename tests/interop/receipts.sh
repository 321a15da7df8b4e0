#!/bin/bash
# Do our verifier and one written from the specifications alone agree? receipts.sh [path of maketestreceipt]
# makes good and broken receipts and holds both verdicts on each against the other.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/lib/env.sh
[ -f "$root/tests/lib/env.sh" ] && . "$root/tests/lib/env.sh"
maker=${1:-$root/build/plain/tests/interop/maketestreceipt}
samples=$(mktemp -d)
trap 'rm -rf "$samples"' EXIT
"$maker" "$samples"
node "$root/tests/interop/verify_receipt.mjs" --compare "$samples/verdicts"
