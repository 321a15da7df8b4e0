#!/bin/bash
# Does the README tell the truth? Runs the lines of its ```sh blocks, in order and in one shell, against a fresh
# member, and checks what they must have led to. tests/readme.sh [BUILD]
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lib/env.sh
SERVER_B=${1:-build/plain}
. tests/lib/server.sh

home=$(mktemp -d)
trap 'server_remove; rm -rf "$home"' EXIT
trap 'exit 130' INT TERM
awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' README.md |
    sed "s#build/plain#$SERVER_B#" >"$home/steps"
[ "$(wc -l <"$home/steps")" -gt 30 ] || { echo "README.md has lost its steps"; exit 1; }

key=$("$SERVER_B/cairn" --home "$home/operator" --json keygen | sed -n 's/.*"identity_key":"\([^"]*\)".*/\1/p')
server_make "$key"
server_start
echo 'rm -rf "$TRY"' >>"$home/steps"
URL=$SERVER_URL OPERATOR=$home/operator bash -euo pipefail -x "$home/steps" >"$home/out" 2>&1 ||
    { tail -n 40 "$home/out"; exit 1; }
server_stop

wanted() { # PATTERN: must be in what the steps printed
    grep -qE "$1" "$home/out" || { tail -n 60 "$home/out"; echo "not in the output: $1"; exit 1; }
}
wanted '^state +PAID'
wanted '^ +pay_minor +[1-9]'
wanted '^verified +[1-9]'
wanted '^failed +0$'
wanted '^audit +consistent'
echo "the README's $(wc -l <"$home/steps") lines do what it says"
