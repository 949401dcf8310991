#!/usr/bin/env bash
# seconds: 13; san
# SPDX-License-Identifier: Apache-2.0
# Readings become records: the same in the journal, in the predecessor's day file, in csv and jsonl,
# over HTTP in both forms, and on the stream; with the meter's values and the predecessor's units.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

start_sim sim --tcp 0 --fix TPF.L1=230 --fix TPF.L2=231 --raw 4034=0xffff --fix PAT=-12000 --fix CEA=5000000
start_rest old --api v2 --ignore-utc --out "$tmp/old.jsonl"
start_rest new --api v1 --out "$tmp/new.jsonl"
mkdir data csv jsonl
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 7 1 PM710 address=1 poll_interval=0.2 record_interval=2s export=localFile:data \
	export='<export type="localFile" target="csv" format="csv"/>' \
	export='<export type="localFile" target="jsonl" format="jsonl"/>' \
	export="<export type=\"clientRest\" target=\"$(rest_url old)/ws/v2\"/>" \
	export="<export type=\"clientRest\" target=\"$(rest_url new)/api/v1\" api=\"v1\"/>" \
	-- TPF PAT CEA
write_config
ports=("$(rest_url old)" "$(rest_url new)")
# Four records; of the second on, the window was covered from its beginning.  A run in which a thread that
# sleeps to the same deadlines was late by half a poll's interval is repeated (DESIGN 12).
for try in 1 2 3; do
	start witness py "$top/t/e2e/witness.py" "$tmp/witness"
	start_teslad
	subscribe seen record/
	wait_for 20 lines_at_least 4 new.jsonl
	wait_for 10 lines_at_least 4 old.jsonl
	stop teslad
	assert_eq "teslad ended with" "$status" 0
	stop witness
	test "$(cat witness)" -ge 100 -a $try -lt 3 || break
	for name in seen old new; do
		stop $name
		rm $name.jsonl
	done
	rm -rf state data/* csv/* jsonl/*
	start_rest old --api v2 --ignore-utc --out "$tmp/old.jsonl" --port "${ports[0]##*:}"
	start_rest new --api v1 --out "$tmp/new.jsonl" --port "${ports[1]##*:}"
done
test "$(cat witness)" -lt 100 || skip "this machine is late by itself"

# Over v1.
jq -c . new.jsonl | sed -n 2,3p >records
while read -r record; do
	assert_eq "window" "$(jq -c '[(.end_ms - .start_ms), .end_ms % 2000, .analyzer, .model]' <<<"$record")" \
		'[2000,0,7,"PM710"]'
	assert_eq "TPF" "$(jq -c '.variables.TPF | [.unit, .kind, .value, .min, .max, .quality]' <<<"$record")" \
		'["V","gauge",[230,231,null],[230,231,null],[230,231,null],[0,0,1]]'
	assert_eq "PAT" "$(jq -c '.variables.PAT | [.unit, .value]' <<<"$record")" '["W",[-12000]]'
	assert_eq "CEA" "$(jq -c '.variables.CEA | [.kind, .value, .increase, .quality]' <<<"$record")" \
		'["counter",[5000000],[0],[0]]'
	jq -e '.variables.TPF | .covered_ms[0] >= 1900 and .covered_ms[0] <= 2000 and .covered_ms[2] == 0
		and .count[0] >= 8 and .count[2] == 0' <<<"$record" >/dev/null ||
		fail "coverage: $record"
done <records

# The others have the same windows.
jq -r '.end_ms / 1000 | todate' new.jsonl | sort >ends
awk -F'\t' '$1 != "HORA" { print substr(FILENAME, 8, 8) "T" $1 "Z" }' data/7/2*.txt | sort >got
assert_eq "day file: times" "$(cat got)" "$(tr -d - <ends)"
day=$(printf '%s\n' data/7/*.txt | head -n 1)
assert_eq "day file: head" "$(head -n 1 "$day")" \
	"$(printf 'HORA\tTPF0\tTPF1\tTPF2\tPAT0\tCEA0\t')"
assert_eq "day file: a line" "$(grep -hv HORA data/7/2*.txt | sed -n 2p | cut -f2-)" \
	"$(printf '   230.00\t   231.00\t         \t   -12.00\t  5000.00\t')"
assert_match "analitzador.dat" "$(cat data/7/analitzador.dat)" '^PM710 simulated	[A-Z][a-z]{2} [A-Z][a-z]{2} '
assert_eq "csv: records" "$(grep -hc '^20' csv/7/*.csv | awk "{ n += \$1 } END { print n }")" "$(wc -l <ends)"
assert_eq "jsonl: records" "$(cat jsonl/7/*.jsonl | wc -l)" "$(wc -l <ends)"

# Over v2: the predecessor's units, no variable with an element that is not good, and the instant.
while read -r form; do
	assert_eq "v2" "$(jq -c '[.key[1], .model, (.values | keys), .values.PAT, .values.CEA]' <<<"$form")" \
		'["7","PM710",["CEA","PAT"],[-12],[5000]]'
done < <(tail -n +2 old.jsonl)	# a counter's first value waits for the second
assert_eq "v2: instants" "$(jq -r .utc old.jsonl | sort)" "$(cat ends)"

# On the stream.
assert_eq "stream: topic" "$(jq -r .topic seen.jsonl | sort -u)" record/4/7/
assert_eq "stream: a record" "$(sed -n 2p seen.jsonl | jq -c '[.t - .s, .m, .v.PAT.v, .v.CEA.i]')" '[2000,"PM710",[-12000],[0]]'
assert_eq "stream: k" "$(jq -c '[.k] | .[0]' seen.jsonl | awk 'NR > 1 && $1 != last + 1 { print "hole" } { last = $1 }')" ''
