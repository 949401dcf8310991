#!/usr/bin/env bash
# seconds: 15; san
# SPDX-License-Identifier: Apache-2.0
# lector/get: tesla-central asks a node's teslad, by ipc and by CURVE over TCP, and answers in the
# predecessor's words; a node that is not there, or has another key, costs a bounded time.
. "$(dirname "$0")/../central.sh"
requires jq curl

mkdir keys
for name in server central stranger; do
	teslactl keygen "keys/$name" >keygen.log
done
public() {
	sed -n 's/^public //p' "keys/$1.key"
}
echo "$(public central) central read-only" >keys/clients
start_sim sim --tcp 0 --meter 1=PM710
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
mkdir data
analyzer 1 1 PM710 poll_interval=0.5 export=localFile:data -- TPF PAT CEA
analyzer 2 1 PM710 address=200 poll_interval=0.5 -- PAT
write_config
port=$(free_port)
write_ini "Control.tcp=tcp://127.0.0.1:$port" "Control.key=$tmp/keys/server.key" "Control.clients=$tmp/keys/clients"
start_teslad
wait_for 15 analyzer_is 1 state online
wait_for 15 analyzer_is 2 state offline

central_ini "Control.key=$tmp/keys/central.key"
start_central
viewer=$(central token add --role viewer --name page 2>/dev/null | grep -o 'tc_.*')
central node add 4 --control "$control" --zone Europe/Madrid
central node add 5 --control "tcp://127.0.0.1:$port" --control-key "$(public server)" --zone Europe/Madrid
central node add 6
central node add 7 --control "tcp://127.0.0.1:$port" --control-key "$(public stranger)"
central node add 8 --control "ipc://$tmp/nobody"
central node add 10 --control "tcp://127.0.0.1:$port" --control-key "$(public stranger)"
get() {
	curl -sS -m 30 -w ' %{http_code}' -H "Authorization: Bearer $viewer" "$url/ws/v2/lector/get/$1"
}
is() { # what got jq-filter
	jq -e "$3" >/dev/null <<<"${2% 200}" || fail "$1: $2"
}
for node in 4 5; do
	vars=$(get Vars/$node/1/)
	assert_match "Vars" "$vars" '^\{"lastRead":"[0-3][0-9]/[01][0-9]/20[0-9]{2} [0-2][0-9]:[0-5][0-9]:[0-5][0-9]","values":\{"[^}]*\}\} 200$'
	is "Vars" "$vars" '.values | keys == ["CEA", "PAT", "TPF"] and (.TPF | length == 3) and (.PAT | length == 1)'
	read=$(TZ=Europe/Madrid date -d "$(jq -r '.lastRead | .[6:10] + "-" + .[3:5] + "-" + .[0:2] + " " + .[11:]' <<<"${vars% 200}")" +%s)
	test $((EPOCHSECONDS - read)) -le 60 || fail "lastRead is not now: $vars"
	is "Defs" "$(get Defs/$node/1)" '.PAT == {"registre": 4006, "numRegs": 1, "descripcio": "Active power, total",
		"regEscala": 4107, "valEscala": .PAT.valEscala, "valMax": 32767, "compost": false} and
		.CEA.registre == 4000 and .CEA.numRegs == 2 and .CEA.compost and .TPF.numRegs == 3'
	assert_match "the order of Defs" "$(get Defs/$node/1)" \
		'"PAT":\{"registre":[0-9]+,"numRegs":[0-9]+,"descripcio":"[^"]*","regEscala":[0-9]+,"valEscala":[0-9.]+,"valMax":[0-9]+,"compost":false\}'
	assert_eq "Status" "$(get Status/$node/1/)" "[1,255] 200"
	assert_eq "Status of one that does not answer" "$(get "Status/$node/2/?format=json")" "[1,240] 200"
	assert_match "Id" "$(get Id/$node/1)" '^"[^"]*" 200$'
	is "Conf" "$(get Conf/$node/1/)" '(.devices | length == 1 and .[0].type == "tcp" and .[0].host == "127.0.0.1") and
		(.equips | length == 2) and .equips[0].peticions == ["TPF", "PAT", "CEA"] and
		.equips[0].params.tempsgravacio == 15 and .equips[0].params.tempslectura == 0.5 and
		(.equips[0].dataexports | length == 1 and .[0].type == "localFile")'
	assert_match "an analyzer that there is not" "$(get Vars/$node/9/)" '^#node . analyzer 9: .* 400$|^#node ., analyzer 9: .* 400$'
	assert_match "Conf of one that there is not" "$(get Conf/$node/9/)" 'no such analyzer 400$'
done
ctl pause 1 >/dev/null
assert_eq "Status, paused" "$(get Status/4/1/ | cut -c1-2)" "[2"

assert_eq "no such node" "$(get Vars/9/1/)" "Node no existent 404"
assert_eq "no such word" "$(get vars/4/1/)" "#vars: expected Vars, Defs, Status, Conf or Id 400"
assert_eq "no number" "$(get Vars/4/x/)" "#node 4 has no analyzer x 400"
assert_eq "nobody knows where" "$(get Vars/6/1/)" "#node 6: where its teslad is asked is not known 400"

# Many ask what does not answer: each waits its time, and others are served meanwhile.
begin=$EPOCHSECONDS
for i in 1 2 3; do
	get "Vars/$((7 + i % 2))/1/" >"late.$i" &
	late[i]=$!
done
answers "others meanwhile" 200 ok ask "" GET /healthz
test $((EPOCHSECONDS - begin)) -le $((4 * slower)) || fail "others wait for a node that does not answer"
wait "${late[@]}"
for i in 1 2 3; do
	assert_match "a node that does not answer" "$(cat "late.$i")" '^#node [78], analyzer 1: .* 400$'
done
test $((EPOCHSECONDS - begin)) -le $((7 * slower)) || fail "it took too long"
assert_eq "it is not waited for again" "$(get Vars/7/1/)" "#node 7, analyzer 1: its teslad did not answer a moment ago 400"
assert_match "others are asked" "$(get Status/4/1/)" ' 200$'

# The server ends while somebody waits.
get Vars/10/1/ >late.4 2>&1 &
last=$!
retry 1 false || true
stop central
assert_eq "its end" "$status" 0
wait $last || true

# A key that others may read is no secret: it does not begin.
chmod 644 keys/central.key
assert_status 1 central serve -i central.ini 2>said
assert_match "key" "$(cat said)" 'central.key: .*others'
stop teslad
