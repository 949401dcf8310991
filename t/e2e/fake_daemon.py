#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A daemon that answers as docs/control.md says, with fixed answers, for tests of teslactl.

fake_daemon.py CONTROL STREAM [MODE]
MODE: good (default); silent (answers nothing); no (refuses all); junk (answers bytes that are no
MessagePack);
binary (answers with what JSON cannot say); quiet (no readings on the stream); late (answers after
a second); old (knows the commands of version 0.1 only); many (200 analyzers with long names);
refuses (a reload, with several errors); gaps (two of three readings do not come); moved (another
node and another stream).
Prints "ready" when both sockets are bound, and each request as a line of JSON.
"""
import json
import math
import sys
import time

import msgpack
import zmq

control, stream, mode = sys.argv[1], sys.argv[2], (sys.argv + ["good"])[3]
node = "4"
if mode == "moved":
    node, stream = "5", stream + "-2"
now = int(time.time() * 1000)
epoch = now - 3600_000

STATUS = {
    "ok": True,
    "node": {"id": node, "name": "Roof", "location": "Vilanova\x1b[31m"},
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
def variable(name, unit, labels, wanted=True, kind="gauge"):
    return {"name": name, "description": f"what {name} is", "unit": unit, "kind": kind,
            "labels": labels, "resolution": [0.1] * len(labels),
            "interval_ms": 1000 if wanted else None, "wanted": wanted}


DEFINITIONS = {
    "ok": True, "definitions": [
        {"analyzer": 1, "model": "PM710", "manufacturer": "Schneider Electric", "proven": True,
         "variables": [variable("V", "V", LABELS), variable("TPF", "", ["total"]),
                       variable("CEA", "kWh", ["total"], False, "counter")]},
        {"analyzer": 300, "model": "PM500", "manufacturer": "Schneider Electric", "proven": False,
         "variables": [variable("P", "kW", ["total"])]}]}
DEVICES = {
    "ok": True, "devices": [
        {"analyzer": 1, "run": "started", "comm": True, "state": "online", "error": None,
         "t_ms": now - 400, "identity": "PM710 v3", "verified": "yes"},
        {"analyzer": 300, "run": "paused", "comm": False, "state": "offline",
         "error": "3 time-outs", "t_ms": None, "identity": None, "verified": "no"}]}
CONFIG = {"ok": True, "file": "/etc/tesla/config.xml", "generation": 3, "devices": [],
          "analyzers": [], "text": "<?xml version='1.0'?>\n<config>\x1b[2J</config>\n"}
METRICS = {"ok": True, "content_type": "text/plain; version=0.0.4",
           "text": "# TYPE tesla_sweeps_total counter\ntesla_sweeps_total 7\n"}
RELOAD = {"ok": True, "generation": 4, "warnings": ["config.xml:12:9: export localFile is not there"],
          "changes": {"added": ["analyzer 3"], "removed": [],
                      "changed": ["analyzer 1", "line 2"]}}
REFUSED = {"ok": False, "error": "\n".join(
    f"config.xml:{n}:5: error: model \"PM{n}\" is not known; expected one of those below"
    for n in range(3, 13))}
NEW = {
    "definitions": DEFINITIONS, "device-status": DEVICES, "config": CONFIG, "metrics": METRICS,
    "log-level": {"ok": True, "level": "info"}, "reload": RELOAD,
    "identify": {"ok": True, "identity": "PM710 v3", "verified": "other",
                 "note": "it was PM710 v2"},
    "read-now": {**SNAPSHOT, "readings": SNAPSHOT["readings"][:2]},
    "start": {"ok": True, "analyzers": [1, 300]}, "pause": {"ok": True, "analyzers": [1]},
    "resume": {"ok": True, "analyzers": []}, "set-variables": {"ok": True, "generation": 5},
}
STATES = ["online"] * 17 + ["offline", "connecting", "failed"]


def many():
    """As large as a node may get, with names as long as they come."""
    STATUS["generation"] = 7
    STATUS["reload"] = {"t_ms": now - 60000, "ok": False, "error": "config.xml:3:5: no such model"}
    STATUS["lines"] = [
        {"id": n, "kind": "serial", "state": "failed" if n == 3 else "open", "busy": n / 12.5,
         "share": n / 13, "transactions": 9999 * n,
         "name": f"/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A1012{n:02d}-if00-port0",
         "reason": "cannot be opened: no such file or directory" if n == 3 else None}
        for n in range(1, 13)]
    STATUS["analyzers"] = [
        {**STATUS["analyzers"][0], "id": n, "line": n % 12 + 1, "address": n % 247,
         "model": "Circutor CVM-NRG96 ITF-485-C, first edition" if n % 3 else "PM710",
         "state": STATES[n % 20], "run": "paused" if n == 40 else "started",
         "reason": "3 time-outs at 9600 Bd" if STATES[n % 20] == "offline" else None,
         "t_ms": now - 7300000 if STATES[n % 20] == "offline" else now}
        for n in range(1, 201)]
    STATUS["exporters"] = [
        {"id": f"clientRest:{n}", "type": "clientRest", "state": "waiting" if n == 2 else "idle",
         "reason": "https://central.example.org/ws/v2/: 503, tried again in 40 s" if n == 2 else None,
         "backlog": 12345 * (n == 2), "delivered": 1234567, "rejected": 0, "dropped": 0}
        for n in range(1, 5)]
    SNAPSHOT["readings"] = [
        {"analyzer": a["id"], "variable": name, "u": unit, "labels": LABELS, "t": a["t_ms"],
         "dt": 2, "n": 9, "k": 8, "x": None, "v": [220.1 + a["id"] % 9, 230.2, None],
         "q": [0, 2, 1] if a["state"] == "online" else [4, 4, 3]}
        for a in STATUS["analyzers"] for name, unit in (("TPF", "V"), ("PAT", "kW"))]


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
    cmd = request.get("cmd")
    if cmd == "reload" and mode == "refuses":
        return REFUSED
    if cmd == "log-level" and "level" in request:
        return {"ok": True, "level": request["level"]}
    if cmd in ("definitions", "device-status") and request.get("analyzer") and mode != "old":
        key = cmd if cmd == "definitions" else "devices"
        return {"ok": True, key: [x for x in NEW[cmd][key]
                                  if x["analyzer"] == request["analyzer"]]}
    known = ANSWERS if mode == "old" else {**ANSWERS, **NEW}
    return known.get(cmd, {"ok": False, "error": f"unknown command {cmd}: expected status, ..."})


def publish(pub, n, first):
    """The first batch that a subscriber hears lacks what no snapshot has."""
    t = int(time.time() * 1000)
    volts = 231 if mode == "moved" else 230
    readings = [
        (1, "V", {"u": "V", "v": [volts + n % 10 / 10, None, 229.5], "q": [0, 1, 2]}),
        (1, "TPF", {"u": "", "v": [0.985]}),
        (300, "P", {"u": "kW", "v": [None], "q": [3], "x": "time-out"}),
    ]
    if not first:
        readings.append((1, "THD", {"u": "%", "v": [math.nan], "q": [1], "k": n + 1}))
    for analyzer, variable, body in readings:
        head = {"t": t, "dt": 1.5, "e": epoch, "n": 10 + n, "k": 9 + n}
        for last in SNAPSHOT["readings"]:
            if (last["analyzer"], last["variable"]) == (analyzer, variable):
                last["k"] = head["k"]
        pub.send_multipart([f"reading/{node}/{analyzer}/{variable}/".encode(), msgpack.packb({**head,
         **body})])
    pub.send_multipart([f"reading/{node}/1/JUNK/".encode(), b"\xc1"])
    pub.send_multipart([f"node/{node}/".encode(), msgpack.packb({"t": t, "e": epoch, "k": n + 1})])


def main():
    if mode == "many":
        many()
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.bind(control)
    pub = context.socket(zmq.XPUB)
    pub.bind(stream)
    print("ready", flush=True)
    n = 0
    while True:
        if router.poll(100):
            peer, empty, body = router.recv_multipart()
            request = msgpack.unpackb(body)
            print(json.dumps(request), flush=True)
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
            first = False
            while pub.poll(0):
                first = bool(pub.recv())
            publish(pub, n, first)
            n += 3 if mode == "gaps" else 1


main()
