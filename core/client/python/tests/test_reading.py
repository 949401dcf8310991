# SPDX-License-Identifier: Apache-2.0
"""Readings out of foreign maps: a number counts only with a quality that has one."""
import math
import unittest

import tesla
from tesla.reading import parse
from tesla.snapshot import Snapshot

G, U, S, E, T = tesla.Quality
BASE = {"t": 1_700_000_000_123, "dt": 1.5, "n": 9, "k": 8, "u": "V"}


def values(v, q=None):
    body = {**BASE, "v": v} if q is None else {**BASE, "v": v, "q": q}
    got = parse("reading/4/1/V/", 1, "V", 100, body)
    return got.values, got.qualities


class ReadingTest(unittest.TestCase):
    def test_values(self):
        for v, q, want in [
                ([1.5, 2], None, ((1.5, 2.0), (G, G))),
                ([None, 3.0], [1, 2], ((None, 3.0), (U, S))),
                ([4.0], [3], ((None,), (E,))),  # a quality without a number
                ([4.0], [1], ((None,), (U,))),
                ([4.0], [4], ((4.0,), (T,))),
                ([None], [4], ((None,), (T,))),
                ([None], None, ((None,), (E,))),  # a number is missing
                ([math.nan], None, ((None,), (E,))),
                ([math.inf], [2], ((None,), (E,))),
                (["1"], None, ((None,), (E,))),
                ([True], None, ((None,), (E,)))]:
            with self.subTest(v=v, q=q):
                self.assertEqual(values(v, q), want)

    def test_time_is_utc(self):
        got = parse("", 1, "V", 100, {**BASE, "v": [1]})
        self.assertEqual(got.time.isoformat(), "2023-11-14T22:13:20.123000+00:00")

    def test_snapshot_is_a_sequence(self):
        rows = [{**BASE, "analyzer": i, "variable": "V", "labels": ["L1"], "v": [i], "q": [0]}
                for i in (1, 2)]
        snapshot = Snapshot({"e": 100, "readings": rows})
        self.assertEqual([r.analyzer for r in snapshot], [1, 2])
        self.assertEqual((len(snapshot), snapshot[1].values, snapshot[0].labels),
                         (2, (2.0,), ("L1",)))

    def test_frame(self):
        try:
            import pandas
        except ImportError:
            self.skipTest("pandas is not there")
        rows = [{**BASE, "analyzer": 1, "variable": "V", "labels": ["L1", "L2"],
                 "v": [230.5, None], "q": [0, 1]}]
        frame = Snapshot({"e": 100, "readings": rows}).to_frame()
        self.assertEqual(list(frame["label"]), ["L1", "L2"])
        self.assertEqual(frame["value"][0], 230.5)
        self.assertTrue(pandas.isna(frame["value"][1]))
        self.assertEqual(str(frame["time"].dtype), "datetime64[ns, UTC]")
        self.assertEqual(len(tesla.to_frame([])), 0)


if __name__ == "__main__":
    unittest.main()
