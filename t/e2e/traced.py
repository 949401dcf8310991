# SPDX-License-Identifier: Apache-2.0
"""What `teslactl --json trace` said, held against Modbus as the specification has it.

traced.py decode KIND FRAMES STREAM   every frame (tcp or rtu) is what its keys say, and each good reply of TPF is on
                                      the stream (subscriber.py's lines); prints how many of each status each
                                      analyzer had
traced.py wire FRAMES LOG             the bytes are those that socat -x saw, in both directions
traced.py same FRAMES FRAMES          what both saw is the same; prints how many frames
traced.py readings STREAM STREAM N    the first N readings of each variable of each analyzer have the same values and
                                      qualities in both
"""
import collections
import json
import sys

TPF = (3, 4032, 3)


def load(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.endswith("\n")]


def crc(data):
    table = []
    for i in range(256):
        for _ in range(8):
            i = (i >> 1) ^ (0xA001 if i & 1 else 0)
        table.append(i)
    value = 0xFFFF
    for byte in data:
        value = (value >> 8) ^ table[(value ^ byte) & 0xFF]
    return value.to_bytes(2, "little")


class Tcp:
    @staticmethod
    def pdu(data):
        """Transaction and unit; the PDU; whether it is whole and right."""
        whole = data[2:4] == b"\0\0" and int.from_bytes(data[4:6], "big") == len(data) - 6
        return data[:2], data[6], data[7:], whole


class Rtu:
    @staticmethod
    def pdu(data):
        return b"", data[0], data[1:-2], crc(data[:-2]) == data[-2:]


def asked(f):
    return None if f["function"] is None else (f["function"], f["address"], f["count"])


def request(kind, f):
    transaction, unit, pdu, right = kind.pdu(bytes.fromhex(f["hex"]))
    assert right, f
    if asked(f) is None:
        assert pdu == b"\x11", f
    else:
        want = bytes([f["function"]]) + f["address"].to_bytes(2, "big") + f["count"].to_bytes(2, "big")
        assert pdu == want, f
    return transaction, unit


def reply(kind, f, ask, to):
    """A good one's registers."""
    transaction, unit, pdu, right = kind.pdu(bytes.fromhex(f["hex"]))
    if f["status"] == "garbled":
        assert not right or (transaction, unit) != to, f
        return None
    function = 17 if asked(ask) is None else ask["function"]
    assert right and (transaction, unit) == to and asked(f) == asked(ask), (f, ask)
    if f["status"] == "exception":
        assert pdu == bytes([function | 0x80, f["code"]]), f
        return None
    assert f["status"] == "ok" and pdu[0] == function and pdu[1] == len(pdu) - 2, f
    if asked(ask) is not None:
        assert pdu[1] == 2 * ask["count"], f
    return pdu[2:]


def decode(kind, frames, stream):
    kind = {"tcp": Tcp, "rtu": Rtu}[kind]
    count = collections.defaultdict(collections.Counter)
    ask, to, values = None, None, []
    before = 0
    for f in load(frames):
        assert f["t_us"] >= before, f
        before = f["t_us"]
        if f["kind"] == "request":
            ask, to = f, request(kind, f)
        elif ask is None or f["kind"] in ("junk", "late") or f["analyzer"] is None:
            count["line"][f["status"] or f["kind"]] += 1
            continue  # the answer to what was asked before the trace began
        elif f["kind"] == "reply":
            data = reply(kind, f, ask, to)
            if data is not None and asked(f) == TPF:
                values.append((f["analyzer"], [int.from_bytes(data[i:i + 2], "big") for i in (0, 2, 4)]))
        else:
            assert f["hex"] == "" and f["analyzer"] == ask["analyzer"], f
        count[f["analyzer"]][f["status"] or "asked"] += 1
    seen = collections.defaultdict(list)
    for m in load(stream):
        if m["topic"].endswith("/TPF/"):
            seen[int(m["topic"].split("/")[2])].append([None if v is None else round(100 * v) for v in m["v"]])
    assert values
    for analyzer, value in values:
        assert value in seen[analyzer], (analyzer, value)
    print(json.dumps(count))


def wire(frames, log):
    sides = {">": b"", "<": b""}
    with open(log, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line[:2] in ("> ", "< "):
                side = line[0]
            elif line.startswith(" "):
                sides[side] += bytes.fromhex(line.strip().replace("--", ""))
    mine = {">": b"", "<": b""}
    for f in load(frames):
        mine[">" if f["kind"] == "request" else "<"] += bytes.fromhex(f["hex"])
    for side, data in mine.items():
        assert len(data) > 200 and data in sides[side], (side, data.hex(), sides[side].hex())


def same(one, other):
    one, other = ({f["n"]: f for f in load(path) if "n" in f} for path in (one, other))
    both = one.keys() & other.keys()
    for n in both:
        assert one[n] == other[n], (one[n], other[n])
    numbers = sorted(both)
    assert numbers == list(range(numbers[0], numbers[-1] + 1)), "holes"
    print(len(both))


def readings(one, other, n):
    sides = []
    for path in (one, other):
        side = collections.defaultdict(list)
        for m in load(path):
            if m["topic"].startswith("reading/"):
                side[m["topic"]].append((m["k"], m["v"], m.get("q"), m.get("x")))
        sides.append(side)
    assert sides[0].keys() == sides[1].keys(), (sorted(sides[0]), sorted(sides[1]))
    for topic, mine in sides[0].items():
        assert mine[0][0] == 1, (topic, mine[0])
        both = list(zip(mine, sides[1][topic]))[:int(n)]
        assert len(both) == int(n), (topic, both)
        for a, b in both:
            assert a[:3] == b[:3], (topic, a, b)


def main(what, *args):
    {"decode": decode, "wire": wire, "same": same, "readings": readings}[what](*args)


main(*sys.argv[1:])
