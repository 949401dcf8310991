#!/usr/bin/env bash
# seconds: 10
# SPDX-License-Identifier: Apache-2.0
# Who and what is known goes into a backup and comes back: a node's token, and the administrator's
# password, are good at the server that was restored.
. "$(dirname "$0")/../central.sh"
requires jq python:msgpack

py "$top/t/e2e/central_records.py" 3 | jq -sc '{node: "4", records: map(.record)}' >body.json
post() {
	ask "$token" POST /api/v1/records -H 'Content-Type: application/json' --data-binary @body.json
}
start_central
token=$(node_token 4)
answers "a record" 200 '"stored"' post
assert_status 1 central backup early 2>said
assert_match "beside a server" "$(cat said)" 'in use by another'
# What a server writes to is no backup.
for option in "" --salvage; do
	assert_status 1 tesla-central -d early restore $option "$dir" 2>said
	assert_match "of a server $option" "$(cat said)" "$dir: in use by another tesla-central: restore a backup of it"
	test ! -e early/data.mdb || fail "a store in use was restored"
done
answers "the server goes on" 200 '"duplicate"' post
stop central
central user list --json >users
central backup backup || fail "backup"
assert_eq "who may read it" "$(stat -c %a backup/registry backup/registry/data.mdb | tr '\n' ' ')" "700 600 "

dir=$tmp/restored
{
	flock -s 9 # as another restore of it has it
	central restore backup || fail "restore"
} 9<backup/tesla-central.lock
assert_eq "who may read it" "$(stat -c %a "$dir/registry")" 700
central user list --json | cmp users - || fail "other users than before"
start_central
answers "the same records" 200 '"duplicate"' post
token=tc_nobody
answers "no token" 401 . post
stop central
assert_match "verify" "$(central verify | tr '\n' ' ')" '^registry: [0-9]+ documents, 0 damaged [0-9]+ blocks, [0-9]+ recent rows, 0 damaged $'

# One of which a page leaves out its last document; one that is empty, and one that is not there.
cp backup/registry/data.mdb whole
py - whole <<'PYTHON'
import struct, sys
data = open(sys.argv[1], "rb").read()
n = 0
for at in range(0, len(data), 4096):
    _, _, flags, lower, _ = struct.unpack("<QHHHH", data[at:at + 16])
    if flags == 2 and lower > 18:
        cut = bytearray(data)
        cut[at + 12:at + 14] = struct.pack("<H", lower - 2)
        n += 1
        open(f"cut.{n}", "wb").write(cut)
PYTHON
for cut in cut.*; do
	cp "$cut" backup/registry/data.mdb
	tesla-central -d backup verify >>verified 2>>left-out || true
done
! grep 'ended with signal' left-out || fail "verify was ended"
assert_match "documents that are left out" "$(cat left-out)" \
	'registry: [a-z]+: [0-9]+ documents were found, but [0-9]+ were put there'
: >backup/registry/data.mdb
assert_status 1 tesla-central -d backup verify >verified 2>said
assert_match "an empty one" "$(cat said)" '^tesla-central: registry .*: data.mdb is empty: restore a backup'
assert_eq "its length" "$(stat -c %s backup/registry/data.mdb)" 0
assert_status 1 central -d unmade restore backup 2>said
assert_match "restored" "$(cat said)" 'data.mdb is empty'
rm backup/registry/data.mdb
tesla-central -d backup verify >verified || fail "a store without a registry"
assert_eq "none" "$(head -n 1 verified)" 'registry: there is none'
tesla-central -d unmade restore backup 2>said || fail "without a registry: $(cat said)"
assert_match "said" "$(cat said)" 'backup: there is no registry in it'
cp whole backup/registry/data.mdb

# A copy that ended early: LMDB is ended by the page that is not there, and it is said why.
cp -r backup short
for file in short/data.mdb short/registry/data.mdb; do
	cp "$file" there
	truncate -s 8192 "$file"
	what=(export)
	test "$file" = short/data.mdb || what=(user list)
	assert_status 135 tesla-central -d short "${what[@]}" >listed 2>said # SIGBUS
	assert_match "${what[*]} of less than all" "$(cat said)" 'data.mdb is not there, .*: the file is cut short'
	assert_status 1 tesla-central -d short verify >verified 2>said
	assert_match "verify" "$(tr '\n' ' ' <said)" 'the file is cut short.*ended with signal 7'
	cp there "$file"
done

# A registry that is damaged: verify says what, and it is not restored, but salvaged as it is.
py - backup/registry/data.mdb <<'PYTHON'
import sys
data = open(sys.argv[1], "rb").read()
assert b"node 4" in data
open(sys.argv[1], "wb").write(data.replace(b"node 4", b"node 5"))
PYTHON
assert_status 1 tesla-central -d backup verify >verified 2>said
assert_match "which" "$(cat said)" '^tesla-central: registry: token [a-z0-9]+: the checksum is wrong'
assert_match "how many" "$(head -n 1 verified)" '^registry: [0-9]+ documents, [1-9] damaged$'
dir=$tmp/damaged
assert_status 1 central restore backup 2>said
assert_match "refused" "$(cat said)" 'backup: it is damaged, and nothing was restored: see --salvage'
central restore --salvage backup >/dev/null || fail "salvage"
assert_status 1 central user list --json >listed 2>/dev/null
cmp listed users || fail "other users than before"
