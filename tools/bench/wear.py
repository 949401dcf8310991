# SPDX-License-Identifier: Apache-2.0
"""Bytes written to disk for records: what wears a card out.  From /proc/PID/io, so it is what the
processes dirtied on file systems that have a disk; the kernel's own bookkeeping is not in it.

The wall clock is a file (t/shim/clock.c), so that a quarter of an hour is over when one says so.
"""
import os
import shutil
import sqlite3
import struct
import tempfile
import time

from installation import BenchError, Daemon, tree, wait_for

WINDOW_S = 900
WINDOWS = 8
WINDOWS_A_DAY = 86400 // WINDOW_S


def written(pid):
    with open(f"/proc/{pid}/io", encoding="ascii") as f:
        io = dict(line.split(": ") for line in f)
    return int(io["write_bytes"]) - int(io["cancelled_write_bytes"])


class RecordingDaemon(Daemon):
    """teslad at its default settings, with day files and a clock that can be set.  Its run_dir is
    in memory, as /run is."""

    def __init__(self, bench, n, variables):
        self.at, self.clock = bench.at, bench.at.path("clock")
        self.run_dir = tempfile.mkdtemp(prefix="tesla-bench.", dir="/dev/shm")
        self.offset_s = 0
        self.set_clock(0)
        shim = bench.at.own("../../t/shim/.libs/clock.so")
        if not os.path.exists(shim):
            raise BenchError(f"{shim} is not built")
        os.makedirs(bench.at.path("data"), exist_ok=True)
        self.before = dict(bench.at.env)
        bench.at.env.update(LD_PRELOAD=shim, TESLA_CLOCK=self.clock)
        try:
            super().__init__(bench.at, bench.meters.port, n, variables, run_dir=self.run_dir,
                             target="data")
        finally:
            bench.at.env.clear()
            bench.at.env.update(self.before)

    def set_clock(self, offset_s):
        self.offset_s = offset_s
        with open(self.clock + ".new", "wb") as f:
            f.write(struct.pack("<q", int(offset_s * 1e6)))
        os.replace(self.clock + ".new", self.clock)

    def delivered(self):
        exporters = self.ask("journal", op="list").get("exporters", [])
        return sum(e["delivered"] for e in exporters if e["backlog"] == 0)

    def window(self):
        """Leaps to the end of the window and waits until its records are in the day files."""
        due = self.delivered() + self.n
        now = time.time() + self.offset_s
        self.set_clock(self.offset_s + WINDOW_S - now % WINDOW_S - 1.5)
        wait_for(30, "the records are delivered", lambda: self.delivered() >= due)

    def settle(self):
        """Verdicts are on disk after sync_interval."""
        time.sleep(6)

    def written(self):
        return sum(map(written, tree(self.process.pid)))

    def close(self):
        super().close()
        shutil.rmtree(self.run_dir)


def ours(bench, n, variables):
    daemon = RecordingDaemon(bench, n, variables)
    try:
        daemon.window()
        daemon.settle()
        before, begin = daemon.written(), time.monotonic()
        daemon.settle()
        idle = (daemon.written() - before) / (time.monotonic() - begin)
        before = daemon.written()
        for _ in range(WINDOWS):
            daemon.window()
            daemon.settle()
        a_window = (daemon.written() - before) / WINDOWS + idle * WINDOW_S
    finally:
        daemon.close()
    return {"kB": a_window / n / 1000, "MB a day": a_window * WINDOWS_A_DAY / 1e6}


def reference(bench, n, size):
    """The same by SQLite, as the predecessor kept what waited: rows in, day files, rows out."""
    db = sqlite3.connect(bench.at.path("reference.db"), isolation_level=None)
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE IF NOT EXISTS queue (id INTEGER PRIMARY KEY, analyzer, t, record)")
    before = written(os.getpid())
    for w in range(WINDOWS):
        db.execute("BEGIN")
        for a in range(n):
            db.execute("INSERT INTO queue (analyzer, t, record) VALUES (?, ?, ?)",
                       (a, w * WINDOW_S, os.urandom(size)))
        db.execute("COMMIT")
        for a in range(n):
            with open(bench.at.path(f"reference.{a}"), "ab") as f:
                f.write(b"x" * 200)
                f.flush()
                os.fdatasync(f.fileno())
        db.execute("DELETE FROM queue")
    a_window = (written(os.getpid()) - before) / WINDOWS
    db.close()
    return {"kB": a_window / n / 1000, "MB a day": a_window * WINDOWS_A_DAY / 1e6}


def wear(bench, n, variables):
    """Rounds of ours and of the reference, per record."""
    while True:
        yield ours(bench, n, variables), reference(bench, n, 700)
