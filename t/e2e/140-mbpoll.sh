#!/usr/bin/env bash
# seconds: 4; san
# SPDX-License-Identifier: Apache-2.0
# mbpoll, written by others, reads from tesla-sim what it was told to play, on TCP and on a pty.
. "$(dirname "$0")/../lib.sh"
requires mbpoll

# Wire addresses: CEA 3999, PAT 4005, FPT 4008, TPF 4032, scales of current, voltage, power, energy
# 4104.
start_sim sim --tcp 0 --pty "$tmp/line" --meter 7=PM710 --meter 9=PM710 \
	--scale FEI=0 --scale FEV=-1 --scale FEP=-2 --scale FEE=4 \
	--fix TPF.L1=230.1 --fix TPF.L2=230.2 --fix TPF.L3=230.3 --fix FPT=nan \
	--fix PAT=-1230 --fix 9:PAT=1230 \
	--raw 3999=0x8000,0x0001

read_all() {	# address, then how to get there
	local address=$1 first
	shift
	for first in "3999 -c 2" "4005 -c 1" "4008 -c 1" "4032 -c 3" "4104 -c 4"; do
		# shellcheck disable=SC2086
		mbpoll -q -1 -0 -a "$address" -t 4 -r $first "$@" | tee -a mbpoll.log |
			sed -n 's/^\[\([0-9]*\)\]:[[:space:]]*\([0-9]*\).*/\1=\2/p'
	done | xargs
}
same='4008=32768 4032=2301 4033=2302 4034=2303 4104=0 4105=65535 4106=65534 4107=4'
for way in "-m tcp -p $(sim_port sim) 127.0.0.1" "-m rtu -b 19200 -P none $tmp/line"; do
	# shellcheck disable=SC2086
	for address in 7 9; do
		pat=123
		test $address = 9 || pat=$((65536 - 123))
		assert_eq "address $address, $way" "$(read_all $address $way)" \
			"3999=32768 4000=1 4005=$pat $same"
	done
done

# An address that nobody has: no answer on the line.
! mbpoll -q -1 -0 -a 8 -o 0.3 -r 4032 -m rtu -b 19200 -P none "$tmp/line" >>mbpoll.log 2>&1 ||
	fail "somebody answered for address 8"
