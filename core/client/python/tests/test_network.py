# SPDX-License-Identifier: Apache-2.0
"""Client and follower over sockets, against a daemon that the test plays."""
import asyncio
import pathlib
import tempfile
import time
import unittest

import zmq

import tesla

from fake import Daemon

LONG = 20  # seconds: a deadline, not a time


def until(follower, wanted):
    """Events up to the first of that kind."""
    events = []
    while not events or not isinstance(events[-1], wanted):
        event = follower.next(LONG)
        assert event is not None, f"no {wanted} after {events}"
        events.append(event)
    return events


def subscribed(follower, daemon, n=1):
    """Goes on until it has asked where the stream is, and has subscribed there."""
    deadline = time.monotonic() + LONG
    while n > 0:
        assert time.monotonic() < deadline, "nobody subscribes"
        if daemon.pub.poll(0):
            n -= daemon.pub.recv()[:1] == b"\1"
        else:
            assert (event := follower.next(0.02)) is None, event


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon()
        self.addCleanup(self.daemon.close)

    def test_requests(self):
        self.daemon.last[1, "P"] = 7
        with tesla.Client(self.daemon.control) as client:
            self.assertEqual(client.request("echo", analyzer=7)["analyzer"], 7)
            self.assertRaisesRegex(tesla.Refused, "unknown", client.request, "no-such")
            self.assertEqual([r.values for r in client.snapshot()], [(7.0,)])
            self.daemon.silent = True
            with self.assertRaises(tesla.TeslaTimeout):
                client.request("status", timeout=0.2)
            self.daemon.silent = False
            self.assertEqual(client.request("echo", a=1)["a"], 1)

    def test_bad_endpoints(self):
        with tesla.Client("junk") as client:
            self.assertRaisesRegex(tesla.TeslaError, "endpoint", client.request, "status")
        self.assertRaisesRegex(tesla.TeslaError, "endpoint", tesla.Follower, "junk")
        self.assertRaisesRegex(tesla.TeslaError, "three keys", tesla.Follower,
                               tesla.Peer("tcp://127.0.0.1:1", server_key="x" * 40))

    def test_async_requests(self):
        self.daemon.last[1, "P"] = 7

        async def run():
            async with tesla.AsyncClient(self.daemon.control) as client:
                answers = await asyncio.gather(*(client.request("echo", i=i) for i in range(5)))
                self.assertEqual([a["i"] for a in answers], list(range(5)))
                self.assertEqual(len(await client.snapshot()), 1)
                self.daemon.silent = True
                with self.assertRaises(tesla.TeslaTimeout):
                    await client.request("status", timeout=0.2)
        asyncio.run(run())


class CurveTest(unittest.TestCase):
    def test_curve(self):
        server_public, server_secret = zmq.curve_keypair()
        public, secret = zmq.curve_keypair()
        daemon = Daemon(keys=server_secret)
        self.addCleanup(daemon.close)
        with tempfile.TemporaryDirectory() as folder:
            own, theirs = pathlib.Path(folder) / "me.key", pathlib.Path(folder) / "them.pub"
            own.write_text(f"public {public.decode()}\nsecret {secret.decode()}\n")
            theirs.write_text(f"public {server_public.decode()}\n")
            control = tesla.Peer.from_files(daemon.control, own, theirs)
            stream = tesla.Peer.from_files(daemon.stream, own, theirs)
        self.assertNotIn(secret.decode(), repr(control))
        with tesla.Client(control) as client:
            self.assertEqual(client.request("echo", a=1)["a"], 1)
        with tesla.Follower(control, stream) as follower:
            daemon.subscribed()
            daemon.reading(1)
            self.assertEqual(until(follower, tesla.Reading)[-1].k, 1)
        # The stream and its key are the daemon's word; what is needed are keys of our own.
        own_keys = tesla.Peer(public_key=public.decode(), secret_key=secret.decode())
        with tesla.Follower(control, own_keys) as follower:
            subscribed(follower, daemon)
            daemon.reading(2)
            self.assertEqual(until(follower, tesla.Reading)[-1].k, 2)
        with tesla.Follower(control) as follower:
            self.assertIn("is encrypted", until(follower, tesla.Down)[-1].reason)
        with tesla.Client(daemon.control) as client, self.assertRaises(tesla.TeslaTimeout):
            client.request("echo", timeout=0.3)


