#!/usr/bin/env bash
# seconds: 12
# SPDX-License-Identifier: Apache-2.0
# What the service manager is told: ready once the control socket answers, reloading and ready again,
# stopping, and in between that it is alive, while its loop turns and only then; a host that stands
# still is no reason.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack nm
nm -D "$(command -v teslad)" >symbols
grep -q sd_notify symbols || skip "teslad is built without libsystemd"
start_shim hold
export TESLA_HOLD=$tmp/hold

start_sim sim --tcp 0 --meter '*=PM710'
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 address=1 poll_interval=0.2 -- TPF
write_config
start ear py "$top/t/e2e/notified.py" "$tmp/notify" "$tmp/told"
wait_for 5 test -S notify
export NOTIFY_SOCKET=$tmp/notify WATCHDOG_USEC=400000

told() {	# how often this was told
	grep -c " ${pids[teslad]} $1\$" told || true
}
told_more() {	# this, more often than so
	test "$(told "$1")" -gt "$2"
}
beats() {
	told_more WATCHDOG=1 $(($(told WATCHDOG=1) + ${1:-0}))
}
start_teslad
wait_for 5 told_more READY=1 0
before=$(told WATCHDOG=1)
wait_for 5 told_more WATCHDOG=1 $((before + 3))

# The times between them, in us: half of what was asked for, no more often than that.
py - told <<'END'
import sys
t = [int(line.split()[0]) for line in open(sys.argv[1]) if line.rstrip().endswith("WATCHDOG=1")]
gaps = sorted(b - a for a, b in zip(t, t[1:]))
print("beats apart, us:", gaps)
assert 100_000 <= gaps[len(gaps) // 2] <= 400_000
END

# A reload: when it began, and its end, whether it was good or not.
for config in good broken; do
	n=$(told READY=1)
	test "$config" = good || echo broken >config.xml
	kill -HUP "${pids[teslad]}"
	wait_for 10 told_more READY=1 "$n"
done
assert_eq "reloads" "$(told 'RELOADING=1|MONOTONIC_USEC=[0-9]*')" 2
n=$(cut -d' ' -f3 told | grep -v WATCHDOG | cut -d'|' -f1 | xargs)
assert_eq "in order" "$n" "READY=1 RELOADING=1 READY=1 RELOADING=1 READY=1"

# A host that stands still is killed and started again: the daemon beats on.
host=$(ctl status | jq '.hosts[] | select(.kind == "driver").pid')
restarted() {
	ctl status | jq -e '[.hosts[].restarts] | max >= 1' >/dev/null
}
n=$(told WATCHDOG=1)
kill -STOP "$host"
wait_for 10 restarted
told_more WATCHDOG=1 $((n + 3)) || fail "no beat while a host stood still"

# A loop that stands still beats no more: in the time of eight beats, by a clock of its own, none.
quiet() {	# as many lines as before, though the ear is alive
	local n
	n=$(told WATCHDOG=1)
	py -c 'import time; time.sleep(1.6)'
	test "$(told WATCHDOG=1)" = "$n"
}
touch hold
wait_for 10 quiet
rm hold
n=$(told WATCHDOG=1)
wait_for 5 told_more WATCHDOG=1 $((n + 2))

# So does a process that is stopped as a whole.
kill -STOP "${pids[teslad]}"
wait_for 10 quiet
kill -CONT "${pids[teslad]}"
n=$(told WATCHDOG=1)
wait_for 5 told_more WATCHDOG=1 $((n + 2))

stop teslad
assert_eq "exit status" "$status" 0
cut -d' ' -f2- told | sort | uniq -c
assert_eq "READY" "$(told READY=1)" 3
assert_eq "STOPPING" "$(told STOPPING=1)" 1
assert_eq "told by others" "$(grep -vc " ${pids[teslad]} " told || true)" 0
first=$(cut -d' ' -f3 told | grep -n READY | tail -n 1 | cut -d: -f1)
last=$(cut -d' ' -f3 told | grep -n STOPPING | cut -d: -f1)
test "$first" -lt "$last" || fail "READY after STOPPING"
