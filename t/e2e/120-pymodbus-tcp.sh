#!/usr/bin/env bash
# seconds: 8; san
# SPDX-License-Identifier: Apache-2.0
# PM710 played by pymodbus over TCP, seen by a pyzmq subscriber: pm710.py has the facts.
. "$(dirname "$0")/../lib.sh"
requires socat jq python:pymodbus python:zmq python:msgpack

meter=$(free_port)
proxy=$(free_port)
start slave py "$top/t/e2e/pm710.py" tcp "$meter"
start wire socat -x "tcp-listen:$proxy,bind=127.0.0.1,reuseaddr,fork" "tcp:127.0.0.1:$meter"
wait_for 10 tcp_open "$meter"
wait_for 5 tcp_open "$proxy"

device 1 tcp host=127.0.0.1 port="$proxy"
while read -r id variables; do
	# shellcheck disable=SC2086
	analyzer "$id" 1 PM710 -- $variables
done < <(py "$top/t/e2e/pm710.py" config)
write_config
start_teslad
subscribe seen reading/
judged() {
	py "$top/t/e2e/pm710.py" judge seen.jsonl >judge.log
}
wait_for 15 judged

assert_match "what pymodbus was asked for" "$(cat slave.log)" '^read 4032 3$'
# Protocol 0, 6 bytes: unit 12, function 3, from 0x0fc0 three registers.
assert_match "bytes on the wire" "$(cat wire.log)" ' 00 00 00 06 0c 03 0f c0 00 03$'
