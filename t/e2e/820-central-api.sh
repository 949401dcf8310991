#!/usr/bin/env bash
# seconds: 30
# SPDX-License-Identifier: Apache-2.0
# /api/v1 out: values that were put in as records come back to the bit as JSON, CSV and MessagePack columns; aggregates by
# step as computed by brute force, over the day of 25 hours; last values; a huge answer, with clients that
# read slowly or leave, in bounded memory.
. "$(dirname "$0")/../central.sh"
requires curl python:msgpack

central_ini "Server.models=$top/etc/models"
start_central
URL=$url
SERVER=${pids[central]}
NODE_TOKEN=$(node_token 4 --zone Europe/Madrid)
VIEWER_TOKEN=$(central token add --role viewer --name viewer 2>/dev/null | grep -o 'tc_.*')
export URL SERVER NODE_TOKEN VIEWER_TOKEN TESLA_SLOWER=$slower
PYTHONPATH=$top/t/e2e py "$top/t/e2e/central_series.py" >said 2>&1 || fail "$(tail -n 5 said)"
assert_eq "all" "$(cat said)" good
stop central
assert_match "after it" "$(central verify)" ', 0 damaged$'
