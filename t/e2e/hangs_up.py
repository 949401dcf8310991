#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A Modbus TCP meter with a few addresses that hangs up on what it does not know: functions other
than 3, and other addresses.  hangs_up.py PORT ADDRESS...; each has 230 in every register."""
import socketserver
import sys


class Meter(socketserver.BaseRequestHandler):
    def handle(self):
        while True:
            head = self.request.recv(7, 0x100)  # MSG_WAITALL
            if len(head) < 7:
                return
            body = self.request.recv(int.from_bytes(head[4:6], "big") - 1, 0x100)
            if head[6] not in addresses or body[0] != 3:
                return
            n = int.from_bytes(body[3:5], "big")
            self.request.sendall(
                head[:4] + (3 + 2 * n).to_bytes(2, "big") + head[6:7] + bytes([3, 2 * n]) + bytes([0, 230]) * n
            )


addresses = set(map(int, sys.argv[2:]))
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer.daemon_threads = True
with socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Meter) as server:
    print("ready", flush=True)
    server.serve_forever()
