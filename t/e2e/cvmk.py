# SPDX-License-Identifier: Apache-2.0
"""CVMk meters played by a peer with a framing of its own, and what must be read from them.

cvmk.py serve pty LINK | tcp PORT    plays four meters; a line per request it understood goes to standard output
cvmk.py config                       the analyzers: kind of line, id, address, variables
cvmk.py variables                    all 23, in a line
cvmk.py judge STREAM                 compares the stream with the facts; 1: they differ
cvmk.py noise LINK KIND SEED LOG     plays meters on a pty whose line damages one byte in a hundred, in both
                                     directions; KIND: bytes (another byte in its place, or one more) or flips
                                     (one bit, or two bytes change places); LOG tells every reply
cvmk.py heard STREAM LOG FIRST       what the analyzers from id FIRST on gave for it; 1: a value that the frame's
                                     own facts exposed as wrong, that was never sent, or that came twice

Commands are as the maker's manual and the predecessor have them, not as the model has: command, variable, values,
width of a field, scale.
"""
import decimal
import json
import os
import random
import re
import socket
import sys
import tty

D = decimal.Decimal
COMMANDS = {c: (v, n, w, D(s)) for c, v, n, w, s in (
    ("RVI", "TPF", 4, 9, "1"), ("RVM", "RVM", 3, 9, "1"), ("RVm", "RVm", 3, 9, "1"), ("ROI", "ROI", 4, 9, "1"),
    ("ROM", "ROM", 4, 9, "1"), ("RAI", "IPF", 4, 9, "0.001"), ("RAM", "RAM", 3, 9, "0.001"),
    ("RAm", "RAm", 3, 9, "0.001"), ("RPI", "PAT", 4, 9, "1"), ("RPM", "RPM", 4, 9, "1"), ("RPm", "RPm", 4, 9, "1"),
    ("RLI", "RLI", 4, 9, "1"), ("RLM", "RLM", 4, 9, "1"), ("RLm", "RLm", 4, 9, "1"), ("RCI", "RCI", 4, 9, "1"),
    ("RCM", "RCM", 3, 9, "1"), ("RCm", "RCm", 3, 9, "1"), ("RFI", "FPT", 4, 3, "0.01"), ("RFM", "RFM", 3, 3, "0.01"),
    ("RFm", "RFm", 3, 3, "0.01"), ("RHI", "FRE", 1, 3, "0.1"), ("RHM", "RHM", 1, 3, "0.1"),
    ("RHm", "RHm", 1, 3, "0.1"))}
POWER_FACTOR_MAX, FREQUENCY_MAX = 100, 700  # as the meter writes them


# ---- frames ----

def framed(text):
    """With its sum and its end."""
    return b"%s%02X\n" % (text, sum(text) % 256)


def first_frame(line):
    """What the first frame in these bytes holds: address and text; None: there is none, or it is wrong."""
    for piece in line.split(b"\n")[:-1]:
        if b"$" in piece:
            text = piece[piece.rindex(b"$"):]
            if not re.fullmatch(rb"\$\d\d.*[0-9A-F]{2}", text, re.S) or framed(text[:-2]) != text + b"\n":
                return None
            return int(text[1:3]), text[3:-2]
    return None


def limit_of(command):
    return {"RF": POWER_FACTOR_MAX, "RH": FREQUENCY_MAX}.get(command[:2])


def fields(command, data):
    """Numbers as the meter writes them, None where there is none; None: this is no answer to the command."""
    _, n, width, _ = COMMANDS[command]
    if not re.fullmatch(rb"[0-9 +.*A-Za-z-]*", data) or len(data) != n * width:
        return None
    numbers = []
    for i in range(n):
        text = data[i * width:(i + 1) * width].decode().strip(" ")
        if text == "" or re.fullmatch(r"[A-Za-z*. -]*[A-Za-z*-][A-Za-z*. -]*", text):
            numbers.append(None)
        elif re.fullmatch(r"[+-]? *(\d+\.?\d*|\.\d+)", text):
            number = D(text.replace(" ", ""))
            limit = limit_of(command)
            numbers.append(None if limit is not None and abs(number) > limit else number)
        else:
            return None
    return numbers


