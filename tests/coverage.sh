#!/bin/bash
# Line coverage of server/ and api/ by the unit tests, the steps of the README and a short demo. Prints one line per
# folder, the files below the floor, and "line coverage: NN.N %". Fails when the total falls below FLOOR.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
FLOOR=${FLOOR:-85}
B=build/cov
out=build/coverage
store=$(mktemp -d /var/tmp/cairn-cov.XXXXXX)
trap 'rm -rf "$store"' EXIT
trap 'exit 130' INT TERM

make -j2 VARIANT=cov all units >build/cov.make.log 2>&1 || { tail -n 40 build/cov.make.log; exit 1; }
find "$B" -name '*.gcda' -delete
# Programs count as different users (cairnd and some tests leave root behind), so into a folder of all.
chmod 1777 "$store"
umask 000
export GCOV_PREFIX=$store

tests/unit/run.sh cov >build/cov.unit.log 2>&1 || echo "note: some unit tests failed under coverage"
PATIENTS=10 DEMO_OUT=build/coverage/demo server/demo.sh "$B" >build/cov.demo.log 2>&1 ||
    echo "note: the demo failed under coverage"
tests/readme.sh "$B" >build/cov.readme.log 2>&1 || echo "note: the README's steps failed under coverage"
cp -r "$store$PWD/$B/." "$B/" || exit 1

mkdir -p "$out"
# A source that was never run has no .gcda; gcov then reads the .gcno and says 0 %.
find "$B/server" "$B/api" -name '*.gcno' | sort | while read -r notes; do
    gcov --no-output --object-directory "$(dirname "$notes")" "${notes%.gcno}.o" 2>/dev/null
done | awk -v floor="$FLOOR" '
    /^File / { file = substr($0, 7, length($0) - 7); next }
    # Each source is one object, so its own block counts it whole; headers belong to nobody.
    /^Lines executed:/ && file ~ /^(server|api)\/.*\.c$/ {
        split($2, part, /[:%]/)
        n = $4; hit = part[2] * n / 100
        folder = file; sub(/\/[^\/]*$/, "", folder)
        lines[folder] += n; hits[folder] += hit; all += n; got += hit
        if (part[2] < 50) low[file] = part[2]
        file = ""
    }
    END {
        for (f in lines) printf "%-24s %6d lines %6.1f %%\n", f, lines[f], 100 * hits[f] / lines[f] | "sort"
        close("sort")
        for (f in low) printf "below 50 %%: %s %.1f %%\n", f, low[f] | "sort"
        close("sort")
        if (!all) { print "no coverage data"; exit 1 }
        printf "line coverage: %.1f %%\n", 100 * got / all
        exit 100 * got / all < floor
    }' >"$out/summary"
status=$?
cat "$out/summary"
exit "$status"
