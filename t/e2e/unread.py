#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command whose standard error is a KIND (pipe, socket, terminal) that is full, and that is
read once FILE is there: what comes goes to standard output.  unread.py KIND FILE COMMAND..."""
import os
import socket
import sys
import time


def ends(kind):
    """Where it is read, and where it is written."""
    if kind == "pipe":
        return os.pipe()
    if kind == "terminal":
        return os.openpty()
    return tuple(s.detach() for s in socket.socketpair())


def fill(fd):
    os.set_blocking(fd, False)
    try:
        while True:
            os.write(fd, b"#" * 63 + b"\n")
    except BlockingIOError:
        os.set_blocking(fd, True)  # those that share it wait, as ever


def copy(fd, file, parent):
    """To the end of it, once the file is there: what was written last comes before the end."""
    while not os.path.exists(file):
        if os.getppid() != parent:
            return
        time.sleep(0.02)
    while data := os.read(fd, 4096):
        os.write(1, data)


def main():
    theirs, ours = ends(sys.argv[1])
    fill(ours)
    parent = os.getpid()
    if os.fork() == 0:
        os.close(ours)
        copy(theirs, sys.argv[2], parent)
        return
    os.close(theirs)
    os.dup2(ours, 2)
    os.close(ours)
    os.execvp(sys.argv[3], sys.argv[3:])


main()
