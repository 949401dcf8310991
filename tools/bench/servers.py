# SPDX-License-Identifier: Apache-2.0
"""A server that is measured over HTTP: its process, connections to it, and bodies sent to it."""
import os
import socket
import statistics
import subprocess
import threading
import time

from installation import BenchError, cpu_s

CONNECTIONS = 2         # that bodies come by
WATCH_S = 0.005
READY_S = 60


class Connection:
    """HTTP/1.1 that is kept alive, with as little in between as gets an answer whole."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self):
        self.socket.close()

    def ask(self, head, body=b""):
        """Its status, and the body: as pieces, or as it is."""
        self.socket.sendall(head)
        if body:
            self.socket.sendall(body)
        got = bytearray()
        while (end := got.find(b"\r\n\r\n")) < 0:
            self.more(got)
        answer_head, status = bytes(got[:end]).lower(), int(got[9:12])
        del got[:end + 4]
        if b"transfer-encoding: chunked" in answer_head:
            while not (got.endswith(b"\r\n0\r\n\r\n") or got == b"0\r\n\r\n"):
                self.more(got)
            return status, got, True
        at = answer_head.find(b"content-length:")
        length = int(answer_head[at + 15:].split(b"\r\n", 1)[0]) if at >= 0 else 0
        while len(got) < length:
            self.more(got)
        return status, got, False

    def more(self, got):
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionError("the server closed the connection")
        got += data


def joined(chunked):
    """What comes in pieces, in one."""
    whole, at = bytearray(), 0
    while True:
        end = chunked.index(b"\r\n", at)
        length = int(chunked[at:end].split(b";")[0], 16)
        if length == 0:
            return whole
        whole += chunked[end + 2:end + 2 + length]
        at = end + length + 4


class Server:
    """A process with an HTTP port, and a folder of its own."""

    name, program, ready_path = "", "", "/"
    bulk = small = None     # Forms
    small_forms = (("", ""),)   # what small_env takes, and what its figures' keys end with

    def __init__(self, at, what):
        self.at, self.port, self.process, self.pid = at, at.free_port(), None, None
        self.title = f"{self.program}-{what}"
        self.folder = at.path(self.title)
        os.makedirs(self.folder)

    @classmethod
    def is_there(cls):
        return True

    def command(self):
        raise NotImplementedError

    def start(self):
        """How long it took until it answered, in seconds."""
        begin = time.monotonic()
        self.process = self.at.start(self.title, *self.command())
        self.pid = self.process.pid
        while True:
            try:
                if self.try_request("GET", self.ready_path)[0] < 300:
                    return time.monotonic() - begin
            except OSError:
                pass
            self.at.must_run(self.process)
            if time.monotonic() - begin > READY_S:
                raise BenchError(f"{self.title} is not ready:\n{self.at.log_of(self.title)}")
            time.sleep(0.002)

    def stop(self):
        if self.process:
            self.at.end(self.process)
        self.process = None

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.stop()

    # ---- asking ----

    def head(self, method, path, length=0, form=None):
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {length}"]
        lines += [f"Content-Type: {form.content}"] if form and form.content else []
        lines += self.headers(method)
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def headers(self, _):
        return []

    def try_request(self, method, path, body=b""):
        c = Connection(self.port)
        try:
            status, got, chunked = c.ask(self.head(method, path, len(body)), body)
        finally:
            c.close()
        return status, bytes(joined(got) if chunked else got)

    def request(self, method, path, body=b""):
        status, got = self.try_request(method, path, body)
        if status >= 300:
            raise BenchError(f"{self.title}: {path[:80]}: {status} {got[:200]!r}")
        return got

    def median_ms(self, paths, runs=600):
        """Of asking for these in turns, one after the other on one connection."""
        c, took = Connection(self.port), []
        heads = [self.head("GET", path) for path in paths]
        try:
            for i in range(runs):
                begin = time.perf_counter()
                status, got, _ = c.ask(heads[i % len(heads)])
                took.append((time.perf_counter() - begin) * 1000)
                if status != 200:
                    raise BenchError(f"{self.title}: {paths[i % len(paths)]}: {status} "
                                     f"{got[:200]!r}")
        finally:
            c.close()
        return statistics.median(took)

    # ---- the process ----

    def cpu_s(self):
        return cpu_s(self.pid)

    def anonymous_mb(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            kb = next((line.split()[1] for line in f if line.startswith("RssAnon")), 0)
        return int(kb) / 1024

    def bytes_of(self, part=""):
        total = 0
        for folder, _, files in os.walk(os.path.join(self.folder, part)):
            for name in files:
                try:
                    total += os.lstat(os.path.join(folder, name)).st_size
                except OSError:
                    pass
        return total

    # ---- what comes in ----

    def feed(self, form, source):
        return Feed(self, form, source)

    def expect_taken(self, form, got):
        """Fails unless the answer to a body says that all of it was taken."""


class Form:
    """What payload calls it, where it is posted, and what it says it is."""

    def __init__(self, name, path, content=None):
        self.name, self.path, self.content = name, path, content


def bodies(source):
    """What payload writes: bodies, each with how many samples it has."""
    while line := source.readline():
        length, samples = map(int, line.split())
        yield source.read(length), samples


class Feed:
    """Bodies on their way to a server, in their order, by several connections."""

    def __init__(self, server, form, source):
        self.server, self.form, self.bodies = server, form, bodies(source)
        self.acked, self.most_mb, self.handed = 0, 0.0, 0
        self.limit, self.error, self.threads, self.at_work = 0, None, [], 0
        self.changed = threading.Condition()

    def next_body(self):
        with self.changed:
            if self.handed >= self.limit or self.error:
                return None
            found = next(self.bodies, None)
            self.handed += found[1] if found else 0
            return found

    def post(self, connection):
        while found := self.next_body():
            body, samples = found
            head = self.server.head("POST", self.form.path, len(body), self.form)
            status, got, chunked = connection.ask(head, body)
            if status >= 300:
                raise BenchError(f"{self.server.title}: {status} {bytes(got[:200])!r}")
            self.server.expect_taken(self.form, bytes(joined(got) if chunked else got))
            with self.changed:
                self.acked += samples
                self.changed.notify_all()

    def watch(self):
        """How much memory the server has meanwhile, also in the midst of a body."""
        with self.changed:
            while self.at_work > 0:
                try:
                    self.most_mb = max(self.most_mb, self.server.anonymous_mb())
                except OSError:         # it was killed
                    return
                self.changed.wait(WATCH_S)

    def work(self, connection):
        try:
            self.post(connection)
        except (OSError, BenchError) as e:
            with self.changed:
                self.error = self.error or e
                self.changed.notify_all()
        finally:
            connection.close()
            with self.changed:
                self.at_work -= 1
                self.changed.notify_all()

    def begin(self, samples):
        """That many more, or all that is left."""
        self.limit, self.at_work = self.handed + samples, CONNECTIONS
        for _ in range(CONNECTIONS):
            t = threading.Thread(target=self.work, args=[Connection(self.server.port)],
                                 daemon=True)
            self.threads.append(t)
            t.start()
        t = threading.Thread(target=self.watch, daemon=True)
        self.threads.append(t)
        t.start()

    def wait_until(self, enough):
        """Or an error; whoever is interrupted meanwhile leaves no thread behind."""
        try:
            with self.changed:
                self.changed.wait_for(lambda: enough() or self.error)
        except BaseException:
            with self.changed:
                self.error = self.error or BenchError("interrupted")
            self.join()
            raise

    def join(self):
        for t in self.threads:
            t.join()
        self.threads = []

    def run(self, samples):
        """Samples, seconds and CPU seconds of them."""
        acked, cpu, begin = self.acked, self.server.cpu_s(), time.monotonic()
        self.begin(samples)
        self.wait_until(lambda: self.at_work == 0)
        self.join()
        took, used = time.monotonic() - begin, self.server.cpu_s() - cpu
        if self.error:
            raise BenchError(str(self.error))
        if self.acked == acked:
            raise BenchError(f"{self.server.title}: nothing was sent")
        return self.acked - acked, took, used

    def kill_after(self, samples):
        """With kill -9, while more is on its way; how many were acknowledged."""
        self.begin(1 << 62)
        self.wait_until(lambda: self.acked >= samples)
        if self.error:
            raise BenchError(str(self.error))
        self.server.kill()
        self.join()
        return self.acked


class Payloads:
    """payload's samples: in a file, made once, or through a pipe."""

    def __init__(self, at):
        self.at = at

    def file(self, form, kind, samples):
        path = self.at.path(f"{form.name}-{kind}")
        if not os.path.exists(path):
            with open(path + ".new", "wb") as f:
                p = self.at.start("payload", self.at.own("payload"), form.name, kind,
                                  str(samples), stdout=f)
                p.wait()
                self.at.end(p)
            if p.returncode != 0:
                raise BenchError(f"payload: {self.at.log_of('payload')}")
            os.rename(path + ".new", path)
        return open(path, "rb")

    def forget(self, form, kind):
        path = self.at.path(f"{form.name}-{kind}")
        if os.path.exists(path):
            os.unlink(path)

    def pipe(self, form, kind, samples):
        """The process, whose output it is."""
        return self.at.start("payload", self.at.own("payload"), form.name, kind, str(samples),
                             stdout=subprocess.PIPE, text=False)
