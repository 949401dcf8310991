# SPDX-License-Identifier: Apache-2.0
"""What has been handed on, per topic: the arithmetic of `e` and `k` (docs/stream.md).

Of every topic each number k is accounted for once: it was handed on, or counted as missed, or it
was before our beginning.
"""
from __future__ import annotations

from dataclasses import dataclass

from .errors import BadMessage

TOPICS_MAX = 262_144  # a node of 1,000 analyzers has 50,000; foreign bytes fill no more


@dataclass
class Topic:
    """k: the last number that is accounted for; None: not known."""

    k: int | None
    streamed: bool = False  # k came by the stream, whose order is that of the daemon
    snapshot: int = 0  # the last snapshot that had it, and its number there
    snapshot_k: int = 0
    labels: tuple[str, ...] | None = None


@dataclass
class Verdict:
    """What is to be told of a message; nothing: it was accounted for before."""

    topic: Topic
    deliver: bool = False
    missed: int = 0
    reset: bool = False
    fresh: bool = False  # a topic that was not known


class Track:
    """The topics of one epoch."""

    def __init__(self) -> None:
        self.epoch_ms: int | None = None
        self._topics: dict[str, Topic] = {}
        self._whole = False  # every topic began after us: what is unknown is at 0
        self._snapshots = 0

    def join(self, epoch_ms: int) -> None:
        """We come to a daemon that runs; a snapshot follows."""
        self._begin(epoch_ms, whole=False)

    def restart(self, epoch_ms: int) -> None:
        """Another daemon began while we were listening."""
        self._begin(epoch_ms, whole=True)

    def _begin(self, epoch_ms: int, whole: bool) -> None:
        self.epoch_ms, self._whole = epoch_ms, whole
        self._topics = {}

    def _get(self, name: str) -> tuple[Topic, bool]:
        """A reading that no snapshot had has not come before; of others nobody told us."""
        topic = self._topics.get(name)
        if topic is not None:
            return topic, False
        if len(self._topics) >= TOPICS_MAX:
            raise BadMessage(f"{name}: beyond {TOPICS_MAX} topics")
        topic = Topic(0 if self._whole or name.startswith("reading/") else None)
        self._topics[name] = topic
        return topic, True

    def message(self, name: str, k: int) -> Verdict:
        """The stream has that number of that topic, in this epoch."""
        topic, fresh = self._get(name)
        verdict = Verdict(topic, fresh=fresh)
        if topic.k is not None and k <= topic.k and not topic.streamed:
            return verdict  # a snapshot had it
        verdict.deliver = True
        if topic.k is not None:
            verdict.reset = k <= topic.k
            verdict.missed = k - 1 - (0 if verdict.reset else topic.k)
        topic.k, topic.streamed = k, True
        return verdict

    def note(self, names: list[tuple[str, int]]) -> None:
        """A snapshot has come, with these numbers."""
        self._snapshots += 1
        for name, k in names:
            topic, _ = self._get(name)
            topic.snapshot, topic.snapshot_k = self._snapshots, k

    def is_past(self, name: str, k: int) -> bool:
        """Does that message prove that the stream is past the last noted snapshot's instant?"""
        topic = self._topics.get(name)
        return (topic is not None and 0 != topic.snapshot == self._snapshots and
                k > topic.snapshot_k)

    def snapshot(self, name: str, k: int, labels: tuple[str, ...] | None,
                 first: bool) -> Verdict:
        """Is a snapshot's value to be handed on?  first: it is where we begin."""
        topic, fresh = self._get(name)
        verdict = Verdict(topic, fresh=fresh)
        topic.labels = labels
        if k > (topic.k or 0):
            verdict.deliver = True
            verdict.missed = 0 if first else k - 1 - (topic.k or 0)
            topic.k, topic.streamed = k, False
        return verdict
