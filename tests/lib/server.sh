# shellcheck shell=bash
# Sourced by shell tests, server/demo.sh and the like: a fresh member server in a folder of its own.
#
#   . tests/lib/server.sh
#   server_make OPERATOR_KEY          folder + cairnd init; sets SERVER_DIR
#   server_start [FLAG...]            cairnd run on a free port; sets SERVER_PID and SERVER_URL
#   server_stop                       SIGTERM, waits, returns cairnd's exit status
#   server_kill                       SIGKILL to cairnd alone, waits; its PostgreSQL is left to the next start
#   server_remove                     stops what still runs and removes the folder
#
# SERVER_B (default build/plain) names the build to run. server_remove runs by itself when the script ends.
# Nothing here sleeps: a start is over when cairnd prints its "listening" line, or has ended.
SERVER_B=${SERVER_B:-build/plain}
SERVER_DIR=
SERVER_PID=
SERVER_URL=
SERVER_START_S=60

server_make() { # OPERATOR_KEY
    # Not below a home folder: as root, cairnd runs under the account cairn, which must reach the folder.
    SERVER_DIR=$(mktemp -d /var/tmp/cairn-test.XXXXXX) || return 1
    # A script with a trap of its own calls server_remove there.
    [ -n "$(trap -p EXIT)" ] || trap 'server_remove' EXIT
    [ -n "$(trap -p TERM)" ] || trap 'exit 130' INT TERM
    if [ "$(id -u)" = 0 ]; then
        chown cairn: "$SERVER_DIR" || return 1
    fi
    mkdir "$SERVER_DIR/log"
    "$SERVER_B/cairnd" init --data "$SERVER_DIR/data" --federation "${SERVER_FEDERATION:-test.invalid/cairn}" \
        --operator "$1" >"$SERVER_DIR/log/init" 2>&1 || { cat "$SERVER_DIR/log/init" >&2; return 1; }
}

server_start() { # [FLAG...]
    local line fd
    rm -f "$SERVER_DIR/log/out"
    mkfifo "$SERVER_DIR/log/out" || return 1
    "$SERVER_B/cairnd" run --data "$SERVER_DIR/data" --port "${SERVER_PORT:-0}" "$@" \
        >"$SERVER_DIR/log/out" 2>>"$SERVER_DIR/log/err" &
    SERVER_PID=$!
    exec {fd}<"$SERVER_DIR/log/out"
    SERVER_URL=
    while IFS= read -r -t "$SERVER_START_S" -u "$fd" line; do
        if [[ $line =~ \"event\":\"listening\".*\"address\":\"([^\"]+)\" ]]; then
            SERVER_URL=${BASH_REMATCH[1]}
            break
        fi
    done
    if [ -z "$SERVER_URL" ]; then
        exec {fd}<&-
        echo "cairnd did not start; the end of $SERVER_DIR/log/err:" >&2
        tail -n 20 "$SERVER_DIR/log/err" >&2
        server_stop
        return 1
    fi
    # Whatever it prints later must not fill the pipe.
    cat <&"$fd" >/dev/null &
    exec {fd}<&-
}

server_stop() {
    local status=0
    [ -n "$SERVER_PID" ] || return 0
    kill -TERM "$SERVER_PID" 2>/dev/null
    wait "$SERVER_PID" || status=$?
    SERVER_PID=
    return "$status"
}

server_kill() {
    [ -n "$SERVER_PID" ] || return 0
    kill -KILL "$SERVER_PID" 2>/dev/null
    wait "$SERVER_PID" 2>/dev/null
    SERVER_PID=
    return 0
}

# After server_kill, PostgreSQL goes on without its parent.
_server_stop_postgres() {
    local pid
    pid=$(head -n 1 "$SERVER_DIR/data/pg/postmaster.pid" 2>/dev/null) || return 0
    grep -qa "$SERVER_DIR" "/proc/$pid/cmdline" 2>/dev/null || return 0
    kill -QUIT "$pid" && tail --pid="$pid" -f /dev/null
}

server_remove() {
    server_stop >/dev/null 2>&1
    [ -z "$SERVER_DIR" ] || _server_stop_postgres
    [ -z "$SERVER_DIR" ] || rm -rf "$SERVER_DIR"
    SERVER_DIR=
}
