#!/usr/bin/env bash
# seconds: 50
# SPDX-License-Identifier: Apache-2.0
# Live values: central follows a node's stream, in plain text and over CURVE, or is sent them; what a client
# of the stream of events gets, of what, and for how long; a node that goes and comes back.
. "$(dirname "$0")/../central.sh"
requires jq curl python:msgpack

# ---- a node, followed ----

start_sim sim --tcp 0 --meter '1=PM710' --meter '2=PM710' --fix 1:TPF=231.5 --fix 2:TPF=228.25
teslactl keygen central >keygen.log
central_ini "Control.key=$tmp/central.key" Limits.connections=500 Limits.connections_per_address=450 \
	Limits.streams=300 Limits.streams_per_user=206
start_central
post_token=$(node_token 5)
token=$(node_token 4)
device 1 tcp host=127.0.0.1 port="$(sim_port sim)" timeout=0.3
for id in 1 2; do
	analyzer $id 1 PM710 address=$id poll_interval=0.2s \
		export="<export type=\"clientLive\" target=\"$url/api/v1\" token=\"$token\"/>" -- TPF PAT CEA
done
write_config
start_teslad
viewer=$(central token add --role viewer --name all 2>/dev/null)
limited=$(central token add --role viewer --nodes 5 --name five 2>/dev/null)

live() { # query jq-options...
	ask "$viewer" GET "/api/v1/live$1" | head -n -1 | jq -c "${@:2}"
}
is_up() { # node
	test "$(live "?node=$1" -r '.nodes[0].state')" = up
}
listen() { # name token query
	start "$1" curl -sSN -H "Authorization: Bearer $2" "$url/api/v1/events/stream$3"
}
events() { # name event: what its whole messages say
	grep -A3 "^event: $2\$" "$1.log" | grep -B1 '^$' | sed -n 's/^data: //p'
}
last() { # name event jq-filter
	events "$1" "$2" | jq -c "select($3)" | tail -n 1
}
said() { # name event jq-filter: there is one
	test -n "$(last "$@")"
}

# Behind NAT: it sends them itself, each second, and a second without any, too.
wait_for 10 is_up 4
has_all() {
	live '?node=4' -e '[.nodes[0].readings[] | select(.stale == null)] | length == 6' >/dev/null
}
wait_for 10 has_all
assert_eq "TPF as it was sent" "$(live '?node=4&analyzer=2&variable=TPF' '[.nodes[0].readings[0] | .v, .u, .q]')" '[[228.25,228.25,228.25],"V",null]'

# Both at once: each reading counts once.
central node set 4 --control "$control"
has_labels() { # which come by the stream alone
	live '?node=4' -e '[.nodes[0].readings[].labels] | all' >/dev/null
}
wait_for 10 has_labels
listen all "$viewer" ""
listen some "$viewer" "?node=4&analyzer=2&variable=TPF,CEA"
listen five "$limited" ""
wait_for 10 said all reading '.analyzer == 1 and .variable == "TPF" and .n > 3'
wait_for 10 said some reading '.variable == "CEA"'

# What the simulator has is what is read, here and there.
assert_eq "TPF of 1" "$(last all reading '.analyzer == 1 and .variable == "TPF"' | jq -c '[.node, .u, .v, .q]')" '["4","V",[231.5,231.5,231.5],null]'
assert_eq "TPF of 2" "$(last some reading '.variable == "TPF"' | jq -c .v)" '[228.25,228.25,228.25]'
assert_eq "only what was asked for" "$(events some reading | jq -r '"\(.node) \(.analyzer) \(.variable)"' | sort -u | xargs)" "4 2 CEA 4 2 TPF"
assert_eq "no hole" "$(events all reading |
	jq -s '[group_by([.analyzer, .variable])[] | [.[].k] | . as $k | range(1; length) | select($k[.] != $k[. - 1] + 1)] | length')" 0
assert_eq "the table" "$(live '?node=4&variable=TPF' '[.nodes[0].readings[] | [.analyzer, .v[0], .labels[0], .stale]]')" \
	'[[1,231.5,"L1",null],[2,228.25,"L1",null]]'
