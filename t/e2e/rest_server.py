#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A server for records over HTTP that shares no code with ours: the predecessor's POST (v2) and
docs/api-v1.md, with faults to order.  Says "ready PORT", then serves until SIGTERM.  SIGUSR1 turns
it down (503) and up again, SIGUSR2 makes it refuse connections, and listen again.  GET /stats tells what happened, GET /records what it holds."""
import argparse
import base64
import collections
import gzip
import json
import os
import random
import re
import signal
import ssl
import sys
import threading
import time
import urllib.parse
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgpack

KINDS = {"gauge": ["value", "min", "max"], "counter": ["value", "increase"], "status": ["value"]}


class Bad(Exception):
    """What came is not as it should be."""


def expect(condition, text):
    if not condition:
        raise Bad(text)


def is_number(x):
    return isinstance(x, (int, float)) and not isinstance(x, bool) and x - x == 0


def no_constant(text):
    raise Bad(f"{text} is no JSON")


class Store:
    """What was stored, by key, in the order in which it came; a line of --out for each."""

    def __init__(self, options):
        self.lock = threading.Lock()
        self.options = options
        self.random = random.Random(options.seed)
        self.records = {}
        self.newest = {}
        self.counts = collections.Counter(
            {k: 0 for k in ("requests", "stored", "duplicates", "conflicts", "rejected", "lost",
                            "disorder", "connections", "bytes")})
        self.by_status = collections.Counter()
        self.down = self.deaf = False
        self.out = open(options.out, "a+", encoding="utf-8") if options.out else None
        if self.out:
            self.remember()

    def remember(self):
        """What a server before this one stored in the same file is there."""
        self.out.seek(0)
        for line in self.out:
            record = json.loads(line)
            self.records[tuple(record["key"])] = None if self.options.forget else record

    def toggle(self):
        self.down = not self.down

    def toggle_deaf(self):
        self.deaf = not self.deaf

    def add(self, key, when, content):
        """True: it was not there.  The lock is held."""
        if key in self.records:
            self.counts["duplicates"] += 1
            known = self.records[key]
            self.counts["conflicts"] += known is not None and any(
                known[k] != v for k, v in content.items())
            return False
        line = {"n": len(self.records) + 1, "key": list(key), "at": time.time(), **content}
        self.records[key] = None if self.options.forget else line
        self.counts["stored"] += 1
        analyzer = (*key[:2], content["api"])
        self.counts["disorder"] += analyzer in self.newest and when < self.newest[analyzer]
        self.newest[analyzer] = when
        if self.out:
            self.out.write(json.dumps(line) + "\n")
            self.out.flush()
        return True

    def loses(self):
        """None, "all" or "half"."""
        if self.random.random() >= self.options.lose:
            return None
        self.counts["lost"] += 1
        return self.random.choice(["all", "half"])

    def stats(self):
        by_status = {str(k): v for k, v in sorted(self.by_status.items())}
        return {**self.counts, "down": self.down, "by_status": by_status}


# ---- v2 ----

def form_of(body):
    fields = urllib.parse.parse_qs(body.decode("ascii"), keep_blank_values=True,
                                   strict_parsing=True)
    expect(all(len(v) == 1 for v in fields.values()), "a field comes twice")
    return {k: v[0] for k, v in fields.items()}


def lectura_of(text):
    values = json.loads(text, parse_constant=no_constant)
    expect(isinstance(values, dict) and values, "LECTURA: expected an object with something in it")
    for name, numbers in values.items():
        expect(isinstance(numbers, list) and numbers and all(map(is_number, numbers)),
               f"LECTURA: {name}: expected numbers")
    return values


def save(store, node, analyzer, body):
    """Status, type, body of the answer to history/save.  The lock is held."""
    try:
        form = form_of(body)
        local = form["DATA_HORA"]
        when = datetime.strptime(local, "%d/%m/%Y %H:%M:%S")
        expect(when.strftime("%d/%m/%Y %H:%M:%S") == local, f"DATA_HORA: {local}")
        values = lectura_of(form["LECTURA"])
        expect("MODEL" in form, "no MODEL")
        utc = form.get("DATA_UTC")
        if utc is not None:
            utc = datetime.strptime(utc, "%Y-%m-%dT%H:%M:%SZ")
    except KeyError as e:
        return 400, "text/plain", f"1#no {e}".encode()
    except (Bad, ValueError) as e:
        return 400, "text/plain", f"1#{e}".encode()
    if analyzer in store.options.refuse_analyzer:
        store.counts["rejected"] += 1
        return 400, "text/plain", b"1#analyzer refused"
    heeds = utc is not None and not store.options.ignore_utc
    key = (node, analyzer, form["DATA_UTC"] if heeds else local)
    content = {"api": "v2", "local": local, "utc": form.get("DATA_UTC"), "model": form["MODEL"],
               "values": values}
    if not store.add(key, utc or when, content):
        named = form["DATA_UTC"] if heeds else local
        return 409, "text/plain", f"#there is one of {named}".encode()
    return 201, "application/json", json.dumps(f"#Saved:{len(store.records)}").encode()


# ---- v1 ----

def element_check(name, variable, i, columns):
    quality = variable["quality"][i]
    expect(quality in (0, 1, 2, 3), f"{name}: quality {quality}")
    value = variable["value"][i]
    expect(is_number(value) if quality in (0, 2) else value is None,
           f"{name}: value {value} of quality {quality}")
    for column in columns:
        x = variable[column][i]
        expect(x is None or is_number(x), f"{name}: {column} {x}")
    for column in ("count", "covered_ms"):
        x = variable[column][i]
        expect(isinstance(x, int) and x >= 0, f"{name}: {column} {x}")


def variable_check(name, variable):
    expect(isinstance(name, str) and isinstance(variable, dict), "variables")
    columns = KINDS.get(variable.get("kind"))
    expect(columns, f"{name}: kind {variable.get('kind')}")
    lists = columns + ["count", "covered_ms", "quality"]
    expect(set(variable) == set(lists) | {"unit", "kind"}, f"{name}: keys {sorted(variable)}")
    expect(isinstance(variable["unit"], str), f"{name}: unit")
    for column in lists:
        expect(isinstance(variable[column], list), f"{name}: {column} is no list")
        expect(len(variable[column]) == len(variable["value"]), f"{name}: length of {column}")
    for i in range(len(variable["value"])):
        element_check(name, variable, i, columns)


def record_check(record):
    expect(isinstance(record, dict), "a record is no map")
    expect(set(record) == {"analyzer", "start_ms", "end_ms", "model", "identity", "variables"},
           f"keys {sorted(record)}")
    for k in ("analyzer", "start_ms", "end_ms"):
        expect(isinstance(record[k], int) and not isinstance(record[k], bool), k)
    expect(record["start_ms"] < record["end_ms"], "start_ms is not before end_ms")
    for k in ("model", "identity"):
        expect(record[k] is None or isinstance(record[k], str), k)
    expect(isinstance(record["variables"], dict), "variables")
    for name, variable in record["variables"].items():
        variable_check(name, variable)


def record_take(store, node, record):
    try:
        record_check(record)
    except Bad as e:
        store.counts["rejected"] += 1
        return {"status": "rejected", "reason": str(e)}
    if str(record["analyzer"]) in store.options.refuse_analyzer:
        store.counts["rejected"] += 1
        return {"status": "rejected", "reason": "analyzer refused"}
    key = (node, str(record["analyzer"]), record["end_ms"])
    new = store.add(key, record["end_ms"], {"api": "v1", **record})
    return {"status": "stored" if new else "duplicate"}


def batch_of(form, body):
    if form == "application/json":
        batch = json.loads(body, parse_constant=no_constant)
    else:
        batch = msgpack.unpackb(body, raw=False, strict_map_key=True)
    expect(isinstance(batch, dict) and set(batch) == {"node", "records"}, "the batch's keys")
    expect(isinstance(batch["node"], str), "node")
    expect(isinstance(batch["records"], list) and batch["records"], "records")
    return batch


def take(store, form, body):
    """Status, type, body of the answer to a batch.  The lock is held."""
    try:
        batch = batch_of(form, body)
    except (Bad, ValueError, msgpack.exceptions.UnpackException) as e:
        return 400, "text/plain", str(e).encode()
    if store.options.refuse_whole and any(
            str(r.get("analyzer")) in store.options.refuse_analyzer for r in batch["records"]):
        store.counts["rejected"] += len(batch["records"]) == 1
        return 400, "text/plain", b"analyzer refused, and its batch with it"
    answer = {"results": [record_take(store, batch["node"], r) for r in batch["records"]]}
    if form == "application/json":
        return 200, form, json.dumps(answer).encode()
    return 200, form, msgpack.packb(answer)


# ---- HTTP ----

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 600
    store = None

    def setup(self):
        super().setup()
        with self.store.lock:
            self.store.counts["connections"] += 1

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        if self.store.options.verbose:
            super().log_message(format, *args)

    def answer(self, status, form, body, half=False):
        with self.store.lock:
            self.store.by_status[status] += 1
        self.send_response(status)
        self.send_header("Content-Type", form)
        self.send_header("Content-Length", str(len(body)))
        if status in (429, 503) and self.store.options.retry_after is not None:
            self.send_header("Retry-After", self.store.options.retry_after)
        self.end_headers()
        self.wfile.write(body[:len(body) // 2] if half else body)
        self.close_connection = self.close_connection or half

    def allowed(self):
        token = self.store.options.token
        if token is None:
            return True
        kind, _, given = self.headers.get("Authorization", "").partition(" ")
        if kind == "Basic":
            try:
                given = base64.b64decode(given, validate=True).decode().partition(":")[2]
            except ValueError:
                return False
        return given == token

    def body(self):
        """Read whole whatever is answered, so that the connection can go on."""
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.store.lock:
            self.store.counts["requests"] += 1
            self.store.counts["bytes"] += len(data)
        return data

    def refusal(self, size):
        """Status of a request that is not looked at, or 0."""
        options = self.store.options
        with self.store.lock:
            if self.store.down:
                return 503
            if options.status and options.times != 0:
                options.times -= 1
                return options.status
        if not self.allowed():
            return 401
        return 413 if 0 < options.max_body < size else 0

    def handled(self, body):
        options = self.store.options
        path = urllib.parse.urlsplit(self.path).path
        v2 = re.fullmatch(r"(?:/[^/]+)*/history/save/([^/]+)/(\d+)/", path)
        if v2 and options.api != "v1":
            return save(self.store, urllib.parse.unquote(v2[1]), v2[2], body)
        form = self.headers.get("Content-Type", "")
        if path.endswith("/records") and options.api != "v2":
            if form not in ("application/json", "application/msgpack"):
                return 415, "text/plain", f"Content-Type: {form}".encode()
            return take(self.store, form, body)
        return 404, "text/plain", b"#no such path"

    def do_POST(self):  # pylint: disable=invalid-name
        if self.store.deaf:  # nor does a connection that there was go on
            self.close_connection = True
            return
        body = self.body()
        time.sleep(self.store.options.delay)
        status = self.refusal(len(body))
        if status:
            self.answer(status, "text/plain", b"as ordered\n")
            return
        if self.headers.get("Content-Encoding") == "gzip":
            try:
                body = gzip.decompress(body)
            except (OSError, EOFError) as e:
                self.answer(400, "text/plain", str(e).encode())
                return
        with self.store.lock:
            answer = self.handled(body)
            loses = self.store.loses() if answer[0] in (200, 201) else None
        if loses == "all":
            self.close_connection = True
            return
        self.answer(*answer, half=loses == "half")

    def do_GET(self):  # pylint: disable=invalid-name
        with self.store.lock:
            if self.path == "/stats":
                told = self.store.stats()
            elif self.path == "/records":
                told = list(self.store.records.values())
            else:
                told = None
        if told is None:
            self.answer(404, "text/plain", b"#no such path")
        else:
            self.answer(200, "application/json", json.dumps(told).encode())


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A client that goes away is no news."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    add = p.add_argument
    add("--address", default="127.0.0.1")
    add("--port", type=int, default=0, help="0: a free one")
    add("--api", choices=["v1", "v2"], help="only that (both)")
    add("--out", metavar="FILE", help="a JSON line for every record; goes on with what is there")
    add("--forget", action="store_true", help="keeps the keys only: for many records")
    add("--lose", type=float, default=0, metavar="P", help="share of answers lost after storing")
    add("--seed", type=int, default=1)
    add("--delay", type=float, default=0, metavar="S", help="before each answer")
    add("--status", type=int, metavar="CODE", help="answers this and stores nothing")
    add("--for", type=int, default=-1, dest="times", metavar="N", help="... N times (for ever)")
    add("--retry-after", metavar="S", help="goes with 429 and 503")
    add("--max-body", type=int, default=0, metavar="BYTES", help="413 beyond")
    add("--refuse-analyzer", action="append", default=[], metavar="ID")
    add("--refuse-whole", action="store_true", help="v1: 400 to a batch with a refused analyzer")
    utc = p.add_mutually_exclusive_group()
    utc.add_argument("--ignore-utc", action="store_true", help="v2's key is the local time")
    utc.add_argument("--honour-utc", action="store_false", dest="ignore_utc", help="(default)")
    add("--token", help="as Bearer, or as the password of Basic; else 401")
    add("--cert", metavar="FILE", help="TLS")
    add("--key", metavar="FILE")
    add("--client-ca", metavar="FILE", help="a client needs a certificate of it")
    add("--verbose", action="store_true")
    return p.parse_args()


def wrap(server, options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.cert, options.key)
    if options.client_ca:
        context.load_verify_locations(options.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    # The handshake is the connection's own thread's: who does not finish it holds nobody up.
    server.socket = context.wrap_socket(server.socket, server_side=True,
                                        do_handshake_on_connect=False)


def listen(options, port):
    server = Server((options.address, port), Handler)
    if options.cert:
        wrap(server, options)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


def main():
    options = arguments()
    Handler.store = store = Store(options)
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    signal.signal(signal.SIGUSR1, lambda *_: store.toggle())
    signal.signal(signal.SIGUSR2, lambda *_: store.toggle_deaf())
    server = listen(options, options.port)
    port = server.server_address[1]
    print("ready", port, flush=True)
    while not end.wait(0.05):
        if store.deaf and server:
            server.shutdown()
            server.server_close()
            server = None
        elif not store.deaf and not server:
            server = listen(options, port)
    with store.lock:  # no line is cut
        os._exit(0)


if __name__ == "__main__":
    main()
