#!/usr/bin/env bash
# seconds: 8; san
# SPDX-License-Identifier: Apache-2.0
# Settings of lector.ini that are no change of what runs: each alone is taken by a reload; what only a
# start can change is told as it is until then, and each reload says so.
. "$(dirname "$0")/../lib.sh"
requires jq

start_sim sim --tcp 0 --meter '*=PM710'
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 address=1 poll_interval=0.2 -- TPF
write_config
mkdir logs
settings() {
	rm -f lector.ini
	write_ini General.log_dir="$tmp/logs" "$@"
}
reload() { # changes that are told
	py "$top/t/e2e/control.py" "$control" '{"cmd":"reload"}' >answer || fail "refused: $(cat answer)"
	assert_eq "changes" "$(jq -c '.changes.changed' answer)" "${1:-[]}"
}
warns() {
	assert_eq "warnings" "$(jq -r '.warnings[]' answer | grep -c '\[Journal\] takes effect at the next start')" 1
	ctl status | jq -r '.warnings[]' | grep -q '\[Journal\] takes effect' || fail "status does not warn"
}
max_size() {
	assert_eq "max_bytes of journal list" "$(ctl journal | jq .max_bytes)" "$1"
	teslactl metrics >samples	# grep -q would leave it with a broken pipe
	grep -q "^tesla_journal_limit_bytes $1\$" samples || fail "the metric of max_size is not $1"
}
start_teslad_logs() {
	start_teslad
	wait_for 10 analyzer_is 1 state online
}

# Log files.
settings General.log_size=10M Journal.max_size=200M
head -c 3000000 /dev/zero | tr '\0' '#' >logs/teslad.log
echo >>logs/teslad.log
start_teslad_logs
settings General.log_size=1M Journal.max_size=200M
reload
wait_for 5 test -e logs/teslad.log.1

# The journal's bounds are those of the start, alone or with a change beside.
max_size 209715200
settings General.log_size=1M Journal.max_size=400M
for _ in 1 2; do
	reload
	warns
	max_size 209715200
done
settings General.log_size=1M Journal.max_size=400M General.log_level=info
reload '["log_level"]'
warns
max_size 209715200
reload
warns
settings General.log_size=1M Journal.max_size=200M General.log_level=info
reload
assert_eq "warnings" "$(jq -c .warnings answer)" '[]'
assert_eq "warnings of status" "$(ctl status | jq -c .warnings)" '[]'

# A level that was set by hand holds until a reload, whatever that finds.
py "$top/t/e2e/control.py" "$control" '{"cmd":"log-level","level":"warning"}' >/dev/null
reload
assert_eq "level" "$(py "$top/t/e2e/control.py" "$control" '{"cmd":"log-level"}' | jq -r .level)" info

# Whether hosts are confined is for those that begin later.
settings Journal.max_size=200M General.log_level=info General.confine=no
reload
unconfined() {
	ctl status | jq -e '.hosts[] | select(.kind == "driver") | .state == "running" and .confined == false
		and .unconfined != null and (.unconfined | test("confine = no"))' >/dev/null
}
! unconfined || fail "a host that runs is not confined any more"
kill -KILL "$(ctl status | jq '.hosts[] | select(.kind == "driver").pid')"
wait_for 10 unconfined
stop teslad
assert_eq "exit status" "$status" 0
