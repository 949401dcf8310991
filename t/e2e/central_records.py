# SPDX-License-Identifier: Apache-2.0
"""Records as JSON lines, as `teslactl journal export` prints them: central_records.py COUNT
[START_MS [ANALYZERS]].  Same arguments, same records; one in 13 has an element without a value."""
import json
import random
import sys

count = int(sys.argv[1])
start = int(sys.argv[2]) if len(sys.argv) > 2 else 1794182400000
analyzers = int(sys.argv[3]) if len(sys.argv) > 3 else 4
random.seed(start)
length = 60000
energy = [1000000.0 + a for a in range(analyzers)]


def gauge(unit, elements, level, decimals, hole):
    values = [round(level + random.uniform(-level / 50, level / 50), decimals) for _ in range(elements)]
    quality = [0] * elements
    if hole:
        quality[-1] = 3
    def blank(values):
        return [None if q else v for v, q in zip(values, quality)]
    return {"unit": unit, "kind": "gauge", "value": blank(values),
            "min": blank([round(v - 0.5, decimals) for v in values]),
            "max": blank([round(v + 0.75, decimals + 1) for v in values]),
            "count": [0 if q else 60 for q in quality],
            "covered_ms": [0 if q else length for q in quality], "quality": quality}


for i in range(count):
    a = i % analyzers
    end = start + (i // analyzers + 1) * length
    energy[a] += random.randrange(50)
    hole = random.randrange(13) == 0
    variables = {
        "TPF": gauge("V", 3, 230.0, 1, hole),
        "COR": gauge("A", 3, 12.0, 4, False),
        "CEA": {"unit": "Wh", "kind": "counter", "value": [energy[a]],
                "increase": [None if hole else 7], "count": [60], "covered_ms": [length],
                "quality": [2 if hole else 0]},
        "ERR": {"unit": "", "kind": "status", "value": [64], "count": [60], "covered_ms": [length],
                "quality": [0]},
    }
    record = {"analyzer": a + 1, "start_ms": end - length, "end_ms": end, "model": "PM710",
              "identity": None if a == 0 else f"151{a}", "variables": variables}
    print(json.dumps({"seq": i + 1, "record": record}))