epoch=$(live '?node=4' '.nodes[0].e')
assert_eq "its epoch" "$epoch" "$(ctl snapshot | jq .e)"

# Who may what.
answers "another's node" 403 'may not read node 4' ask "$limited" GET '/api/v1/live?node=4'
answers "another's node, followed" 403 'may not read node 4' ask "$limited" GET '/api/v1/events/stream?node=5,4'
answers "nobody" 401 'who are you' ask "" GET /api/v1/events/stream
assert_eq "nodes that are his" "$(ask "$limited" GET /api/v1/live | head -n -1 | jq -c '[.nodes[].node]')" '[]'
answers "a viewer sends" 403 'may not' ask "$viewer" POST /api/v1/readings -H 'Content-Type: application/json' -d '{"e":1}'

# ---- an analyzer away, the node gone, and back ----

stop sim
wait_for 10 said all event '.what == "analyzer.offline" and .node == "4"'
wait_for 10 said all status '.state == "offline"'
assert_eq "stale" "$(live '?node=4&analyzer=1' '[.nodes[0].state, ([.nodes[0].readings[].stale] | unique)]')" '["up",[true]]'
port=$(sed -n 's/^ready tcp .*:\([0-9]*\)$/\1/p' sim.log)
start_sim sim --tcp "$port" --meter '1=PM710' --meter '2=PM710' --fix TPF=230
wait_for 20 said all event '.what == "analyzer.online"'

# One that says it has had more than there is hears what comes all the same.
start later curl -sSN -H "Authorization: Bearer $viewer" -H "Last-Event-ID: 999999999" "$url/api/v1/events/stream?node=4"
wait_for 10 said later node '.state == "up"'
stop teslad KILL
forget teslad
wait_for 10 said all node '.state == "down"'
assert_eq "stale" "$(live '?node=4' '[.nodes[0].state, ([.nodes[0].readings[].stale] | unique)]')" '["down",[true]]'
wait_for 10 said all event '.what == "node.gone"'
wait_for 10 said later event '.what == "node.gone"'
stop later

# ---- back, over CURVE: the registry says so, nothing is started again ----

teslactl keygen node >keygen.log
echo "$(sed -n 's/^public //p' central.key) central read-only" >clients
tcp=tcp://127.0.0.1:$(free_port)
stream_tcp=tcp://127.0.0.1:$(free_port)
rm -f lector.ini
write_ini "Control.tcp=$tcp" "Control.key=$tmp/node.key" "Control.clients=$tmp/clients" \
	"Stream.endpoint=$stream_tcp" "Stream.key=$tmp/node.key" "Stream.clients=$tmp/clients"
start_teslad
central node set 4 --control "$tcp" --control-key "$(sed -n 's/^public //p' node.key)"
wait_for 20 is_up 4
wait_for 10 said all event '.what == "node.back"'
wait_for 10 said all event '.what == "node.restart"'
fresh() {
	live '?node=4' -e "[.nodes[0].readings[] | select(.stale == null and .e != $epoch)] | length == 6" >/dev/null
}
wait_for 10 fresh
wait_for 10 said all reading ".e != $epoch and .v[0] == 230"

# ---- a node that sends them itself; a client that does not read ----

batch() { # k: 400 readings from there on
	jq -nc --argjson k "$1" '{e: 7, readings: [range($k; $k + 400) | {analyzer: 1, variable: "TPF", t: ., n: ., k: ., u: "V", v: [1, 2, 3]}]}'
}
post() { # k
	batch "$1" | ask "$post_token" POST /api/v1/readings -H 'Content-Type: application/json' --data-binary @-
}
answers "another node's readings" 403 'token is of node 5' ask "$post_token" POST /api/v1/readings -H 'Content-Type: application/json' -d '{"node":"4","e":1}'
answers "no epoch" 400 'e: expected' ask "$post_token" POST /api/v1/readings -H 'Content-Type: application/json' -d '{}'
start slow py "$top/t/e2e/central_events.py" slow "$listen" "$viewer" '?node=5' "$tmp/wake" 40000
wait_for 5 grep -q connected slow.log
listen fast "$viewer" "?node=5"
for k in $(seq 1 400 39601); do
	answers "readings" 200 '^\{"taken":400,"left_out":0\}$' post "$k"
