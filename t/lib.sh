# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the end-to-end scripts share.  A script begins
#
#	#!/usr/bin/env bash
#	# seconds: 5; san
#	# SPDX-License-Identifier: Apache-2.0
#	. "$(dirname "$0")/../lib.sh"
#
# Line 2 says how long it takes on two cores (it is ended after four times that, at least two
# minutes; the longest begin first).  "san" asks for a second run under AddressSanitizer, where
# foreign bytes, memory or threads are what is tested; it must not take more than 20 s.  "alone" is
# for one that is sensitive to what else runs; "timed" for one that is, and takes little of the
# machine itself: two of those run at a time, and beside both only what gets what they leave of the
# processors.  Of the others there are four at a time, three under a sanitizer.
#
# From here on the script is in a folder of its own, $tmp, with `set -euE`: a command that fails
# ends the test and names its line; so do `fail TEXT` and the asserts.  `skip TEXT` ends it with 77.
# What was started is ended by pid whatever happens.  The test also fails when a process of it is
# left, when something does not end on SIGTERM, when teslad does not end with 0, or when a sanitizer
# reported.  On failure every *.log in $tmp is shown.  Wait for a condition, never for a time.
#
#   requires CMD...            skip when one is not there (python:MODULE for /usr/bin/python3's)
#   cleanup_fn COMMAND...      run at the end, the last one first
#   wait_for SECONDS COMMAND...    until COMMAND succeeds; past the deadline the test fails
#   retry SECONDS COMMAND...   the same, but returns 1
#   start NAME COMMAND...      in the background; output in $tmp/NAME.log; $pid, ${pids[NAME]}
#   stop NAME [SIGNAL]         ends it (TERM; a stopped one is continued), waits; status in $status
#   forget NAME                the script ended it itself: its status does not matter
#   alive PID                  true while it runs (a zombie does not)
#   free_port                  prints a TCP port that is free and that the system gives to nobody
#   tcp_open PORT              true when somebody listens there on 127.0.0.1
#   py ARGS...                 Debian's Python, which has pymodbus, pyzmq and msgpack
#   assert_eq WHAT GOT WANT    assert_match WHAT TEXT REGEX    assert_status WANT COMMAND...
#
#   device ID TYPE [NAME=VALUE...]      adds a device to config.xml
#   analyzer ID DEVICE MODEL [NAME=VALUE...] -- VARIABLE...     adds an analyzer; names: address,
#                              driver, data, poll_interval (default 1), record_interval (15),
#                              export=TYPE[:TARGET] or export='<export .../>'; others become
#                              parameters
#   write_config               makes config.xml of them, and lector.ini unless it is there
#   write_ini [SECTION.NAME=VALUE...]   lector.ini; control and stream are ipc sockets in $tmp
#   start_sim NAME ARGS...     tesla-sim; returns when it is ready (--tcp 0: any free port)
#   sim_port NAME [N]          the port of its N-th TCP line
#   start_teslad [ARGS...]     with config.xml and lector.ini; returns when its control answers
#   ctl ARGS...                teslactl --json
#   analyzer_is ID KEY VALUE   true when `status` says so
#   start_rest NAME ARGS...    t/e2e/rest_server.py, on a free port; returns when it is ready
#   rest_url NAME              its http://127.0.0.1:PORT
#   drained                    true when the journal is open and nothing waits for an exporter
#   start_shim NAME            teslad gets t/shim/NAME.so from now on (not under AddressSanitizer);
#                              before write_ini, since a shim in a host reads files: confine = no
#   has_landlock               true when this kernel can confine hosts
#   subscribe NAME [PREFIX...]     a pyzmq subscriber; $tmp/NAME.jsonl gets a JSON line per message
#   lines_at_least N FILE      true when the file has N lines
#
# $top is the source tree, $control and $stream the endpoints.

