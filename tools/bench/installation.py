# SPDX-License-Identifier: Apache-2.0
"""Meters and programs in a temporary folder; CPU and memory of whole trees of processes."""
import json
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ET

import msgpack
import zmq

# The ten variables of a PM710 that lie in 52 registers; floor.c has the same.
TEN = ("CEA", "CER", "PAT", "PRT", "FPT", "FRE", "IPF", "TPF", "PAF", "THDV")
ONE = ("FRE",)


class BenchError(Exception):
    """What stands in the way of a measurement."""


def host_of(i):
    """The i-th meter from 0: an address of its own, so a line of its own."""
    return f"127.1.{i // 250}.{1 + i % 250}"


def wait_for(seconds, what, condition):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise BenchError(f"after {seconds} s still not: {what}")
        time.sleep(0.05)


def sleep_until(wall):
    time.sleep(max(0, wall - time.time()))


def children(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
            found += [int(p) for p in f.read().split()]
    return found


def tree(pid):
    """The process and all that descend from it."""
    return [pid] + [p for c in children(pid) for p in tree(c)]


def cpu_s(pid):
    """User and system time of a process: the clock that clock_getcpuclockid() would name."""
    return time.clock_gettime(~pid << 3 | 2)


def pss_mb(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        for line in f:
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    raise BenchError(f"/proc/{pid}/smaps_rollup has no Pss")


class Installation:
    """A temporary folder and the programs that were started in it, ended with it."""

    def __init__(self, stage, programs, where=None):
        self.programs = os.path.abspath(programs)
        self.folder = tempfile.TemporaryDirectory(prefix="tesla-bench.", dir=where)
        self.running = []
        env = os.path.abspath(os.path.join(stage, "env"))
        text = subprocess.run(["sh", "-c", f". '{env}' && env -0"], check=True, capture_output=True)
        self.env = dict(v.split("=", 1) for v in text.stdout.decode().split("\0") if v)
        self.env.update(LC_ALL="C.UTF-8", TZ="UTC", HOME=self.folder.name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.running):
            self.end(process)
        self.folder.cleanup()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def own(self, program):
        return os.path.join(self.programs, program)

    def start(self, name, *args, **how):
        with open(self.path(name + ".log"), "ab") as log:
            how = {"stdout": log, "stderr": log, "stdin": subprocess.DEVNULL, "text": True, **how}
            process = subprocess.Popen(args, env=self.env, cwd=self.folder.name, **how)
        process.title = name
        self.running.append(process)
        return process

    def end(self, process):
        if process in self.running:
            self.running.remove(process)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()

    def log_of(self, name):
        with open(self.path(name + ".log"), encoding="utf-8", errors="replace") as f:
            return f.read()[-2000:]

    def must_run(self, process):
        if process.poll() is not None:
            raise BenchError(f"{process.title} ended with {process.returncode}:\n"
                             f"{self.log_of(process.title)}")

    @staticmethod
    def free_port():
        """Below the range that the system gives away, so nobody takes it before its user does."""
        while True:
            port = random.randrange(15000, 32000)
            with socket.socket() as s:
                try:
                    s.bind(("127.0.0.1", port))
                    return port
                except OSError:
                    continue


class Meters:
    """tesla-sim: a PM710 behind every address of 127.0.0.0/8, whose CPU is not counted."""

    def __init__(self, installation):
        self.installation = installation
        self.port = installation.free_port()
        control = installation.path("sim.control")
        self.process = installation.start("sim", "tesla-sim", "--tcp", f"0.0.0.0:{self.port}",
                                          "--meter", "*=PM710", "--control", control, "--parent")
        wait_for(10, "tesla-sim is ready", lambda: os.path.exists(control))
        self.control = socket.socket(socket.AF_UNIX)
        self.control.connect(control)
        self.lines = self.control.makefile("rw", encoding="utf-8")

    def requests(self):
        self.installation.must_run(self.process)
        self.lines.write("stats\n")
        self.lines.flush()
        stats = json.loads(self.lines.readline())
        return sum(line["requests"] for line in stats["lines"])

    def close(self):
        self.lines.close()
        self.control.close()
        self.installation.end(self.process)


class Daemon:
    """teslad with its hosts, reading `n` meters each second."""

    def __init__(self, installation, port, n, variables, stream="", run_dir=None, target=None):
        self.installation = installation
        run_dir = run_dir or installation.path("run")
        self.endpoint = f"ipc://{run_dir}/control"
        self.n = n
        os.makedirs(run_dir, exist_ok=True)
        with open(installation.path("lector.ini"), "w", encoding="utf-8") as f:
            f.write(f"[General]\nlog_level=warning\nrun_dir={run_dir}\n"
                    f"state_dir={installation.path('state')}\n[Stream]\nendpoint={stream}\n"
                    f"[Control]\nendpoint={self.endpoint}\n")
        config(port, n, variables, target).write(installation.path("config.xml"), "UTF-8",
                                         xml_declaration=True)
        self.process = installation.start("teslad", "teslad", "-c", "config.xml",
                                          "-i", "lector.ini")
        wait_for(60, f"all {n} analyzers are online", self.all_online)

    def ask(self, command, **more):
        with zmq.Context.instance().socket(zmq.REQ) as s:
            s.setsockopt(zmq.LINGER, 0)
            s.setsockopt(zmq.RCVTIMEO, 2000)
            s.connect(self.endpoint)
            s.send(msgpack.packb({"cmd": command, **more}))
            try:
                return msgpack.unpackb(s.recv())
            except zmq.Again:
                return {"ok": False}

    def analyzers(self):
        return self.ask("status").get("analyzers", [])

    def all_online(self):
        self.installation.must_run(self.process)
        states = [a["state"] for a in self.analyzers()]
        return len(states) == self.n and set(states) == {"online"}

    def missed(self):
        return sum(a["missed"] + a["failed"] for a in self.analyzers())

    def pids(self):
        return tree(self.process.pid)

    def close(self):
        self.installation.end(self.process)


class Floor:
    """floor.c: the same meters read by a bare loop."""

    def __init__(self, installation, port, n, *options):
        self.installation = installation
        self.process = installation.start("floor", installation.own("floor"), "--meters", str(n),
                                          "--port", str(port), *options, stdout=subprocess.PIPE)
        if self.process.stdout.readline() != "ready\n":
            raise BenchError(f"floor did not start:\n{installation.log_of('floor')}")

    def pids(self):
        self.installation.must_run(self.process)
        return [self.process.pid]

    def close(self):
        self.installation.end(self.process)


def config(port, n, variables, target=None):
    """config.xml: an analyzer on each of n lines; with a target, day files there."""
    root = ET.Element("configuration")
    ET.SubElement(root, "node", id="1", name="bench", location="here")
    devices, analyzers = ET.SubElement(root, "devices"), ET.SubElement(root, "analyzers")
    for i in range(n):
        device = ET.SubElement(devices, "device", id=str(i + 1), type="tcp")
        for name, value in ("host", host_of(i)), ("port", str(port)), ("timeout", "1"):
            ET.SubElement(device, name).text = value
        a = ET.SubElement(analyzers, "analyzer", id=str(i + 1), device=str(i + 1), address="1",
                          model="PM710", driver="modBusComm", data_driver="pmData")
        params = ET.SubElement(a, "params")
        for name, value in (("manufacturer", "any"), ("model", "PM710"), ("record_interval", "15"),
                            ("poll_interval", "1")):
            ET.SubElement(params, name).text = value
        if target:
            ET.SubElement(ET.SubElement(a, "exports"), "export", type="localFile", target=target)
        wanted = ET.SubElement(a, "variables")
        for v in variables:
            ET.SubElement(wanted, "variable").text = v
    return ET.ElementTree(root)
