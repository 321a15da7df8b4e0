#!/bin/bash
# The gate of the API description. Starts build/plain/cairnd on a fresh directory and a free port, holds
# openapi.yaml against its sources and against that server, and stops it again.
#   REQUESTS=5000   generated requests of the fuzzer      SEED=1   its seed
#   CAIRND=path     the server to start                   KEEP=1   leave the directory behind
# Last line: "apigate: N passed, N failed"; exit 1 if anything failed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cairnd=${CAIRND:-$root/build/plain/cairnd}
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
passed=0 failed=0 server=

say() { printf '%s\n' "$*"; }
check() { # name, command...: one step of the gate
    local name=$1
    shift
    say "== $name"
    if "$@"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        say "FAILED: $name"
    fi
}
finish() {
    if [ -n "$server" ]; then
        "$cairnd" stop --data "$work/data" >/dev/null 2>&1 || kill "$server" 2>/dev/null
        for _ in $(seq 100); do kill -0 "$server" 2>/dev/null || break; sleep 0.1; done
        kill -9 "$server" 2>/dev/null
        wait "$server" 2>/dev/null
    fi
    if [ "${KEEP:-}" = 1 ] || [ "$failed" -gt 0 ]; then say "server log: $work/cairnd.err"; else rm -rf "$work"; fi
    say "apigate: $passed passed, $failed failed"
}

node "$here/node-version.mjs" || exit 2
cd "$here" || exit 2
if [ ! -d node_modules ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    npm ci --no-audit --no-fund --loglevel=error || exit 2
fi
# /var/tmp and not /tmp: the server gives up root, and its unprivileged user must reach the directory.
work=$(mktemp -d /var/tmp/cairn-apigate.XXXXXX) || exit 2
chmod 755 "$work"
trap 'finish; exit $((failed > 0))' EXIT
trap 'failed=$((failed + 1)); exit 1' INT TERM

check "lint" node_modules/.bin/redocly lint --config "$root/redocly.yaml" "$root/openapi.yaml"
check "routes and codes" node routes.mjs
check "docs/errors.md" node errors.mjs --check
check "selftest" node selftest.mjs

# The operator's root secret is made here; the server gets the public key.
operator_root=$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')
operator_key=$(node -e "
import('$here/client.mjs').then(({ Person, b64 }) =>
    console.log(b64(new Person(Buffer.from('$operator_root', 'hex')).identity.public)))")
printf '{"operator_root":"%s"}\n' "$operator_root" > "$work/setup.json"

start() {
    mkdir "$work/data" && chmod 777 "$work/data"
    "$cairnd" init --data "$work/data" --federation apigate.example/fed --operator "$operator_key" \
        >"$work/init.out" 2>"$work/cairnd.err" || { cat "$work/cairnd.err"; return 1; }
    mkfifo "$work/ready"
    "$cairnd" run --data "$work/data" --port 0 >"$work/ready" 2>>"$work/cairnd.err" &
    server=$!
    local line
    # The one line that the server prints when it listens; end of file if it died before.
    exec 3<"$work/ready"
    read -r -t 60 line <&3 || { say "cairnd did not start"; tail -20 "$work/cairnd.err"; return 1; }
    base=$(node -p 'JSON.parse(process.argv[1]).address' "$line") || return 1
    say "cairnd listens on $base"
}
check "start of cairnd" start
[ -n "${base:-}" ] || exit 1

check "main job" node mainjob.mjs "$base" "$operator_root"
check "matrix" node matrix.mjs "$base" "$work/setup.json"
check "fuzz" node fuzz.mjs "$base" "$work/setup.json" --requests "${REQUESTS:-5000}" --seed "${SEED:-1}"
alive() { kill -0 "$server"; }
check "the server is still alive" alive
