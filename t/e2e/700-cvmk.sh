#!/usr/bin/env bash
# seconds: 6; san
# SPDX-License-Identifier: Apache-2.0
# CVMk meters, all 23 variables to the stream: played by an independent peer on a pty and behind a
# converter (cvmk.py has the facts: padding, signs, points, blanks, marks of overflow), and by
# tesla-sim through the config.xml that it prints itself.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

start pty py "$top/t/e2e/cvmk.py" serve pty "$tmp/meters"
port=$(free_port)
start tcp py "$top/t/e2e/cvmk.py" serve tcp "$port"
wait_for 10 grep -qs ready pty.log
wait_for 10 grep -qs ready tcp.log
device 1 serial port="$tmp/meters" baud=115200 timeout=0.5
device 2 rtu-over-tcp host=127.0.0.1 port="$port" timeout=0.5
while read -r kind id address variables; do
	# The predecessor's name of the driver is a link.
	driver=cvmk line=1
	test "$kind" = pty || driver=cvmComm line=2
	# shellcheck disable=SC2086
	analyzer "$id" $line CVMk address="$address" driver=$driver data=cvmData poll_interval=3 -- $variables
done < <(py "$top/t/e2e/cvmk.py" config)
write_config
teslad -t -c config.xml -i lector.ini >check.log || fail "$(cat check.log)"
grep -q '^    command RVm$' check.log || fail "no command in the plan"
start_teslad
subscribe seen reading/
judged() {
	py "$top/t/e2e/cvmk.py" judge seen.jsonl >judge.log
}
wait_for 30 judged
assert_eq "identity" "$(ctl status | jq -r '.analyzers[] | select(.id == 107) | [.identity, .verified] | join(", ")')" \
	"CVMk Ver. 2.17, yes"
assert_match "the case of commands" "$(cat pty.log)" '^0 RVm$'
stop seen
stop teslad

# The simulator's, with another value in each element, all of them on one line, and those on Modbus
# TCP that are no CVMk.
variables=$(py "$top/t/e2e/cvmk.py" variables)
facts=() options=()
n=0
for v in $variables; do
	n=$((n + 1))
	case $v in
	*FM | *Fm | FPT) options+=(--fix "$v=0.$((10 + n))") facts+=("\"$v\": 0.$((10 + n))") ;;
	*) options+=(--fix "$v=$n") facts+=("\"$v\": $n") ;;
	esac
done
start_sim sim --pty "$tmp/sim" --baud 115200 --rtu-over-tcp 0 --tcp 0 --meter 0-3=CVMk --meter 9=PM710 \
	--print-config="$tmp/sim.xml" "${options[@]}"
assert_eq "analyzers" "$(grep -c 'driver="cvmk" data_driver="cvmData"' sim.xml) $(grep -c '<analyzer ' sim.xml)" "8 11"
rm -rf run state
mv sim.xml config.xml
start_teslad
echo "{ $(printf '%s, ' "${facts[@]}") \"none\": 0 }" >facts.json
snapshot_right() {
	ctl snapshot >snapshot.json
	jq -e --slurpfile facts facts.json '
		[.readings[] | select(.analyzer <= 4 or (.analyzer >= 6 and .analyzer <= 9))] as $r
		| ($r | length) == 8 * 23 and all($r[]; . as $x
			| all($x.v[]; . == $facts[0][$x.variable]))' snapshot.json >/dev/null
}
wait_for 30 snapshot_right
# Who is on the same line of the other protocol understands nothing of it.
py - "$(sed -n 's/^ready rtu-over-tcp .*://p' sim.log)" <<'END' || fail "meters of both protocols on one line"
import socket
import sys


def says(request):
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as line:
        line.settimeout(0.5)
        line.sendall(request)
        try:
            return line.recv(256)
        except TimeoutError:
            return b""


def ascii_request(address):
    text = b"$%02dRVM" % address
    return text + b"%02X\n" % (sum(text) % 256)


assert says(ascii_request(9)) == b"", "the PM710 answers in ASCII"
assert says(bytes.fromhex("0311c14c")) == b"", "the CVMk answers Modbus"
assert says(ascii_request(3)).startswith(b"$03")
assert says(bytes.fromhex("0911c7ec"))[:2] == b"\x09\x11"
END
assert_eq "identities" "$(ctl status | jq -r '[.analyzers[] | select(.model == "CVMk") | .identity] | unique | join(",")')" \
	"CVMk Ver. simulated"
