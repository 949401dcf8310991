# SPDX-License-Identifier: Apache-2.0
"""The raw series of tesla-central's /api/v1, as prom_check.py reads them: prom_fetch.py URL TOKEN-FILE
START END.  What is asked and answered there is in fetch() and points() alone."""
import json
import sys
import urllib.parse
import urllib.request

base, token, start, end = sys.argv[1], open(sys.argv[2]).read().strip(), sys.argv[3], sys.argv[4]
# What central_records.py makes: variable, elements, what is kept of it, name in Prometheus.
SERIES = [("TPF", 3, "value", "tesla_TPF_volts"), ("TPF", 3, "min", "tesla_TPF_volts_min"),
          ("TPF", 3, "max", "tesla_TPF_volts_max"), ("CEA", 1, "value", "tesla_CEA_watt_hours_total"),
          ("CEA", 1, "increase", "tesla_CEA_watt_hours_increase"), ("ERR", 1, "value", "tesla_ERR")]


def fetch(path, **query):
    request = urllib.request.Request(f"{base}/api/v1/{path}?{urllib.parse.urlencode(query)}",
                                     headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def points(analyzer, variable, element, field):
    """[[ms, number or null], ...] of the ends of windows from START to END."""
    got = fetch("series", node="4", analyzer=analyzer, variable=variable, element=element, field=field,
                **{"from": int(start) * 1000, "to": int(end) * 1000})
    return [[t, x] for t, x in got["points"]]


for analyzer in range(1, 5):
    for variable, elements, field, name in SERIES:
        for element in range(1, elements + 1):
            labels = {"node": "4", "analyzer": str(analyzer), "model": "PM710", "variable": variable}
            if elements > 1:
                labels["element"] = str(element)
            print(json.dumps({"name": name, "labels": labels,
                              "points": points(analyzer, variable, element, field)}))
