# SPDX-License-Identifier: Apache-2.0
"""damaged.py PAST COUNT SEED: starts teslad on COUNT damaged copies of a journal.

Beside config.xml.  Ends with 1 when one of them kept teslad from starting, was not set aside though
records are missing, or had a record delivered that was never written, or twice.
"""
import collections
import concurrent.futures
import ctypes
import glob
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import msgpack
import zmq

PAGE = 4096
RECORDS_FROM, RECORDS_UNTIL = "2026-11-01T00:00:00Z", "2026-11-02T12:00:00Z"


def damage(path, kind, chance):
    """Returns what was done to the file."""
    size = os.path.getsize(path)
    with open(path, "r+b") as f:
        if kind == "cut":
            n = chance.randrange(size)
            f.truncate(n)
            return f"cut to {n} of {size}"
        if kind == "flip":
            places = [chance.randrange(size) for _ in range(chance.choice((1, 3, 20, 200)))]
            for at in places:
                f.seek(at)
                byte = f.read(1)[0] ^ 1 << chance.randrange(8)
                f.seek(at)
                f.write(bytes([byte]))
            return f"{len(places)} bits flipped"
        first = chance.randrange(size // PAGE) * PAGE
        n = min(chance.choice((1, 1, 2, 8)) * PAGE, size - first)
        f.seek(first)
        f.write(bytes(n))
        return f"{n} bytes zeroed at {first}"


def ask(endpoint, **request):
    with zmq.Context.instance().socket(zmq.REQ) as s:
        s.setsockopt(zmq.LINGER, 0)
        s.setsockopt(zmq.RCVTIMEO, 1000)
        s.connect(endpoint)
        s.send(msgpack.packb(request))
        try:
            return msgpack.unpackb(s.recv())
        except zmq.Again:
            return {}


def die_with_parent():
    """In the child: whoever ends damaged.py early leaves no daemon behind."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def drained(journal):
    return journal.get("state") == "open" and journal["waiting"] == 0 and all(
        e["backlog"] == 0 for e in journal["exporters"] if e["state"] != "removed")


def delivered(folder):
    rows = []
    for name in glob.glob(folder + "/jsonl/*/*.jsonl"):
        with open(name, encoding="utf-8") as f:
            rows += [(name.split("/")[-2], line) for line in f]
    return rows


def run(folder):
    """teslad on that folder until all is delivered.  Returns its journal's status."""
    os.makedirs(folder + "/jsonl", exist_ok=True)
    os.makedirs(folder + "/run", exist_ok=True)
    endpoint = f"ipc://{folder}/run/control"
    with open(folder + "/lector.ini", "w", encoding="utf-8") as f:
        f.write(f"[General]\nauto_start=no\nrun_dir={folder}/run\nstate_dir={folder}/state\n"
                f"[Stream]\nendpoint=\n[Control]\nendpoint={endpoint}\n")
    shutil.copy("config.xml", folder)
    with open(folder + "/teslad.log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(["teslad", "-c", "config.xml", "-i", "lector.ini"], cwd=folder,
                                   stderr=log, stdout=log, preexec_fn=die_with_parent)
    deadline = time.monotonic() + 60
    journal = {}
    while not drained(journal) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
        journal = ask(endpoint, cmd="journal", op="list")
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    code = process.wait(20)
    return journal, code


def judge(original, journal, code, folder):
    """What is wrong, or None; and how many records came."""
    rows = delivered(folder)
    if not drained(journal):
        return f"not drained: {journal}", 0
    if code != 0:
        return f"teslad ended with {code}", 0
    wrong = [r for r in rows if r not in original]
    twice = [r for r, n in collections.Counter(rows).items() if n > 1]
    if wrong:
        return f"{len(wrong)} wrong records, such as {wrong[0]}", 0
    if twice:
        return f"{len(twice)} delivered twice", 0
    if len(rows) < len(original) and not journal["set_aside"] and \
            not journal["dropped"].get("damaged"):
        return f"{len(original) - len(rows)} records are missing and nothing was said", 0
    if journal["set_aside"]:
        with open(folder + "/teslad.log", encoding="utf-8") as f:
            text = f.read()
        if any(os.path.basename(name) not in text for name in journal["set_aside"]):
            return "set aside without a word", 0
    # Where the exporters' names are lost, records wait under unknown-N until somebody hands them on.
    return None, len(rows) + sum(e["backlog"] for e in journal["exporters"]
                                 if e["state"] == "removed")


def one(i, seed, original):
    chance = random.Random(seed * 100003 + i)
    folder = os.path.abspath(f"damaged-{i}")
    shutil.copytree("good/state", folder + "/state")
    what = damage(folder + "/state/journal/data.mdb", ("cut", "flip", "zero")[i % 3], chance)
    fault, n = judge(original, *run(folder), folder)
    if fault:
        with open(folder + "/teslad.log", encoding="utf-8") as f:
            fault += "\n" + f.read()[-1500:]
    else:
        shutil.rmtree(folder)
    return what, fault, n


def main(past, count, seed):
    good = os.path.abspath("good")
    os.makedirs(good + "/state")
    subprocess.run([past, "config.xml", os.environ["TESLA_MODELDIR"], good + "/state/journal",
                    RECORDS_FROM, RECORDS_UNTIL, "60"], check=True, stdout=subprocess.DEVNULL)
    shutil.copytree(good, "whole")
    journal, code = run(os.path.abspath("whole"))
    original = set(delivered("whole"))
    if code != 0 or journal["set_aside"] or len(original) < 400:
        sys.exit(f"the undamaged one: {len(original)} records, {journal}")
    carried, faults = [], 0
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for i, (what, fault, n) in enumerate(pool.map(lambda i: one(i, seed, original),
                                                      range(count))):
            carried.append(n)
            if fault:
                faults += 1
                print(f"damaged {i}: {what}: {fault}")
    whole = sum(n == len(original) for n in carried)
    print(f"{count} damaged journals of {len(original)} records: {faults} faults; {whole} lost "
          f"nothing, {sum(n == 0 for n in carried)} everything; "
          f"{sum(carried) / count / len(original):.0%} of the records were carried over")
    # Of a cut file a part is gone; of flipped bits and zeroed pages, little.
    sys.exit(1 if faults or sum(carried) < 0.75 * count * len(original) else 0)


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
