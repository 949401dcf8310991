# SPDX-License-Identifier: Apache-2.0
"""What was put in as records comes back in every form; aggregates as computed here by brute force."""
import bisect
import csv
import datetime
import io
import json
import math
import os
import random
import socket
import urllib.parse
import zoneinfo

from central_api import Api, CSV, JSON, MSGPACK, expect, says

MINUTE = 60000
MADRID = zoneinfo.ZoneInfo("Europe/Madrid")
UTC = datetime.timezone.utc
# Across the end of summer time: 25 October 2026, 03:00 -> 02:00.
START = int(datetime.datetime(2026, 10, 23, 22, tzinfo=UTC).timestamp() * 1000)
N = 4 * 1440
random.seed(4)
rows, energy = [], 5000.0
for i in range(N):
    if i % 997 in range(20, 50): # a gap
        continue
    hole = random.randrange(29) == 0
    v = [round(230 + random.gauss(0, 2), 1), random.choice([0.1 + 0.2, 1 / 3, -0.0, 1e-300, 2**53 + 2.0]),
         None if hole else round(random.random(), 4)]
    grown = random.randrange(40) if random.randrange(50) else None
    energy += grown or 0
    rows.append({"end": START + (i + 1) * MINUTE, "v": v, "energy": energy, "grown": grown,
                 "covered": random.choice([MINUTE, MINUTE, 30000])})


def record(r):
    v, good = r["v"], [x is not None for x in r["v"]]
    def where_good(values):
        return [x if g else None for x, g in zip(values, good)]
    return {"analyzer": 1, "start_ms": r["end"] - MINUTE, "end_ms": r["end"], "model": "PM710",
            "identity": None, "variables": {
                "TPF": {"unit": "V", "kind": "gauge", "value": v,
                        "min": where_good([x - 1 if x is not None else None for x in v]),
                        "max": where_good([x + 1 if x is not None else None for x in v]),
                        "count": [60 if g else 0 for g in good],
                        "covered_ms": [r["covered"] if g else 0 for g in good],
                        "quality": [0 if g else 3 for g in good]},
                "CEA": {"unit": "Wh", "kind": "counter", "value": [r["energy"]],
                        "increase": [r["grown"]], "count": [60], "covered_ms": [MINUTE],
                        "quality": [0 if r["grown"] is not None else 2]}}}


node, viewer = Api(os.environ["NODE_TOKEN"]), Api(os.environ["VIEWER_TOKEN"])
for i in range(0, len(rows), 500):
    answer = node.call("POST", "/api/v1/records", {"records": [record(r) for r in rows[i:i + 500]]})
    expect("stored", {r["status"] for r in answer.value()["results"]}, {"stored"})


# ---- forms ----

def columns(answer):
    """A MessagePack answer: its tables, each with its head and whole columns."""
    tables, ended = [], False
    for value in answer.values():
        assert not ended, value
        if value == {"end": True}:
            ended = True
        elif "columns" in value:
            tables.append((value, {name: [] for name in value["columns"]}))
        else:
            lengths = {len(v) for v in value.values()}
            assert len(lengths) == 1 and list(value) == tables[-1][0]["columns"], value.keys()
            for name, cells in value.items():
                tables[-1][1][name] += cells
    assert ended
    return tables


def same(what, got, want):
    """To the bit."""
    expect(what + ": how many", len(got), len(want))
    for i, (g, w) in enumerate(zip(got, want)):
        if g != w or (g is not None and math.copysign(1, g) != math.copysign(1, w)):
            raise AssertionError(f"{what}: row {i}: {g!r}, expected {w!r}")


