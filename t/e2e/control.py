# SPDX-License-Identifier: Apache-2.0
"""control.py ENDPOINT REQUEST [SECONDS]: one request (JSON) to a control socket, by pyzmq alone.

Prints the answer as JSON; ends with 0 when it is `ok`, 1 when not, 2 when none came.
"""
import json
import sys

import msgpack
import zmq


def main(endpoint, request, seconds="30"):
    socket = zmq.Context().socket(zmq.REQ)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVTIMEO, int(float(seconds) * 1000))
    socket.connect(endpoint)
    socket.send(msgpack.packb(json.loads(request)))
    try:
        answer = msgpack.unpackb(socket.recv())
    except zmq.Again:
        return 2
    print(json.dumps(answer))
    return 0 if answer.get("ok") else 1


sys.exit(main(*sys.argv[1:]))
