#!/usr/bin/env bash
# seconds: 28; alone
# SPDX-License-Identifier: Apache-2.0
# SIGHUPs at 10 a second over 50 analyzers at 1 s, while the HTTP server is down half the time (silent,
# or refusing connections) and a tenth of the files is broken: they do what they are for, who does not
# change misses no poll, no record is lost, the last good configuration is in force, memory and
# descriptors stay.  By hand: HUPS=1000.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

hups=${HUPS:-200} attempts=3
lines=48
endpoints=()
for i in $(seq $lines); do
	endpoints+=(--tcp "127.1.1.$i:0")
done
start_sim sim "${endpoints[@]}" --meter '*=PM710' --fix TPF=230 --fix PAT=1000 --fix FRE=50
rest=$(free_port)
mkdir data
export='<export type="localFile" target="data"/>'
export+="<export type=\"clientRest\" target=\"http://127.0.0.1:$rest/api/v1\" api=\"v1\"/>"
id=0
while IFS=' :' read -r _ _ host port; do
	device $((++id)) tcp host="$host" port="$port"
	analyzer $id $id PM710 address=1 record_interval=5s export="$export" -- TPF PAT
done < <(grep '^ready' sim.log)
# Two more on the last line: these change.
analyzer 101 $id PM710 address=2 record_interval=5s export="$export" -- TPF
analyzer 102 $id PM710 address=3 record_interval=5s export="$export" -- FRE
write_config
write_ini General.log_level=warning

py "$top/t/e2e/hups.py" prepare config.xml good

all_swept() {
	test "$(ctl status | jq '[.analyzers[].sweeps] | min')" -ge 2
}
# All is delivered, and no window ends before the daemon does: one exporter might have its record then.
settled() {
	drained && case $((EPOCHSECONDS % 5)) in 1 | 2 | 3) ;; *) false ;; esac
}
run() {
	cp good/0.xml config.xml
	rm -rf state run data/* central.jsonl seen.jsonl
	start_rest central --api v1 --port "$rest" --out "$tmp/central.jsonl"
	start witness py "$top/t/e2e/peer.py" witness 1000
	start_teslad
	subscribe seen reading/
	wait_for 20 all_swept
	py "$top/t/e2e/hups.py" run "${pids[teslad]}" "$control" "$hups" "${pids[central]}" >hups.json ||
		fail "$(cat hups.json)"
	wait_for 30 settled
	stop witness
	ctl status >status.json
	stop seen
	stop teslad
	stop central
}

for attempt in $(seq $attempts); do
	run
	late=$(tail -n 1 witness.log)
	regular=0
	py "$top/t/e2e/peer.py" regular <(jq -c 'select((.topic | split("/")[2] | tonumber) <= 100)' seen.jsonl) \
		1000 >regular.log || regular=1
	missed=$(jq '[.analyzers[] | select(.id <= 100).missed] | add' status.json)
	echo "witness ${late} ms late; $(tail -n 1 regular.log); missed $missed; $(cat hups.json)"
	test "$regular,$missed" = "0,0" && break
	jq -ne "$late > 500" >/dev/null || fail "late or missed, and the witness was not: $(cat regular.log)"
	test "$attempt" -lt $attempts || fail "the machine was late $attempts times: the witness too"
done
# No value stands for another variable, whatever changed while it was read.
for id in $(seq $lines) 101 102; do
	echo "{\"$id/TPF\": [230, 230, 230], \"$id/PAT\": [1000], \"$id/FRE\": [50]}"
done | jq -s add >facts.json
py "$top/t/e2e/peer.py" values seen.jsonl facts.json || fail "a value is another variable's"
py "$top/t/e2e/peer.py" gaps seen.jsonl >gaps.json
assert_eq "holes" "$(jq -c '[.k_holes, .k_doubled]' gaps.json)" '[0,0]'
py "$top/t/e2e/peer.py" gaps seen.jsonl 1-100 >gaps.json
assert_eq "holes in n of those that did not change" "$(jq -c '[.n_holes, .n_doubled]' gaps.json)" '[0,0]'
assert_eq "the last good one is in force" "$(jq .in_force hups.json)" true
assert_eq "hosts that died" "$(jq '[.hosts[] | select(.kind == "driver").restarts] | add' status.json)" 0
# Records: each window of each analyzer once, in order, at the server and in the day file.
py "$top/t/e2e/hups.py" records central.jsonl data || fail "records"
