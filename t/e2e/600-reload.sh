#!/usr/bin/env bash
# seconds: 34; san
# SPDX-License-Identifier: Apache-2.0
# The configuration changes while it runs: analyzers, variables, intervals, lines, exporters, models
# and settings.  Who did not change misses nothing; what is wrong changes nothing and is said.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

start_sim sim --tcp 0 --tcp 0 --tcp 0 --meter '*=PM710'
mkdir data other models
cp "$TESLA_MODELDIR"/*.xml models
export TESLA_MODELDIR=$tmp/models

ask() { # JSON
	py "$top/t/e2e/control.py" "$control" "$1"
}
reload() {
	ask '{"cmd":"reload"}'
}
refused() { # regex
	local answer
	! answer=$(reload) || fail "it was taken: $answer"
	assert_match "the error" "$(jq -r .error <<<"$answer")" "$1"
	assert_eq "generation" "$(ctl status | jq .generation)" "$generation"
}
taken() { # changes, as jq prints them
	local answer
	answer=$(reload) || fail "refused: $answer"
	assert_eq "changes" "$(jq -c '[.changes | .added, .removed, .changed]' <<<"$answer")" "$1"
	test "$1" = '[[],[],[]]' || generation=$((generation + 1))
	assert_eq "generation" "$(jq .generation <<<"$answer")" "$generation"
}
lines() { # [timeout of line 2]
	rm -f devices.part
	device 1 tcp host=127.0.0.1 port="$(sim_port sim 1)"
	device 2 tcp host=127.0.0.1 port="$(sim_port sim 2)" timeout="${1:-1}"
}
first() { # the one that never changes
	rm -f analyzers.part
	analyzer 1 1 PM710 address=1 poll_interval=0.2 record_interval=2s export=localFile:data -- TPF PAT
}
swept() { # ID, how many
	local have
	have=$(ctl status | jq ".analyzers[] | select(.id == $1).sweeps")
	test "$have" -ge "$2"
}
has_good() { # how many variables of analyzer 2
	test "$(ctl snapshot | jq '[.readings[] | select(.analyzer == 2 and .q[0] == 0)] | length')" = "$1"
}
variables_are() { # of analyzer 2
	test "$(ctl snapshot | jq -c '[.readings[] | select(.analyzer == 2).variable]')" = "$1"
}
has_file() { # folder: a day file
	compgen -G "$1/2*.txt" >/dev/null
}
generation_is() {
	test "$(ctl status | jq .generation)" = "$1"
}
goes_on() { # ID...
	local id was
	for id; do
		was=$(ctl status | jq ".analyzers[] | select(.id == $id).sweeps")
		wait_for 10 swept "$id" $((was + 3))
	done
}

generation=1
lines
first
analyzer 2 2 PM710 address=2 poll_interval=0.2 record_interval=2s -- TPF
write_config
write_ini
start_teslad
subscribe seen
goes_on 1 2

# Nothing is different: nothing happens.
taken '[[],[],[]]'

# An analyzer more, on a line that is there; another interval; another variable; one less.
first
analyzer 2 2 PM710 address=2 poll_interval=0.2 record_interval=2s -- TPF
analyzer 3 1 PM710 address=3 poll_interval=0.2 -- FRE
write_config
taken '[["analyzer 3"],[],[]]'
goes_on 1 2 3
first
analyzer 2 2 PM710 address=2 poll_interval=0.4 record_interval=2s -- FRE TPF
analyzer 3 1 PM710 address=3 poll_interval=0.2 -- FRE
write_config
taken '[[],[],["analyzer 2"]]'
goes_on 1 2 3
assert_eq "interval" "$(ctl status | jq '.analyzers[] | select(.id == 2).interval_ms')" 400
wait_for 5 has_good 2
first
analyzer 2 2 PM710 address=2 poll_interval=0.4 record_interval=2s -- FRE TPF
write_config
taken '[[],["analyzer 3"],[]]'
goes_on 1 2
assert_eq "analyzers" "$(ctl status | jq -c '[.analyzers[].id]')" '[1,2]'

# It comes back, and a line with it; the line of another changes.
lines 0.7
device 3 tcp host=127.0.0.1 port="$(sim_port sim 3)"
first
analyzer 2 2 PM710 address=2 poll_interval=0.4 record_interval=2s -- FRE TPF
analyzer 3 3 PM710 address=3 poll_interval=0.2 -- FRE
write_config
taken '[["line 3","analyzer 3"],[],["line 2","analyzer 2"]]'
goes_on 1 2 3

# Exporters: one more, another target of the first, one less.
first
analyzer 2 2 PM710 address=2 poll_interval=0.4 record_interval=2s export=localFile:other -- FRE TPF
write_config
taken '[["exporter localFile:other"],["analyzer 3"],[]]'
wait_for 10 has_file other/2
goes_on 1 2

# What is wrong is said with its place, and nothing changes.
cp config.xml good.xml
sed -i 's/<variable>FRE</<variable>FREE</' config.xml
refused 'config.xml:[0-9]+:[0-9]+: .*has no variable FREE'
sed 's/driver="modBusComm"/driver="noSuch"/' good.xml >config.xml
refused 'driver noSuch: not found'
head -c 300 good.xml >config.xml
refused 'config.xml:[0-9]+'
rm config.xml
refused 'config.xml'
sed 's/<node id="4"/<node id="5"/' good.xml >config.xml
refused "the node's id is 5, it was 4"
sed 's/target="other"/target="missing"/' good.xml >config.xml
refused 'missing'
cp good.xml config.xml
goes_on 1 2

# SIGHUP does the same; settings: the level, and what only a start can change.
write_ini General.log_level=info General.run_dir="$tmp/elsewhere"
kill -HUP "${pids[teslad]}"
wait_for 10 generation_is $((generation + 1))
generation=$((generation + 1))
assert_eq "last reload" "$(ctl status | jq -c '.reload | [.ok, .error]')" '[true,null]'
assert_match "warnings" "$(ctl status | jq -r '.warnings[]')" 'run_dir is .* from the next start on'
write_ini
taken '[[],[],["log_level"]]'

# What takes effect later is said, also when nothing else is different.
write_ini Journal.max_size=300M
reload >answer
assert_match "warnings" "$(jq -r '.warnings[]' answer)" '\[Journal\] takes effect at the next start'
write_ini

# Variables for a while, until the next reload.
ask '{"cmd":"set-variables","analyzer":2,"variables":["PAT"]}' | jq -e .ok >/dev/null
generation=$((generation + 1))
wait_for 5 variables_are '["PAT"]'
! ask '{"cmd":"set-variables","analyzer":2,"variables":["NONE"]}' >answer || fail "NONE was taken"
assert_match "the error" "$(cat answer)" 'has no variable NONE'
taken '[[],[],["analyzer 2"]]'
goes_on 1 2

# A model: whoever has it is asked anew; one that is broken changes nothing.
cp models/PM710.xml PM710.xml
echo '<!-- another text -->' >>models/PM710.xml
taken '[[],[],["analyzer 1","analyzer 2"]]'
goes_on 1 2
sed -i 's/<variable /<varable /' models/PM710.xml
refused 'models/PM710.xml:[0-9]+:[0-9]+'
cp PM710.xml models/PM710.xml
taken '[[],[],["analyzer 1","analyzer 2"]]'
goes_on 1 2

# Nobody but the changed ones noticed.
stop seen
ctl status >status.json
assert_eq "restarts" "$(jq '[.hosts[].restarts] | add' status.json)" 0
assert_eq "failed" "$(jq '[.analyzers[].failed] | add' status.json)" 0
py "$top/t/e2e/peer.py" gaps <(jq -c 'select(.topic | startswith("reading/4/1/"))' seen.jsonl) >gaps.json
assert_eq "holes of analyzer 1" "$(jq -c '[.k_holes, .k_doubled, .n_holes, .n_doubled]' gaps.json)" '[0,0,0,0]'
py "$top/t/e2e/peer.py" gaps seen.jsonl >gaps.json
assert_eq "doubles of all" "$(jq -c .k_doubled gaps.json)" 0

# The stream goes, and comes back: what tells of it in between tells of what is there.
write_ini Stream.endpoint=
taken '[[],[],["stream"]]'
for _ in 1 2 3 4 5; do
	assert_eq "exporters" "$(ctl status | jq -c '[.exporters[].id]')" '["localFile:data","localFile:other"]'
done
write_ini
taken '[[],[],["stream"]]'
assert_eq "exporters" "$(ctl status | jq -c '[.exporters[].id] | sort')" '["localFile:data","localFile:other","stream"]'
# One that cannot be is refused, and the one that there is stays.
streams() {
	ctl status | jq -e '.exporters[] | select(.id == "stream") | .state == "running" and .reason == null' >/dev/null
}
wait_for 10 streams
write_ini Stream.endpoint=tcp://127.0.0.1:70000
refused 'lector.ini:[0-9]+: .*\[Stream\].*expected a port from 1 to 65535'
assert_eq "the stream" "$(ctl status | jq -r .stream)" "$stream"
streams || fail "the stream did not stay"
write_ini
stop teslad
# Its records are whole: every window once, in order.
awk -F'\t' '$1 != "HORA" { print $1 }' data/1/2*.txt >ends
assert_eq "records in order" "$(sort -u ends | cmp - ends && echo same)" same
