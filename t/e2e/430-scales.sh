#!/usr/bin/env bash
# seconds: 8; san
# SPDX-License-Identifier: Apache-2.0
# A meter comes back with other scale registers: that sweep is suspect, and a message names the time
# range in doubt. It comes back as somebody else: its readings are suspect until it is itself again,
# and that is said loudly.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

start_sim sim --tcp 0 --scale FEV=-1 --fix TPF=230 --fix FRE=50 --control "$tmp/sim.ctl"
sim() {
	py "$top/t/e2e/peer.py" sim "$tmp/sim.ctl" "$@" >sim.answer || fail "$(cat sim.answer)"
}
restart() {	# the meter: its connection is closed once
	sim fault clear
	sim fault add disconnect:count=1
}
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 poll_interval=0.2s -- TPF FRE
write_config
start_teslad
subscribe seen

sweeps() {
	ctl status | jq '.analyzers[0].sweeps'
}
reach() {
	test "$(sweeps)" -ge "$1"
}
# The qualities of TPF since sweep N, each once, as "0 3 2 0".
qualities() {
	jq -rs --argjson n "$1" 'map(select(.n > $n and (.topic | test("/TPF/")))) | map((.q // [0])[0])
		| reduce .[] as $q ([]; if .[-1] == $q then . else . + [$q] end) | join(" ")' seen.jsonl
}
last_tpf() {
	ctl snapshot | jq -c '.readings[] | select(.variable == "TPF") | [.v[0], .q[0]]'
}
last_is() {
	test "$(last_tpf)" = "$1"
}
verified_is() {
	analyzer_is 1 verified "$1"
}
noted() {	# in the log and on the stream
	grep -Eq "warning: analyzer 1 on .*$1" teslad.log &&
		jq -es --arg text "$1" 'any(.topic == "status/4/1/" and (.reason // "" | test($text)))' seen.jsonl >/dev/null
}
wait_for 10 last_is '[230,0]'
wait_for 5 reach 3
assert_eq "verified" "$(ctl status | jq -r '.analyzers[0] | "\(.verified) \(.identity)"')" "yes PM710 simulated"

# Until the meter is connected to anew, the change is not seen: that is the time in doubt.
sim scale FEV=0
from=$(date +%s)
wait_for 5 last_is '[23,0]'
n=$(sweeps)
restart
wait_for 5 last_is '[230,0]'
to=$(date +%s)
assert_eq "qualities" "$(qualities "$n")" "$(qualities "$n" | grep -oE '^(0 )?3 2 0$')"
wait_for 5 noted 'scale registers changed'
note=$(grep -m 1 'scale registers changed' teslad.log)
echo "$note"
[[ $note =~ \(in\ doubt:\ ([^ ]+)\ to\ ([^ ]+)\)$ ]] || fail "no range"
first=$(date -d "${BASH_REMATCH[1]}" +%s) last=$(date -d "${BASH_REMATCH[2]}" +%s)
test "$first" -le "$from" -a "$from" -le "$last" -a "$last" -le "$to" || fail "the change, from $from to $to, is not in it"

# Another meter of the same model, then one of another model, then the first again.
for who in 'PM710 number two|changed' 'PM500 simulated|other'; do
	n=$(sweeps)
	sim identity "${who%|*}"
	restart
	wait_for 5 verified_is "${who#*|}"
	wait_for 5 last_is '[230,2]'
	wait_for 5 noted "${who%|*}.*suspect"
	assert_match "qualities" "$(qualities "$n")" '^(0 )?(2 )?3 2$'
done
sim identity PM710 simulated
restart
wait_for 5 last_is '[230,0]'
assert_eq "verified" "$(ctl status | jq -r '.analyzers[0].verified')" yes

# One that does not answer the question is not verified, which is no error.
sim identity
restart
wait_for 5 verified_is no
