# SPDX-License-Identifier: Apache-2.0
"""VictoriaMetrics and InfluxDB, as Debian has them."""
import json
import shutil
import time
import urllib.parse

from servers import Form, Server

START_MS = 2900 * 7 * 86400000
DAY_MS = 86400000
WEEK_END_MS = START_MS + 7 * DAY_MS
QUERIES = 100       # different ones of a kind


class Rival(Server):
    """One that may not be installed."""

    @classmethod
    def is_there(cls):
        return shutil.which(cls.program) is not None

    def settle(self):
        """All that came is on the disk, in its final form."""

    def small_env(self, _):
        return {"WHAT": "influx"}

    def still(self, length_of, times, every_s, at_most_s=90):
        """Its files tell when it is done, nothing else does."""
        last, same, begin = -1, 0, time.monotonic()
        while same < times and time.monotonic() - begin < at_most_s:
            time.sleep(every_s)
            now = length_of()
            same = same + 1 if now == last else 0
            last = now


class VictoriaMetrics(Rival):
    name, program, ready_path = "VictoriaMetrics", "victoria-metrics", "/health"
    bulk, small = Form("json", "/api/v1/import"), Form("line", "/write")

    def command(self):
        return [self.program, f"-httpListenAddr=127.0.0.1:{self.port}",
                f"-storageDataPath={self.folder}", "-retentionPeriod=50y",
                "-search.latencyOffset=0s", "-loggerLevel=ERROR"]

    def settle(self):
        self.request("GET", "/internal/force_flush")
        self.request("GET", "/internal/force_merge")
        self.still(self.bytes_of, 2, 1)

    def disk_bytes(self):
        return self.bytes_of()

    def queries(self):
        def export(i, days):
            start = START_MS + (i % 6) * DAY_MS if days == 1 else START_MS
            return "/api/v1/export?" + urllib.parse.urlencode(
                {"match[]": f'v{i * 7 % 40}{{analyzer="{i % 25}"}}', "start": start / 1000,
                 "end": (start + days * DAY_MS) / 1000})

        def hourly(i):
            return "/api/v1/query_range?" + urllib.parse.urlencode(
                {"query": f'avg_over_time(v{i * 7 % 40}{{analyzer="{i % 25}"}}[1h])',
                 "start": START_MS // 1000 + 3600, "end": WEEK_END_MS // 1000,
                 "step": 3600, "nocache": 1})
        last = "/api/v1/query?" + urllib.parse.urlencode(
            {"query": '{__name__=~"v[0-9]+"}', "time": WEEK_END_MS // 1000, "nocache": 1})
        return {"day": [export(i, 1) for i in range(QUERIES)],
                "week": [export(i, 7) for i in range(QUERIES)],
                "hourly": [hourly(i) for i in range(QUERIES)], "last": [last]}

    def count(self):
        self.request("GET", "/internal/force_flush")
        data = json.loads(self.request("GET", "/api/v1/query?" + urllib.parse.urlencode(
            {"query": 'sum(count_over_time({__name__=~"v[0-9]+"}[14d]))',
             "time": (START_MS + 8 * DAY_MS) // 1000, "nocache": 1})))["data"]["result"]
        return int(float(data[0]["value"][1])) if data else 0


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


class InfluxDB(Rival):
    name, program, ready_path = "InfluxDB", "influxd", "/ping"
    bulk = small = Form("line", "/write?db=b&precision=ms")

    def command(self):
        with open(self.folder + ".conf", "w", encoding="utf-8") as f:
            f.write(CONF.format(folder=self.folder, port=self.port, other=self.at.free_port()))
        return [self.program, "-config", self.folder + ".conf"]

    def start(self):
        took = super().start()
        self.request("POST", "/query?q=create+database+b")
        return took

    def settle(self):
        # When the write-ahead files became data, and these are compacted.
        self.still(lambda: (self.disk_bytes(), self.bytes_of("wal") >> 20), 4, 2)

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
                            f"time > {START_MS}ms and time <= {WEEK_END_MS}ms group by time(1h)")
        return {"day": [raw(i, 1) for i in range(QUERIES)],
                "week": [raw(i, 7) for i in range(QUERIES)],
                "hourly": [hourly(i) for i in range(QUERIES)],
                "last": [self.ask("select last(*) from m group by analyzer")]}

    def count(self):
        data = json.loads(self.request("GET", self.ask("select count(*) from m")))
        rows = data["results"][0].get("series", [])
        return sum(rows[0]["values"][0][1:]) if rows else 0


RIVALS = (VictoriaMetrics, InfluxDB)
