#!/usr/bin/env bash
# seconds: 12
# SPDX-License-Identifier: Apache-2.0
# What clientRest does with servers that are down, refuse, ask to wait, or answer by halves; and what
# `teslactl journal` shows and does about it.
. "$(dirname "$0")/../lib.sh"
requires jq python:msgpack curl

start_sim sim --tcp 0 --meter '*=PM710'
start_rest new --api v1 --token secret --out "$tmp/new.jsonl"
start_rest old --api v2 --ignore-utc --out "$tmp/old.jsonl"
mkdir data
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
for id in 1 2; do
	analyzer $id 1 PM710 address=$id poll_interval=0.2 record_interval=1s export=localFile:data \
		export="<export id=\"old\" type=\"clientRest\" target=\"$(rest_url old)/ws/v2\"/>" \
		export="<export id=\"new\" type=\"clientRest\" target=\"$(rest_url new)/api/v1\" api=\"v1\" token=\"wrong\"/>" \
		-- TPF CEA
done
write_config
start_teslad

exporter() {	# id, jq filter
	ctl journal | jq -r --arg id "$1" ".exporters[] | select(.id == \$id)$2"
}
exporter_is() {	# id, key, value
	test "$(exporter "$1" "$2")" = "$3"
}
backlog_at_least() {
	test "$(exporter "$1" .backlog)" -ge "$2"
}
stored_at_least() {
	test "$(wc -l <"$1.jsonl")" -ge "$2"
}

# A wrong token: paused, said once, nothing hammered; the others go on.
wait_for 15 exporter_is new .state paused
assert_match "why" "$(exporter new .reason)" '401'
wait_for 15 stored_at_least old 4
wait_for 15 backlog_at_least new 6
requests=$(curl -s "$(rest_url new)/stats" | jq .requests)
test "$requests" -le 2 || fail "a server that says 401 was asked $requests times"
assert_eq "said" "$(grep -c 'new.*paused' teslad.log)" 1

# The old server is stopped: its records wait, are counted, and come in order when it is back.
stop old
wait_for 20 backlog_at_least old 4
assert_match "why" "$(exporter old .reason)" 'refused|connect'
exported=$(teslactl --json journal export old | head -n 1)
assert_match "export" "$exported" '"analyzer":[12]'
port=$(sed -n 's/^ready //p' old.log)
start old py "$top/t/e2e/rest_server.py" --port "$port" --api v2 --ignore-utc --out "$tmp/old2.jsonl"
wait_for 10 grep -qs '^ready' old.log
teslactl journal drain old
drained_old() {
	test "$(exporter old .backlog)" -le 2
}
wait_for 20 drained_old

# A correct token after a restart: everything that waited is delivered, in order, once.
stop teslad
sed -i 's/"wrong"/"secret"/' config.xml
start_teslad
wait_for 20 exporter_is new .state idle
stop teslad
jq -s -e 'group_by(.analyzer) | all(.[]; [.[].end_ms] | . == (sort | unique))' new.jsonl >/dev/null ||
	fail "new.jsonl: twice or out of order"
jq -r '"\(.analyzer) \(.end_ms / 1000 | todate)"' new.jsonl | sort >new.keys
jq -r '"\(.key[1]) \(.utc)"' old.jsonl old2.jsonl | sort >old.keys
# What has nothing good in it, as a window that ended right after the start may, v2 cannot say.
jq -r 'select(any(.variables[]; all(.quality[]; . == 0))) | "\(.analyzer) \(.end_ms / 1000 | todate)"' \
	new.jsonl | sort >good.keys
assert_eq "v1 and v2 have the same" "$(cat old.keys)" "$(cat good.keys)"
awk -F'\t' '$1 != "HORA" { split(FILENAME, f, "/"); print f[2], substr(f[3], 1, 8) "T" $1 "Z" }' \
	data/*/2*.txt | sort >file.keys
assert_eq "and the day files" "$(cat file.keys)" "$(tr -d - <new.keys)"

# An exporter that is no longer configured keeps its backlog, which can be handed on or forgotten.
stop old
start_teslad
wait_for 20 backlog_at_least old 4
stop teslad
sed -i 's/<export id="old"[^>]*>//' config.xml
start_teslad
wait_for 10 exporter_is old .state removed # its host says who has a backlog once it is up
n=$(exporter old .backlog)
assert_status 1 teslactl journal purge old </dev/null
assert_eq "not confirmed, not purged" "$(exporter old .backlog)" "$n"
before=$(wc -l <new.jsonl)
teslactl journal drain old --to new
handed_on() {
	test "$(exporter old .backlog)" = 0
}
wait_for 10 handed_on
wait_for 10 exporter_is new .state idle
stop teslad
jq -s -e 'map([.analyzer, .end_ms]) | length == (unique | length)' new.jsonl >/dev/null ||
	fail "handed on, but stored twice"
test "$(wc -l <new.jsonl)" -ge "$before" || fail "lost"
