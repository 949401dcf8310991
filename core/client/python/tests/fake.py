# SPDX-License-Identifier: Apache-2.0
"""A daemon for tests: a control socket that a thread answers, and a stream that the test feeds."""
import threading

import msgpack
import zmq

LABELS = ["L1"]


class Daemon:
    """Its epoch, and per analyzer/variable the last number; `silent` answers nothing."""

    def __init__(self, epoch=100, keys=None, hwm=20000):
        self.epoch, self.last, self.silent, self.asked = epoch, {}, False, []
        self.context = zmq.Context()
        self.key = zmq.curve_public(keys).decode() if keys else None
        self.router, self.pub = self.context.socket(zmq.ROUTER), self.context.socket(zmq.XPUB)
        self.pub.sndhwm = hwm
        self.pub.xpub_verbose = True  # else who comes before another has left is not seen
        for socket in (self.router, self.pub):
            socket.linger = 0
            if keys is not None:
                socket.curve_server, socket.curve_secretkey = True, keys
        self.control = self.bind(self.router)
        self.stream = self.bind(self.pub)
        self.end = self.context.socket(zmq.PAIR)
        self.end.bind("inproc://end")
        self.thread = threading.Thread(target=self.answer, daemon=True)
        self.thread.start()

    @staticmethod
    def bind(socket):
        socket.bind("tcp://127.0.0.1:*")
        return socket.last_endpoint.decode()

    def row(self, analyzer, variable, k):
        return {"analyzer": analyzer, "variable": variable, "u": "V", "labels": LABELS, "t": k,
                "dt": 0.5, "n": k, "k": k, "v": [float(k)], "q": [0], "x": None}

    def reply(self, request):
        if request["cmd"] == "status":
            return {"ok": True, "stream": self.stream, "stream_key": self.key}
        if request["cmd"] == "snapshot":
            rows = [self.row(a, v, k) for (a, v), k in list(self.last.items())]
            return {"ok": True, "e": self.epoch, "readings": rows}
        if request["cmd"] == "echo":
            return {"ok": True, **request}
        return {"ok": False, "error": "unknown command"}

    def answer(self):
        end = self.context.socket(zmq.PAIR)
        end.connect("inproc://end")
        poller = zmq.Poller()
        poller.register(self.router, zmq.POLLIN)
        poller.register(end, zmq.POLLIN)
        while end not in (ready := dict(poller.poll())):
            if self.router in ready:
                peer, empty, body = self.router.recv_multipart()
                request = msgpack.unpackb(body)
                self.asked.append(request["cmd"])
                if not self.silent:
                    self.router.send_multipart([peer, empty, msgpack.packb(self.reply(request))])
        end.close()
        self.router.close()

    def subscribed(self, n=1):
        """Waits for so many subscriptions; who leaves does not count."""
        while n > 0:
            assert self.pub.poll(10000), "nobody subscribes"
            n -= self.pub.recv()[:1] == b"\1"

    def reading(self, k, analyzer=1, variable="P"):
        self.last[analyzer, variable] = k
        self.send(f"reading/4/{analyzer}/{variable}/", t=k, dt=0.5, e=self.epoch, n=k, k=k, u="V",
                  v=[float(k)])

    def heartbeat(self, k):
        self.send("node/4/", t=k, e=self.epoch, k=k)

    def send(self, topic, **body):
        self.pub.send_multipart([topic.encode(), msgpack.packb(body)])

    def move(self):
        """The stream is somewhere else from now on."""
        self.pub.close()
        self.pub = self.context.socket(zmq.XPUB)
        self.pub.linger, self.pub.xpub_verbose = 0, True
        self.stream = self.bind(self.pub)

    def close(self):
        self.end.send(b"")
        self.thread.join(10)
        self.end.close()
        self.pub.close()
        self.context.term()
