#!/usr/bin/env bash
# seconds: 60
# SPDX-License-Identifier: Apache-2.0
# Killed 50 times (KILLS in the environment: more) while eight clients send: what was acknowledged is there
# once, what was not is whole or absent, and each time there is no damage.
. "$(dirname "$0")/../central.sh"
requires jq python:msgpack

mkdir load
start_central
token=$(node_token 4)
start load py "$top/t/e2e/central_load.py" "${listen#*:}" load "$token" 60 8
acked() {
	test "$(cat load/acked-* 2>/dev/null | wc -l)" -ge "$1"
}
wait_for 20 acked 1
for ((round = 1; round <= ${KILLS:-50}; round++)); do
	now=$(cat load/acked-* | wc -l)
	wait_for 60 acked $((now + RANDOM % 400 + 1))
	kill -9 "${pids[central]}"
	wait "${pids[central]}" 2>/dev/null || true
	forget central
	central verify >verified 2>said || fail "round $round: $(cat verified said)"
	assert_match "round $round" "$(cat verified)" ' 0 damaged$'
	! grep -v 'was cut off while being written' said || fail "round $round: $(cat said)"
	alive "${pids[load]}" || fail "round $round: a client gave up: $(cat load.log)"
	start_central
done
touch load/end
wait_for 60 gone "${pids[load]}"
forget load
wait "${pids[load]}" || fail "a client: $(cat load.log)"
stop central
central export >exported
py "$top/t/e2e/central_load.py" 0 load - 0 8 exported >checked || fail "after ${KILLS:-50} kills: $(tail -n 1 checked)"
cat checked
