#!/usr/bin/env bash
# seconds: 85
# SPDX-License-Identifier: Apache-2.0
# A hundred kills of the core or a host at random instants (tools/torture does more of them), fifty at each
# of two installations.
. "$(dirname "$0")/../lib.sh"
requires python:msgpack python:zmq

for seed in 1 2; do
	start torture$seed py "$top/tools/torture" --stage "$TESLA_STAGE" --rounds 50 --seed $seed
done
for seed in 1 2; do
	wait_for 280 gone "${pids[torture$seed]}"
	forget torture$seed
	wait "${pids[torture$seed]}" || fail "seed $seed: $(cat torture$seed.log)"
	cat torture$seed.log
done
