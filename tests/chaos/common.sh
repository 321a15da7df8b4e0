# shellcheck shell=bash
# Sourced by the check_*.sh of this folder: goes to the top folder, finds Node.js, and builds what the check
# runs unless CAIRND (and CAIRN) name programs. LONG=1 asks for the long form.
#
#   chaos_run FILE ARGUMENT...       one program of this folder; its counts are added up
#   chaos_control MUTANT PATTERN FILE ARGUMENT...
#                                    the same on a server with a planted fault: it must fail, and say so
#                                    in a line like PATTERN
#   chaos_end                        last line and status
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/env.sh
unset MAKEFLAGS MAKELEVEL
LONG=${LONG:-}
chaos_passed=0
chaos_failed=0
chaos_pid=
chaos_folder=$(mktemp -d /var/tmp/cairn-chaos-sh.XXXXXX) || exit 1
chmod 755 "$chaos_folder"
trap 'rm -rf "$chaos_folder"' EXIT
trap '[ -z "$chaos_pid" ] || kill "$chaos_pid" 2>/dev/null; wait; exit 130' INT TERM

chaos_build() { # TARGET...
    local said
    said=$(make "$@" 2>&1) || { echo "$said" | tail -n 20; echo "0 passed, 1 failed"; exit 1; }
}
[ -n "${CAIRND:-}" ] || chaos_build VARIANT=fp build/fp/cairnd
export CAIRND=${CAIRND:-$PWD/build/fp/cairnd}

# In the background, so that a signal reaches us and its servers are ended.
chaos_node() { # LOG FILE ARGUMENT...
    local log=$1 status
    shift
    node "tests/chaos/$1" "${@:2}" >"$log" 2>&1 &
    chaos_pid=$!
    wait "$chaos_pid"
    status=$?
    chaos_pid=
    return "$status"
}

chaos_run() { # FILE ARGUMENT...
    local log=$chaos_folder/run.log status good bad
    echo "== $*"
    chaos_node "$log" "$@"
    status=$?
    sed '$d' "$log"
    read -r good bad < <(tail -n 1 "$log" | sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p')
    if [ -z "${good:-}" ]; then
        tail -n 1 "$log"
        good=0 bad=1
    fi
    [ "$status" = 0 ] || [ "$bad" != 0 ] || bad=1
    chaos_passed=$((chaos_passed + good))
    chaos_failed=$((chaos_failed + bad))
}

chaos_control() { # MUTANT PATTERN FILE ARGUMENT...
    local mutant=$1 pattern=$2 log=$chaos_folder/control.log program
    shift 2
    echo "== control: $mutant, which $* must catch"
    if ! program=$(node tests/chaos/mutant.mjs "$mutant" "$chaos_folder/$mutant" 2>"$log"); then
        cat "$log"
        chaos_failed=$((chaos_failed + 1))
    elif CAIRND=$program chaos_node "$log" "$@" || ! grep -Eq -e "$pattern" "$log"; then
        tail -n 20 "$log"
        echo "FAILED  $mutant was not caught"
        chaos_failed=$((chaos_failed + 1))
    else
        grep -E -m 3 -e "$pattern" "$log" | cut -c 1-200 | sed -E 's/^(FAILED)? */caught  /'
        chaos_passed=$((chaos_passed + 1))
    fi
    rm -rf "${chaos_folder:?}/$mutant"
}

chaos_end() {
    echo "$chaos_passed passed, $chaos_failed failed"
    [ "$chaos_failed" = 0 ]
}
