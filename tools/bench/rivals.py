# SPDX-License-Identifier: Apache-2.0
"""VictoriaMetrics and InfluxDB, as Debian has them, as servers that are measured over HTTP."""
import http.client
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import time
import urllib.parse

HZ = os.sysconf("SC_CLK_TCK")
START_MS = 2900 * 7 * 86400000
DAY_MS = 86400000


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A process with an HTTP port, in a folder of its own."""

    name, program, ready_path = "", "", "/"

    def __init__(self, folder):
        self.folder, self.port, self.process = folder, free_port(), None
        self.connection = None
        os.makedirs(folder, exist_ok=True)

    @classmethod
    def is_there(cls):
        return shutil.which(cls.program) is not None

    def command(self):
        raise NotImplementedError

    def start(self):
        """How long it took until it answered."""
        begin = time.monotonic()
        with open(self.folder + ".log", "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log)
        while True:
            try:
                self.request("GET", self.ready_path)
                return time.monotonic() - begin
            except OSError:
                if self.process.poll() is not None or time.monotonic() - begin > 60:
                    raise SystemExit(f"{self.name} does not start: {self.folder}.log") from None
                time.sleep(0.005)

    def stop(self, how=signal.SIGTERM):
        if self.connection:
            self.connection.close()
            self.connection = None
        if self.process:
            self.process.send_signal(how)
            self.process.wait(60)
            self.process = None

    def request(self, method, path, body=None):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            self.connection.request(method, path, body)
            answer = self.connection.getresponse()
            data = answer.read()
        except (http.client.HTTPException, OSError) as e:
            self.connection.close()
            self.connection = None
            raise OSError(str(e)) from e
        if answer.status >= 400:
            raise SystemExit(f"{self.name}: {path}: {answer.status} {data[:200]!r}")
        return data

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / HZ

    def anonymous_mb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("RssAnon")) / 1024

    def disk_bytes(self):
        return self.bytes_of("")

    def bytes_of(self, part):
        total = 0
        for folder, _, files in os.walk(os.path.join(self.folder, part)):
            for name in files:
                try:
                    total += os.lstat(os.path.join(folder, name)).st_size
                except OSError:
                    pass
        return total

    # what differs
    form, write_path, small = "", "", ""

    def settle(self):
        """All that came is on the disk, in its final form."""

    def queries(self):
        """name: paths to ask for in turns."""
        raise NotImplementedError

    def median_ms(self, paths, runs=100):
        took = []
        for i in range(runs):
            begin = time.perf_counter()
            self.request("GET", paths[i % len(paths)])
            took.append((time.perf_counter() - begin) * 1000)
        return statistics.median(took)


class VictoriaMetrics(Server):
    name, program, ready_path = "VictoriaMetrics", "victoria-metrics", "/health"
    form, write_path, small = "json", "/api/v1/import", "/write"

    def command(self):
        return [self.program, f"-httpListenAddr=127.0.0.1:{self.port}",
                f"-storageDataPath={self.folder}", "-retentionPeriod=50y",
                "-search.latencyOffset=0s", "-loggerLevel=ERROR"]

    def settle(self):
        self.request("GET", "/internal/force_flush")
        self.request("GET", "/internal/force_merge")
        last = -1
        while self.disk_bytes() != last:
            last = self.disk_bytes()
            time.sleep(2)

    def queries(self):
        def export(i, days):
            start = START_MS + (i % 6) * DAY_MS if days == 1 else START_MS
            return "/api/v1/export?" + urllib.parse.urlencode(
                {"match[]": f'v{i * 7 % 40}{{analyzer="{i % 25}"}}', "start": start / 1000,
                 "end": (start + days * DAY_MS) / 1000})

        def hourly(i):
            return "/api/v1/query_range?" + urllib.parse.urlencode(
                {"query": f'avg_over_time(v{i * 7 % 40}{{analyzer="{i % 25}"}}[1h])',
                 "start": START_MS // 1000 + 3600, "end": (START_MS + 7 * DAY_MS) // 1000,
                 "step": 3600, "nocache": 1})
        last = "/api/v1/query?" + urllib.parse.urlencode(
            {"query": '{__name__=~"v[0-9]+"}', "time": (START_MS + 7 * DAY_MS) // 1000,
             "nocache": 1})
        return {"day": [export(i, 1) for i in range(100)],
                "week": [export(i, 7) for i in range(100)],
                "hourly": [hourly(i) for i in range(100)], "last": [last]}

    def count(self):
        self.request("GET", "/internal/force_flush")
        data = json.loads(self.request("GET", "/api/v1/query?" + urllib.parse.urlencode(
            {"query": 'sum(count_over_time({__name__=~"v[0-9]+"}[14d]))',
             "time": (START_MS + 8 * DAY_MS) // 1000, "nocache": 1})))["data"]["result"]
        return int(data[0]["value"][1]) if data else 0


CONF = """reporting-disabled = true
bind-address = "127.0.0.1:{other}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
query-log-enabled = false
cache-snapshot-write-cold-duration = "1s"
compact-full-write-cold-duration = "1s"
[http]
bind-address = "127.0.0.1:{port}"
log-enabled = false
max-body-size = 0
[monitor]
store-enabled = false
[subscriber]
enabled = false
"""


class InfluxDB(Server):
    name, program, ready_path = "InfluxDB", "influxd", "/ping"
    form, write_path, small = "line", "/write?db=b&precision=ms", "/write?db=b&precision=ms"

    def command(self):
        with open(self.folder + ".conf", "w", encoding="utf-8") as f:
            f.write(CONF.format(folder=self.folder, port=self.port, other=free_port()))
        return [self.program, "-config", self.folder + ".conf"]

    def start(self):
        took = super().start()
        self.request("POST", "/query?q=create+database+b")
        return took

    def settle(self):
        last, same, begin = -1, 0, time.monotonic()
        # Its own clock says when the write-ahead files become data, and when these are compacted.
        while same < 4 and time.monotonic() - begin < 90:
            time.sleep(2)
            now = self.disk_bytes()
            same = same + 1 if now == last and self.bytes_of("wal") < 1 << 20 else 0
            last = now

    def disk_bytes(self):
        return self.bytes_of("data")

    def ask(self, q):
        return "/query?" + urllib.parse.urlencode({"db": "b", "epoch": "ms", "q": q})

    def queries(self):
        def raw(i, days):
            start = START_MS + (i % 6) * DAY_MS if days == 1 else START_MS
            return self.ask(f"select v{i * 7 % 40} from m where analyzer='{i % 25}' and "
                            f"time > {start}ms and time <= {start + days * DAY_MS}ms")

        def hourly(i):
            return self.ask(f"select mean(v{i * 7 % 40}) from m where analyzer='{i % 25}' and "
                            f"time > {START_MS}ms and time <= {START_MS + 7 * DAY_MS}ms "
                            "group by time(1h)")
        return {"day": [raw(i, 1) for i in range(100)], "week": [raw(i, 7) for i in range(100)],
                "hourly": [hourly(i) for i in range(100)],
                "last": [self.ask("select last(*) from m group by analyzer")]}

    def count(self):
        data = json.loads(self.request("GET", self.ask("select count(*) from m")))
        rows = data["results"][0].get("series", [])
        return sum(rows[0]["values"][0][1:]) if rows else 0


RIVALS = (VictoriaMetrics, InfluxDB)
