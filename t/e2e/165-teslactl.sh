#!/usr/bin/env bash
# seconds: 12; san
# SPDX-License-Identifier: Apache-2.0
# teslactl against a daemon with fixed answers: what it prints, its exit codes, and the live table.
. "$(dirname "$0")/../lib.sh"
requires python:zmq python:msgpack jq

said() {	# expected status, ARGUMENT...: what teslactl says is in said.log
	assert_status "$1" teslactl "${@:2}" >said.log 2>&1
	cat said.log
}
has() {
	grep -Eq -- "$1" said.log || fail "no '$1' in what teslactl said"
}
has_not() {
	! grep -Eq -- "$1" said.log || fail "'$1' in what teslactl said"
}

# Nobody there: at once, with the reason.
said 3 status
has 'no teslad at .*No such file'
said 3 --timeout 0.2 -s tcp://127.0.0.1:1 status
has 'no answer .*tcp://127.0.0.1:1'
said 2
said 1 -s foo status
has 'an endpoint is such as'
said 1 --key no.key --server no.pub status
has 'no\.key'
for name in '' 'a b' $'\xff' dir/; do
	said 2 keygen "$name"
	has 'letters, digits'
done
said 2 nonsense
has 'no command "nonsense"'
said 2 status more
said 2 --seconds 5 status
said 2 --seconds never watch
said 2 watch 0
said 0 --help
for c in status watch snapshot plan plugins check shutdown 'Exit codes' TESLA_CONTROL; do
	has "$c"
done
said 0 --version
has '^teslactl [0-9]'

fake_daemon
said 0 status
has '^node 4, Roof, Vilanova\?\[31m$'	# no escape sequence of foreign text reaches a terminal
has '^ +2 +exporter +- +waiting +3 +yes +- +zmqPublish: deliver: signal 11$'
has '^ +1 +serial +/dev/ttyS0 +open +7\.6% +7\.5% +3600 +-$'
has '^ +2 +tcp +10\.0\.0\.7:502 +failed +- .*connection refused$'
has '^ +300 +2 +7 +PM500 +offline +no +1 min +2 h .*3 time-outs'
has '^warning: config\.xml:12:9: '
said 0 snapshot
has '^ +1 +V .*L1 230\.1  L2 unavailable  L3 229\.5 \(suspect\)'
has '^ +300 +P .*total 12\.5 \(stale\)'
has '^ +300 +E .*total error +time-out$'
said 0 plan
has '^line 1, serial, /dev/ttyS0: 7\.6% of its time'
has 'predicted 76\.0 ms, measured 75\.8 ms'
has 'function 3, registers 4000 to 4049: 50 registers, 10 blocks'
has 'turnaround assumed\), not measured yet'
has '^  analyzer 301, PM500, every 1 s: no plan$'
said 0 plugins
has '^modBusComm \(driver\) 0\.1\.0, interface 1\.0'
has 'cvmComm'
has '^  refused: undefined symbol: nothing'
said 1 check
has '^config\.xml:3:1: error: no such model$'
# What cannot be written is no success.
for command in status '--json snapshot' 'watch --seconds 0.5' --version; do
	# shellcheck disable=SC2086  # a command and its options
	assert_status 1 teslactl $command >/dev/full 2>said.log
	has 'teslactl: standard output cannot be written'
done
assert_status 1 teslactl status >&- 2>said.log
has 'teslactl: standard output cannot be written'
assert_status 1 teslactl --json check >check.json
assert_eq check "$(jq -r .text check.json)" 'config.xml:3:1: error: no such model'
assert_eq snapshot "$(teslactl --json snapshot | jq -c '.readings[0].v')" '[230.1,null,229.5]'

said 1 watch 9
has 'no analyzer 9'
said 0 watch 1 V TPF --seconds 0.5
has '^[0-9T:.-]+Z  1  V  L1 230[0-9.]*  L2 unavailable  L3 229\.5 \(suspect\)  V$'
has '^[0-9T:.-]+Z  1  TPF  total 0\.985$'
has_not THD
# Readings without one value are no success.
said 4 watch 300 --seconds 0.5
has '  300  P  total error  kW  time-out$'
has_not '  300  E '	# a last value is no line
assert_status 0 teslactl --json watch --seconds 0.5 >watch.json
assert_eq labels "$(jq -sc 'map(select(.variable == "V"))[0].labels' watch.json)" \
	'["L1","L2","L3"]'
assert_eq 'not a number' "$(jq -sc 'map(select(.variable == "THD"))[0].v' watch.json)" '[null]'

terminal() {	# steps, expected last lines, ARGUMENT...
	local steps=$1 want=$2
	shift 2
	py "$top/t/e2e/terminal.py" "$steps" teslactl "$@" >terminal.log
	assert_eq "on a terminal: $steps" "$(tr '\n' ' ' <terminal.log)" "$want"
}
terminal 'see:sweeps/s see:THD see:unavailable key:q' 'status 0 restored ' watch 1
terminal 'see:(stale) see:5_of_5 size:10x100 see:(suspect) int' 'status 0 restored ' watch
terminal 'see:5_of_5 size:5x60 see:1_to_2_of_5 key:down see:2_to_3 key:pgdn see:4_to_5 key:q' \
	'status 0 restored ' watch
terminal 'see:THD' 'status 0 restored ' watch --seconds 1
terminal 'see:time-out' 'status 4 restored ' watch 300 --seconds 1

said 0 shutdown
forget daemon
wait_for 5 gone "$pid"

for mode in 'no:1:not now' 'silent:3:no answer' 'junk:3:bad or cut' 'binary:0:^node' \
	'late:0:^node'; do
	IFS=: read -r mode code text <<<"$mode"
	fake_daemon "$mode"
	wanted=$code
	test "$mode" != silent || set -- --timeout 0.3
	said "$wanted" "$@" status
	set --
	test "$mode" = binary && said 1 --json status && has 'binary data'
	test "$mode" = binary || has "$text"
	stop daemon
done
fake_daemon quiet
said 4 watch --seconds 0.5
has 'no value came'
stop daemon
