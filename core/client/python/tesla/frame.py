# SPDX-License-Identifier: Apache-2.0
"""Readings as a pandas frame.  pandas is imported only here, and only when it is asked for."""
from __future__ import annotations

from typing import Any, Iterable

from .reading import Reading

COLUMNS = ("time", "analyzer", "variable", "label", "value", "unit", "quality", "from_snapshot")


def rows(readings: Iterable[Reading]) -> Iterable[tuple[Any, ...]]:
    """A row an element; the label is its number where it is not known."""
    for r in readings:
        labels = r.labels or tuple(str(i) for i in range(len(r.values)))
        for label, value, quality in zip(labels, r.values, r.qualities):
            yield (r.t_ms, r.analyzer, r.variable, label,
                   float("nan") if value is None else value, r.unit, int(quality),
                   r.from_snapshot)


def to_frame(readings: Iterable[Reading]) -> Any:
    """A pandas.DataFrame of the elements; `time` is UTC, `value` is NaN where there is none."""
    import pandas

    frame = pandas.DataFrame(list(rows(readings)), columns=list(COLUMNS))
    frame["time"] = pandas.to_datetime(frame["time"].astype("int64"), unit="ms", utc=True)
    return frame
