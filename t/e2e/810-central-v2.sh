#!/usr/bin/env bash
# seconds: 20; san
# SPDX-License-Identifier: Apache-2.0
# The predecessor's REST on tesla-central: requests and their exact answers, good and bad; who may; and
# records of a real teslad, by clientRest's api="v2", which come back as they were measured.
. "$(dirname "$0")/../central.sh"
requires jq curl
export TZ=UTC # the server's own; node 4 is elsewhere

start_central
token=$(node_token 4 --name Teulada --location Girona --zone Europe/Madrid --control tcp://10.0.0.5:5557 \
	--control-key "$(printf 'a%.0s' {1..40})")
other=$(node_token caf --name "Sala d'àudio" --v2-allow 127.0.0.1)
node_token 6 --unknown pending >pending.token
node_token 7 --unknown refuse >refused.token
viewer=$(central token add --role viewer --name page 2>/dev/null | grep -o 'tc_.*')
limited=$(central token add --role viewer --nodes 4 --name limited 2>/dev/null | grep -o 'tc_.*')

json='[application/json]' text='[text/plain; charset=utf-8]'
call() { # curl-options and path; the body, the status and the type on one line
	curl -sS -m 20 -w ' %{http_code} [%{content_type}]' "${@:1:$#-1}" "$url${*: -1}"
}
is() { # what expected curl-options... path
	assert_eq "$1" "$(call "${@:3}")" "$2"
}
save() { # path DATA_HORA LECTURA MODEL curl-options...
	call --data-urlencode "DATA_HORA=$2" --data-urlencode "LECTURA=$3" --data-urlencode "MODEL=$4" \
		"${@:5}" "/ws/v2/history/save/$1"
}
saves() { # what expected path DATA_HORA LECTURA MODEL curl-options...
	assert_eq "$1" "$(save "${@:3}" "${as[@]}")" "$2"
}

# ---- save ----

as=(-u "4:$token")
good='{"TPF": [230.123, 231, 229.5], "PAT": [1.5], "CEA": [58392.626]}'
saves "saved" "\"#Saved:1\" 201 $json" 4/1/ "22/11/2026 10:15:00" "$good" PM710
saves "no slash at the end, and a format" "\"#Saved:2\" 201 $json" "4/1?format=json" "22/11/2026 10:30:00" "$good" PM710
saves "again" "#there is a record of node 4, analyzer 1, at 22/11/2026 10:15:00 409 $text" \
	4/1/ "22/11/2026 10:15:00" "$good" PM710
saves "again, other values" "#there is a record of node 4, analyzer 1, at 22/11/2026 10:15:00 409 $text" \
	4/1/ "22/11/2026 10:15:00" '{"PAT": [2]}' PM710
saves "again, with its instant" "#there is a record of node 4, analyzer 1, at 2026-11-22T09:15:00Z 409 $text" \
	4/1/ "22/11/2026 10:15:00" "$good" PM710 --data-urlencode DATA_UTC=2026-11-22T09:15:00Z
saves "one variable is not the model's" "\"#Saved:3\" 201 $json" \
	4/1/ "22/11/2026 10:45:00" '{"PAT": [1.25], "XYZ": [1], "TPF": [230]}' PM710
grep -q 'warning: history/save, node 4, analyzer 1, model PM710: left out: XYZ is no variable of PM710, TPF has 1 values, expected 3$' \
	central.log || fail "what was left out is not said"
saves "nothing left" "1#LECTURA: nothing in it can be kept: XYZ is no variable of PM710 400 $text" \
	4/1/ "22/11/2026 11:00:00" '{"XYZ": [1]}' PM710
saves "no object" "1#LECTURA: expected an object of at most 500 variables 400 $text" 4/1/ "22/11/2026 11:00:00" '[1]' PM710
assert_match "no JSON" "$(save 4/1/ "22/11/2026 11:00:00" '{"PAT": [nan]}' PM710 "${as[@]}")" '^1#LECTURA: .* 400'
for when in "32/11/2026 10:15:00" "22-11-2026 10:15:00" "22/11/2026" "" "22/11/2026 10:15:00Z"; do
	saves "'$when'" "1#DATA_HORA is \"$when\": expected a time such as 25/10/2026 02:15:00 400 $text" 4/1/ "$when" "$good" PM710
