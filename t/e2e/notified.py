#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A service manager's ear: binds the socket of NOTIFY_SOCKET and writes a line for every message,
"MONOTONIC_US PID what|what", to a file.  notified.py SOCKET FILE"""
import socket
import struct
import sys
import time

with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
    ear.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    ear.bind(sys.argv[1])
    with open(sys.argv[2], "w", encoding="utf-8", buffering=1) as out:
        while True:
            text, more, _, _ = ear.recvmsg(4096, socket.CMSG_SPACE(struct.calcsize("3i")))
            pid = struct.unpack("3i", more[0][2])[0]
            print(time.monotonic_ns() // 1000, pid, text.decode().strip().replace("\n", "|"), file=out)
