#!/usr/bin/env bash
# seconds: 22
# SPDX-License-Identifier: Apache-2.0
# teslad runs through the hour that daylight saving repeats in Europe/Madrid, by a clock that is set
# from one quarter's end to the next: each quarter has a record, in UTC and in the day file.
. "$(dirname "$0")/../lib.sh"
requires jq python:msgpack nm
export TZ=Europe/Madrid
test "$(date -d @1761350400 +%H)" = 02 || skip "no time zone Europe/Madrid here"
start_shim clock

start_sim sim --tcp 0
start_rest new --api v1 --out "$tmp/new.jsonl"
mkdir data
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 poll_interval=0.2 record_interval=15 export=localFile:data \
	export="<export type=\"clientRest\" target=\"$(rest_url new)/api/v1\" api=\"v1\"/>" -- FRE
write_config
export TESLA_CLOCK=$tmp/clock
show_as() {	# from now on the daemon's clock goes on from this second of 1970
	py - "$1" >clock.new <<-'END'
	import struct, sys, time
	us = int(sys.argv[1]) * 1000000 - int(time.time() * 1000000)
	sys.stdout.buffer.write(struct.pack("<q", us))
	END
	mv clock.new clock
}
has_end() {
	jq -s -e --argjson s "$1" 'any(.[]; .end_ms == $s * 1000)' new.jsonl >/dev/null
}
# 2026-10-25: at 01:00 UTC, 03:00 becomes 02:00 again.
first=$(date -u -d 2026-10-25T00:30:00Z +%s)
sweeps_reach() {
	ctl status | jq -e --argjson n "$1" '.analyzers[0].sweeps >= $n' >/dev/null
}
show_as $((first - 900))	# long before: however long the start takes
start_teslad
wait_for 10 sweeps_reach 1
for i in 0 1 2 3 4 5 6 7 8; do
	show_as $((first + 900 * i - 2))
	wait_for 15 has_end $((first + 900 * i))
done
wait_for 10 drained
stop teslad
# What the start made of the windows before that is no matter here.
ends() {
	sed -n "/^$1/,\$p" | tr '\n' ' '
}
assert_eq "ends over v1" "$(jq -r '.end_ms / 1000 | todate | .[11:16]' new.jsonl | ends 00:30)" \
	"00:30 00:45 01:00 01:15 01:30 01:45 02:00 02:15 02:30 "
assert_eq "ends in the day file" "$(grep -hv HORA data/1/20261025.txt | cut -c1-5 | ends 02:30)" \
	"02:30 02:45 02:00 02:15 02:30 02:45 03:00 03:15 03:30 "
