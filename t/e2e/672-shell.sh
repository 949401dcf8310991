#!/usr/bin/env bash
# seconds: 8; san
# SPDX-License-Identifier: Apache-2.0
# teslactl shell: lines from a pipe with their exit status; a prompt with completion and history.
. "$(dirname "$0")/../lib.sh"
requires python:zmq python:msgpack jq

fake_daemon

shell() {	# expected status, lines, OPTION...
	printf '%b' "$2" | { assert_status "$1" teslactl "${@:3}" shell >said.log 2>said.err; }
}
has() {
	grep -Eq -- "$1" said.log || fail "no '$1' in: $(cat said.log said.err)"
}

# ---- from a pipe ----
shell 0 '# a comment\n\n  status\nwatch 1 V --seconds 0.3\n'
has '^node 4'
has '^[0-9T:.-]+Z  1  V '
shell 0 'log-level info\nteslactl pause 1\nstart' # the program's name is no mistake; nor a cut end
has '^paused: 1$'
has '^started: 1, 300$'
# What fails is named, the rest is done, and the status is that of the first.
shell 2 'nonsense\ncheck\nread-now 1\n'
has '^config\.xml:3:1: error'
has '230\.1'
grep -q 'line 1 failed: nonsense' said.err || fail "$(cat said.err)"
grep -q 'line 2 failed: check' said.err || fail "$(cat said.err)"
shell 1 'check\nnonsense\n'
shell 2 'watch "1\n'
shell 0 'quit\nnonsense\n'
shell 0 'help\nhelp reload\nreload --help\n'
has '^  reload \[--plugins\] +Read the configuration'
assert_eq 'help of one' "$(grep -c -- '--plugins: ' said.log)" 2
# The predecessor's words.
while read -r words request; do
	shell 0 "${words//_/ }\n"
	assert_eq "$words" "$(tail -n 1 daemon.log | jq -cS .)" "$(jq -cnS "$request")"
done <<'ROWS'
STATUS {cmd:"status"}
GETID_1 {cmd:"device-status",analyzer:1}
GETVARS_1 {cmd:"snapshot"}
GETDEFS_1 {cmd:"definitions",analyzer:1}
GETSTATUS_1 {cmd:"device-status",analyzer:1}
GETCONF {cmd:"config"}
FORCEREQ_1 {cmd:"read-now",analyzer:1}
IDENT_1 {cmd:"identify",analyzer:1}
START_1 {cmd:"start",analyzer:1}
startall {cmd:"start"}
PAUSE_1 {cmd:"pause",analyzer:1}
RESUME_1 {cmd:"resume",analyzer:1}
RELOAD {cmd:"reload"}
SETQUERY_1_V {cmd:"set-variables",analyzer:1,variables:["V"]}
ROWS
shell 0 'HELP\nQUIT\nnonsense\n'
# JSON for every line, errors too.
shell 2 'status\nnonsense\n-j log-level\n' --json
assert_eq 'objects' "$(jq -c .ok said.log | xargs)" 'true false true'

# ---- on a terminal ----
terminal() {	# steps, what is printed, ARGUMENT...
	py "$top/t/e2e/terminal.py" "$1" teslactl --timeout 20 "${@:3}" shell >terminal.log 2>&1 ||
		fail "$1: $(cat terminal.log)"
	assert_eq "$1" "$(cat terminal.log)" "$2"
}
history=$XDG_STATE_HOME/tesla/teslactl_history
terminal 'see:node_4 see:teslactl> type:dev key:tab see:ice-status type:30 key:tab see:0
	key:enter see:time-outs see:teslactl> key:eof' 'status 0'
grep -q '^device-status\\040300' "$history" || fail "history: $(cat "$history")"
assert_eq 'history is for its owner' "$(stat -c %a "$history")" 600
# What was typed before is there again, of the session before too.
terminal 'see:teslactl> type:log-level key:enter see:level_info see:teslactl> key:up key:up see:status_300
	key:enter see:time-outs see:teslactl> type:quit key:enter' 'status 0'
assert_eq 'history, lines' "$(grep -c . "$history")" 5
# A choice is shown, what is sure is put in.
terminal 'see:teslactl> type:watch_ key:tab see:1_300_E_P_TPF_V type:T key:tab see:PF int
	see:teslactl> type:set-variables_1_C key:tab see:EA int see:teslactl> key:eof' 'status 0'
# Ctrl+C drops the line; a failed line does not end it; watch and top leave the terminal as it was.
terminal 'see:teslactl> type:status int see:teslactl> type:nonsense key:enter see:no_command
	see:teslactl> type:watch key:enter see:sweeps/s key:q see:teslactl> type:top key:enter see:LOAD
	key:q see:teslactl> type:log-level key:enter see:level_info see:teslactl> key:eof' 'status 0
restored'
# The waiting for an answer is ended, not the shell.
fake_daemon silent
terminal 'see:teslactl> type:reload key:enter see:reload int see:teslactl> key:eof' 'status 0' \
	--timeout 0.3
terminal 'see:teslactl> term' 'status -15' --timeout 0.3
stop daemon
# Nobody there: still a prompt, as the daemon may come.
terminal 'see:no_teslad see:teslactl> type:status key:enter see:no_teslad see:teslactl>
	key:eof' 'status 0'