# ---- four meters whose facts are known ----

FIRST_ID = {"pty": 100, "tcp": 200}
# What a field may look like: address of the meter to the forms of its fields, by turns.  {} is a whole number.
FORMS = {0: ["{:0W}"], 7: ["{:W}", "{:+0W}", "-{:>V}", "{:<W}"], 42: ["{:W}", ".{:0V}", "{:0V}."],
         99: [" ", "*", "-", "O", "{:0W}", "E"]}


def field(address, command, i):
    _, _, width, _ = COMMANDS[command]
    form = FORMS[address][(i + len(command) + ord(command[1])) % len(FORMS[address])]
    if len(form) == 1:
        return form * width
    index = list(COMMANDS).index(command)
    number = (10 * index + i + address) % 90 + 1 if width == 3 else 1000 * (index + 1) + 10 * i + address
    if width == 3 and form in ("-{:>V}", "{:0V}.", "{:+0W}"):
        number %= 90
    form = form.replace("W", str(width)).replace("V", str(width - 1))
    return form.format(number)[:width]


def answer(address, text):
    if text == b"VER":
        return b"2.17 "
    command = text.decode("latin1")
    if command not in COMMANDS or address not in FORMS:
        return None
    return "".join(field(address, command, i) for i in range(COMMANDS[command][1])).encode()


class Requests:
    """Requests cut out of what comes; what is none is passed over."""
    def __init__(self):
        self.pending = b""

    def feed(self, data):
        self.pending += data
        while b"\n" in self.pending:
            line, self.pending = self.pending.split(b"\n", 1)
            request = first_frame(line + b"\n")
            if request:
                yield request


def converse(read, write):
    requests = Requests()
    while data := read():
        for address, text in requests.feed(data):
            print(address, text.decode("latin1"), flush=True)
            reply = answer(address, text)
            if reply is not None:
                write(framed(b"$%02d%s" % (address, reply)))


def open_pty(link):
    master, slave = os.openpty()
    tty.setraw(slave)
    os.symlink(os.ttyname(slave), link)
    return master, slave


def serve(kind, where):
    if kind == "pty":
        master, _slave = open_pty(where)
        print("ready", flush=True)
        converse(lambda: os.read(master, 256), lambda reply: os.write(master, reply))
    with socket.create_server(("127.0.0.1", int(where))) as server:
        print("ready", flush=True)
        while True:
            peer, _ = server.accept()
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with peer:
                converse(lambda: peer.recv(256), peer.sendall)


def variables():
    print(*(v for v, *_ in COMMANDS.values()))
    return 0


def config():
    for kind, first in FIRST_ID.items():
        for address in FORMS:
            print(kind, first + address, address, *(v for v, *_ in COMMANDS.values()))
    return 0


def expected(address, command):
    _, _, _, scale = COMMANDS[command]
    numbers = fields(command, answer(address, command.encode()))
    return [None if number is None else float(number * scale) for number in numbers]


def judge(path):
    seen, wrong = {}, []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                m = json.loads(line)
                if m["topic"].startswith("reading/"):
                    seen[tuple(m["topic"].split("/")[2:4])] = m
    for first in FIRST_ID.values():
        for address in FORMS:
            for command, (variable, _, _, _) in COMMANDS.items():
                m = seen.get((str(first + address), variable))
                want = expected(address, command)
                if m is None:
                    wrong.append(f"{first + address}/{variable}: not seen")
                elif m["v"] != want or m.get("q", [0] * len(want)) != [int(v is None) for v in want]:
                    wrong.append(f"{first + address}/{variable}: {m['v']} {m.get('q')}, expected {want}")
    print("\n".join(wrong))
    return 1 if wrong else 0