done
saves "its instant is none" "1#DATA_UTC is \"now\": expected a time such as 2026-10-25T01:15:00Z 400 $text" \
	4/1/ "22/11/2026 11:00:00" "$good" PM710 -d DATA_UTC=now
saves "its instant is another's" "1#DATA_UTC, 2026-11-23T10:00:00Z, is not the instant of DATA_HORA 400 $text" \
	4/1/ "22/11/2026 11:00:00" "$good" PM710 -d DATA_UTC=2026-11-23T10:00:00Z
is "no form" "1#expected a form with DATA_HORA, LECTURA and MODEL 400 $text" "${as[@]}" -d x=1 /ws/v2/history/save/4/1/
is "another type" "1#expected a form with DATA_HORA, LECTURA and MODEL 400 $text" "${as[@]}" \
	-H 'Content-Type: application/json' -d '{}' /ws/v2/history/save/4/1/
saves "a model that is not known" "#node 4, analyzer 1, model NONE are not registered together 404 $text" \
	4/1/ "22/11/2026 11:00:00" "$good" NONE
saves "another model" "#node 4, analyzer 1, model PM500: the analyzer is of another model 404 $text" \
	4/1/ "22/11/2026 11:00:00" '{"PAT": [1]}' PM500
saves "no number" "#node 4, analyzer x, model PM710 are not registered together 404 $text" 4/x/ "22/11/2026 11:00:00" "$good" PM710
is "by another method" "#GET is not what this path takes 405 $text" "${as[@]}" /ws/v2/history/save/4/1/
is "less than a path" "#there is no such path 404 $text" "${as[@]}" /ws/v2/history/load/4/1/ALL/25-10-2026
assert_eq "the older mount" "$(call "${as[@]}" --data-urlencode "DATA_HORA=22/11/2026 11:00:00" \
	--data-urlencode 'LECTURA={"PAT": [-0.001]}' -d MODEL=PM710 /central/ws/history/save/4/1/)" "\"#Saved:4\" 201 $json"
assert_eq "multipart" "$(call "${as[@]}" -F "DATA_HORA=22/11/2026 11:15:00" -F 'LECTURA={"PAT": [2.5]}' -F MODEL=PM710 \
	/ws/v2/history/save/4/1/)" "\"#Saved:5\" 201 $json"
saves "another analyzer, a name in lower case" "\"#Saved:6\" 201 $json" 4/2/ "22/11/2026 10:15:00" '{"RVm": [1, 2, 3]}' CVMk

ahead=$(TZ=Europe/Madrid date -d "@$(($(date +%s) + 3 * 86400))" '+%d/%m/%Y %H:%M:%S')
for when in "$ahead" "01/01/2099 00:00:00"; do
	assert_match "$when" "$(save 4/2/ "$when" '{"RVm": [1, 2, 3]}' CVMk "${as[@]}")" \
		'^#node 4, analyzer 2: it ends at 20.*Z, more than a day after now, 20.*: a clock is wrong 404 '
done
assert_eq "how often it is said" "$(grep -c 'warning: node 4, analyzer 2: a record is not taken yet: it ends at' central.log)" 1

as=(-u "6:$(cat pending.token)")
saves "a policy that lets it wait" "#node 6, analyzer 1, model PM710: the analyzer waits until somebody accepts it 404 $text" \
	6/1/ "22/11/2026 10:15:00" "$good" PM710
central analyzer accept 6 1
saves "accepted" "\"#Saved:7\" 201 $json" 6/1/ "22/11/2026 10:15:00" "$good" PM710
as=(-u "7:$(cat refused.token)")
saves "a policy that refuses" "#node 7, analyzer 1, model PM710: the analyzer is refused 404 $text" \
	7/1/ "22/11/2026 10:15:00" "$good" PM710