set -euE -o pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TESLA_STAGE=${TESLA_STAGE:-${top_builddir:-$top/build}/stage}
test -f "$TESLA_STAGE/env" || {
	echo "no programs in $TESLA_STAGE: make stage"
	exit 99
}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/tesla-test.XXXXXX")
cd "$tmp"
# shellcheck source=/dev/null
. "$TESLA_STAGE/env"
control=ipc://$tmp/run/control
stream=ipc://$tmp/stream
export TESLA_CONTROL=$control TESLA_TEST=$tmp HOME=$tmp
export XDG_RUNTIME_DIR=$tmp/run XDG_STATE_HOME=$tmp/state
export LC_ALL=C.UTF-8 TZ=UTC
export ASAN_OPTIONS="log_path=$tmp/sanitizer"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1:log_path=$tmp/sanitizer"
export TSAN_OPTIONS="suppressions=$top/t/tsan.supp:log_path=$tmp/sanitizer"
# The suppression of libzmq does not bear that it goes with the plugin that brought it.
test -z "${TESLA_PRELOAD:-}" || export LD_PRELOAD=$TESLA_PRELOAD
# Deadlines are for the plain build; a sanitizer makes everything slower.
slower=${TESLA_SLOWER:-1}

# A test may end inside a redirection; what went wrong is for the test's own output.
exec {out}>&1 {err}>&2
declare -A pids=()
started=()
cleanups=()
pid='' status=0 shim=''

fail() {
	trap - ERR
	say_failed "(${BASH_SOURCE[-1]##*/}:${BASH_LINENO[-2]}): $*"
	exit 1
}

# Said again below the logs.
say_failed() {
	echo "FAILED $*" | tee -a "$tmp/.failed" >&"$out"
}

skip() {
	echo "skipped: $*"
	exit 77
}

requires() {
	local c
	for c; do
		case $c in
		python:*)
			c=${c#python:}
			py -c "import $c" 2>/dev/null || skip "needs Python's $c"
			;;
		*) command -v "$c" >/dev/null || skip "needs $c" ;;
		esac
	done
}

cleanup_fn() {
	cleanups=("$*" "${cleanups[@]}")
}

# What takes long is asked less often, at least five times a second: asking is work too.
retry() {
	local begin=${EPOCHREALTIME/./} now deadline pause
	deadline=$((begin + $1 * slower * 1000000))
	shift
	until "$@"; do
		now=${EPOCHREALTIME/./}
		test "$now" -lt "$deadline" || return 1
		pause=$(((now - begin) / 8000))
		test $pause -ge 30 || pause=30
		test $pause -le 200 || pause=200
		sleep "0.$(printf %03d $pause)"
	done
}

wait_for() {
	retry "$@" || fail "after $1 s still not: ${*:2}"
}

alive() {
	local state
	# The name may hold spaces and brackets; the state follows the last one.
	state=$(sed -n 's/.*) \(.\) .*/\1/p' "/proc/$1/stat" 2>/dev/null) || return 1
	test -n "$state" && test "$state" != Z
}

gone() {
	! alive "$1"
}

start() {
	local name=$1
	shift
	test "$1" != py || set -- /usr/bin/python3 "${@:2}"	# a function would hide the pid
	: >"$tmp/$name.log"	# now: whoever waits for a line is not to find it of the one before
	# The shell starts background commands with SIGINT ignored, which they would hand on.
	env --default-signal=INT,QUIT "$@" >"$tmp/$name.log" 2>&1 </dev/null {out}>&- {err}>&- &
	pid=$!
	pids[$name]=$pid
	started=("$name" "${started[@]}")
}

forget() {
	local i
	for i in "${!started[@]}"; do
		test "${started[i]}" != "$1" || unset "started[$i]"
	done
}

stop() {
	end "$@" || fail "$1 did not end within 10 s of SIG${2:-TERM}"
}

# As stop, but what will not end is killed and 1 returned.
end() {
	local p=${pids[$1]} result=0
	status=0
	forget "$1"
	# Not after it: SIGCONT would undo the SIGSTOP by which LeakSanitizer looks at a process
	# that ends.
	kill -CONT "$p" 2>/dev/null || true
	kill "-${2:-TERM}" "$p" 2>/dev/null || true
	retry 10 gone "$p" || {
		kill -KILL "$p"
		result=1
	}
	wait "$p" 2>/dev/null || status=$?
	return $result
}

free_port() {
	py - <<'END'
import random, socket
while True:
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", random.randrange(15000, 32000)))
        except OSError:
            continue
        print(s.getsockname()[1])
        break
END
}

tcp_open() {
	: 2>/dev/null <>"/dev/tcp/127.0.0.1/$1"
}

py() {
	/usr/bin/python3 "$@"
}

assert_eq() {
	test "$2" = "$3" || fail "$1: got '$2', expected '$3'"
}

assert_match() {
	grep -Eq -- "$3" <<<"$2" || fail "$1: '$2' does not match '$3'"
}

