#!/usr/bin/env bash
# seconds: 30
# SPDX-License-Identifier: Apache-2.0
# Reloads at random, one on the heels of the other, with a meter that says nothing: whoever else is in
# the configuration in the end is read and heard.  ROUNDS and SEED for more of it.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

mkdir -p plugins/drivers
# The same driver by another name: such lines need other hosts.
sed 's/modBusComm/modBusCom2/g' "$TESLA_PLUGINDIR/drivers/modBusComm.so" >plugins/drivers/modBusCom2.so
chmod 755 plugins/drivers/modBusCom2.so

start_sim sim --tcp 127.1.9.1:0 --tcp 127.1.9.2:0 --tcp 127.1.9.3:0 --pty "$tmp/one" --pty "$tmp/two" \
	--meter '*=PM710' --fault silent:address=8
sed -n 's/^ready tcp \(.*\):\(.*\)/tcp \1 \2/p' sim.log >places
printf 'serial %s\n' "$tmp/one" "$tmp/two" >>places
device 1 tcp host=127.1.9.1 port="$(sim_port sim 1)"
analyzer 1 1 PM710 poll_interval=0.2s -- TPF
write_config
write_ini "General.plugin_path=$tmp/plugins"
start_teslad
wait_for 10 analyzer_is 1 state online
py "$top/t/e2e/reloads.py" "$control" places "${ROUNDS:-8}" "${SEED:-1}" || fail "somebody is stuck"
! grep -E 'broken message|another program has it' teslad.log || fail "that was not in order"
