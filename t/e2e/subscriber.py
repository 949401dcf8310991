# SPDX-License-Identifier: Apache-2.0
"""subscriber.py ENDPOINT FILE [PREFIX...]: writes every message of the stream to FILE.

A line a message: a JSON object with the payload's keys, `topic`, and `at`, the time of its arrival
in ms.  FILE is there once the subscriber is connected, or was not for 4 s.
"""
import json
import sys
import time

import msgpack
import zmq
from zmq.utils.monitor import recv_monitor_message

CONNECTED_MS = 4000


def wait_connected(monitor):
    deadline = time.monotonic() + CONNECTED_MS / 1000
    while monitor.poll(max(0, deadline - time.monotonic()) * 1000):
        if recv_monitor_message(monitor)["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            return


def main(endpoint, path, *prefixes):
    socket = zmq.Context().socket(zmq.SUB)
    socket.setsockopt(zmq.RCVHWM, 0)
    for prefix in prefixes or ("",):
        socket.setsockopt_string(zmq.SUBSCRIBE, prefix)
    monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
    socket.connect(endpoint)
    wait_connected(monitor)
    socket.disable_monitor()
    with open(path, "w", encoding="utf-8", buffering=1) as out:
        while True:
            topic, payload = socket.recv_multipart()
            message = msgpack.unpackb(payload, raw=False)
            message.update(topic=topic.decode(), at=time.time() * 1000)
            out.write(json.dumps(message) + "\n")


main(*sys.argv[1:])
