#!/usr/bin/env bash
# seconds: 6; san
# SPDX-License-Identifier: Apache-2.0
# Who a meter is: by function 17, by 43 where 17 is refused or says nothing, or not at all; over TCP
# and on a serial line.  identities.py has the meters; a PM710 of tesla-sim that knows only one of them.
. "$(dirname "$0")/../lib.sh"
requires socat jq python:pymodbus

meter=$(free_port)
start slave py "$top/t/e2e/identities.py" tcp "$meter"
start pair socat -x "PTY,raw,echo=0,link=$tmp/meter" "PTY,raw,echo=0,link=$tmp/line"
wait_for 5 test -e meter -a -e line
start serial py "$top/t/e2e/identities.py" serial "$tmp/meter"
start_sim sim --tcp 0 --pty "$tmp/simulated" --meter 1-4=PM710 --identity 'SE PM710 V3' \
	--identity-by 2:17 --identity-by 3:43 --identity-by 4:none
wait_for 10 tcp_open "$meter"

device 1 tcp host=127.0.0.1 port="$meter"
device 2 serial port="$tmp/line" baud=19200
device 3 tcp host=127.0.0.1 port="$(sim_port sim)"
device 4 serial port="$tmp/simulated" baud=19200
for line in 1 2; do
	for unit in 5 6 7 8; do
		analyzer $((10 * line + unit)) "$line" PM710 address="$unit" -- TPF
	done
done
for line in 3 4; do
	for unit in 1 2 3 4; do
		analyzer $((10 * line + unit)) "$line" PM710 address="$unit" -- TPF
	done
done
write_config
start_teslad

# "ID VERIFIED IDENTITY", a line each, of those that were read.
identities() {
	ctl status | jq -r '.analyzers[] | select(.state == "online") | "\(.id) \(.verified) \(.identity)"'
}
by_43='yes Schneider Electric PM710 V03.160'
expected="15 $by_43
16 no null
17 yes PM710 by 17
18 no null
25 $by_43
26 no null
27 yes PM710 by 17
28 no null
31 yes SE PM710 V3
32 yes SE PM710 V3
33 yes SE PM710 V3
34 no null
41 yes SE PM710 V3
42 yes SE PM710 V3
43 yes SE PM710 V3
44 no null"
all_known() {
	identities >known
	test "$(cat known)" = "$expected"
}
retry 20 all_known || fail "identities:
$(cat known)"

# 17 first, 43 after a refusal or an answer without a text, nothing behind that.
asked="who 5 17
who 5 43
who 6 17
who 6 43
who 7 17
who 8 17
who 8 43"
assert_eq "asked over TCP" "$(sort -u slave.log | grep '^who')" "$asked"
assert_eq "asked on the serial line" "$(sort -u serial.log | grep '^who')" "$asked"
assert_match "function 43 on the wire" "$(cat pair.log)" ' 05 2b 0e 01 00 '

# Asked again, the driver goes by what it knows of each meter.
n=$(wc -l <slave.log)
assert_eq "identify 15" "$(ctl identify 15 | jq -r '.verified')" yes
assert_status 1 ctl identify 16 >refusal 2>&1
assert_match "identify 16" "$(cat refusal)" 'exception 1 \(illegal function\)'
assert_eq "identify 17" "$(ctl identify 17 | jq -r '.verified')" yes
assert_eq "asked again" "$(tail -n "+$((n + 1))" slave.log | grep '^who')" "who 5 43
who 6 17
who 6 43
who 7 17"
