#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""follow.py [-c CONTROL] [-s STREAM] [--asyncio] [PREFIX...]: the last values, then all that comes.

A line an event, with tabs between, as core/client/examples/follow.c prints it.
"""
import argparse
import asyncio
import signal
import sys

import tesla


def joined(items):
    return ",".join(str(i) for i in items)


def line(event):
    match event:
        case tesla.Up(epoch):
            return "up", epoch
        case tesla.Down(reason):
            return "down", reason
        case tesla.Restart(old, epoch):
            return "restart", old, epoch
        case tesla.Gap(topic, epoch, k, missed):
            return "gap", topic, epoch, k, missed
        case tesla.Reset(topic, epoch, k):
            return "reset", topic, epoch, k
        case tesla.Message(topic, epoch, k, _):
            return "message", topic, epoch, k
    values = ("nil" if v is None else repr(v) for v in event.values)
    return ("reading", event.topic, event.epoch_ms, event.k,
            "snapshot" if event.from_snapshot else "stream", event.t_ms, joined(values),
            joined(int(q) for q in event.qualities), joined(event.labels or ()))


def show(event):
    print(*line(event), sep="\t", flush=True)


async def follow_async(**where):
    async with tesla.AsyncFollower(**where) as follower:
        async for event in follower:
            show(event)


def follow(**where):
    with tesla.Follower(**where) as follower:
        for event in follower:
            show(event)


def main():
    parser = argparse.ArgumentParser(description="Prints what a follower tells.")
    parser.add_argument("-c", "--control")
    parser.add_argument("-s", "--stream")
    parser.add_argument("--asyncio", action="store_true")
    parser.add_argument("prefixes", nargs="*")
    args = parser.parse_args()
    where = {"control": args.control, "stream": args.stream, "prefixes": args.prefixes}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        if args.asyncio:
            asyncio.run(follow_async(**where))
        else:
            follow(**where)
    except KeyboardInterrupt:
        pass


main()
