#!/usr/bin/env bash
# seconds: 6; san
# SPDX-License-Identifier: Apache-2.0
# A thousand changes of lines, analyzers, models and patterns leave no descriptor and no memory behind.
. "$(dirname "$0")/../lib.sh"
requires python:msgpack

start_sim sim --tcp 0 --tcp 0 --rtu-over-tcp 0 --pty "$tmp/line" --baud 115200 --turnaround 1 --meter 1-6=PM710 \
	--control "$tmp/sim.ctl"
py "$top/t/e2e/fake_core.py" thousand tcp="$(sim_port sim 1)" tcp2="$(sim_port sim 2)" raw="$(sim_port sim 3)" \
	pty="$tmp/line" control="$tmp/sim.ctl"
