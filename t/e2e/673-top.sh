#!/usr/bin/env bash
# seconds: 16; san
# SPDX-License-Identifier: Apache-2.0
# teslactl top on a real terminal emulator: what is on the screen, keys, sizes, a daemon that goes and
# comes, and the terminal afterwards.
. "$(dirname "$0")/../lib.sh"
requires python:zmq python:msgpack tmux

mux() {
	tmux -S "$tmp/tmux" -f /dev/null "$@"
}
open() {	# TERM, columns, rows, ARGUMENT...: a shell with teslactl, that stays when it has ended
	mux new-session -d -x "$2" -y "$3" -s top \
		"TERM=$1 teslactl ${*:4} top; echo \"ended with \$?\"; stty -a; exec cat"
}
mux_gone() {
	! pgrep -f "$tmp/tmux" >/dev/null
}
shut() {
	mux kill-server
	wait_for 5 mux_gone
}
screen() {
	mux capture-pane -p -t top >screen.log
}
shows() {	# an extended regular expression
	screen && grep -Eq -- "$1" screen.log
}
see() {
	wait_for 10 shows "$1"
}
press() {
	mux send-keys -t top "$@"
}
rows() {
	grep -c . screen.log
}
cleanup_fn 'mux kill-server 2>/dev/null || true'

# ---- a small node ----
fake_daemon
open screen-256color 80 24
see '^ +1 +1  PM710 +online .* V 230\.[0-9] n/a 229\.5\? V '
see '^node 4, Roof  teslad 0\.1\.0, up 60 min  [0-9.]+ sweeps/s  1 warning +[0-9:]{8}$'
see '^2 analyzers: 1 offline, 1 online'
see '^ +1  open +7\.5% \[\|'
see '^ +2  failed  connection refused +10\.0\.0\.7:502$'
see '^ zmqPublish  running +- +3600$'
see '^ +300 +2 +PM500 +offline +2 h +3 time-outs +P err'
screen
assert_eq 'rows at 80x24' "$(wc -l <screen.log)" 24
tail -n 1 screen.log | grep -q '^q quit .*doubtful$' || fail 'the last line is no foot'
# Variables go by with the arrows.
press Right
see '^ +1 +1 +PM710 +online +[0-9.]+ s +TPF 0\.985'
press Left
see '^ +1 +1 +PM710 +online .* V 230'
# The daemon goes: it is said, and what was known stays; it comes back.
stop daemon
see '^NO ANSWER for .*no teslad'
see '^ +300 .*3 time-outs'
fake_daemon quiet
see '^NO READINGS   2 analyzers: 1 offline, 1 online   nothing has come from '
# Another one comes in its place, with another id and another stream.
fake_daemon moved
see '^node 5, Roof '
see '^ +1 +1  PM710 +online .* V 231\.[0-9] n/a 229\.5\? V '
see '^2 analyzers: '
fake_daemon gaps
see '^2 analyzers: 1 offline, 1 online   [0-9]+ readings missed$'
stop daemon
press q
see 'ended with 0'
see ' echo '
shut

# ---- two hundred analyzers with long names ----
fake_daemon many
open screen-256color 80 24
see '^200 analyzers: 10 failed, 10 offline, 10 connecting, 1 paused, 169 online'
see '^ LINE .* 1-4 of 12$'
see '^ EXPORTER .* 1-3 of 4$'
see '^>ANALYZER .* 1-11 of 200$'
see '^ +1  open +8\.0% .*/dev/.*\.\..*-if00-port0$'
see '^ +3  failed  cannot be op\.\. or directory  /dev/'
see '^ clientRest:2 +waiting +12345 +1234567  https:.* in 40 s$'
screen
assert_eq 'rows at 80x24' "$(rows)" 24
press End
see '190-200 of 200$'
see '^ +200 '
press Home
see '^ +1 +2  Circutor C\.\.  online '
press s
see 'sort: state'
see '^ +19 +8 +Circ.* failed'
press r
see '^>ANALYZER'
see '^ +199 .* failed|^ +200 .* online'
press r
press s s s
see 'sort: id'
# What is no longer measured is marked: offline, its last values are two hours old.
press PageDown
see '^ +17 .* offline +2 h +3 time-outs at 9600 Bd'
press Tab
see '^>LINE '
press NPage
see '^>LINE .* 4-7 of 12$'
press Tab
see '^>EXPORTER '
press End
see '^>EXPORTER .* 2-4 of 4$'
mux resize-window -t top -x 160 -y 50
see '^ +12  open .*A101212-if00-port0$'
see 'DROPPED'
see '^ +17 .* TPF 228\.1~ 230\.2~ err V +PAT 228\.1~ 230\.2~ err kW'
mux resize-window -t top -x 40 -y 10
see '^>ANALYZER'
screen
assert_eq 'rows at 40x10' "$(wc -l <screen.log)" 10
mux resize-window -t top -x 20 -y 4
press Down
mux resize-window -t top -x 80 -y 24
see '^>ANALYZER .*of 200$'
press C-c
see 'ended with 0'
shut

# Without colours; ended by a signal.
open vt100 80 24
see '^>ANALYZER .* 1-11 of 200$'
pid=$(pgrep -P "$(mux list-panes -F '#{pane_pid}' -t top)" teslactl)
kill -TERM "$pid"
see 'ended with 0'
see ' echo '
shut
open screen-256color 80 24 --seconds 1
see 'ended with 0'
shut
# A terminal that can do nothing is told so.
open dumb 80 24
see 'teslactl: this terminal cannot show it'
see 'ended with 1'
shut
# The status is asked for once a second, not more often.
assert_match 'requests' "$(grep -c '"status"' daemon.log)" '^[0-9]+$'
stop daemon
