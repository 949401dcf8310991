# SPDX-License-Identifier: Apache-2.0
"""What a follower tells."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Union

from .reading import Reading


@dataclass(frozen=True)
class Up:
    """It follows: said at first, and after each Down."""

    epoch_ms: int


@dataclass(frozen=True)
class Down:
    """Nothing has come for 3 s."""

    reason: str


@dataclass(frozen=True)
class Message:
    """A record, a status change or a heartbeat: `body` is as docs/stream.md says."""

    topic: str
    epoch_ms: int
    k: int
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Gap:
    """Of `topic`, `missed` messages before number `k` never came."""

    topic: str
    epoch_ms: int
    k: int
    missed: int


@dataclass(frozen=True)
class Restart:
    """Another daemon; every count begins anew."""

    old_epoch_ms: int
    epoch_ms: int


@dataclass(frozen=True)
class Reset:
    """The count of `topic` begins anew, in the same epoch."""

    topic: str
    epoch_ms: int
    k: int


Event = Union[Up, Down, Reading, Message, Gap, Restart, Reset]
