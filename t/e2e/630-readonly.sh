#!/usr/bin/env bash
# seconds: 12
# SPDX-License-Identifier: Apache-2.0
# Who may do what on ipc: modes and groups of the two sockets; what the read-only one has and what it
# refuses, asked by a peer of others' making; who did it is in the log; and the commands that tell of meters.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

start_sim sim --tcp 0 --meter 1-2=PM710 --fix TPF=230 --fault silent:address=2
device 1 tcp host=127.0.0.1 port="$(sim_port sim)" timeout=0.1
analyzer 1 1 PM710 'export=<export type="clientRest" target="http://127.0.0.1:9/ws/v2" token="abc123"/>' -- TPF FRE CEA
analyzer 2 1 PM710 -- PAT
write_config
sed -i 's|<devices>|<!-- <export password="hidden"/> --><devices>|' config.xml
# A group that the user of this test has, another than its own if there is one.
group=$(id -G | tr ' ' '\n' | tail -1)
write_ini Control.group="$group"
start_teslad

ro=ipc://$tmp/run/control-ro
ask() {	# endpoint, request
	py "$top/t/e2e/control_peer.py" ask "$1" "$2"
}
told() {	# request, jq expression, expected: both doors say it
	assert_eq "$1 $2" "$(ask "$control" "$1" | jq -cr "$2")" "$3"
	assert_eq "$1 $2, read-only" "$(ask "$ro" "$1" | jq -cr "$2")" "$3"
}
refused() {	# request
	local answer
	answer=$(ask "$ro" "$1")
	assert_match "$1, read-only" "$answer" 'is refused: this access is read-only'
	assert_eq "$1, read-only" "$(jq .ok <<<"$answer")" false
}

assert_eq "mode and group of control" "$(stat -c '%a %g' run/control)" "660 $group"
assert_eq "mode and group of control-ro" "$(stat -c '%a %g' run/control-ro)" "666 $group"

# The folder that we make ourselves is closed, whatever the umask is.
stop teslad
rm -rf run
(umask 0; mkdir run; chmod 755 run)
sed -i "s|^run_dir=.*|run_dir=$tmp/run/own|; s|^endpoint=ipc://.*control|endpoint=ipc://$tmp/run/own/control|" lector.ini
control=ipc://$tmp/run/own/control ro=ipc://$tmp/run/own/control-ro
export TESLA_CONTROL=$control
start_teslad
assert_eq "mode and group of the folder" "$(stat -c '%a %g' run/own)" "750 $group"
wait_for 10 analyzer_is 1 state online

told '{"cmd": "status"}' '.node.id' 4
told '{"cmd": "snapshot"}' '.ok' true
told '{"cmd": "plan"}' '.lines[0].id' 1
told '{"cmd": "plugins"}' '.ok' true
told '{"cmd": "journal", "op": "list"}' '.ok' true
told '{"cmd": "journal", "op": "rejects"}' '.rejects' '[]'
told '{"cmd": "log-level"}' '.level' debug
told '{"cmd": "log-level", "level": null}' '.level' debug
told '{"cmd": "definitions", "analyzer": 77}' '.error' 'there is no analyzer 77'
# An id or nothing, in every command that takes one; the error says what came.
for value in '"1"' 1.5 true '[1]' 18446744073709551615 0 -1 999; do
	case $value in
	0 | -1 | 999) error="there is no analyzer $value" ;;
	\[*) error="analyzer is no number: expected the id of one, a whole number" ;;
	*) error="analyzer is $value: expected the id of one, a whole number" ;;
	esac
	requests=()
	for cmd in snapshot definitions device-status start pause resume read-now identify set-variables; do
		requests+=("{\"cmd\": \"$cmd\", \"analyzer\": $value}")
	done
	assert_eq "errors of $value" "$(py "$top/t/e2e/control_peer.py" ask "$control" "${requests[@]}" | jq -r .error | sort | uniq -c | xargs -0)" \
		"$(printf '%7d %s\n' 9 "$error" | xargs -0)"
	assert_eq "errors of $value, read-only" "$(ask "$ro" "${requests[0]}" | jq -r .error)" "$error"
