# SPDX-License-Identifier: Apache-2.0
"""A reading, out of a message of the stream or a row of a snapshot: foreign bytes until here."""
from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import IntEnum
from typing import Any, Mapping

import msgpack

from .errors import BadMessage


class Quality(IntEnum):
    """Of an element; docs/stream.md."""

    GOOD = 0
    UNAVAILABLE = 1
    SUSPECT = 2
    ERROR = 3
    STALE = 4


@dataclass(frozen=True)
class Reading:
    """The elements of one variable of one analyzer at one instant; also an event of a follower."""

    topic: str
    analyzer: int
    variable: str
    unit: str
    epoch_ms: int  # when the daemon started
    t_ms: int  # when it was measured: UTC, since 1970
    dt_ms: float  # half-width: t_ms is right to +- this
    n: int  # of the sweep
    k: int  # of this topic's messages since epoch_ms
    values: tuple[float | None, ...]  # None where there is none
    qualities: tuple[Quality, ...]
    labels: tuple[str, ...] | None = None  # one an element; None: not known (yet)
    error: str | None = None  # why an element has quality ERROR
    from_snapshot: bool = field(default=False)  # it did not come by the stream

    @property
    def time(self) -> datetime:
        """t_ms as a time with its zone."""
        return datetime.fromtimestamp(self.t_ms / 1000, timezone.utc)


def unpack(payload: bytes) -> dict[str, Any]:
    """The map in these bytes."""
    try:
        message = msgpack.unpackb(payload, raw=False)
    except (ValueError, TypeError, msgpack.UnpackException) as cause:
        raise BadMessage(f"no MessagePack: {cause!r}") from cause
    if not isinstance(message, dict):
        raise BadMessage("no map")
    return message


def whole(message: Mapping[str, Any], key: str, least: int = 0) -> int:
    """The whole number under that key."""
    value = message.get(key)
    if type(value) is not int or value < least:
        raise BadMessage(f"{key}: {value!r}")
    return value


def text(message: Mapping[str, Any], key: str) -> str | None:
    """The text under that key; None when there is none."""
    value = message.get(key)
    if value is not None and not isinstance(value, str):
        raise BadMessage(f"{key}: {value!r}")
    return value


_WITH_NUMBER = (Quality.GOOD, Quality.SUSPECT, Quality.STALE)


def _element(value: Any, quality: Quality) -> tuple[float | None, Quality]:
    """A number counts only with a quality that has one, and the other way round."""
    if quality not in _WITH_NUMBER:
        return None, quality
    if type(value) in (int, float) and math.isfinite(value):
        return float(value), quality
    return None, Quality.STALE if quality is Quality.STALE else Quality.ERROR


def _elements(message: Mapping[str, Any]) -> list[tuple[float | None, Quality]]:
    values = message.get("v")
    if not isinstance(values, list) or not values:
        raise BadMessage(f"v: {values!r}")
    codes = message.get("q")
    if not isinstance(codes, list):
        codes = [0] * len(values)
    if len(codes) != len(values):
        raise BadMessage("q: not one an element")
    try:
        qualities = [Quality(code) for code in codes]
    except ValueError as cause:
        raise BadMessage(f"q: {cause}") from cause
    return [_element(v, q) for v, q in zip(values, qualities)]


def _labels(message: Mapping[str, Any], n: int) -> tuple[str, ...] | None:
    labels = message.get("labels")
    if labels is None:
        return None
    if (not isinstance(labels, list) or len(labels) != n or
            not all(isinstance(label, str) for label in labels)):
        raise BadMessage(f"labels: {labels!r}")
    return tuple(labels)


def parse(topic: str, analyzer: int, variable: str, epoch_ms: int, message: Mapping[str, Any],
          from_snapshot: bool = False) -> Reading:
    """A reading's map."""
    elements = _elements(message)
    dt = message.get("dt", 0)
    if type(dt) not in (int, float) or not dt >= 0:
        raise BadMessage(f"dt: {dt!r}")
    return Reading(
        topic, analyzer, variable, text(message, "u") or "", epoch_ms,
        whole(message, "t", -(1 << 63)), float(dt), whole(message, "n"), whole(message, "k"),
        tuple(v for v, _ in elements), tuple(q for _, q in elements),
        _labels(message, len(elements)), text(message, "x"), from_snapshot)
