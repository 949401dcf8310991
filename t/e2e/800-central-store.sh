#!/usr/bin/env bash
# seconds: 40
# SPDX-License-Identifier: Apache-2.0
# tesla-central keeps what it acknowledged: export equals import; killed at several instants while it
# imports, all acknowledged records are there once; again changes nothing; what is no record is said.
. "$(dirname "$0")/../lib.sh"
requires jq
store=$tmp/store

central() {
	tesla-central -d "$store" "$@"
}
canon() { # a record a line, without what only the journal knows, in one order
	jq -cS '.record | [.analyzer, .end_ms, .]' | sort
}

py "$top/t/e2e/central_records.py" 12000 >all.jsonl
canon <all.jsonl >want

# There and back.
central import -n 4 all.jsonl 2>said
assert_match "said" "$(cat said)" '^12000 records stored, 0 were there already, 0 lines refused$'
central export >exported.jsonl
canon <exported.jsonl >got
cmp want got || fail "export is not what was imported"
assert_eq "node" "$(jq -r .node exported.jsonl | sort -u)" 4
assert_match "verify" "$(central verify)" '^[0-9]+ blocks, 0 recent rows, 0 damaged$'
# Once more, and its own export: nothing changes.
central import -n 4 all.jsonl 2>said
assert_match "again" "$(cat said)" '^0 records stored, 12000 were there already, 0 lines refused$'
central import - <exported.jsonl 2>said
assert_match "its export" "$(cat said)" '^0 records stored, 12000 were there'
central export | canon >again
cmp want again || fail "importing it again changed it"

# Killed: what was acknowledged is there, once, and what else is there is whole.
killed=0
for round in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
	store=$tmp/killed.$((round % 3)) # some of them go on where another one was killed
	group=$((round * 20)) groups=$((round * round / 3 + 1))
	if test "$round" -gt 12; then # while it makes blocks of all of it
		store=$tmp/compacting.$round
		group=1000 groups=12
	fi
	: >acked.$round
	(exec tesla-central -d "$store" import -n 4 --group $group --progress all.jsonl) \
		>acked.$round 2>/dev/null &
	victim=$!
	retry 20 lines_at_least $groups acked.$round || true
	kill -9 $victim 2>/dev/null && killed=$((killed + 1))
	wait $victim 2>/dev/null || true
	acked=$(tail -n 1 acked.$round)
	central verify >verified || fail "round $round: $(cat verified)"
	central export | canon >got
	head -n "${acked:-0}" all.jsonl | canon >acknowledged
	comm -23 acknowledged got >lost
	test ! -s lost || fail "round $round: $(wc -l <lost) of $acked acknowledged records are lost"
	comm -13 want got >invented
	test ! -s invented || fail "round $round: records that nobody sent, or doubled"
done
test "$killed" -ge 10 || fail "only $killed of 15 were killed in time"
store=$tmp/killed.0
central import -n 4 all.jsonl 2>said
central export | canon >got
cmp want got || fail "the rest was not taken after the kills"

# What is no record is said with its line; the rest is stored.
store=$tmp/other
{
	head -n 2 all.jsonl
	echo '{"record": '
	head -n 1 all.jsonl | jq -c '.record.variables.TPF.min[0] = 1000'
	head -n 1 all.jsonl | jq -c '.record.variables.TPF.kind = "other"'
	head -n 1 all.jsonl | jq -c 'del(.record.variables.TPF.count)'
	printf '[%.0s' {1..100000}
	echo
	echo '[]'
	sed -n 3p all.jsonl
} >mixed.jsonl
assert_status 1 central import mixed.jsonl 2>/dev/null
assert_status 1 central import -n 4 mixed.jsonl 2>said
assert_match "not JSON" "$(cat said)" 'mixed.jsonl:3: no JSON: '
assert_match "min" "$(cat said)" 'mixed.jsonl:4: record, variable . \(TPF\), element 1: min is 1000'
assert_match "kind" "$(cat said)" 'mixed.jsonl:5: TPF: expected "kind"'
assert_match "count" "$(cat said)" 'mixed.jsonl:6: TPF: "count" is not an array'
assert_match "deep" "$(cat said)" 'mixed.jsonl:7: nested more than'
assert_match "no record" "$(cat said)" 'mixed.jsonl:8: expected a record'
assert_match "counts" "$(cat said)" '3 records stored, 0 were there already, 6 lines refused'
assert_eq "stored" "$(central export | wc -l)" 3

