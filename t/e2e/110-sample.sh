#!/usr/bin/env bash
# seconds: 6; san
# SPDX-License-Identifier: Apache-2.0
# The predecessor's sample with another port runs; that the folder of its localFile is missing is an
# error for -t and a warning at a start.  As its page shows it, without the closing tag, it is a clear error.
. "$(dirname "$0")/../lib.sh"
requires jq

sed "s,COM1:,$tmp/line," "$top/t/data/predecessor.xml" >config.xml
write_ini
variables='CEA CER FPT FRE IPF PAF PAT PRT THDV TPF'

assert_status 1 teslad -c config.xml -i lector.ini -t >check.log 2>&1
assert_match "teslad -t" "$(cat check.log)" 'config.xml:[0-9]+:[0-9]+: error: .*localFile: .*make the folder'

start_sim sim --pty "$tmp/line" --baud 19200
start_teslad
snapshot_has_all() {
	test "$(ctl snapshot | jq -r '.readings[] | select(.q | all(. == 0)) | .variable' |
		sort -u | xargs)" = "$variables"
}
wait_for 10 snapshot_has_all
assert_match "units" "$(ctl snapshot | jq -r '.readings[] | "\(.variable) \(.u)"' | sort | xargs)" \
	'CEA Wh CER varh FPT.* FRE Hz IPF A PAF W PAT W PRT var THDV % TPF V'
assert_match "warnings in status" "$(ctl status | jq -r '.warnings[]')" \
	'^config.xml:[0-9]+:[0-9]+: .*localFile'
assert_eq "warnings in the log" "$(grep -cE 'warning.*config.xml:[0-9]+:[0-9]+: .*localFile' teslad.log)" 1
assert_eq "node" "$(ctl status | jq -r .node.id,.node.name | xargs)" "4 CIFP Joan Taix"
stop teslad
assert_eq "end of teslad" "$status" 0
mkdir dades
assert_status 0 teslad -c config.xml -i lector.ini -t >check.log 2>&1
assert_eq "teslad -t" "$(tail -n 1 check.log)" ok
assert_match "no warnings" "$(grep -c warning check.log || true)" '^0$'

# As it stands on that page.
cp "$top/t/data/bad/unclosed.xml" .
last=$(wc -l <unclosed.xml)
for arguments in "-t" ""; do
	# shellcheck disable=SC2086
	assert_status 1 teslad -c unclosed.xml -i lector.ini $arguments >check.log 2>&1
	assert_match "teslad $arguments" "$(cat check.log)" \
		"unclosed.xml:($last|$((last + 1))):[0-9]+: .*configuracio"
done