def iso_ms(text):
    return round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def all_forms(what, query, times, values):
    """One series: its times and columns of values, in each form."""
    path = "/api/v1/series?" + query
    [table] = viewer.get(path).value()["series"]
    same(what + ", JSON times", [r[0] for r in table["rows"]], times)
    n = len(table["columns"]) - len(values)
    for c, column in enumerate(values):
        same(f"{what}, JSON {c}", [r[n + c] for r in table["rows"]], column)
    [(head, packed)] = columns(viewer.call("GET", path, form=MSGPACK))
    expect(what, head, {k: v for k, v in table.items() if k != "rows"})
    same(what + ", MessagePack times", list(packed.values())[0], times)
    for c, column in enumerate(values):
        same(f"{what}, MessagePack {c}", list(packed.values())[n + c], column)
    lines = list(csv.reader(io.StringIO(viewer.call("GET", path, form=CSV).body.decode())))
    expect(what + ", CSV", lines[0][n:], table["columns"][n:])
    same(what + ", CSV times", [iso_ms(r[0]) for r in lines[1:]], times)
    for c, column in enumerate(values):
        same(f"{what}, CSV {c}", [float(r[n + c]) if r[n + c] else None for r in lines[1:]], column)


TO = START + N * MINUTE
ALL = f"from={START}&to={TO}"
for e in range(3):
    all_forms(f"element {e + 1}", f"node=4&analyzer=1&variable=TPF&element={e + 1}&{ALL}",
              [r["end"] for r in rows], [[r["v"][e] for r in rows]])
all_forms("maxima", f"node=4&analyzer=1&variable=TPF&element=3&field=max&{ALL}",
          [r["end"] for r in rows], [[r["v"][2] + 1 if r["v"][2] is not None else None for r in rows]])
all_forms("increases", f"s=4/1/CEA/1/increase&{ALL}".replace("s=4/1/CEA/1/increase",
          "node=4&analyzer=1&variable=CEA&field=increase"), [r["end"] for r in rows], [[r["grown"] for r in rows]])
# Behind `from`, up to and with `to`.
cut = rows[100:200]
all_forms("some", f"node=4&analyzer=1&variable=CEA&from={cut[0]['end'] - 1}&to={cut[-1]['end']}",
          [r["end"] for r in cut], [[r["energy"] for r in cut]])
local = datetime.datetime.fromtimestamp(rows[99]["end"] / 1000, MADRID).replace(tzinfo=None).isoformat()
offset = datetime.datetime.fromtimestamp(cut[-1]["end"] / 1000, MADRID).isoformat()
all_forms("local times", "node=4&analyzer=1&variable=CEA&from=" + local + "&to=" + urllib.parse.quote(offset),
          [r["end"] for r in cut], [[r["energy"] for r in cut]])
all_forms("none", f"node=4&analyzer=1&variable=TPF&from={TO}&to={TO + 1}", [], [[]])

# Several at once, one of which there is not.
several = f"/api/v1/series?s=4/1/TPF/3&s=4/1/CEA/1/increase&s=4/9/TPF&from={START}&to={rows[9]['end']}"
tables = viewer.get(several).value()["series"]
expect("several", [(t["variable"], t["element"], t["field"], len(t["rows"])) for t in tables],
       [("TPF", 3, "value", 10), ("CEA", 1, "increase", 10), ("TPF", 1, "value", 0)])
expect("several, MessagePack", [len(c["value"]) for _, c in columns(viewer.call("GET", several, form=MSGPACK))],
       [10, 10, 0])
