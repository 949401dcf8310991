# SPDX-License-Identifier: Apache-2.0
"""Following: the last values, then the stream, with no gap or double between them."""
from __future__ import annotations

import time
from types import TracebackType
from typing import Iterator

import zmq

from .driver import Driver
from .events import Event


class Follower(Driver):
    """An endless iterator over events.  It belongs to one thread.

    Nobody needs to be there yet; it connects, and connects again, by itself.  A value is handed on
    once at most: what was missed is told by number (Gap) and never made up.  `control` defaults to
    the daemon of this machine, `stream` to what that says, `prefixes` to everything.
    """

    def next(self, timeout: float | None = None) -> Event | None:
        """The next event; None: none came in that many seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        while not self._events:
            if self._advance():
                continue
            if until is not None and time.monotonic() >= until:
                return None
            self._poll(self._wait_ms(until))
        return self._events.popleft()

    def _poll(self, wait_ms: int | None) -> None:
        poller = zmq.Poller()
        for socket in self._sockets():
            poller.register(socket, zmq.POLLIN)
        poller.poll(wait_ms)

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        event = self.next()
        assert event is not None
        return event

    def __enter__(self) -> Follower:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()
