# SPDX-License-Identifier: Apache-2.0
"""A core that only listens: drives a tesla-host of lines as teslad would (docs/wire.md).

The stream has whole milliseconds; here the start of a sweep is known to the microsecond.
"""
import fcntl
import os
import select
import socket
import struct
import subprocess
import time

import msgpack

from installation import BenchError, host_of

BLAME_BYTES = 1 << 16           # more than struct blame_page has


class ListeningCore:
    def __init__(self, installation, port, n, variables, interval_ms):
        self.ours, theirs = socket.socketpair()
        page = os.memfd_create("blame")
        os.ftruncate(page, BLAME_BYTES)

        def descriptors():          # 3 and 4, whatever they were: so out of their way first
            moved = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (theirs.fileno(), page)]
            os.dup2(moved[0], 3)
            os.dup2(moved[1], 4)

        self.process = installation.start(
            "host", installation.env["TESLA_HOST"], "--driver", "--parent", str(os.getpid()),
            close_fds=False, preexec_fn=descriptors, stdout=subprocess.DEVNULL)
        self.installation = installation
        theirs.close()
        os.close(page)
        self.buffer = b""
        for message in self.setup(installation.env, port, n, variables, interval_ms):
            self.say(message)

    def say(self, message):
        body = msgpack.packb(message)
        self.ours.sendall(struct.pack("<I", len(body)) + body)

    @staticmethod
    def setup(env, port, n, variables, interval_ms):
        plugins, models = env["TESLA_PLUGINDIR"], env["TESLA_MODELDIR"]
        yield {"m": "hello", "level": 4}
        for kind, name, folder in (1, "modBusComm", "drivers"), (2, "pmData", "data"):
            yield {"m": "plugin", "kind": kind, "name": name,
                   "path": f"{plugins}/{folder}/{name}.so"}
        with open(f"{models}/PM710.xml", encoding="utf-8") as f:
            yield {"m": "model", "name": "PM710", "file": f.name, "text": f.read()}
        for i in range(n):
            analyzer = {"id": i + 1, "address": 1, "model": "PM710", "driver": "modBusComm",
                        "data": "pmData", "interval_ms": interval_ms, "identity": None,
                        "params": {}, "variables": [[v, interval_ms] for v in variables]}
            yield {"m": "line", "id": i + 1, "kind": "tcp", "name": f"{host_of(i)}:{port}",
                   "params": {"host": host_of(i), "port": str(port), "timeout": "1"},
                   "analyzers": [analyzer]}
        yield {"m": "go"}

    def messages(self, seconds):
        """Whatever the host says, for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.ours], [], [], left)[0]:
                return
            data = self.ours.recv(1 << 16)
            if not data:
                raise BenchError(f"the host ended:\n{self.installation.log_of('host')}")
            self.buffer += data
            while len(self.buffer) >= 4:
                size, = struct.unpack_from("<I", self.buffer)
                if len(self.buffer) < 4 + size:
                    break
                body, self.buffer = self.buffer[4:4 + size], self.buffer[4 + size:]
                yield msgpack.unpackb(body)

    def sweeps(self, seconds):
        for message in self.messages(seconds):
            if isinstance(message, list):
                yield from message[1:]

    def close(self):
        self.ours.close()
        self.installation.end(self.process)
