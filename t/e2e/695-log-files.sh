#!/usr/bin/env bash
# seconds: 10; san
# SPDX-License-Identifier: Apache-2.0
# log_dir: a file that is full is set aside, the oldest is dropped, no line is lost at the change, and
# what hosts write to standard error follows.  One that somebody moves or removes is made anew.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

start_sim sim --tcp 0 --meter '*=PM710'
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 address=1 poll_interval=0.2 -- TPF
write_config
mkdir -p logs
write_ini "General.log_dir=$tmp/logs" General.log_size=1M General.log_files=3
# Almost full already, and older ones that were there before.
head -c 1048000 /dev/zero | tr '\0' '#' >logs/teslad.log
echo >>logs/teslad.log
echo two >logs/teslad.log.1
echo three >logs/teslad.log.2
start_teslad
rotated() {
	test -e "logs/teslad.log.$1" && test "$(stat -c %s "logs/teslad.log.$1")" -ge 1048576
}
log_more() {	# a message for each, that the configuration is refused
	kill -HUP "${pids[teslad]}"
	"$@"
}
cp config.xml good.xml
echo broken >config.xml
wait_for 10 log_more rotated 1
assert_eq "the second" "$(cat logs/teslad.log.2)" two
test ! -e logs/teslad.log.3 || fail "more than log_files"
test "$(stat -c %s logs/teslad.log)" -lt 1048576 || fail "the new file is not small"
assert_eq "files that are open" "$(find /proc/"${pids[teslad]}"/fd -lname "$tmp/logs/*" -printf '%l\n')" "$tmp/logs/teslad.log"
# No other process has one open.
for p in $(ctl status | jq '.hosts[].pid'); do
	assert_eq "log files that host $p has open" "$(find "/proc/$p/fd" -lname "$tmp/logs/*")" ""
done
# A host that dies is said in the new one.
kill -SEGV "$(ctl status | jq '.hosts[] | select(.kind == "driver").pid')"
said() {
	grep -q 'warning: host of lines 0 ended after .*signal 11' logs/teslad.log
}
wait_for 5 said
stop teslad
assert_eq "exit status" "$status" 0
grep -q 'info: ended$' logs/teslad.log || fail "the end is not in the file in use"
assert_eq "standard error itself" "$(cat teslad.log)" ""
# Each line is whole.
cat logs/teslad.log.1 logs/teslad.log | grep -v '^#' >lines
assert_eq "lines that are none" "$(grep -Evc '^[0-9-]{10} [0-9:.]{12} [a-z]+: ' lines || true)" 0

# Moved, as logrotate does it: a reload, here one that changes nothing, goes on in another one.
cp good.xml config.xml
start_teslad
wait_for 10 analyzer_is 1 state online # and nothing more to say
mv logs/teslad.log logs/moved
size=$(stat -c %s logs/moved)
kill -HUP "${pids[teslad]}"
reloaded() {
	grep -qs 'info: reload: nothing is different' logs/teslad.log
}
wait_for 10 reloaded
assert_eq "the moved one" "$(stat -c %s logs/moved)" "$size"
# Removed, without a word: with the next lines.
says_level() {
	teslactl log-level debug >/dev/null
	grep -qs 'info: control: log-level' "$1"
}
rm logs/*
wait_for 10 says_level logs/teslad.log
# Its folder too: standard error has it until the folder is back.
rm -r logs
wait_for 10 says_level teslad.log
assert_match "standard error" "$(head -n 1 teslad.log)" \
	"error: $tmp/logs/teslad.log was moved or removed, and cannot be made anew: No such file or directory"
mkdir logs
wait_for 10 says_level logs/teslad.log
stop teslad
grep -q 'info: ended$' logs/teslad.log || fail "the end is not in the new file"
