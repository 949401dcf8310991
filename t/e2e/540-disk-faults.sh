#!/usr/bin/env bash
# seconds: 90
# SPDX-License-Identifier: Apache-2.0
# The journal's disk fails: no space, errors, short writes, syncs that fail, at every n-th call.
# Acquisition and stream go on; it is said once each time; records wait and are all there afterwards.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack nm
start_shim disk

start_sim sim --tcp 0 --meter '*=PM710'
mkdir data
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
for id in 1 2; do
	analyzer $id 1 PM710 address=$id poll_interval=0.2 record_interval=1s export=localFile:data -- TPF CEA
done
write_config
export TESLA_DISK=$tmp/disk
disk() {
	echo "$1" >disk.new
	mv disk.new disk
}
disk 'off 1 -'
start witness py "$top/t/e2e/witness.py" "$tmp/witness"
start_teslad
subscribe seen reading/

sweeps() {
	ctl status | jq '[.analyzers[].sweeps] | min'
}
sweeps_reach() {
	test "$(sweeps)" -ge "$1"
}
wait_for 15 sweeps_reach 5
retry 10 drained || { ctl journal; ctl status | jq -c .analyzers[]; false; }
for mode in enospc eio short sync; do
	for every in 1 2 3 5; do
		disk "$mode $every /journal/"
		wait_for 15 sweeps_reach $(($(sweeps) + 13))
		disk 'off 1 -'
		wait_for 40 drained
	done
done
# The day files' disk: records stay in the journal, which is said once; it goes on by itself.
for mode in enospc eio short sync; do
	disk "$mode 1 /data/"
	wait_for 15 sweeps_reach $(($(sweeps) + 13))
	disk 'off 1 -'
	teslactl journal drain "localFile:data" >/dev/null
	wait_for 40 drained
done
wait_for 15 sweeps_reach $(($(sweeps) + 6))
journal=$(ctl journal)
missed=$(ctl status | jq '[.analyzers[].missed] | add')
stop teslad
stop witness

test "$(cat witness)" -ge 100 || assert_eq "missed polls" "$missed" 0
assert_eq "records lost for want of room" "$(jq .lost <<<"$journal")" 0
assert_eq "journals set aside" "$(jq -c .set_aside <<<"$journal")" '[]'
# The stream has no hole.
jq -s -e 'group_by(.topic) | all(.[]; [.[].k] | . == [range(.[0]; .[0] + length)])' seen.jsonl >/dev/null ||
	fail "a hole in the stream"
# A line for every second between the first and the last, once.
for id in 1 2; do
	grep -hv HORA data/$id/2*.txt | cut -f1 >lines
	assert_eq "analyzer $id: lines twice" "$(sort lines | uniq -d)" ''
	py - lines <<'END' || fail "analyzer $id: lines are missing, or out of order"
import datetime, sys
t = [datetime.datetime.strptime(line.strip(), "%H:%M:%S") for line in open(sys.argv[1])]
steps = {(b - a).total_seconds() % 86400 for a, b in zip(t, t[1:])}
print(len(t), "lines", steps)
sys.exit(steps != {1} or len(t) < 40)
END
done
# Told once per failure and once when it was well again, not at each try.
failed=$(grep -c 'error: journal .*tried again' teslad.log)
sed -n "s/.*error: journal [^:]*: //p" teslad.log | sort | uniq -c
test "$failed" -ge 4 -a "$failed" -le 40 || fail "the failing journal is said $failed times"
