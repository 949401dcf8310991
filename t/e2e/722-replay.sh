#!/usr/bin/env bash
# seconds: 20; san
# SPDX-License-Identifier: Apache-2.0
# What was captured of a TCP and of a serial line, played again, gives the same readings: values,
# exceptions, silence, wrong checksums and doubled answers.  A request that is not in a capture is
# said and not answered.  Captures of t/data are played: one with a late answer, one that hangs up.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

# After identity and scales: what of those has to be read again is read when there is time.
fault() {	# KIND ADDRESS EVERY...
	local which=after=2,every=$3${4:+,$4}
	faults+=(--fault "$1:address=$2,$which" --fault "$1:address=1$2,$which")
}
faults=()
fault exception 2 3 code=4
fault silent 3 4
fault checksum 4 3
fault double 1 5
start_sim sim --tcp 0 --pty "$tmp/line" --meter '1-4=PM710' --meter '11-14=PM710' --time-scale 1000 "${faults[@]}"
port=$(sim_port sim)
device 1 tcp host=127.0.0.1 port="$port" timeout=0.5 late_max=0.1
device 2 serial port="$tmp/line" baud=115200 timeout=0.5 late_max=0.1
for i in 1 2 3 4; do
	analyzer $i 1 PM710 address=$i poll_interval=0.5 -- TPF
	analyzer 1$i 2 PM710 address=1$i poll_interval=0.5 -- TPF
done
write_config
write_ini General.auto_start=no
swept() {	# each analyzer so often
	ctl status | jq -e --argjson n "$1" '[.analyzers[].sweeps] | min >= $n' >/dev/null
}

# From the first request on.
start_teslad
subscribe seen reading/
for line in 1 2; do
	start trace$line teslactl trace $line --capture $line.capture
	wait_for 5 grep -q ! trace$line.log
done
teslactl start >/dev/null
wait_for 30 swept 6
for line in 1 2; do
	stop trace$line
	assert_eq "trace $line" "$status" 0
done
stop seen
stop teslad
stop sim
head -n 2 2.capture | diff - <(printf 'tesla-capture 1\nline 2 serial %s/line\n' "$tmp")

again() {	# name of the stream, arguments of tesla-sim
	start_sim sim --tcp "$port" --replay 1.capture --pty "$tmp/line" --replay 2.capture \
		--baud 115200 --stats stats.json "${@:2}"
	start_teslad
	subscribe "$1" reading/
	teslactl start >/dev/null
	wait_for 30 swept 6
	stop "$1"
	stop teslad
	stop sim
	py "$top/t/e2e/traced.py" readings seen.jsonl "$1.jsonl" 6
	! grep -q 'is not in' sim.log || fail "$(grep 'is not in' sim.log)"
}
again once
jq -e '[.lines[] | .requests > 25 and .unanswered > 0 and .garbled == 0] == [true, true]' stats.json >/dev/null ||
	fail "$(cat stats.json)"
again fast --fast

# Nobody asked for that then.
start_sim sim --tcp 0 --replay 1.capture
py - "$(sim_port sim)" <<'END'
import socket, sys

def ask(request, seconds):
    s.settimeout(seconds)
    s.sendall(request)
    try:
        return s.recv(300)
    except TimeoutError:
        return b""

with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as s:
    assert ask(bytes.fromhex("12340000000601030bb80002"), 0.5) == b""
    answer = ask(bytes.fromhex("4321000000020111"), 5)
    assert answer[:2] == b"\x43\x21" and answer[6:8] == b"\x01\x11", answer
END
assert_match "what is unknown" "$(cat sim.log)" '127.0.0.1:[0-9]+: a request that is not in 1.capture: 12 34 00 00 00 06 01 03 0b b8 00 02$'
stop sim

# What cannot be played.
refused() {	# regex, arguments
	! timeout 10 tesla-sim "${@:2}" >refused.log 2>&1 || fail "it was taken: ${*:2}"
	assert_match "the reason" "$(cat refused.log)" "$1"
}
refused '1.capture is of a Modbus TCP line: expected --tcp' --pty "$tmp/other" --replay 1.capture
refused '2.capture is of a serial line: expected --pty or --rtu-over-tcp' --tcp 0 --replay 2.capture
sed 's/ > / = /' 1.capture >bad.capture
refused 'bad.capture:[0-9]+: "=": expected' --tcp 0 --replay bad.capture
refused 'none.capture: ' --tcp 0 --replay none.capture
refused 'stands behind the line' --replay 1.capture --tcp 0
refused 'has no model' --tcp 0 --replay 1.capture --print-config

# Of t/data: the answer to analyzer 5's second request comes after its time-out, and is nobody's.
played() {	# capture, VALUES of TPF in order, as jq prints them
	rm -f devices.part analyzers.part config.xml
	device 1 "${@:3}" timeout=0.2
	analyzer 5 1 PM710 address=5 poll_interval=0.5 -- TPF
	write_config
	start_teslad
	subscribe "$1" reading/4/5/
	teslactl start >/dev/null
	wait_for 20 lines_at_least "$(jq length <<<"$2")" "$1.jsonl"
	stop "$1"
	stop teslad
	stop sim
	assert_eq "values of $1" "$(jq -sc "[.[].v][:$(jq length <<<"$2")]" "$1.jsonl")" "$2"
}
start_sim sim --pty "$tmp/line" --replay "$top/t/data/late.capture"
played late '[[231.11,231.22,231.33],[null,null,null],[230.01,230.02,230.03]]' \
	serial port="$tmp/line" baud=19200 late_max=0.3
start_sim sim --tcp 0 --replay "$top/t/data/hangup.capture"
played hangup '[[231.11,231.22,231.33],[null,null,null],[230.01,230.02,230.03]]' \
	tcp host=127.0.0.1 port="$(sim_port sim)"
grep -q 'the far end closed the connection' teslad.log || fail "it did not hang up"
