#!/usr/bin/env bash
# seconds: 30
# SPDX-License-Identifier: Apache-2.0
# tesla-central's registry by its command line: who and what there is, with a clear word for what is refused;
# two at once and killed ones lose and double nothing; a disk that is full acknowledges nothing.
. "$(dirname "$0")/../lib.sh"
requires jq
dir=$tmp/central

central() {
	tesla-central -d "$dir" "$@"
}
refused() { # pattern command...
	local pattern=$1
	shift
	assert_status 1 central "$@" >printed 2>said </dev/null
	assert_match "$*" "$(cat said)" "^tesla-central: $pattern"
	test ! -s printed || fail "$*: printed $(cat printed)"
}

# ---- init ----

refused 'registry .*: there is none: .tesla-central init' user list
test ! -e "$dir" || fail "a list made the folder"
central init </dev/null >first 2>said
assert_match "a random password, once" "$(cat first)" '^The password of admin, shown this once: [a-z2-9]{24}$'
password=$(sed 's/.*: //' first)
refused '.*: there is an administrator already' init
refused '.*: there is an administrator already' init --random other
assert_eq "administrators" "$(central user list --json | jq -c '[.name, .role, .disabled]')" \
	'["admin","administrator",false]'
for f in . data.mdb lock.mdb; do
	case $(stat -c %a "$dir/registry/$f") in
	700 | 600) ;;
	*) fail "others may read registry/$f" ;;
	esac
done
# By standard input, too, and no argument is ever one.
dir=$tmp/other
echo 'correct horse' | central init --stdin boss >printed
test ! -s printed || fail "a password that was given was printed"
assert_eq "name" "$(central user list --json | jq -r .name)" boss
dir=$tmp/central

# ---- on a terminal: twice, without an echo ----

cat >terminal.py <<'PYTHON'
import os, pty, sys, termios
answers, argv = sys.argv[1].split("|"), sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)
seen = b""
for a in answers:
    while not seen.endswith(b": "):
        seen += os.read(fd, 1)
    assert not termios.tcgetattr(fd)[3] & termios.ECHO, "it echoes"
    os.write(fd, a.encode().decode("unicode_escape").encode())
    seen += os.read(fd, 1)
try:
    while chunk := os.read(fd, 4096):
        seen += chunk
except OSError:
    pass
print(seen.decode(), end="")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PYTHON
terminal() { # status pattern answers command...
	assert_status "$1" py terminal.py "$3" "$(command -v tesla-central)" -d "$dir" "${@:4}" >seen
	assert_match "${*:4}" "$(tr '\r\n' '  ' <seen)" "$2"
	! grep -q 'battery' seen || fail "the password is on the terminal"
}
terminal 0 '^Password of ana: .*Once more: ' 'battery staple\n|battery staple\n' user add ana
terminal 1 'these are two passwords: nothing is changed' 'battery staple\n|battery stapl\n' user passwd ana
terminal 1 'at least 10 characters: this has 7' 'battery\n' user passwd ana
terminal 1 'given up' 'battery\003' user passwd ana
assert_eq "users" "$(central user list --json | jq -r .name | paste -sd' ')" 'admin ana'

# ---- what is refused, and why ----

echo 'short one' | assert_status 1 central user add bea 2>said
assert_match "short" "$(cat said)" 'a password has at least 10 characters: this has 9'
refused 'no password came' user add bea
refused 'there is a user ana already' user add ana --random
refused 'role chief: expected viewer, operator or administrator' user add bea --random --role chief
refused 'there is no node 9' user add bea --random --nodes 9
refused 'admin is the last administrator: make another one first' user disable admin
refused 'admin is the last administrator' user remove admin
refused 'admin is the last administrator' user role admin viewer
refused 'there is no user bea' user passwd bea --random
refused 'a node.s id: expected writing without a slash' node add a/b
refused 'there is no time zone Here' node add 4 --zone Here
refused 'v2 callers: 192.0.2.1/24: expected' node add 4 --v2-allow 192.0.2.1/24
refused 'a control endpoint on TCP needs the public key' node add 4 --control tcp://h:1
refused 'the control endpoint is http' node add 4 --control http://h
refused 'unknown analyzers: maybe: expected auto, pending or refuse' node add 4 --unknown maybe
refused 'there is no node 4' node set 4 --name x
refused 'nothing is to be set' node set 4
refused 'there is no node 4' token add --node 4
refused '--node ID for a node.s own token, or --role' token add
refused 'role administrator: expected viewer or operator' token add --role administrator
refused 'there is no token none' token revoke none
refused 'node 4 has no analyzer 1' analyzer accept 4 1
refused 'analyzer x: expected its id' analyzer refuse 4 x
refused '--limit 0: expected a number from 1' audit --limit 0
for wrong in user 'user foo' 'user add' 'user add a b' 'node list --role x' 'user add a --password x'; do
	# shellcheck disable=SC2086
	assert_status 64 central $wrong 2>/dev/null
done

# ---- what is there ----

