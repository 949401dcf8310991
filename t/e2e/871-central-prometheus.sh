#!/usr/bin/env bash
# seconds: 20
# SPDX-License-Identifier: Apache-2.0
# A real Prometheus with remote_read on tesla-central: rate and quantiles over a day are what follows from
# the raw series of /api/v1.
. "$(dirname "$0")/../lib.sh"
. "$top/t/e2e/prometheus.sh"
tesla-central --help | grep -qw serve || skip "tesla-central cannot serve yet"
begin=1794182400
end=$((begin + 86400))
store=$tmp/central

# To be made true with the server: how it is started, and how one gets a token.
start_central() {
	local port
	port=$(free_port)
	tesla-central -d "$store" -n 4 import records.jsonl
	printf '[Http]\nlisten = 127.0.0.1:%s\n' "$port" >central.ini
	tesla-central -d "$store" token add --role viewer >new-token
	mv new-token token
	start central tesla-central -d "$store" -i central.ini serve
	central=http://127.0.0.1:$port
	wait_for 15 curl -fs "$central/readyz" -o ready.txt
}

py "$top/t/e2e/central_records.py" 5760 ${begin}000 >records.jsonl
start_central
# shellcheck disable=SC2034  # start_prometheus reads it
url=$central/api/v1/prom/read
py "$top/t/e2e/prom_fetch.py" "$central" token "$begin" "$end" >raw.jsonl
# Not only two ways to the same wrong numbers.
py "$top/t/e2e/prom_raw.py" records.jsonl 4 >records-raw.jsonl
jq -cS .points raw.jsonl | sort >a
jq -cS .points records-raw.jsonl | sort >b
cmp a b || fail "the raw series of /api/v1 are not the records"

start_prometheus
same_as_raw
refused '{__name__=~"((([a-zA-Z_]))*)*[!?]",node="4"}' '422.*takes too long'
printf wrong >token
stop prometheus
start_prometheus
refused tesla_TPF_volts ' 401 '
