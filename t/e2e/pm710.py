# SPDX-License-Identifier: Apache-2.0
"""Twelve PM710 played by pymodbus, and what must be read from them.

pm710.py tcp PORT | serial DEVICE     plays them; on the way it writes a line per read request:
                                      function, address, count as pymodbus counts them (0-based)
pm710.py config                       the analyzers: id, a line each
pm710.py judge STREAM                 compares the stream with the facts; 1: they differ

Slaves 1 to 9 have scale registers -4 to 4.  10 has 0x8000 everywhere, 11 negative powers and high
counters, 12 is asked for TPF only, so that its request is known to the byte.
"""
import json
import math
import sys

# Wire addresses, from Schneider's register list: variable, first register, elements, type, fixed
# scale, scale register.
SCALES = {"FEI": 4104, "FEV": 4105, "FEP": 4106, "FEE": 4107}
VARIABLES = {
    "PAT": (4005, 1, "int16", 1000, "FEP"),
    "PAP": (4006, 1, "uint16", 1000, "FEP"),
    "PRT": (4007, 1, "int16", 1000, "FEP"),
    "FPT": (4008, 1, "int16", 0.0001, None),
    "FRE": (4012, 1, "uint16", 0.01, None),
    "IPF": (4019, 4, "uint16", 1, "FEI"),
    "TPF": (4032, 3, "uint16", 1, "FEV"),
    "PAF": (4035, 3, "int16", 1000, "FEP"),
    "THDV": (4048, 3, "uint16", 0.1, None),
    "CEA": (3999, 1, "uint32", 1000, "FEE"),
    "CER": (4003, 1, "uint32", 1000, "FEE"),
}
LIMITS = {"FPT": 10000, "FRE": 6500, "THDV": 10000}
ORDINARY = {
    "PAT": [1234], "PAP": [1300], "PRT": [321], "FPT": [9492], "FRE": [5001],
    "IPF": [101, 102, 103, 4], "TPF": [2301, 2302, 2303], "PAF": [400, 410, 424],
    "THDV": [21, 22, 23], "CEA": [70000], "CER": [65536],
}
NEGATIVE = {
    "PAT": [-1], "PRT": [-321], "FPT": [-9492], "PAF": [-32767, -1, 32767], "CEA": [0x80000001],
    "CER": [0xFFFFFFFE], "FRE": [6500],
}
ABSENT = {name: [-0x8000 if kind == "int16" else 0x8000] * n
          for name, (_, n, kind, _, _) in VARIABLES.items() if kind != "uint32"}


def slaves():
    """Raw values and scale exponent of every slave."""
    table = {address: (ORDINARY, address - 5) for address in range(1, 10)}
    table[10] = ({**ORDINARY, **ABSENT}, 0)
    table[11] = ({**ORDINARY, **NEGATIVE}, 0)
    table[12] = (ORDINARY, -1)
    return table


def asked(address):
    return ["TPF"] if address == 12 else list(VARIABLES)


def registers(raw, exponent):
    words = {address: exponent & 0xFFFF for address in SCALES.values()}
    for name, (first, _, kind, _, _) in VARIABLES.items():
        for i, value in enumerate(raw[name]):
            if kind == "uint32":
                words[first + 2 * i], words[first + 2 * i + 1] = value >> 16, value & 0xFFFF
            else:
                words[first + i] = value & 0xFFFF
    return words


def expected(name, raw, exponent):
    """Values and qualities of a variable."""
    _, _, kind, scale, register = VARIABLES[name]
    limit = LIMITS.get(name, 0xFFFFFFFF if kind == "uint32" else 32767)
    absent = [abs(value) > limit for value in raw[name]]
    factor = scale * (10.0 ** exponent if register else 1)
    return ([None if gone else value * factor for value, gone in zip(raw[name], absent)],
            [1 if gone else 0 for gone in absent])


def play(kind, where):
    from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
    from pymodbus.server import StartSerialServer, StartTcpServer
    from pymodbus.transaction import ModbusRtuFramer, ModbusSocketFramer

    class Told(ModbusSparseDataBlock):
        def getValues(self, address, count=1):
            print("read", address, count, flush=True)
            return super().getValues(address, count)

    def slave(raw, exponent):
        words = dict.fromkeys(range(3990, 4120), 0)
        words.update(registers(raw, exponent))
        return ModbusSlaveContext(hr=Told(words), zero_mode=True)

    context = ModbusServerContext(single=False, slaves={a: slave(*s) for a, s in slaves().items()})
    if kind == "tcp":
        StartTcpServer(context=context, framer=ModbusSocketFramer,
                       address=("127.0.0.1", int(where)))
    else:
        StartSerialServer(context=context, framer=ModbusRtuFramer, port=where, baudrate=19200,
                          timeout=0.005)


def close(got, want):
    return got is want if want is None or got is None else math.isclose(got, want, rel_tol=1e-9)


def judge(path):
    """Every variable of every slave was seen, and every message of it is right."""
    seen, wrong = set(), []
    with open(path, encoding="utf-8") as lines:
        for message in map(json.loads, lines):
            part = message["topic"].split("/")
            if part[0] != "reading":
                continue
            address, name = int(part[2]), part[3]
            values, qualities = expected(name, *slaves()[address])
            seen.add((address, name))
            got = message.get("q", [0] * len(values))
            if not (len(message["v"]) == len(values) and got == qualities
                    and all(map(close, message["v"], values))):
                wrong.append(f"{message['topic']}: {message['v']} {got}, "
                             f"expected {values} {qualities}")
    missing = {(a, name) for a in slaves() for name in asked(a)} - seen
    print("\n".join(wrong[:20]) or "all values right")
    print(f"{len(seen)} variables seen; missing: {sorted(missing)}")
    return 1 if wrong or missing else 0


def main(mode, *args):
    if mode == "judge":
        sys.exit(judge(*args))
    if mode == "config":
        for address in slaves():
            print(address, *asked(address))
    else:
        play(mode, *args)


if __name__ == "__main__":
    main(*sys.argv[1:])
