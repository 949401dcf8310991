#!/usr/bin/env bash
# seconds: 30; san
# SPDX-License-Identifier: Apache-2.0
# Scans of what is not as one would like: many meters that are alike, and one that answers for all; who
# hangs up; who cannot be understood; a daemon that does not answer; an end in the middle of a meter.
. "$(dirname "$0")/../lib.sh"
requires jq

scan() {	# to scan.json
	status=0
	teslactl --json --timeout 0.15 scan "$@" >scan.json 2>scan.log || status=$?
}
addresses() {
	jq -c '[.meters[].address]' scan.json
}

# Ten of one model behind a gateway are ten; one that answers whatever it is called is one, and it is said.
start_sim many --tcp 0 --meter 1-10=PM710
start_sim one --tcp 0 --meter 1-247=PM710
scan "127.0.0.1:$(sim_port many)" --addresses 1-12
assert_eq "ten" "$status $(addresses)" "0 [1,2,3,4,5,6,7,8,9,10]"
scan "127.0.0.1:$(sim_port one)"
assert_eq "one" "$status $(addresses)" "0 [1]"
assert_match "it is said" "$(cat scan.log)" 'does not look at the address; the others are not asked'

# Who hangs up on function 17, or for an address that is not there, is found, and so is who comes next.
port=$(free_port)
start meters py "$top/t/e2e/hangs_up.py" "$port" 2 5
wait_for 10 grep -q ready meters.log
scan "127.0.0.1:$port" --addresses 1-6
assert_eq "who hangs up" "$status $(addresses)" "0 [2,5]"

# Nobody is understood: all settings are tried.  A neighbour who is, ends that.
start_sim noise --pty "$tmp/line" --baud 115200 --turnaround 0 --meter 1-2=PM710 \
	--fault checksum:address=1,probability=1
scan "$tmp/line" --addresses 1
assert_eq "garbled" "$(jq -c '[.meters[] | [.address, .garbled]]' scan.json)" '[[1,true]]'
assert_eq "settings" "$(grep -c '^teslactl: looking at' scan.log)" 4
scan "$tmp/line" --addresses 1-2
assert_eq "garbled and not" "$(jq -c '[.meters[] | [.address, .garbled]]' scan.json)" '[[1,true],[2,false]]'
assert_eq "settings" "$(grep -c '^teslactl: looking at' scan.log)" 1

# A daemon that is there and does not answer may have the line: nothing is opened beside it.
mkdir -p run
start silent py -c "import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind('$tmp/run/control'); s.listen(); print('ready', flush=True); time.sleep(600)"
wait_for 10 grep -q ready silent.log
scan "$tmp/line" --addresses 2
assert_eq "a daemon that is silent" "$status $(jq -c .ok scan.json)" "3 false"
stop silent
rm run/control
TESLA_CONTROL='' scan -s "ipc://$tmp/run/control" "$tmp/line" --addresses 2
assert_eq "a daemon that is named" "$status" 3

# An end in the middle of a meter that takes a while: what was found is told.
start_sim slow --tcp 0 --control "$tmp/slow.ctl" --meter 1=PM710 --meter 2=SDM630 \
	--identity-by 2:none --fault late:every=1,ms=150
asked() {
	py "$top/t/e2e/peer.py" sim "$tmp/slow.ctl" stats | jq -e '[.lines[].requests] | add > 30' >/dev/null
}
start scan teslactl --json scan "127.0.0.1:$(sim_port slow)" --addresses 1-2
wait_for 30 asked
stop scan INT
assert_eq "interrupted" "$status" 1
assert_eq "what was told" "$(grep '^{' scan.log | jq -c '[.ok, .error, .meters[0].address]')" '[false,"interrupted",1]'
