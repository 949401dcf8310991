#!/usr/bin/env bash
# seconds: 4; san
# SPDX-License-Identifier: Apache-2.0
# log_dir on a disk that is full: the daemon runs, it is said on standard error, and once there is room
# again the log says how many lines are missing; no line of it is torn.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack
test "$(id -u)" = 0 || skip "only root may mount a small file system"
mkdir logs
mount -t tmpfs -o size=2m none logs 2>/dev/null || skip "no file system can be mounted here"
cleanup_fn umount "$tmp/logs"

start_sim sim --tcp 0 --meter '*=PM710'
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 address=1 poll_interval=0.2 -- TPF
write_config
write_ini "General.log_dir=$tmp/logs"
start_teslad
wait_for 10 analyzer_is 1 state online
dd if=/dev/zero of=logs/fills bs=4k >/dev/null 2>&1 || true
# In the last page of the log there is room for 30 bytes.
n=$((4096 - $(stat -c %s logs/teslad.log) % 4096 - 31))
test $n -lt 0 || printf '%*s\n' $n '' >>logs/teslad.log
lost() {
	ctl status | jq '.log_lost["no-space"]'
}
more_lost() {	# number
	kill -HUP "${pids[teslad]}"
	test "$(lost)" -gt "$1"
}
wait_for 10 more_lost 5
assert_match "standard error" "$(cat teslad.log)" \
	"error: $tmp/logs/teslad.log: lines are lost from here on: No space left on device"
assert_eq "lines there" "$(wc -l <teslad.log)" 1
rm logs/fills
said() {
	kill -HUP "${pids[teslad]}"
	grep -Eq 'warning: [1-9][0-9]* lines of the log were lost: no space left$' logs/teslad.log
}
wait_for 10 said
assert_eq "how many are said" "$(sed -n 's/.* \([0-9]*\) lines of the log were lost: .*/\1/p' logs/teslad.log)" "$(lost)"
stop teslad
grep -q 'info: ended$' logs/teslad.log || fail "the end is not in the log"
# What was cut is alone on its line.
assert_eq "lines with two beginnings" \
	"$(grep -Ec '[0-9-]{10} [0-9:.]{12} .*[0-9-]{10} [0-9:.]{12} ' logs/teslad.log || true)" 0
