#!/usr/bin/env bash
# seconds: 3
# SPDX-License-Identifier: Apache-2.0
# The days of 23 and 25 hours in Europe/Madrid: 92 and 100 quarters of an hour in the journal, in the
# day files and over v1; over v2, to a server that ignores DATA_UTC, the four that it cannot tell
# apart are in the reject list.
. "$(dirname "$0")/../lib.sh"
requires jq python:msgpack
export TZ=Europe/Madrid
test "$(date -d @1761350400 +%H)" = 02 || skip "no time zone Europe/Madrid here"
past=$(dirname "$TESLA_STAGE")/t/e2e/past
test -x "$past" || skip "t/e2e/past is not built: make check TESTS="

day() {	# name, from, until, records, lines twice, rejects
	local name=$1 n
	mkdir "$name"
	cd "$name"
	mkdir data csv
	start_rest "$name-old" --api v2 --ignore-utc --out "$tmp/$name/old.jsonl"
	start_rest "$name-new" --api v1 --out "$tmp/$name/new.jsonl"
	device 1 tcp host=127.0.0.1 port=1
	analyzer 1 1 PM710 record_interval=15 export=localFile:data \
		export='<export type="localFile" target="csv" format="csv"/>' \
		export="<export id=\"old\" type=\"clientRest\" target=\"$(rest_url "$name-old")/ws/v2\"/>" \
		export="<export id=\"new\" type=\"clientRest\" target=\"$(rest_url "$name-new")/api/v1\" api=\"v1\"/>" \
		-- TPF CEA
	write_config
	write_ini General.auto_start=no "General.state_dir=$tmp/$name/state"
	mkdir state
	"$past" config.xml "$TESLA_MODELDIR" "$tmp/$name/state/journal" "$2" "$3" 60 >written
	assert_eq "$name: recorded" "$(wc -l <written)" "$4"

	mkdir -p "$tmp/run"
	start teslad teslad -c config.xml -i lector.ini
	wait_for 15 teslad_answers
	wait_for 60 drained
	ctl journal rejects old >rejects.jsonl
	jq -r '"\(.end_ms / 1000 | todate) \(.reason)"' rejects.jsonl >rejects
	stop teslad

	jq -r '.end_ms' new.jsonl | sort >got
	cut -d' ' -f2 written | sort | cmp - got || fail "$name: v1 has other windows"
	# The last window ends at midnight, which opens the next day's file.
	n=$(cat data/1/*.txt | grep -cv HORA)
	assert_eq "$name: lines in the day files" "$n" "$4"
	assert_eq "$name: times twice" "$(grep -hv HORA data/1/*.txt | cut -f1 | sort | uniq -d | wc -l)" "$5"
	assert_eq "$name: instants in csv" "$(grep -h '^20' csv/1/*.csv | cut -d, -f1 | sort -u | wc -l)" "$4"
	assert_eq "$name: rejects" "$(wc -l <rejects)" "$6"
	assert_eq "$name: stored over v2" "$(wc -l <old.jsonl)" $(($4 - $6))
	cd "$tmp"
}
day autumn 2026-10-24T22:00:00Z 2026-10-25T23:00:00Z 100 4 4
assert_eq "why" "$(cut -d' ' -f2- autumn/rejects | cut -d: -f1 | sort -u)" "time not expressible in v2"
assert_eq "which" "$(cut -d' ' -f1 autumn/rejects | sort | tr '\n' ' ')" \
	"2026-10-25T01:00:00Z 2026-10-25T01:15:00Z 2026-10-25T01:30:00Z 2026-10-25T01:45:00Z "
day spring 2026-03-28T23:00:00Z 2026-03-29T22:00:00Z 92 0 0
