#!/bin/bash
# Entry point of the image: makes the member on the first start, then becomes cairnd, so that signals
# from the container engine reach it directly. CAIRN_OPERATOR is the operator's public key (base64).
set -euo pipefail
DATA=${CAIRN_DATA:-/var/lib/cairn}/member
if [ ! -e "$DATA" ]; then
    : "${CAIRN_OPERATOR:?set it to the public key that \`cairn\` printed for the operator}"
    cairnd init --data "$DATA" --federation "${CAIRN_FEDERATION:-localhost/cairn}" \
        --operator "$CAIRN_OPERATOR"
fi
exec cairnd run --data "$DATA" --address "${CAIRN_ADDRESS:-0.0.0.0}" --port "${CAIRN_PORT:-8480}"
