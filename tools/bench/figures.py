# SPDX-License-Identifier: Apache-2.0
"""What is measured.  A figure is a generator: each step is one round of ours and of its reference,
one after the other (for lateness side by side), as a pair of dicts of numbers."""
import os
import subprocess
import time

import msgpack
import zmq

from core import ListeningCore
from installation import ONE, TEN, BenchError, Daemon, Floor, cpu_s, pss_mb, sleep_until
from wear import wear

METERS = 200
FRE = 4012                      # the register of ONE
LATENESS_METERS = 10
LATENESS_MS = 20
MANY = 1000
FEW = 10
SETTLE_S = 2
TOLERATED = 0.01


class Window:
    """From one half of a second to another, where nobody is at work, once things have settled."""

    def __init__(self, seconds):
        self.begin = int(time.time() + SETTLE_S) + 0.5
        self.end = self.begin + seconds

    def cpu(self, program, meters):
        """CPU seconds of all of its processes, and how often it asked."""
        sleep_until(self.begin)
        pids, requests = program.pids(), meters.requests()
        before = sum(map(cpu_s, pids))
        sleep_until(self.end)
        used = sum(map(cpu_s, pids)) - before
        if program.pids() != pids:
            raise BenchError("processes came or went: CPU cannot be told")
        return used, meters.requests() - requests


class Subscriber:
    """Everything of the stream, taken while the I/O thread has it, looked at afterwards."""

    def __init__(self, endpoint):
        self.socket = zmq.Context.instance().socket(zmq.SUB)
        self.socket.setsockopt(zmq.RCVHWM, 0)
        self.socket.setsockopt(zmq.SUBSCRIBE, b"reading/")
        self.socket.connect(endpoint)

    def messages(self, window):
        """How many there are of the window; fails when one of a topic is missing."""
        last, n = {}, 0
        while self.socket.poll(500):
            topic, body = self.socket.recv_multipart()
            message = msgpack.unpackb(body)
            k = message["k"]
            if last.setdefault(topic, k - 1) + 1 != k:
                raise BenchError(f"{topic.decode()}: {last[topic]} is followed by {k}")
            last[topic] = k
            n += window.begin <= message["t"] / 1000 < window.end
        return n

    def close(self):
        self.socket.close(linger=0)


def measured(program, measure):
    try:
        return measure(program)
    finally:
        program.close()


def cpu_per_request(bench):
    def one(program):
        used, requests = Window(bench.seconds).cpu(program, bench.meters)
        expect(requests, METERS * bench.seconds, "requests")
        return {"us": used * 1e6 / requests}

    port = bench.meters.port
    while True:
        yield (measured(Daemon(bench.at, port, METERS, ONE), one),
               measured(Floor(bench.at, port, METERS, "--first", str(FRE), "--count", "1"), one))


def cpu_per_sweep(bench):
    def one(program):
        subscriber = Subscriber(endpoint)
        window = Window(bench.seconds)
        try:
            used, requests = window.cpu(program, bench.meters)
            sweeps = subscriber.messages(window) / len(TEN)
        finally:
            subscriber.close()
        expect(requests, METERS * bench.seconds, "requests")
        expect(sweeps, METERS * bench.seconds, "published sweeps")
        return {"us": used * 1e6 / sweeps}

    port, endpoint = bench.meters.port, f"tcp://127.0.0.1:{bench.at.free_port()}"
    while True:
        yield (measured(Daemon(bench.at, port, METERS, TEN, endpoint), one),
               measured(Floor(bench.at, port, METERS, "--publish", endpoint), one))


def expect(got, wanted, what):
    """A busy machine may cost a poll or two; beyond that, it is another measurement."""
    if abs(got - wanted) > TOLERATED * wanted:
        raise BenchError(f"{got:g} {what}, expected {wanted}")


