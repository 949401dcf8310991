#!/usr/bin/env bash
# seconds: 20
# SPDX-License-Identifier: Apache-2.0
# tools/demo ends with 0 when readings came, by itself or on a signal, with and without a terminal,
# and leaves no process and no file.
. "$(dirname "$0")/../lib.sh"
requires script

export TMPDIR=$tmp/demo TESLA_STAGE
mkdir demo
left_nothing() {
	assert_eq "files left" "$(ls demo)" ""
	wait_for 2 nothing_left
}
# A table with a line per variable of each analyzer: 4 x 10, values in it.
shows() {	# file
	grep -aEq 'TPF.*[0-9]' "$1"
}

"$top/tools/demo" --seconds 8 >plain.log 2>&1 </dev/null || fail "without a terminal: ended with $?"
shows plain.log || fail "no readings in what it printed"
grep -Eq '^HORA	TPF0	TPF1	TPF2	' plain.log || fail "no day file in what it printed"
grep -Eq '^[0-9]{2}:[0-9]{2}:[0-9]{2}	 +2[0-9]{2}\.[0-9]{2}	' plain.log || fail "no record in what it printed"
left_nothing

TERM=xterm script -qefc "'$top/tools/demo' --seconds 2" /dev/null >terminal.log </dev/null ||
	fail "in a terminal: ended with $?"
shows terminal.log || fail "no readings on the terminal"
left_nothing

for signal in INT TERM; do
	start demo "$top/tools/demo"
	wait_for 10 shows demo.log
	stop demo $signal
	assert_eq "status after SIG$signal" "$status" 0
	left_nothing
done

# A table that has no handler for it yet.
mkdir early earlystage
cat >early/teslactl <<END
#!/bin/sh
PATH=\${PATH#*early:}
for word; do
	test "\$word" != watch || { echo up >$tmp/up; exec sleep 60; }
done
exec teslactl "\$@"
END
chmod +x early/teslactl
{ cat "$TESLA_STAGE/env"; echo "PATH=$tmp/early:\$PATH"; } >earlystage/env
for signal in INT TERM; do
	rm -f up
	TESLA_STAGE=$tmp/earlystage start demo "$top/tools/demo"
	wait_for 10 test -e up
	stop demo $signal
	assert_eq "status after an early SIG$signal" "$status" 0
	left_nothing
done

# Killed, it cannot clean its folder, but its programs end.
start demo "$top/tools/demo"
wait_for 10 shows demo.log
stop demo KILL
wait_for 10 nothing_left

assert_status 2 "$top/tools/demo" --seconds soon >usage.log 2>&1
# Without a simulator there are no readings.
mkdir stub
printf '#!/bin/sh\nexit 1\n' >stub/tesla-sim
chmod +x stub/tesla-sim
mkdir stage
{ cat "$TESLA_STAGE/env"; echo "PATH=$tmp/stub:\$PATH"; } >stage/env
assert_status 1 env TESLA_STAGE="$tmp/stage" "$top/tools/demo" --seconds 2 >broken.log 2>&1
