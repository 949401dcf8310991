#!/usr/bin/env bash
# seconds: 10
# SPDX-License-Identifier: Apache-2.0
# A batch with a record that is no number, one that is too long and those of an analyzer that the
# server refuses: the good ones arrive, the others are in the reject list with their reasons.
. "$(dirname "$0")/../lib.sh"
requires jq python:msgpack
past=$(dirname "$TESLA_STAGE")/t/e2e/past
test -x "$past" || skip "t/e2e/past is not built: make check TESTS="

start_rest old --api v2 --ignore-utc --refuse-analyzer 3 --out "$tmp/old.jsonl"
device 1 tcp host=127.0.0.1 port=1
for id in 1 2 3 4; do
	analyzer $id 1 PM710 record_interval=15 \
		export="<export id=\"old\" type=\"clientRest\" target=\"$(rest_url old)/ws/v2\"/>" -- FRE
done
write_config
write_ini General.auto_start=no
mkdir state
"$past" config.xml "$TESLA_MODELDIR" "$tmp/state/journal" \
	2026-11-01T00:00:00Z 2026-11-01T00:15:00Z 60 odd >written
assert_eq "recorded" "$(wc -l <written)" 6
start_teslad
wait_for 20 drained
ctl journal rejects >listed
told=$(ctl journal | jq -c '.exporters[0] | [.delivered, .rejected, .rejects, .backlog]')
teslactl journal rejects old >shown
teslactl --json journal export rejects old >exported
stop teslad

assert_eq "delivered, rejected, in the list, waiting" "$told" '[3,3,3,0]'
assert_eq "those that arrived" "$(jq -r '.key[1]' old.jsonl | sort | tr '\n' ' ')" "1 2 4 "
assert_match "not a number" "$(jq -r 'select(.analyzer == 0).reason' listed)" 'value is nan: expected a finite number'
assert_match "too long" "$(jq -r 'select(.analyzer == 2).reason' listed)" 'too long: [0-9]+ bytes, at most'
assert_match "refused" "$(jq -r 'select(.analyzer == 3).reason' listed)" 'answered 400: 1#analyzer refused'
assert_eq "shown" "$(wc -l <shown)" 3
assert_eq "exported" "$(jq -r '.exporter' exported | sort | uniq -c | tr -s ' ')" " 3 old"