done
k_is() { # name k
	said "$1" reading ".k == $2"
}
wait_for 10 k_is fast 40000
assert_eq "of one who reads" "$(events fast reading | wc -l)" 40000
! grep -q '^event: gap' fast.log || fail "a client that reads missed something"
is_up 5 || fail "a node that sends is not there"
touch wake
woken() { # one more comes once there is room
	post "$k" >/dev/null
	k=$((k + 400))
	grep -q '^{' slow.log
}
k=40001
wait_for 10 woken
assert_eq "of one who does not" "$(sed -n 's/^{/{/p' slow.log | jq -c '.missed > 0 and .seen + .missed == .last')" true
forget slow
node_is_gone() {
	said all event '.what == "node.gone" and .node == "5"'
}
wait_for 10 node_is_gone
assert_eq "stale" "$(live '?node=5' '[.nodes[0].state, .nodes[0].readings[0].stale]')" '["down",true]'
assert_match "a body too long" "$(jq -nc '{e: 7, readings: [range(5001) | null]}' | ask "$post_token" POST /api/v1/readings -H 'Content-Type: application/json' --data-binary @- | tail -n 1)" 413

# ---- many ----

! grep -q '"node":"4"' five.log || fail "it heard of another's node"
stop fast
stop some
assert_eq "200 clients" "$(py "$top/t/e2e/central_events.py" crowd "$listen" "$viewer" '?node=4&analyzer=1' 200 10)" "200 of 200"
# Who went is noticed when something was to be sent to him.
counted() {
	py "$top/t/e2e/central_events.py" count "$listen" "$viewer" '?node=4&analyzer=1' 230 >counted
	grep -Eq '^20[0-6]: 200, (2[4-9]|30): 429$' counted
}
wait_for 15 counted

# ---- more than one gets who comes ----

answers "of many variables" 200 taken ask "$post_token" POST /api/v1/readings -H 'Content-Type: application/json' --data-binary @- < <(
	jq -nc '{e: 8, readings: [range(5000) | {analyzer: (1 + . % 20), variable: "V\(.)\("x" * 40)", t: 1, n: 1, k: 1, u: "V", v: [range(30)]}]}')
listen whole "$viewer" "?node=5"
listen one "$viewer" "?node=5&variable=V4999$(printf 'x%.0s' {1..40})"
wait_for 10 said whole gap '.missed > 0'
wait_for 10 said one reading '.analyzer == 20'
assert_eq "nothing else" "$(events one reading | wc -l)" 1
! grep -q '^event: gap' one.log || fail "what it did not ask for took its room"
test "$(wc -c <whole.log)" -le 1100000 || fail "it got more than there is room for"
stop whole
stop one

# ---- what happened since; a token that is taken back; the end ----

seq=$(last all event '.what == "node.gone" and .node == "4"' | jq .seq)
start since curl -sSN -H "Authorization: Bearer $token" -H "Last-Event-ID: $seq" "$url/api/v1/events/stream?node=4"
wait_for 5 said since event '.what == "node.back"'
! said since event '.what == "node.gone"' || fail "it was told again"
central token revoke "$(central token list --json | jq -r 'select(.name == "five").id')"
wait_for 10 grep -q '^event: end' five.log
wait_for 5 gone "${pids[five]}"
forget five
kill -TERM "${pids[central]}"
wait_for 10 gone "${pids[central]}"
forget central
wait "${pids[central]}" || fail "central ended with $?"
wait "${pids[all]}" || fail "a client's stream was cut: curl ended with $?"
forget all
forget since
tail -n 3 all.log | grep -q '^data: {"reason":"the server ends"}' || fail "a client was not told of the end"
