# SPDX-License-Identifier: Apache-2.0
"""crowd.py ENDPOINT COUNT PREFIX: COUNT subscribers in one process.

On SIGTERM prints a JSON object: `messages` of the subscriber that got the fewest, `holes` in k over
all, `first_k`, the lowest k that the first message of a topic had, and `topics`.
"""
import json
import signal
import sys

import msgpack
import zmq

RECEIVE_LIMIT = 0  # none: what is lost was lost by the publisher


def take(socket, last, first):
    """Takes what is there; the number of messages and of holes."""
    count = holes = 0
    while True:
        try:
            topic, payload = socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return count, holes
        k = msgpack.unpackb(payload)["k"]
        if topic in last:
            holes += k != last[topic] + 1
        else:
            first.append(k)
        last[topic] = k
        count += 1


def main(endpoint, count, prefix):
    context = zmq.Context()
    poller = zmq.Poller()
    last, first, messages, holes = {}, [], {}, 0
    for _ in range(int(count)):
        socket = context.socket(zmq.SUB)
        socket.setsockopt(zmq.RCVHWM, RECEIVE_LIMIT)
        socket.setsockopt_string(zmq.SUBSCRIBE, prefix)
        socket.connect(endpoint)
        poller.register(socket, zmq.POLLIN)
        last[socket], messages[socket] = {}, 0
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    print("listening", flush=True)
    while not ended:
        for socket, _ in poller.poll(200):
            got, lost = take(socket, last[socket], first)
            messages[socket] += got
            holes += lost
    topics = set().union(*last.values())
    print(json.dumps({"messages": min(messages.values()), "holes": holes, "topics": len(topics),
                      "first_k": min(first, default=None)}), flush=True)


main(*sys.argv[1:])
