# SPDX-License-Identifier: Apache-2.0
"""What a follower makes of what comes: messages and snapshots in, events out.

No socket and no clock: the time is told.  It begins with a message: then the subscription is in
force, and a snapshot that is asked for after it leaves no gap.  The message waits for the answer,
and with it all that are behind it.

Later, after a loss or a restart, a snapshot tells the last values of what does not come often.  It
may be ahead of the stream: it waits until the stream is past its instant, and then only what the
stream did not bring is taken from it.
"""
from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Iterator, Sequence

from .errors import BadMessage
from .events import Down, Event, Gap, Message, Reset, Restart, Up
from .reading import Reading, parse, unpack, whole
from .snapshot import Snapshot
from .track import Track, Verdict

SILENT_S = 3.0  # docs/stream.md: three heartbeats
STRANGERS = 3  # so many in a row are no restart in between
OLD_S = 1.0  # a snapshot of another daemon: it is asked again after so long
HEARTBEATS_PASSED = 2  # after so many a snapshot is taken, whatever else comes


class Phase(Enum):
    FIRST = 1  # nothing has come yet
    ASKING = 2  # a message waits for the snapshot: give it no other
    LIVE = 3


@dataclass(frozen=True)
class _Message:
    topic: str
    node: str
    epoch_ms: int
    k: int
    reading: Reading | None
    body: dict[str, Any]


def _parse(topic: bytes, payload: bytes) -> _Message:
    try:
        name = topic.decode()
    except UnicodeDecodeError as cause:
        raise BadMessage(f"{topic!r} is no topic") from cause
    parts = name.split("/")
    if len(parts) < 3 or not parts[0] or not parts[1]:
        raise BadMessage(f"{name!r} is no topic")
    body = unpack(payload)
    epoch_ms, k = whole(body, "e", -(1 << 63)), whole(body, "k", 1)
    reading = None
    if parts[0] == "reading":
        if len(parts) != 5 or not parts[2].isdecimal() or not parts[3] or parts[4]:
            raise BadMessage(f"{name!r} is no topic")
        reading = parse(name, int(parts[2]), parts[3], epoch_ms, body)
    return _Message(name, parts[1], epoch_ms, k, reading, body)


