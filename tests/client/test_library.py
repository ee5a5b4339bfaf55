# SPDX-License-Identifier: MIT
"""Gives test_library.c a stub to speak to."""

import os
import subprocess
import tempfile
import unittest

import stub

PROGRAM = os.environ["TEST_LIBRARY"]


class Library(unittest.TestCase):
    def run_against(self, server):
        self.addCleanup(server.close)
        done = subprocess.run([PROGRAM, server.url], timeout=60,
                              stderr=subprocess.STDOUT, stdout=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, done.stdout.decode())

    def test_tcp(self):
        self.run_against(stub.Stub())

    def test_unix(self):
        with tempfile.TemporaryDirectory() as folder:
            self.run_against(stub.Stub(os.path.join(folder, "s")))


if __name__ == "__main__":
    unittest.main()
