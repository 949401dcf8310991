# SPDX-License-Identifier: Apache-2.0
"""The control socket: one request, one answer."""
from __future__ import annotations

from types import TracebackType
from typing import Any

import msgpack
import zmq

from .errors import BadMessage, Refused, TeslaTimeout
from .peer import ANSWER_MAX, Peer, PeerLike, connect, control_peer
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


class Link:
    """The socket of whoever asks: connected when it is needed.

    One whose answer did not come in time is dropped, so that a late answer is never taken for that
    of the next request.
    """

    def __init__(self, context: zmq.Context[Any], peer: Peer) -> None:
        self._context, self.peer = context, peer
        self.socket: zmq.Socket[Any] | None = None

    def open(self) -> zmq.Socket[Any]:
        """The socket, connected."""
        if self.socket is None:
            self.socket = connect(self._context, zmq.DEALER, self.peer, ANSWER_MAX)
        return self.socket

    def drop(self) -> None:
        """Throws it away; the next request has another."""
        if self.socket is not None:
            self.socket.close()
        self.socket = None

    def late(self) -> TeslaTimeout:
        """What is raised when no answer came."""
        return TeslaTimeout(f"no answer from teslad at {self.peer.endpoint} in time")


class ClientBase:
    """What Client and AsyncClient share: they differ in how they wait."""

    def __init__(self, peer: PeerLike = None, *, timeout: float = 5.0) -> None:
        self._timeout = timeout
        self._context: zmq.Context[Any] = zmq.Context()
        self._link = Link(self._context, control_peer(peer))

    def close(self) -> None:
        """Ends it; nothing is waited for."""
        self._link.drop()
        self._context.term()


class Client(ClientBase):
    """A client of the control socket.  It belongs to one thread."""

    def request(self, command: str, /, *, timeout: float | None = None,
                **args: Any) -> dict[str, Any]:
        """Sends one command with its keys, and waits for its answer."""
        limit = self._timeout if timeout is None else timeout
        socket = self._link.open()
        try:
            socket.send_multipart(pack_request(command, args), zmq.NOBLOCK)
            if not socket.poll(round(limit * 1000)):
                raise self._link.late()
            frames = socket.recv_multipart()
        except BaseException:
            self._link.drop()
            raise
        return take_answer(command, frames)

    def snapshot(self, *, timeout: float | None = None) -> Snapshot:
        """The last values."""
        return Snapshot(self.request("snapshot", timeout=timeout))

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()
