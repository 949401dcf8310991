#!/usr/bin/env bash
# seconds: 15
# SPDX-License-Identifier: Apache-2.0
# A server whose disk takes no records says that it is not ready, why, and when it is again, be there nobody who
# sends it any meanwhile.
. "$(dirname "$0")/../central.sh"
requires curl jq nm
start_shim disk

export TESLA_DISK=$tmp/disk
echo 'off 1 -' >disk
start_central
token=$(node_token 4)
py "$top/t/e2e/central_records.py" 3 | jq -c '{node: "4", records: [.record]}' >bodies
post() { # number of the record
	sed -n "$1p" bodies | ask "$token" POST /api/v1/records -H 'Content-Type: application/json' --data-binary @-
}
ready_says() { # status pattern
	local got
	got=$(ask "" GET /readyz)
	test "$(tail -n 1 <<<"$got")" = "$1" && [[ $got =~ $2 ]]
}
tries_in_vain() { # once a second
	ready_says 503 'not taken' || fail "ready on such a disk"
	test "$(wc -c <disk.hits)" -gt "$before"
}
answers "at first" 200 '^ready$' ask "" GET /readyz
answers "stored" 200 '"stored"' post 1
for fault in enospc:full eio:'not store'; do
	echo "${fault%:*} 1 $dir/wal" >disk
	answers "${fault%:*}" 503 '"error"' post 2
	answers "${fault%:*}: not ready" 503 "^records are not taken: the disk .*${fault#*:}" ask "" GET /readyz
	answers "${fault%:*}: alive" 200 '^ok$' ask "" GET /healthz
	before=$(wc -c <disk.hits)
	wait_for 10 tries_in_vain
	echo 'off 1 -' >disk
	wait_for 10 ready_says 200 ready
done
for fault in enospc eio; do
	echo "$fault 1 $dir/wal" >disk
	answers "$fault" 503 '"error"' post 2
	echo 'off 1 -' >disk
done
answers "room" 200 '"stored"' post 2
answers "ready by that" 200 '^ready$' ask "" GET /readyz

# The tables have no room: neither for an analyzer that is new, in v1 and in v2, nor, once the write-ahead file
# has enough, for others. What was answered with 503 is stored or not, and never twice.
echo "enospc 1 $dir/data.mdb" >disk
jq -c '.records[0].analyzer = 9' <(sed -n 3p bodies) >new
answers "a new analyzer" 503 '"error"' ask "$token" POST /api/v1/records -H 'Content-Type: application/json' --data-binary @new
save() {
	ask "" POST /ws/v2/history/save/4/8/ -u "4:$token" --data-urlencode "DATA_HORA=22/11/2026 10:15:00" \
		--data-urlencode 'LECTURA={"PAT": [1.5]}' --data-urlencode MODEL=PM710
}
answers "by v2" 503 '^#it cannot be stored now' save
for _ in {1..10}; do
	answers "once more" 503 "^#it cannot be stored now" save
done
# Once a minute, be it of which path; of 12 requests that is not each, however slow the machine is.
test "$(grep -Ec 'error: (/api/v1/records|/ws/v2/history/save/4/8/): store .*: the disk is full' central.log)" -lt 12 ||
	fail "each request is in the log: $(cat central.log)"
answers "not ready" 503 'the disk is full' ask "" GET /readyz
echo 'off 1 -' >disk
answers "a new analyzer, with room" 200 '"stored"' ask "$token" POST /api/v1/records -H 'Content-Type: application/json' --data-binary @new
answers "by v2, with room" 201 'Saved' save
py "$top/t/e2e/central_records.py" 20000 1325376000000 |
	jq -nc '[inputs.record] | range(0; length; 400) as $i | {node: "4", records: .[$i:$i + 400]}' >many
head -n 1 many >first # all analyzers are known from here on
answers "the first" 200 '"stored"' ask "$token" POST /api/v1/records -H 'Content-Type: application/json' --data-binary @first
echo "enospc 1 $dir/data.mdb" >disk
post_many() { # the statuses of HTTP, one a line
	while read -r body; do
		printf %s "$body" | ask "$token" POST /api/v1/records -H 'Content-Type: application/json' --data-binary @- |
			tail -n 1
	done <many | sort | uniq -c | awk '{print $2}' | paste -sd' '
}
assert_eq "while there is no room" "$(post_many)" "200 503"
echo 'off 1 -' >disk
wait_for 10 ready_says 200 ready
assert_eq "with room" "$(post_many)" 200
stop central
assert_match "after it" "$(central verify)" ', 0 damaged$'
assert_eq "records" "$(central export | jq -c '[.node, .record.analyzer, .record.end_ms]' | sort -u | wc -l)" 20004
assert_eq "records, doubles too" "$(central export | wc -l)" 20004
