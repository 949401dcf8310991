#!/usr/bin/env bash
# seconds: 4
# SPDX-License-Identifier: Apache-2.0
# What the check of a reload has to say: it is in the log, which no thread but the loop's writes to.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

start_shim thread
export TESLA_THREADS=$tmp/threads
start_sim sim --tcp 0 --meter '*=PM710'
mkdir models logs
cp "$TESLA_MODELDIR"/*.xml models
export TESLA_MODELDIR=$tmp/models
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 address=1 poll_interval=0.2 -- TPF
write_config
write_ini "General.log_dir=$tmp/logs"
start_teslad
wait_for 10 analyzer_is 1 state online
echo '<broken' >models/broken.xml	# nobody has it
said() {
	test "$(grep -c 'warning: model is not used for recognition: .*broken\.xml' logs/teslad.log)" -ge "$1"
}
for n in 1 2 3; do
	teslactl reload >/dev/null
	said $n || fail "reload $n: it is not said before the answer"
done
# Also by the hub that is in force from now on.
sed -i 's/0\.2</0.3</' config.xml
teslactl reload >/dev/null
stop sim
offline() {
	grep -q 'warning: analyzer 1 on .* is offline' logs/teslad.log
}
wait_for 10 offline
stop teslad
assert_eq "written by other threads" "$(cat threads 2>/dev/null || true)" ""
