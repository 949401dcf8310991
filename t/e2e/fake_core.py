#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""In the place of teslad: starts tesla-host, tells it lines and changes them, as docs/wire.md says.

fake_core.py SCENARIO KEY=VALUE...   ends with 0, or says what was wrong; the functions below are the scenarios.
Keys: tcp, tcp2, raw (ports of tesla-sim), pty, control (its socket).  A scenario in which nobody may miss a poll is
repeated, twice at most, when a process that only sleeps was itself late.
"""
import collections
import contextlib
import fcntl
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import frames  # noqa: E402

SLOWER = float(os.environ.get("TESLA_SLOWER", "1"))
PLUGINS, MODELS = os.environ["TESLA_PLUGINDIR"], os.environ["TESLA_MODELDIR"]
INTERVAL = 100
DRIVER, DATA = 1, 2
BLAME_BYTES = 65536     # struct blame_page of core/base/blame.h, and more


class Missed(Exception):
    """Somebody missed a poll: perhaps the machine's fault."""


def check(what, good):
    if not good:
        raise AssertionError(what)


def analyzer(ident, address, variables=("TPF",), interval=INTERVAL, model="PM710", **more):
    return {"id": ident, "address": address, "model": model, "driver": "modBusComm", "data": "pmData",
            "interval_ms": interval, "identity": None, "held": False, "params": {},
            "variables": [[v, interval] for v in variables], **more}


def line(ident, kind, params, *analyzers):
    return {"m": "line", "id": ident, "kind": kind, "name": params.get("host", params["port"]),
            "params": {"timeout": "0.5", "late_max": "0.1", **params}, "analyzers": list(analyzers)}


def tcp(ident, port, *analyzers, **params):
    return line(ident, "tcp", {"host": "127.0.0.1", "port": port, **params}, *analyzers)


def raw(ident, port, *analyzers, **params):
    return line(ident, "rtu-over-tcp", {"host": "127.0.0.1", "port": port, **params}, *analyzers)


def pty(ident, port, *analyzers, **params):
    return line(ident, "serial", {"port": port, "baud": "115200", **params}, *analyzers)


def model(name="PM710", change=""):
    path = f"{MODELS}/{name}.xml"
    with open(path, encoding="utf-8") as f:
        return {"m": "model", "name": name, "file": path, "text": f.read() + change}


def plugin(kind, name):
    folder = {DRIVER: "drivers", DATA: "data"}[kind]
    return {"m": "plugin", "kind": kind, "name": name, "path": f"{PLUGINS}/{folder}/{name}.so"}


