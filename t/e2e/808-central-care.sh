#!/usr/bin/env bash
# seconds: 10
# SPDX-License-Identifier: Apache-2.0
# The server makes roll-ups, of days in the node's zone, and what is older than central.ini says of its model
# goes; of other models nothing does.
. "$(dirname "$0")/../central.sh"
requires jq strings

py "$top/t/e2e/central_records.py" 8000 1700000000000 >old.jsonl
central import -n 4 old.jsonl 2>/dev/null
jq -c '.record.model = "other" | .record.analyzer += 10' old.jsonl >others.jsonl
central import -n 4 others.jsonl 2>/dev/null
central init --random >password 2>/dev/null
central node add 4 --zone Europe/Madrid
central_ini Server.log_level=debug "Retention PM710.raw=30 d" "Retention PM 710.raw=1 d" "Retentoin.raw=1 d"
start_central
assert_match "a model that is none" "$(cat central.log)" 'warning: \[Retention PM 710\]: no model of that name is known'
assert_eq "PM710 is one" "$(grep -c 'no model of that name' central.log)" 1
assert_match "a section that is none" "$(cat central.log)" 'the section \[Retentoin\], which is not known.*Retention'
wait_for 20 grep -q 'and [1-9][0-9]* blocks are gone' central.log
stop central
central export | jq -r .record.model | sort | uniq -c >models
assert_match "what stayed" "$(cat models)" '^ *8000 other$'
central info >numbers
assert_match "roll-ups" "$(cat numbers)" 'buckets in them +[1-9]'
assert_match "whose days" "$(strings "$dir/data.mdb" | grep -c 'Europe/Madrid')" '^[1-9]'
assert_match "verify" "$(central verify)" ', 0 damaged$'
