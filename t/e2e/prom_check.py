# SPDX-License-Identifier: Apache-2.0
"""Holds what Prometheus computed to what follows from the raw numbers:

    prom_check.py RAW.jsonl START END STEP FUNCTION [PARAMETER] RANGE|- NAME < promtool -o json

RAW has a line for each series: {"name": ..., "labels": {...}, "points": [[ms, number or null], ...]};
times are seconds.  FUNCTION is rate, increase, quantile_over_time, or quantile over all series, for
which RANGE is the look-back.  Every series and step must be there, and no other one."""
import json
import math
import sys

raw, start, end, step, function = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5]
parameter = float(sys.argv[6]) if function.startswith("quantile") else None
span, name = int(sys.argv[-2]) * 1000, sys.argv[-1]


def quantile(q, values):
    values = sorted(values)
    rank = q * (len(values) - 1)
    low, high = math.floor(rank), min(len(values) - 1, math.floor(rank) + 1)
    return values[low] * (1 - (rank - low)) + values[high] * (rank - low)


def increase(points, begin, until):
    """As Prometheus' extrapolatedRate() has it, of a counter; None: fewer than two samples."""
    if len(points) < 2:
        return None
    (t0, first), (t1, last) = points[0], points[-1]
    grown = last - first + sum(a for (_, a), (_, b) in zip(points, points[1:]) if b < a)
    sampled = (t1 - t0) / 1000
    average = sampled / (len(points) - 1)
    to_start, to_end = (t0 - begin) / 1000, (until - t1) / 1000
    if grown > 0 and first >= 0:
        to_start = min(to_start, sampled * first / grown)
    covered = sampled
    for gap in (to_start, to_end):
        covered += gap if gap < average * 1.1 else average / 2
    return grown * covered / sampled


def within(points, at):
    return [(t, x) for t, x in points if at - span <= t <= at and x is not None]


def expected(points, at):
    points = within(points, at)
    if function == "quantile_over_time":
        return quantile(parameter, [x for _, x in points]) if points else None
    grown = increase(points, at - span, at)
    return grown if function == "increase" or grown is None else grown / (span / 1000)


def labels_key(labels):
    return json.dumps({k: v for k, v in labels.items() if k != "__name__"}, sort_keys=True)


series = {}
for line in open(raw):
    s = json.loads(line)
    if s["name"] == name:
        series[labels_key(s["labels"])] = s["points"]
assert series, f"no raw series {name}"
times = range(start * 1000, end * 1000 + 1, step * 1000)
want = {}
if function == "quantile":
    for at in times:
        last = [p[-1][1] for p in (within(points, at) for points in series.values()) if p]
        if last:
            want.setdefault("{}", {})[at] = quantile(parameter, last)
else:
    for key, points in series.items():
        for at in times:
            value = expected(points, at)
            if value is not None:
                want.setdefault(key, {})[at] = value
got = {labels_key(r["metric"]): {round(float(t) * 1000): float(x) for t, x in r["values"]}
       for r in json.load(sys.stdin)}

assert got.keys() == want.keys(), f"series: got {sorted(got)}, expected {sorted(want)}"
n = 0
for key, values in want.items():
    assert got[key].keys() == values.keys(), \
        f"{key}: times that differ: {sorted(got[key].keys() ^ values.keys())[:5]}"
    for at, value in values.items():
        assert math.isclose(got[key][at], value, rel_tol=1e-9, abs_tol=1e-12), \
            f"{key} at {at}: got {got[key][at]}, expected {value}"
        n += 1
print(f"{function} of {name}: {len(want)} series, {n} values are as expected")
