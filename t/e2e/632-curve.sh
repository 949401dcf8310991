#!/usr/bin/env bash
# seconds: 25; san
# SPDX-License-Identifier: Apache-2.0
# Control over TCP: only who has a key in the list gets in, and what the list says is all that he may.
# Wrong keys, no keys, a read-only key that tries shutdown, malformed and 10 MB messages, and hundreds of
# connections that say nothing are refused and said once; the meters, the stream and the other clients
# notice nothing.  The list is read again when it changes.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

keys=$tmp/keys
mkdir "$keys"
for name in server admin looker stranger; do
	assert_status 0 teslactl keygen "$keys/$name" >keygen.log
done
assert_eq "modes of keys" "$(stat -c %a "$keys"/admin.*| xargs)" "600 644"
assert_status 1 teslactl keygen "$keys/admin" 2>again.log
grep -q 'admin.pub cannot be made: File exists' again.log || fail "keygen does not say that the file is there"
assert_status 2 teslactl keygen 2>usage.log
assert_eq "keygen --json" "$(teslactl --json keygen "$keys/other" | jq -r .public)" \
	"$(sed -n 's/^public //p' "$keys/other.pub")"
# One of libzmq's own making will do, too.
py "$top/t/e2e/control_peer.py" pair "$keys/admin.key"
public() {
	sed -n 's/^public //p' "$keys/$1.key"
}
list() {	# the list of clients, put in place at once as an editor does
	printf '%s\n' "$@" >"$keys/new"
	mv "$keys/new" "$keys/clients"
}
list "# who may" "$(public admin) admin" "$(public looker) looker read-only"

start_sim sim --tcp 0 --meter 1-20=PM710
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
for id in $(seq 20); do
	analyzer "$id" 1 PM710 -- TPF PAT
done
write_config
port=$(free_port)
tcp=tcp://127.0.0.1:$port

# Without keys it does not start, and says what is missing; nor does -t let it pass.
write_ini "Control.tcp=$tcp"
assert_status 1 teslad -t -c config.xml -i lector.ini >check.log
grep -Eq "lector.ini:[0-9]+: .*and key is missing: on a network, expected key" check.log || fail "-t does not say what is missing"
chmod 644 "$keys/server.key"
write_ini "Control.tcp=$tcp" "Control.key=$keys/server.key" "Control.clients=$keys/clients"
assert_status 1 teslad -t -c config.xml -i lector.ini >check.log
grep -q "others may read or change it (mode 0644)" check.log || fail "a secret key that all can read is taken"
chmod 600 "$keys/server.key"

start_teslad
all_online() {
	ctl status | jq -e '[.analyzers[] | select(.state == "online")] | length == 20' >/dev/null
}
wait_for 15 all_online
subscribe seen reading/
wait_for 10 lines_at_least 20 seen.jsonl
missed() {
	ctl status | jq '[.analyzers[].missed] | add'
}
missed_before=$(missed)
start witness py "$top/t/e2e/peer.py" witness 1000

peer() {
	py "$top/t/e2e/control_peer.py" ask "$@"
}
as() {	# name, request...
	peer "$tcp" --server "$keys/server.pub" --key "$keys/$1.key" "${@:2}"
}
said() {	# how often, regular expression
	local n
	n=$(grep -Ec "control: refused: .*$2" teslad.log || true)
	assert_eq "lines in the log with '$2'" "$n" "$1"
}

# ---- who gets in, and what he may ----
assert_eq "admin" "$(as admin '{"cmd": "status"}' | jq .node.id)" '"4"'
assert_eq "admin" "$(as admin '{"cmd": "log-level", "level": "debug"}' | jq -r .level)" debug
grep -Eq 'control: log-level by admin \(127.0.0.1\)' teslad.log || fail "the log does not say that admin did it"
assert_eq "looker" "$(as looker '{"cmd": "snapshot"}' | jq .ok)" true
for _ in 1 2 3; do
	assert_match "looker: shutdown" "$(as looker '{"cmd": "shutdown"}')" 'refused: this access is read-only'
done
said 1 'looker \(127.0.0.1\): shutdown, which read-only access has not'

# teslactl, with its own keys and the server's.
me() {
	teslactl -s "$tcp" --key "$keys/$1.key" --server "$keys/server.pub" --json "${@:2}"
}
assert_eq "teslactl as looker" "$(me looker status | jq .node.id)" '"4"'
assert_status 1 me looker shutdown 2>refused.log
grep -q 'shutdown is refused: this access is read-only' refused.log || fail "teslactl does not say why"
assert_eq "teslactl watch as looker" "$(me looker watch 1 TPF --seconds 2 | jq .analyzer | sort -u)" 1
assert_status 2 teslactl -s "$tcp" --server "$keys/server.pub" status 2>usage.log

