#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command whose standard error is a KIND (pipe, socket, terminal) that is full, and that is
read only while FILE is there: what comes goes to standard output.  unread.py KIND FILE COMMAND..."""
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
    os.set_blocking(fd, False)
    while os.getppid() == parent:
        try:
            while os.path.exists(file):
                os.write(1, os.read(fd, 4096))
        except BlockingIOError:
            pass
        time.sleep(0.02)


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
