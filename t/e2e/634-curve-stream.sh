#!/usr/bin/env bash
# seconds: 20; san
# SPDX-License-Identifier: Apache-2.0
# The stream over CURVE: only who is in the list hears it; who is taken off the list hears it no longer,
# and the others go on.  In plain text it is refused wherever others could listen.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

for name in server ear stranger; do
	teslactl keygen $name >keygen.log
done
public() {
	sed -n 's/^public //p' "$1.key"
}
echo "$(public ear) ear" >clients

start_sim sim --tcp 0 --meter 1=PM710
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 poll_interval=0.2s -- TPF
write_config
port=$(free_port)
stream=tcp://127.0.0.1:$port

write_ini "Stream.endpoint=tcp://*:$port"
assert_status 1 teslad -t -c config.xml -i lector.ini >check.log
grep -Eq 'lector.ini:[0-9]+: .*without encryption only this machine may connect' check.log ||
	fail "-t does not say why it is refused"
write_ini "Stream.endpoint=tcp://*:$port" Stream.key=server.key
assert_status 1 teslad -t -c config.xml -i lector.ini >check.log
grep -q 'has key and no clients: expected both or none' check.log || fail "-t does not say what is missing"

write_ini "Stream.endpoint=tcp://*:$port" Stream.key=server.key Stream.clients=clients
assert_status 0 teslad -t -c config.xml -i lector.ini >check.log
start_teslad
wait_for 10 analyzer_is 1 state online

listen() {	# name of the process, options
	start "$1" py "$top/t/e2e/control_peer.py" listen "$stream" "${@:2}" reading/
	wait_for 5 grep -q '^listening' "$1.log"
}
listen heard --server server.pub --key ear.key
wait_for 10 lines_at_least 5 heard.log
listen no_key
listen wrong_key --server server.pub --key stranger.key
listen wrong_server --server stranger.pub --key ear.key
refused() {
	grep -q "refused: 127.0.0.1, key .*: is not in the list of clients" teslad.log
}
wait_for 10 refused
grep -qF "key $(public stranger)" teslad.log || fail "the log does not say which key"
n=$(wc -l <heard.log)
wait_for 10 lines_at_least $((n + 10)) heard.log
for name in no_key wrong_key wrong_server; do
	assert_eq "what $name heard" "$(wc -l <$name.log)" 1
done

# teslactl: the daemon says which key the stream has.
assert_eq "stream_key of status" "$(ctl status | jq -r .stream_key)" "$(sed -n 's/^public //p' server.pub)"
ctl --key ear.key --seconds 3 watch >watch.jsonl
assert_eq "teslactl watch" "$(jq .analyzer watch.jsonl | sort -u)" 1
assert_status 1 ctl --seconds 1 watch 2>nokey.log
grep -q 'is encrypted: expected --key' nokey.log || fail "watch does not say that it needs keys"

# Somebody is added: nobody is cut off.  A follower that was refused tries again, as libzmq does not by
# itself.
export PYTHONPATH=$top/core/client/python PYTHONDONTWRITEBYTECODE=1
cat >waits.py <<-END
	import tesla
	peer = tesla.Peer.from_files("$stream", "stranger.key", "server.pub")
	for event in tesla.Follower("$control", peer, ["reading/"]):
	    print(type(event).__name__, flush=True)
END
start waits py waits.py
wait_for 10 grep -q '^Down' waits.log
echo "$(public stranger) another" >>clients
wait_for 20 grep -q '^Reading' waits.log
stop waits
listen added --server server.pub --key stranger.key
wait_for 10 lines_at_least 5 added.log
# Somebody is taken off.
echo "$(public stranger) another" >clients.new
mv clients.new clients
cut=0
silent() {	# nothing came between two looks at it, while the other one hears
	local before=$cut
	cut=$(wc -l <heard.log)
	n=$(wc -l <added.log)
	retry 10 lines_at_least $((n + 10)) added.log && test "$cut" = "$before" &&
		test "$(wc -l <heard.log)" = "$cut"
}
wait_for 20 silent
# Other keys in the same file: a reload takes them.
teslactl keygen other >keygen.log
cp other.key server.key
assert_eq "what a reload changes" "$(py "$top/t/e2e/control_peer.py" ask "$control" '{"cmd": "reload"}' | jq -c .changes.changed)" '["stream"]'
assert_eq "stream_key of status" "$(ctl status | jq -r .stream_key)" "$(sed -n 's/^public //p' other.pub)"
listen fresh --server other.pub --key stranger.key
wait_for 10 lines_at_least 5 fresh.log
assert_eq "sweeps missed" "$(ctl status | jq '[.analyzers[].missed] | add')" 0
assert_eq "lines about it" "$(grep -c 'is not in the list of clients' teslad.log)" 1
