#!/usr/bin/env bash
# seconds: 20
# SPDX-License-Identifier: Apache-2.0
# The folder of localFile is replaced, and another one is mounted over it: its host, which may write
# to what stood there when it began, is started anew, and the records come.
. "$(dirname "$0")/../lib.sh"
requires jq
has_landlock || skip "this kernel has no Landlock"

# Not in $tmp: there a sanitizer's host may write.
away=$(mktemp -d /var/tmp/tesla-test.XXXXXX)
cleanup_fn rm -rf "$away"
mkdir "$away/data"
start_sim sim --tcp 0 --meter '*=PM710'
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 address=1 poll_interval=0.2 record_interval=1s export="localFile:$away/data" -- TPF
write_config
start_teslad
has_lines() { # at least so many
	compgen -G "$away/data/1/2*.txt" >/dev/null && test "$(cat "$away"/data/1/2*.txt | wc -l)" -ge "$1"
}
wait_for 20 has_lines 3
restarts() {
	grep -c "exporter localFile:$away/data: $away/data is another folder than when its host began" teslad.log || true
}

# With an older failure behind it, as when the folder was away for long: the back-off begins anew.
mv "$away/data" "$away/old"
failing() {
	ctl journal | jq -e '.exporters[0] | .backlog >= 4 and .reason != null' >/dev/null
}
wait_for 20 failing
assert_eq "restarts while it is away" "$(restarts)" 0
mkdir "$away/data"
wait_for 20 has_lines 4
wait_for 10 drained
assert_eq "restarts" "$(restarts)" 1
assert_eq "restarts that count as deaths" "$(ctl status | jq '[.hosts[].restarts] | add')" 0

# Mounted over.
if test "$(id -u)" = 0 && mount -t tmpfs -o size=4m none "$away/data" 2>/dev/null; then
	cleanup_fn umount -l "$away/data"
	wait_for 20 has_lines 3
	assert_eq "restarts" "$(restarts)" 2
	umount -l "$away/data"
	n=$(cat "$away"/data/1/2*.txt | wc -l)
	wait_for 20 has_lines $((n + 2))
else
	echo "nothing can be mounted here: left out"
fi
stop teslad