lines = viewer.call("GET", several, form=CSV).body.decode().splitlines()
expect("several, CSV", (lines[0], len(lines)), ("series,end,value", 21))
expect("its last line", lines[-1], "4/1/CEA/1/increase," +
       datetime.datetime.fromtimestamp(rows[9]["end"] / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") +
       f",{rows[9]['grown'] if rows[9]['grown'] is not None else ''}")


# ---- aggregates ----

def bucket_starts(step):
    """All beginnings from before START to behind TO, by the clock of Madrid."""
    starts, t = [], datetime.datetime(2026, 10, 1, tzinfo=MADRID)
    if isinstance(step, int):
        first = START - START % step
        return list(range(first, TO + step, step))
    while t.timestamp() * 1000 <= TO + 40 * 86400000:
        starts.append(round(t.timestamp() * 1000))
        if step == "1mo":
            t = t.replace(month=t.month % 12 + 1, year=t.year + t.month // 12)
        else:
            day = t.date() + datetime.timedelta(days=7 if step == "1w" else 1)
            if step == "1w" and len(starts) == 1:
                day = datetime.date(2026, 10, 5) # a Monday
            t = datetime.datetime(day.year, day.month, day.day, tzinfo=MADRID)
    return starts


ends = [r["end"] for r in rows]


def brute(starts, element, start=START, to=TO):
    """Rows that end in (start, end] of each bucket, cut at the query's ends."""
    out = []
    for begin, end in zip(starts, starts[1:]):
        begin, end = max(begin, start), min(end, to)
        inside = rows[bisect.bisect_right(ends, begin):bisect.bisect_right(ends, end)]
        if not inside:
            continue
        some = [(r["v"][element], r["covered"]) for r in inside if r["v"][element] is not None]
        covered = sum(c for _, c in some)
        out.append((begin, end, {
            "mean": math.fsum(v * c for v, c in some) / covered if some else None,
            "min": min(v - 1 for v, _ in some) if some else None,
            "max": max(v + 1 for v, _ in some) if some else None,
            "sum": math.fsum(v for v, _ in some) if some else None,
            "last": some[-1][0] if some else None, "count": len(some),
            "coverage": covered / (end - begin)}))
    return out


def close(what, got, want):
    if want is None or got is None:
        expect(what, got, want)
    else:
        assert abs(got - want) <= 1e-9 * max(1, abs(want)), f"{what}: {got!r}, expected {want!r}"


NAMES = ["last", "mean", "min", "max", "count", "sum", "coverage"]
for name, step in (("15m", 15 * MINUTE), ("1h", 60 * MINUTE), ("3600", 60 * MINUTE), ("7min", 7 * MINUTE),
                   ("1d", "1d"), ("1w", "1w"), ("1mo", "1mo")):
    for element in (0, 2):
        for begin, to in ((START, TO), (START + 1234567, TO - 7654321)):
            query = (f"/api/v1/series?node=4&analyzer=1&variable=TPF&element={element + 1}&from={begin}&to={to}"
                     f"&step={name}&aggregates={','.join(NAMES)}")
            [table] = viewer.get(query).value()["series"]
            expect("columns", table["columns"], ["start_ms", "end_ms"] + NAMES)
            want = brute(bucket_starts(step), element, begin, to)
            expect(f"step {name}: buckets", [(r[0], r[1]) for r in table["rows"]], [(w[0], w[1]) for w in want])
            for r, w in zip(table["rows"], want):
                for c, column in enumerate(NAMES):
                    close(f"step {name}, from {r[0]}: {column}", r[2 + c], w[2][column])
            [(_, packed)] = columns(viewer.call("GET", query, form=MSGPACK))
            expect(f"step {name}, MessagePack", [list(r) for r in zip(*packed.values())], table["rows"])
# The day that has 25 hours.
days = viewer.get(f"/api/v1/series?node=4&analyzer=1&variable=CEA&step=1d&aggregates=increase&{ALL}").value()
expect("lengths of days", [(r[1] - r[0]) // 3600000 for r in days["series"][0]["rows"]], [24, 25, 24, 23])
for start, end, increase in days["series"][0]["rows"]:
    expect("increase", increase, sum(r["grown"] or 0 for r in rows if start < r["end"] <= end))
six = viewer.get(f"/api/v1/series?node=4&analyzer=1&variable=CEA&step=6h&aggregates=count&{ALL}").value()
expect("quarters of days", sorted({(r[1] - r[0]) // 3600000 for r in six["series"][0]["rows"]}), [5, 6, 7])

# ---- the newest ----
table = viewer.get("/api/v1/last", node="4", analyzer="1").value()
last, got = rows[-1], [dict(zip(table["columns"], r)) for r in table["rows"]]
expect("last", [(r["variable"], r["element"], r["end_ms"], r["value"], r["increase"]) for r in got],
       [("TPF", e + 1, last["end"], last["v"][e], None) for e in range(3)] +
       [("CEA", 1, last["end"], last["energy"], last["grown"])])
[(_, packed)] = columns(viewer.call("GET", "/api/v1/last", form=MSGPACK))
expect("last, MessagePack", [list(r) for r in zip(*packed.values())], table["rows"])
lines = list(csv.DictReader(io.StringIO(viewer.call("GET", "/api/v1/last", form=CSV).body.decode())))
expect("last, CSV", [iso_ms(r["end"]) for r in lines], [last["end"]] * 4)
table = viewer.get("/api/v1/variables", variable="CEA").value()
expect("variables", table["rows"], [["4", 1, "PM710", "CEA", "Wh", "counter", 1, rows[0]["end"], last["end"]]])

# ---- what is wrong is said ----
S = "/api/v1/series?node=4&analyzer=1&variable=TPF&"
for query, status, text in (
        ("/api/v1/series", 400, "expected node, analyzer and variable"),
        ("/api/v1/series?node=4&analyzer=x&variable=TPF", 400, "analyzer is \"x\""),
        (S + "element=0", 400, "count from 1"), (S + "field=mean", 400, "field is \"mean\""),
        (S + "from=yesterday", 400, "from is \"yesterday\""), (S + "to=2026-02-30", 400, "to is"),
        (S + "from=2026-11-02&to=2026-11-01", 400, "from is behind to"),
        (S + "step=0", 400, "step is"), (S + "step=1h&aggregates=median", 400, "aggregates: "),
        (S + "step=1h&aggregates=min,min", 400, "each once"), (S + "aggregates=mean", 400, "without a step"),
        (S + "step=1h&field=max", 400, "the field value only"), (S + "zone=Mars/Olympus", 400, "zone"),
        (S + "times=local", 400, "times is"), ("/api/v1/series?s=4/1", 400, "expected node"),
        ("/api/v1/series?s=4/1/TPF/1/value/x", 400, "expected node/analyzer"),
        ("/api/v1/series?node=4&analyzer=1&variable=XYZ", 404, "nothing was ever stored of XYZ"),
        ("/api/v1/series?node=6&analyzer=1&variable=TPF", 404, "nothing was ever stored"),
        ("/api/v1/series?" + "&".join(f"s=4/{i}/TPF" for i in range(257)), 400, "more than 256"),
        ("/api/v1/last?analyzer=1", 400, "without its node"), ("/api/v1/nodes?limit=0", 400, "limit is 0"),
        ("/api/v1/nodes/9", 404, ""), ("/api/v1/nodes/9/analyzers", 404, ""), ("/api/v1/nodes/4/analyzers/x", 404, ""),
        ("/api/v1/models/none", 404, "there is no model none"), ("/api/v1/events?before=x", 400, "before")):
    says(query, Api(os.environ["VIEWER_TOKEN"]).call("GET", query), status, text)


# ---- a huge answer, clients that are slow or leave ----

def anonymous():
    with open(f"/proc/{os.environ['SERVER']}/smaps_rollup", encoding="ascii") as f:
        return int(next(line for line in f if line.startswith("Anonymous:")).split()[1])


HUGE = "/api/v1/series?" + "&".join(["s=4/1/TPF/2"] * 128) + "&" + ALL # 20 MB of JSON
url = urllib.parse.urlsplit(os.environ["URL"])


def begin(path):
    s = socket.create_connection((url.hostname, url.port), timeout=60)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {os.environ['VIEWER_TOKEN']}\r\n\r\n"
              .encode())
    return s


before = anonymous()
slow = [begin(HUGE) for _ in range(12)]
for s in slow:
    assert s.recv(1000).startswith(b"HTTP/1.1 200")
whole = viewer.call("GET", HUGE).value()["series"]
expect("huge", {len(t["rows"]) for t in whole}, {len(rows)})
same("huge", [r[1] for r in whole[127]["rows"]], [r["v"][1] for r in rows])
grown = anonymous() - before
for s in slow[:8]:
    s.close()
assert grown < 16 * 1024 * int(os.environ.get("TESLA_SLOWER", "1")), f"the server grew by {grown} KiB"
# Others are answered meanwhile; those that read slowly get all of it.
expect("meanwhile", len(viewer.get("/api/v1/last").value()["rows"]), 4)
body = b""
while not body.endswith(b"\r\n0\r\n\r\n"):
    piece = slow[8].recv(1 << 20)
    assert piece, "cut off"
    body = body[-10:] + piece
for s in slow[8:]:
    s.close()


def nobody_reads():
    return viewer.get("/api/v1/status").value()["http"]["answers_under_way"] == 0


while not nobody_reads():
    pass
print("good")
