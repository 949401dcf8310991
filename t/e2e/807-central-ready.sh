#!/usr/bin/env bash
# seconds: 5
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
stop central
assert_match "after it" "$(central verify)" ', 0 damaged$'
assert_eq "records" "$(central export | wc -l)" 2
