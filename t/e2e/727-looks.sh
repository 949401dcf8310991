#!/usr/bin/env bash
# seconds: 25; san
# SPDX-License-Identifier: Apache-2.0
# Looks that are less patient than the meter, on a line that is polled: an answer that comes after one
# was given up is never taken for a poll's, though it has the same form; nor does it disturb any.
# Who waits for a look when the daemon ends is told so.  What is no look is refused.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

start_sim sim --pty "$tmp/line" --baud 115200 --turnaround 0 --meter 1-2=PM710 --fix TPF=230 --scale FEV=0 \
	--fault late:ms=40
device 1 serial port="$tmp/line" baud=115200 timeout=0.2
for i in 1 2; do
	analyzer $i 1 PM710 address=$i poll_interval=0.7 -- TPF
done
write_config
start_teslad
subscribe seen reading/
both() {
	ctl status | jq -e '[.analyzers[] | select(.sweeps > 1)] | length == 2' >/dev/null
}
wait_for 10 both
ask() {	# Python over `c`, which asks the daemon
	py - "$control" <<END
import itertools, msgpack, sys, zmq
s = zmq.Context().socket(zmq.DEALER)
s.connect(sys.argv[1])
s.RCVTIMEO = 60000
def send(**keys):
    s.send_multipart([b"", msgpack.packb(keys)])
def c(**keys):
    send(**keys)
    return msgpack.unpackb(s.recv_multipart()[1])
$1
END
}
# As many registers as a poll has, from where there is nothing; some answers come in time.
ask 'looks = [c(cmd="look", analyzer=1 + i % 2, function=3, register=1000, count=3, timeout_ms=t)
         for i, t in enumerate([1, 10, 20, 30, 35, 38, 40, 50] * 3)]
assert all(l["ok"] for l in looks), looks
statuses = {l["status"] for l in looks}
assert {"ok", "timeout"} <= statuses <= {"ok", "timeout", "garbled"}, statuses
assert all(l["data"] == bytes(6) for l in looks if l["status"] == "ok"), looks'
ctl status >status.json
jq -c '.analyzers[] | [.sweeps, .failed, .missed, .garbled, .timeouts]' status.json
jq -e '[.analyzers[] | .failed + .garbled + .timeouts] | add == 0' status.json >/dev/null || fail "polls were disturbed"
jq -es 'length > 10 and all(.[]; .v == [230, 230, 230] and (.q // [0]) == [0])' seen.jsonl >/dev/null ||
	fail "a value that is not of that meter: $(jq -c .v seen.jsonl | sort | uniq -c)"

# What cannot be a look.
ask 'for wrong in (dict(analyzer=9), dict(analyzer=1, command=5), dict(analyzer=1, register=7), dict(analyzer=1, address=256),
              dict(analyzer=1, function=3, count=126), dict(analyzer=1, timeout_ms=0), dict(analyzer=1, function=3, command="V"),
              dict(analyzer=1, command=""), dict(analyzer=1, command="V" * 32), dict(analyzer=1, function="3")):
    r = c(cmd="look", **wrong)
    assert not r["ok"] and r["error"], (wrong, r)'

# Many, which would take a while: a few are taken, all are answered, also when the daemon ends.
ask 'for i in range(40):
    send(cmd="look", analyzer=1, address=99, function=3, count=1, timeout_ms=10000)
refused = [msgpack.unpackb(s.recv_multipart()[1]) for i in range(24)]
assert all("16 looks are under way already" in r["error"] for r in refused), refused
assert c(cmd="read-now", analyzer=2)["ok"]
send(cmd="shutdown")
rest = [msgpack.unpackb(s.recv_multipart()[1]) for i in range(17)]
ending = [r for r in rest if not r["ok"]]
assert len(ending) == 16 and all("teslad is ending" in r["error"] for r in ending), rest'
gone_now() {
	gone "${pids[teslad]}"
}
wait_for 10 gone_now