# ---- a line that damages what goes over it ----

NOISE = 0.01
NOISY = {1: ["RVI"], 2: ["RPI", "RLI"], 3: ["RVM"], 4: ["RFI"], 5: ["RVm"]}


def damaged(kind, data, dice):
    out, i = bytearray(), 0
    while i < len(data):
        hit, other = dice.random() < NOISE, dice.random() < 0.5
        byte = data[i]
        if hit and kind == "bytes" and other:
            byte = dice.randrange(256)
        elif hit and kind == "bytes":
            out.append(dice.randrange(256))
        elif hit and other:
            byte ^= 1 << dice.randrange(8)
        elif hit and i + 1 < len(data):
            out.append(data[i + 1])
            i += 1
        out.append(byte)
        i += 1
    return bytes(out)


def truth(command, dice):
    _, n, width, _ = COMMANDS[command]
    most = POWER_FACTOR_MAX if width == 3 else 10 ** width - 1
    return [dice.randint(0, most) for _ in range(n)]


def noise(link, kind, seed, log):
    master, _slave = open_pty(link)
    requests, number, asked = Requests(), 0, random.Random(f"{seed} requests")
    print("ready", flush=True)
    with open(log, "w", encoding="utf-8") as told:
        while data := os.read(master, 256):
            for address, text in requests.feed(damaged(kind, data, asked)):
                command = text.decode("latin1")
                if address not in NOISY or command not in COMMANDS:
                    continue
                number += 1
                dice = random.Random(f"{seed} {number}")
                true = truth(command, dice)
                width = COMMANDS[command][2]
                reply = framed(b"$%02d" % address + "".join(f"{v:0{width}}" for v in true).encode())
                sent = damaged(kind, reply, dice)
                os.write(master, sent)
                frame = first_frame(sent)
                good = frame is not None and frame[0] == address
                got = fields(command, frame[1]) if good else None
                told.write(json.dumps([number, address, command, true, sent != reply,
                                       got and [None if v is None else float(v) for v in got]]) + "\n")
                told.flush()


def heard(stream, log, first):
    first, sent, count = int(first), {}, dict(replies=0, damaged=0, passes=0, published=0, unseen=0)
    named = {v: (c, float(s)) for c, (v, _, _, s) in COMMANDS.items()}
    with open(log, encoding="utf-8") as lines:
        for number, address, command, true, hit, got in map(json.loads, lines):
            count["replies"] += 1
            count["damaged"] += hit
            if got is not None:
                count["passes"] += got != true
                key = address, tuple(None if v is None else round(v) if v == int(v) else v for v in got)
                sent.setdefault(key, []).append((number, command, got == true))
    wrong, last = [], {}
    with open(stream, encoding="utf-8") as lines:
        for m in map(json.loads, (line for line in lines if line.endswith("\n"))):
            part = m["topic"].split("/")
            address = int(part[2]) - first if part[0] == "reading" else 0
            if not 0 < address < 100 or 3 in m.get("q", []):
                continue
            command, scale = named[part[3]]
            count["published"] += 1
            raw = tuple(None if v is None else round(v / scale, 6) for v in m["v"])
            found = [f for f in sent.get((address, raw), []) if f[0] > last.get((address, command), 0)]
            if not found:
                wrong.append(f"{m['topic']} {m['n']}: {m['v']} was not to be believed")
                continue
            last[address, command] = found[0][0]
            count["unseen"] += not found[0][2] or found[0][1] != command
    print("\n".join(wrong[:20]))
    print(json.dumps({**count, "wrong": len(wrong)}))
    return 1 if wrong or not count["published"] else 0


if __name__ == "__main__":
    FUNCTIONS = {f.__name__: f for f in (serve, variables, config, judge, noise, heard)}
    sys.exit(FUNCTIONS[sys.argv[1]](*sys.argv[2:]))