# ---- who may ----

as=()
assert_match "nobody" "$(save 4/1/ "22/11/2026 12:00:00" "$good" PM710)" '^#who are you.* 401 '
for from in "Origin: null" "Origin: $url" "Sec-Fetch-Site: cross-site" "Sec-Fetch-Site: same-site"; do
	saves "a page in a browser, by its address, $from" "#pages in browsers change nothing by their address: expected a token 403 $text" \
		caf/1/ "22/11/2026 12:00:00" "$good" PM710 -H "$from"
done
saves "by its address" "\"#Saved:8\" 201 $json" caf/1/ "22/11/2026 12:00:00" "$good" PM710 -H "Sec-Fetch-Site: none"
as=(-H "Authorization: Bearer $token")
saves "by a header" "\"#Saved:9\" 201 $json" 4/1/ "22/11/2026 12:00:00" "$good" PM710
as=(-u "4:$other")
assert_match "another's token" "$(save 4/1/ "22/11/2026 12:15:00" "$good" PM710 "${as[@]}")" '^#who are you.* 401 '
as=(-H "Authorization: Bearer $other")
assert_match "another's token" "$(save 4/1/ "22/11/2026 12:15:00" "$good" PM710 "${as[@]}")" '^#token .* may not do that 403 '
as=(-H "Authorization: Bearer $viewer")
assert_match "who may only look" "$(save 4/1/ "22/11/2026 12:15:00" "$good" PM710 "${as[@]}")" '^#token .* may not do that 403 '

# ---- load ----

as=(-H "Authorization: Bearer $viewer")
lectures() { # a jq filter over what history/load gives
	call "${as[@]}" "/ws/v2/history/load/$1" | sed 's/ 200 \[application.json\]$//' | jq -c ".ResultSet.Lectures | $2"
}
is "exactly" '{"ResultSet":{"Lectures":[{"dataHora":"2026-11-22T10:15:00","descripcio":"Active power, total","unitats":"kW","valor":1.5,"variable":"PAT"},'\
'{"dataHora":"2026-11-22T10:30:00","descripcio":"Active power, total","unitats":"kW","valor":1.5,"variable":"PAT"},'\
'{"dataHora":"2026-11-22T10:45:00","descripcio":"Active power, total","unitats":"kW","valor":1.25,"variable":"PAT"},'\
'{"dataHora":"2026-11-22T11:00:00","descripcio":"Active power, total","unitats":"kW","valor":0,"variable":"PAT"},'\
'{"dataHora":"2026-11-22T11:15:00","descripcio":"Active power, total","unitats":"kW","valor":2.5,"variable":"PAT"},'\
'{"dataHora":"2026-11-22T12:00:00","descripcio":"Active power, total","unitats":"kW","valor":1.5,"variable":"PAT"}]}}'" 200 $json" \
	"${as[@]}" /ws/v2/history/load/4/1/PAT/22-11-2026/22-11-2026/
assert_eq "all" "$(lectures 4/1/ALL/22-11-2026/22-11-2026/ '[.[] | select(.dataHora == "2026-11-22T10:15:00") | [.variable, .unitats, .valor]]')" \
	'[["TPF","V",[230.12,231,229.5]],["PAT","kW",1.5],["CEA","kWh",58392.63]]'
assert_eq "in order" "$(lectures 4/1/ALL/22-11-2026/22-11-2026/ '[.[].dataHora] | . == sort')" true
assert_eq "lower case" "$(lectures 4/2/RVm/22-11-2026/22-11-2026/ '[.[].valor]')" '[[1,2,3]]'
empty='{"ResultSet":{"Lectures":[]}} 200 '$json
is "a variable that is not known" "$empty" "${as[@]}" /ws/v2/history/load/4/1/pat/22-11-2026/22-11-2026/
is "another day, the older mount, a format" "$empty" "${as[@]}" '/central/ws/history/load/4/1/ALL/23-11-2026/24-11-2026?format=json'
is "the day before" "$empty" "${as[@]}" /ws/v2/history/load/4/1/ALL/21-11-2026/21-11-2026/
assert_eq "one-digit days" "$(lectures 4/1/PAT/1-11-2026/30-11-2026/ length)" 6
days='#expected two days, such as 01-05-2012, the earlier one first 400 '$text
for path in 23-11-2026/22-11-2026 31-11-2026/01-12-2026 x/22-11-2026 2026-11-22/2026-11-22; do
	is "$path" "$days" "${as[@]}" "/ws/v2/history/load/4/1/ALL/$path/"
