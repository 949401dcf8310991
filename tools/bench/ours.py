# SPDX-License-Identifier: Apache-2.0
"""tesla-central, as a server that is measured."""
import json
import re
import subprocess
import urllib.parse

import msgpack

from installation import BenchError, wait_for
from rivals import DAY_MS, QUERIES, START_MS, WEEK_END_MS
from servers import Form, Server

NODE = "bench"
VALUES = [(a, k) for a in range(1, 26) for k in range(40)]      # as payload has them
NO_ROLL_UPS = "[Retention]\nminutes = none\nquarters = none\nhours = none\ndays = none\n"
CARE_S = 600


class Central(Server):
    name, program, ready_path = "tesla-central", "tesla-central", "/readyz"
    bulk = Form("columns", "/api/v1/records", "application/msgpack")
    records = Form("records", "/api/v1/records", "application/json")
    small = Form("record", "/api/v1/records", "application/msgpack")
    small_forms = (("msgpack", ""), ("json", "-json"))
    token = reader = None
    settings = ""           # beside where it listens

    def call(self, *args):
        r = subprocess.run([self.program, "-d", self.folder, *args], env=self.at.env, check=False,
                           capture_output=True, text=True)
        if r.returncode != 0:
            raise BenchError(f"tesla-central {args[0]}: {r.stderr}")
        return r.stdout

    def make(self):
        self.call("init", "--random")
        self.call("node", "add", NODE)
        self.token = self.token_for("--node", NODE)
        self.reader = self.token_for("--role", "viewer")

    def token_for(self, *whom):
        return re.search(r"tc_\S+", self.call("token", "add", *whom, "--name", NODE)).group()

    def command(self):
        if self.token is None:
            self.make()
        ini = self.folder + ".ini"
        with open(ini, "w", encoding="ascii") as f:
            f.write(f"[Server]\nlisten = 127.0.0.1:{self.port}\n{self.settings}")
        return [self.program, "-d", self.folder, "serve", "-i", ini]

    def headers(self, method):
        return [f"Authorization: Bearer {self.reader if method == 'GET' else self.token}"]

    def small_env(self, form):
        return {"WHAT": form, "TOKEN": self.token, "NODE": NODE}

    def expect_taken(self, form, got):
        if form is self.bulk:
            results = msgpack.unpackb(got)["columns"]
        else:
            results = json.loads(got)["results"]
        for r in results:
            if r["status"] != "stored":
                raise BenchError(f"{self.title}: {r}")

    def status(self):
        return json.loads(self.request("GET", "/api/v1/status?format=json"))

    def settle(self):
        """Started anew, as its care then begins a round; until one of each kind is done."""
        def done():
            self.at.must_run(self.process)
            care = self.status()["care"]
            if care["failed"] or care["compactions_failed"]:
                raise BenchError(f"{self.title}: {self.at.log_of(self.title)}")
            return care["compactions"] and care["rounds"]

        self.stop()
        self.start()
        wait_for(CARE_S, f"{self.title} did its care", done)

    def info(self):
        """What is in the store, when it does not run."""
        lines = (re.match(r"(.+?) +(\d+)$", line) for line in self.call("info").splitlines())
        return {m.group(1): int(m.group(2)) for m in lines}

    def queries(self, form="msgpack"):
        def series(i, **more):
            return "/api/v1/series?" + urllib.parse.urlencode(
                {"node": NODE, "analyzer": i % 25 + 1, "variable": f"v{i * 7 % 40}",
                 "format": form, **more})

        def day(i):
            start = START_MS + i % 6 * DAY_MS
            return series(i, **{"from": start, "to": start + DAY_MS})

        week = {"from": START_MS, "to": WEEK_END_MS}
        hourly = {**week, "step": "1h", "aggregates": "mean", "zone": "UTC"}
        return {"day": [day(i) for i in range(QUERIES)],
                "week": [series(i, **week) for i in range(QUERIES)],
                "hourly": [series(i, **hourly) for i in range(QUERIES)],
                "last": [f"/api/v1/last?node={NODE}&format={form}"]}

    ROWS = {"day": 1440, "week": 10080, "hourly": 168, "last": 1000}

    def expect_answers(self):
        """That a query has as many rows as it must have, in either form."""
        for name, paths in self.queries().items():
            unpacker, n = msgpack.Unpacker(), 0
            unpacker.feed(self.request("GET", paths[1 % len(paths)]))
            for part in unpacker:
                n += len(part["end_ms"]) if "end_ms" in part else 0
            if n != self.ROWS[name]:
                raise BenchError(f"{name}: {n} rows, expected {self.ROWS[name]}")

    def count(self):
        """Samples that a query finds."""
        found = 0
        for at in range(0, len(VALUES), 250):
            names = [("s", f"{NODE}/{a}/v{k}") for a, k in VALUES[at:at + 250]]
            answer = self.request("GET", "/api/v1/series?" + urllib.parse.urlencode(
                [*names, ("from", START_MS), ("to", START_MS + 30 * DAY_MS), ("step", "1y"),
                 ("aggregates", "count"), ("zone", "UTC"), ("format", "json")]))
            for series in json.loads(answer)["series"]:
                found += sum(row[-1] for row in series["rows"])
        return found
