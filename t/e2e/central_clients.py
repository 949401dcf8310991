# SPDX-License-Identifier: Apache-2.0
"""Clients that are no good to a server: central_clients.py trickle|crowd ADDRESS:PORT [N]."""
import select
import socket
import sys
import time


def address():
    host, port = sys.argv[2].rsplit(":", 1)
    return host, int(port)


def trickle():
    """A byte of a head now and then, until it is cut."""
    began = time.monotonic()
    with socket.create_connection(address()) as s:
        print("connected", flush=True)
        try:
            for byte in b"GET /healthz HTTP/1.1\r\nHost: here\r\n" + b"X: " + 1000 * b"x":
                s.send(bytes([byte]))
                if select.select([s], [], [], 0.05)[0] and not s.recv(1000):
                    break
        except OSError:
            pass
    print(f"cut after {time.monotonic() - began:.1f} s")


def crowd(n):
    """So many at once from one address; how many of them are served."""
    sockets = [socket.create_connection(address()) for _ in range(n)]
    served = 0
    for s in sockets:
        s.settimeout(5)
        try:
            s.sendall(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n")
            served += s.recv(1000).startswith(b"HTTP/1.1 200")
        except OSError:
            pass
    print(f"{served} of {n} are served")


if sys.argv[1] == "trickle":
    trickle()
else:
    crowd(int(sys.argv[3]))
