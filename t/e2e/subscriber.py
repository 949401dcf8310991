# SPDX-License-Identifier: Apache-2.0
"""subscriber.py ENDPOINT FILE [PREFIX...]: writes every message of the stream to FILE.

A line a message: a JSON object with the payload's keys, `topic`, and `at`, the time of its arrival
in ms.
"""
import json
import sys
import time

import msgpack
import zmq


def main(endpoint, path, *prefixes):
    socket = zmq.Context().socket(zmq.SUB)
    socket.setsockopt(zmq.RCVHWM, 0)
    for prefix in prefixes or ("",):
        socket.setsockopt_string(zmq.SUBSCRIBE, prefix)
    socket.connect(endpoint)
    with open(path, "w", encoding="utf-8", buffering=1) as out:
        while True:
            topic, payload = socket.recv_multipart()
            message = msgpack.unpackb(payload, raw=False)
            message.update(topic=topic.decode(), at=time.time() * 1000)
            out.write(json.dumps(message) + "\n")


main(*sys.argv[1:])