central node add 4 --name Roof --location Barcelona --zone Europe/Madrid --v2-allow '192.0.2.0/24, ::1'
central node add 5 --unknown pending --stream ipc:///run/tesla/stream
central node set 4 --name 'The roof'
assert_eq "nodes" "$(central node list --json | jq -c '[.id, .row, .name, .zone, .unknown, .v2_allow]')" \
	'["4",1,"The roof","Europe/Madrid","auto",["192.0.2.0/24","::1"]]
["5",2,"","","pending",[]]'
assert_match "for people" "$(central node list)" '^4 +The roof +Barcelona +Europe/Madrid +0 +auto'
refused 'an administrator cannot be limited' user role ana administrator --nodes 4
central user role ana operator --nodes 4
central user disable ana
assert_eq "ana" "$(central user list --json | jq -c 'select(.name == "ana") | [.role, .nodes, .disabled]')" \
	'["operator",["4"],true]'
central user enable ana
token=$(central token add --node 4 --name box 2>said)
assert_match "a token" "$token" '^tc_[a-z2-9]{10}_[A-Za-z0-9_-]{43}$'
id=${token:3:10}
assert_eq "tokens" "$(central token list --json | jq -c '[.id, .name, .node, .role, .revoked]')" \
	"[\"$id\",\"box\",\"4\",null,false]"
central token revoke "$id"
assert_eq "revoked" "$(central token list --json | jq .revoked)" true
central user remove ana
central node remove 5
assert_eq "changes, newest first" "$(central audit --json --limit 100 | jq -r .what | paste -sd' ')" \
	"node.remove user.remove token.revoke token.add user.set user.set user.set node.set node.add node.add user.add user.add"
assert_eq "who" "$(central audit --json --limit 1 | jq -c '[.who, .from, .node]')" \
	"[\"$(id -un)\",\"command line\",\"5\"]"
assert_eq "events" "$(central events --json)" ''
# What is secret is in none of it, nor in the files.
for secret in "$password" "${token:14}" 'battery'; do
	! grep -aqF -- "$secret" "$dir/registry/data.mdb" || fail "$secret is on the disk"
done
! central user list --json | grep -q argon2 || fail "hashes are shown"
# A token that nobody could see.
assert_status 1 central token add --node 4 >/dev/full 2>said
assert_match "no room for it" "$(cat said)" 'the token cannot be shown: No space left on device: it is revoked'
exec 9> >(:)
wait "$!" # who would read it is gone
assert_status 1 central token add --node 4 >&9 2>said
exec 9>&-
assert_match "nobody reads it" "$(cat said)" 'the token cannot be shown: Broken pipe: it is revoked'
assert_eq "revoked" "$(central token list --json | jq -s 'map(.revoked) | all')" true

# ---- two at once ----

dir=$tmp/both
central init </dev/null >/dev/null
many() { # prefix
	local i
	for i in {1..40}; do
		central node add "$1$i" || return 1
	done
}
many a &
one=$!
many b &
two=$!
wait $one || fail "one of two at once failed"
wait $two || fail "the other one failed"
assert_eq "nodes" "$(central node list --json | wc -l)" 80
assert_eq "rows, each once" "$(central node list --json | jq .row | sort -n | paste -sd' ')" "$(seq -s' ' 80)"

# ---- killed ----

cat >adding.sh <<'SCRIPT'
for i in {1..1000}; do
	tesla-central -d "$1" node add "$2.$i" || exit 1
	echo "$2.$i" >>added
done
SCRIPT
for round in {1..25}; do
	: >added
	setsid bash adding.sh "$dir" "k$round" & # a group of processes of its own
	victim=$!
	wait_for 20 test -s added
	sleep "0.0$((round * 3 % 10))$round" # at another instant each time
	kill -9 -- -$victim
	wait $victim 2>/dev/null || true
	central node list --json | jq -r .id >there
	while read -r id; do
		grep -qxF "$id" there || fail "round $round: $id is lost"
	done <added
done
assert_eq "audit entries and nodes" "$(central audit --json --limit 100000 | jq -r 'select(.what == "node.add") | .node' | sort)" \
	"$(central node list --json | jq -r .id | sort)"

# ---- a disk that is full ----

start_shim disk
export TESLA_DISK=$tmp/fault
faulty() {
	LD_PRELOAD=$shim tesla-central -d "$dir" "$@"
}
before=$(central node list --json | wc -l)
for fault in enospc eio short sync; do
	echo "$fault 1 /registry/" >fault
	assert_status 1 faulty node add "full.$fault" 2>said
	assert_match "$fault" "$(cat said)" '^tesla-central: registry .*: '
	test -s fault.hits || fail "the shim struck nothing"
	echo off >fault
	assert_eq "nodes after $fault" "$(faulty node list --json | wc -l)" "$before"
done
echo "enospc 1 /registry/" >fault
assert_status 1 faulty node add full 2>said
assert_match "full" "$(cat said)" ': the disk is full$'
assert_eq "a list needs no room" "$(faulty node list --json | wc -l)" "$before"
echo off >fault
faulty node add 'room again'
assert_eq "nodes" "$(central node list --json | wc -l)" "$((before + 1))"
