# SPDX-License-Identifier: Apache-2.0
"""Every model of the catalogue, played by tesla-sim, and what must be read from it.

catalogue.py meters                 "ADDRESS=MODEL,..." for tesla-sim
catalogue.py config FILE SECONDS    the config.xml that tesla-sim printed asks for status variables too, at
                                    that interval
catalogue.py set SOCKET             gives every scale register and element its value (tesla-sim's --control)
catalogue.py registers PORT         asks the simulator at the addresses of tools/models/maps, by a Modbus of its
                                    own: is there what the facts say, in their type and order?
catalogue.py judge STREAM           every element of the stream has its value, to the last bit; 1: not so
catalogue.py plan PLAN STATS        teslactl's plan and what the simulator was asked: as few transactions as
                                    there can be, and of them as few registers

Addresses are those of the sorted models.  Values come from a model's file, the facts and this arithmetic: each
element has a raw value of its own, so that none can stand for another.
"""
import csv
import fractions
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import socket
import struct
import sys
import xml.etree.ElementTree as xml

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
WORDS = {"int16": 1, "uint16": 1, "bcd16": 1, "int32": 2, "uint32": 2, "float32": 2, "bcd32": 2,
         "int64": 4, "uint64": 4, "float64": 4, "bcd64": 4}
LIMIT = 125
SUNSPEC_BASE = 40070  # where tesla-sim has the meter's model: behind marker and common model


class Element:
    def __init__(self, model, variable, node, number):
        def said(key, default=None):
            inherited = model.root.get(key, default) if key in ("function", "order") else default
            return node.get(key, variable.get(key, inherited))

        self.label, self.address = node.get("label", ""), int(node.get("address"))
        self.function, self.type = int(said("function", "3")), said("type")
        self.bits, self.max = said("bits"), float(said("max", "inf"))
        self.scale = fractions.Fraction(said("scale", "1"))
        self.offset = fractions.Fraction(said("offset", "0"))
        self.exponent = model.exponents.get(said("scale-register"), 0)
        self.raw = self.raw_make(number, variable.get("kind", "gauge"))

    def raw_make(self, number, kind):
        """A raw value that fits; negative where it may be, beyond 32 bits where there are 64."""
        if self.bits:
            first, _, last = self.bits.partition("-")
            return 1 + number % (2 ** (int(last or first) - int(first) + 1) - 1)
        sign = -1 if self.type[0] in "if" and kind == "gauge" and number % 2 else 1
        if self.type.startswith("float"):
            return fractions.Fraction(sign * (1000 + number)) + fractions.Fraction(1, 4)
        wide = {1: 0, 2: 70000, 4: 2 ** 33 if not self.type.startswith("bcd") else 10 ** 12}
        return sign * int(min(1000 + number + wide[WORDS[self.type]], self.max))

    def value(self):
        return float(self.raw * fractions.Fraction(10) ** self.exponent * self.scale + self.offset)


class Model:
    def __init__(self, path):
        self.root = xml.parse(path).getroot()
        self.name = self.root.get("name")
        self.base = SUNSPEC_BASE if self.root.get("sunspec") else 0
        # Of either sign, no two of a model the same.
        self.exponents = {scale.get("name"): (1, -1, 2, -2, 3, -3, 0, 4, -4, 5)[i]
                          for i, scale in enumerate(self.root.iter("scale"))}
        number, self.variables = 0, {}
        for variable in self.root.iter("variable"):
            elements = []
            for node in variable.iter("element"):
                number += 1
                elements.append(Element(self, variable, node, number))
            self.variables[variable.get("name")] = elements


def models():
    """By address: all whose variables are in registers."""
    paths = sorted(pathlib.Path(os.environ["TESLA_MODELDIR"]).glob("*.xml"))
    paths = [path for path in paths if not any(v.get("command") for v in xml.parse(path).iter("variable"))]
    return {address: Model(path) for address, path in enumerate(paths, 1)}


def meters():
    print(",".join(f"{address}={model.name}" for address, model in models().items()))
    return 0


def config(path, seconds):
    tree = xml.parse(path)
    by_address = models()
    for analyzer in tree.getroot().iter("analyzer"):
        analyzer.find("params/poll_interval").text = seconds
        variables = analyzer.find("variables")
        asked = {v.text for v in variables}
        for name in by_address[int(analyzer.get("address"))].variables:
            if name not in asked:
                xml.SubElement(variables, "variable").text = name
    tree.write(path)
    return 0


def commands():
    for address, model in models().items():
        for name, exponent in model.exponents.items():
            yield f"scale {address}:{name}={exponent}"
        for name, elements in model.variables.items():
            for e in elements:
                yield f"fix {address}:{name}{'.' if e.label else ''}{e.label}={e.value()!r}"


def set_all(path):
    bad = 0
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(path)
        answers = s.makefile()
        for command in commands():
            s.sendall((command + "\n").encode())
            answer = json.loads(answers.readline())
            if not answer["ok"]:
                print(command, answer)
                bad += 1
    return 1 if bad else 0


# ---- the facts ----

