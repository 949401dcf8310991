#!/usr/bin/env bash
# seconds: 330
# SPDX-License-Identifier: Apache-2.0
# A hundred kills of the core or a host at random instants (tools/torture does more of them).
. "$(dirname "$0")/../lib.sh"
requires python:msgpack python:zmq
py "$top/tools/torture" --stage "$TESLA_STAGE" --rounds 100 --seed 1
