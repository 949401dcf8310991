# SPDX-License-Identifier: Apache-2.0
"""terminal.py STEPS COMMAND...: runs COMMAND on a terminal of its own, of 24 lines and 80 columns,
by steps.

STEPS is a text of steps, split by spaces: `see:TEXT` waits until TEXT was written (spaces as `_`),
`key:X`
presses (`tab`, `enter`, `eof`, `up` ... or the character), `type:TEXT` types (spaces as `_`), `int` is
Ctrl+C, `term` sends SIGTERM, `size:ROWSxCOLUMNS` resizes. Then the command must end by itself within
10 s. Prints
"status N", and "restored" when the alternate screen was left and echo is on again.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

ESCAPES = re.compile(rb"\x1b(\[[0-9;?]*[a-zA-Z]|[()][A-Z0-9]|[=>78M]|\][^\x07]*\x07)")
KEYS = {"down": b"\x1bOB", "up": b"\x1bOA", "right": b"\x1bOC", "left": b"\x1bOD",
        "pgdn": b"\x1b[6~", "pgup": b"\x1b[5~", "tab": b"\t", "enter": b"\r", "eof": b"\x04"}


def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Terminal:
    def __init__(self, command):
        self.seen = b""
        self.raw = b""
        self.at = 0  # what is before was waited for already
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            resize(0, 24, 80)
            os.execvp(command[0], command)

    def pump(self, timeout):
        if not select.select([self.fd], [], [], timeout)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.raw += data
        # Moving the cursor to the right is how ncurses writes spaces; here every step is one.
        self.seen = re.sub(rb"\s+", b" ", ESCAPES.sub(b" ", self.raw))
        return bool(data)

    def see(self, text):
        deadline = time.monotonic() + 10
        while (found := self.seen.find(text.encode(), self.at)) < 0:
            if time.monotonic() > deadline or not self.pump(0.1):
                sys.exit(f"never saw '{text}' in: {self.seen[self.at:][-3000:]!r}")
        self.at = found + len(text)

    def end(self):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            open_ = self.pump(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid or not open_:
                status = status if pid else os.waitpid(self.pid, 0)[1]
                while self.pump(0) and select.select([self.fd], [], [], 0)[0]:
                    pass
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, 9)
        sys.exit("did not end")


def main(steps, *command):
    slave_echo = termios.ECHO
    terminal = Terminal(command)
    for step in steps.split():
        word, _, rest = step.partition(":")
        if word == "see":
            terminal.see(rest.replace("_", " "))
        elif word == "key":
            os.write(terminal.fd, KEYS.get(rest, rest.encode()))
        elif word == "type":
            os.write(terminal.fd, rest.replace("_", " ").encode())
        elif word == "int":
            os.write(terminal.fd, b"\x03")
        elif word == "term":
            os.kill(terminal.pid, signal.SIGTERM)
        elif word == "size":
            resize(terminal.fd, *map(int, rest.split("x")))
    status = terminal.end()
    print("status", status)
    if b"\x1b[?1049l" in terminal.raw and termios.tcgetattr(terminal.fd)[3] & slave_echo:
        print("restored")


main(*sys.argv[1:])
