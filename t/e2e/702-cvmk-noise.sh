#!/usr/bin/env bash
# seconds: 77
# SPDX-License-Identifier: Apache-2.0
# 10,000 polls of CVMk meters on two unpaced ptys that damage one byte in a hundred, of requests
# and replies.  On one a byte becomes another one, or one comes from nowhere: no wrong value is published.  On the
# other one a bit changes, or two bytes change places: none is published that checksum, length, address, characters
# or range expose; what a sum of eight bits cannot see is counted.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

polls=${TESLA_NOISE_POLLS:-5000} attempts=3 timeout=25 late_max=35
kinds=(bytes flips)
# The peer answers at once; otherwise more time would be planned than there is.
mkdir models
sed 's/<model /<model turnaround="0" /' "$TESLA_MODELDIR/CVMk.xml" >models/CVMk.xml
export TESLA_MODELDIR=$tmp/models
for i in 0 1; do
	device $((i + 1)) serial port="$tmp/${kinds[i]}" baud=921600 "timeout=${timeout}ms" \
		"late_max=${late_max}ms" backoff_max=1
	while read -r address variables; do
		# shellcheck disable=SC2086
		analyzer $((100 * (i + 1) + address)) $((i + 1)) CVMk address="$address" driver=cvmk \
			data=cvmData poll_interval=30ms -- $variables
	done <<-END
		1 TPF
		2 PAT RLI
		3 RVM
		4 FPT
		5 RVm
	END
done
write_config

# Of each line.
polled() {
	ctl status >status.json
	jq -e --argjson n "$polls" '[.analyzers | group_by(.line)[] | map(.sweeps) | add] | min >= $n' \
		status.json >/dev/null
}
heard() {	# kind, id of address 0
	py "$top/t/e2e/cvmk.py" heard seen.jsonl "$1.told" "$2" >"$1.heard" || return 1
	test "$1" = flips || jq -e '.unseen == 0' <<<"$(tail -n 1 "$1.heard")" >/dev/null
}
for attempt in $(seq $attempts); do
	for kind in "${kinds[@]}"; do
		start "$kind" py "$top/t/e2e/cvmk.py" noise "$tmp/$kind" "$kind" 2 "$tmp/$kind.told"
		wait_for 10 grep -qs ready "$kind.log"
	done
	start witness py "$top/t/e2e/peer.py" witness 50
	start_teslad
	subscribe seen reading/
	wait_for 360 polled
	stop teslad
	stop seen
	stop witness
	stop bytes
	stop flips
	right=0
	heard bytes 100 || right=1
	heard flips 200 || right=1
	for kind in "${kinds[@]}"; do
		echo "$kind: $(tail -n 1 "$kind.heard")"
	done
	test $right = 0 && break
	# The peer was late: its reply came beyond late_max, which nothing can tell.
	jq -ne "$(tail -n 1 witness.log) > $late_max / 2" >/dev/null || fail "$(cat bytes.heard flips.heard)"
	test "$attempt" -lt $attempts || fail "the machine was late $attempts times: $(cat bytes.heard flips.heard)"
	rm -rf run state bytes flips seen.jsonl
done
jq -c '.analyzers | group_by(.line)[] | {line: .[0].line, sweeps: (map(.sweeps) | add),
	timeouts: (map(.timeouts) | add), garbled: (map(.garbled) | add)}' status.json
# There was noise enough, and what the sum cannot see was among it.
for kind in "${kinds[@]}"; do
	jq -e '.damaged > .replies / 5 and .published > .replies / 3' <<<"$(tail -n 1 "$kind.heard")" >/dev/null ||
		fail "$kind: not the noise that was meant"
done
jq -e '.passes > 0 and .unseen > 0' <<<"$(tail -n 1 flips.heard)" >/dev/null || fail "nothing went unseen: is there noise?"
echo "a sum of eight bits does not see: $(tail -n 1 flips.heard | jq .passes) of $(tail -n 1 flips.heard | jq .damaged) damaged replies, $(tail -n 1 flips.heard | jq .unseen) of them published"