class FollowerTest(unittest.TestCase):
    def start(self, **how):
        daemon = Daemon(**how)
        self.addCleanup(daemon.close)
        return daemon

    def test_asks_where_the_stream_is(self):
        daemon = self.start()
        daemon.last[1, "P"] = 5
        with tesla.Follower(daemon.control, prefixes=["reading/"]) as follower:
            subscribed(follower, daemon, 2)
            daemon.heartbeat(1)
            events = until(follower, tesla.Reading)
            self.assertEqual([type(e) for e in events], [tesla.Up, tesla.Reading])
            self.assertTrue(events[-1].from_snapshot)
            daemon.reading(6)
            self.assertEqual(until(follower, tesla.Reading)[-1].values, (6.0,))
            self.assertIsNone(follower.next(0.05))
            self.assertEqual(daemon.asked, ["status", "snapshot"])

    def test_the_stream_moves(self):
        daemon = self.start()
        with tesla.Follower(daemon.control) as follower:
            subscribed(follower, daemon)
            daemon.reading(1)
            until(follower, tesla.Reading)
            daemon.move()
            until(follower, tesla.Down)
            subscribed(follower, daemon)
            daemon.reading(3)
            self.assertEqual([type(e) for e in until(follower, tesla.Reading)],
                             [tesla.Up, tesla.Gap, tesla.Reading])

    def test_it_is_asked_again_while_it_is_down(self):
        daemon = self.start()
        with tesla.Follower(daemon.control) as follower:
            subscribed(follower, daemon)
            daemon.reading(1)
            until(follower, tesla.Reading)
            old = daemon.stream
            daemon.move()
            new, daemon.stream = daemon.stream, old
            until(follower, tesla.Down)
            asked = daemon.asked.count("status")
            while daemon.asked.count("status") == asked:
                self.assertIsNone(follower.next(0.1))
            daemon.stream = new
            subscribed(follower, daemon)
            daemon.reading(3)
            self.assertEqual([type(e) for e in until(follower, tesla.Reading)],
                             [tesla.Up, tesla.Gap, tesla.Reading])

    def test_a_prefix_is_no_list_of_letters(self):
        self.assertRaises(TypeError, tesla.Follower, "tcp://127.0.0.1:1", prefixes="reading/")

    def test_messages_before_the_answer_wait(self):
        daemon = self.start()
        daemon.silent = True
        daemon.last[1, "P"] = 5
        with tesla.Follower(daemon.control, daemon.stream) as follower:
            daemon.subscribed()
            for k in range(6, 10):
                daemon.reading(k)
            self.assertIsNone(follower.next(0.3))
            daemon.silent, daemon.last[1, "P"] = False, 7
            got = [until(follower, tesla.Reading)[-1] for _ in range(3)]
            self.assertEqual([(r.k, r.from_snapshot) for r in got],
                             [(7, True), (8, False), (9, False)])
            self.assertEqual(daemon.asked, ["snapshot"] * 2)

    def test_nobody_is_there_is_told(self):
        with tesla.Follower("tcp://127.0.0.1:1") as follower:
            self.assertIn("no answer", until(follower, tesla.Down)[-1].reason)
        with tesla.Follower("tcp://127.0.0.1:1", "tcp://127.0.0.1:1") as follower:
            self.assertIn("nothing has come", until(follower, tesla.Down)[-1].reason)

    def test_high_water_mark(self):
        """Of what a full queue drops, every number is accounted for."""
        daemon, n = self.start(hwm=100), 200_000
        with tesla.Follower(daemon.control, daemon.stream, ["reading/"]) as follower:
            daemon.subscribed(2)
            daemon.reading(1)
            until(follower, tesla.Reading)
            for k in range(2, n):
                daemon.reading(k)
            accounted, missed, k = 1, 0, n - 1
            while accounted < k:
                event = follower.next(0.01)
                if event is None:  # what came last may have been dropped
                    k += 1
                    daemon.reading(k)
                elif isinstance(event, tesla.Gap):
                    missed += event.missed
                    accounted += event.missed
                elif isinstance(event, tesla.Reading):
                    accounted += 1
                    self.assertEqual(event.k, accounted)
            self.assertGreater(missed, 0, "nothing was dropped: this tested nothing")

    def test_async(self):
        daemon = self.start()
        daemon.last[1, "P"] = 5

        async def run():
            got = []
            async with tesla.AsyncFollower(daemon.control, daemon.stream) as follower:
                await asyncio.to_thread(daemon.subscribed)
                daemon.reading(6)
                async for event in follower:
                    if isinstance(event, tesla.Reading):
                        got.append(event.k)
                        if event.k == 9:
                            return got
                        daemon.reading(event.k + 1)
        self.assertEqual(asyncio.run(asyncio.wait_for(run(), LONG)), [6, 7, 8, 9])

    def test_bad_messages_are_left_out(self):
        daemon = self.start()
        with tesla.Follower(daemon.control, daemon.stream) as follower:
            daemon.subscribed()
            daemon.reading(1)
            until(follower, tesla.Reading)
            with self.assertLogs("tesla", "WARNING"):
                daemon.pub.send_multipart([b"reading/4/1/P/", b"\xc1"])
                daemon.pub.send_multipart([b"reading/4/1/P/"])
                daemon.reading(3)
                gap, reading = until(follower, tesla.Reading)
            self.assertEqual((gap.missed, reading.k, follower.left_out), (1, 3, 2))


if __name__ == "__main__":
    unittest.main()
