#!/usr/bin/env bash
# seconds: 9; san
# SPDX-License-Identifier: Apache-2.0
# teslactl: every command, for people and as JSON, and the exit codes that scripts rely on.
. "$(dirname "$0")/../lib.sh"
requires jq

start_sim sim --tcp 0 --meter 1-2=PM710 --fix TPF=230 --fix 2:PAT=nan
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 -- TPF FRE CEA
analyzer 2 1 PM710 poll_interval=0.5s -- PAT PAP
write_config

assert_status 2 teslactl 2>usage.log
assert_status 2 teslactl no-such-command 2>usage.log
assert_status 2 teslactl --no-such-option status 2>usage.log
assert_status 2 teslactl status too many 2>usage.log
assert_status 0 teslactl --help >help.log
for command in status watch snapshot plan plugins check shutdown; do
	grep -q "^ *$command" help.log || fail "--help does not name $command"
done
# Nobody is there, and it says where it looked.
assert_status 3 teslactl --timeout 0.3 status 2>nobody.log
grep -q "$tmp/run/control" nobody.log || fail "does not say which endpoint"

start_teslad
wait_for 10 analyzer_is 1 state online
wait_for 10 analyzer_is 2 state online
answer() {	# command, jq expression, expected
	assert_eq "$1: $2" "$(ctl "$1" | jq -r "$2")" "$3"
}
answer status '[.analyzers[].id] | @csv' 1,2
answer status '.lines[0].state' open
answer status '[.hosts[] | .kind + " " + .state] | sort | join(", ")' \
	'driver running, exporter running'
answer status .pid "${pids[teslad]}"
answer snapshot '.readings[] | select(.variable == "TPF") | .v | @csv' 230,230,230
answer snapshot '.readings[] | select(.variable == "TPF") | .labels | join(" ")' 'L1 L2 L3'
answer snapshot '.readings[] | select(.variable == "PAT") | "\(.v) \(.q)"' '[null] [1]'
answer plan '.lines[0].analyzers[1].transactions | tojson' '[[3,4005,2,2]]'
answer plugins '[.plugins[].name] | sort | join(" ")' 'modBusComm pmData zmqPublish'
answer plugins '[.plugins[].error] | unique | @csv' ''
for command in status snapshot plan plugins check; do
	teslactl "$command" >people.log || fail "$command: $?"
	test -s people.log || fail "$command says nothing"
	assert_eq "$command --json: objects" "$(ctl "$command" | jq -s length)" 1
	assert_eq "$command: ok" "$(ctl "$command" | jq .ok)" true
done

# watch: a line an object; one analyzer; ended by a signal, by --seconds, and with 4 when nothing
# came.
assert_status 0 teslactl --json --seconds 1.2 watch >watch.jsonl
assert_eq "watch: analyzers" "$(jq .analyzer watch.jsonl | sort -u | xargs)" "1 2"
assert_status 0 teslactl --json --seconds 1.2 watch 2 >watch.jsonl
assert_eq "watch 2: analyzers" "$(jq .analyzer watch.jsonl | sort -u | xargs)" 2
assert_eq "watch 2: PAT" "$(jq -c 'select(.variable == "PAT") | [.v, .q]' watch.jsonl | sort -u)" \
	'[[null],[1]]'
assert_status 4 teslactl --json --seconds 0.7 watch 2 PAT >watch.jsonl 2>nothing.log
assert_status 1 teslactl --json watch 77 2>unknown.log
grep -q 77 unknown.log || fail "does not say that there is no analyzer 77"
start watch teslactl --json watch
wait_for 5 lines_at_least 3 watch.log
stop watch INT
assert_eq "watch ended by SIGINT" "$status" 0

# check looks at what is on disk now.
assert_status 0 teslactl check >check.log
grep -q '^ok' check.log || fail "check does not say ok"
cp config.xml good.xml
sed -i 's/>FRE</>FREQ</' config.xml
assert_status 1 teslactl check >check.log
grep -Eq 'config\.xml:[0-9]+:[0-9]+: .*FREQ' check.log || fail "check does not say where"
assert_eq "check --json" "$(ctl check | jq .exit || true)" 1
cp good.xml config.xml

teslactl -s "$control" shutdown >shutdown.log
wait_for 5 gone "${pids[teslad]}"
stop teslad
assert_eq "teslad after shutdown" "$status" 0
assert_status 3 teslactl --timeout 0.3 status 2>nobody.log
