#!/usr/bin/env bash
# seconds: 26
# SPDX-License-Identifier: Apache-2.0
# Metrics: promtool accepts the text, a real Prometheus scrapes it and answers from it, and clients
# that mean no good cost no poll.
. "$(dirname "$0")/../lib.sh"
requires jq curl promtool prometheus

start_sim sim --tcp 0 --meter 1=PM710 --fix TPF=230
start_sim silent --tcp 0 --meter 2=PM710 --fault silent:address=2
start_rest rest
port=$(free_port)
http=http://127.0.0.1:$port
exporter="<export id=\"web\" type=\"clientRest\" target=\"$(rest_url rest)/api/v1\" api=\"v1\"/>"
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
device 2 tcp host=127.0.0.1 port="$(sim_port silent)" timeout=0.2
analyzer 1 1 PM710 poll_interval=0.2s record_interval=1s export="$exporter" -- TPF
analyzer 2 2 PM710 poll_interval=0.5s record_interval=1s -- FRE
write_config
write_ini "Metrics.listen=127.0.0.1:$port"

# ---- the address: nobody else's machine, unless told ----
refused() {	# address
	write_ini "Metrics.listen=$1" "${@:2}"
	assert_status 1 teslad -t -c config.xml -i lector.ini >refused.log
	grep -qF "error: listen is \"$1\": metrics are told to whoever asks" refused.log ||
		fail "$1: $(cat refused.log)"
}
refused 0.0.0.0:9466
refused '[::]:9466' Metrics.remote=no
write_ini Metrics.listen=0.0.0.0:9466 Metrics.remote=yes
assert_status 0 teslad -t -c config.xml -i lector.ini >allowed.log
write_ini "Metrics.listen=127.0.0.1:$port"

start_teslad
wait_for 10 analyzer_is 1 state online
wait_for 10 analyzer_is 2 state offline
wait_for 10 drained

# ---- the text ----
metrics() {	# [curl option...]
	curl -sS --fail --max-time 10 "$@" "$http/metrics"
}
value() {	# sample with its labels, as written
	metrics | awk -v s="$1" '$1 == s { print $2 }'
}
at_least() {	# number, sample
	local v
	v=$(value "$2")
	test -n "$v" && awk -v v="$v" -v n="$1" 'BEGIN { exit !(v >= n) }'
}
teslactl metrics >control.text
metrics >http.text
for f in control.text http.text; do
	promtool check metrics <$f >promtool.log 2>&1 || fail "$f: $(cat promtool.log)"
	test ! -s promtool.log || fail "$f: promtool says $(cat promtool.log)"
done
py "$top/t/e2e/metrics_labels.py" "$top/docs/metrics.md" <http.text >families
for family in tesla_line_busy_ratio tesla_line_transaction_duration_seconds \
	tesla_line_sweep_lateness_seconds tesla_analyzer_last_sweep_age_seconds \
	tesla_exporter_backlog_records tesla_exporter_batches_delivered_total \
	tesla_records_dropped_total tesla_host_resident_memory_bytes process_open_fds; do
	grep -qx "$family" families || fail "no sample of $family"
done
assert_eq "content type" "$(metrics -o /dev/null -w '%{content_type}')" \
	'text/plain; version=0.0.4; charset=utf-8'
metrics -H 'Accept: application/openmetrics-text;version=1.0.0' -D head >open.text
grep -qi '^content-type: application/openmetrics-text; version=1.0.0; charset=utf-8' head ||
	fail "$(cat head)"
assert_eq "the last line" "$(tail -n 1 open.text)" '# EOF'
grep -q '^# TYPE tesla_line_transactions counter$' open.text || fail "a counter's family"
assert_eq "answer of the control socket" "$(ctl metrics | jq -r .content_type)" \
	'text/plain; version=0.0.4; charset=utf-8'

# ---- what it says ----
assert_eq "state of 2" "$(value 'tesla_analyzer_state{analyzer="2",state="offline"}')" 1
assert_eq "state of 2" "$(value 'tesla_analyzer_state{analyzer="2",state="online"}')" 0
wait_for 10 at_least 3 'tesla_analyzer_errors_total{analyzer="2",kind="timeout"}'
wait_for 10 at_least 3 'tesla_line_errors_total{line="2",kind="timeout"}'
wait_for 20 at_least 3 'tesla_exporter_records_delivered_total{exporter="web"}'
wait_for 10 at_least 10 'tesla_line_transaction_duration_seconds_count{line="1"}'
wait_for 10 at_least 10 'tesla_line_sweep_lateness_seconds_count{line="1"}'
# Time-outs are no duration of anything: what was answered and what was not are all.
metrics >now.text
for line in 1 2; do
	awk -v l="{line=\"$line\"" '
		$1 == "tesla_line_transaction_duration_seconds_count" l "}" { n = $2 }
		$1 == "tesla_line_transactions_total" l "}" { all = $2 }
		$1 == "tesla_line_errors_total" l ",kind=\"timeout\"}" { lost = $2 }
		END { exit all == "" || n + lost != all }' now.text ||
		fail "line $line: answered and timed out are not all"
done
assert_eq "age of what was never read" "$(value 'tesla_exporter_oldest_record_age_seconds')" ''

