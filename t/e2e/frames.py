# SPDX-License-Identifier: Apache-2.0
"""The frames between teslad and its hosts, as docs/wire.md has them."""
import struct

import msgpack


def frame(value):
    packed = msgpack.packb(value)
    return struct.pack("<I", len(packed)) + packed


def split(data):
    """The values that are whole, and the bytes of the next."""
    values = []
    while len(data) >= 4:
        end = 4 + struct.unpack("<I", data[:4])[0]
        if len(data) < end:
            break
        values.append(msgpack.unpackb(data[4:end]))
        data = data[end:]
    return values, data