def cpu_per_message(bench, subscribers, messages):
    def one(*options):
        endpoint = f"tcp://127.0.0.1:{bench.at.free_port()}"
        command = [bench.at.own("pub"), "--endpoint", endpoint, "--subscribers", str(subscribers),
                   "--messages", str(messages), *options]
        out = subprocess.run(command, env=bench.at.env, check=False, capture_output=True, text=True)
        if out.returncode != 0:
            raise BenchError(out.stderr)
        return {k: float(v) for k, v in (line.split() for line in out.stdout.splitlines())}

    env = bench.at.env
    while True:
        ours = one("--host", env["TESLA_HOST"],
                   "--plugin", env["TESLA_PLUGINDIR"] + "/export/zmqPublish.so")
        bare = one("--topic", f"{ours['topic_bytes']:.0f}", "--body", f"{ours['body_bytes']:.0f}")
        yield {"us": ours["cpu_us"]}, {"us": bare["cpu_us"]}


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p))]


def lateness(bench):
    while True:
        core = ListeningCore(bench.at, bench.meters.port, LATENESS_METERS, TEN, LATENESS_MS)
        try:
            for _ in core.sweeps(SETTLE_S):
                pass
            sleeper = bench.at.start("jitter", bench.at.own("jitter"), str(LATENESS_MS),
                                     stdout=subprocess.PIPE)
            sweeps = list(core.sweeps(bench.seconds))
            sleeper.terminate()
            late = [int(line) for line in sleeper.stdout.read().splitlines()]
            bench.at.end(sleeper)
        finally:
            core.close()
        # [analyzer, t_us, dt_us, deadline_ms, error, missed, ...]
        expect(sum(s[4] is None for s in sweeps), len(sweeps), "good sweeps")
        ours = [s[1] - s[2] - 1000 * s[3] for s in sweeps]
        ours += [1000 * LATENESS_MS] * sum(s[5] for s in sweeps)     # a missed one is no less late
        yield {"us": percentile(ours, 0.99)}, {"us": percentile(late, 0.99)}


def memory(bench, n):
    def one(program):
        time.sleep(SETTLE_S)
        return {"MB": sum(map(pss_mb, program.pids()))}

    port, endpoint = bench.meters.port, f"tcp://127.0.0.1:{bench.at.free_port()}"
    subscriber = Subscriber(endpoint)
    try:
        while True:
            yield (measured(Daemon(bench.at, port, n, TEN, endpoint), one),
                   measured(Floor(bench.at, port, n, "--publish", endpoint), one))
    finally:
        subscriber.close()


class Figure:
    """A row of the table.  The aim is a ratio to the reference, or (`absolute`) a value."""

    def __init__(self, name, unit, aim, title, steps, rounds=3, absolute=False):
        self.name, self.unit, self.aim, self.title, self.steps = name, unit, aim, title, steps
        self.rounds, self.absolute = rounds, absolute


FIGURES = (
    Figure("request", "us", 1.3,
           f"CPU per Modbus TCP request, all processes; {METERS} meters at 1 s", cpu_per_request),
    Figure("sweep", "us", 2.0,
           f"CPU per published sweep of ten variables, all processes; {METERS} meters at 1 s",
           cpu_per_sweep),
    Figure("message-1", "us", 1.3,
           "CPU per published message, the exporter's process; flooded, 1 subscriber",
           lambda b: cpu_per_message(b, 1, 2000000)),
    Figure("message-8", "us", 1.3, "the same, 8 subscribers",
           lambda b: cpu_per_message(b, 8, 400000)),
    Figure("message-64", "us", 1.3, "the same, 64 subscribers",
           lambda b: cpu_per_message(b, 64, 50000)),
    Figure("lateness", "us", 1.5,
           f"Lateness of a sweep's start, p99; {LATENESS_METERS} meters at {LATENESS_MS} ms",
           lateness),
    Figure("memory-few", "MB", None, f"Memory (Pss), all processes; {FEW} meters",
           lambda b: memory(b, FEW), rounds=1),
    Figure("memory-many", "MB", 34, f"Memory (Pss), all processes; {MANY} meters",
           lambda b: memory(b, MANY), rounds=1, absolute=True),
    Figure("wear", "kB", None,
           f"Written to disk per record; {FEW} meters at 1 s, records of 15 min, day files",
           lambda b: wear(b, FEW, TEN), rounds=1),
)
