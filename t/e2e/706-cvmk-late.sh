#!/usr/bin/env bash
# seconds: 47; timed
# SPDX-License-Identifier: Apache-2.0
# CVMk meters on two ptys and behind two converters, 10,000 requests in all (TESLA_LATE_POLLS of each
# line; done with 10,000): of one in fifty the reply is late by 0.5 or 0.9 of late_max, of one in
# three it comes twice.  No value is taken for another one, although RVI, ROI and RPI, which follow each
# other, have the same shape.  Beyond late_max none whose shape differs is taken.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

polls=${TESLA_LATE_POLLS:-2500} every=50 timeout=50 late_max=300 attempts=3
# What a reply takes besides.
wire=4
mkdir models
sed 's/<model /<model turnaround="0" /' "$TESLA_MODELDIR/CVMk.xml" >models/CVMk.xml
export TESLA_MODELDIR=$tmp/models
sim() {
	py "$top/t/e2e/peer.py" sim "$tmp/$1.ctl" "${@:2}"
}
facts=()
for fraction in 5 9; do
	a=$((fraction * 10)) ms=$((timeout + late_max * fraction / 10 - wire))
	options=(--pty "$tmp/line$fraction" --rtu-over-tcp 0)
	for i in 1 2; do
		options+=(--meter "$((a + i))=CVMk" --fault "double:address=$((a + i)),every=3"
			--fault "late:address=$((a + i)),every=$every,ms=$ms")
		for v in TPF ROI PAT RVM RVm; do
			value=$((1000 * (a + i) + 100 * i + ${#facts[@]}))
			options+=(--fix "$((a + i)):$v=$value")
			case $v in
			RV?) facts+=("\"$((a + i))/$v\": [$value, $value, $value],") ;;
			*) facts+=("\"$((a + i))/$v\": [$value, $value, $value, $value],") ;;
			esac
		done
	done
	start_sim sim$fraction "${options[@]}" --baud 921600 --turnaround 0 --control "$tmp/sim$fraction.ctl"
	common=(baud=921600 "timeout=${timeout}ms" "late_max=${late_max}ms" backoff_max=1)
	device $((a + 1)) serial port="$tmp/line$fraction" "${common[@]}"
	device $((a + 2)) rtu-over-tcp host=127.0.0.1 port="$(sim_port sim$fraction)" "${common[@]}"
	for i in 1 2; do
		analyzer $((a + i)) $((a + i)) CVMk driver=cvmk data=cvmData poll_interval=30ms -- TPF ROI PAT RVM RVm
	done
done
echo "{ ${facts[*]} \"end\": [] }" >facts.json
write_config

asked() {	# of each line
	{ sim sim5 stats && sim sim9 stats; } >stats.json
	jq -se --argjson n "$polls" '[.[].lines[].requests] | min >= $n' stats.json >/dev/null
}
for attempt in $(seq $attempts); do
	start witness py "$top/t/e2e/peer.py" witness 50
	sim sim5 reset >/dev/null
	sim sim9 reset >/dev/null
	start_teslad
	subscribe seen reading/
	wait_for 300 asked
	ctl status >status.json
	stop witness
	right=0
	py "$top/t/e2e/peer.py" values seen.jsonl facts.json >values.log || right=1
	echo "witness $(tail -n 1 witness.log) ms late; $(tail -n 1 values.log)"
	test $right = 0 && break
	jq -ne "$(tail -n 1 witness.log) > $late_max / 20" >/dev/null || fail "$(cat values.log)"
	test "$attempt" -lt $attempts || fail "the machine was late $attempts times: $(cat values.log)"
	stop seen
	stop teslad
	rm -rf run state seen.jsonl
done
jq -c '.analyzers[] | [.id, .sweeps, .timeouts, .garbled]' status.json
jq -e --argjson n $((polls / every - 20)) '[.analyzers[].timeouts] | min >= $n' status.json >/dev/null || fail "too few were late"
test "$(grep -c . seen.jsonl)" -gt $((4 * polls / 2)) || fail "too few messages"

# Later than late_max, but of another shape: what is asked next, of the same meter or of another one,
# is not answered by it.
stop seen
stop teslad
rm -rf run state seen.jsonl analyzers.part
for fraction in 5 9; do
	a=$((fraction * 10))
	sim sim$fraction fault clear >/dev/null
	sim sim$fraction fault add "late:every=10,ms=$((timeout + late_max + 5))" >/dev/null
	for i in 1 2; do
		analyzer $((a + i)) $((a + i)) CVMk driver=cvmk data=cvmData poll_interval=20ms -- TPF RVM
	done
done
write_config
start_teslad
subscribe seen reading/
beyond() {
	ctl status >status.json
	jq -e '([.analyzers[].timeouts] | min >= 20) and ([.analyzers[].garbled] | add > 0)' status.json >/dev/null
}
wait_for 60 beyond # few of them come when something is asked, and then it is that they answer
py "$top/t/e2e/peer.py" values seen.jsonl facts.json >values.log || fail "$(cat values.log)"
tail -n 1 values.log
jq -c '.analyzers[] | [.id, .sweeps, .timeouts, .garbled]' status.json
