#!/bin/bash
# `make tidy`: the house rules (tidy.mjs), the layout of C (clang-format), the scripts (shellcheck).
# Seconds, not minutes; the slow analysers are `make analyse`.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
. tests/lib/env.sh
failed=0

files() { # PATTERN... -> files of the project with such names, NUL-separated
    local args=() pattern
    for pattern in "$@"; do
        args+=(-o -name "$pattern")
    done
    find . \( -name .git -o -name build -o -name node_modules \) -prune -o \
        -type f \( "${args[@]:1}" \) -print0 | sort -z
}

layout() {
    # shellcheck disable=SC2016
    files '*.c' '*.h' | xargs -0 -r -P2 -n8 bash -c 'status=0
        for file; do
            clang-format --dry-run --Werror "$file" >/dev/null 2>&1 ||
                { echo "${file#./}:1: clang-format: not laid out as .clang-format says; make format"; status=1; }
        done
        exit $status' bash
}

scripts() {
    { files '*.sh'; printf '%s\0' .ci/install .ci/run; } |
        xargs -0 -r -n4 shellcheck --severity=warning --format=gcc
}

node tests/tidy/tidy.mjs || failed=$((failed + 1))
layout || failed=$((failed + 1))
scripts || failed=$((failed + 1))
echo "$((3 - failed)) passed, $failed failed"
[ "$failed" = 0 ]
