#!/usr/bin/env bash
# seconds: 15
# SPDX-License-Identifier: Apache-2.0
# A real Prometheus reads a day of records through what tesla-central has for remote read, behind a small
# server; what it computes is what follows from the records. A wrong token and an answer too large are said.
. "$(dirname "$0")/../lib.sh"
requires prometheus promtool curl jq
peer=$(dirname "$TESLA_STAGE")/t/e2e/prom_answer
test -x "$peer" || skip "prom_answer is not built: make check TESTS="
begin=1794182400 # a day, of four analyzers
end=$((begin + 86400))

py "$top/t/e2e/central_records.py" 5760 ${begin}000 >records.jsonl
py "$top/t/e2e/prom_raw.py" records.jsonl 4 >raw.jsonl
echo secret >token
start server py "$top/t/e2e/prom_server.py" records.jsonl secret "$peer" 100000
wait_for 10 grep -q '^ready' server.log
url=http://127.0.0.1:$(sed -n 's/^ready //p' server.log)/api/v1/prom/read

prometheus_ready() {
	alive "${pids[prometheus]}" || fail "Prometheus ended at once"
	curl -fs "http://$address/-/ready" >/dev/null
}
start_prometheus() {
	address=127.0.0.1:$(free_port)
	sed -e "s,url: .*,url: $url," -e "s,credentials_file: .*,credentials_file: $tmp/token," \
		"$top/etc/prometheus/remote_read.yml" >prometheus.yml
	start prometheus prometheus --config.file=prometheus.yml --storage.tsdb.path="$tmp/tsdb" \
		--web.listen-address="$address" --query.lookback-delta=5m
	wait_for 20 prometheus_ready
}
range() { # start, end, step, expression
	promtool query -o json range --start="$1" --end="$2" --step="$3s" "http://$address" "$4"
}
same() { # expression, step, what prom_check.py is told
	range "$begin" "$end" "$2" "$1" >got.json 2>said || fail "$1: $(cat said)"
	py "$top/t/e2e/prom_check.py" raw.jsonl "$begin" "$end" "$2" "${@:3}" <got.json ||
		fail "$1: other values"
}
# What a remote read is refused for is a warning beside nothing, not an error.
refused() { # expression, what is said
	curl -fsS "http://$address/api/v1/query_range" --data-urlencode "query=$1" \
		-d start=$begin -d end=$end -d step=900 >got.json
	assert_eq "$1" "$(jq -c .data.result got.json)" '[]'
	assert_match "what Prometheus says of $1" "$(jq -r '.warnings[]' got.json)" "$2"
}

start_prometheus
same 'rate(tesla_CEA_watt_hours_total[10m])' 300 rate 600 tesla_CEA_watt_hours_total
same 'increase(tesla_CEA_watt_hours_total{node="4",analyzer=~"[1-4]"}[1h])' 3600 \
	increase 3600 tesla_CEA_watt_hours_total
same 'quantile_over_time(0.9, tesla_TPF_volts[1h])' 900 quantile_over_time 0.9 3600 tesla_TPF_volts
same 'quantile_over_time(0.25, tesla_TPF_volts_min{model!="x"}[15m])' 900 \
	quantile_over_time 0.25 900 tesla_TPF_volts_min
same 'quantile(0.5, {__name__=~"tesla_TPF_volts"})' 900 quantile 0.5 300 tesla_TPF_volts

range "$begin" "$end" 900 'tesla_TPF_volts{analyzer!~".*"} or up' >got.json
assert_eq "what nobody has" "$(cat got.json)" '[]'
assert_match "what is asked" "$(cat request.1.headers)" '^X-Prometheus-Remote-Read-Version: '

refused '{__name__=~"((([a-zA-Z_]))*)*[!?]",__name__!="x",node="4"}' '422.*takes too long'
refused '{__name__=~".+",node="4"}' '422.*more than 100000 samples: ask for a shorter time'
printf wrong >token
stop prometheus
start_prometheus
refused tesla_TPF_volts '401.*no token'
