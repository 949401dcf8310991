# SPDX-License-Identifier: Apache-2.0
"""The control socket: one request, one answer."""
from __future__ import annotations

from types import TracebackType
from typing import Any

import msgpack
import zmq

from .errors import BadMessage, Refused, TeslaTimeout
from .peer import ANSWER_MAX, PeerLike, connect, control_peer
from .reading import unpack
from .snapshot import Snapshot


def pack_request(command: str, args: dict[str, Any]) -> list[bytes]:
    """The frames of a request."""
    return [b"", msgpack.packb({"cmd": command, **args})]


def take_answer(command: str, frames: list[bytes]) -> dict[str, Any]:
    """The answer in these frames; Refused with the daemon's own words."""
    if len(frames) != 2 or frames[0]:
        raise BadMessage("that is no teslad: expected an empty frame and one more")
    answer = unpack(frames[1])
    if "ok" not in answer:
        raise BadMessage(f"{command}: the answer has no `ok`: that is no teslad")
    if answer["ok"] is not True:
        error = answer.get("error")
        raise Refused(error if isinstance(error, str) else "refused without a reason")
    return answer


class Client:
    """A client of the control socket.  It belongs to one thread.

    A socket whose answer did not come in time is thrown away, so that a late answer is never taken
    for that of the next request.
    """

    def __init__(self, peer: PeerLike = None, *, timeout: float = 5.0) -> None:
        self._peer = control_peer(peer)
        self._timeout = timeout
        self._context: zmq.Context[Any] = zmq.Context()
        self._socket: zmq.Socket[Any] | None = None

    def request(self, command: str, /, *, timeout: float | None = None,
                **args: Any) -> dict[str, Any]:
        """Sends one command with its keys, and waits for its answer."""
        if self._socket is None:
            self._socket = connect(self._context, zmq.DEALER, self._peer, ANSWER_MAX)
        limit = self._timeout if timeout is None else timeout
        try:
            self._socket.send_multipart(pack_request(command, args), zmq.NOBLOCK)
            if not self._socket.poll(round(limit * 1000)):
                raise TeslaTimeout(f"no answer from teslad at {self._peer.endpoint} in time")
            frames = self._socket.recv_multipart()
        except BaseException:
            self._drop()
            raise
        return take_answer(command, frames)

    def snapshot(self, *, timeout: float | None = None) -> Snapshot:
        """The last values."""
        return Snapshot(self.request("snapshot", timeout=timeout))

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def close(self) -> None:
        """Ends it; nothing is waited for."""
        self._drop()
        self._context.term()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()
