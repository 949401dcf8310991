# SPDX-License-Identifier: Apache-2.0
"""reloads.py ENDPOINT PLACES ROUNDS SEED: random reloads, and after each few of them all goes on.

PLACES: a file of lines "tcp HOST PORT" or "serial PATH".  Lines take other places, analyzers other
lines, drivers and variables; config.xml is in the working folder.  1 and what is stuck when
somebody is.
"""
import os
import random
import sys
import time

import msgpack
import zmq

GOES_ON_S = 60  # a deadline, not a time
SILENT = 8  # the meter that never answers


def ask(endpoint, **request):
    socket = zmq.Context.instance().socket(zmq.REQ)
    socket.linger, socket.rcvtimeo = 0, 60000
    socket.connect(endpoint)
    socket.send(msgpack.packb(request))
    answer = msgpack.unpackb(socket.recv())
    socket.close()
    return answer


def device(ident, place):
    where = (f"<host>{place[1]}</host><port>{place[2]}</port>" if place[0] == "tcp" else
             f"<port>{place[1]}</port><baud>19200</baud>")
    return f'<device id="{ident}" type="{place[0]}">{where}<timeout>0.5</timeout></device>\n'


def analyzer(rng, ident, line):
    names = rng.sample(["TPF", "PAT", "FRE"], rng.randrange(1, 4))
    return (f'<analyzer id="{ident}" device="{line}" address="{ident}" data_driver="pmData" '
            f'driver="{rng.choice(["modBusComm", "modBusCom2"])}"><params><model>PM710</model>'
            '<record_interval>2s</record_interval><poll_interval>0.5</poll_interval></params>'
            f'<variables>{"".join(f"<variable>{n}</variable>" for n in names)}</variables>'
            '</analyzer>\n')


def write(rng, places):
    n = rng.randrange(1, len(places) + 1)
    lines = rng.sample(range(1, 7), n)
    meters = rng.sample(range(1, 9), rng.randrange(1, 9))
    with open("config.xml.new", "w", encoding="utf-8") as out:
        out.write('<configuration><node id="4" name="t" location="h"/><devices>\n')
        out.writelines(device(i, p) for i, p in zip(lines, rng.sample(places, n)))
        out.write("</devices><analyzers>\n")
        out.writelines(analyzer(rng, i, rng.choice(lines)) for i in meters)
        out.write("</analyzers></configuration>\n")
    os.rename("config.xml.new", "config.xml")


def stuck(endpoint):
    """Who is not online, or did not sweep twice since now."""
    def sweeps():
        return {a["id"]: a for a in ask(endpoint, cmd="status")["analyzers"]}
    before, until = sweeps(), time.monotonic() + GOES_ON_S
    while True:
        now = sweeps()
        left = [a for i, a in now.items() if i != SILENT
                and (a["state"] != "online" or a["sweeps"] < before[i]["sweeps"] + 2)]
        if not left or time.monotonic() > until:
            return left
        time.sleep(0.05)


def main(endpoint, places, rounds, seed):
    rng, n = random.Random(int(seed)), 0
    with open(places, encoding="utf-8") as lines:
        places = [line.split() for line in lines]
    for _ in range(int(rounds)):
        for _ in range(rng.randrange(1, 6)):
            write(rng, places)
            answer = ask(endpoint, cmd="reload", plugins=rng.random() < 0.1)
            n += 1
            if not answer["ok"]:
                print("refused:", answer["error"])
                return 1
            if rng.random() < 0.3:
                ask(endpoint, cmd=rng.choice(["pause", "resume"]))
        ask(endpoint, cmd="resume")
        left = stuck(endpoint)
        if left:
            print(f"after {n} reloads:", [(a["id"], a["state"], a["reason"]) for a in left])
            return 1
    print(n, "reloads")
    return 0


sys.exit(main(*sys.argv[1:]))
