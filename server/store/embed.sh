#!/bin/sh
# Prints the SQL files of a folder as C: one byte array each and the list that migrate.c walks.
# Usage: server/store/embed.sh migrations > build/plain/gen/migrations.inc
set -eu
LC_ALL=C
export LC_ALL
n=0
rows=
for file in "$1"/[0-9][0-9][0-9][0-9]-*.sql; do
    [ -f "$file" ] || continue
    n=$((n + 1))
    echo "static const unsigned char migration_${n}[] = {"
    od -An -v -tx1 "$file" | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g'
    echo "0x00 };"
    hash=$(sha256sum "$file" | cut -c1-64)
    rows="$rows    { \"$(basename "$file")\", \"$hash\", (const char *)migration_$n },
"
done
[ "$n" -gt 0 ] || { echo "no migrations in $1" >&2; exit 1; }
printf 'static const struct migration migrations[] = {\n%s};\n' "$rows"
