# SPDX-License-Identifier: Apache-2.0
"""The same for asyncio."""
from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Any, AsyncIterator

import zmq

from .client import ClientBase, pack_request, take_answer
from .driver import Driver
from .events import Event
from .peer import PeerLike
from .snapshot import Snapshot


TURN = 100  # events, after which the other tasks have theirs


async def _poll(sockets: list[zmq.Socket[Any]], wait_ms: int | None) -> bool:
    """Until one of them may have something; False: none had in time.

    zmq.asyncio would keep a reader in the loop for each socket, also for one that is closed.
    """
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    descriptors = [int(socket.getsockopt(zmq.FD)) for socket in sockets]
    for fd in descriptors:
        loop.add_reader(fd, ready.set)
    try:
        # They are edges: what came before they were watched is asked for.
        if any(int(socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN for socket in sockets):
            return True
        await asyncio.wait_for(ready.wait(), None if wait_ms is None else wait_ms / 1000)
        return True
    except asyncio.TimeoutError:
        return False
    finally:
        for fd in descriptors:
            loop.remove_reader(fd)


async def _receive(socket: zmq.Socket[Any], until: float) -> list[bytes] | None:
    """The next message; None: none came in time."""
    while True:
        try:
            return socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            wait_ms = int((until - time.monotonic()) * 1000) + 1
            if wait_ms <= 0 or not await _poll([socket], wait_ms):
                return None


class AsyncClient(ClientBase):
    """Client for asyncio; requests of several tasks wait for each other."""

    def __init__(self, peer: PeerLike = None, *, timeout: float = 5.0) -> None:
        super().__init__(peer, timeout=timeout)
        self._turn = asyncio.Lock()

    async def request(self, command: str, /, *, timeout: float | None = None,
                      **args: Any) -> dict[str, Any]:
        """Sends one command with its keys, and waits for its answer."""
        limit = self._timeout if timeout is None else timeout
        async with self._turn:
            socket = self._link.open()
            try:
                socket.send_multipart(pack_request(command, args), zmq.NOBLOCK)
                frames = await _receive(socket, time.monotonic() + limit)
                if frames is None:
                    raise self._link.late()
            except BaseException:  # also when it is cancelled
                self._link.drop()
                raise
        return take_answer(command, frames)

    async def snapshot(self, *, timeout: float | None = None) -> Snapshot:
        """The last values."""
        return Snapshot(await self.request("snapshot", timeout=timeout))

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        self.close()


class AsyncFollower(Driver):
    """Follower for asyncio: `async for event in follower`."""

    _taken = 0

    async def next(self, timeout: float | None = None) -> Event | None:
        """The next event; None: none came in that many seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        self._taken += 1
        if self._taken % TURN == 0:
            await asyncio.sleep(0)
        while not self._events:
            if self._advance():
                continue
            if until is not None and time.monotonic() >= until:
                return None
            await _poll(self._sockets(), self._wait_ms(until))
        return self._events.popleft()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        event = await self.next()
        assert event is not None
        return event

    async def __aenter__(self) -> AsyncFollower:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        self.close()
