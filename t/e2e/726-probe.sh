#!/usr/bin/env bash
# seconds: 5; san
# SPDX-License-Identifier: Apache-2.0
# What a register means, by the number that the maker's manual has for it: the likely first, or what
# the meter displays.
. "$(dirname "$0")/../lib.sh"
requires jq

start_sim sim --tcp 0 --meter 1=PM710 --meter 2=SDM630 --meter 3=PM710 \
	--fault exception:address=3,probability=1,code=2 \
	--fix 1:PAT=1234000 --fix 1:FRE=50.02 --fix 2:TPF=231.25 --fix 2:PAT=1234.5
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
for i in 1 2 3; do
	analyzer $i 1 "$(sed -n "${i}p" <<<$'PM710\nSDM630\nPM710')" address=$i -- TPF
done
write_config
start_teslad
first() {	# analyzer, register, more: the first meaning
	ctl probe "$@" | jq -c '.meanings[0] | [.function, .address, .counted, .type, .order, .scale, .value]'
}
# The manual of the PM710 counts from 1, in whole numbers; that of the SDM630 in 30001s, floats.
assert_eq "a frequency" "$(first 1 4013)" '[3,4012,"from 1","uint16","",0.01,50.02]'
assert_eq "kilowatts that are displayed" "$(first 1 4006 --expect 1234)" '[3,4005,"from 1","uint16","",0.1,1234]'
assert_eq "volts of a float" "$(first 2 30001)" '[4,0,"30001 is the first","float32","big",1,231.25]'
assert_eq "watts that are displayed" "$(first 2 0x34 --expect 1234.5)" '[4,52,"from 0","float32","big",1,1234.5]'
assert_match "for people" "$(teslactl probe 1 4013)" 'function 3, address 4012 \(from 1\): 0x138A'
# A refusal, a value that is nowhere near, words that are no numbers.
status=0
teslactl probe 3 4013 >refused.log 2>&1 || status=$?
assert_eq "refused" "$status" 1
assert_match "refused" "$(cat refused.log)" 'illegal address'
assert_match "nothing near" "$(teslactl probe 1 4013 --expect 777777)" 'nothing is near 777777'
assert_status 2 teslactl probe 1 four
assert_status 2 teslactl probe 1 4013 --expect much
assert_status 1 teslactl probe 9 4013
assert_eq "nothing was counted" "$(ctl status | jq -c '[.analyzers[:2][] | .exceptions + .timeouts + .garbled]')" '[0,0]'