# What ends in the future would be the newest for years.
store=$tmp/ahead
{
	head -n 1 all.jsonl
	sed -n 2p all.jsonl | jq -c '.record.start_ms = 4070908740000 | .record.end_ms = 4070908800000'
	sed -n 2p all.jsonl
} >ahead.jsonl
assert_status 1 central import -n 4 ahead.jsonl 2>said
assert_match "2099" "$(cat said)" 'ahead.jsonl:2: it ends at 2099-01-01T00:00:00Z, more than a day after now'
assert_match "counts" "$(cat said)" '^2 records stored, 0 were there already, 1 lines refused$'
printf 'time,node,analyzer,model,variable,value\n%s,4,1,PM710,PAT,1.5\n%s,4,1,PM710,PAT,1.5\n' \
	2012-05-01T10:15:00Z 2099-01-01T00:00:00Z >ahead.csv
assert_status 1 central import --models "$top/etc/models" ahead.csv 2>said
assert_match "2099, history" "$(cat said)" 'ahead.csv:3: it ends at 2099-01-01T00:00:00Z, more than a day after now'
assert_eq "stored" "$(central export | wc -l)" 3

# Numbers that are no usual ones, as rows and as a block.
store=$tmp/edges
py - >edges.jsonl <<'PYTHON'
import json, sys
values = [5e-324, -5e-324, 2.225073858507201e-308, 2.2250738585072014e-308, sys.float_info.max, -sys.float_info.max,
          -0.0, 0.0, 1e300, 0.1]
line = json.loads(open("all.jsonl").readline())
for i, value in enumerate(values * 30):
    line["record"].update(start_ms=i * 60000, end_ms=(i + 1) * 60000, identity=None, variables={
        "S": {"unit": "", "kind": "status", "value": [value], "count": [1], "covered_ms": [60000], "quality": [0]}})
    print(json.dumps({"node": "4", "record": line["record"]}, separators=(",", ":")))
PYTHON
central import edges.jsonl 2>said || fail "edges: $(cat said)"
central export >exported.jsonl
numbers() {
	grep -o '"value":\[[^]]*' | py -c 'import sys; print([float(l.split("[")[1]).hex() for l in sys.stdin])'
}
assert_eq "edges" "$(numbers <exported.jsonl)" "$(numbers <edges.jsonl)"
store=$tmp/edges.again
central import exported.jsonl 2>said || fail "its export: $(tail -n 3 said)"
central export | cmp exported.jsonl - || fail "its export, imported, is another one"

# A damaged block is named, and alone is lost.
store=$tmp/damaged
py "$top/t/e2e/central_records.py" 400 1794182400000 1 >first.jsonl
py "$top/t/e2e/central_records.py" 400 1794787200000 1 >second.jsonl
for f in first second; do
	central import -n 4 $f.jsonl 2>/dev/null
done
py - "$store/data.mdb" <<'PYTHON'
import struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
first = struct.pack("<q", 1794182400000 + 60000)
at = data.find(first)
while at >= 0:
    if data[at - 24:at - 20] == b"TCB1":
        data[at + 500] ^= 1
    at = data.find(first, at + 1)
open(sys.argv[1], "wb").write(data)
PYTHON
assert_status 1 central verify >verified 2>said
assert_match "verify" "$(cat verified)" '2 blocks, 0 recent rows, 1 damaged'
assert_match "which" "$(cat said)" 'node 4, analyzer 1, block from 1794182460000: .*checksum'
assert_status 1 central export >left 2>/dev/null
canon <left >got
canon <second.jsonl >want
cmp want got || fail "the other block was not exported whole"

# Not the store's fault, and said.
assert_status 1 tesla-central -d none export 2>said
assert_match "none" "$(cat said)" 'tesla-central: store none: there is none'
test ! -e none || fail "export made a store"
assert_status 1 tesla-central -d /proc/none import all.jsonl 2>said
assert_match "folder" "$(cat said)" 'tesla-central: store /proc/none: the folder cannot be made'
assert_status 1 central import nowhere.jsonl 2>said
assert_match "file" "$(cat said)" 'nowhere.jsonl: No such file'
