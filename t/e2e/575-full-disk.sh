#!/usr/bin/env bash
# seconds: 26
# SPDX-License-Identifier: Apache-2.0
# A damaged journal on a disk that is really full: teslad runs, nothing is renamed or lost, a stop does
# not wait; when there is room it recovers by itself.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack mountpoint
test "$(id -u)" = 0 || skip "only root may mount a small file system"
mkdir state
mount -t tmpfs -o size=4m none state 2>/dev/null || skip "no file system can be mounted here"
cleanup_fn umount -l "$tmp/state"	# while teslad still runs

start_sim sim --tcp 0 --meter '*=PM710'
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 address=1 poll_interval=0.2 record_interval=1s export=localFile:missing -- TPF CEA
write_config
write_ini Journal.max_size=1M

backlog() {
	ctl journal | jq '[.exporters[].backlog] | add // 0'
}
backlog_is_more_than() {
	test "$(backlog)" -gt "$1"
}
state_is() {
	ctl journal | jq -e ".state == \"$1\" and .waiting >= $2" >/dev/null
}

# Full from the start but for three pages: what LMDB calls an error of input or output is a write cut short.
dd if=/dev/zero of=state/fills bs=4k >/dev/null 2>&1 || true
truncate -s -12288 state/fills
start_teslad
wait_for 20 state_is failed 1
assert_match "said" "$(ctl journal | jq -r .reason)" 'the disk is full'
! grep 'disk fails' teslad.log || fail "it is called broken"
rm state/fills
wait_for 60 state_is open 0
stop teslad
rm -r state/journal

# Where the folder is missing, records wait in the journal.
start_teslad
wait_for 30 backlog_is_more_than 12
stop teslad
n=$(find state -maxdepth 1 -name "journal*" | wc -l)
assert_eq "journals" "$n" 1
py - state/journal/data.mdb <<'END'
import sys
with open(sys.argv[1], "r+b") as f:
    data = f.read()
    pages = range(2 * 4096, len(data), 4096)
    for p in pages:  # the last bytes of a page are a record's; some pages are free
        if data[p + 10] == 2 and b"TJR1" in data[p:p + 4096]:
            f.seek(p + 4096 - 8)
            f.write(bytes(8))
END
cp state/journal/data.mdb damaged.mdb
dd if=/dev/zero of=state/fills bs=4k >/dev/null 2>&1 || true

start_teslad
wait_for 20 state_is failed 3
sweeps=$(ctl status | jq '.analyzers[0].sweeps')
more_sweeps() {
	test "$(ctl status | jq '.analyzers[0].sweeps')" -gt $((sweeps + 5))
}
wait_for 20 more_sweeps
assert_match "said" "$(ctl journal | jq -r .reason)" 'disk is full'
assert_eq "nothing is renamed" "$(find state -maxdepth 1 -name "journal*")" state/journal
cmp damaged.mdb state/journal/data.mdb || fail "the damaged one was changed"

rm state/fills
wait_for 60 state_is open 0
wait_for 20 backlog_is_more_than 14
aside=$(find state -maxdepth 1 -name "journal.damaged-*")
cmp damaged.mdb "$aside/data.mdb" || fail "another one was set aside"
grep -q 'is damaged: .*; it had [0-9]* records.*were carried over' teslad.log || fail "it is not said"
stop teslad
