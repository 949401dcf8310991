# SPDX-License-Identifier: Apache-2.0
"""More remote reads at once than are taken: prom_crowd.py ADDRESS:PORT TOKEN START END leave|stay.

Two ask for millions of bytes and read nothing; 40 behind them ask for little.  Once eight of those are
refused, the two leave, or stay until the server ends.  Prints the statuses of the others."""
import select
import socket
import sys
import time

where, token, begin, end, mode = sys.argv[1:]
ADDRESS = (where.rsplit(":", 1)[0], int(where.rsplit(":", 1)[1]))
OTHERS, REFUSED = 40, 8


def varint(n):
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7f | 0x80])
        n >>= 7
    return out + bytes([n])


def field(number, content):
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def request(name, n):
    """A ReadRequest of n queries for metrics that match `name`, as snappy without any reference."""
    matcher = field(1, 2) + field(2, b"__name__") + field(3, name)
    query = field(1, int(begin) * 1000) + field(2, int(end) * 1000) + field(3, matcher)
    plain = field(1, query) * n
    body = varint(len(plain)) + b"\xf4" + (len(plain) - 1).to_bytes(2, "little") + plain
    return (f"POST /api/v1/prom/read HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Encoding: snappy\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


def connect(what):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(ADDRESS)
    s.sendall(what)
    return s


def answers(sockets, n):
    """The statuses of the first n that are answered."""
    got, until = {}, time.monotonic() + 20
    while len(got) < n and time.monotonic() < until:
        for s in select.select([s for s in sockets if s not in got], [], [], 1)[0]:
            head = s.recv(2000)
            got[s] = head.split(b" ")[1].decode() if head else "cut"
            assert got[s] != "503" or b"\r\nRetry-After: " in head, head
    return got


slow = [connect(request(b"tesla_.*", 6)) for _ in range(2)]
for s in slow:      # its answer is there: nothing more of it is taken
    assert select.select([s], [], [], 20)[0]
others = [connect(request(b"tesla_ERR", 1)) for _ in range(OTHERS)]
refused = answers(others, REFUSED)
left = [s for s in others if s not in refused]
assert not select.select(left, [], [], 0.2)[0], "one that waits was answered"
print("refused:", *refused.values(), flush=True)
if mode == "leave":
    for s in slow:
        s.close()
statuses = list(answers(left, len(left)).values())
print("waited:", *(f"{statuses.count(s)} x {s}" for s in sorted(set(statuses))))
