# SPDX-License-Identifier: Apache-2.0
"""The sockets and the clock round state.py, without waiting: what Follower and AsyncFollower share.
"""
from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import replace
from typing import Any, Sequence

import zmq

from .client import Link, pack_request, take_answer
from .errors import BadMessage, TeslaError
from .events import Event
from .peer import (MESSAGE_MAX, Peer, PeerLike, as_peer, check_keys, connect, control_peer,
                   reachable)
from .reading import text
from .state import Phase, SILENT_S, State

log = logging.getLogger("tesla")

ANSWER_S = 3.0  # a daemon that was killed meanwhile never answers
ANSWER_MAX_S = 60.0  # a large node on a slow link: each time-out doubles it up to this
AGAIN_S = 1.0  # after a failure
# ZeroMQ does not try again where it was refused, and the stream may have moved: while nothing comes,
# so often another socket is tried, where the daemon says.
RENEW_S = 5.0
SPACING_S = 2.0  # a follower that is too slow is not helped by one snapshot after another


class Ask(Link):
    """Questions to the control socket: one at a time, asked again until there is an answer."""

    def __init__(self, context: zmq.Context[Any], peer: Peer) -> None:
        super().__init__(context, peer)
        self.open()
        self.wanted: str | None = None
        self.command: str | None = None  # that is or was asked
        self._out: str | None = None
        self._since, self._until, self._patience = 0.0, 0.0, ANSWER_S

    def forget(self) -> None:
        """What is out belongs to the past; the next question may be asked at once."""
        if self._out is not None:
            self.drop()
        self._out, self._since = None, 0.0

    def step(self, now: float) -> dict[str, Any] | None:
        """The answer, or None; it may fail, and is asked again by itself."""
        fresh = self._out is None
        command = self._out or self.wanted
        if command is None or (fresh and now < self._fresh_due(command)):
            return None
        if fresh:
            self._out, self.wanted, self._until = command, None, now + self._patience
            self.command = command
        try:
            answer = self._exchange(command, now, fresh)
        except (TeslaError, zmq.ZMQError):
            self.drop()
            self._out, self._since = None, now + AGAIN_S
            self.wanted = self.wanted or command
            raise
        if answer is not None:
            self._out, self._since = None, now + SPACING_S
        return answer

    def _exchange(self, command: str, now: float, fresh: bool) -> dict[str, Any] | None:
        socket = self.open()
        if fresh:
            socket.send_multipart(pack_request(command, {}), zmq.NOBLOCK)
        try:
            frames = socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            if now < self._until:
                return None
            self._patience = min(2 * self._patience, ANSWER_MAX_S)
            raise self.late() from None
        self._patience = ANSWER_S
        return take_answer(command, frames)

    def _fresh_due(self, command: str) -> float:
        """The same question not at once again."""
        return self._since if command == self.command else 0.0

    def due(self) -> float | None:
        """When step() has something to do by itself."""
        if self._out is not None:
            return self._until
        return self._fresh_due(self.wanted) if self.wanted is not None else None