class Host:
    """One tesla-host, and all that it said."""

    def __init__(self, *lines):
        ours, theirs = socket.socketpair()
        page = os.memfd_create("blame")
        os.ftruncate(page, BLAME_BYTES)
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 200) for fd in (theirs.fileno(), page)]
        self.pid = os.posix_spawn(os.environ["TESLA_HOST"],
                                  ["tesla-host", "--driver", "--parent", str(os.getpid())], os.environ,
                                  file_actions=[(os.POSIX_SPAWN_DUP2, fd, to) for fd, to in zip(high, (3, 4))])
        theirs.close()
        for fd in (page, *high):
            os.close(fd)
        self.socket, self.bytes, self.ended = ours, b"", False
        self.sweeps, self.states = collections.defaultdict(list), collections.defaultdict(list)
        self.plans, self.answers, self.gone, self.logs, self.lines = {}, {}, [], [], {}
        self.number, self.ready, self.failed = 0, False, []
        self.pinged, self.ping = 0.0, None
        for m in ({"m": "hello", "level": 7, "node": "4", "epoch_ms": 0}, plugin(DRIVER, "modBusComm"),
                  plugin(DATA, "pmData"), model(), {"m": "patterns", "list": [["PM710", "PM[- ]?710"]]}, *lines,
                  {"m": "go", "dry": False}):
            self.send(m)
        self.until("ready", lambda: self.ready)

    def send(self, message):
        if message["m"] == "line":
            self.number += 1
            message = {**message, "i": self.number}
        self.socket.sendall(frames.frame(message))
        return self.number

    def take(self, m):
        if isinstance(m, list):
            for s in m[1:]:
                self.sweeps[s[0]].append({"deadline": s[3], "error": s[4], "missed": s[5], "readings": s[11]})
        elif m["m"] == "pong":
            self.ping = None
        elif m["m"] == "plan":
            self.plans[m["line"]] = {**m, "sweeps": {i: len(s) for i, s in self.sweeps.items()}}
        elif m["m"] == "answer":
            check("one answer each", m["i"] not in self.answers)
            self.answers[m["i"]] = {**m, "sweeps": len(self.sweeps[m["analyzer"]]),
                                    "states": len(self.states[m["analyzer"]])}
        elif m["m"] == "state":
            self.states[m["analyzer"]].append(m)
        elif m["m"] == "line-state":
            self.lines[m["line"]] = m
        elif m["m"] == "gone":
            self.gone.append(m["line"])
        elif m["m"] == "log":
            self.logs.append(m["text"])
        elif m["m"] == "failed":
            self.failed.append(m["text"])
        elif m["m"] == "ready":
            self.ready = True

    def pump(self, wait):
        """Reads what there is; pings, which the host's main thread must answer whatever its lines do."""
        now = time.monotonic()
        if self.ping is None and now - self.pinged > 0.2:
            self.ping, self.pinged = now, now
            with contextlib.suppress(BrokenPipeError):
                self.send({"m": "ping", "i": 1})
        check("a ping was not answered", self.ping is None or now - self.ping < 1.5 * SLOWER)
        if not select.select([self.socket], [], [], wait)[0]:
            return
        try:
            got = self.socket.recv(1 << 20)
        except ConnectionResetError:    # it ended without having read all: what it wrote is still there
            return
        self.ended = not got
        self.bytes += got
        values, self.bytes = frames.split(self.bytes)
        for value in values:
            self.take(value)

    def until(self, what, condition, seconds=10):
        end = time.monotonic() + seconds * SLOWER
        while not condition():
            check(f"the host ended; its log: {self.logs}", not self.ended)
            check(f"after {seconds} s still not: {what}; failed: {self.failed}; log: {self.logs[-5:]}",
                  time.monotonic() < end)
            self.pump(0.05)

    def more(self, n, *ids):
        """Until each of them has n sweeps more."""
        want = {i: len(self.sweeps[i]) + n for i in ids}
        self.until(f"{n} sweeps more of {ids}", lambda: all(len(self.sweeps[i]) >= want[i] for i in ids))

    def change(self, message):
        i = self.send(message)
        self.until("the plan of the change", lambda: self.plans.get(message["id"], {}).get("i") == i)

    def unline(self, ident):
        self.send({"m": "unline", "line": ident})
        self.until(f"line {ident} gone", lambda: ident in self.gone)
        self.gone.remove(ident)

    def asks(self, ident, what):
        self.number += 1
        self.send({"m": "ask", "i": self.number, "analyzer": ident, "what": what})
        return self.number

    def ask(self, ident, what):
        i = self.asks(ident, what)
        self.until(f"the answer to {what}", lambda: i in self.answers)
        return self.answers[i]

    def good(self, ident):
        return self.sweeps[ident] and self.sweeps[ident][-1]["error"] is None

    def missed_none(self, *ids):
        """Of what was due: an ask has the time of the ask."""
        for i in ids:
            due = sorted({s["deadline"] for s in self.sweeps[i] if s["deadline"] % INTERVAL == 0})
            holes = [(a, b) for a, b in zip(due, due[1:]) if b - a != INTERVAL]
            failed = [s["error"] for s in self.sweeps[i] if s["error"]]
            check(f"analyzer {i} has {len(due)} sweeps", len(due) > 5)
            check(f"analyzer {i}: {failed}", not failed)
            if holes or any(s["missed"] for s in self.sweeps[i]):
                raise Missed(f"analyzer {i} missed: {holes} of {len(due)}")

    def files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def memory_kb(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])

    def stop(self):
        self.send({"m": "stop"})
        while not self.ended:
            self.pump(1)
        check("the host's exit code", self.exit_code() == 0)

    def exit_code(self):
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


