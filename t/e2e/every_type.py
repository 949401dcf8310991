# SPDX-License-Identifier: Apache-2.0
"""Every type, word order and byte order, by functions 3 and 4, encoded and served by pymodbus.

every_type.py models DIR        two models: EveryType, Refusing
every_type.py play PORT         unit 1 is an EveryType, unit 2 a Refusing
every_type.py names             the variables of EveryType
every_type.py refusing          the analyzers of unit 2: id, variables, a line each
every_type.py judge STREAM      each value of analyzer 1 is right in each sweep from the first one on, and those of
                                unit 2 give what is said of them below; 1: not so
every_type.py plan PLAN         the plan of analyzer 1 has no register in it that is refused, and is the shortest so

Between the variables of EveryType are registers that it does not want; every third such gap is not there in the
meter, which refuses reads across it with exception 2.
"""
import itertools
import json
import sys

TYPES = {"int16": (1, [-1234, 1234]), "uint16": (1, [1, 65535]), "bcd16": (1, [9876, 1]),
         "int32": (2, [-123456789, 123456789]), "uint32": (2, [1, 4294967295]), "bcd32": (2, [98765432, 10]),
         "float32": (2, [-230.25, 1.5]), "int64": (4, [-(2 ** 50) - 7, 2 ** 50 + 7]),
         "uint64": (4, [2 ** 52 + 1, 1]), "bcd64": (4, [8765432109876543, 2]), "float64": (4, [-1e-3, 123456.789])}
GAP = 2


def layout():
    """Variables: name, function, type, word order, byte order, address; and the gaps that are not there."""
    rows, missing, at = [], [], {3: 100, 4: 100}
    for i, (function, order, octets, kind) in enumerate(
            itertools.product((3, 4), ("big", "little"), ("big", "little"), TYPES)):
        rows.append((f"x_{kind}_{order}_{octets}_{function}", function, kind, order, octets, at[function]))
        at[function] += 2 * TYPES[kind][0]
        if i % 3 == 2:
            missing.append((function, at[function], at[function] + GAP))
        at[function] += GAP
    return rows, missing


# Unit 2, which is several analyzers, as a sweep has one error: id, variable, function, address, and the exception that its read brings (0: its value, the address).
REFUSING = [(2, "x_good", 3, 10, 0), (2, "x_absent", 3, 20, 2), (2, "x_behind", 3, 22, 0),
            (4, "x_before", 3, 100, 0), (4, "x_fails", 3, 300, 4), (5, "x_soon", 3, 500, 0), (5, "x_busy", 3, 650, 6),
            (6, "x_here", 3, 30, 0), (6, "x_no_function", 4, 10, 1)]


def models(folder):
    rows, _ = layout()
    with open(f"{folder}/EveryType.xml", "w", encoding="utf-8") as out:
        print('<model name="EveryType" manufacturer="pymodbus">', file=out)
        for name, function, kind, order, octets, address in rows:
            print(f'<variable name="{name}" function="{function}" type="{kind}" order="{order}" bytes="{octets}">',
                  file=out)
            for label in (0, 1):
                print(f'<element label="{label}" address="{address + label * TYPES[kind][0]}"/>', file=out)
            print("</variable>", file=out)
        print("</model>", file=out)
    with open(f"{folder}/Refusing.xml", "w", encoding="utf-8") as out:
        print('<model name="Refusing" manufacturer="pymodbus">', file=out)
        for _, name, function, address, _ in REFUSING:
            print(f'<variable name="{name}" kind="status" function="{function}" type="uint16">'
                  f'<value number="{address}" text="as served"/><element address="{address}"/></variable>', file=out)
        print("</model>", file=out)
    return 0


def encoded(kind, order, octets, value):
    """pymodbus's own registers of a value; it has no decimals, which are read as the digits that they show."""
    from pymodbus.constants import Endian
    from pymodbus.payload import BinaryPayloadBuilder

    ends = {"big": Endian.Big, "little": Endian.Little}
    builder = BinaryPayloadBuilder(byteorder=ends[octets], wordorder=ends[order])
    bits = kind.lstrip("uintbcdfloat")
    if kind.startswith("bcd"):
        kind, value = f"uint{bits}", int(str(value), 16)
    add = {"i": "int", "u": "uint", "f": "float"}[kind[0]]
    getattr(builder, f"add_{bits}bit_{add}")(value)
    return builder.to_registers()