# ---- who does not: nobody answers, however often he tries ----
nothing() {
	assert_eq "an answer to $1" "$(peer "$tcp" --timeout 1.5 "${@:2}" '{"cmd": "shutdown"}')" nothing
}
nothing "who has no keys"
nothing "a key that is in no list" --server "$keys/server.pub" --key "$keys/stranger.key"
nothing "who takes the server for another" --server "$keys/stranger.pub" --key "$keys/admin.key"
{
	echo "public $(public looker)"
	sed -n '/^secret/p' "$keys/stranger.key"
} >"$keys/forged.key"
nothing "who has another's public key, and not the secret one" --server "$keys/server.pub" --key "$keys/forged.key"
said 1 "127.0.0.1, key [^ ]{40}: is not in the list of clients"
grep -F "key $(public stranger)" teslad.log | grep -q 'is not in the list' || fail "the log does not say which key"
said 1 'showed no key: CURVE is expected'
said 1 'has a wrong key'

# ---- what makes no sense ----
bad=(hex:c1 hex:dd10000000 'hex:9191919191919191919191' '' @1048577 @10000000 @1000000*10 'nonsense' 'hex:81a3636d64')
for request in "${bad[@]}"; do
	for door in ipc ro tcp; do
		case $door in
		ipc) answer=$(peer "$control" "$request") ;;
		ro) answer=$(peer "$control-ro" "$request") ;;
		tcp) answer=$(as admin "$request") ;;
		esac
		assert_eq "ok of the answer to '$request', $door" "$(jq .ok <<<"$answer")" false
	done
done
assert_match "10 MB" "$(peer "$control" @10000000)" 'has 10000000 bytes, expected at most 1048576'
said 1 'admin \(127.0.0.1\): malformed requests'
said 1 'user [0-9]+ \(process [0-9]+\): malformed requests'
# What is not even ZeroMQ.
head -c 200000 /dev/urandom >"/dev/tcp/127.0.0.1/$port" || true

# ---- a crowd that says nothing ----
start idle_tcp py "$top/t/e2e/control_peer.py" idle "$tcp" 500
start idle_ipc py "$top/t/e2e/control_peer.py" idle "$control" 500
start idle_ro py "$top/t/e2e/control_peer.py" idle "$control-ro" 500
for name in idle_tcp idle_ipc idle_ro; do
	wait_for 20 grep -q '^ready 500' $name.log
done
at_once() {	# two seconds are far more than it takes
	assert_eq "admin in a crowd" "$(as admin --timeout $((2 * slower)) '{"cmd": "status"}' | jq .ok)" true
	assert_eq "ipc in a crowd" "$(peer "$control" --timeout $((2 * slower)) '{"cmd": "status"}' | jq .ok)" true
	assert_eq "read-only in a crowd" "$(peer "$control-ro" --timeout $((2 * slower)) '{"cmd": "status"}' | jq .ok)" true
}
for _ in 1 2 3; do
	at_once
done
n=$(wc -l <seen.jsonl)
wait_for 10 lines_at_least $((n + 120)) seen.jsonl
for name in idle_tcp idle_ipc idle_ro; do
	stop $name
done
at_once
said 1 'showed no key: CURVE is expected'

# ---- the list changes: who is taken off is out, though he is connected; who is added gets in ----
start stays py "$top/t/e2e/control_peer.py" ask "$tcp" --server "$keys/server.pub" --key "$keys/looker.key" \
	--stay '{"cmd": "plan"}'
wait_for 5 grep -q '"ok": true' stays.log
list "$(public admin) admin read-only" "$(public stranger) new"
assert_eq "the new one" "$(as stranger '{"cmd": "log-level", "level": "info"}' | jq -r .level)" info
assert_match "admin, who may only read now" "$(as admin '{"cmd": "check"}')" 'read-only'
nothing "who is no longer in the list" --server "$keys/server.pub" --key "$keys/looker.key"
stop stays
# A list that is no good changes nothing, and is said once, with its line.
list "$(public admin) admin" "nonsense"
for _ in 1 2 3; do
	assert_match "admin, as before" "$(as admin '{"cmd": "check"}')" 'read-only'
done
said 1 "the new list of clients: $keys/clients: line 2: expected a public key"

# ---- and nobody else noticed ----
assert_eq "polls missed" "$(missed)" "$missed_before"
stop seen
py "$top/t/e2e/peer.py" gaps seen.jsonl >gaps.json
cat gaps.json
jq -e '.k_holes == 0 and .k_doubled == 0 and .n_holes == 0 and .topics == 40' gaps.json >/dev/null ||
	fail "the stream has gaps"
stop witness
echo "the witness was late by $(tail -n 1 witness.log) ms at most"
assert_eq "hosts started again" "$(ctl status | jq '[.hosts[].restarts] | add')" 0
as stranger '{"cmd": "shutdown"}' >shutdown.log
wait_for 5 gone "${pids[teslad]}"
stop teslad
assert_eq "teslad after shutdown" "$status" 0
