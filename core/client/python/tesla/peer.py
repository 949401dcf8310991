# SPDX-License-Identifier: Apache-2.0
"""Who is asked: an endpoint and, over CURVE, keys; and a socket that is connected to it."""
from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Union

import zmq

from .errors import TeslaError

BACKLOG = 100_000  # messages: all readings of a large node come in one burst
ANSWER_MAX = 64 << 20
MESSAGE_MAX = 1 << 20
KEY_LEN = 40


@dataclass(frozen=True)
class Peer:
    """An endpoint; keys are Z85: all three over CURVE, none in plain text."""

    endpoint: str | None = None
    server_key: str | None = None
    public_key: str | None = None
    secret_key: str | None = None

    @classmethod
    def from_files(cls, endpoint: str, key: str | os.PathLike[str],
                   server: str | os.PathLike[str]) -> Peer:
        """With our key pair (NAME.key) and the server's public key (NAME.pub)."""
        own, theirs = _key_file(key), _key_file(server)
        try:
            return cls(endpoint, theirs["public"], own["public"], own["secret"])
        except KeyError as missing:
            raise TeslaError(f"{key}, {server}: no line {missing}") from None

    def __repr__(self) -> str:  # the secret key belongs in no log
        curve = ", over CURVE" if self.server_key else ""
        return f"<Peer {self.endpoint}{curve}>"


PeerLike = Union[Peer, str, None]


def _key_file(path: str | os.PathLike[str]) -> dict[str, str]:
    with open(path, encoding="ascii") as lines:
        words = [line.split() for line in lines if not line.startswith("#")]
    return {w[0]: w[1] for w in words if len(w) == 2}


def control_peer(peer: PeerLike) -> Peer:
    """With the default endpoint where there is none."""
    peer = as_peer(peer)
    if peer.endpoint is not None:
        return peer
    return Peer(default_control(), peer.server_key, peer.public_key, peer.secret_key)


def as_peer(peer: PeerLike) -> Peer:
    return peer if isinstance(peer, Peer) else Peer(peer)


def default_control() -> str:
    """$TESLA_CONTROL, else the socket in the default run_dir, as libtesla has it."""
    endpoint = os.environ.get("TESLA_CONTROL")
    if endpoint:
        return endpoint
    if os.geteuid() == 0:
        return "ipc:///run/tesla/control"
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    folder = f"{runtime}/tesla" if runtime else f"/tmp/tesla-{os.geteuid()}"
    return f"ipc://{folder}/control"


def reachable(endpoint: str, control: str) -> str:
    """A daemon may listen on every address: from here that is where its control socket is, and the
    loopback if that is not on a network."""
    if not endpoint.startswith("tcp://*:"):
        return endpoint
    at = control if control.startswith("tcp://") and "*" not in control else "tcp://127.0.0.1:"
    return f"{at.rpartition(':')[0]}:{endpoint[len('tcp://*:'):]}"


def check_keys(peer: Peer) -> tuple[bytes, bytes, bytes] | None:
    keys = (peer.server_key, peer.public_key, peer.secret_key)
    if keys == (None, None, None):
        return None
    if any(key is None or len(key) != KEY_LEN for key in keys):
        raise TeslaError(f"{peer.endpoint or 'the stream'}: expected three keys in Z85, {KEY_LEN} characters each")
    server, public, secret = (str(key).encode() for key in keys)
    return server, public, secret


def connect(context: zmq.Context[Any], kind: int, peer: Peer, size_max: int) -> zmq.Socket[Any]:
    """A socket of that kind, connected; it finds a peer that comes later or comes back."""
    keys = check_keys(peer)
    socket: zmq.Socket[Any] = context.socket(kind)
    try:
        for option, value in (
                (zmq.LINGER, 0), (zmq.RCVHWM, BACKLOG), (zmq.MAXMSGSIZE, size_max),
                # ZMTP's own: a peer that is cut off is noticed, and connected anew
                (zmq.HEARTBEAT_IVL, 1000), (zmq.HEARTBEAT_TIMEOUT, 3000),
                (zmq.HANDSHAKE_IVL, 5000), (zmq.IPV6, int("[" in str(peer.endpoint)))):
            socket.setsockopt(option, value)
        if keys is not None:
            socket.curve_serverkey, socket.curve_publickey, socket.curve_secretkey = keys
        socket.connect(str(peer.endpoint))
    except zmq.ZMQError as cause:
        socket.close()
        raise TeslaError(f"{peer.endpoint}: {cause}; an endpoint is such as "
                         "ipc:///run/tesla/control or tcp://127.0.0.1:5556") from cause
    return socket
