#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""In the place of tesla-host: each of its lives on lines ends with one kind of junk, the last one behaves.

TESLA_REAL_HOST has the real one, which describes plugins, runs exporters and is not replaced there;
TESLA_FAKE_LIVES is a file that counts the lives.
"""
import os
import select
import struct
import sys
import time

sys.dont_write_bytecode = True
from frames import frame, split  # noqa: E402

CORE = 3
GOOD = [1, 1700000000000000, 40, 1700000000000, None, 0, 0, 0, 0, 1, 500, [], None, [400, 1]]


JUNK = [
    struct.pack("<I", 0x7FFFFFFF) + b"x",                           # longer than a message may be
    struct.pack("<I", 5) + b"\xdd\x10\x00\x00\x00",                 # 268 million values in five bytes
    frame(["s", [2] + GOOD[1:]]),                                   # another host's analyzer
    frame({"m": "state", "analyzer": 1, "state": "asleep"}),
]


class Core:
    def __init__(self):
        self.bytes = b""

    def send(self, value):
        os.write(CORE, frame(value))

    def messages(self, wait):
        if select.select([CORE], [], [], wait)[0]:
            got = os.read(CORE, 65536)
            if not got:
                sys.exit(0)
            self.bytes += got
        values, self.bytes = split(self.bytes)
        return values


def life():
    path = os.environ["TESLA_FAKE_LIVES"]
    try:
        with open(path, encoding="ascii") as f:
            n = int(f.read())
    except FileNotFoundError:
        n = 0
    with open(path, "w", encoding="ascii") as f:
        f.write(str(n + 1))
    return n


def main():
    if "--driver" not in sys.argv:
        os.execv(os.environ["TESLA_REAL_HOST"], [os.environ["TESLA_REAL_HOST"]] + sys.argv[1:])
    core = Core()
    mine, plans = [], []
    running = False
    while True:
        for m in core.messages(0.1):
            if m["m"] == "line":
                mine += [a["id"] for a in m["analyzers"]]
                plans.append({"m": "plan", "line": m["id"], "i": m["i"], "share": 0.1, "analyzers": []})
            elif m["m"] == "ping":
                core.send({"m": "pong", "i": m["i"]})
            elif m["m"] == "stop":
                sys.exit(0)
            elif m["m"] == "go" and m["dry"]:
                core.send({"m": "done"})
            elif m["m"] == "go":
                running = True
                core.send({"m": "ready"})
                for plan in plans:      # from here on it is held to what it was told
                    core.send(plan)
                n = life() if mine == [1] else len(JUNK)
                if n < len(JUNK):
                    os.write(CORE, JUNK[n])
                    time.sleep(60)      # it is killed
        if running:
            for a in mine:
                core.send(["s", [a, int(time.time() * 1e6)] + GOOD[2:]])


main()
