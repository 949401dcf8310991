#!/usr/bin/env bash
# seconds: 8
# SPDX-License-Identifier: Apache-2.0
# A real Prometheus reads a day of records through what tesla-central has for remote read, behind a small
# server; what it computes is what follows from the records. What is refused is said, and why.
. "$(dirname "$0")/../lib.sh"
. "$top/t/e2e/prometheus.sh"
peer=$(dirname "$TESLA_STAGE")/t/e2e/prom_answer
test -x "$peer" || skip "prom_answer is not built: make check TESTS="
begin=1794182400
end=$((begin + 86400))

py "$top/t/e2e/central_records.py" 5760 ${begin}000 >records.jsonl
py "$top/t/e2e/prom_raw.py" records.jsonl 4 >raw.jsonl
echo secret >token
start server py "$top/t/e2e/prom_server.py" records.jsonl secret "$peer" 100000
wait_for 10 grep -q '^ready' server.log
# shellcheck disable=SC2034  # start_prometheus reads it
url=http://127.0.0.1:$(sed -n 's/^ready //p' server.log)/api/v1/prom/read

start_prometheus
same_as_raw
range 900 'tesla_TPF_volts{analyzer!~".*"} or up' >got.json
assert_eq "what nobody has" "$(cat got.json)" '[]'
assert_match "what is asked" "$(cat request.1.headers)" '^X-Prometheus-Remote-Read-Version: '

refused '{__name__=~"((([a-zA-Z_]))*)*[!?]",__name__!="x",node="4"}' '422.*takes too long'
refused '{__name__=~".+",node="4"}' '422.*more than 100000 samples: ask for a shorter time'
printf wrong >token
stop prometheus
start_prometheus
refused tesla_TPF_volts '401.*no token'
