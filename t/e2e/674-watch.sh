#!/usr/bin/env bash
# seconds: 19; san
# SPDX-License-Identifier: Apache-2.0
# teslactl watch across a cut of the stream and restarts of the daemon: what did not come is told by
# number, and that the daemon was away or is another one; then values go on.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

start_sim sim --tcp 0 --meter 1-2=PM710 --fix TPF=230
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 poll_interval=0.1s -- TPF FRE
analyzer 2 1 PM710 poll_interval=2s -- TPF
write_config
start_teslad
wait_for 10 analyzer_is 1 state online
# The daemon's socket goes elsewhere, and what can be cut is in its place.
mv "${stream#ipc://}" real
start proxy py "$top/t/e2e/proxy.py" "$tmp/real" "$tmp/through" "${stream#ipc://}"
wait_for 5 grep -q '^ready' proxy.log

watch() {	# name, WORD...: lines in NAME.out, what is told in NAME.err
	# shellcheck disable=SC2016  # for the other shell
	start "$1" sh -c 'name=$1; shift; exec teslactl "$@" >"$name.out" 2>"$name.err"' sh "$@"
}
more() {	# name: ten more lines
	local n
	n=$(wc -l <"$1.out")
	wait_for 10 lines_at_least $((n + 10)) "$1.out"
}
told() {	# name, regular expression
	wait_for 10 grep -Eq "^teslactl: $2" "$1.err"
}
sweeps() {	# analyzer
	ctl status | jq --argjson id "$1" '.analyzers[] | select(.id == $id) | .sweeps'
}
swept() {	# analyzer, so often
	test "$(sweeps "$1")" -ge "$2"
}
seldom() {	# lines of analyzer 2, at least so many
	test "$(grep -c '"analyzer":2' json.out)" -ge "$1"
}
watch json --json watch
watch text watch 1 TPF
wait_for 10 test -s text.out
wait_for 10 seldom 1
assert_eq "told while all comes" "$(cat json.err text.err)" ''

# Every number is a line or is told as missed, also of what the snapshot brings after a loss.
kill -USR1 "${pids[proxy]}"
wait_for 5 grep -q '^cut 1' proxy.log
n=$(sweeps 1)
wait_for 10 swept 2 $(($(sweeps 2) + 1))
wait_for 10 swept 1 $((n + 5))
n=$(grep -c '"analyzer":2' json.out)
kill -HUP "${pids[proxy]}"
more text
wait_for 10 seldom $((n + 1))
stop json INT
assert_eq "json, ended by SIGINT" "$status" 0
for id in 1 2; do
	holes=$(jq -s --argjson id $id 'map(select(.analyzer == $id and .variable == "TPF").k) |
		[.[1:], .[:-1]] | transpose | map(.[0] - .[1] - 1) | add' json.out)
	test "$holes" -ge 1 || fail "nothing was cut: this tested nothing"
	assert_eq "readings of $id that are told as missed" \
		"$(sed -En "s|^teslactl: reading/4/$id/TPF/: ([0-9]+) readings? missed$|\1|p" json.err |
			awk '{ n += $1 } END { print n }')" "$holes"
done
assert_eq "what else is told" "$(grep -cv ' missed$' json.err || true)" 0
assert_eq "labels" "$(jq -c 'select(.variable == "TPF") | .labels' json.out | sort -u)" '["L1","L2","L3"]'
told text 'reading/4/1/TPF/: [0-9]+ readings? missed$'

# A restart, and one that takes long.
stop teslad
stop proxy
rm -f "${stream#ipc://}"
start_teslad
told text 'teslad was started again$'
more text
stop teslad KILL
told text 'nothing has come from .* for 3 s$'
start_teslad
told text 'readings come again$'
more text
assert_eq "restarts told" "$(grep -c 'was started again' text.err)" 2
assert_eq "lines that are no reading of TPF" \
	"$(grep -Ecv '^[0-9T:.-]+Z  1  TPF  L1 (230|error|unav)' text.out || true)" 0
stop text INT
assert_eq "text, ended by SIGINT" "$status" 0
stop teslad

# On the screen the title says it.
fake_daemon gaps
terminal() {	# steps, what is printed
	py "$top/t/e2e/terminal.py" "$1" teslactl watch >terminal.log
	assert_eq "on a terminal: $1" "$(tr '\n' ' ' <terminal.log)" "$2"
}
terminal 'see:Roof see:_missed,_0_restarts see:THD key:q' 'status 0 restored '
fake_daemon
start screen py "$top/t/e2e/terminal.py" 'see:Roof see:1_restart see:THD key:q' teslactl watch
wait_for 10 grep -q snapshot daemon.log
fake_daemon
wait_for 15 gone "${pids[screen]}"
stop screen
assert_eq "a restart on the screen" "$(xargs <screen.log)" 'status 0 restored'
fake_daemon quiet
terminal 'see:DOWN:_nothing_has_come_from key:q' 'status 4 restored '
stop daemon
