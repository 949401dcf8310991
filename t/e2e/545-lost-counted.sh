#!/usr/bin/env bash
# seconds: 45
# SPDX-License-Identifier: Apache-2.0
# The journal's disk is full for longer than the memory for records lasts: acquisition and stream go on,
# the oldest that wait are lost, and counted to the last one: what was made is stored, or lost.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack nm
start_shim disk

# Large records, of 480 gauges each: at 20 a second the memory of 4 MB is full within seconds, while the
# disk is still tried again at short intervals.
mkdir models
address=0
{
	echo '<model name="Wide" manufacturer="any">'
	for v in TPF IPF PAP PRT PAT FPT THDV THDI; do
		echo "<variable name=\"$v\" type=\"int16\" scale=\"0.1\">"
		for label in $(seq 60); do
			echo "<element label=\"$label\" address=\"$((address++))\"/>"
		done
		echo '</variable>'
	done
	echo '</model>'
} >models/Wide.xml
export TESLA_MODELDIR=$tmp/models
start_sim sim --tcp 0 --tcp 0 --tcp 0 --tcp 0 --meter '*=Wide'
start_rest new --api v1 --out "$tmp/new.jsonl"
for line in 1 2 3 4; do
	device $line tcp host=127.0.0.1 port="$(sim_port sim $line)"
done
for id in $(seq 20); do
	analyzer "$id" $((id % 4 + 1)) Wide poll_interval=1 record_interval=1s \
		export="<export id=\"new\" type=\"clientRest\" target=\"$(rest_url new)/api/v1\" api=\"v1\" batch=\"50\"/>" \
		-- TPF IPF PAP PRT PAT FPT THDV THDI
done
write_config
export TESLA_DISK=$tmp/disk
disk() {
	echo "$1" >disk.new
	mv disk.new disk
}
lost() {
	ctl journal | jq .lost
}
lost_at_least() {
	test "$(lost)" -ge "$1"
}
disk 'off 1 -'
start_teslad
subscribe seen record/
wait_for 30 lines_at_least 100 new.jsonl
disk 'enospc 1 /journal/'
wait_for 150 lost_at_least 100
sweeps=$(ctl status | jq '[.analyzers[].sweeps] | min')
more_sweeps() {
	test "$(ctl status | jq '[.analyzers[].sweeps] | min')" -gt $((sweeps + 2))
}
wait_for 15 more_sweeps
disk 'off 1 -'
# The disk is tried again after 30 s at the latest.
retry 90 drained || fail "not drained: $(ctl journal)"
until=$(jq -s 'map(.t) | max' seen.jsonl)
lost=$(lost)
said=$(teslactl journal)
stored_until() {
	jq -s -e --argjson t "$until" 'map(.end_ms) | max > $t' new.jsonl >/dev/null
}
wait_for 20 stored_until
wait_for 20 drained
assert_eq "nothing is lost later" "$(lost)" "$lost"
stop teslad
assert_match "the table" "$said" "$lost"
assert_eq "said when it began and when it was over" \
	"$(grep -c 'is full: the oldest are lost\|there is room again .* were lost' teslad.log)" 2
assert_match "how many" "$(grep 'there is room again' teslad.log)" ": $lost were lost"
py - "$until" "$lost" <<'END' || fail "what was made is not what is stored or lost"
import collections, json, sys
until, lost = map(int, sys.argv[1:])
made, k = set(), collections.defaultdict(list)
for m in map(json.loads, open("seen.jsonl")):
    k[m["topic"]].append(m["k"])
    if m["t"] <= until:
        made.add((int(m["topic"].split("/")[2]), m["t"]))
stored = {(r["analyzer"], r["end_ms"]) for r in map(json.loads, open("new.jsonl"))}
missing = len(made - stored)
print(len(made), "made and seen,", missing, "of them are not stored;", lost, "are counted as lost")
holes = [t for t, n in k.items() if n != list(range(n[0], n[0] + len(n)))]
sys.exit(missing != lost or lost == 0 or holes or len(k) != 20)
END