assert_status() {
	local want=$1 got=0
	shift
	"$@" || got=$?
	test "$got" = "$want" || fail "'$*' ended with $got, expected $want"
}

# ---- configuration ----

device() {
	local id=$1 type=$2 p
	shift 2
	{
		echo "  <device id=\"$id\" type=\"$type\">"
		for p; do
			echo "    <${p%%=*}>${p#*=}</${p%%=*}>"
		done
		echo "  </device>"
	} >>devices.part
}

analyzer() {
	local id=$1 attributes="device=\"$2\" model=\"$3\"" model=$3
	local data=pmData driver=modBusComm poll=1 record=15 type exports='' params=''
	shift 3
	while test "$1" != --; do
		case $1 in
		address=*) attributes+=" address=\"${1#*=}\"" ;;
		driver=*) driver=${1#*=} ;;
		data=*) data=${1#*=} ;;
		poll_interval=*) poll=${1#*=} ;;
		record_interval=*) record=${1#*=} ;;
		export=\<*) exports+=${1#*=} ;;
		export=*:*)
			type=${1%%:*}
			exports+="<export type=\"${type#*=}\" target=\"${1#*:}\"/>"
			;;
		export=*) exports+="<export type=\"${1#*=}\"/>" ;;
		*) params+="<${1%%=*}>${1#*=}</${1%%=*}>" ;;
		esac
		shift
	done
	shift
	{
		echo "  <analyzer id=\"$id\" $attributes driver=\"$driver\" data_driver=\"$data\">"
		echo "    <params><manufacturer>any</manufacturer><model>$model</model>"
		echo "      <record_interval>$record</record_interval>"
		echo "      <poll_interval>$poll</poll_interval>$params</params>"
		test -z "$exports" || echo "    <exports>$exports</exports>"
		echo "    <variables>$(printf '<variable>%s</variable>' "$@")</variables>"
		echo "  </analyzer>"
	} >>analyzers.part
}

write_config() {
	{
		echo '<?xml version="1.0" encoding="UTF-8"?>'
		echo '<configuration>'
		echo '  <node id="4" name="test" location="here"/>'
		echo '  <devices>'
		cat devices.part
		echo '  </devices>'
		echo '  <analyzers>'
		cat analyzers.part
		echo '  </analyzers>'
		echo '</configuration>'
	} >config.xml
	test -e lector.ini || write_ini "Stream.endpoint=$stream"
}

write_ini() {
	local d
	{
		for d in General.log_level=debug "General.run_dir=$tmp/run" \
			"General.state_dir=$tmp/state" "Stream.endpoint=$stream" \
			"Control.endpoint=$control" \
			${shim:+General.confine=no}; do
			case " $*" in
			*" ${d%%=*}="*) ;;
			*) echo "$d" ;;
			esac
		done
		test $# = 0 || printf '%s\n' "$@"
	} | sort | awk '{
		dot = index($0, "."); section = substr($0, 1, dot - 1)
		if (section != last) print "[" section "]"
		last = section; print substr($0, dot + 1)
	}' >lector.ini
}

# ---- programs ----

start_sim() {
	start "$1" tesla-sim "${@:2}"
	wait_for 10 sim_ready "$1"
}

sim_ready() {
	alive "${pids[$1]}" || fail "tesla-sim ended at once"
	grep -qs '^ready' "$1.log"
}

sim_port() {
	sed -n 's/^ready [a-z-]*tcp .*:\([0-9]*\)$/\1/p' "$1.log" | sed -n "${2:-1}p"
}

start_teslad() {
	mkdir -p run state
	start teslad env ${shim:+"LD_PRELOAD=$shim"} teslad -c config.xml -i lector.ini "$@"
	wait_for 15 teslad_answers
}

teslad_answers() {
	alive "${pids[teslad]}" || fail "teslad ended at once"
	teslactl status >/dev/null 2>&1
}

ctl() {
	teslactl --json "$@"
}

analyzer_is() {
	local got
	got=$(ctl status | jq -r --argjson id "$1" --arg key "$2" \
		'.analyzers[] | select(.id == $id)[$key]')
	test "$got" = "$3"
}

start_rest() {
	start "$1" py "$top/t/e2e/rest_server.py" "${@:2}"
	wait_for 10 grep -qs "^ready" "$tmp/$1.log"
}

rest_url() {
	echo "http://127.0.0.1:$(sed -n 's/^ready \([0-9]*\)$/\1/p' "$tmp/$1.log")"
}

