# SPDX-License-Identifier: MIT
"""Downloads in several parts, that go on, and that are verified."""

import json
import os
import signal
import unittest

import harness
from test_get import DATA


class Parallel(harness.Case):
    def setUp(self):
        super().setUp()
        self.f = self.stub.add("f", DATA, "n")

    def ranges(self):
        return sorted(h["Range"] for m, t, h in self.stub.requests
                      if "Range" in h)

    def test_parts(self):
        for count in (2, 3, 16):
            self.stub.requests.clear()
            self.ok("get", "-f", "--parts", str(count), "f")
            self.assertEqual(self.read("n"), DATA)
            self.assertEqual(len(self.ranges()), count)
            self.assertEqual(self.names(), ["n"])
        self.assertIn("bytes=0-65535", self.ranges())

    def test_small(self):
        self.stub.add("f", b"ab", "n")
        self.ok("get", "--parts", "4", "f")
        self.assertEqual(self.read("n"), b"ab")
        self.assertEqual(self.ranges(), [])

    def test_not_without_a_version(self):
        for etag in (None, 'W/"x"'):
            self.f.etag = etag
            self.ok("get", "-f", "--parts", "4", "f")
            self.assertEqual(self.read("n"), DATA)
            self.assertEqual(self.ranges(), [])

    def test_not_while_it_comes_in(self):
        self.f.state = "receiving"
        self.ok("get", "--parts", "4", "f")
        self.assertEqual(self.ranges(), [])

    def test_parts_break(self):
        self.retries = "3"
        self.f.cut_after, self.f.cuts = 1000, 7
        self.ok("get", "--parts", "4", "f")
        self.assertEqual(self.read("n"), DATA)
        self.assertEqual(len(self.ranges()), 4 + 7)

    def test_never_moves(self):
        self.retries = "1"
        self.f.cut_after = 0
        result = self.run_spill("get", "--parts", "4", "f")
        self.assertEqual(result.code, 1, result)
        self.assertEqual(self.names(), [])

    def test_another_version_meanwhile(self):
        # The parts of the old one are worth nothing.
        self.f.pause_after = 1000
        self.retries = "3"
        process = self.start("get", "--parts", "4", "f")
        self.until(lambda: len(self.ranges()) == 4)
        new = DATA[::-1]
        self.stub.add("f", new, "n")
        self.f.cut_after, self.f.cuts = 0, 4
        self.f.resume.set()
        result = self.finish(process)
        self.assertEqual(result.code, 0, result)
        self.assertEqual(self.read("n"), new)

    def cut_off(self, how):
        """Run it until a part of each part is there."""
        self.f.pause_after = 50000
        process = self.start("get", "--parts", "4", "f")
        self.until(lambda: os.path.exists(self.path("n.part")) and
                   os.path.getsize(self.path("n.part")) ==
                   3 * len(DATA) // 4 + 50000 and
                   len(self.ranges()) == 4)
        process.send_signal(how)
        result = self.finish(process)
        self.f.pause_after = None
        self.f.resume.set()
        self.stub.requests.clear()
        return result

    def test_interrupted(self):
        result = self.cut_off(signal.SIGINT)
        self.assertEqual(result.code, 4, result)
        self.assertIn("the same command goes on", result.err)
        self.ok("get", "f")
        self.assertEqual(self.read("n"), DATA)
        self.assertEqual(self.names(), ["n"])
        # How far each part was is told when it ends in good order.
        asked = sum(int(b) - int(a) + 1 for a, b in (
            r.removeprefix("bytes=").split("-") for r in self.ranges()))
        self.assertLessEqual(asked, len(DATA) - 50000)

    def test_killed(self):
        self.cut_off(signal.SIGKILL)
        self.ok("get", "f")
        self.assertEqual(self.read("n"), DATA)
        self.assertEqual(len(self.ranges()), 4)

    def test_killed_and_changed(self):
        self.cut_off(signal.SIGKILL)
        self.stub.add("f", DATA[::-1], "n")
        self.ok("get", "f")
        self.assertEqual(self.read("n"), DATA[::-1])

    def test_no_resume(self):
        self.cut_off(signal.SIGKILL)
        self.ok("get", "--no-resume", "f")
        self.assertEqual(self.read("n"), DATA)
        self.assertEqual(self.ranges(), [])

    def test_several(self):
        self.stub.add("g", b"g", "m")
        os.mkdir(self.path("d"))
        self.assertEqual(self.ok("get", "f", "g"), b"n\nm\n")
        self.assertEqual(self.ok("get", "-o", "d", "f", "g"), b"d/n\nd/m\n")
        self.assertEqual(self.read("d/m"), b"g")
        # The others are got all the same.
        self.fails(3, "get", "-f", "none", "g")
        self.assertEqual(self.ok("get", "-f", "-o", "d", "g"), b"d/m\n")

    def test_in_turn_breaks(self):
        self.retries = "2"
        self.f.cut_after, self.f.cuts = 100000, 5
        self.ok("get", "f")
        self.assertEqual(self.read("n"), DATA)
        self.assertEqual(self.ranges()[0], "bytes=100000-")

    def test_stream_breaks(self):
        self.retries = "2"
        for args, want in ((("cat", "f"), DATA),
                           (("get", "-o", "-", "f"), DATA),
                           (("get", "-o", "-", "--range", "5-900000", "f"),
                            DATA[5:900001])):
            self.f.cut_after, self.f.cuts = 100000, 3
            self.assertEqual(self.ok(*args), want)

    def test_stream_of_another_version(self):
        self.retries = "2"
        self.f.cut_after, self.f.cuts = 100000, 1
        self.f.pause_after = 1

        process = self.start("cat", "f")
        self.until(lambda: self.stub.requests)
        self.stub.add("f", DATA[::-1], "n")
        self.f.resume.set()
        result = self.finish(process)
        self.assertNotEqual(result.code, 0, result)
        self.assertEqual(result.out, DATA[:100001])


class Verified(harness.Case):
    def setUp(self):
        super().setUp()
        self.f = self.stub.add("f", DATA, "n")

    def test_wrong(self):
        self.f.sha256 = bytes(32)
        for args in ((), ("--parts", "4")):
            err = self.fails(1, "get", *args, "f")
            self.assertIn("SHA-256", err)
            self.assertEqual(self.names(), [])
        self.ok("get", "--no-verify", "f")

    def result(self, *args):
        return json.loads(self.ok("--json", "get", "-f", *args, "f"))

    def test_told(self):
        self.assertIs(self.result()["verified"], True)
        self.assertIs(self.result("--no-verify")["verified"], False)
        self.f.no_digest = True
        self.assertIs(self.result()["verified"], False)
        self.assertEqual(self.read("n"), DATA)

    def test_a_part_is_not(self):
        self.assertIs(self.result("--range", "1-2")["verified"], False)


if __name__ == "__main__":
    unittest.main()
