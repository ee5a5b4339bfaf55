# SPDX-License-Identifier: MIT
"""Ranges of zip entries, from places inside that are remembered.

Source: API.md section 5; RFC 9110 section 14; RFC 1951.
"""
import random
import zlib

from harness import Case, Worker, main, table
from samples import content, raw_zip, text
from zips import deflate

SIZE = 6000000
# Parts that compress and parts that do not: blocks of all kinds.
DATA = b"".join((text(500000, i) + content(250000, i) + bytes(250000))
                for i in range(SIZE // 1000000))
ENTRIES = [{"name": b"deflated", "data": DATA, "method": 8,
            "packed": deflate(DATA)},
           {"name": b"quick", "data": DATA, "method": 8,
            "packed": deflate(DATA, 1)},
           {"name": b"flat", "data": DATA, "method": 8,
            "packed": deflate(DATA, 0)},
           {"name": b"stored", "data": DATA}]
NAMES = [e["name"].decode() for e in ENTRIES]


class Ranges:
    """The cases."""

    def setUp(self):
        self.upload(raw_zip(ENTRIES), "/files/z")

    def part(self, name, first, last):
        """One range, which must be right."""
        answer = self.http("GET", f"/files/z/zip/{name}",
                           {"Range": f"bytes={first}-{last}"})
        self.assertEqual(answer.status, 206, answer)
        self.assertEqual(answer.get("Content-Range"),
                         f"bytes {first}-{last}/{SIZE}")
        self.assert_same(answer.body, DATA[first:last + 1])
        return answer

    @table(*[(name, name) for name in NAMES])
    def test_anywhere(self, name):
        rand = random.Random(5)
        # From the end to the beginning, so that places are there for all
        # but the first, and then anywhere.
        tags = {self.part(name, SIZE - 1, SIZE - 1).get("ETag")}
        for first in range(SIZE - 100000, -1, -700000):
            tags.add(self.part(name, first, first + 99999).get("ETag"))
        for _ in range(30):
            first = rand.randrange(SIZE)
            last = min(SIZE - 1, first + rand.choice((0, 1, 1000, 300000)))
            tags.add(self.part(name, first, last).get("ETag"))
        answer = self.http("GET", f"/files/z/zip/{name}")
        self.assert_same(answer.body, DATA)
        tags.add(answer.get("ETag"))
        self.assertEqual(len(tags), 1)

    @table(("suffix", "bytes=-100", SIZE - 100, SIZE - 1),
           ("open", f"bytes={SIZE - 5}-", SIZE - 5, SIZE - 1),
           ("past the end", f"bytes={SIZE - 5}-{SIZE * 2}", SIZE - 5,
            SIZE - 1))
    def test_forms(self, field, first, last):
        for name in NAMES:
            answer = self.http("GET", f"/files/z/zip/{name}",
                               {"Range": field})
            self.assertEqual(answer.get("Content-Range"),
                             f"bytes {first}-{last}/{SIZE}")
            self.assert_same(answer.body, DATA[first:last + 1])

    def test_unsatisfiable(self):
        for name in NAMES:
            answer = self.http("GET", f"/files/z/zip/{name}",
                               {"Range": f"bytes={SIZE}-"})
            self.assertEqual((answer.status, answer.get("Content-Range")),
                             (416, f"bytes */{SIZE}"))

    def test_range_wins_over_gzip(self):
        answer = self.http("GET", "/files/z/zip/deflated",
                           {"Range": "bytes=5-9", "Accept-Encoding": "gzip"})
        self.assertIsNone(answer.get("Content-Encoding"))
        self.assertEqual((answer.status, answer.body), (206, DATA[5:10]))

    def test_conditions(self):
        tag = self.http("HEAD", "/files/z/zip/deflated").get("ETag")
        for field, status in (("If-None-Match", 304), ("If-Match", 206)):
            answer = self.http("GET", "/files/z/zip/deflated",
                               {"Range": "bytes=0-9", field: tag})
            self.assertEqual(answer.status, status)
        for sent, status in ((tag, 206), ('"other"', 200)):
            answer = self.http("GET", "/files/z/zip/deflated",
                               {"Range": "bytes=0-9", "If-Range": sent})
            self.assertEqual(answer.status, status)

    def test_at_once(self):
        rand = random.Random(9)
        firsts = [rand.randrange(SIZE - 50000) for _ in range(24)]
        jobs = [Worker(self.part, NAMES[i % 2], first, first + 49999)
                for i, first in enumerate(firsts)]
        for job in jobs:
            job.result()

    def test_damage_behind(self):
        # What lies before the damage is read; what lies in it never is.
        packed = bytearray(ENTRIES[0]["packed"])
        for index in range(len(packed) // 2, len(packed) // 2 + 50):
            packed[index] ^= 0x55
        self.upload(raw_zip([{**ENTRIES[0], "packed": bytes(packed)}]),
                    "/files/z")
        self.part("deflated", 1000, 1999)
        whole = zlib.decompressobj(-15)
        good = b""
        try:
            for index in range(0, len(packed), 1000):
                good += whole.decompress(bytes(packed[index:index + 1000]))
        except zlib.error:
            pass
        self.assertLess(len(good), SIZE)
        conn = self.conn()
        conn.send_request("GET", "/files/z/zip/deflated",
                          {"Range": f"bytes={SIZE - 10}-"})
        answer = conn.read()
        self.assert_problem(answer, 422, "corrupt-zip")


class Kept(Ranges):
    """And with memory for places."""

    @table(("deflated", "deflated", True), ("stored", "stored", False))
    def test_places_are_kept(self, name, kept):
        before = self.metric("zip_points_total")
        self.part(name, SIZE - 10, SIZE - 1)
        after = self.metric("zip_points_total")
        if not kept:
            self.assertEqual(after, before)
            return
        self.assertGreaterEqual(after - before, 3)
        self.part(name, SIZE - 10, SIZE - 1)
        self.part(name, 100, 200)
        self.assertEqual(self.metric("zip_points_total"), after)


class Memory(Kept, Case):
    """Archives in memory."""

    OPTIONS = ["spool.memory_max=64M"]


class Disk(Kept, Case):
    """Archives on disk."""

    OPTIONS = ["spool.memory_max=0"]


class NoCache(Ranges, Case):
    """Nothing is kept: everything is only slower."""

    OPTIONS = ["zip.cache_size=0"]


if __name__ == "__main__":
    main()
