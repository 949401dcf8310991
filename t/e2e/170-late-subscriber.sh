#!/usr/bin/env bash
# seconds: 38; alone
# SPDX-License-Identifier: Apache-2.0
# One subscriber stops for 30 s, one comes late, 64 more listen: the daemon and the publisher's host
# stop to grow once as much waits for the slow one as may, and all others get every message.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

# 30 meters at 0.2 s: 1500 messages a second; the 20,000 that wait for a slow subscriber are there
# after 14 s, and what came after them would be 4 MB from the 20th second to the 30th.
start_sim sim --tcp 0 --meter 1-30=PM710
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
for id in $(seq 30); do
	analyzer "$id" 1 PM710 poll_interval=0.2s -- PAT PAP PRT FPT FRE IPF TPF PAF CEA CER
done
write_config
start_teslad

crowd() {	# name, how many, prefix
	start "$1" py "$top/t/e2e/crowd.py" "$stream" "$2" "$3"
	wait_for 10 grep -q listening "$1.log"
}
crowd fast 1 reading/
crowd slow 1 reading/
crowd many 64 reading/4/7/

publisher() {
	ctl status | jq -r '.hosts[] | select(.kind == "exporter").pid'
}
memory() {	# kB, of daemon and publisher
	awk '/^VmRSS/ { sum += $2 } END { print sum }' "/proc/${pids[teslad]}/status" \
		"/proc/$(publisher)/status"
}
sweeps() {
	ctl status | jq '[.analyzers[].sweeps] | min'
}
swept() {
	test "$(sweeps)" -ge "$1"
}
wait_for 10 swept 10
before=$(memory)
kill -STOP "${pids[slow]}"
n=$(sweeps)
wait_for 30 swept $((n + 75))
crowd late 1 reading/
wait_for 30 swept $((n + 100))
full=$(memory)
wait_for 30 swept $((n + 150))
after=$(memory)
kill -CONT "${pids[slow]}"
end_of() {
	stop "$1"
	tail -n 1 "$1.log"
}
many=$(end_of many)
late=$(end_of late)
fast=$(end_of fast)
slow=$(end_of slow)
echo "memory before $before kB, full $full kB, after $after kB"
echo "fast $fast; many $many; late $late; slow $slow"

# Under ThreadSanitizer, which the shim is for, memory is the sanitizer's own.
if test -z "${TESLA_PRELOAD:-}"; then
	test $((after - full)) -lt 1024 || fail "still grew, from $full kB to $after kB"
	test $((after - before)) -lt 12288 || fail "grew from $before kB to $after kB"
fi
test "$(jq .holes <<<"$slow")" -gt 0 || fail "the slow one lost nothing: this tested nothing"
for got in "$fast" "$many" "$late"; do
	assert_eq "holes" "$(jq .holes <<<"$got")" 0
done
test "$(jq .messages <<<"$fast")" -ge $((150 * 300)) || fail "too few messages"
assert_eq "topics of the crowd" "$(jq .topics <<<"$many")" 10
test "$(jq .messages <<<"$many")" -ge $((150 * 10)) || fail "one of the crowd has too few"
test "$(jq .first_k <<<"$late")" -gt 75 || fail "the late one got old messages"
assert_eq "missed polls" "$(ctl status | jq '[.analyzers[].missed] | add')" 0
