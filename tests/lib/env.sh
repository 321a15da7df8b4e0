# shellcheck shell=bash
# Sourced by .ci/install and the tests: puts the Node.js under build/ first where one was installed.
_bin=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/node/node_modules/.bin
case ":$PATH:" in
*":$_bin:"*) ;;
*) [ -d "$_bin" ] && PATH="$_bin:$PATH" ;;
esac
export PATH
hash -r
unset _bin
