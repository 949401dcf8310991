#!/usr/bin/env bash
# seconds: 20
# SPDX-License-Identifier: Apache-2.0
# A backup by /api/v1/backup while eight clients send: one at a time, only below its folder, only an
# administrator's; restored elsewhere it is whole and has every record that was acknowledged before it began.
. "$(dirname "$0")/../central.sh"
requires curl python:msgpack

mkdir load
start_central
token=$(node_token 4)
start load py "$top/t/e2e/central_load.py" "${listen#*:}" load "$token" 60 8
acked() {
	test "$(cat load/acked-* 2>/dev/null | wc -l)" -ge "$1"
}
wait_for 60 acked 4000
URL=$url PASSWORD=$(sed 's/.*: //' password) OTHER=$(central token add --role operator --name o 2>/dev/null | grep -o 'tc_.*') \
	PYTHONPATH=$top/t/e2e py "$top/t/e2e/central_hot_backup.py" load >said 2>&1 || fail "$(tail -n 5 said)"
touch load/end
wait_for 60 gone "${pids[load]}"
forget load
wait "${pids[load]}" || fail "a client: $(cat load.log)"
assert_eq "folders" "$(ls "$dir/backups")" "monday"

dir2=$dir
dir=$tmp/restored
central restore "$dir2/backups/monday" || fail "restore"
assert_match "verify" "$(central verify)" ', 0 damaged$'
central export >exported
mkdir before
mv acked-before before/acked-0
cp load/sent-* before/
py "$top/t/e2e/central_load.py" 0 before - 0 8 exported >checked || fail "$(tail -n 1 checked)"
dir=$dir2
stop central
dir=$tmp/restored
start_central
answers "the node's token" 200 'stored' ask "$token" POST /api/v1/records -H 'Content-Type: application/json' \
	--data-binary '{"node": "4", "records": [{"analyzer": 1, "start_ms": 1700000000000, "end_ms": 1700000060000,
		"model": "PM710", "identity": null, "variables": {}}]}'
stop central
