#!/usr/bin/env bash
# seconds: 20; san
# SPDX-License-Identifier: Apache-2.0
# tesla-central serve: records in both forms, each with its answer; who may send them; what a client that
# is slow, endless or wrong gets; TLS, and a certificate that is read again; its end.
. "$(dirname "$0")/../central.sh"
requires jq curl openssl python:msgpack

# ---- what it does not begin with ----

mkdir "$dir"
central_ini
assert_status 1 central serve -i central.ini 2>said
assert_match "no registry" "$(cat said)" 'expected .tesla-central init. before'
rmdir "$dir"
printf '[Server]\nlisten = 0.0.0.0:%s\n' "${listen#*:}" >open.ini
assert_status 1 central serve -i open.ini 2>said
assert_match "in plain text" "$(cat said)" 'open.ini:2: .*expected cert and key, for TLS'
test ! -e "$dir" || fail "a server that does not begin made a folder"

# ---- records ----

central_ini Limits.request_time=2 Limits.body=1 Limits.bodies=4 Limits.connections_per_address=20
start_central
token=$(node_token 4)
other=$(node_token 5)

py "$top/t/e2e/central_records.py" 3 | jq -c '{node: "4", records: [.record]}' >bodies
post() { # token file curl-options...
	ask "$1" POST /api/v1/records -H 'Content-Type: application/json' --data-binary "@$2" "${@:3}"
}
head -n 1 bodies >one
sed -n 2p bodies | gzip >two.gz
sed -n 3p bodies | py -c 'import json, sys, msgpack; sys.stdout.buffer.write(msgpack.packb(json.load(sys.stdin)))' >three
answers "JSON" 200 '^\{"results":\[\{"status":"stored"\}\]\}$' post "$token" one
answers "again" 200 '^\{"results":\[\{"status":"duplicate"\}\]\}$' post "$token" one
answers "gzip" 200 '"stored"' post "$token" two.gz -H 'Content-Encoding: gzip'
ask "$token" POST /api/v1/records -H 'Content-Type: application/msgpack' --data-binary @three >packed
assert_eq "MessagePack" "$(head -c -5 packed | py -c 'import sys, msgpack; print(msgpack.unpackb(sys.stdin.buffer.read()))')" \
	"{'results': [{'status': 'stored'}]}"
jq -c '.records[0] |= (.analyzer = 0) | .records += [{analyzer: 1}]' one >mixed
answers "each for itself" 200 '"rejected","reason":"analyzer 0.*"rejected","reason":"expected \\"variables' post "$token" mixed
echo '{"records": [' >broken
answers "no JSON" 400 'no JSON' post "$token" broken
answers "no type" 415 'Content-Type' ask "$token" POST /api/v1/records -H 'Content-Type: text/plain' --data x
answers "no gzip" 400 '^\{"error":"the body is not gzip' post "$token" one -H 'Content-Encoding: gzip'
head -c 60 two.gz >cut.gz
answers "half a gzip" 400 '^\{"error":.*no whole gzip' post "$token" cut.gz -H 'Content-Encoding: gzip'
answers "another packer" 415 '^\{"error":.*expected gzip' post "$token" one -H 'Content-Encoding: br'

# ---- who ----

answers "nobody" 401 'who are you' post "" one
answers "a wrong token" 401 'who are you' post "${token%?}_" one
answers "another node's token" 403 'the token is of node 5, the records are of node 4' post "$other" one
answers "a token in the path" 401 '' ask "" POST "/api/v1/records?token=$token" --data-binary @one
for path in /api/v1/records/../records '/api/v1/%2e%2e/records' '/api/v1%2frecords' '/api/v1/records%00' '//api/v1/records' '/api/v1/recordS'; do
	answers "$path" 404 'no such path' ask "$token" POST "$path" --path-as-is --data-binary @one
done
for target in "$url/api/v1/records?x=1" 'HTTP://other:80/api/v1/records/' https://x/api/v1/records; do
	answers "$target" 200 '"duplicate"' post "$token" one --request-target "$target"
