# SPDX-License-Identifier: MIT
"""--limit-rate is kept by all that moves, together and from the beginning."""

import signal
import time
import unittest

import harness
import uploads

RATE = 1 << 20
DATA = bytes(range(256)) * (3 * RATE // 256)
# A piece that each of the parts has begun with.
AHEAD = 16 * (16 << 10)


class Rate(harness.Case):
    def setUp(self):
        super().setUp()
        self.stub.add("f", DATA, "n")

    def takes_its_time(self, *args, stdin=b""):
        """That it is slower yet is no failure: no clock fails a test."""
        began = time.monotonic()
        out = self.ok("--limit-rate", str(RATE), *args, stdin=stdin)
        self.assertGreaterEqual(
            time.monotonic() - began, (len(DATA) - AHEAD) / RATE)
        return out

    def test_get(self):
        for parts in ("1", "4", "16"):
            self.takes_its_time("get", "-f", "--parts", parts, "f")
            self.assertEqual(self.read("n"), DATA)

    def test_cat(self):
        self.assertEqual(self.takes_its_time("cat", "f"), DATA)

    def test_put(self):
        self.write("big", DATA)
        self.stub.tus = uploads.EXTENSIONS
        for args in (("--parts", "4", "big"), ("--id", "x", "big"), ("-",)):
            self.takes_its_time("put", *args, stdin=DATA)
        self.assertEqual([f.data for f in self.stub.files.values()
                          if len(f.data) == len(DATA)], [DATA] * 4)

    def test_interrupted_while_it_rests(self):
        for args in (("cat", "f"), ("get", "--parts", "4", "f")):
            self.stub.requests.clear()
            process = self.start("--limit-rate", "1", *args)
            self.until(lambda: any(t == "/files/f" for _, t, _ in
                                   self.stub.requests))
            process.send_signal(signal.SIGINT)
            self.assertEqual(self.finish(process).code, 4)


if __name__ == "__main__":
    unittest.main()
