# SPDX-License-Identifier: Apache-2.0
"""Records as JSON lines, as the raw series that prom_check.py reads: prom_raw.py RECORDS.jsonl NODE
[VARIABLE=LABEL,LABEL...].  Elements whose labels are not said have numbers, or none where there is one."""
import json
import sys

NAMES = {("TPF", "value"): "tesla_TPF_volts", ("TPF", "min"): "tesla_TPF_volts_min",
         ("TPF", "max"): "tesla_TPF_volts_max", ("CEA", "value"): "tesla_CEA_watt_hours_total",
         ("CEA", "increase"): "tesla_CEA_watt_hours_increase", ("ERR", "value"): "tesla_ERR"}
LABELS = dict((v, labels.split(",")) for v, labels in (a.split("=") for a in sys.argv[3:]))
found = {}
for line in open(sys.argv[1]):
    r = json.loads(line)["record"]
    for variable, v in r["variables"].items():
        for (of, field), name in NAMES.items():
            if of != variable:
                continue
            for i, x in enumerate(v[field]):
                labels = {"node": sys.argv[2], "analyzer": str(r["analyzer"]), "model": r["model"],
                          "variable": variable}
                if variable in LABELS:
                    labels["element"] = LABELS[variable][i]
                elif len(v[field]) > 1:
                    labels["element"] = str(i + 1)
                key = json.dumps([name, labels], sort_keys=True)
                found.setdefault(key, []).append((r["end_ms"], x))
for key, points in found.items():
    name, labels = json.loads(key)
    print(json.dumps({"name": name, "labels": labels, "points": points}))
