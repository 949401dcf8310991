#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A daemon that answers as docs/control.md says, with fixed answers, for tests of teslactl.

fake_daemon.py CONTROL STREAM [MODE]
MODE: good (default); silent (answers nothing); no (refuses all); junk (answers bytes that are no
MessagePack);
binary (answers with what JSON cannot say); quiet (no readings on the stream); late (answers after
a second).
Prints "ready" when both sockets are bound.
"""
import math
import sys
import time

import msgpack
import zmq

control, stream, mode = sys.argv[1], sys.argv[2], (sys.argv + ["good"])[3]
now = int(time.time() * 1000)
epoch = now - 3600_000

STATUS = {
    "ok": True,
    "node": {"id": "4", "name": "Roof", "location": "Vilanova\x1b[31m"},
    "version": "0.1.0", "pid": 1234, "epoch_ms": epoch, "config": "/etc/tesla/config.xml",
    "stream": stream,
    "hosts": [
        {"id": 1, "kind": "driver", "pid": 1240, "state": "running", "restarts": 0, "reason": None,
         "quarantine": False, "lines": [1, 2]},
        {"id": 2, "kind": "exporter", "pid": None, "state": "waiting", "restarts": 3,
         "reason": "zmqPublish: deliver: signal 11", "quarantine": True, "lines": []},
    ],
    "lines": [
        {"id": 1, "kind": "serial", "name": "/dev/ttyS0", "state": "open", "reason": None,
         "share": 0.076,
         "busy": 0.0749, "transactions": 3600},
        {"id": 2, "kind": "tcp", "name": "10.0.0.7:502", "state": "failed",
         "reason": "connection refused",
         "share": -1, "busy": 0.0, "transactions": 0},
    ],
    "analyzers": [
        {"id": 1, "line": 1, "address": 1, "model": "PM710", "proven": True, "state": "online",
         "reason": None,
         "identity": "PM710", "verified": "yes", "interval_ms": 1000, "sweeps": 3600,
         "failed": 2, "missed": 0,
         "timeouts": 1, "garbled": 1, "exceptions": 0, "t_ms": now - 400, "note": None},
        {"id": 300, "line": 2, "address": 7, "model": "PM500", "proven": False, "state": "offline",
         "reason": "3 time-outs", "identity": None, "verified": "no", "interval_ms": 60000,
         "sweeps": 5,
         "failed": 5, "missed": 0, "timeouts": 3, "garbled": 0, "exceptions": 0,
         "t_ms": now - 7_300_000, "note": "x"},
    ],
    "exporters": [{"id": "zmqPublish", "type": "zmqPublish", "state": "running", "reason": None,
                   "delivered": 3600, "dropped": 0}],
    "warnings": ["config.xml:12:9: export localFile is not there"],
}
LABELS = ["L1", "L2", "L3"]
SNAPSHOT = {
    "ok": True, "e": epoch, "readings": [
        {"analyzer": 1, "variable": "V", "u": "V", "labels": LABELS, "t": now - 400, "dt": 2,
         "n": 9, "k": 8,
         "v": [230.1, None, 229.5], "q": [0, 1, 2], "x": None},
        {"analyzer": 1, "variable": "TPF", "u": "", "labels": ["total"], "t": now - 400, "dt": 2,
         "n": 9, "k": 8,
         "v": [0.985], "q": [0], "x": None},
        {"analyzer": 300, "variable": "P", "u": "kW", "labels": ["total"], "t": now - 7_300_000,
         "dt": 2, "n": 5,
         "k": 4, "v": [12.5], "q": [4], "x": None},
        {"analyzer": 300, "variable": "E", "u": "kWh", "labels": ["total"], "t": 0, "dt": 0,
         "n": 5, "k": 4,
         "v": [None], "q": [3], "x": "time-out"},
    ],
}
PLAN = {
    "ok": True, "lines": [
        {"id": 1, "name": "/dev/ttyS0", "kind": "serial", "share": 0.076, "analyzers": [
            {"id": 1, "model": "PM710", "interval_ms": 1000, "predicted_us": 76000.0,
             "measured_us": 75800.0,
             "assumed": False, "transactions": [[3, 4000, 50, 10], ["RD?"]]}]},
        {"id": 2, "name": "10.0.0.7:502", "kind": "tcp", "share": -1, "analyzers": [
            {"id": 300, "model": "PM500", "interval_ms": 60000, "predicted_us": 20000.0,
             "measured_us": None,
             "assumed": True, "transactions": []},
            {"id": 301, "model": "PM500", "interval_ms": 1000, "predicted_us": None,
             "measured_us": None, "assumed": False, "transactions": []}]},
    ],
}
PLUGINS = {
    "ok": True, "plugins": [
        {"name": "modBusComm", "kind": "driver", "path": "/usr/lib/tesla/drivers/modBusComm.so",
         "version": "0.1.0",
         "abi": "1.0", "help": "Modbus RTU and TCP.", "aliases": ["cvmComm"], "error": None,
         "params": [
             {"name": "silence", "type": "time", "default": "0.002", "min": 1.0, "max": 1000.0,
              "unit": "s",
              "help": "Quiet time before a request."}]},
        {"name": "bad", "kind": "exporter", "path": "/tmp/bad.so", "version": None, "abi": None,
         "help": None,
         "aliases": [], "params": [], "error": "undefined symbol: nothing"},
    ],
}
ANSWERS = {
    "status": STATUS, "snapshot": SNAPSHOT, "plan": PLAN, "plugins": PLUGINS,
    "shutdown": {"ok": True},
    "check": {"ok": True, "exit": 1, "text": "config.xml:3:1: error: no such model\n"},
}


def answer(request):
    if mode == "no":
        return {"ok": False, "error": "not now"}
    if mode == "binary":
        return {"ok": True, "data": b"\x00\x01"}
    return ANSWERS.get(request.get("cmd"), {"ok": False, "error": "no such command"})


def publish(pub, n):
    t = int(time.time() * 1000)
    readings = [
        (1, "V", {"u": "V", "v": [230.0 + n % 10 / 10, None, 229.5], "q": [0, 1, 2]}),
        (1, "TPF", {"u": "", "v": [0.985]}),
        (300, "P", {"u": "kW", "v": [None], "q": [3], "x": "time-out"}),
        (1, "THD", {"u": "%", "v": [math.nan], "q": [1]}),
    ]
    for analyzer, variable, body in readings:
        head = {"t": t, "dt": 1.5, "e": epoch, "n": 10 + n, "k": 9 + n}
        pub.send_multipart([f"reading/4/{analyzer}/{variable}/".encode(), msgpack.packb({**head,
         **body})])
    pub.send_multipart([b"reading/4/1/JUNK/", b"\xc1"])
    pub.send_multipart([b"node/4/", msgpack.packb({"t": t, "e": epoch, "k": n})])


def main():
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.bind(control)
    pub = context.socket(zmq.PUB)
    pub.bind(stream)
    print("ready", flush=True)
    n = 0
    while True:
        if router.poll(100):
            peer, empty, body = router.recv_multipart()
            request = msgpack.unpackb(body)
            if mode == "silent":
                continue
            if mode == "late":
                time.sleep(1)
            reply = b"\xc1\xc1" if mode == "junk" else msgpack.packb(answer(request))
            router.send_multipart([peer, empty, reply])
            if request.get("cmd") == "shutdown":
                context.destroy(linger=5000)
                return
        elif mode != "quiet":
            publish(pub, n)
            n += 1


main()
