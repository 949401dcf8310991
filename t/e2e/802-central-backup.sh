#!/usr/bin/env bash
# seconds: 20
# SPDX-License-Identifier: Apache-2.0
# tesla-central backup and restore: exports are the same before and after; nothing that is there is
# overwritten; one that was killed, or is damaged, is not taken for a backup; what is whole is salvaged.
. "$(dirname "$0")/../lib.sh"
requires jq

central() {
	tesla-central -d "$store" "$@"
}
store=$tmp/store
py "$top/t/e2e/central_records.py" 9000 >all.jsonl
central import -n 4 all.jsonl 2>/dev/null
central export | sort >want

central backup backup || fail "backup"
assert_eq "files" "$(find backup -type f | sort | tr '\n' ' ')" \
	"backup/data.mdb backup/tesla-central.lock backup/wal "
store=backup
central export | sort | cmp want - || fail "the backup has other records"
assert_match "verify" "$(central verify)" ', 0 recent rows, 0 damaged$'
store=$tmp/store
assert_status 1 central backup backup 2>said
assert_match "again" "$(cat said)" 'backup backup: it is there already'
assert_status 1 central backup nowhere/backup 2>said
assert_match "no folder" "$(cat said)" 'nowhere/backup.part: the folder cannot be made'

# Not into the store itself, by whatever name; but where the server has its own.
mkdir -p "$store/backups" "$store/sub" beside
ln -s "$store" link
for to in "$store/backup" "$store/sub/backup/" link/backup "beside/../$(basename "$store")/backup" "$store/backups"; do
	assert_status 1 central backup "$to" 2>said
	assert_match "into the store: $to" "$(cat said)" \
		"backup $to: that is in the store's own folder: expected a place elsewhere, or below $store/backups\$"
done
central backup link/backups/one || fail "backup below backups"
rm -r link "$store/sub" "$store/backups"

# Restored where nothing is, and only there; the backup may be read-only.
chmod -R a-w backup
store=$tmp/restored
central restore backup || fail "restore"
chmod -R u+w backup
central export | sort | cmp want - || fail "what was restored has other records"
assert_status 1 central restore backup 2>said
assert_match "over a store" "$(cat said)" 'restored/data.mdb is there already'
central export | sort | cmp want - || fail "a restore that was refused changed the store"
assert_status 1 tesla-central -d other restore nowhere 2>said
assert_match "none" "$(cat said)" 'nowhere: No such file'
test ! -e other || fail "a restore of nothing made a folder"

# Killed at any time there is a whole backup, or none.
for ms in 1 3 5 8 12 20 40; do
	store=$tmp/store
	rm -rf victim
	(exec tesla-central -d "$store" backup victim) 2>/dev/null &
	victim=$!
	py -c "import time; time.sleep($ms / 1000)"
	kill -9 $victim 2>/dev/null || true
	wait $victim 2>/dev/null || true
	test -e victim || continue
	store=victim
	central export | sort | cmp want - || fail "a backup that was killed is taken for one"
done
store=$tmp/store
rm -rf victim
central backup victim || fail "backup after one that was killed"
test ! -e victim.part || fail "what was half made is still there"

# A damaged one is refused, and salvaged: all but the block that is damaged.
py - backup/data.mdb <<'PYTHON'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
at = data.find(b"TCB1")
data[at + 600] ^= 4
open(sys.argv[1], "wb").write(data)
PYTHON
store=$tmp/mended
assert_status 1 central restore backup 2>said
assert_match "damaged" "$(cat said)" 'backup: it is damaged, and nothing was restored: see --salvage'
assert_match "which" "$(cat said)" 'block from [0-9]+: .*checksum'
test ! -e mended/data.mdb || fail "something damaged was restored"
central restore --salvage backup >said || fail "salvage"
assert_match "how many" "$(cat said)" '^[0-9]+ records were found whole$'
central verify >/dev/null || fail "what was salvaged is damaged"
central export | sort >got
comm -13 want got >invented
test ! -s invented || fail "salvage made records up"
test "$(wc -l <got)" -ge 6750 || fail "salvaged: $(wc -l <got), though one block of four is damaged"
# LMDB's own pages: nothing of them is needed.
py - victim/data.mdb <<'PYTHON'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[:8192] = b"\xa5" * 8192
open(sys.argv[1], "wb").write(data)
PYTHON
store=$tmp/whole
assert_status 1 central restore victim 2>said
central restore --salvage victim >/dev/null || fail "salvage without a root"
central export | sort | cmp want - || fail "salvage without a root lost something"
# Nothing of it is whole: that is no success.
rm victim/wal
py - victim/data.mdb <<'PYTHON'
import os, sys
open(sys.argv[1], "r+b").write(b"\xa5" * os.path.getsize(sys.argv[1]))
PYTHON
store=$tmp/nothing
assert_status 1 central restore --salvage victim 2>said
assert_match "nothing whole" "$(cat said)" 'victim: no record was found whole'
assert_match "and then" "$(cat said)" 'victim: nothing was restored$'
assert_eq "left behind" "$(ls nothing)" tesla-central.lock
