#!/usr/bin/env bash
# seconds: 7
# SPDX-License-Identifier: Apache-2.0
# Followers across reloads: an analyzer that is new is followed from its first reading on, and when
# it went and comes back its count goes on; there is no gap.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack
follow=$(dirname "$TESLA_STAGE")/core/client/examples/follow
test -x "$follow" || skip "core/client/examples is not built: make check TESTS="
export PYTHONPATH=$top/core/client/python PYTHONDONTWRITEBYTECODE=1

start_sim sim --tcp 0 --meter 1-2=PM710
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 poll_interval=0.1s -- TPF
write_config
cp config.xml one.xml
analyzer 2 1 PM710 poll_interval=0.1s -- TPF PAT
write_config
mv config.xml two.xml
cp one.xml config.xml
start_teslad
subscribe truth
epoch=$(ctl status | jq .epoch_ms)

followers='c py'
for f in $followers; do
	proxy "$f"
done
start c "$follow" -c "$control" -s "$(through c)"
start py py "$top/core/client/python/examples/follow.py" -c "$control" -s "$(through py)"

told() {	# topic, at least so many
	local f
	for f in $followers; do
		test "$(grep -c "^reading.$1/" "$f.log")" -ge "$2" || return 1
	done
}
reload() {	# file
	cp "$1" config.xml
	py - >reload.log 2>&1 <<'END' || {
import tesla
with tesla.Client(timeout=15) as client:
    client.request("reload")
END
		! grep -q 'unknown command' reload.log || skip "this daemon cannot reload"
		fail "reload: $(tail -n 1 reload.log)"
	}
}
wait_for 20 told reading/4/1/TPF 10
reload two.xml
wait_for 20 told reading/4/2/PAT 5
reload one.xml
wait_for 10 told reading/4/1/TPF 30
reload two.xml
wait_for 20 told reading/4/2/PAT 20

stop teslad
is_exact() {
	py "$top/t/e2e/follow_check.py" "$1.log" "$1.through" truth.jsonl "$epoch" \
		>"$1.facts" 2>"$1.wrong"
}
for f in $followers; do
	retry 10 is_exact "$f" || fail "$f: $(cat "$f.wrong")"
	echo "$f: $(cat "$f.facts")"
	jq -e '.gaps == null and .compared > 50' "$f.facts" >/dev/null || fail "$f: $(cat "$f.facts")"
	! grep -q '^reset' "$f.log" || fail "$f: a count began anew"
	assert_eq "$f: the first one of analyzer 2" \
		"$(grep -m 1 '^reading.reading/4/2/PAT/' "$f.log" | cut -f 4)" 1
	stop "$f"
done
