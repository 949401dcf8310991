#!/usr/bin/env bash
# seconds: 10
# SPDX-License-Identifier: Apache-2.0
# export, verify, info and backup read a store that they may not write to, or whose disk is full; what cannot
# be read so is said, with what is needed; a store in use is refused all the same.
. "$(dirname "$0")/../lib.sh"
requires jq nm setpriv
start_shim disk

chmod 755 "$tmp"
store=$tmp/store
central() {
	tesla-central -d "$store" "$@"
}
as_other() { # as root a folder that is read-only is none
	if test "$(id -u)" = 0; then
		setpriv --reuid=65534 --regid=65534 --clear-groups env "$@"
	else
		env "$@"
	fi
}
as_other true 2>/dev/null || skip "no user 65534"
py "$top/t/e2e/central_records.py" 900 >all.jsonl
central import -n 4 all.jsonl 2>/dev/null
central init --random >/dev/null 2>&1
central export >want
central verify >verified
before=$(cd "$store" && find . -type f -exec cksum {} + | sort)

read_all() { # what command...
	local what=$1
	shift
	"$@" export >got 2>said || fail "$what: export: $(cat said)"
	cmp want got || fail "$what: other records"
	"$@" verify >got 2>said || fail "$what: verify: $(cat said)"
	cmp verified got || fail "$what: verify: $(cat got)"
	"$@" info >got 2>said || fail "$what: info: $(cat said)"
	assert_match "$what: info" "$(cat got)" 'rows in blocks +900'
}

chmod -R a+rX "$store" # with the registry, which is nobody else's as a rule
chmod -R a-w "$store"
mkdir out
chmod 777 out
read_all "read-only" as_other tesla-central -d "$store"
as_other tesla-central -d "$store" backup out/backup 2>said || fail "backup: $(cat said)"
assert_status 1 as_other tesla-central -d "$store" import -n 4 all.jsonl 2>said
assert_match "import" "$(cat said)" 'store .*: tesla-central.lock: Permission denied'
{
	flock 9
	assert_status 1 as_other tesla-central -d "$store" export 2>said
} 9<"$store/tesla-central.lock"
assert_match "in use" "$(cat said)" 'in use by another tesla-central'
rm -f "$store/tesla-central.lock"
read_all "without a lock" as_other tesla-central -d "$store"
assert_eq "files" "$(cd "$store" && find . -type f -exec cksum {} + | sort)" "$(grep -v tesla-central.lock <<<"$before")"

# A disk that is full.
chmod -R u+w "$store"
export TESLA_DISK=$tmp/disk
touch disk.hits
echo 'enospc 1 /store/' >disk
read_all "full" env LD_PRELOAD="$shim" tesla-central -d "$store"
test -s disk.hits || fail "nothing was written to the full disk"
echo 'off 1 -' >disk

# What only the write-ahead file has is to go into the tables first.
mkfifo lines
(exec tesla-central -d "$store" import -n 5 --group 10 --progress - <lines) >acked 2>/dev/null &
victim=$!
exec 8>lines
head -n 35 all.jsonl >&8
wait_for 20 lines_at_least 3 acked
kill -9 $victim
wait $victim 2>/dev/null || true
exec 8>&-
chmod -R a+rX,a-w "$store"
assert_status 1 as_other tesla-central -d "$store" export 2>said
assert_match "what is pending" "$(cat said)" \
	'it cannot be written to, and 30 entries of its write-ahead file are to go into its tables before it is read: copy it to where it can be$'
chmod -R u+w "$store"
assert_eq "written to" "$(central export | wc -l)" 930
