#!/bin/bash
# Behind `make run`: server/run.sh BUILD. Founds a federation of MEMBERS members on this machine on first use and
# serves in the foreground until Ctrl-C.
# BASE (default /var/lib/cairn for root, else ~/.local/share/cairn) holds member-I/ (the data of member I),
# operator-I/ (its operator's key; not the server's to read), founding/ and log/. PORT (default 8480) is that of
# member 1; the others follow. MEMBERS: 4 by default, 1 for a federation of one; never 2 or 3 (docs/federation.md).
set -euo pipefail
cd "$(dirname "$0")/.."
B=$(cd "${1:?usage: server/run.sh BUILD}" && pwd)
if [ "$(id -u)" = 0 ]; then
    BASE=${BASE:-/var/lib/cairn}
else
    BASE=${BASE:-${XDG_DATA_HOME:-$HOME/.local/share}/cairn}
fi
MEMBERS=${MEMBERS:-4}
PORT=${PORT:-8480}
FEDERATION=${FEDERATION:-localhost/cairn}
mkdir -p "$BASE"
BASE=$(cd "$BASE" && pwd)
# shellcheck source=server/federation.sh
. server/federation.sh

if [ ! -e "$BASE/member-1" ]; then
    [ "$PORT" != 0 ] || PORT=$(federation_ports "$MEMBERS")
    echo "First use: founding a federation of $MEMBERS in $BASE"
    federation_found "$B" "$BASE" "$MEMBERS" "$PORT" "$FEDERATION"
fi
members=("$BASE"/member-*)

# Processes in the background of a script do not hear Ctrl-C, so it is passed on.
trap 'federation_stop_all || true' INT TERM
if ! federation_start_all "$B" "$BASE" "${#members[@]}"; then
    federation_stop_all || true
    exit 1
fi
cat <<TEXT

Cairn is running: ${#members[@]} members
$(for i in "${!FEDERATION_URL[@]}"; do printf '  member %-6s %s\n' "$i" "${FEDERATION_URL[$i]}"; done | sort)
  to stop       Ctrl-C here, or: $B/cairnd stop --data $BASE/member-I for each
  the logs      $BASE/log/member-I.log
  operator of 1 $B/cairn --home $BASE/operator-1 --server ${FEDERATION_URL[1]} register
  who and where $B/cairn --server ${FEDERATION_URL[1]} federation show
  and then      README.md, "Five minutes", or: make demo

TEXT
status=0
while [ ${#FEDERATION_PID[@]} -gt 0 ]; do
    for i in "${!FEDERATION_PID[@]}"; do
        pid=${FEDERATION_PID[$i]:-}
        [ -n "$pid" ] || continue
        wait "$pid" && status=0 || status=$? # a trapped signal ends wait, not cairnd
        kill -0 "$pid" 2>/dev/null || unset "FEDERATION_PID[$i]"
    done
done
echo "Cairn has stopped."
exit "$status"
