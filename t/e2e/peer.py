# SPDX-License-Identifier: Apache-2.0
"""What the tests of faults and load need beside the programs themselves.

peer.py sim SOCKET COMMAND...   one command to tesla-sim's --control; prints its answer, 1 when it is not ok
peer.py witness INTERVAL_MS     sleeps to every multiple of the interval until SIGTERM; then prints the worst
                                lateness in ms: how good the machine was at what teslad is asked to do
peer.py gaps STREAM [IDS]       holes and doubles in k and n of the readings (subscriber.py's JSON lines), for
                                the analyzers whose ids are given, such as 1-3,7, or all
peer.py regular STREAM MS       from the second sweep on: 0 <= t - deadline < half the interval, and a sweep per
                                deadline; prints the facts, 1 when it does not hold
peer.py values STREAM FACTS     every element with quality good has its value of FACTS, a JSON map of
                                ANALYZER/VARIABLE to the list of its values; 1 when one differs
peer.py polls STATS MS ADDRESS  of the other addresses of the first line of tesla-sim's stats: how many polls at
                                that interval each has missed from its first to its last, and the requests that
                                ADDRESS left unanswered
"""
import collections
import json
import signal
import socket
import sys
import time


def ids_of(text):
    """1-3,7 as a set; None: all."""
    if text is None:
        return None
    parts = [part.split("-") for part in text.split(",")]
    return {i for part in parts for i in range(int(part[0]), int(part[-1]) + 1)}


def readings(path, ids=None):
    """Messages of readings, each with `id` and `variable`."""
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if not line.endswith("\n"):
                return  # it is being written
            message = json.loads(line)
            part = message["topic"].split("/")
            if part[0] != "reading" or (ids and int(part[2]) not in ids):
                continue
            message["id"], message["variable"] = int(part[2]), part[3]
            yield message


def sim(path, *command):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(path)
        s.sendall((" ".join(command) + "\n").encode())
        answer = s.makefile().readline()
    print(answer, end="")
    return 0 if json.loads(answer)["ok"] else 1


def witness(interval_ms):
    interval = int(interval_ms) / 1000
    ended, worst = [], 0.0
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    print("awake", flush=True)
    while not ended:
        deadline = (time.time() // interval + 1) * interval
        while (left := deadline - time.time()) > 0 and not ended:
            time.sleep(left)
        worst = max(worst, time.time() - deadline)
    print(f"{worst * 1000:.1f}", flush=True)
    return 0


def gaps(path, ids=None):
    last, count = {}, collections.Counter(k_holes=0, k_doubled=0, n_holes=0, n_doubled=0)
    numbers = collections.defaultdict(list)
    for m in readings(path, ids_of(ids)):
        count["messages"] += 1
        k = last.get(m["topic"], m["k"] - 1)
        count["k_holes"] += max(0, m["k"] - k - 1)
        count["k_doubled"] += m["k"] <= k
        last[m["topic"]] = max(k, m["k"])
        numbers[m["topic"]].append(m["n"])
    for n in numbers.values():
        count["n_doubled"] += len(n) - len(set(n))
        count["n_holes"] += max(n) - min(n) + 1 - len(set(n))
    count["topics"] = len(last)
    count["fewest"] = min(map(len, numbers.values()), default=0)
    print(json.dumps(count))
    return 0


def regular(path, interval_ms):
    interval = int(interval_ms)
    sweeps = collections.defaultdict(dict)
    for m in readings(path):
        sweeps[m["id"]][m["n"]] = m["t"]
    late, wrong = [], []
    for analyzer, times in sweeps.items():
        times.pop(1, None)
        start = min((t // interval - n for n, t in times.items()), default=0)
        for n, t in sorted(times.items()):
            late.append(t % interval)
            if t % interval >= interval / 2 or t // interval != start + n:
                wrong.append(f"analyzer {analyzer}, sweep {n}: {t % interval} ms late, "
                             f"{t // interval - start - n} deadlines off")
    late.sort()
    print("\n".join(wrong[:20]))
    print(json.dumps({"sweeps": len(late), "wrong": len(wrong), "worst_ms": late[-1] if late else None,
                      "p99_ms": late[len(late) * 99 // 100] if late else None}))
    return 1 if wrong or not late else 0


def values(path, facts):
    with open(facts, encoding="utf-8") as text:
        expected = json.load(text)
    good, wrong = 0, []
    for m in readings(path):
        want = expected.get(f"{m['id']}/{m['variable']}")
        for i, value in enumerate(m["v"]):
            if m.get("q", [0] * len(m["v"]))[i] != 0:
                continue
            good += 1
            if want is None or abs(value - want[i]) > 1e-6 * max(1, abs(want[i])):
                wrong.append(f"{m['topic']} {m['n']}: {m['v']}, expected {want}")
    print("\n".join(wrong[:20]))
    print(json.dumps({"good": good, "wrong": len(wrong)}))
    return 1 if wrong or not good else 0


def polls(path, interval_ms, address):
    interval = int(interval_ms) * 1000
    with open(path, encoding="utf-8") as text:
        addresses = {a["address"]: a for a in json.load(text)["lines"][0]["addresses"]}
    silent = addresses.pop(int(address))
    missed = {}
    for number, a in addresses.items():
        deadlines = {t // interval for t in a["times_us"]}
        missed[number] = max(deadlines) - min(deadlines) + 1 - len(deadlines)
    print(json.dumps({"missed": missed, "worst": max(missed.values()), "unanswered": silent["unanswered"],
                      "least": min(len(a["times_us"]) for a in addresses.values())}))
    return 0


COMMANDS = {f.__name__: f for f in (sim, witness, gaps, regular, values, polls)}

if __name__ == "__main__":
    sys.exit(COMMANDS[sys.argv[1]](*sys.argv[2:]))
