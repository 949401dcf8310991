# SPDX-License-Identifier: Apache-2.0
"""SIGHUPs at 10 a second, with a configuration that changes each time.

hups.py prepare CONFIG FOLDER          variants of CONFIG in FOLDER: 0.xml, 1.xml, ...
hups.py run PID ENDPOINT N SERVER      N SIGHUPs to PID, each after another file has taken the place of config.xml (a
                                       tenth of them broken); SERVER (rest_server.py) is down every other 5 s, and then
                                       either stopped or it refuses connections, in turn; then prints what was seen,
                                       1 when memory or descriptors grew, the last good one is not in force or the
                                       SIGHUPs alone brought too few generations
hups.py records JSONL FOLDER           each window once and in order per analyzer, without a hole, in both
"""
import collections
import glob
import json
import os
import random
import signal
import sys
import time

import msgpack
import zmq

SEED = 20261129
GOOD = 7


def variants(text):
    """Analyzers 101 and 102 change: gone, asked otherwise, recorded otherwise; and the log level."""
    start = text.index('<analyzer id="101"')
    middle = text.index('<analyzer id="102"')
    end = text.index("</analyzers>")
    first, second = text[start:middle], text[middle:end]
    both = [first + second, second, first, "", first.replace(">TPF<", ">PAT<") + second,
            first.replace("<poll_interval>1<", "<poll_interval>2<") + second,
            first + second.replace(">FRE<", ">FRE</variable><variable>TPF<")]
    assert len(both) == GOOD
    return [text[:start] + b + text[end:] for b in both]


def prepare(config, folder):
    with open(config, encoding="utf-8") as f:
        text = f.read()
    os.makedirs(folder, exist_ok=True)
    for i, variant in enumerate(variants(text)):
        with open(f"{folder}/{i}.xml", "w", encoding="utf-8") as f:
            f.write(variant)


def ask(endpoint, request):
    socket = zmq.Context.instance().socket(zmq.REQ)
    socket.setsockopt(zmq.RCVTIMEO, 30000)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect(endpoint)
    socket.send(msgpack.packb(request))
    answer = msgpack.unpackb(socket.recv())
    socket.close()
    return answer


def size(pid):
    """Anonymous memory in kB, and descriptors."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        rss = next(int(line.split()[1]) for line in f if line.startswith("RssAnon"))
    return rss, len(os.listdir(f"/proc/{pid}/fd"))


def put(text):
    with open("config.xml.new", "w", encoding="utf-8") as f:
        f.write(text)
    os.rename("config.xml.new", "config.xml")


def turn(server, period):
    """Of SERVER's periods the odd ones are down: silent, or refusing connections."""
    if period % 4 in (1, 2):
        os.kill(server, signal.SIGSTOP if period % 4 == 1 else signal.SIGCONT)
    elif period > 0:
        os.kill(server, signal.SIGUSR2)


def run(pid, endpoint, n, server):
    pid, n, server = int(pid), int(n), int(server)
    rng = random.Random(SEED)
    texts = [open(f"good/{i}.xml", encoding="utf-8").read() for i in range(GOOD)]
    sizes, last, period = [], 0, 0
    begin = time.monotonic()
    for i in range(n):
        if rng.random() < 0.1:
            put(rng.choice([texts[0][:2000], texts[1].replace("PM710<", "PM9999<"), "",
                            texts[0].replace("<variable>TPF", "<variable>TPX", 1)]))
        else:
            last = rng.randrange(GOOD)
            put(texts[last])
        os.kill(pid, signal.SIGHUP)
        if i // 50 != period:
            period += 1
            turn(server, period)
        time.sleep(max(0, begin + (i + 1) / 10 - time.monotonic()))
        sizes.append(size(pid))
    while period % 2 == 1:
        period += 1
        turn(server, period)
    put(texts[last])
    by_hups = ask(endpoint, {"cmd": "status"})["generation"] - 1
    answer = ask(endpoint, {"cmd": "reload"})
    status = ask(endpoint, {"cmd": "status"})
    want = {int(part.split('"')[0]) for part in texts[last].split('<analyzer id="')[1:]}
    in_force = answer["ok"] and {a["id"] for a in status["analyzers"]} == want
    third = len(sizes) // 3
    early, late = [max(s[k] for s in sizes[third:2 * third]) for k in (0, 1)], \
        [max(s[k] for s in sizes[2 * third:]) for k in (0, 1)]
    enough = by_hups >= n // 20  # those that come while one is under way are one
    flat = late[0] <= early[0] * 1.1 + 1024 and late[1] <= early[1] + 8
    print(json.dumps({"hups": n, "by_hups": by_hups, "in_force": in_force, "flat": flat,
                      "rss_kb": [early[0], late[0]], "descriptors": [early[1], late[1]]}))
    return 0 if in_force and flat and enough else 1


def windows(ends):
    """What is wrong with the ends of one analyzer's windows of 5 s; None: nothing."""
    for a, b in zip(ends, ends[1:]):
        if b <= a:
            return f"{b} after {a}"
    return None


def records(path, folder):
    at_server = collections.defaultdict(list)
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            r = json.loads(line)
            at_server[r["analyzer"]].append(r["end_ms"])
    bad = {a: windows(e) for a, e in at_server.items() if windows(e)}
    for a in [a for a in at_server if a <= 100]:
        ends = at_server[a]
        holes = [x for x, y in zip(ends, ends[1:]) if y - x != 5000]
        if holes:
            bad[a] = f"a hole after {holes}"
    for a, ends in at_server.items():
        lines = sum((open(f, encoding="utf-8").read().splitlines() for f in sorted(glob.glob(f"{folder}/{a}/2*.txt"))), [])
        n = sum(not line.startswith("HORA") for line in lines)
        if n != len(ends):
            bad[f"{a} in its day file"] = f"{n} lines, {len(ends)} records"
    print(json.dumps({"analyzers": len(at_server), "records": sum(map(len, at_server.values())), "bad": bad}))
    return 1 if bad or len([a for a in at_server if a <= 100]) != 48 else 0


sys.exit({"prepare": prepare, "run": run, "records": records}[sys.argv[1]](*sys.argv[2:]) or 0)
