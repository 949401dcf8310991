#!/usr/bin/env bash
# seconds: 8; san
# SPDX-License-Identifier: Apache-2.0
# Meters that refuse a read with an undefined register in it: each of the first sweeps finds one gap
# that must not be read across, and still has every variable; then there is no exception any more,
# and a second line with the same model does not ask again.
. "$(dirname "$0")/../lib.sh"
requires jq

variables='TPF IPF FRE PAF PAT PRT FPT THDV CEA CER'
second=$(free_port)
start_sim sim1 --tcp 0 --holes refuse --control "$tmp/sim1.ctl"
device 1 tcp host=127.0.0.1 port="$(sim_port sim1)" timeout=0.5 backoff_max=1
device 2 tcp host=127.0.0.1 port="$second" timeout=0.5 backoff_max=1
for id in 1 2; do
	# shellcheck disable=SC2086
	analyzer $id $id PM710 address=1 poll_interval=0.2s -- $variables
done
write_config
start_teslad

stats() {
	py "$top/t/e2e/peer.py" sim "$tmp/$1.ctl" stats
}
swept() {
	ctl status | jq -e --argjson id "$1" --argjson n "$2" \
		'.analyzers[] | select(.id == $id) | .state == "online" and .sweeps >= $n' >/dev/null
}
exceptions() {
	ctl status | jq --argjson id "$1" '.analyzers[] | select(.id == $id).exceptions'
}
good() {	# variables of an analyzer that are good in all elements
	ctl snapshot | jq -r --argjson id "$1" \
		'[.readings[] | select(.analyzer == $id and (.q | all(. == 0))).variable] | sort | join(" ")'
}
plan() {
	ctl plan | jq -c --argjson id "$1" '[.lines[] | select(.id == $id).analyzers[0].transactions[] | .[1:3]]'
}
wait_for 10 swept 1 1
test "$(exceptions 1)" -gt 0 || fail "nothing was refused"
assert_eq "good variables at first" "$(good 1)" "$(xargs -n 1 <<<"$variables" | sort | xargs)"
# The ten variables have five gaps between them.
wait_for 5 swept 1 7
learned=$(exceptions 1)
wait_for 5 swept 1 15
assert_eq "exceptions, later" "$(exceptions 1)" "$learned"
assert_eq "failed sweeps" "$(ctl status | jq '.analyzers[0].failed')" 0
assert_eq "gaps in the log" "$(grep -c 'model PM710: function 3 does not read 0x.*learned' teslad.log)" 5

# What is read now has only registers that the model defines, each wanted one of them once.
plan 1
plan 1 >plan.json
assert_eq "split" "$(jq 'length > 1' plan.json)" true
py - "$TESLA_MODELDIR/PM710.xml" >registers.json <<'END'
import json, sys, xml.etree.ElementTree as xml
words = {"int32": 2, "uint32": 2}
print(json.dumps([int(e.get("address")) + i for v in xml.parse(sys.argv[1]).iter("variable") for e in v.iter("element")
                  for i in range(words.get(v.get("type"), 1))]))
END
assert_eq "undefined registers in the plan" \
	"$(jq -c --slurpfile defined registers.json '[.[] | range(.[0]; .[0] + .[1])] - $defined[0]' plan.json)" "[]"

# The second meter is switched on.
start_sim sim2 --tcp "$second" --holes refuse --control "$tmp/sim2.ctl"
wait_for 10 swept 2 5
echo "exceptions: $learned on line 1, $(stats sim2 | jq '.lines[0].exceptions') on line 2"
test "$(stats sim2 | jq '.lines[0].exceptions')" -le 1 || fail "line 2 repeats the lesson"
assert_eq "plan of line 2" "$(plan 2)" "$(cat plan.json)"
assert_eq "good variables of line 2" "$(good 2)" "$(good 1)"
