# SPDX-License-Identifier: Apache-2.0
"""proxy.py UNIX_SOCKET LOG [LISTEN]: a proxy before a stream that can be cut.

Listens on any port of 127.0.0.1 and prints "ready PORT", or at the path LISTEN, and writes a JSON line to LOG for every
message of the stream that went through whole: what is in there has reached the subscriber, and
nothing else has.

USR1 cuts: connections end, new ones are closed at once.  USR2 hangs: connections stay, nothing goes
through any more.  HUP: open again; what hung is ended.  Each is confirmed by a line: "cut N",
"hang N", "open N".
"""
import asyncio
import json
import signal
import sys

import msgpack

GREETING = 64
MORE, LONG, COMMAND = 1, 2, 4


class Zmtp:
    """The messages in the bytes of one direction of a connection."""

    def __init__(self):
        self.bytes, self.greeted, self.frames = bytearray(), False, []

    def frame(self):
        """(flags, body) of the next whole frame, or None."""
        if len(self.bytes) < 2:
            return None
        long = self.bytes[0] & LONG
        head = 9 if long else 2
        if len(self.bytes) < head:
            return None
        size = int.from_bytes(self.bytes[1:head], "big")
        if len(self.bytes) < head + size:
            return None
        flags, body = self.bytes[0], bytes(self.bytes[head:head + size])
        del self.bytes[:head + size]
        return flags, body

    def feed(self, data):
        """Messages, each a list of frames, that are whole now."""
        self.bytes += data
        if not self.greeted:
            if len(self.bytes) < GREETING:
                return
            del self.bytes[:GREETING]
            self.greeted = True
        while (frame := self.frame()) is not None:
            flags, body = frame
            if flags & COMMAND:
                continue
            self.frames.append(body)
            if not flags & MORE:
                yield self.frames
                self.frames = []


class Connection:
    def __init__(self, proxy, client, upstream):
        self.proxy = proxy
        self.client_in, self.client_out = client
        self.up_in, self.up_out = upstream
        self.zmtp = Zmtp()

    async def down(self):
        """From the daemon to the subscriber; what went is written down."""
        try:
            while data := await self.up_in.read(65536):
                if self.proxy.state != "open":
                    return
                self.client_out.write(data)
                for frames in self.zmtp.feed(data):
                    self.proxy.note(frames)
                await self.client_out.drain()
        except OSError:
            pass

    async def up(self):
        try:
            while data := await self.client_in.read(65536):
                if self.proxy.state == "open":
                    self.up_out.write(data)
                    await self.up_out.drain()
        except OSError:
            pass

    async def run(self):
        down, up = asyncio.create_task(self.down()), asyncio.create_task(self.up())
        ended = asyncio.create_task(self.proxy.ended.wait())
        await asyncio.wait([down, up, ended], return_when=asyncio.FIRST_COMPLETED)
        down.cancel()
        if self.proxy.state == "hang" and not up.done():
            opened = asyncio.create_task(self.proxy.opened.wait())
            await asyncio.wait([up, opened], return_when=asyncio.FIRST_COMPLETED)
            opened.cancel()
        ended.cancel()
        self.up_out.close()
        await self.end(up)

    async def end(self, up):
        """Only our side, until the subscriber has read all of it and ends too: a reset would take
        from it what had gone through."""
        try:
            self.client_out.write_eof()
            await asyncio.wait([up])
        except OSError:
            up.cancel()
        self.client_out.close()


class Proxy:
    def __init__(self, path, log):
        self.path, self.log = path, log
        self.state, self.count = "open", {"open": 0, "cut": 0, "hang": 0}
        self.ended, self.opened = asyncio.Event(), asyncio.Event()
        self.running = set()

    def note(self, frames):
        topic, body = frames
        m = msgpack.unpackb(body)
        self.log.write(json.dumps([topic.decode(), m["e"], m["k"]]) + "\n")

    def set(self, state):
        self.state = state
        if state == "open":
            self.opened.set()
            self.ended, self.opened = asyncio.Event(), asyncio.Event()
        else:
            self.ended.set()
        self.count[state] += 1
        print(state, self.count[state], flush=True)

    async def serve(self, client_in, client_out):
        self.running.add(asyncio.current_task())
        try:
            if self.state == "cut":
                raise ConnectionRefusedError
            upstream = await asyncio.open_unix_connection(self.path)
        except OSError:
            client_out.close()
        else:
            await Connection(self, (client_in, client_out), upstream).run()
        self.running.discard(asyncio.current_task())


async def main(path, log_path, listen=None):
    with open(log_path, "w", encoding="utf-8", buffering=1) as log:
        proxy = Proxy(path, log)
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        for number, state in ((signal.SIGUSR1, "cut"), (signal.SIGUSR2, "hang"),
                              (signal.SIGHUP, "open")):
            loop.add_signal_handler(number, proxy.set, state)
        loop.add_signal_handler(signal.SIGTERM, over.set)
        if listen is None:
            server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
        else:
            server = await asyncio.start_unix_server(proxy.serve, listen)
        print("ready", listen or server.sockets[0].getsockname()[1], flush=True)
        await over.wait()
        server.close()
        for task in list(proxy.running):
            task.cancel()


asyncio.run(main(*sys.argv[1:]))