done
for target in http://x http://x/healthzz ftp://x/healthz http:/healthz 'http://x?/healthz'; do
	answers "$target" 404 'no such path' ask "" GET / --request-target "$target"
done
answers "another method" 405 'DELETE is not' ask "$token" DELETE /api/v1/records
assert_match "which it takes" "$(curl -sI -X DELETE "$url/api/v1/records")" 'Allow: POST'

# ---- how much, how long ----

head -c 1100000 /dev/zero >large
answers "too long" 413 '^\{"error":"a body has at most 1048576 bytes' post "$token" large
answers "too long, not said before" 413 '^\{"error":"a body has at most 1048576 bytes' post "$token" large -H 'Transfer-Encoding: chunked'
most() { # kB of memory that it ever had
	sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/${pids[central]}/status"
}
head -c 1000000000 /dev/zero | gzip -9 >bomb.gz
before=$(most)
answers "a bomb of 1 GB" 413 '^\{"error":.*unpacked, too' post "$token" bomb.gz -H 'Content-Encoding: gzip'
test "$slower" != 1 || test "$(most)" -lt $((before + 16000)) || fail "the bomb took $before to $(most) kB"
assert_eq "a head that is too long" "$(curl -s -o /dev/null -w '%{http_code}' -H "X: $(head -c 40000 /dev/zero | tr '\0' x)" "$url/healthz")" 431
answers "of the predecessor's" 413 '^#a body has at most' ask "$token" POST /ws/v2/history/save/4/1/ --data-binary @large
arguments() {
	printf 'a=1&%.0s' $(seq "$1")
}
for n in 420 480 1000 6000; do
	answers "$n arguments" 414 '^\{"error":"the query has too many arguments' \
		ask "$token" POST "/api/v1/records?$(arguments $n)" -H 'Content-Type: application/json' --data-binary @one
done
answers "380 arguments" 200 '"duplicate"' ask "$token" POST "/api/v1/records?$(arguments 380)" -H 'Content-Type: application/json' --data-binary @one
py "$top/t/e2e/central_clients.py" trickle "$listen" >trickled &
trickler=$!
wait_for 10 grep -q connected trickled
py "$top/t/e2e/central_clients.py" crowd "$listen" 40 >crowded
assert_match "of one address" "$(cat crowded)" '^(1[0-9]|20) of 40 '
wait $trickler
assert_match "a byte now and then" "$(tail -n 1 trickled)" '^cut after [2-9]\.'
answers "the others go on" 200 '"duplicate"' post "$token" one

# A part of a form that has no name.
printf -- '--XXXX\r\nContent-Type: text/plain\r\n\r\nhi\r\n--XXXX--\r\n' >nameless
answers "a part without a name" '4[0-9]*' '#' ask "$token" POST /ws/v2/history/save/4/1/ \
	-H 'Content-Type: multipart/form-data; boundary=XXXX' --data-binary @nameless
answers "the others still go on" 200 '"duplicate"' post "$token" one

# 300 analyzers that are new: none is refused for good.
jq -nc '{records: [range(1000; 1300) | {analyzer: ., start_ms: 1793350800000, end_ms: 1793351700000, model: "M",
	identity: null, variables: {V: {unit: "V", kind: "gauge", value: [1]}}}]}' >many
post "$token" many | head -n -1 >first
assert_eq "new ones at once" "$(jq -c '[.results[].status] | group_by(.) | map([.[0], length])' first)" \
	'[["later",44],["stored",256]]'
post "$token" many | head -n -1 >second
assert_eq "the rest" "$(jq -c '[.results[].status] | group_by(.) | map([.[0], length])' second)" \
	'[["duplicate",256],["stored",44]]'

