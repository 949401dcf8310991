#!/usr/bin/env bash
# seconds: 6; san
# SPDX-License-Identifier: Apache-2.0
# teslad -t: "ok" with the plan, or every error with its place, and no line is opened.
. "$(dirname "$0")/../lib.sh"
requires jq

check() {	# expected status, file; what was said is in said.log
	assert_status "$1" teslad -c "$2" -i lector.ini -t >said.log 2>&1
	cat said.log
}
says() {
	grep -Eq -- "$1" said.log || fail "no '$1' in what teslad -t said"
}

# The port is not there: -t does not look.
device 1 serial port="$tmp/no-such-port" baud=19200
device 2 tcp host=192.0.2.1
analyzer 1 1 PM710 -- TPF IPF FRE PAF PAT PRT FPT THDV CEA CER
analyzer 2 2 PM710 -- TPF
write_config
check 0 config.xml
says '^ok'
says 'no-such-port'
says '192\.0\.2\.1:502'
says '[0-9]+(\.[0-9]+)? *%'

# Every error of a file is said, with file, line, column, what came and what was expected.
bad() {	# name, sed command, expected messages...
	local name=$1 edit=$2 message
	shift 2
	sed "$edit" config.xml >"$name.xml"
	! cmp -s config.xml "$name.xml" || fail "$name: the edit changes nothing"
	check 1 "$name.xml"
	for message; do
		says "^(error: )?$name\.xml:[0-9]+:[0-9]+: .*$message"
	done
	! grep -q '^ok' said.log || fail "$name: says ok"
}
bad device 's/device="2"/device="9"/' '9'
bad model 's/PM710/PM999/g' 'PM999'
bad variable 's/>FRE</>FREQ</' 'FREQ'
bad baud 's/19200/fast/' 'fast'
bad driver '0,/modBusComm/s//modBusCom/' 'modBusCom'
bad interval 's/poll_interval>1</poll_interval>-1</' '-1'
bad two 's/>FRE</>FREQ</; s/device="2"/device="9"/' 'FREQ' '9'
bad twice 's/analyzer id="2"/analyzer id="1"/' '1'
bad element 's/<nodes*/<knot/' 'knot'

# What the plugin of an exporter says of its parameters, where the exporter stands; nothing is
# opened, and at a start it is a warning: the rest runs.
exporter() {	# attributes, expected message
	sed "s,<variables><variable>TPF</variable></variables>,<exports>\n<export $1/></exports>&," config.xml >exporter.xml
	grep -q '^<export' exporter.xml || fail "the edit changes nothing"
	if test -z "${2:-}"; then
		check 0 exporter.xml
		! grep -q '^exporter\.xml.*export' said.log || fail "a complaint"
		return
	fi
	check 1 exporter.xml
	says "^exporter\.xml:$(grep -n '^<export ' exporter.xml | cut -d: -f1):1: error: exporter .*$2"
	! grep -q '^ok' said.log || fail "$1: says ok"
}
mkdir there
exporter 'type="localFile" target="there"'
for _ in {1..15}; do	# its host may be gone before it is told to go
	check 0 exporter.xml >/dev/null
done
test -z "$(ls there)" || fail "the dry run of an exporter made a file"
exporter 'type="localFile" target="not-there"' "localFile: target $tmp/not-there: .*make the folder, or correct target"
exporter 'type="localFile" target="lector.ini"' 'lector.ini: Not a directory: make the folder'
exporter 'type="clientRest" target="http://192.0.2.1/ws/v2"'
exporter 'type="clientRest" target="http://192.0.2.1/ws/v2?x=1"' 'clientRest: target .*there is a . or # in it'
exporter 'type="clientRest" target="http://192.0.2.1/ws/v2" proxy="gopher://x"' 'clientRest: .*proxy'
exporter 'type="localFile" target="not-there"' 'make the folder'
start_teslad -c exporter.xml
wait_for 5 grep -Eq 'warning: exporter\.xml:[0-9]+:1: .*localFile: target .*make the folder' teslad.log
says_exporter() {
	ctl status | jq -e '.exporters[] | select(.type == "localFile") | .state == "down" and (.reason | test("make the folder"))'
}
wait_for 5 says_exporter
stop teslad

# Started without standard descriptors: a message may be lost, the program is not.
without() {	# expected statuses with 0, 1, 2 and all three closed; COMMAND...
	local wanted=$1 got
	shift
	got=$(
		r=0; "$@" <&- >closed.log 2>&1 || r=$?; echo "$r"
		r=0; "$@" >&- 2>closed.log || r=$?; echo "$r"
		r=0; "$@" 2>&- >closed.log || r=$?; echo "$r"
		r=0; "$@" <&- >&- 2>&- || r=$?; echo "$r"
	)
	assert_eq "closed descriptors: $*" "${got//$'\n'/ }" "$wanted"
}
without '0 1 0 1' teslad -c config.xml -i lector.ini -t
without '3 3 3 3' teslactl -s "ipc://$tmp/nobody" status
without '1 1 1 1' tesla-sim --tcp 0 --meter 1=no-such-model
# shellcheck disable=SC2153  # from the stage
without '2 2 2 2' "$TESLA_HOST" --driver

# The stream's plugin has a say, too.
mv lector.ini good.ini
write_ini Stream.endpoint=tcp://127.0.0.1:70000
check 1 config.xml
says '^lector\.ini:[0-9]+: error: \[Stream\].*expected a port from 1 to 65535'
mv good.ini lector.ini

# More than a line can carry.
sed -i 's/<poll_interval>1</<poll_interval>0.05s</' config.xml
check 1 config.xml
says 'no-such-port'

check 1 there-is-none.xml
says 'there-is-none\.xml'
assert_status 64 teslad --no-such-option >said.log 2>&1

# A log file that may not grow any more ends nothing.
write_config
mkdir logs
truncate -s 1M logs/teslad.log
write_ini General.log_dir="$tmp/logs"
ulimit -S -f 1024
start_teslad
ulimit -S -f unlimited
stop teslad
assert_eq 'size of the log' "$(stat -c %s logs/teslad.log)" 1048576