drained() {
	ctl journal 2>/dev/null | jq -e \
		'.state == "open" and .waiting == 0 and all(.exporters[]; .backlog == 0)' >/dev/null
}

start_shim() {
	local so
	so=$(dirname "$TESLA_STAGE")/t/shim/.libs/$1.so
	test -f "$so" || skip "$1.so is not built: make check TESTS="
	! nm -D "$(command -v teslad)" | grep -q __asan_ || skip "a sanitizer wants to be the first"
	shim=${TESLA_PRELOAD:+$TESLA_PRELOAD:}$so
}

has_landlock() {
	py -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).syscall(444, None, 0, 1) < 1)'
}

subscribe() {
	local name=$1
	shift
	start "$name" py "$top/t/e2e/subscriber.py" "$stream" "$tmp/$name.jsonl" "$@"
	wait_for 5 test -e "$tmp/$name.jsonl"
}

# A daemon with fixed answers, in the place of one that runs.
fake_daemon() {	# mode
	test -z "${pids[daemon]:-}" || ! alive "${pids[daemon]}" || stop daemon
	mkdir -p run
	rm -f run/control stream daemon.log
	start daemon py "$top/t/e2e/fake_daemon.py" "$control" "$stream" "${1:-good}"
	wait_for 10 grep -qs ready daemon.log
}

# What can cut somebody off from the stream.
proxy() {	# whose
	start "proxy-$1" py "$top/t/e2e/proxy.py" "${stream#ipc://}" "$tmp/$1.through"
	wait_for 10 grep -q '^ready' "proxy-$1.log"
}

through() {	# whose proxy
	echo "tcp://127.0.0.1:$(sed -n 's/^ready //p' "proxy-$1.log")"
}

lines_at_least() {
	test "$(wc -l <"$2")" -ge "$1"
}

# ---- the end ----

end_started() {
	local name result=0
	for name in "${started[@]}"; do
		end "$name" || {
			say_failed "$name did not end within 10 s of SIGTERM"
			result=1
		}
		test "$name" != teslad || test "$status" = 0 || {
			say_failed "teslad ended with $status"
			result=1
		}
	done
	return $result
}

# Processes that carry $TESLA_TEST of this test in their environment.
left_over() {
	local f
	# shellcheck disable=SC2013  # no spaces there
	for f in $(grep -lsz "^TESLA_TEST=$tmp\$" /proc/[0-9]*/environ); do
		f=${f#/proc/}
		! alive "${f%/environ}" || echo "${f%/environ}"
	done
}

nothing_left() {
	test -z "$(left_over)"
}

end_left_over() {
	local p list
	retry 3 nothing_left && return 0	# in a trap, a bare return is the status before it
	list=$(left_over)
	for p in $list; do
		say_failed "left running: $p $(tr '\0' ' ' <"/proc/$p/cmdline")"
		kill -KILL "$p"
	done
	test -z "$list"
}

no_sanitizer_report() {
	local f result=0
	for f in "$tmp"/sanitizer.*; do
		# A thread that ends while LeakSanitizer looks is no leak.
		grep -qv 'Unable to get registers from thread' "$f" 2>/dev/null || continue
		say_failed "$({
			sed -n 's/^SUMMARY: //p' "$f" | sort -u
			head -n 3 "$f"
		} | head -n 3)"
		cat "$f"
		result=1
	done
	return $result
}

show_logs() {
	local f
	for f in "$tmp/config.xml" "$tmp"/*.log; do
		test -s "$f" || continue
		echo "---- ${f##*/}"
		tail -n 40 "$f"
	done
	echo "----"
	cat "$tmp/.failed"
}

finish() {
	local result=$1 c
	trap - ERR EXIT INT TERM HUP
	set +e
	# shellcheck disable=SC2261  # they are two
	exec >&"$out" 2>&"$err"
	for c in "${cleanups[@]}"; do
		( eval "$c" )
	done
	end_started || result=1
	end_left_over || result=1
	no_sanitizer_report || result=1
	test "$result" = 0 || test "$result" = 77 || show_logs
	cd /
	rm -rf "$tmp"
	exit "$result"
}

trap 'say_failed "(${BASH_SOURCE[0]##*/}:$LINENO): $BASH_COMMAND"' ERR
trap 'finish $?' EXIT
trap 'echo "ended by a signal"; exit 1' INT TERM HUP
