# SPDX-License-Identifier: Apache-2.0
"""A client of teslad: the control socket, the last values, and the stream.

    import tesla

    with tesla.Client() as client:
        print(client.request("status")["version"])
        for reading in client.snapshot():
            print(reading.analyzer, reading.variable, reading.values)

    with tesla.Follower(prefixes=["reading/"]) as follower:
        for event in follower:
            print(event)

AsyncClient and AsyncFollower are the same for asyncio.  The wire is docs/stream.md and
docs/control.md of Tesla; docs/client.md explains what a follower promises.
"""
from .aio import AsyncClient, AsyncFollower
from .client import Client
from .errors import BadMessage, Refused, TeslaError, TeslaTimeout
from .events import Down, Event, Gap, Message, Reset, Restart, Up
from .follow import Follower
from .frame import to_frame
from .peer import Peer
from .reading import Quality, Reading
from .snapshot import Snapshot

__version__ = "0.1.0"
__all__ = [
    "AsyncClient", "AsyncFollower", "BadMessage", "Client", "Down", "Event", "Follower", "Gap",
    "Message", "Peer", "Quality", "Reading", "Refused", "Reset", "Restart", "Snapshot",
    "TeslaError", "TeslaTimeout", "Up", "to_frame",
]
