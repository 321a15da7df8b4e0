#!/bin/bash
# Behind `make run`: server/run.sh BUILD. Makes a member on first use and serves in the foreground until Ctrl-C.
# BASE (default /var/lib/cairn for root, else ~/.local/share/cairn) holds member/ (the server's data), operator/
# (the operator's key; not the server's to read) and cairnd.log. PORT (default 8480, 0 for any free one).
set -euo pipefail
B=$(cd "${1:?usage: server/run.sh BUILD}" && pwd)
if [ "$(id -u)" = 0 ]; then
    BASE=${BASE:-/var/lib/cairn}
else
    BASE=${BASE:-${XDG_DATA_HOME:-$HOME/.local/share}/cairn}
fi
PORT=${PORT:-8480}
FEDERATION=${FEDERATION:-localhost/cairn}
mkdir -p "$BASE"
BASE=$(cd "$BASE" && pwd)
DATA=$BASE/member
LOG=$BASE/cairnd.log

identity_key() { # of the operator, in base64; the first time a key is made
    if [ ! -e "$BASE/operator/root.key" ]; then
        "$B/cairn" --home "$BASE/operator" --json keygen >"$BASE/operator.json.new"
        mv "$BASE/operator.json.new" "$BASE/operator.json"
    fi
    sed -n 's/.*"identity_key":"\([^"]*\)".*/\1/p' "$BASE/operator.json"
}

if [ ! -e "$DATA/cairn.conf" ]; then
    echo "First use: making a member of a federation of one in $DATA"
    "$B/cairnd" init --data "$DATA" --federation "$FEDERATION" --operator "$(identity_key)"
fi

# As a coprocess, so that its one line on standard output can be read and Ctrl-C still reaches it.
touch "$LOG" && chmod 600 "$LOG"
coproc CAIRND { exec "$B/cairnd" run --data "$DATA" --port "$PORT" 2>>"$LOG"; }
pid=$CAIRND_PID
trap 'kill -TERM "$pid" 2>/dev/null' TERM
trap : INT # it has the signal as well, and stops by itself
address=
if IFS= read -r line <&"${CAIRND[0]}" && [[ $line =~ \"address\":\"([^\"]+)\" ]]; then
    address=${BASH_REMATCH[1]}
fi
if [ -z "$address" ]; then
    echo "cairnd did not start. The end of $LOG:" >&2
    tail -n 5 "$LOG" >&2
    wait "$pid"
    exit 1
fi
cat <<TEXT

Cairn is running at $address
  to stop      Ctrl-C here, or: $B/cairnd stop --data $DATA
  the log      $LOG
  operator     $B/cairn --home $BASE/operator --server $address register
  and then     README.md, "Five minutes", or: make demo

TEXT
status=0
while kill -0 "$pid" 2>/dev/null; do
    wait "$pid" && status=0 || status=$? # a trapped signal ends wait, not cairnd
done
echo "Cairn has stopped."
exit "$status"
