# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154  # set by t/lib.sh and the script
#
# A real Prometheus that reads from `$url` with the token in $tmp/token, scrapes nothing, and holds what it
# computes of [$begin, $end] to raw.jsonl, as prom_check.py reads it.
requires prometheus promtool curl jq

prometheus_ready() {
	alive "${pids[prometheus]}" || fail "Prometheus ended at once"
	curl -fs "http://$address/-/ready" >/dev/null
}

# With the example's configuration.
start_prometheus() {
	address=127.0.0.1:$(free_port)
	sed -e "s,url: .*,url: $url," -e "s,credentials_file: .*,credentials_file: $tmp/token," \
		"$top/etc/prometheus/remote_read.yml" >prometheus.yml
	start prometheus prometheus --config.file=prometheus.yml --storage.tsdb.path="$tmp/tsdb" \
		--web.listen-address="$address" --query.lookback-delta=5m
	wait_for 20 prometheus_ready
}

range() { # step, expression
	promtool query -o json range --start="$begin" --end="$end" --step="$1s" "http://$address" "$2"
}

same() { # expression, step, what prom_check.py is told
	range "$2" "$1" >got.json 2>said || fail "$1: $(cat said)"
	py "$top/t/e2e/prom_check.py" raw.jsonl "$begin" "$end" "$2" "${@:3}" <got.json ||
		fail "$1: other values"
}

# What a remote read is refused for is a warning beside nothing, not an error.
refused() { # expression, what is said
	curl -fsS "http://$address/api/v1/query_range" --data-urlencode "query=$1" \
		-d "start=$begin" -d "end=$end" -d step=900 >got.json
	assert_eq "$1" "$(jq -c .data.result got.json)" '[]'
	assert_match "what Prometheus says of $1" "$(jq -r '.warnings[]' got.json)" "$2"
}

# Of central_records.py's records, one each minute.
same_as_raw() {
	same 'rate(tesla_CEA_watt_hours_total[10m])' 300 rate 600 tesla_CEA_watt_hours_total
	same 'increase(tesla_CEA_watt_hours_total{node="4",analyzer=~"[1-4]"}[1h])' 3600 \
		increase 3600 tesla_CEA_watt_hours_total
	same 'quantile_over_time(0.9, tesla_TPF_volts[1h])' 900 \
		quantile_over_time 0.9 3600 tesla_TPF_volts
	same 'quantile_over_time(0.25, tesla_TPF_volts_min{model!="x"}[15m])' 900 \
		quantile_over_time 0.25 900 tesla_TPF_volts_min
	same 'quantile(0.5, {__name__=~"tesla_TPF_volts"})' 900 quantile 0.5 300 tesla_TPF_volts
}
