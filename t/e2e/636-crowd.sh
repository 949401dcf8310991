#!/usr/bin/env bash
# seconds: 23
# SPDX-License-Identifier: Apache-2.0
# Crowds that say nothing, where descriptors are few: at each door of the control socket no more than 64 stay
# connected, who asks gets in all the same and who talks is not thrown out, it is said once, and what never
# shakes hands is gone in the end.  The stream's host refuses subscribers before its table is full.  Meters,
# stream and the other clients notice nothing.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack prlimit

keys=$tmp/keys
mkdir "$keys"
for name in server admin; do
	assert_status 0 teslactl keygen "$keys/$name" >keygen.log
done
echo "$(sed -n 's/^public //p' "$keys/admin.key") admin" >"$keys/clients"
start_sim sim --tcp 0 --meter '*=PM710'
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 address=1 poll_interval=0.2 -- TPF
write_config
tcp=tcp://127.0.0.1:$(free_port)
write_ini "Control.tcp=$tcp" "Control.key=$keys/server.key" "Control.clients=$keys/clients"
start_teslad
wait_for 10 analyzer_is 1 state online
subscribe seen reading/
wait_for 10 lines_at_least 5 seen.jsonl

limit=400 spare=64
host=$(ctl status | jq '.hosts[] | select(.kind == "exporter").pid')
for p in "${pids[teslad]}" "$host"; do
	prlimit --pid "$p" --nofile=$limit:$limit
done
descriptors() {
	find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l
}
at_most() {	# descriptors of this process
	test "$(descriptors "$1")" -le "$2"
}
said() {	# how often, regular expression
	assert_eq "lines in the log with '$2'" "$(grep -Ec "$2" teslad.log || true)" "$1"
}
ask() {	# endpoint, options...
	py "$top/t/e2e/control_peer.py" ask "$@" --timeout 2 '{"cmd": "plan"}' | jq .ok
}
all_answer() {
	assert_eq "control, $1" "$(ask "$control")" true
	assert_eq "control-ro, $1" "$(ask "$control-ro")" true
	assert_eq "TCP, $1" "$(ask "$tcp" --server "$keys/server.pub" --key "$keys/admin.key")" true
}
metric() {	# name and labels
	ctl metrics | jq -r .text | awk -v name="$1" '$1 == name { print $2 }'
}

# One that has asked before the crowd comes, and asks again when it is there.
start talks py "$top/t/e2e/control_peer.py" ask "$control-ro" --every 0.2 '{"cmd": "plan"}'
wait_for 5 lines_at_least 2 talks.log
before=$(descriptors "${pids[teslad]}")

# ---- the doors, one after the other and then all at once ----
for door in control-ro control tcp; do
	case $door in
	tcp) endpoint=$tcp ;;
	*) endpoint=ipc://$tmp/run/$door ;;
	esac
	start "idle_$door" py "$top/t/e2e/control_peer.py" idle "$endpoint" 1000
	wait_for 30 grep -q '^ready 1000' "idle_$door.log"
	alive "${pids[teslad]}" || fail "a crowd at $door ended teslad"
	all_answer "a crowd at $door"
	wait_for 5 at_most "${pids[teslad]}" $((before + 3 * 64 + 3))
	said 1 "control: refused: a crowd at $endpoint: more connections than are allowed"
	refused=$(metric "tesla_control_refused_total{door=\"$door\"}")
	test "$refused" -ge 500 || fail "only $refused were refused at $door"
done
n=$(wc -l <talks.log)
wait_for 5 lines_at_least $((n + 5)) talks.log
assert_eq "answers of who talks" "$(jq .ok talks.log | sort -u)" true

# ---- what never shakes hands is gone in the end ----
wait_for 15 at_most "${pids[teslad]}" $((before + 3))
assert_eq "connections" "$(metric "tesla_control_connections{door=\"control-ro\"}")" 1
wait_for 5 grep -q "control: the crowd at $control-ro is gone" teslad.log
for door in control-ro control tcp; do
	stop "idle_$door"
done

# ---- a table that is almost full: who connects is refused before it is ----
few=$((before + 60))
prlimit --pid "${pids[teslad]}" --nofile=$few:$few
start idle_full py "$top/t/e2e/control_peer.py" idle "$control-ro" 1000
wait_for 30 grep -q '^ready 1000' idle_full.log
at_most "${pids[teslad]}" $((few - few / 4 + 2)) || fail "the spare descriptors are taken"
n=$(wc -l <talks.log)
wait_for 5 lines_at_least $((n + 5)) talks.log
stop idle_full
wait_for 5 at_most "${pids[teslad]}" $((before + 3))
all_answer "afterwards"

# ---- the stream's host ----
start idle_stream py "$top/t/e2e/control_peer.py" idle "$stream" 1000
wait_for 30 grep -q '^ready 1000' idle_stream.log
alive "$host" || fail "a crowd of subscribers ended the stream's host"
at_most "$host" $((limit - spare)) || fail "the host's spare descriptors are taken"
wait_for 5 grep -q 'descriptors are scarce: who connects from now on is refused' teslad.log
n=$(wc -l <seen.jsonl)
wait_for 5 lines_at_least $((n + 10)) seen.jsonl
stop idle_stream
wait_for 15 grep -q 'there are descriptors again' teslad.log
said 1 'descriptors are scarce'

# ---- and nobody else noticed ----
stop talks
stop seen
assert_eq "holes" "$(py "$top/t/e2e/peer.py" gaps seen.jsonl | jq -c '[.k_holes, .k_doubled]')" '[0,0]'
assert_eq "hosts started again" "$(ctl status | jq '[.hosts[].restarts] | add')" 0
assert_eq "polls missed" "$(ctl status | jq '[.analyzers[].missed] | add')" 0
