#!/usr/bin/env bash
# seconds: 6; san
# SPDX-License-Identifier: Apache-2.0
# Somebody removes run_dir, or a socket in it, while teslad runs: it is said, and made anew with the same modes
# and group; who is connected stays so, and a second teslad does not start beside it.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

start_sim sim --tcp 0 --meter '*=PM710'
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 address=1 poll_interval=0.5 -- TPF
write_config
group=$(id -G | tr ' ' '\n' | tail -1)
mkdir above
run=$tmp/above/run
control=ipc://$run/control
export TESLA_CONTROL=$control
write_ini "General.run_dir=$run" "Control.endpoint=$control" Control.group="$group"
start_teslad
wait_for 10 analyzer_is 1 state online
start stays py "$top/t/e2e/control_peer.py" ask "$control-ro" --every 0.2 '{"cmd": "plan"}'
wait_for 5 grep -qs ok stays.log

answers() {	# endpoint
	py "$top/t/e2e/control_peer.py" ask "$1" --timeout 1 '{"cmd": "plan"}' | grep -q '"ok": true'
}
as_before() {
	wait_for 10 answers "$control"
	wait_for 10 answers "$control-ro"
	assert_eq "modes and groups" "$(stat -c '%a %g' "$run" "$run/control" "$run/control-ro" | xargs)" \
		"750 $group 660 $group 666 $group"
}
said() {	# how often, regular expression
	assert_eq "lines with '$2'" "$(grep -Ec "$2" teslad.log || true)" "$1"
}
# The folder with all that is in it: the file of the open windows, too.  The daemon sees it when all of it
# is gone: else it makes anew what rm has removed, before rm is through.
kill -STOP "${pids[teslad]}"
rm -rf "$run"
kill -CONT "${pids[teslad]}"
as_before
said 1 "error: control socket $run/control was removed: it is made anew"
said 1 "error: control socket $run/control-ro was removed: it is made anew"
grep -q "error: $run/windows was removed, too: open windows" teslad.log || fail "what a kill costs is not said"
test ! -e "$run/windows" || fail "there is a file of windows already"

# A second one sees that there is one.
assert_status 1 teslad -c config.xml -i lector.ini 2>second.log
grep -q 'another teslad is running' second.log || fail "the second one does not say why"

# A reload that changes something makes the file of the windows anew.
sed -i 's|<poll_interval>0.5|<poll_interval>0.6|' config.xml
assert_eq "reload" "$(ctl reload | jq .ok)" true
test -e "$run/windows" || fail "the file of the windows was not made"

# One socket, again and again; a folder that is moved away; and one file in the place of another.
for i in 2 3 4; do
	rm "$run/control"
	wait_for 10 test -S "$run/control"
	as_before
	said "$i" "control socket $run/control was removed: it is made anew"
done
said 1 "control socket $run/control-ro was removed"
mv "$run" "$tmp/away"
as_before
rm "$run/control-ro"
as_before

# It cannot be made, since the folder above is gone, too: said once.  When that is there again, so is it.
rm -rf above
wait_for 5 grep -q "error: control socket $run/control was removed, and nobody can connect: run_dir $run cannot be made" teslad.log
mkdir other
touch other/file
n=$(grep -c 'nobody can connect' teslad.log)
assert_eq "lines about sockets that cannot be made" "$n" 2
mkdir above
as_before

# Who was connected all the while is so still.
n=$(wc -l <stays.log)
wait_for 5 lines_at_least $((n + 3)) stays.log
assert_eq "answers" "$(jq .ok stays.log | sort -u)" true
stop stays
stop teslad
assert_eq "exit status" "$status" 0
test ! -e "$run/control" || fail "the socket is left behind"
