#!/usr/bin/env bash
# seconds: 40
# SPDX-License-Identifier: Apache-2.0
# The Python package: its own tests, its types, and a real daemon.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack python:pandas mypy
package=$top/core/client/python
export PYTHONPATH=$package PYTHONDONTWRITEBYTECODE=1

py -W error::ResourceWarning -m unittest discover -s "$package/tests" >unit.log 2>&1 ||
	fail "its tests: $(grep -E '^(FAIL|ERROR)' unit.log)"
mypy --strict --ignore-missing-imports --cache-dir "$tmp/mypy" "$package/tesla" >mypy.log ||
	fail "mypy: $(tail -n 1 mypy.log)"

start_sim sim --tcp 0 --meter 1=PM710 --fix TPF=230
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 poll_interval=0.2s -- TPF
write_config
start_teslad
wait_for 10 analyzer_is 1 state online
py - >client.log <<'END'
import asyncio
import tesla

with tesla.Client() as client:
    assert client.request("status")["node"]["id"] == "4"
    reading, = client.snapshot()
    assert reading.values == (230.0, 230.0, 230.0) and reading.labels == ("L1", "L2", "L3")
    try:
        client.request("no-such-command")
    except tesla.Refused as refused:
        assert "no-such-command" in str(refused)

def take(event, seen):
    if isinstance(event, tesla.Reading):
        seen.append((event.k, event.from_snapshot))
    return len(seen) == 5

def check(seen):
    first = seen[0][0]
    assert seen == [(first + i, i == 0) for i in range(5)], seen

seen = []
with tesla.Follower(prefixes=["reading/4/1/"]) as follower:
    while not take(follower.next(10), seen):
        pass
check(seen)

async def follow():
    seen = []
    async with tesla.AsyncFollower(prefixes=["reading/4/1/"]) as follower:
        async for event in follower:
            if take(event, seen):
                return seen
check(asyncio.run(asyncio.wait_for(follow(), 20)))
print("good")
END
assert_eq "a real daemon" "$(cat client.log)" good
