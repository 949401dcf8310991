# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the tests of the server share; beside t/lib.sh, which it includes.
# shellcheck source-path=SCRIPTDIR/e2e
# shellcheck disable=SC2154  # tmp and pids are t/lib.sh's
. "$(dirname "$0")/../lib.sh"
dir=$tmp/central
listen=127.0.0.1:$(free_port)
url=http://$listen

central() {
	tesla-central -d "$dir" "$@"
}

# Settings as Section.key=value; `listen` is set.
central_ini() {
	py - "Server.listen=$listen" "$@" >central.ini <<'END'
import sys
last = None
for line in sys.argv[1:]:
    name, value = line.split("=", 1)
    section, key = name.split(".")
    if section != last:
        print(f"[{section}]")
    last = section
    print(f"{key} = {value}")
END
}

central_ready() {
	alive "${pids[central]}" || fail "tesla-central ended at once: $(tail -n 3 central.log)"
	grep -qs 'ready: ' central.log
}

# The registry is made when it is not there; options are for `serve`.
start_central() {
	test -e "$dir/registry" || central init --random >password 2>/dev/null
	test -e central.ini || central_ini
	start central env ${shim:+"LD_PRELOAD=$shim"} tesla-central -d "$dir" serve \
		-i central.ini "$@"
	wait_for 20 central_ready
}

# A node and its token, which is printed.
node_token() { # id options...
	central node add "$@" >/dev/null
	central token add --node "$1" --name "node $1" 2>/dev/null | grep -o 'tc_.*'
}

# Prints the answer's body, then its status on a line of its own.
ask() { # token method path curl-options...
	local token=$1 method=$2 path=$3
	shift 3
	curl -sS -m 20 -X "$method" ${token:+-H "Authorization: Bearer $token"} \
		-w '\n%{http_code}\n' "$@" "$url$path"
}

answers() { # what status pattern command...
	local what=$1 status=$2 pattern=$3 got
	shift 3
	got=$("$@") || fail "$what: no answer"
	assert_match "$what: status" "$(tail -n 1 <<<"$got")" "^$status\$"
	assert_match "$what" "$(head -n -1 <<<"$got")" "$pattern"
}
