# SPDX-License-Identifier: Apache-2.0
"""Clients of GET /api/v1/events/stream: central_events.py slow|crowd|count ADDRESS:PORT TOKEN QUERY ..."""
import json
import os
import selectors
import socket
import sys
import time


def connect(query, small=False):
    host, port = sys.argv[2].rsplit(":", 1)
    s = socket.socket()
    if small:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect((host, int(port)))
    head = f"GET /api/v1/events/stream{query} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {sys.argv[3]}\r\n\r\n"
    s.sendall(head.encode())
    return s


class Stream:
    """The bytes of an answer, as events."""

    def __init__(self):
        self.head = self.body = b""
        self.chunks = b""

    def feed(self, data):
        self.chunks += data
        if not self.head:
            self.head, found, self.chunks = self.chunks.partition(b"\r\n\r\n")
            if not found:
                self.head, self.chunks = b"", self.head
                return
            assert self.head.startswith(b"HTTP/1.1 200"), self.head
        while True:
            size, found, rest = self.chunks.partition(b"\r\n")
            if not found or len(rest) < int(size, 16) + 2:
                break
            self.body += rest[: int(size, 16)]
            self.chunks = rest[int(size, 16) + 2 :]
        *whole, self.body = self.body.split(b"\n\n")
        for text in whole:
            fields = dict(line.split(": ", 1) for line in text.decode().split("\n") if not line.startswith(":"))
            if fields:
                yield fields["event"], json.loads(fields["data"])


def slow(query, wake):
    """Reads nothing until there is the file `wake`; then says what came: readings, and missed ones."""
    s, stream, seen, missed = connect(query, True), Stream(), [], 0
    print("connected", flush=True)
    while not os.path.exists(wake):
        time.sleep(0.05)
    while not seen or seen[-1] < int(sys.argv[6]):
        for event, data in stream.feed(s.recv(65536)):
            if event == "reading" and data["node"] == "5":
                assert not seen or data["k"] > seen[-1]
                seen.append(data["k"])
            elif event == "gap":
                missed += data["missed"]
    print(json.dumps({"seen": len(seen), "missed": missed, "last": seen[-1]}), flush=True)


def crowd(query, n, each):
    """`n` clients at once; ends when each has so many readings."""
    selector, waiting, streams = selectors.DefaultSelector(), n, {}
    for _ in range(n):
        s = connect(query)
        streams[s] = [Stream(), 0]
        selector.register(s, selectors.EVENT_READ)
    end = time.monotonic() + 30
    while waiting and time.monotonic() < end:
        for key, _ in selector.select(1):
            mine = streams[key.fileobj]
            data = key.fileobj.recv(65536)
            assert data, "the server ended it"
            for event, _ in mine[0].feed(data):
                assert event != "gap"
                if event == "reading":
                    mine[1] += 1
                    waiting -= mine[1] == each
    print(f"{n - waiting} of {n}", flush=True)


def count(query, n):
    """How many of `n` at once are let in, and what the others are told."""
    sockets = [connect(query) for _ in range(n)]
    answers = [s.recv(12).split()[1].decode() for s in sockets]
    print(", ".join(f"{answers.count(a)}: {a}" for a in sorted(set(answers))), flush=True)


if sys.argv[1] == "slow":
    slow(sys.argv[4], sys.argv[5])
elif sys.argv[1] == "count":
    count(sys.argv[4], int(sys.argv[5]))
else:
    crowd(sys.argv[4], int(sys.argv[5]), int(sys.argv[6]))
