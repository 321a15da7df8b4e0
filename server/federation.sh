# shellcheck shell=bash
# Sourced by server/run.sh, server/demo.sh and tests: founds and runs several members on this machine.
#
#   federation_found BUILD BASE N PORT NAME   makes BASE/member-I and BASE/operator-I for I = 1..N; member I
#                                             listens on 127.0.0.1, port PORT + I - 1
#   federation_start BUILD BASE I [FLAG...]   runs member I; sets FEDERATION_URL[I] and FEDERATION_PID[I]
#   federation_start_all BUILD BASE N [FLAG...]   members 1 to N, together
#   federation_stop I                         SIGTERM, waits, returns cairnd's exit status
#   federation_stop_all                       all that run, together
#   federation_ports N                        prints a port so that it and the next N - 1 are free
#
# Nothing here sleeps: a start is over when cairnd prints its "listening" line, or has ended.
declare -A FEDERATION_URL=() FEDERATION_PID=()
FEDERATION_START_S=60

_federation_key() { # BUILD HOME: makes an operator's key the first time; prints its identity key in base64
    if [ ! -e "$2/root.key" ]; then
        "$1/cairn" --home "$2" --json keygen >"$2.json.new" && mv "$2.json.new" "$2.json"
    fi
    sed -n 's/.*"identity_key":"\([^"]*\)".*/\1/p' "$2.json"
}

_federation_port_free() {
    ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

federation_ports() { # N
    local tries port i
    for tries in {1..50}; do
        port=$((20000 + RANDOM % 10000))
        for ((i = 0; i < $1; i++)); do
            _federation_port_free $((port + i)) || continue 2
        done
        echo "$port"
        return 0
    done
    echo "no $1 free ports in a row after $tries tries" >&2
    return 1
}

federation_found() { # BUILD BASE N PORT NAME
    local b=$1 base=$2 n=$3 port=$4 name=$5 i key
    local -a cards=()
    for ((i = 1; i <= n; i++)); do
        key=$(_federation_key "$b" "$base/operator-$i") || return 1
        "$b/cairnd" init --data "$base/member-$i" --member "$i" --name "institution-$i" \
            --endpoint "http://127.0.0.1:$((port + i - 1))" --operator "$key" || return 1
        cards+=("$base/member-$i/card.json")
    done
    "$b/cairn" federation init --name "$name" --out "$base/founding" "${cards[@]}" >/dev/null || return 1
    for ((i = 1; i <= n; i++)); do
        "$b/cairnd" join --data "$base/member-$i" --genesis "$base/founding/genesis.json" \
            --log-keys "$base/founding" || return 1
    done
}

_federation_spawn() { # BUILD BASE I [FLAG...]
    local b=$1 base=$2 i=$3
    shift 3
    mkdir -p "$base/log"
    rm -f "$base/log/out-$i"
    mkfifo "$base/log/out-$i" || return 1
    "$b/cairnd" run --data "$base/member-$i" "$@" >"$base/log/out-$i" 2>>"$base/log/member-$i.log" &
    FEDERATION_PID[$i]=$!
}

_federation_await() { # BASE I
    local base=$1 i=$2 line fd
    exec {fd}<"$base/log/out-$i"
    FEDERATION_URL[$i]=
    while IFS= read -r -t "$FEDERATION_START_S" -u "$fd" line; do
        if [[ $line =~ \"event\":\"listening\".*\"address\":\"([^\"]+)\" ]]; then
            FEDERATION_URL[$i]=${BASH_REMATCH[1]}
            break
        fi
    done
    if [ -z "${FEDERATION_URL[$i]}" ]; then
        exec {fd}<&-
        echo "member $i did not start; the end of $base/log/member-$i.log:" >&2
        tail -n 20 "$base/log/member-$i.log" >&2
        federation_stop "$i"
        return 1
    fi
    # Whatever it prints later must not fill the pipe.
    cat <&"$fd" >/dev/null &
    exec {fd}<&-
}

federation_start() { # BUILD BASE I [FLAG...]
    _federation_spawn "$@" && _federation_await "$2" "$3"
}

# All together, so that they find each other at once.
federation_start_all() { # BUILD BASE N [FLAG...]
    local b=$1 base=$2 n=$3 i status=0
    shift 3
    for ((i = 1; i <= n; i++)); do
        _federation_spawn "$b" "$base" "$i" "$@" || return 1
    done
    for ((i = 1; i <= n; i++)); do
        _federation_await "$base" "$i" || status=1
    done
    return "$status"
}

federation_stop() { # I
    local status=0 pid=${FEDERATION_PID[$1]:-}
    [ -n "$pid" ] || return 0
    kill -TERM "$pid" 2>/dev/null
    wait "$pid" || status=$?
    unset "FEDERATION_PID[$1]"
    return "$status"
}

federation_stop_all() {
    local i status=0
    for i in "${!FEDERATION_PID[@]}"; do
        kill -TERM "${FEDERATION_PID[$i]}" 2>/dev/null
    done
    for i in "${!FEDERATION_PID[@]}"; do
        wait "${FEDERATION_PID[$i]}" || status=$?
        unset "FEDERATION_PID[$i]"
    done
    return "$status"
}
