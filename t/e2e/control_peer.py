# SPDX-License-Identifier: Apache-2.0
"""A peer of the control socket and of the stream that shares no code with ours: pyzmq and msgpack.

control_peer.py ask ENDPOINT [OPTION...] REQUEST...     sends each REQUEST when the one before it was answered; prints a
                JSON line per answer, or "nothing" when none came in time
control_peer.py listen ENDPOINT [OPTION...] PREFIX      prints the topics of the stream that begin so until SIGTERM
control_peer.py idle ENDPOINT N       N connections that say nothing, say half a greeting, or say a whole one and no
                more; prints "ready N", and holds them until SIGTERM
control_peer.py deaf ENDPOINT N TIMES REQUEST   N connections that ask TIMES each and read no answer; prints "ready N",
                and holds them until SIGTERM
control_peer.py pair FILE             a pair of keys that libzmq made, in the form of `teslactl keygen`

OPTION: --key FILE.key and --server FILE.pub: over CURVE; --nobody: over CURVE with keys that no list has; --timeout S;
--stay: leave the connection open after the last answer until SIGTERM; --every S: the same requests again and again,
S apart.
REQUEST: a JSON map; "@N": one frame of N bytes; "@N*M": M frames of N bytes; "hex:...": these bytes; anything else is
sent as it is.
"""
import json
import signal
import socket
import sys
import time

import msgpack
import zmq


def keys_of(path):
    with open(path, encoding="ascii") as lines:
        return dict(line.split() for line in lines)


def take_options(words):
    options, rest = {"timeout": 5.0}, []
    words = list(words)
    while words:
        word = words.pop(0)
        if word in ("--nobody", "--stay"):
            options[word[2:]] = True
        elif word.startswith("--"):
            options[word[2:]] = words.pop(0)
        else:
            rest.append(word)
    return options, rest


def connect(kind, endpoint, options):
    s = zmq.Context.instance().socket(kind)
    s.linger = 0
    if "server" in options:
        s.curve_serverkey = keys_of(options["server"])["public"].encode()
        if "key" in options:
            ours = keys_of(options["key"])
            s.curve_publickey, s.curve_secretkey = ours["public"].encode(), ours["secret"].encode()
        else:
            s.curve_publickey, s.curve_secretkey = zmq.curve_keypair()
    s.connect(endpoint)
    return s


def frames_of(request):
    if request.startswith("{"):
        return [msgpack.packb(json.loads(request))]
    if request.startswith("@"):
        size, _, times = request[1:].partition("*")
        return [b"\xc4" * int(size)] * int(times or 1)
    if request.startswith("hex:"):
        return [bytes.fromhex(request[4:])]
    return [request.encode()]


def until_term():
    signal.sigwait([signal.SIGTERM])


def repeat(requests, options):
    yield from requests
    while "every" in options:
        time.sleep(float(options["every"]))
        yield from requests


def ask(endpoint, *words):
    options, requests = take_options(words)
    s = connect(zmq.DEALER, endpoint, options)
    for request in repeat(requests, options):
        s.send_multipart([b""] + frames_of(request))
        if not s.poll(float(options["timeout"]) * 1000):
            print("nothing", flush=True)
            continue
        answer = s.recv_multipart()
        assert len(answer) == 2 and answer[0] == b"", answer
        print(json.dumps(msgpack.unpackb(answer[1])), flush=True)
    if "stay" in options:
        until_term()
    return 0


def listen(endpoint, *words):
    options, (prefix,) = take_options(words)
    s = connect(zmq.SUB, endpoint, options)
    s.subscribe(prefix)
    print("listening", flush=True)
    while True:
        print(s.recv_multipart()[0].decode(), flush=True)


def idle(endpoint, count):
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + bytes(32)
    crowd = []
    for i in range(int(count)):
        if endpoint.startswith("ipc://"):
            s = socket.socket(socket.AF_UNIX)
            s.connect(endpoint[len("ipc://"):])
        else:
            host, port = endpoint[len("tcp://"):].rsplit(":", 1)
            s = socket.create_connection((host, int(port)))
        try:
            s.sendall(greeting[:(0, 10, len(greeting))[i % 3]])
        except OSError:
            pass    # the other end would not have it
        s.setblocking(False)
        crowd.append(s)
    print("ready", len(crowd), flush=True)
    until_term()
    return 0


def deaf(endpoint, count, times, request):
    """Raw ZMTP 3.0 on ipc: a library would read for us."""
    def frame(flags, body):
        if len(body) < 256:
            return bytes([flags, len(body)]) + body
        return bytes([flags | 2]) + len(body).to_bytes(8, "big") + body

    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
    ready = frame(4, b"\x05READY\x0bSocket-Type" + (6).to_bytes(4, "big") + b"DEALER")
    one = frame(1, b"") + frame(0, frames_of(request)[0])
    crowd = []
    for _ in range(int(count)):
        s = socket.socket(socket.AF_UNIX)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(endpoint[len("ipc://"):])
        s.sendall(greeting + ready)
        said = b""
        while b"READY" not in said:     # a message before it is none to libzmq
            said += s.recv(256)
        crowd.append(s)
    for _ in range(int(times)):
        for s in crowd:
            try:
                s.sendall(one)
            except OSError:
                pass    # it was closed
    print("ready", len(crowd), flush=True)
    until_term()
    return 0


def pair(path):
    public, secret = zmq.curve_keypair()
    with open(path, "w", encoding="ascii") as f:
        f.write(f"public {public.decode()}\nsecret {secret.decode()}\n")
    return 0


COMMANDS = {f.__name__: f for f in (ask, listen, idle, deaf, pair)}

if __name__ == "__main__":
    if sys.argv[1] in ("idle", "deaf") or "--stay" in sys.argv:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # for sigwait, also before it is reached
    sys.exit(COMMANDS[sys.argv[1]](*sys.argv[2:]))
