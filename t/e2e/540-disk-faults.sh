#!/usr/bin/env bash
# seconds: 85
# SPDX-License-Identifier: Apache-2.0
# The journal's disk fails: no space, errors, short writes, syncs that fail, at every n-th call.
# Acquisition and stream go on; it is said once each time; records wait and are all there afterwards.
# The day files' disk fails likewise.  Each fault is seen to have struck, and to be known.
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
touch disk.hits
disk 'off 1 -'
start_teslad
subscribe seen reading/

sweeps() {
	ctl status | jq '[.analyzers[].sweeps] | min'
}
sweeps_reach() {
	test "$(sweeps)" -ge "$1"
}
struck() {
	test "$(wc -c <disk.hits)" -gt "$1"
}
said() {	# how often the failing journal, or the exporter, was said to fail
	grep -c "$1" teslad.log || true
}
said_more() {
	test "$(said "$1")" -gt "$2"
}
journal_fails='error: journal .*tried again' export_fails='warning: exporter localFile:data: .*kept and tried again'
journal_known() {
	ctl journal | jq -e '.state != "open" and (.reason | length) > 0' >/dev/null
}
export_known() {
	ctl journal | jq -e '.exporters[0] | .backlog > 0 and (.reason | length) > 0' >/dev/null
}
# MODE EVERY PATH MESSAGE KNOWN: a fault for some sweeps; it strikes, it is known, it is said; when every
# call fails, it is said once.
disturb() {
	local hits before
	hits=$(wc -c <disk.hits)
	before=$(said "$4")
	disk "$1 $2 $3"
	wait_for 20 struck "$hits"
	test "$2" != 1 || wait_for 20 "$5"
	wait_for 15 sweeps_reach $(($(sweeps) + 8))
	test "$2" != 1 || assert_eq "$1 at each call in $3 is said" $(($(said "$4") - before)) 1
	test "$1" != enospc || test "$2" != 1 || assert_match "why" "$(ctl journal | jq -r '.reason, .exporters[0].reason')" 'No space|full'
	disk 'off 1 -'
	echo "$1 $2 $3: struck $(($(wc -c <disk.hits) - hits)) times"
}
missed() {
	ctl status | jq '[.analyzers[].missed] | add'
}
all_modes() {
	for mode in enospc eio short sync; do
		for every in 1 2 3 5; do
			disturb $mode $every /journal/ "$journal_fails" journal_known
			wait_for 40 drained
		done
	done
	# Records stay in the journal; it goes on by itself, or when it is asked.
	for mode in enospc eio short sync; do
		for every in 1 2 3; do
			disturb $mode $every /data/ "$export_fails" export_known
			teslactl journal drain "localFile:data" >/dev/null
			wait_for 40 drained
			wait_for 70 well_again
		done
	done
}
# It is news again only after it was told that it goes well.
well_again() {
	test "$(said 'exporter localFile:data: well again')" -ge "$(said "$export_fails")"
}
# The journal has had a record of both: until then it has other things to say of a disk that is full.
recorded() {
	compgen -G 'data/1/2*.txt' >/dev/null && compgen -G 'data/2/2*.txt' >/dev/null
}
wait_for 15 recorded
retry 10 drained || { ctl journal; ctl status | jq -c .analyzers[]; false; }
# A run in which a thread that sleeps to the same deadlines was late says nothing of polls (DESIGN 12).
for _ in 1 2 3; do
	before=$(missed)
	start witness py "$top/t/e2e/witness.py" "$tmp/witness"
	all_modes
	wait_for 15 sweeps_reach $(($(sweeps) + 6))
	missed=$(($(missed) - before))
	stop witness
	test "$(cat witness)" -ge 100 || break
done
journal=$(ctl journal)
stop teslad

test "$(cat witness)" -ge 100 || assert_eq "missed polls" "$missed" 0
assert_eq "records lost for want of room" "$(jq .lost <<<"$journal")" 0
assert_eq "journals set aside" "$(jq -c .set_aside <<<"$journal")" '[]'
# The stream has no hole.
jq -s -e 'group_by(.topic) | length == 4 and all(.[]; length >= 100 and ([.[].k] | . == [range(.[0]; .[0] + length)]))' seen.jsonl >/dev/null ||
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
sed -n "s/.*error: journal [^:]*: //p" teslad.log | sort | uniq -c
test "$(cat witness)" -lt 100 || skip "this machine is late by itself: nothing is known of missed polls"
