#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command under the SystemCallFilter and RestrictAddressFamilies of a unit, as systemd would.
unit_filter.py UNIT COMMAND..."""
import ctypes
import os
import re
import subprocess
import sys

ALLOW, EPERM, EAFNOSUPPORT = 0x7FFF0000, 0x00050000 | 1, 0x00050000 | 97
EQUAL, GREATER = 4, 6  # of enum scmp_compare
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}


class Compare(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int),
                ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def expand(name):
    """The calls of @group, or the call itself."""
    if not name.startswith("@"):
        return {name}
    text = subprocess.run(["systemd-analyze", "syscall-filter", name], check=True,
                          capture_output=True, text=True).stdout
    members = [line.strip() for line in text.splitlines()[1:]]
    return set().union(*(expand(m) for m in members if m and not m.startswith("#")))


def allowed(unit):
    calls = expand("@default")
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit, re.M):
        some = set().union(*(expand(word) for word in line.lstrip("~").split()))
        calls = calls - some if line.startswith("~") else calls | some
    return calls


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        unit = f.read()
    families = {FAMILIES[w] for w in re.search(r"^RestrictAddressFamilies=(.*)$", unit, re.M)[1].split()}
    lib = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    lib.seccomp_init.restype = ctypes.c_void_p
    lib.seccomp_init.argtypes = [ctypes.c_uint32]
    lib.seccomp_load.argtypes = [ctypes.c_void_p]
    lib.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int,
                                           ctypes.c_uint, ctypes.POINTER(Compare)]
    calls = {name: lib.seccomp_syscall_resolve_name(name.encode()) for name in allowed(unit)}
    context = lib.seccomp_init(EPERM)
    for name, number in calls.items():
        if number != -1 and lib.seccomp_rule_add_array(context, ALLOW, number, 0, None) != 0:
            raise OSError(f"{name} cannot be allowed")
    assert lib.seccomp_load(context) == 0, "the filter of calls is refused"
    context = lib.seccomp_init(ALLOW)
    bad = [(EQUAL, f) for f in range(max(families)) if f not in families] + [(GREATER, max(families))]
    for op, family in bad:
        rule = Compare(0, op, family, 0)
        assert lib.seccomp_rule_add_array(context, EAFNOSUPPORT, calls["socket"], 1, rule) == 0
    assert lib.seccomp_load(context) == 0, "the filter of families is refused"
    os.execvp(sys.argv[2], sys.argv[2:])


main()