# ---- scenarios ----

def come_and_go(k):
    """Lines are added and ended while others are polled; what was let go of can be opened by another host."""
    host = Host(tcp(1, k["tcp"], analyzer(1, 1)), pty(2, k["pty"], analyzer(2, 2)))
    host.more(10, 1, 2)
    files = host.files()
    for i, make, port in ((3, tcp, "tcp2"), (4, raw, "raw")):
        host.change(make(i, k[port], analyzer(i, i)))
        host.more(8, i)
        host.missed_none(1, 2, i)
    host.more(10, 1, 2)
    for i in (3, 4):
        host.unline(i)
        seen = len(host.sweeps[i])
        host.more(5, 1, 2)
        check(f"line {i} is over", len(host.sweeps[i]) == seen)
    host.missed_none(1, 2)
    check(f"descriptors: {files} before, {host.files()} now", host.files() == files)
    host.change(tcp(3, "1", analyzer(3, 3)))  # nobody listens there
    host.until("line 3 failed", lambda: host.lines.get(3, {}).get("state") == "failed")
    host.unline(3)
    host.change(tcp(3, k["tcp2"], analyzer(3, 3), host="no-such-host.invalid"))
    host.unline(3)  # it may be asking for the name
    host.until(f"as many descriptors as before ({files})", lambda: host.files() == files)  # the resolver's too
    host.unline(2)
    other = Host(pty(2, k["pty"], analyzer(2, 2)))
    other.more(8, 2)
    check("the other host reads it", other.good(2))
    other.missed_none(2)
    host.more(3, 1)
    host.missed_none(1)
    host.stop()
    other.stop()


def line_changes(k):
    """One analyzer of a shared line changes, one goes, one comes; then the line itself."""
    one, two, three = (analyzer(i, i) for i in (1, 2, 3))
    host = Host(pty(1, k["pty"], one, two, three), tcp(2, k["tcp"], analyzer(4, 4), analyzer(5, 5)))
    host.more(10, 1, 2, 3, 4, 5)
    identity = host.states[1][-1]["identity"]
    host.change(pty(1, k["pty"], three, analyzer(2, 2, ("FRE", "TPF")), one))
    plan = host.plans[1]
    host.more(5, 1, 2, 3)
    numbers = [[r[0] for r in s["readings"]] for s in host.sweeps[2]]
    check("sweeps before the plan are of the old variables, those behind it of the new ones",
          all(n == [0] for n in numbers[:plan["sweeps"][2]]) and all(n == [0, 1] for n in numbers[plan["sweeps"][2]:]))
    check("in the order of the message", [a["id"] for a in plan["analyzers"]] == [3, 2, 1])
    host.missed_none(1, 3, 4, 5)
    check("who did not change was not met anew", len(host.states[1]) == len(host.states[3]) == 2)
    host.change(pty(1, k["pty"], one, analyzer(6, 6)))  # 2 and 3 go, 6 comes
    host.more(10, 1, 6)
    seen = len(host.sweeps[2]), len(host.sweeps[3])
    host.more(5, 1, 4)
    check("who went is not polled", seen == (len(host.sweeps[2]), len(host.sweeps[3])))
    host.missed_none(1, 4, 5, 6)
    host.send({**model(), "text": model()["text"] + "<!-- other -->"})
    host.change(tcp(2, k["tcp"], analyzer(4, 4), analyzer(5, 5)))  # by a model that was replaced: anew
    host.more(5, 4, 5, 1)
    check("another model is another meter", len(host.states[4]) == 4)
    host.missed_none(1)
    files = host.files()
    for make, port, more in ((tcp, "tcp", {"timeout": "0.4"}), (tcp, "tcp2", {}), (raw, "raw", {}), (tcp, "tcp", {})):
        states = len(host.states[4])
        host.change(make(2, k[port], analyzer(4, 4), analyzer(5, 5, ("FRE",)), **more))
        host.more(5, 4, 5, 1)
        check("behind another connection it is asked who it is", len(host.states[4]) > states)
        check("and the answer is the same", host.states[4][-1]["identity"] == identity)
        check("all is well", host.good(4) and host.good(5))
    host.missed_none(1)
    check(f"descriptors: {files} before, {host.files()} now", host.files() == files)
    host.send({"m": "level", "level": 3})
    host.stop()


