#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""idlers.py PORT IDLE TRICKLERS GREEDY: clients that mean no good, until the server has closed all of them.

IDLE say nothing, TRICKLERS send a byte of a request every 0.1 s, GREEDY ask for the metrics over and
over and read nothing.  Says `ready` when all are connected, and `closed SECONDS` with the longest
time that one was left open since it was.
"""
import selectors
import socket
import sys
import time

port, idle, tricklers, greedy = (int(a) for a in sys.argv[1:])
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Long: "
ASK = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


class Client:
    def __init__(self, kind):
        self.kind = kind
        self.sent = 0
        self.socket = socket.create_connection(("127.0.0.1", port))
        if kind == "greedy":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setblocking(False)

    def push(self):
        """False: the server is not there any more."""
        try:
            if self.kind == "trickle":
                self.socket.send(REQUEST[self.sent:self.sent + 1] or b"x")
                self.sent += 1
            elif self.kind == "greedy":
                self.socket.send(ASK * 50)
        except BlockingIOError:
            pass
        except OSError:
            return False
        return True

    def closed(self):
        try:
            return self.socket.recv(65536 if self.kind != "greedy" else 1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True


clients = ([Client("idle") for _ in range(idle)] + [Client("trickle") for _ in range(tricklers)]
           + [Client("greedy") for _ in range(greedy)])
began = time.monotonic()
print("ready", flush=True)
poll = selectors.DefaultSelector()
for c in clients:
    poll.register(c.socket, selectors.EVENT_READ, c)
open_ones = set(clients)
while open_ones and time.monotonic() - began < 60:
    for key, _ in poll.select(0.1):
        if key.data.closed():
            poll.unregister(key.fileobj)
            open_ones.discard(key.data)
        elif key.data.kind == "greedy":
            poll.unregister(key.fileobj)    # there is something to read, which it does not
    for c in list(open_ones):
        if not c.push():
            open_ones.discard(c)
print("left" if open_ones else "closed", round(time.monotonic() - began, 1), flush=True)
