# SPDX-License-Identifier: Apache-2.0
"""The last values."""
from __future__ import annotations

from typing import Any, Iterator, Mapping, Sequence, overload

from .errors import BadMessage
from .reading import Reading, parse, text, whole


class Snapshot(Sequence[Reading]):
    """The last reading of everything that came at least once since the daemon started.

    The answer does not say of which node it is; `node` fills in the topics ("" leaves them empty).
    """

    def __init__(self, answer: Mapping[str, Any], node: str = "") -> None:
        rows = answer.get("readings")
        if not isinstance(rows, list):
            raise BadMessage("snapshot: no `readings`")
        self.epoch_ms = whole(answer, "e", -(1 << 63))
        self._readings = [_row(row, self.epoch_ms, node) for row in rows]

    @overload
    def __getitem__(self, index: int) -> Reading: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Reading]: ...

    def __getitem__(self, index: int | slice) -> Reading | Sequence[Reading]:
        return self._readings[index]

    def __len__(self) -> int:
        return len(self._readings)

    def __iter__(self) -> Iterator[Reading]:
        return iter(self._readings)

    def to_frame(self) -> Any:
        """A pandas.DataFrame, a row an element."""
        from .frame import to_frame
        return to_frame(self)


def _row(row: Any, epoch_ms: int, node: str) -> Reading:
    if not isinstance(row, dict):
        raise BadMessage(f"snapshot: {row!r}")
    analyzer, variable = whole(row, "analyzer", 1), text(row, "variable")
    if not variable:
        raise BadMessage("snapshot: a reading without a variable")
    topic = f"reading/{node}/{analyzer}/{variable}/" if node else ""
    return parse(topic, analyzer, variable, epoch_ms, row, from_snapshot=True)
