#!/usr/bin/env bash
# seconds: 40
# SPDX-License-Identifier: Apache-2.0
# Followers of libtesla and of Python, behind a proxy each, across 20 restarts of the daemon and 10
# cuts of the network: every gap (k) and every restart (e) is told exactly, nothing twice.  What
# reached them is what the proxies let through; the values are those of a third subscriber.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack
restarts=20 cuts=10
follow=$(dirname "$TESLA_STAGE")/core/client/examples/follow
test -x "$follow" || skip "core/client/examples is not built: make check TESTS="
export PYTHONPATH=$top/core/client/python PYTHONDONTWRITEBYTECODE=1

start_sim sim --tcp 0 --meter 1-4=PM710
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
for id in 1 2; do
	analyzer $id 1 PM710 poll_interval=0.1s record_interval=1s -- TPF PAT FRE
done
analyzer 3 1 PM710 poll_interval=1s record_interval=5s -- TPF CEA
analyzer 4 1 PM710 poll_interval=3s record_interval=60s -- CEA
write_config
start_teslad
subscribe truth

followers='c py aio'
for f in $followers; do
	proxy "$f"
done
start c "$follow" -c "$control" -s "$(through c)"
start py py "$top/core/client/python/examples/follow.py" -c "$control" -s "$(through py)"
start aio py "$top/core/client/python/examples/follow.py" --asyncio -c "$control" -s "$(through aio)"

epoch() {
	ctl status | jq .epoch_ms
}
told() {	# follower, extended regular expression, at least so many
	test "$(grep -Ec "$2" "$1.log")" -ge "$3"
}
declare -A had=()
each_tells() {	# so many more than `had`, regular expression
	local f
	for f in $followers; do
		told "$f" "$2" $((had[$f] + $1)) || return 1
	done
}
remember() {
	local f
	for f in $followers; do
		had[$f]=$(grep -Ec "$1" "$f.log" || true)
	done
}
one=$'^reading\treading/4/1/TPF/\t.*\tstream\t'
more_readings() {
	remember "$one"
	wait_for 20 each_tells 10 "$one"
}
for f in $followers; do
	had[$f]=0
done
wait_for 20 each_tells 1 '^up'
epochs=("$(epoch)")
more_readings

network() {	# signal, the word that confirms it
	local f n
	for f in $followers; do
		n=$(grep -c "^$2" "proxy-$f.log" || true)
		kill "-$1" "${pids[proxy-$f]}"
		wait_for 5 told "proxy-$f" "^$2" $((n + 1))
	done
}
sweeps() {
	ctl status | jq '.analyzers[0].sweeps'
}
swept() {
	test "$(sweeps)" -ge "$1"
}
cut() {	# in the last two rounds nobody says that it is cut
	local n
	if test "$1" -gt $((cuts - 2)); then
		remember '^down'
		network USR2 hang
		wait_for 20 each_tells 1 '^down'
	else
		network USR1 cut
		n=$(sweeps)
		wait_for 20 swept $((n + 2 * $1))
	fi
	network HUP open
	more_readings
}
again() {	# every other time by a kill
	local how=TERM
	test $(($1 % 2)) = 0 || how=KILL
	stop teslad $how
	start_teslad
	epochs+=("$(epoch)")
	for f in $followers; do
		had[$f]=0
	done
	wait_for 20 each_tells 1 "^restart.*"$'\t'"${epochs[-1]}\$"
}
for i in $(seq $restarts); do
	again "$i"
	test $((i % 2)) = 1 || cut $((i / 2))
done
more_readings

# All that is on its way has arrived once the two sides are the same.
stop teslad
is_exact() {
	py "$top/t/e2e/follow_check.py" "$1.log" "$1.through" truth.jsonl "${epochs[@]}" \
		>"$1.facts" 2>"$1.wrong"
}
for f in $followers; do
	retry 10 is_exact "$f" || fail "$f: $(cat "$f.wrong")"
	echo "$f: $(cat "$f.facts")"
	jq -e ".gaps > $cuts and .missed > .gaps and .restarts == $restarts and .snapshot > 0 and
		.compared > 400 and .up > 2" "$f.facts" >/dev/null || fail "$f: this tested too little"
	stop "$f"
done
