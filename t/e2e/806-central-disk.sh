#!/usr/bin/env bash
# seconds: 25
# SPDX-License-Identifier: Apache-2.0
# The disk below the store fails while records come in: no room, errors, short writes, syncs that fail.
# What was acknowledged is there, nothing that nobody sent; when the disk is well again, all of it goes in.
. "$(dirname "$0")/../lib.sh"
requires jq nm
start_shim disk

store=$tmp/store
central() {
	tesla-central -d "$store" "$@"
}
canon() {
	jq -cS '.record | [.analyzer, .end_ms, .]' | sort
}
py "$top/t/e2e/central_records.py" 6000 >all.jsonl
canon <all.jsonl >want
export TESLA_DISK=$tmp/disk
touch disk.hits

struck=0 round=0
for fault in enospc eio short sync; do
	for every in 1 3 7 40; do
		round=$((round + 1))
		rm -rf "$store"
		test $((round % 2)) = 0 || central import -n 4 --group 100 /dev/null 2>/dev/null	# it was made before
		echo "$fault $every /store/" >disk
		before=$(wc -c <disk.hits)
		LD_PRELOAD=$shim central import -n 4 --group 50 --progress all.jsonl >acked 2>said || true
		test "$(wc -c <disk.hits)" = "$before" || struck=$((struck + 1))
		echo 'off 1 -' >disk
		acked=$(tail -n 1 acked)
		test ! -e "$store/data.mdb" || {
			central verify >verified || fail "$fault $every: $(cat verified)"
			central export | canon >got
			head -n "${acked:-0}" all.jsonl | canon >acknowledged
			comm -23 acknowledged got >lost
			test ! -s lost || fail "$fault $every: $(wc -l <lost) of $acked acknowledged records are lost"
			comm -13 want got >invented
			test ! -s invented || fail "$fault $every: records that nobody sent, or doubled"
		}
		central import -n 4 all.jsonl 2>said || fail "$fault $every: afterwards: $(cat said)"
		central export | canon >got
		cmp want got || fail "$fault $every: not everything was taken afterwards"
	done
done
test "$struck" -ge 14 || fail "only $struck of 16 faults struck"

# A backup onto a disk that is full is none, and nothing is left of it.
echo 'enospc 2 /backup.part/' >disk
assert_status 1 env LD_PRELOAD="$shim" tesla-central -d "$store" backup "$tmp/backup" 2>said
echo 'off 1 -' >disk
test ! -e backup || fail "a backup that failed has its name"
central backup "$tmp/backup" || fail "backup, when there was room"
store=$tmp/backup
central export | canon | cmp want - || fail "the backup has other records"