# ---- health ----
code() {
	curl -s --max-time 10 -o /dev/null -w '%{http_code}' "$@" || true
}
assert_eq healthz "$(code "$http/healthz")" 200
assert_eq readyz "$(code "$http/readyz")" 200
assert_eq 'unknown path' "$(code "$http/")" 404
assert_eq POST "$(code -d x=1 "$http/metrics")" 405

# ---- Prometheus ----
prometheus_port=$(free_port)
sed -e "s/127.0.0.1:9466/127.0.0.1:$port/" -e 's/15s/500ms/' "$top/etc/prometheus/prometheus.yml" \
	>prometheus.yml
cp "$top/etc/prometheus/tesla.rules.yml" .
promtool check config prometheus.yml >config.log || fail "$(cat config.log)"
start prometheus env GOMAXPROCS=1 prometheus --config.file=prometheus.yml \
	--storage.tsdb.path="$tmp/prometheus" --web.listen-address="127.0.0.1:$prometheus_port"
api() {	# path, curl option...
	curl -sS --max-time 10 -G "http://127.0.0.1:$prometheus_port/api/v1/$1" "${@:2}"
}
query() {	# PromQL: the values, one a line
	api query --data-urlencode "query=$1" 2>/dev/null | jq -r '.data.result[].value[1]'
}
says() {	# PromQL: it is true of something
	test -n "$(query "$1")"
}
wait_for 20 says 'up{job="tesla"} == 1'
assert_eq "scrape errors" "$(api targets | jq -r '.data.activeTargets[].lastError')" ''
wait_for 20 says 'increase(tesla_analyzer_sweeps_total{analyzer="1"}[10s]) > 2'
wait_for 10 says 'histogram_quantile(0.9, rate(tesla_line_transaction_duration_seconds_bucket[10s])) < 5'
wait_for 10 says 'tesla_line_busy_ratio{line="1"} > 0 and tesla_line_busy_ratio < 1'
says 'tesla_analyzer_state{analyzer="2",state="offline"} == 1' || fail "state of analyzer 2"
says 'tesla_analyzer_state * on (analyzer) group_left (model) tesla_analyzer_info{model="PM710"}' ||
	fail "the info of an analyzer joins nothing"
assert_eq "rules that cannot be evaluated" \
	"$(api rules | jq '[.data.groups[].rules[] | select(.health == "err")] | length')" 0
metadata() {
	api metadata --data-urlencode "metric=$1" | jq -r ".data.$1[0].type"
}
assert_eq "type in Prometheus" "$(metadata tesla_line_sweep_lateness_seconds)" histogram

# ---- those who mean no good ----
missed() {
	value 'tesla_analyzer_sweeps_missed_total{analyzer="1"}'
}
before=$(missed)
# As many as there may be, so that Prometheus waits too, until they are cut.
start idlers py "$top/t/e2e/idlers.py" "$port" 200 20 20
wait_for 10 grep -q ready idlers.log
head -c 100000 /dev/zero | tr '\0' x >huge
for request in "-d @huge" "-X BREW" "-H @huge" "--request-target /../../etc/passwd"; do
	# shellcheck disable=SC2086  # an option and its value
	code $request "$http/metrics" >>codes
done
assert_eq "a scrape beside 240 bad clients" "$(code "$http/metrics")" 200
wait_for 40 grep -Eq 'closed|left' idlers.log
grep -q closed idlers.log || fail "connections that did nothing were left open"
stop idlers
assert_eq "missed polls" "$(missed)" "$before"
wait_for 10 says 'up{job="tesla"} == 1'
descriptors=$(value process_open_fds)
test "$descriptors" -lt 100 || fail "teslad has $descriptors descriptors open"

# ---- a reload: what was counted is, and what was refused is said ----
assert_eq "before the first reload" "$(value tesla_config_last_reload_successful)" ''
answered=$(value 'tesla_line_transaction_duration_seconds_count{line="1"}')
cp config.xml first.xml
sed -i 's/0\.2s/0.25s/' config.xml
kill -HUP "${pids[teslad]}"
wait_for 10 at_least 2 tesla_config_generation
at_least "$answered" 'tesla_line_transaction_duration_seconds_count{line="1"}' ||
	fail "a reload set counters of a line back"
at_least 1 tesla_config_last_reload_successful || fail "the reload is not told as a good one"
echo '<nothing/>' >config.xml
kill -HUP "${pids[teslad]}"
refused_reload() {
	test "$(value tesla_config_last_reload_successful)" = 0
}
wait_for 10 refused_reload
assert_eq generation "$(value tesla_config_generation)" 2
cp first.xml config.xml

# ---- a host that ends, a daemon that ends ----
host=$(ctl status | jq -r '.hosts[] | select(.kind == "driver").pid')
id=$(ctl status | jq -r '.hosts[] | select(.kind == "driver").id')
kill -KILL "$host"
wait_for 10 at_least 1 "tesla_host_restarts_total{host=\"$id\"}"
wait_for 10 at_least 1 "tesla_host_state{host=\"$id\",state=\"running\"}"
stop teslad
assert_eq "teslad ended with" "$status" 0
wait_for 20 says 'up{job="tesla"} == 0'

# ---- an address that is taken: meters are read all the same ----
write_ini "Metrics.listen=127.0.0.1:$prometheus_port"
start_teslad
wait_for 10 analyzer_is 1 state online
grep -q "metrics at 127.0.0.1:$prometheus_port: Address already in use" teslad.log ||
	fail "the log does not say that the address is taken"
promtool check metrics < <(teslactl metrics)
