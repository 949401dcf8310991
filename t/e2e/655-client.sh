#!/usr/bin/env bash
# seconds: 15; san
# SPDX-License-Identifier: Apache-2.0
# libtesla's examples: the last values; a follower that was there before the daemon, asks it where
# the stream is, gets only what it wants, says that the daemon is away, and finds the stream where
# the next daemon has it.
. "$(dirname "$0")/../lib.sh"
requires jq
examples=$(dirname "$TESLA_STAGE")/core/client/examples
test -x "$examples/follow" || skip "core/client/examples is not built: make check TESTS="

assert_status 1 "$examples/snapshot" "ipc://$tmp/nobody" 2>nobody.log
grep -q "no teslad at .*$tmp/nobody" nobody.log || fail "does not say whom it looked for"
assert_status 1 "$examples/follow" -s junk 2>junk.log
grep -q 'an endpoint is such as' junk.log || fail "does not say what an endpoint is"

start_sim sim --tcp 0 --meter 1-2=PM710 --fix TPF=230 --fix 2:PAT=nan
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 poll_interval=0.2s record_interval=1s -- TPF
analyzer 2 1 PM710 poll_interval=0.2s -- PAT TPF
write_config
start follow "$examples/follow" reading/4/1/ record/4/1/
told() {
	grep -Pq -- "$1" follow.log
}
wait_for 10 told '^down\tno answer from teslad'
start_teslad
wait_for 10 told '^up'
wait_for 10 told '^reading\treading/4/1/TPF/\t\d+\t\d+\tstream\t\d+\t230,230,230\t0,0,0\tL1,L2,L3$'
wait_for 10 analyzer_is 2 state online
"$examples/snapshot" >last.log
assert_eq "last values" "$(sort last.log | tr '\n' ';')" \
	"1 TPF L1 230 V (quality 0);1 TPF L2 230 V (quality 0);1 TPF L3 230 V (quality 0);$(
	)2 PAT total no value (quality 1);$(
	)2 TPF L1 230 V (quality 0);2 TPF L2 230 V (quality 0);2 TPF L3 230 V (quality 0);"

before=$(ctl status | jq .epoch_ms)
stop teslad
wait_for 10 told '^down\tnothing has come'
write_ini "Stream.endpoint=$stream.moved"
start_teslad
wait_for 10 told "^restart\t$before\t$(ctl status | jq .epoch_ms)\$"
wait_for 10 told "^reading\treading/4/1/TPF/\t$(ctl status | jq .epoch_ms)\t\d+\tstream"
wait_for 10 told '^message\trecord/4/1/'
told 'reading/4/2/|\tnode/|record/4/2' && fail "told what was not asked for"
assert_eq "down and up" "$(grep -Pc '^(up|down)\t' follow.log)" 4
stop follow
assert_eq "status of follow" "$status" 0