# 2,000 analyzers are the most that a node has.  Those beyond are not lost: they wait until there is room.
crowd() { # from to
	jq -nc "{records: [range($1; $2) | {analyzer: ., start_ms: 0, end_ms: 60000, model: \"M\", identity: null,
		variables: {V: {unit: \"V\", kind: \"gauge\", value: [1]}}}]}" >crowd
}
for ((from = 1; from <= 2000; from += 250)); do
	crowd $from $((from + 250))
	assert_eq "a crowd from $from" "$(post "$other" crowd | head -n -1 | jq -c '[.results[].status] | unique')" '["stored"]'
done
crowd 1999 2003
post "$other" crowd | head -n -1 >full
assert_eq "beyond 2,000" "$(jq -c '[.results[] | .status]' full)" '["duplicate","duplicate","later","later"]'
assert_match "why" "$(jq -r '.results[2].reason' full)" 'its node has as many analyzers'
central node set 5 --unknown refuse
assert_match "where nobody is taken" "$(post "$other" crowd)" '"rejected","reason":"analyzer 2001 of node 5 is not taken"'

# ---- a clock in the future ----

# Its sender keeps what it says, and what comes behind that; the others' is stored.
jq -c '.records = [.records[0] * {analyzer: (1, 2, 1), end_ms: (.records[0].end_ms + 60000)}]
	| .records[0] *= {start_ms: 4070908740000, end_ms: 4070908800000}' one >ahead
answers "of 2099" 200 '^\{"results":\[\{"status":"later","reason":"it ends at 2099-01-01T00:00:00Z, more than a day after now, 20[^"]*: a clock is wrong"\},'\
'\{"status":"stored"\},\{"status":"later","reason":"one before it is to be stored first"\}\]\}$' post "$token" ahead
answers "again" 200 '"later".*"duplicate".*"later"' post "$token" ahead
jq -c '.records |= [.[0] * {analyzer: (1, 77), model: "OTHER"}]' ahead >other
answers "of another model, and of one that is new" 200 '^.*"later".*"later"' post "$token" other
central analyzer list --json >analyzers.jsonl
assert_eq "what was learned of it" "$(jq -c '.. | objects | select(.node == "4") | select(.model == "OTHER" or .analyzer == 77)' \
	analyzers.jsonl)" ""
assert_eq "analyzers of the node" "$(jq -c '.. | objects | select(.node == "4")' analyzers.jsonl | wc -l)" 303
assert_eq "how often it is said" "$(grep -c 'warning: node 4, analyzer 1: a record is not taken yet: it ends at 2099-01-01T00:00:00Z' central.log)" 1
jq -c '.records |= .[2:]' ahead >behind
answers "by a clock that was set" 200 '^\{"results":\[\{"status":"stored"\}\]\}$' post "$token" behind

# ---- its end: what is under way is answered ----

stop central
assert_eq "ended with" "$status" 0
assert_match "verify" "$(central verify)" ' 0 damaged$'
assert_eq "records" "$(central export | wc -l)" 2305

# ---- TLS ----

certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
		-addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem 2>/dev/null
}
certificate one
central_ini Server.cert="$tmp/cert.pem" Server.key="$tmp/key.pem" Server.models=no/models
start_central
assert_match "models" "$(cat central.log)" 'warning: central.ini:5: the folder of models, no/models: No such file or directory: none is known'
url=https://$listen
answers "over TLS" 200 '"duplicate"' post "$token" one --cacert cert.pem
subject() {
	openssl s_client -connect "$listen" </dev/null 2>/dev/null | openssl x509 -noout -subject
}
assert_match "its certificate" "$(subject)" 'CN = one$'
for version in tls1_2 tls1_3; do
	openssl s_client -connect "$listen" -$version </dev/null >said 2>&1 || fail "$version: $(tail -n 3 said)"
done
for options in -tls1 -tls1_1 '-tls1_2 -cipher AES128-SHA' '-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA' '-tls1_2 -cipher AES128-GCM-SHA256'; do
	# shellcheck disable=SC2086
	! openssl s_client -connect "$listen" $options </dev/null >said 2>&1 || fail "it speaks $options"
done
certificate two
kill -HUP "${pids[central]}"
wait_for 5 grep -q 'read again' central.log
assert_match "after SIGHUP" "$(subject)" 'CN = two$'
echo junk >key.pem
kill -HUP "${pids[central]}"
wait_for 5 grep -q 'the one before stays' central.log
assert_match "after a bad one" "$(subject)" 'CN = two$'
stop central
assert_eq "ended with" "$status" 0
