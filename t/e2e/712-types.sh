#!/usr/bin/env bash
# seconds: 10; san
# SPDX-License-Identifier: Apache-2.0
# pymodbus serves every type in each word and byte order by functions 3 and 4, with registers missing
# between them, and refuses in other ways beside it. All values are right from the first sweep on, each
# exception costs only what it is about, and what was learned is not asked again.
. "$(dirname "$0")/../lib.sh"
requires jq python:pymodbus python:zmq python:msgpack

types() {
	py "$top/t/e2e/every_type.py" "$@"
}
mkdir models
types models models
export TESLA_MODELDIR=$tmp/models
port=$(free_port)
start slave py "$top/t/e2e/every_type.py" play "$port"
device 1 tcp host=127.0.0.1 port="$port" timeout=2
wait_for 10 tcp_open "$port"
analyzer 3 1 Refusing address=2 data=mapData poll_interval=0.5s -- x_good
write_config
start_teslad
subscribe seen reading/
wait_for 10 lines_at_least 1 seen.jsonl

# Somebody listens now: nothing is missed of the first sweeps of these.
# shellcheck disable=SC2046
analyzer 1 1 EveryType data=mapData poll_interval=0.5s -- $(types names)
while read -r id variables; do
	# shellcheck disable=SC2086
	analyzer "$id" 1 Refusing address=2 data=mapData poll_interval=0.5s -- $variables
done < <(types refusing)
write_config
ctl reload >/dev/null

of() {	# id, key
	ctl status | jq --argjson id "$1" ".analyzers[] | select(.id == \$id).$2"
}
swept() {	# at least so often
	test "$(of 1 sweeps)" -ge "$1"
}
# It learns when halves of a refused read were answered: a gap or more in each sweep.
learned() {
	local before
	before=$(of 1 exceptions)
	n=$(of 1 sweeps)
	wait_for 10 swept $((n + 2))
	test "$(of 1 exceptions)" = "$before"
}
wait_for 10 swept 1
wait_for 30 learned
judged() {
	types judge seen.jsonl >judge.log
}
wait_for 5 judged
tail -n 1 judge.log
test "$(of 1 exceptions)" -gt 0 || fail "nothing was refused"
assert_eq "failed sweeps of the types" "$(of 1 failed)" 0
ctl plan >plan.json
types plan plan.json || fail "not the shortest plan that the meter takes"

# What is told of them.
told() {
	ctl definitions "$1" | jq -c ".definitions[0].variables | $2"
}
assert_eq "types" "$(told 1 '[.[].registers[0].type] | unique')" \
	'["bcd16","bcd32","bcd64","float32","float64","int16","int32","int64","uint16","uint32","uint64"]'
assert_eq "meanings" "$(told 1 '[.[].values[]]')$(told 2 '.[0].values')" '[][[10,"as served"]]'
