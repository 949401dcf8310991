#!/usr/bin/env bash
# seconds: 6; san
# SPDX-License-Identifier: Apache-2.0
# The library of these tests: each case is a small test that must end as said, with that text.
. "$(dirname "$0")/../lib.sh"

try() {	# what, expected status, expected text (a regular expression); the script on stdin
	local got=0
	{
		echo "#!/usr/bin/env bash"
		echo ". '$top/t/lib.sh'"
		cat
	} >case.sh
	TMPDIR=$tmp bash case.sh >case.out 2>&1 || got=$?
	cat case.out
	assert_eq "$1: status" "$got" "$2"
	assert_match "$1: output" "$(cat case.out)" "$3"
	assert_eq "$1: left behind" "$(find . -maxdepth 1 -name 'tesla-test.*')" ""
}

try "a good one" 0 fine <<'END'
start sleeper sleep 100
alive "$pid"
wait_for 5 grep -qa ^sleep "/proc/$pid/cmdline"	# until then it is a bash, which may lose a signal
stop sleeper
assert_eq "status of TERM" "$status" 143
gone "$pid"
echo fine
END
try "a failed command" 1 'FAILED \(case.sh:4\): false' <<'END'
true
false
END
try "a failed assert" 1 "FAILED \(case.sh:3\): number: got '1', expected '2'" <<'END'
assert_eq number 1 2
END
try "a condition that never comes" 1 'FAILED .*after 0 s still not: test -e nothing' <<'END'
wait_for 0 test -e nothing
END
try "a command that is not there" 77 'skipped: needs no-such-command' <<'END'
requires no-such-command
END
try "something left running" 1 'left running: .*sleep 77' <<'END'
sleep 77 &
wait_for 5 grep -qa ^sleep "/proc/$!/cmdline"	# until then it is a bash, whose environment is older
END
try "something that will not end" 1 'deaf did not end' <<'END'
slower=0
start deaf bash -c 'trap "" TERM; echo up; while :; do read -r -t 9 _ <> <(:); done'
retry_unscaled=200
until grep -q up deaf.log; do test $((retry_unscaled--)) -gt 0; sleep 0.03; done
END
try "a sanitizer's report" 1 'FAILED AddressSanitizer: heap' <<'END'
echo "SUMMARY: AddressSanitizer: heap-use-after-free" >sanitizer.1
END
try "logs of a failure" 1 'what it said' <<'END'
start talker echo what it said
wait_for 5 gone "$pid"
fail on purpose
END
