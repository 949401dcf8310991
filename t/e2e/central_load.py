# SPDX-License-Identifier: Apache-2.0
"""Eight clients of /api/v1/records: central_load.py PORT DIR TOKEN SECONDS CLIENTS.

Each sends batches of records of its own analyzers, in order, and the same batch again until it has
an answer.  DIR/sent-N has a line for each record before it is sent, DIR/acked-N one when its answer
says stored or duplicate.  Values follow from analyzer and time, so that anybody can tell whether a
record is whole.  Ends after SECONDS without a server, or when DIR/end is there and all is acked.
"""
import http.client
import json
import os
import pathlib
import random
import sys
import threading
import time

port, folder, token, patience, clients = (int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3],
                                          float(sys.argv[4]), int(sys.argv[5]))
WINDOW = 60000
START = 1325376000000  # 2012: windows of days of load do not get to the present
ANALYZERS = 4  # of a client


def record(analyzer, n):
    end = START + n * WINDOW
    value = [round(230 + (analyzer * 7 + n * 13 + e) % 100 / 10, 1) for e in range(3)]
    return {"analyzer": analyzer, "start_ms": end - WINDOW, "end_ms": end, "model": "PM710",
            "identity": None, "variables": {
                "TPF": {"unit": "V", "kind": "gauge", "value": value, "min": value, "max": value,
                        "count": [60] * 3, "covered_ms": [WINDOW] * 3, "quality": [0] * 3},
                "CEA": {"unit": "Wh", "kind": "counter", "value": [1000 + n], "increase": [1],
                        "count": [60], "covered_ms": [WINDOW], "quality": [0]}}}


class Client:
    def __init__(self, number):
        self.number, self.connection, self.n = number, None, 0
        self.random = random.Random(number)
        self.sent = open(folder / f"sent-{number}", "a", buffering=1)
        self.acked = open(folder / f"acked-{number}", "a", buffering=1)

    def batch(self):
        """Of a few analyzers, some windows each."""
        records = []
        for _ in range(self.random.choice((1, 1, 1, 3, 20))):
            self.n += 1
            records += [record(self.number * ANALYZERS + a + 1, self.n) for a in range(ANALYZERS)]
        return records

    def post(self, body):
        """The statuses; None: no answer, or that of a server that cannot."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            self.connection.request("POST", "/api/v1/records", body, {
                "Content-Type": "application/json", "Authorization": f"Bearer {token}"})
            answer = self.connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self.connection = None
            return None
        if answer.status == 200:
            return [r["status"] for r in json.loads(text)["results"]]
        if answer.status != 503:
            print(f"client {self.number}: {answer.status} {text!r}", flush=True)
            os._exit(1)
        return None

    def run(self):
        while not (folder / "end").exists():
            records = self.batch()
            names = "".join(f"{r['analyzer']} {r['end_ms']}\n" for r in records)
            self.sent.write(names)
            body = json.dumps({"node": "4", "records": records})
            alone_since = None
            while (statuses := self.post(body)) is None:
                alone_since = alone_since or time.monotonic()
                if time.monotonic() - alone_since > patience:
                    print(f"client {self.number}: no answer for {patience} s", flush=True)
                    os._exit(1)
                time.sleep(0.01)
            if len(statuses) != len(records) or set(statuses) - {"stored", "duplicate"}:
                print(f"client {self.number}: {statuses}", flush=True)
                os._exit(1)
            self.acked.write(names)


def check(export):
    """What is in the store against what was sent and acknowledged."""
    sent, acked, seen = set(), set(), set()
    for path in folder.glob("sent-*"):
        sent |= {tuple(map(int, line.split())) for line in path.read_text().splitlines()}
    for path in folder.glob("acked-*"):
        lines = path.read_text().splitlines()
        acked |= {tuple(map(int, line.split())) for line in lines}
    for line in open(export):
        r = json.loads(line)["record"]
        key = r["analyzer"], r["end_ms"]
        assert key not in seen, f"{key} is there twice"
        seen.add(key)
        want = record(r["analyzer"], (r["end_ms"] - START) // WINDOW)
        assert r == want, f"{key} is not as it was sent: {r}"
    assert seen <= sent, f"nobody sent {sorted(seen - sent)[:3]}"
    assert acked <= seen, f"{len(acked - seen)} acknowledged records are lost: {sorted(acked - seen)[:3]}"
    print(f"{len(acked)} acknowledged, {len(seen)} there, {len(sent)} sent")


if len(sys.argv) > 6:
    check(sys.argv[6])
else:
    threads = [threading.Thread(target=Client(n).run) for n in range(clients)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
