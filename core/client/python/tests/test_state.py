# SPDX-License-Identifier: Apache-2.0
"""What a follower makes of what comes: the table that libtesla's tests read too."""
import pathlib
import unittest

import msgpack

import tesla
from tesla.errors import BadMessage
from tesla.state import State

CASES = pathlib.Path(__file__).parents[4] / "t/data/follow-cases.txt"


def cases():
    """(name, [(line of input, [lines expected])])"""
    found = []
    for line in CASES.read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            found.append((line[3:], []))
        elif line.startswith("> "):
            found[-1][1][-1][1].append(line[2:])
        elif line and not line.startswith("#"):
            found[-1][1].append((line, []))
    return found


def reading(k, **more):
    return {"t": 1, "dt": 0.5, "n": k, "k": k, "u": "V", "v": [float(k)], **more}


def message(topic, epoch, k):
    body = reading(int(k), e=int(epoch))
    return topic.encode(), msgpack.packb(body)


def snapshot(epoch, *rows):
    def row(text):
        place, k = text.split(":")
        analyzer, variable = place.split("/")
        return reading(int(k), analyzer=int(analyzer), variable=variable, labels=["L1"], q=[0])
    return {"ok": True, "e": int(epoch), "readings": [row(text) for text in rows]}


def line(event):
    match event:
        case tesla.Up(epoch):
            return f"up {epoch}"
        case tesla.Down(reason):
            return f"down {reason}"
        case tesla.Restart(old, epoch):
            return f"restart {old} {epoch}"
        case tesla.Gap(topic, epoch, k, missed):
            return f"gap {topic} {epoch} {k} {missed}"
        case tesla.Reset(topic, epoch, k):
            return f"reset {topic} {epoch} {k}"
    how = "snapshot" if getattr(event, "from_snapshot", False) else "stream"
    return f"{how} {event.topic} {event.epoch_ms} {event.k}"


class Run:
    """A state that is fed with lines."""

    def __init__(self):
        self.now, self.state = 0.0, State([], 0.0)

    def take(self, kind, *words):
        if kind == "prefixes":
            self.state = State(words, 0.0)
        elif kind == "at":
            self.now = float(words[0])
        elif kind == "m":
            return self.state.message(*message(*words), self.now)
        elif kind == "s":
            return self.state.snapshot(snapshot(*words), self.now)
        elif kind == "drained":
            self.state.drained()
        elif kind == "down":
            return self.state.down(" ".join(words))
        return ()

    def told(self, text):
        lines = [line(event) for event in self.take(*text.split())]
        flags = ["forget"] * self.state.restarted + ["ask"] * self.state.wants_snapshot
        self.state.restarted = self.state.wants_snapshot = False
        return flags + lines


class StateTest(unittest.TestCase):
    def test_cases(self):
        self.assertGreater(len(cases()), 15)
        for name, steps in cases():
            with self.subTest(name):
                run = Run()
                for text, expected in steps:
                    self.assertEqual(run.told(text), expected, text)

    def test_labels_are_those_of_the_snapshot(self):
        run = Run()
        run.told("m node/4/ 100 1")
        run.told("s 100 1/P:1")
        events = list(run.take("m", "reading/4/1/P/", "100", "2"))
        self.assertEqual(events[0].labels, ("L1",))

    def test_bad_messages_change_nothing(self):
        run = Run()
        run.told("m node/4/ 100 1")
        run.told("s 100 1/P:1")
        good = {**reading(2), "e": 100}
        for topic, body in [
                (b"reading/4/1/P/", b"\xc1"), (b"reading/4/1/P/", b"\xdd\x10\x00\x00\x00"),
                (b"reading/4/1/P/", b"\x91" * 2000 + b"\x01"), (b"reading/4/1/P/", b"\x01"),
                (b"\xff\xfe/4/", msgpack.packb(good)), (b"node", msgpack.packb(good)),
                (b"reading/4/x/P/", msgpack.packb(good)), (b"reading/4/1/P", msgpack.packb(good)),
                *((b"reading/4/1/P/", msgpack.packb({**good, key: value})) for key, value in [
                    ("k", 0), ("k", "2"), ("k", True), ("e", None), ("v", []), ("v", 1.0),
                    ("q", [7]), ("q", [0, 0]), ("t", None), ("n", -1), ("u", 3), ("dt", -1.0),
                    ("labels", ["L1", "L2"])])]:
            with self.subTest(topic=topic, body=body[:40]), self.assertRaises(BadMessage):
                list(run.state.message(topic, body, 0.0))
        self.assertEqual(run.told("m reading/4/1/P/ 100 2"), ["stream reading/4/1/P/ 100 2"])

    def test_a_bad_snapshot_is_none(self):
        run = Run()
        run.told("m reading/4/1/P/ 100 1")
        for answer in [{}, {"e": 100}, {"e": 100, "readings": [1]}, {"e": 1.5, "readings": []},
                       {"e": 100, "readings": [reading(1, analyzer=1)]},
                       {"e": 100, "readings": [reading(1, analyzer=0, variable="P")]}]:
            with self.subTest(answer=answer), self.assertRaises(BadMessage):
                list(run.state.snapshot(answer, 0.0))
        self.assertEqual(run.told("s 100 1/P:1"), ["up 100", "snapshot reading/4/1/P/ 100 1"])


if __name__ == "__main__":
    unittest.main()
