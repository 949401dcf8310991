#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""metrics_labels.py METRICS.md <TEXT: each sample has the labels that the document says, and no series comes twice.

Prints the names of families that have samples.
"""
import re
import sys

documented = {}
with open(sys.argv[1], encoding="utf-8") as f:
    for line in f:
        m = re.match(r"\| `(\w+)` \| (\w+) \| ([\w, ]*) \|", line)
        if m:
            documented[m[1]] = (m[2], set(filter(None, m[3].split(", "))))

seen, families, bad = set(), {}, 0
for line in sys.stdin:
    if line.startswith("#"):
        continue
    m = re.match(r'(\w+)(?:\{(.*)\})? (\S+)$', line)
    if not m:
        sys.exit("no sample: " + line)
    name, pairs = m[1], re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', m[2] or "")
    family = name if name in documented else re.sub(r"_(bucket|sum|count)$", "", name)
    if family not in documented:
        sys.exit("not in the document: " + line)
    kind, labels = documented[family]
    got = {n for n, _ in pairs}
    if kind == "histogram" and not name.endswith("_bucket"):
        labels = labels - {"le"}
    if not got <= labels or not labels - {"exporter", "type"} <= got:
        sys.exit("labels %s, expected %s: %s" % (sorted(got), sorted(labels), line))
    if line.split(" ")[0] in seen:
        sys.exit("twice: " + line)
    seen.add(line.split(" ")[0])
    families[family] = True
print("\n".join(families))
