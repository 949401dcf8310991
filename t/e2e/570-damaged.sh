#!/usr/bin/env bash
# seconds: 65
# SPDX-License-Identifier: Apache-2.0
# 300 damaged journals (cut, flipped, zeroed): teslad always starts; what is damaged is set aside and
# said; what is readable is carried over; no wrong record is delivered, and none twice.
. "$(dirname "$0")/../lib.sh"
requires jq python:msgpack python:zmq
past=$(dirname "$TESLA_STAGE")/t/e2e/past
test -x "$past" || skip "t/e2e/past is not built: make check TESTS="

device 1 tcp host=127.0.0.1 port=1
for id in 1 2 3; do
	analyzer $id 1 PM710 record_interval=15 export='<export type="localFile" target="jsonl" format="jsonl"/>' -- TPF PAT CEA
done
write_config
TESLA_DAMAGED=${TESLA_DAMAGED:-300}
start damaged py "$top/t/e2e/damaged.py" "$past" "$TESLA_DAMAGED" 1
ended() {
	! alive "${pids[damaged]}"
}
wait_for 600 ended
forget damaged
status=0
wait "${pids[damaged]}" || status=$?
tail -n 5 damaged.log
assert_eq "damaged.py" "$status" 0