def generator():
    """tools/models/generate, for what it calls a row of the facts."""
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("generate", str(TOP / "tools/models/generate"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("generate", loader))
    loader.exec_module(module)
    return module


FORMATS = {"int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q", "uint64": ">Q",
           "float32": ">f", "float64": ">d"}


def ask(s, unit, base, row):
    count, address = int(row["count"]), base + int(row["address"])
    s.sendall(struct.pack(">HHHBBHH", 1, 0, 6, unit, int(row["function"]), address, count))
    head, want = b"", 9 + 2 * count
    while len(head) < want:
        piece = s.recv(want - len(head))
        if not piece or (len(head) > 7 and head[7] & 0x80):
            return None
        head += piece
    words = [head[9 + 2 * i:11 + 2 * i] for i in range(count)]
    return b"".join(words[::-1] if row["word_order"] == "little" else words)


def registers(port):
    make = generator()
    registry = make.Registry((TOP / "docs/names.md").read_text(encoding="utf-8"))
    facts = {row["name"]: row["map"] for row in make.facts_read()}
    read, wrong, apart = 0, [], []
    with socket.create_connection(("127.0.0.1", int(port)), 10) as s:
        for address, model in models().items():
            if model.name not in facts:
                continue
            with (TOP / f"tools/models/maps/{facts[model.name]}.csv").open(encoding="utf-8") as text:
                rows = list(csv.DictReader(text))
            for row in rows:
                if make.named(row, registry) is None:  # a scale factor, a model's own number
                    continue
                name, label = make.named(row, registry)
                found = [e for e in model.variables.get(name, []) if e.label == label]
                if not found or row["type"] not in FORMATS:
                    apart.append(f"{model.name} {row['variable']}")
                    continue
                data = ask(s, address, model.base, row)
                raw = struct.unpack(FORMATS[row["type"]], data)[0] if data else None
                scale = fractions.Fraction(row["scale"]) * fractions.Fraction(10) ** found[0].exponent
                if row["unit"] == "%" and name in ("FPT", "FPF"):
                    scale /= 100
                value = raw is not None and float(fractions.Fraction(raw) * scale)
                read += 1
                if value != found[0].value():
                    wrong.append(f"{model.name} {row['variable']}: {raw}, which is {value}, not {found[0].value()}")
    print("\n".join(wrong[:20]))
    print(f"{read} rows of the facts read; no element of a reading: {', '.join(apart)}")
    return 1 if wrong else 0


# ---- the stream ----

def judge(path):
    by_address, seen, wrong = models(), set(), []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if not line.endswith("\n"):
                break
            message = json.loads(line)
            _, _, address, name, *_ = message["topic"].split("/")
            wanted = [e.value() for e in by_address[int(address)].variables[name]]
            seen.add((int(address), name))
            if message["v"] != wanted or any(message.get("q", [])):
                wrong.append(f"{by_address[int(address)].name} {name}: {message['v']} {message.get('q')}, "
                             f"expected {wanted}")
    wanted = {(address, name) for address, model in by_address.items() for name in model.variables}
    missing = wanted - seen
    values = sum(len(e) for m in by_address.values() for e in m.variables.values())
    print("\n".join(wrong[:20]))
    print(f"{len(by_address)} models, {len(wanted)} variables, {values} values; missing: {sorted(missing)[:10]}")
    return 1 if wrong or missing else 0


# ---- the plan ----

def optimum(model):
    """Fewest transactions and, of those, fewest registers: over elements, each read whole."""
    spans = sorted({(e.function, e.address, e.address + WORDS[e.type])
                    for elements in model.variables.values() for e in elements})
    scales = model.root.get("scale-read") == "sweep"
    spans += sorted((int(s.get("function", model.root.get("function", "3"))), int(s.get("address")),
                     int(s.get("address")) + 1) for s in model.root.iter("scale") if scales)
    spans.sort()
    limit = int(model.root.get("max-registers", LIMIT))
    best = [(0, 0)]
    for i, (function, _, _) in enumerate(spans):
        least, end = None, 0
        for j in range(i, -1, -1):
            end = max(end, spans[j][2])
            if spans[j][0] != function or end - spans[j][1] > limit:
                break
            count, length = best[j]
            candidate = (count + 1, length + end - spans[j][1])
            least = candidate if least is None else min(least, candidate)
        best.append(least)
    return best[-1]


def plan(path, stats):
    by_address, wrong, total, asked = models(), [], 0, {}
    with open(stats, encoding="utf-8") as text:
        for counts in json.load(text)["lines"][0]["addresses"]:
            asked[counts["address"]] = sorted((r["function"], r["address"], r["count"]) for r in counts["ranges"])
    with open(path, encoding="utf-8") as text:
        planned = {a["id"]: a["transactions"] for line in json.load(text)["lines"] for a in line["analyzers"]}
    for address, model in by_address.items():
        steps = sorted(tuple(step[:3]) for step in planned[address])
        got = (len(steps), sum(step[2] for step in steps))
        total += got[0]
        if got != optimum(model):
            wrong.append(f"{model.name}: (transactions, registers) {got}, the optimum is {optimum(model)}: {steps}")
        steps = [(function, model.base + first, count) for function, first, count in steps]
        if steps != asked.get(address):
            wrong.append(f"{model.name}: planned {steps}, asked {asked.get(address)}")
    print("\n".join(wrong[:20]))
    print(f"{len(by_address)} models in {total} transactions a sweep")
    return 1 if wrong else 0


COMMANDS = {"meters": meters, "config": config, "set": set_all, "registers": registers, "judge": judge, "plan": plan}

if __name__ == "__main__":
    sys.exit(COMMANDS[sys.argv[1]](*sys.argv[2:]))
