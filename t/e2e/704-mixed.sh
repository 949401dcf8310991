#!/usr/bin/env bash
# seconds: 33; timed
# SPDX-License-Identifier: Apache-2.0
# A CVMk with all its variables, a PM710, and a meter of function 4 as the DAS-8000 is, on one serial
# line at 19200 Bd, at intervals of their own: none is missed, none begins too early, all values are
# right.  TESLA_MIXED_SECONDS=600 does it for ten minutes.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

seconds=${TESLA_MIXED_SECONDS:-30} attempts=3
mkdir models
cp "$TESLA_MODELDIR"/*.xml models/
cat >models/Eight.xml <<'END'
<model name="Eight" manufacturer="any" function="4">
  <variable name="AMC" type="int16" scale="0.1" max="9999">
    <element label="1" address="1"/><element label="2" address="2"/><element label="3" address="3"/>
    <element label="4" address="4"/><element label="5" address="5"/><element label="6" address="6"/>
    <element label="7" address="7"/><element label="8" address="8"/>
  </variable>
</model>
END
export TESLA_MODELDIR=$tmp/models
start_sim sim --pty "$tmp/line" --baud 19200 --meter 1=CVMk --meter 2=PM710 --meter 3=Eight --control "$tmp/sim.ctl" \
	--fix 1:RVM=241 --fix 1:RVm=219 --fix 2:TPF=231 --fix 3:AMC=-12.5
sim() {
	py "$top/t/e2e/peer.py" sim "$tmp/sim.ctl" "$@"
}
device 1 serial port="$tmp/line" baud=19200 timeout=0.5
variables=$(py "$top/t/e2e/cvmk.py" variables)
# shellcheck disable=SC2086
analyzer 1 1 CVMk driver=cvmk data=cvmData poll_interval=5 -- $variables
analyzer 2 1 PM710 -- TPF IPF FRE PAF PAT PRT FPT THDV CEA CER
analyzer 3 1 Eight driver=das8000 data=das8000 poll_interval=2 -- AMC
write_config
start_teslad
subscribe seen reading/

least() {	# sweeps of the one that is polled every 5 s, since the count began
	ctl status | jq -e --argjson n "$1" '.analyzers[] | select(.id == 1) | .sweeps >= $n' >/dev/null
}
sum() {
	ctl status | jq "[.analyzers[].$1] | add"
}
sweeps() {
	ctl status | jq -c '[.analyzers[].sweeps]'
}
wait_for 20 least 1
for attempt in $(seq $attempts); do
	start witness py "$top/t/e2e/peer.py" witness 1000
	sim reset >/dev/null
	missed=$(sum missed) before=$(sweeps)
	wait_for $((seconds + 20)) least $(($(ctl status | jq '.analyzers[] | select(.id == 1) | .sweeps') + seconds / 5))
	missed=$(($(sum missed) - missed)) after=$(sweeps)
	sim stats >stats.json
	stop witness
	echo "missed $missed, witness $(tail -n 1 witness.log) ms late"
	test $missed != 0 || break
	# The CVMk has the line for a second at most.
	jq -ne "$(tail -n 1 witness.log) > 20" >/dev/null || fail "$missed polls missed, and the witness was not late"
	test "$attempt" -lt $attempts || fail "the machine was late $attempts times"
done
jq -c '.lines[0] | {requests, early, garbled, unanswered, addresses: [.addresses[] | {address, model, requests}]}' stats.json
jq -ne --argjson a "$before" --argjson b "$after" --argjson s "$seconds" \
	'[range(3) | $b[.] - $a[.]] as [$cvmk, $pm, $eight]
	| $cvmk == $s / 5 and ($pm - $s | fabs) <= 5 and ($eight - $s / 2 | fabs) <= 3' >/dev/null ||
	fail "sweeps: $before to $after in $seconds s"
assert_eq "time-outs and garbled" "$(sum timeouts) $(sum garbled)" "0 0"
assert_eq "early starts, garbled, unanswered" "$(jq -c '.lines[0] | [.early, .garbled, .unanswered]' stats.json)" "[0,0,0]"
echo '{ "1/RVM": [241, 241, 241], "1/RVm": [219, 219, 219], "2/TPF": [231, 231, 231],
	"3/AMC": [-12.5, -12.5, -12.5, -12.5, -12.5, -12.5, -12.5, -12.5] }' >facts.json
grep -E '/(RVM|RVm|TPF|AMC)/' seen.jsonl | grep -v '/1/TPF/' >known.jsonl
py "$top/t/e2e/peer.py" values known.jsonl facts.json || fail "wrong values"
# The plan knows what it takes, and what is measured agrees.
ctl plan >plan.json
jq -c '.lines[0] | {share, analyzers: [.analyzers[] | {id, predicted_us, measured_us, n: (.transactions | length)}]}' plan.json
jq -e '.lines[0].analyzers[0] | (.transactions | length) == 23 and .measured_us != null
	and (.predicted_us / .measured_us - 1 | fabs) < 0.1' plan.json >/dev/null || fail "the plan of the CVMk is not what was measured"