def asks(k):
    """hold, release, read, identify, accept; on both kinds of thread, and where nobody answers."""
    host = Host(pty(1, k["pty"], analyzer(1, 1), analyzer(2, 2), backoff_max="1"),
                tcp(2, k["tcp"], analyzer(3, 3), backoff_max="1"))
    for held, other, on in ((1, 2, 1), (3, 1, 2)):
        host.more(3, held, other)
        check("hold", host.ask(held, "hold")["error"] is None)
        seen = len(host.sweeps[held])
        host.more(5, other)
        check("who is held is not polled", len(host.sweeps[held]) == seen)
        got = host.ask(held, "read")
        check("a read comes all the same", got["error"] is None and got["sweeps"] == seen + 1)
        if on == 2:
            host.until("a line on which all are held is closed", lambda: host.lines[2]["state"] == "closed")
        check("release", host.ask(held, "release")["error"] is None)
        host.more(5, held)
    host.missed_none(2)
    for i in (1, 3):
        states = len(host.states[i])
        got = host.ask(i, "identify")
        check("identify", got["error"] is None and got["states"] == states + 1)
        check("verified", host.states[i][-1]["verified"] == "yes")
    sim(k, "identity", "PM710 exchanged")
    host.ask(1, "identify")
    check("changed", host.states[1][-1]["verified"] == "changed" and host.states[1][-1]["note"])
    host.more(2, 1)
    check("suspect", host.sweeps[1][-1]["readings"][0][2] == [2, 2, 2])
    check("accept", host.ask(1, "accept")["error"] is None)
    check("accepted", host.states[1][-1]["verified"] == "yes")
    host.more(2, 1)
    check("not suspect", host.sweeps[1][-1]["readings"][0][2] is None)
    check("an analyzer that is not here", "not here" in host.ask(99, "read")["error"])
    # A driver that waits: nothing that was sent meanwhile is lost, and what is too much is said.
    host.change(pty(1, k["pty"], analyzer(1, 1), timeout="2"))
    host.more(3, 1)
    sim(k, "fault", "add", "silent:address=1")
    many = [host.asks(1, "read") for _ in range(40)]
    i = host.send(pty(1, k["pty"], analyzer(2, 2)))
    host.until("all answers", lambda: all(m in host.answers for m in many), 30)
    errors = [host.answers[m]["error"] for m in many]
    check(f"too much is refused: {errors}", 1 <= sum("too much" in e for e in errors) <= 8)
    check("the others were asked, or its line changed before", all(errors))
    host.until("and the change was made", lambda: host.plans[1]["i"] == i)
    sim(k, "fault", "clear")
    host.more(3, 2)
    check("all is well", host.good(2))
    host.stop()


JUNK = [
    ({"m": "unknown"}, "message that this host does not understand"),
    ({"m": "go", "dry": False}, "go twice"),
    (plugin(DATA, "pmData"), "pmData of kind 2 twice"),
    ({"m": "patterns", "list": [["PM710", "("]]}, "list of patterns"),
    ({"m": "patterns", "list": [1]}, "list of patterns"),
    ({"m": "model", "name": "X", "file": "X.xml", "text": "<model"}, "a model that"),
    ({"m": "line", "id": 9, "kind": "radio", "name": "x", "params": {"port": "x"}, "analyzers": []}, "line 9"),
    ({"m": "line", "id": 1, "kind": "tcp", "name": "x", "params": {"host": "x"}, "analyzers": [1]}, "line 1"),
    (tcp(9, "1", analyzer(9, 9, ("NOPE",))), "an analyzer .line 9."),
    (tcp(1, "1"), "line 1 with other drivers"),
    ({"m": "unline", "line": 7}, "line 7, which is not here"),
    ({"m": "ask", "i": 1, "analyzer": 1, "what": "dance"}, "asks what this host does not understand"),
]


