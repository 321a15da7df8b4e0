#!/bin/bash
# `make analyse`: tests/tidy/analyse.sh "PREPROCESSOR FLAGS" FILE.c... runs clang-tidy (.clang-tidy) and
# cppcheck (cppcheck.supp) over the product. Prints findings and then how many files each passed.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
flags=$1
shift
out=build/analyse
mkdir -p "$out"
export flags

tidy_one() {
    # shellcheck disable=SC2086
    if text=$(clang-tidy --quiet "$1" -- $flags 2>/dev/null); then
        echo "ok   $1"
    else
        printf 'FAIL %s\n%s\n' "$1" "$text"
    fi
}
export -f tidy_one

# -isystem and -include are the compiler's; cppcheck looks at the code as it is written.
cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr -I. \
    --suppressions-list=tests/tidy/cppcheck.supp --error-exitcode=1 -D_GNU_SOURCE -j2 "$@" 2>&1
cpp=$?
# Functions that neither the product nor a test calls. This needs all files in one process.
mapfile -t sources < <(make -s print-sources)
dead=$(cppcheck --quiet --std=c11 --enable=unusedFunction -I. -D_GNU_SOURCE -DCAIRN_FAILPOINTS \
    --suppressions-list=tests/tidy/cppcheck.supp "${sources[@]}" 2>&1 | grep '\[unusedFunction\]')
[ -z "$dead" ] || { echo "$dead"; cpp=1; }
printf '%s\n' "$@" | xargs -P2 -I{} bash -c 'tidy_one {}' >"$out/clang-tidy.log"
grep -v '^ok ' "$out/clang-tidy.log"
good=$(grep -c '^ok ' "$out/clang-tidy.log")
bad=$(grep -c '^FAIL ' "$out/clang-tidy.log")
echo "clang-tidy: $good files clean, $bad not; cppcheck: $([ $cpp = 0 ] && echo clean || echo findings)"
[ "$bad" = 0 ] && [ "$cpp" = 0 ] && [ "$good" -gt 0 ]