class State:
    """See above.  `wants_snapshot` and `restarted` are for the caller, who clears them."""

    def __init__(self, prefixes: Sequence[str], now: float) -> None:
        self.phase = Phase.FIRST
        self.wants_snapshot = self.restarted = False
        self._prefixes = tuple(prefixes)
        self._track = Track()
        self._node = ""
        self._held: _Message | None = None
        self._snapshot: Snapshot | None = None  # it waits
        self._drained, self._heartbeats = False, 0
        self._old_epoch_ms: int | None = None
        self._old_until = 0.0
        self._heard = now
        self._strangers = 0  # snapshots of another daemon in a row
        self._told_down = False

    # ---- what comes ----

    def message(self, topic: bytes, payload: bytes, now: float) -> Iterator[Event]:
        """A message of the stream, when the phase is not ASKING."""
        m = _parse(topic, payload)
        self._heard = now
        if self.phase is Phase.FIRST:
            self._first(m, now)
            return
        if self._told_down:
            yield self._up(m.epoch_ms)
        yield from self._live(m)

    def snapshot(self, answer: dict[str, Any], now: float) -> Iterator[Event]:
        """The answer to a wanted snapshot."""
        if self.phase is Phase.ASKING:
            yield from self._first_snapshot(answer, now)
        elif answer.get("e") == self._track.epoch_ms:
            self._note(answer)

    def drained(self) -> None:
        """The stream has no message that was not given yet."""
        self._drained = self._snapshot is not None

    def down(self, reason: str) -> Iterator[Event]:
        """Nothing goes on, and that is why."""
        if not self._told_down:
            self._told_down = True
            yield Down(reason)

    def is_down(self) -> bool:
        """Down was told, and no message is held."""
        return self._told_down and self.phase is not Phase.ASKING

    def due(self) -> float | None:
        """When silence becomes Down; None: it is not waited for."""
        return None if self._told_down or self.phase is Phase.ASKING else self._heard + SILENT_S

    # ---- the beginning ----

    def _first(self, m: _Message, now: float) -> None:
        if m.epoch_ms == self._old_epoch_ms and now < self._old_until:
            return
        self._node, self._held = m.node, m
        self.phase, self.wants_snapshot = Phase.ASKING, True

    def _first_snapshot(self, answer: dict[str, Any], now: float) -> Iterator[Event]:
        """The message that waits and the snapshot must be of the same daemon."""
        m = self._held
        assert m is not None
        rows = Snapshot(answer, self._node)
        self._held, self._heard = None, now
        if rows.epoch_ms != m.epoch_ms:
            self._old_epoch_ms, self._old_until = m.epoch_ms, now + OLD_S
            self.phase = Phase.FIRST
            self._strangers += 1
            if self._strangers >= STRANGERS:
                yield from self.down("the stream is of another daemon than who answers on the "
                                     "control socket")
            return
        self._strangers = 0
        self.phase = Phase.LIVE
        self._track.join(m.epoch_ms)
        yield self._up(m.epoch_ms)
        yield from self._walk(rows, first=True)
        yield from self._live(m)

    # ---- going on ----

    def _up(self, epoch_ms: int) -> Up:
        self._told_down = False
        return Up(epoch_ms)

    def _live(self, m: _Message) -> Iterator[Event]:
        if self._snapshot is not None and self._is_past(m):
            rows, self._snapshot = self._snapshot, None
            yield from self._walk(rows, first=False)
        if m.epoch_ms != self._track.epoch_ms:
            yield self._restart(m)
        verdict = self._track.message(m.topic, m.k)
        if verdict.missed or verdict.reset or (verdict.fresh and m.reading is not None):
            self.wants_snapshot = True
        yield from self._tell(m.topic, m.epoch_ms, m.k, verdict)
        if not verdict.deliver or not self._is_wanted(m.topic):
            return
        if m.reading is None:
            yield Message(m.topic, m.epoch_ms, m.k, m.body)
        else:
            yield _labelled(m.reading, verdict.topic.labels)

    def _restart(self, m: _Message) -> Restart:
        old = self._track.epoch_ms
        assert old is not None
        self._track.restart(m.epoch_ms)
        self._node, self._snapshot = m.node, None
        self.wants_snapshot = self.restarted = True
        return Restart(old, m.epoch_ms)

    def _is_wanted(self, topic: str) -> bool:
        return not self._prefixes or topic.startswith(self._prefixes)

    def _tell(self, topic: str, epoch_ms: int, k: int, verdict: Verdict) -> Iterator[Event]:
        """What went wrong before a message."""
        if not self._is_wanted(topic):
            return
        if verdict.reset:
            yield Reset(topic, epoch_ms, k)
        if verdict.missed:
            yield Gap(topic, epoch_ms, k, verdict.missed)

    # ---- snapshots ----

    def _note(self, answer: dict[str, Any]) -> None:
        rows = Snapshot(answer, self._node)
        self._track.note([(row.topic, row.k) for row in rows])
        self._snapshot = rows
        self._drained, self._heartbeats = False, 0

    def _is_past(self, m: _Message) -> bool:
        """A number that the snapshot does not have yet proves that the stream is past it.

        Where nothing else comes, two heartbeats are believed: should a message then still come, it
        counts as missed, and is not handed on.
        """
        if m.epoch_ms != self._track.epoch_ms:
            return False
        if self._drained and m.topic.startswith("node/"):
            self._heartbeats += 1
            if self._heartbeats >= HEARTBEATS_PASSED:
                return True
        return self._track.is_past(m.topic, m.k)

    def _walk(self, rows: Snapshot, first: bool) -> Iterator[Event]:
        for row in rows:
            verdict = self._track.snapshot(row.topic, row.k, row.labels, first)
            yield from self._tell(row.topic, row.epoch_ms, row.k, verdict)
            if verdict.deliver and self._is_wanted(row.topic):
                yield row


def _labelled(reading: Reading, labels: tuple[str, ...] | None) -> Reading:
    if labels is None or len(labels) != len(reading.values):
        return reading
    return replace(reading, labels=labels)