def play(port):
    from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
    from pymodbus.pdu import ModbusExceptions
    from pymodbus.register_read_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest
    from pymodbus.server import StartTcpServer

    rows, missing = layout()
    words = {f: dict.fromkeys(range(100, 100 + 125 * 6), 0) for f in (3, 4)}
    for function, first, behind in missing:
        for address in range(first, behind):
            del words[function][address]
    for _, function, kind, order, octets, address in rows:
        registers = [r for value in TYPES[kind][1] for r in encoded(kind, order, octets, value)]
        words[function].update(zip(itertools.count(address), registers))

    class Fails(ModbusSparseDataBlock):
        def getValues(self, address, count=1):
            if address == 300:
                raise RuntimeError("a part of it is broken")
            return super().getValues(address, count)

    class Holding(ReadHoldingRegistersRequest):
        def execute(self, context):
            if self.unit_id == 2 and self.address == 650:
                return self.doException(ModbusExceptions.SlaveBusy)
            return super().execute(context)

    class Input(ReadInputRegistersRequest):
        def execute(self, context):
            if self.unit_id == 2:
                return self.doException(ModbusExceptions.IllegalFunction)
            return super().execute(context)

    refusing = {a: a for a in range(10, 701) if a != 20}
    slaves = {1: ModbusSlaveContext(hr=ModbusSparseDataBlock(words[3]), ir=ModbusSparseDataBlock(words[4]),
                                    zero_mode=True),
              2: ModbusSlaveContext(hr=Fails(refusing), zero_mode=True)}
    StartTcpServer(context=ModbusServerContext(single=False, slaves=slaves), address=("127.0.0.1", int(port)),
                   custom_functions=[Holding, Input])


def names():
    print(*[row[0] for row in layout()[0]])
    return 0


def refusing():
    for number in sorted({row[0] for row in REFUSING}):
        print(number, *[row[1] for row in REFUSING if row[0] == number])
    return 0


def refusal_of(message, code, address):
    if code == 0:
        return message["v"] == [address] and "q" not in message
    return message["v"] == [None] and message["q"] == [3] and f"exception {code} " in message["x"]


def judge(path):
    types = {row[0]: TYPES[row[2]][1] for row in layout()[0]}
    refused = {row[1]: row for row in REFUSING}
    seen, sweeps, wrong = set(), set(), []
    with open(path, encoding="utf-8") as lines:
        for message in (json.loads(line) for line in lines if line.endswith("\n")):
            _, _, number, name, *_ = message["topic"].split("/")
            if number == "3":  # only there so that somebody listens
                continue
            seen.add((int(number), name, message["n"]))
            sweeps.add((number, message["n"]))
            if number == "1":
                good = message["v"] == types[name] and "q" not in message
            else:
                good = refusal_of(message, refused[name][4], refused[name][3])
            if not good:
                wrong.append(f"sweep {message['n']}: {name} {message['v']} {message.get('q')} {message.get('x')}")
    first = {(1, name, 1) for name in types} | {(row[0], row[1], 1) for row in REFUSING}
    print("\n".join(wrong[:20]))
    print(f"{len(seen)} readings in {len(sweeps)} sweeps; missing in the first: {sorted(first - seen)[:10]}")
    return 1 if wrong or first - seen else 0


def plan(path):
    rows, missing = layout()
    with open(path, encoding="utf-8") as text:
        analyzers = json.load(text)["lines"][0]["analyzers"]
    steps = [step[:3] for a in analyzers if a["id"] == 1 for step in a["transactions"]]
    for function, first, behind in missing:
        for step in steps:
            assert step[0] != function or step[1] >= behind or step[1] + step[2] <= first, (step, first)
    # Between two missing gaps in as few reads of 125 as there can be.
    shortest = 0
    for function in (3, 4):
        last = None  # where the read began
        for row in (row for row in rows if row[1] == function):
            address, end = row[5], row[5] + 2 * TYPES[row[2]][0]
            cut = any(m[0] == function and m[2] == address for m in missing)
            if last is None or cut or end - last > 125:
                last, shortest = address, shortest + 1
    print(f"{len(steps)} transactions, {len(missing)} gaps that are not there")
    assert len(steps) == shortest, (len(steps), shortest)
    return 0


COMMANDS = {f.__name__: f for f in (models, play, names, refusing, judge, plan)}

if __name__ == "__main__":
    sys.exit(COMMANDS[sys.argv[1]](*sys.argv[2:]))
