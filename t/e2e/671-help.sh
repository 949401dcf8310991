#!/usr/bin/env bash
# seconds: 4
# SPDX-License-Identifier: Apache-2.0
# teslactl's help, its manual page and its completion name the same commands and options; the
# completion works in bash.
. "$(dirname "$0")/../lib.sh"
requires python:zmq python:msgpack

fake_daemon
teslactl --help >help.log
page=$top/docs/man/teslactl.1

same() {	# what, one list, other list
	test -n "$2" || fail "$1: an empty list"
	diff <(sort -u <<<"$2") <(sort -u <<<"$3") >diff.log || fail "$1: $(cat diff.log)"
}
# Those of the shell only are not completed outside.
in_help=$(sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\).*/\1/p' help.log)
same 'commands of the manual' "$in_help" "$(sed -n 's/^\.It Cm \([a-z-]*\).*/\1/p' "$page")"
same 'commands completed' "$(grep -vx quit <<<"$in_help")" "$(teslactl --complete='teslactl ')"
same 'commands completed in the shell' "$(grep -vx shell <<<"$in_help")" \
	"$(teslactl --complete='teslactl help ' | grep -vx shell; echo quit)"
in_help=$(grep -oE -- '^ +(-., )?--[a-z]+' help.log | grep -oE -- '--[a-z]+')
same 'options of the manual' "$in_help" \
	"$(sed -n '/^\.It Fl/s/.*Fl \(-[a-z]*\).*/-\1/p' "$page")"
same 'options completed' "$in_help" "$(teslactl --complete='teslactl --')"
# Each command's own options are in its help.
teslactl help reload >reload.log
grep -q -- --plugins reload.log || fail "help reload: $(cat reload.log)"
diff reload.log <(teslactl reload --help)
# The words of the predecessor have their place in the manual.
for word in STATUS GETID GETVARS GETDEFS GETSTATUS GETCONF FORCEREQ IDENT START STARTALL PAUSE \
	RESUME RELOAD SETQUERY SHUTDOWN HELP QUIT; do
	grep -q "^\.Li $word\\>" "$page" || fail "$word is not in the manual"
done

# In a bash that knows nothing else.  With a --timeout it waits as long for the daemon.
completed() {	# line, expected words
	# shellcheck disable=SC2016  # for the other bash
	assert_eq "$1" "$(timeout $((5 * slower)) bash --norc -c '
		. "$1"
		COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDS=($2)
		COMP_WORDBREAKS=$'"' \\t\\n\"\\'><=;|&(:'"'
		_teslactl teslactl
		echo "[${COMPREPLY[*]}]"' bash "$completion" "$1")" "[$2]"
}
completion=$TESLA_STAGE/$(cd "$TESLA_STAGE" && find . -path '*/bash-completion/completions/teslactl')
test -f "$completion" || fail 'the completion is not installed'
completed 'teslactl rel' reload
completed 'teslactl --timeout 20 watch ' '1 300 E P TPF V'
completed 'teslactl --timeout 20 watch 300 ' 'E P'
completed 'teslactl --timeout 20 watch 3' 300
completed 'teslactl --timeout=20 set-variables 1 ' 'CEA TPF V'
completed 'teslactl --timeout=20 set-variables 1 V C' CEA
completed 'teslactl --timeout 20 journal drain ' 'rejects zmqPublish'
completed 'teslactl --timeout 20 journal drain x --to=z' zmqPublish
completed 'teslactl --timeout 20 trace ' '1 2'
completed 'teslactl log-level d' debug
touch a.key
completed 'teslactl --key a' a.key
completed 'teslactl --key=a' a.key
completed "teslactl --timeout 20 -s $control read-now " '1 300'
# An id with a colon, where bash takes what follows it for a word.
fake_daemon many
completed 'teslactl --timeout 20 journal drain clientRest:' '1 2 3 4'
completed 'teslactl --timeout 20 journal drain x --to=clientRest:' '1 2 3 4'
# One that does not answer quickly is not waited for.
fake_daemon silent
completed 'teslactl read-now ' ''
completed 'teslactl journal p' purge
completed 'teslactl -s tcp://127.0.0.1:1 read-now ' ''
stop daemon