done
for cmd in read-now identify set-variables; do
	assert_eq "$cmd of none" "$(ask "$control" "{\"cmd\": \"$cmd\"}" | jq -r .error)" "expected \`analyzer\`, the id of an analyzer"
done
came() {
	ask "$ro" '{"cmd": "snapshot"}' | jq -e '[.readings[].variable] | sort == ["CEA", "FRE", "PAT", "TPF"]' >/dev/null
}
wait_for 10 came
told '{"cmd": "snapshot", "analyzer": null}' '.readings | length' 4
told '{"cmd": "snapshot", "analyzer": 1}' '[.readings[] | [.analyzer, .variable]]' '[[1,"TPF"],[1,"FRE"],[1,"CEA"]]'
told '{"cmd": "snapshot", "analyzer": 2}' '[.readings[] | [.analyzer, .variable]]' '[[2,"PAT"]]'
for request in '{"cmd": "shutdown"}' '{"cmd": "check"}' '{"cmd": "journal", "op": "drain", "id": "x"}' \
	'{"cmd": "journal", "op": "purge", "id": "x"}' '{"cmd": "log-level", "level": "info"}'; do
	refused "$request"
done
alive "${pids[teslad]}" || fail "shutdown through the read-only socket"
# Refused once or many times, it is one line each, with the user and the process.
for _ in 1 2 3; do
	refused '{"cmd": "shutdown"}'
done
me=$(id -u)
assert_eq "lines about refused shutdowns" \
	"$(grep -Ec "control: refused: user $me \(process [0-9]+\): shutdown, which read-only" teslad.log)" 1

# What was changed, and by whom.
assert_eq "log-level" "$(ask "$control" '{"cmd": "log-level", "level": "warning"}' | jq -r .level)" warning
told '{"cmd": "log-level"}' '.level' warning
assert_match "log-level" "$(ask "$control" '{"cmd": "log-level", "level": "loud"}')" 'expected debug, info, warning'
assert_eq "log-level" "$(ask "$control" '{"cmd": "log-level", "level": "info"}' | jq -r .level)" info
grep -Eq "control: log-level by user $me \(process [0-9]+\)" teslad.log || fail "the log does not say who"

# What meters offer.
told '{"cmd": "definitions"}' '[.definitions[].analyzer]' '[1,2]'
one='{"cmd": "definitions", "analyzer": 1}'
told "$one" '.definitions[0] | [.model, .manufacturer, .proven]' '["PM710","Schneider Electric",true]'
variable() {	# name, jq expression, expected
	told "$one" ".definitions[0].variables[] | select(.name == \"$1\") | $2" "$3"
}
variable TPF '[.unit, .kind, .labels, .wanted, .interval_ms]' '["V","gauge",["L1","L2","L3"],true,1000]'
variable TPF '[.registers[] | [.function, .address, .count, .type]]' \
	'[[3,4032,1,"uint16"],[3,4033,1,"uint16"],[3,4034,1,"uint16"]]'
variable CEA '[.kind, .compost, .registers[0].count]' '["counter",true,2]'
variable PAT '[.wanted, .interval_ms]' '[false,null]'
# Its resolution is known once its scale registers are.
scales_known() {
	ask "$control" "$one" | jq -e '.definitions[0].variables[] | select(.name == "TPF")
		| .resolution != null and .registers[0].exponent != null' >/dev/null
}
wait_for 10 scales_known

# How they are.
offline() {
	ask "$ro" '{"cmd": "device-status", "analyzer": 2}' | jq -e '.devices[0].error != null' >/dev/null
}
wait_for 20 offline
told '{"cmd": "device-status"}' '[.devices[] | [.analyzer, .run, .comm]]' '[[1,"started",true],[2,"started",false]]'
told '{"cmd": "device-status", "analyzer": 1}' '.devices[0] | [.state, .error, .t_ms > 0]' '["online",null,true]'
told '{"cmd": "device-status", "analyzer": 2}' '.devices[0] | [.t_ms, (.error | length > 0)]' '[null,true]'

# What is in force: as it was read, but for what is secret.
told '{"cmd": "config"}' '[.generation, .devices[0].params.host, .analyzers[1].variables[0].name]' \
	'[1,"127.0.0.1","PAT"]'
sed 's/abc123/***/; s/<!--.*-->/<!--***-->/' config.xml >expected.xml
ask "$ro" '{"cmd": "config"}' | jq -j .text >got.xml
diff expected.xml got.xml || fail "config tells another text"
cp config.xml kept.xml
echo '<broken' >config.xml
told '{"cmd": "config"}' '.text | contains("<configuration>")' true
cp kept.xml config.xml

# A group that there is not, or that we are not in.
stop teslad
sed -i "s|^group=.*|group=no-such-group|" lector.ini
assert_status 1 teslad -c config.xml -i lector.ini 2>group.log
grep -q 'group is "no-such-group": there is no such group' group.log || fail "does not say which group"