class Driver:
    """Goes on without waiting; events pile up no further than one message or one snapshot."""

    def __init__(self, control: PeerLike = None, stream: PeerLike = None,
                 prefixes: Sequence[str] = ()) -> None:
        if isinstance(prefixes, str):
            raise TypeError("prefixes: expected several texts, got one: (prefix,)")
        self._prefixes = tuple(prefixes)
        self._stream = as_peer(stream)
        self._state = State(self._prefixes, time.monotonic())
        self._events: deque[Event] = deque()
        self._sub: zmq.Socket[Any] | None = None
        self._context: zmq.Context[Any] = zmq.Context()
        self.left_out = 0  # messages that made no sense
        try:
            self._ask = Ask(self._context, control_peer(control))
            # What is the daemon's word may change; of its key a pair of our own is the other half.
            self._asks, self._renew = self._stream.endpoint is None, 0.0
            self._asks_key = self._asks and self._stream.server_key is None
            check_keys(self._with_key(self._stream.public_key))
            if self._stream.endpoint is None:
                self._ask.wanted = "status"
            else:
                self._subscribe(self._stream.endpoint)
        except TeslaError:
            self._context.destroy(linger=0)
            raise

    def _with_key(self, key: str | None) -> Peer:
        """The stream, with the key that the daemon says."""
        return replace(self._stream, server_key=key) if self._asks_key else self._stream

    def _subscribe(self, endpoint: str) -> None:
        s = self._stream
        self._endpoint = reachable(endpoint, str(self._ask.peer.endpoint))
        if self._sub is not None:
            self._sub.close()
            self._sub = None
        plain = self._asks_key and s.server_key is None
        self._sub = connect(self._context, zmq.SUB, Peer(self._endpoint) if plain else replace(
            s, endpoint=self._endpoint), MESSAGE_MAX)
        for prefix in self._prefixes:
            self._sub.setsockopt(zmq.SUBSCRIBE, prefix.encode())
        # The heartbeat is subscribed to last: where it comes, all else is in force.
        self._sub.setsockopt(zmq.SUBSCRIBE, b"node/" if self._prefixes else b"")

    def close(self) -> None:
        """Ends it; nothing is waited for."""
        self._ask.drop()
        if self._sub is not None:
            self._sub.close()
        self._context.term()

    # ---- going on ----

    def _advance(self) -> bool:
        """One thing; False: nothing can be done before _due() or before a socket is readable."""
        now = time.monotonic()
        done = (self._control(now) or self._message(now) or self._silence(now)
                or self._another(now))
        if self._state.restarted:
            self._ask.forget()
        if self._state.wants_snapshot:
            self._ask.wanted = "snapshot"
        self._state.restarted = self._state.wants_snapshot = False
        return done

    def _control(self, now: float) -> bool:
        """What fails is told as Down where nothing goes on without it."""
        needed = self._sub is None or self._state.phase is Phase.ASKING
        try:
            answer = self._ask.step(now)
            if answer is not None and self._ask.command == "status":
                self._status(answer)
            elif answer is not None:
                self._events.extend(self._state.snapshot(answer, now))
        except (TeslaError, zmq.ZMQError) as cause:
            self._ask.wanted = self._ask.wanted or self._ask.command
            if needed:
                self._events.extend(self._state.down(str(cause)))
            return True
        return answer is not None

    def _status(self, answer: dict[str, Any]) -> None:
        """Asked at first, and when nothing comes any more; not while a message is held."""
        endpoint = text(answer, "stream")
        if endpoint is None:
            raise TeslaError("teslad publishes no stream")
        key = text(answer, "stream_key")
        if key is not None and self._stream.secret_key is None:
            raise TeslaError(f"the stream {endpoint} is encrypted: expected a pair of keys")
        self._stream = self._with_key(key)
        self._resubscribe(endpoint)

    def _resubscribe(self, endpoint: str) -> None:
        """Another socket, as long as nothing comes: not when something came after all."""
        if self._sub is not None and (not self._state.is_down() or
                                      int(self._sub.getsockopt(zmq.EVENTS)) & zmq.POLLIN):
            return
        self._subscribe(endpoint)

    def _message(self, now: float) -> bool:
        if self._sub is None or self._state.phase is Phase.ASKING:
            return False
        try:
            frames = self._sub.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            self._state.drained()
            return False
        try:
            if len(frames) != 2:
                raise BadMessage(f"{len(frames)} frames")
            self._events.extend(self._state.message(frames[0], frames[1], now))
        except BadMessage as cause:
            self.left_out += 1
            log.warning("stream: a message was left out: %s", cause)
        return True

    def _silence(self, now: float) -> bool:
        due = self._state.due()
        if self._sub is None or due is None or now < due:
            return False
        self._events.extend(self._state.down(
            f"nothing has come from {self._endpoint} for {SILENT_S:g} s"))
        self._renew = now
        return True

    def _renew_due(self) -> float | None:
        """When another socket is tried; None: it is not down, or was not there yet."""
        has_place = self._sub is not None or not self._asks
        return self._renew if has_place and self._state.is_down() else None

    def _another(self, now: float) -> bool:
        due = self._renew_due()
        if due is None or now < due:
            return False
        self._renew = now + RENEW_S
        if self._stream.endpoint is not None:
            self._resubscribe(self._stream.endpoint)
        else:
            self._ask.wanted = "status"
        return True

    # ---- waiting ----

    def _sockets(self) -> list[zmq.Socket[Any]]:
        """What to wait for; the stream not while the snapshot is waited for."""
        sockets = [self._ask.socket] if self._ask.socket is not None else []
        if self._sub is not None and self._state.phase is not Phase.ASKING:
            sockets.append(self._sub)
        return sockets

    def _due(self, until: float | None) -> float | None:
        """When to go on at the latest."""
        silent = self._state.due() if self._sub is not None else None
        times = [t for t in (until, self._ask.due(), silent, self._renew_due()) if t is not None]
        return min(times) if times else None

    def _wait_ms(self, until: float | None) -> int | None:
        due = self._due(until)
        return None if due is None else max(0, int((due - time.monotonic()) * 1000) + 1)
