# SPDX-License-Identifier: Apache-2.0
"""follow_check.py EVENTS THROUGH TRUTH EPOCH...: is what a follower told exact?

EVENTS: what core/client/examples/follow printed.  THROUGH: proxy.py's log, every message that
reached it.  TRUTH: subscriber.py's, who was not cut off.  EPOCH...: the daemons, in order.  Prints
the facts; 1 and the first thing that is wrong when something is.
"""
import collections
import json
import sys


def events(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if not line.endswith("\n"):
                return  # it is being written
            yield line[:-1].split("\t")


def through(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            topic, e, k = json.loads(line)
            yield topic, e, k


def truth(path):
    """(topic, e, k) to (t, values) of the readings."""
    with open(path, encoding="utf-8") as lines:
        messages = [json.loads(line) for line in lines if line.endswith("\n")]
    return {(m["topic"], m["e"], m["k"]): (m["t"], m["v"]) for m in messages
            if m["topic"].startswith("reading/")}


class Wrong(Exception):
    pass


class Account:
    """Every number of every topic, once."""

    def __init__(self, epochs):
        self.epochs, self.epoch = epochs, epochs[0]
        self.last = {}  # topic: the last number accounted for
        self.missed = {}  # topic: (number before which, how many), until the message comes
        self.by = collections.defaultdict(set)  # how: (topic, e, k)
        self.counts = collections.Counter()
        self.values = {}

    def restart(self, old, new):
        self.counts["restarts"] += 1
        n = self.counts["restarts"]
        if n >= len(self.epochs) or (old, new) != (self.epochs[n - 1], self.epochs[n]):
            raise Wrong(f"restart {n} from {old} to {new}")
        if self.missed:
            raise Wrong(f"gaps with nothing after them: {self.missed}")
        self.epoch, self.last = new, {}

    def gap(self, topic, e, k, missed):
        self.counts["gaps"] += 1
        if e != self.epoch or topic in self.missed or missed < 1:
            raise Wrong(f"gap of {missed} before {topic} {e} {k}")
        self.missed[topic] = k, missed

    def message(self, topic, e, k, how):
        before, missed = self.missed.pop(topic, (k, 0))
        if e != self.epoch or before != k:
            raise Wrong(f"{topic} {e} {k}, in {self.epoch}, after a gap before {before}")
        # With the first daemon we begin where we come; of later ones every topic begins with 1.
        last = self.last.get(topic, k - missed - 1 if e == self.epochs[0] else 0)
        if k != last + missed + 1:
            raise Wrong(f"{topic} {e}: {k} after {last} and {missed} missed ones")
        self.last[topic] = k
        self.counts[how] += 1
        self.by[how].add((topic, e, k))
        for i in range(k - missed, k):
            self.by["missed"].add((topic, e, i))

    def take(self, kind, *words):
        if kind == "restart":
            self.restart(*map(int, words))
        elif kind == "gap":
            self.gap(words[0], *map(int, words[1:]))
        elif kind == "message":
            self.message(words[0], int(words[1]), int(words[2]), "stream")
        elif kind == "reading":
            topic, e, k, how, t, values = words[:6]
            self.message(topic, int(e), int(k), how)
            self.values[topic, int(e), int(k)] = int(t), [
                None if v == "nil" else float(v) for v in values.split(",")]
        elif kind in ("up", "down"):
            self.counts[kind] += 1
        else:
            raise Wrong(f"{kind} {words}")


def compare(account, went):
    """What reached it and what it told are the same."""
    told, missed = account.by["stream"], account.by["missed"]
    firsts = {}
    for topic, e, k in told | account.by["snapshot"]:
        firsts[topic, e] = min(k, firsts.get((topic, e), k))
    for message in went:
        topic, e, k = message
        if message in missed:
            raise Wrong(f"{message} had come, but counts as missed")
        if message in told or message in account.by["snapshot"]:
            continue
        if e != account.epochs[0] or k >= firsts.get((topic, e), 0):
            raise Wrong(f"{message} had come, but was not told")
    for message in told - went:
        raise Wrong(f"{message} was told, but had not come")


def check(events_path, through_path, truth_path, *epochs):
    account = Account([int(e) for e in epochs])
    for event in events(events_path):
        account.take(*event)
    if account.counts["restarts"] != len(epochs) - 1:
        raise Wrong(f"{account.counts['restarts']} restarts of {len(epochs) - 1}")
    compare(account, set(through(through_path)))
    real = truth(truth_path)
    same = [account.values[key] == real[key] for key in account.values if key in real]
    if not all(same):
        raise Wrong("a value that is not the daemon's")
    account.counts.update(missed=len(account.by["missed"]), compared=len(same))
    return dict(account.counts)


try:
    print(json.dumps(check(*sys.argv[1:])))
except Wrong as wrong:
    sys.exit(f"wrong: {wrong}")
