# SPDX-License-Identifier: MIT
"""Gives the programs that test the library a stub to speak to."""

import os
import subprocess
import tempfile
import unittest

import stub
import uploads

PROGRAMS = os.environ["TEST_LIBRARY"].split(":")


class Library(unittest.TestCase):
    def run_against(self, server):
        self.addCleanup(server.close)
        server.tus = uploads.EXTENSIONS
        server.tus_fields = [("Tus-Max-Size", "1000000")]
        server.numbers = ('# TYPE plain_total counter\nplain_total 40\n'
                          'a{b="c"} 2.5\na{b="d"} 7\n')
        server.add("stalls", b"0123456789").pause_after = 3
        for program in PROGRAMS:
            done = subprocess.run(
                [program, server.url], timeout=120,
                stderr=subprocess.STDOUT, stdout=subprocess.PIPE)
            self.assertEqual(done.returncode, 0, done.stdout.decode())

    def test_tcp(self):
        self.run_against(stub.Stub())

    def test_unix(self):
        with tempfile.TemporaryDirectory() as folder:
            self.run_against(stub.Stub(os.path.join(folder, "s")))


if __name__ == "__main__":
    unittest.main()
