#!/usr/bin/env bash
# seconds: 15
# SPDX-License-Identifier: Apache-2.0
# A real Prometheus with remote_read on tesla-central: rate and quantiles over a day are what follows from
# /api/v1's raw series, which are what was sent. Everybody sees his nodes; what is refused, and how many are
# read at a time.
. "$(dirname "$0")/../central.sh"
. "$top/t/e2e/prometheus.sh"
begin=1794182400
end=$((begin + 86400))
path=/api/v1/prom/read

bodies() { # node <records.jsonl
	jq -nc --arg node "$1" '[inputs.record] | range(0; length; 500) as $i | {node: $node, records: .[$i:$i + 500]}'
}

post() { # token <bodies
	while read -r body; do
		printf %s "$body" >body
		answers "records" 200 '"stored"' ask "$1" POST /api/v1/records \
			-H 'Content-Type: application/json' --data-binary @body
	done
}

start_central
four=$(node_token 4)
five=$(node_token 5)
viewer=$(central token add --name "some" --role viewer --nodes 4 2>/dev/null | grep -o 'tc_.*')
all=$(central token add --name "all" --role viewer 2>/dev/null | grep -o 'tc_.*')
py "$top/t/e2e/central_records.py" 5760 ${begin}000 >records.jsonl
bodies 4 <records.jsonl | post "$four"
py "$top/t/e2e/central_records.py" 60 ${begin}000 3 | bodies 5 | post "$five"

# ---- the raw numbers ----

# Names and elements as PM710.xml has them.
series_wanted() {
	for a in 1 2 3 4; do
		for f in value min max; do
			printf 's=4/%s/TPF/%s/%s\n' $a 1 $f $a 2 $f $a 3 $f
		done
		printf 's=4/%s/%s\n' $a CEA/1/value $a CEA/1/increase $a ERR/1/value
	done
}
ask "$viewer" GET "/api/v1/series?$(series_wanted | paste -sd '&')&from=${begin}000&to=${end}000" |
	head -n 1 >series.json
ask "$viewer" GET /api/v1/analyzers | head -n 1 >analyzers.json
jq -c --slurpfile of analyzers.json '
	{"TPF": ["L1", "L2", "L3"], "CEA": ["total"]} as $elements |
	{"TPF/value": "tesla_TPF_volts", "TPF/min": "tesla_TPF_volts_min", "TPF/max": "tesla_TPF_volts_max",
	 "CEA/value": "tesla_CEA_watt_hours_total", "CEA/increase": "tesla_CEA_watt_hours_increase",
	 "ERR/value": "tesla_ERR"} as $names |
	.series[] | . as $s |
	{name: $names["\(.variable)/\(.field)"],
	 labels: ({node, analyzer: "\(.analyzer)", variable,
		   model: ($of[0].analyzers[] | select(.node == "4" and .analyzer == $s.analyzer) | .model)}
		  + if $elements[.variable] then {element: $elements[.variable][.element - 1]} else {} end),
	 points: .rows}' series.json >raw.jsonl
sorted() {
	jq -cS . "$1" | sort
}
py "$top/t/e2e/prom_raw.py" records.jsonl 4 TPF=L1,L2,L3 CEA=total >sent.jsonl
assert_eq "series that differ from what was sent" "$(diff <(sorted raw.jsonl) <(sorted sent.jsonl) | cut -c 1-300)" ""

# ---- what is computed of them ----

printf %s "$viewer" >token
server=$url
url=$server$path	# start_prometheus reads it
start_prometheus
url=$server
same_as_raw

# ---- whose it is ----

seen() { # expression
	promtool query instant --time=$((begin + 1200)) "http://$address" "$1" | sed '/^$/d; s/ @.*//' | sort | tr '\n' ' '
}
as() { # token expression expected
	printf %s "$1" >token
	assert_eq "$2" "$(seen "$2")" "$3"
}
per_node='count by (node) (tesla_TPF_volts)'
as "$viewer" "$per_node" '{node="4"} => 12 '
as "$all" "$per_node" '{node="4"} => 12 {node="5"} => 9 '
as "$five" "$per_node" '{node="5"} => 9 '
as "$five" 'tesla_TPF_volts{node="4"}' ''
as "$four" 'count by (element) (tesla_TPF_volts_max{analyzer="2"})' \
	'{element="L1"} => 1 {element="L2"} => 1 {element="L3"} => 1 '
# Not of that model: by their numbers.
as "$four" 'count by (element) (tesla_COR_amperes)' '{element="1"} => 4 {element="2"} => 4 {element="3"} => 4 '
as "$four" 'tesla_ERR{analyzer="3"}' \
	'tesla_ERR{analyzer="3", model="PM710", node="4", variable="ERR"} => 64 '

# ---- what is refused ----

refused '{__name__=~"((([a-zA-Z_]))*)*[!?]",node="4"}' '422.*takes too long'
printf wrong >token
refused tesla_TPF_volts ' 401 '
answers "nobody" 401 'who are you' ask "" POST $path --data-binary x
answers "junk" 400 'not compressed with snappy|no snappy' ask "$all" POST $path -H 'Content-Encoding: snappy' --data-binary '{"junk": true}'
answers "junk inside" 400 'no ReadRequest' ask "$all" POST $path -H 'Content-Encoding: snappy' --data-binary "$(printf '\4\14junk')"
answers "another packer" 415 'expected snappy, gzip' ask "$all" POST $path -H 'Content-Encoding: br' --data-binary x
answers "snappy elsewhere" 415 'expected gzip' ask "$four" POST /api/v1/records -H 'Content-Encoding: snappy' --data-binary x
head -c 70000 /dev/zero >large
answers "too long" 413 'more than 65536 bytes' ask "$all" POST $path -H 'Content-Encoding: snappy' --data-binary @large
answers "another method" 405 'GET is not' ask "$all" GET $path

# ---- how many at a time ----

crowd() {
	py "$top/t/e2e/prom_crowd.py" "$listen" "$all" "$begin" "$end" "$1"
}
eight='refused: 503 503 503 503 503 503 503 503'
assert_eq "a crowd" "$(crowd leave)" "$eight
waited: 32 x 200"
printf %s "$all" >token
assert_eq "the next" "$(seen 'count(tesla_ERR)')" '{} => 7 '
crowd stay >stayed &
crowd=$!
wait_for 15 grep -q refused stayed
stop central
wait $crowd || fail "the crowd: $(cat stayed)"
assert_eq "its status at the end" "$status" 0
assert_eq "a crowd at the end" "$(cat stayed)" "$eight
waited: 32 x 503"