def junk(k):
    """What makes no sense ends the host, which says what it was."""
    for message, says in JUNK:
        host = Host(tcp(1, k["tcp"], analyzer(1, 1)))
        host.more(1, 1)
        host.send(message)
        while not host.ended:
            host.pump(1)
        check(f"exit code after {message}", host.exit_code() == 3)
        check(f"it says '{says}': {host.logs}", any(re.search(says, text) for text in host.logs))


def thousand(k):
    """A thousand changes of all kinds: no descriptor and no memory more than before."""
    others = [pty(2, k["pty"], analyzer(2, 2))]
    host = Host(tcp(1, k["tcp"], analyzer(1, 1)), *others)

    def some(i):
        variables = (("TPF",), ("FRE", "TPF"), ("IPF",))[i % 3]
        held = {"held": i % 4 == 0}
        kind = (tcp, k["tcp"]) if i % 8 < 5 else (raw, k["raw"])
        host.change(kind[0](1, kind[1], analyzer(1, 1), analyzer(3, 3, variables, **held)))
        host.change(pty(2, k["pty"], analyzer(2, 2), analyzer(4, 4, variables, **held),
                        timeout="0.5" if i % 16 < 12 else "0.4"))
        if i % 10 == 0:
            host.send(model(change=f"<!-- {i} -->"))
            host.send({"m": "patterns", "list": [["PM710", f"PM[- ]?710|{i}"]]})
            host.change(tcp(5, k["tcp2"], analyzer(5, 5)))
            host.change(raw(6, k["raw"], analyzer(6, 6)))
            host.ask(1, "read")
            host.unline(5)
            host.unline(6)

    for i in range(60):
        some(i)
    host.change(tcp(1, k["tcp"], analyzer(1, 1)))
    host.more(1, 1)
    files, memory = host.files(), host.memory_kb()
    for i in range(500):
        some(i)
    host.change(tcp(1, k["tcp"], analyzer(1, 1)))
    host.more(1, 1)
    print(f"descriptors {files} to {host.files()}, memory {memory} to {host.memory_kb()} kB")
    check("descriptors", files == host.files())
    # A sanitizer keeps what was freed for a while.
    check("memory", SLOWER > 1 or host.memory_kb() - memory < 1024)
    host.stop()


def sim(k, *command):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(k["control"])
        s.sendall((" ".join(command) + "\n").encode())
        check(command, json.loads(s.makefile().readline())["ok"])


SCENARIOS = {f.__name__: f for f in (come_and_go, line_changes, asks, junk, thousand)}


def with_witness(scenario, keys):
    """False: somebody missed a poll, but the witness was late as well."""
    peer = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer.py")
    with subprocess.Popen([sys.executable, peer, "witness", str(INTERVAL)], stdout=subprocess.PIPE, text=True) as w:
        w.stdout.readline()
        missed = None
        try:
            scenario(keys)
        except Missed as e:
            missed = e
        finally:
            w.send_signal(signal.SIGTERM)
            late = float(w.stdout.read())
    if missed is None:
        return True
    print(f"{missed}; the witness was {late} ms late", flush=True)
    if late <= INTERVAL / 2:
        raise missed
    return False


def main():
    scenario = SCENARIOS[sys.argv[1]]
    keys = dict(a.split("=", 1) for a in sys.argv[2:])
    for _ in range(3):
        if with_witness(scenario, keys):
            return
    sys.exit("missed three times, with the witness late each time")


main()
