# SPDX-License-Identifier: Apache-2.0
"""witness.py FILE: sleeps to every full second until SIGTERM, and writes by how many ms at most it
was late."""
import signal
import sys
import time


def main(path):
    worst = 0.0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        while True:
            deadline = time.time() // 1 + 1
            while time.time() < deadline:
                time.sleep(deadline - time.time())
            worst = max(worst, (time.time() - deadline) * 1000)
    finally:
        with open(path, "w", encoding="ascii") as f:
            f.write(f"{worst:.0f}\n")


main(sys.argv[1])
