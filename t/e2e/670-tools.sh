#!/usr/bin/env bash
# seconds: 8; san
# SPDX-License-Identifier: Apache-2.0
# teslactl's commands against a daemon with fixed answers: what each asks, what it prints, for people
# and as JSON, and what goes wrong.
. "$(dirname "$0")/../lib.sh"
requires python:zmq python:msgpack jq

said() {	# expected status, ARGUMENT...
	assert_status "$1" teslactl "${@:2}" >said.log 2>said.err
}
has() {
	grep -Eq -- "$1" said.log || fail "no '$1' in: $(cat said.log said.err)"
}
complains() {
	grep -Eq -- "$1" said.err || fail "no '$1' in: $(cat said.err)"
}
asked() {	# the last request, as JSON
	assert_eq "$1" "$(tail -n 1 daemon.log | jq -cS .)" "$(jq -cnS "$1")"
}

fake_daemon

# A row a command: what is asked, and a line of what is printed.
while IFS='|' read -r line request text; do
	# shellcheck disable=SC2086  # a command and its words
	said 0 $line
	asked "$request"
	has "$text"
	# shellcheck disable=SC2086
	teslactl --json $line | jq -se 'length == 1 and .[0].ok' >/dev/null ||
		fail "--json $line is not one object with ok"
done <<'ROWS'
status|{cmd:"status"}|^node 4
snapshot|{cmd:"snapshot"}|^ +300 +P .*12\.5 \(stale\)
definitions|{cmd:"definitions"}|^analyzer 300: PM500, Schneider Electric, not proven
definitions 1|{cmd:"definitions",analyzer:1}|^V +yes +1 s +V +gauge +0\.1,0\.1,0\.1 +L1,L2,L3 +what V is
device-status|{cmd:"device-status"}|^ +300 +paused +no +offline +no +- +- +3 time-outs
device-status 1|{cmd:"device-status",analyzer:1}|^ +1 +started +yes +online +yes .* PM710 v3 +-
config|{cmd:"config"}|^<config>\?\[2J</config>
metrics|{cmd:"metrics"}|^tesla_sweeps_total 7
metrics openmetrics|{cmd:"metrics",format:"openmetrics"}|^# TYPE
log-level|{cmd:"log-level"}|^log level info$
log-level debug|{cmd:"log-level",level:"debug"}|^log level debug$
identify 1|{cmd:"identify",analyzer:1}|^analyzer 1: PM710 v3, verified: other; it was PM710 v2
identify 1 --accept|{cmd:"identify",analyzer:1,accept:true}|PM710
read-now 1|{cmd:"read-now",analyzer:1}|^ +1 +V .*L1 230\.1  L2 unavailable
start|{cmd:"start"}|^started: 1, 300$
pause 1|{cmd:"pause",analyzer:1}|^paused: 1$
resume|{cmd:"resume"}|^resumed: none$
set-variables 1 V TPF|{cmd:"set-variables",analyzer:1,variables:["V","TPF"]}|^analyzer 1 reads V TPF; configuration 5$
reload|{cmd:"reload"}|^changed: analyzer 1, line 2$
reload --plugins|{cmd:"reload",plugins:true}|^configuration 4 is in force$
ROWS
said 0 reload
has '^added: analyzer 3$'
has '^warning: config\.xml:12:9: '
# The snapshot of some is picked out here.
said 0 snapshot 300 P
assert_eq 'snapshot 300 P' "$(grep -c . said.log)" 2
assert_eq 'snapshot --json' "$(teslactl --json snapshot 300 | jq -c '[.readings[].variable]')" \
	'["P","E"]'
said 1 snapshot 300 V
complains 'no such reading'
# The configuration is fit for a file, but for what a terminal would obey.
said 0 config
assert_eq 'config, first line' "$(head -n 1 said.log)" "<?xml version='1.0'?>"

# What is wrong is an object too, the last one, and says the exit code.
object() {	# expected status, text of the error, ARGUMENT...
	assert_status "$1" teslactl "${@:3}" >said.log 2>said.err
	tail -n 1 said.log | jq -e --argjson exit "$1" --arg text "$2" \
		'.ok == false and .exit == $exit and (.error | test($text))' >/dev/null ||
		fail "${*:3}: $(cat said.log)"
	complains teslactl:
}
object 2 'expected a positive' --json read-now x
object 2 'no command' nonsense --json
object 2 'wrong usage: --nonsense' -j --nonsense status
object 2 'needs a terminal' --json top
object 4 'no value came' --json watch 300 --seconds 0.3
object 2 'no such word' --json journal nonsense
object 3 'no answer' --json --timeout 0.2 -s tcp://127.0.0.1:1 status
said 2 top
complains 'needs a terminal'

fake_daemon refuses
said 1 reload
assert_eq 'errors of a reload' "$(grep -c '^config.xml:[0-9]*:5: error: ' said.err)" 10
complains '^teslactl: nothing was changed'
assert_eq 'nothing on standard output' "$(cat said.log)" ''
object 1 'config.xml:12:5: error: model .PM12. is not known; expected one of those below$' \
	--json reload

fake_daemon old
said 0 status
said 1 definitions
complains 'teslad does not know the command "definitions": it is older'
object 1 'does not know the command .reload' --json reload
stop daemon