done
is "no such node" "#there is no node 9 with an analyzer 1 400 $text" "${as[@]}" /ws/v2/history/load/9/1/ALL/22-11-2026/22-11-2026/
is "no such analyzer" "#node 4 has no analyzer 9 400 $text" "${as[@]}" /ws/v2/history/load/4/9/ALL/22-11-2026/22-11-2026/
assert_match "nobody" "$(call /ws/v2/history/load/4/1/ALL/22-11-2026/22-11-2026/)" '^#who are you.* 401 '
assert_match "limited" "$(call -H "Authorization: Bearer $limited" /ws/v2/history/load/caf/1/ALL/22-11-2026/22-11-2026/)" 'may not do that 403 '
assert_eq "by its address" "$(call /ws/v2/history/load/caf/1/PAT/22-11-2026/22-11-2026/ | grep -o '"dataHora":"[^"]*"')" \
	'"dataHora":"2026-11-22T12:00:00"'

# ---- lists ----

nodes='{"id":4,"nom":"Teulada","host":"10.0.0.5","ubicacio":"Girona"}'
sound='{"id":"caf","nom":"Sala d'"'"'àudio","host":"","ubicacio":""}'
rest='{"id":7,"nom":"","host":"","ubicacio":""},{"id":6,"nom":"","host":"","ubicacio":""}'
for mount in "" /ws/v2 /central/ws; do
	is "$mount/nodes" "{\"ResultSet\":{\"Nodes\":[$nodes,$sound,$rest]}} 200 $json" "${as[@]}" $mount/nodes/
	is "$mount/node/sQuery" "{\"ResultSet\":{\"Nodes\":[$sound]}} 200 $json" "${as[@]}" "$mount/node/sQuery=d'%C3%A0u"
	is "$mount/node/sQuery, its case" "{\"ResultSet\":{\"Nodes\":[]}} 200 $json" "${as[@]}" $mount/node/sQuery=teu?format=json
	is "$mount/node/4/analizers" '{"ResultSet":{"Analitzadors":[{"id":1,"fabricant":"Schneider Electric","model":"PM710","addr":1},'\
'{"id":2,"fabricant":"Circutor","model":"CVMk","addr":2}]}}'" 200 $json" "${as[@]}" $mount/node/4/analizers
	assert_match "$mount/parametres" "$(call "${as[@]}" $mount/parametres/1/)" \
		'^\{"ALL":"Totes les variables","TPF":"Phase to neutral voltage",.*\} 200 \[application/json\]$'
	is "$mount/costs" "#analyzer 1 has no tariff in that time 404 $text" "${as[@]}" $mount/costs/1/01-11-2026/30-11-2026/
done
is "an empty body" " 400 []" "${as[@]}" /node/9/analizers
is "no such path" "#there is no such path 404 $text" "${as[@]}" /node/4
is "no such row" "#there is no analyzer 99 404 $text" "${as[@]}" /parametres/99/
is "no such row" "#there is no analyzer x 404 $text" "${as[@]}" /parametres/x
is "no such day" "$days" "${as[@]}" /costs/1/31-11-2026/30-11-2026
is "limited" "{\"ResultSet\":{\"Nodes\":[$nodes]}} 200 $json" -H "Authorization: Bearer $limited" /nodes
is "by its address" "{\"ResultSet\":{\"Nodes\":[$sound]}} 200 $json" /nodes
is "a node, of itself" "{\"ResultSet\":{\"Nodes\":[$nodes]}} 200 $json" -u "4:$token" /nodes
assert_match "another node's" "$(call /parametres/1)" '^#who are you.* 401 '
row=$(call /node/caf/analizers | grep -o '"id":[0-9]*' | cut -d: -f2)
assert_match "its own, by address" "$(call "/parametres/$row")" '"TPF":.* 200 '
assert_match "wrong credentials, from an address that needs none" "$(call -u caf:x /nodes)" ' 401 '

# ---- what central makes of it: no minimum is invented, and windows are as long as they are apart ----

stop central
central export | jq -c 'select(.node == "4" and .record.analyzer == 1) | .record' | jq -cs 'sort_by(.end_ms)[]' >records
assert_eq "times" "$(jq -c '[(.end_ms / 60000) % 1440, .end_ms - .start_ms]' records | paste -sd' ')" \
	'[555,1] [570,900000] [585,900000] [600,900000] [615,900000] [660,900000]'
assert_eq "W" "$(jq -c '[.variables.PAT | .unit, .factor, .value, .min, .max, .quality]' records | sed -n 3p)" \
	'["W",0.001,[1250],[null],[null],[0]]'
assert_eq "Wh" "$(jq -c '.variables.CEA | [.unit, .kind, .value, .increase]' records | head -n 1)" '["Wh","counter",[58392626],[null]]'
central -d again import -n 4 - <<<"$(central export)" 2>said || fail "its own export is refused: $(cat said)"

# ---- from a real node ----

start_central
start_sim sim --tcp 0 --meter '*=PM710'
mkdir data
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
for id in 11 12; do
	analyzer $id 1 PM710 address=$id poll_interval=0.2 record_interval=1s export=localFile:data \
		export="<export type=\"clientRest\" target=\"$url/ws/v2\" user=\"4\" password=\"$token\"/>" -- TPF PAT CEA
done
write_config
TZ=Europe/Madrid start_teslad
delivered() {
	ctl journal | jq -e '[.exporters[] | select(.type == "clientRest")] | length > 0 and all(.delivered >= 14)' >/dev/null
}
wait_for 30 delivered
# A window that ends right after the start may have nothing good in it.
ctl journal rejects >rejects.jsonl
jq -c 'select(.reason != "no good value")' rejects.jsonl >refused.jsonl
test ! -s refused.jsonl || fail "some were refused: $(cat refused.jsonl)"
stop teslad
TZ=Europe/Madrid start_teslad # what was left of the backlog
wait_for 20 drained
stop teslad
for id in 11 12; do
	from=$(TZ=Europe/Madrid date -d yesterday +%d-%m-%Y) to=$(TZ=Europe/Madrid date -d tomorrow +%d-%m-%Y)
	lectures "4/$id/ALL/$from/$to" '.[] | [.dataHora, .variable, .valor]' | sort >got
	# A day file has a variable a column, blank where one is not good; its values have two decimals.
	py - "data/$id" >want <<'END'
import glob, json, sys
names, rows = [], []
for file in sorted(glob.glob(sys.argv[1] + "/2*.txt")):
    day = file.split("/")[-1]
    for line in open(file):
        cells = line.rstrip("\n").split("\t")
        if cells[0] == "HORA":
            names = [c for c in cells[1:] if c]
            continue
        when = f"{day[:4]}-{day[4:6]}-{day[6:8]}T{cells[0]}"
        values = {}
        for name, cell in zip(names, cells[1:]):
            values.setdefault(name.rstrip("0123456789"), []).append(cell.strip())
        for name, list in values.items():
            if all(list):
                numbers = [float(v) for v in list]
                numbers = [int(v) if v == int(v) else v for v in numbers]
                print(json.dumps([when, name, numbers if len(numbers) > 1 else numbers[0]], separators=(",", ":")))
END
	sort -o want want
	test "$(wc -l <got)" -ge 12 || fail "analyzer $id: only $(wc -l <got) values came"
	cmp got want || fail "analyzer $id: central has other values than the day files: $(diff got want | head -n 5)"
done
