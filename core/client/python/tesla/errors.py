# SPDX-License-Identifier: Apache-2.0
"""What can go wrong."""


class TeslaError(Exception):
    """Anything that this package raises."""


class TeslaTimeout(TeslaError, TimeoutError):
    """No daemon answered in time."""


class Refused(TeslaError):
    """The daemon answered with an error; the text is its own."""


class BadMessage(TeslaError):
    """What came has not the form of docs/stream.md or docs/control.md."""
