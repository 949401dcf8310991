#!/usr/bin/env bash
# seconds: 80
# SPDX-License-Identifier: Apache-2.0
# teslad, its hosts and tesla-central are killed at random instants: nothing is lost, nothing doubled.
. "$(dirname "$0")/../lib.sh"
requires python:msgpack python:zmq

apis='v1 v2'
for api in $apis; do
	start "torture-$api" py "$top/tools/torture" --central --api "$api" --stage "$TESLA_STAGE" --rounds 25
done
for api in $apis; do
	wait_for 280 gone "${pids[torture-$api]}"
	forget "torture-$api"
	wait "${pids[torture-$api]}" || fail "$api: $(cat "torture-$api.log")"
	cat "torture-$api.log"
done
