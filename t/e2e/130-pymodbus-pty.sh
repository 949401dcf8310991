#!/usr/bin/env bash
# seconds: 2; san
# SPDX-License-Identifier: Apache-2.0
# PM710 played by pymodbus on a pty pair, seen by a pyzmq subscriber: pm710.py has the facts.
. "$(dirname "$0")/../lib.sh"
requires socat jq python:pymodbus python:zmq python:msgpack

start wire socat -x "PTY,raw,echo=0,link=$tmp/meter" "PTY,raw,echo=0,link=$tmp/line"
wait_for 5 test -e meter -a -e line
start slave py "$top/t/e2e/pm710.py" serial "$tmp/meter"

device 1 serial port="$tmp/line" baud=19200
while read -r id variables; do
	# shellcheck disable=SC2086
	analyzer "$id" 1 PM710 poll_interval=3 -- $variables
done < <(py "$top/t/e2e/pm710.py" config)
write_config
start_teslad
subscribe seen reading/
judged() {
	py "$top/t/e2e/pm710.py" judge seen.jsonl >judge.log
}
wait_for 20 judged

assert_match "what pymodbus was asked for" "$(cat slave.log)" '^read 4032 3$'
# Slave 12, function 3, from 0x0fc0 three registers, checksum.
assert_match "bytes on the wire" "$(cat wire.log)" ' 0c 03 0f c0 00 03 07 fe'
