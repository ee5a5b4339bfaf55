#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/tutorials/browser.md, with a reader who has Chromium."""
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "clients"))

from programs import NodeCase, PATIENCE, daemon, main  # noqa: E402
from documents import TREE, run  # noqa: E402


class Browser(NodeCase):
    """The document is the test."""

    DAEMON = False      # the document has one

    def choose(self, session, words):
        """Open a page and choose a file."""
        page, name = words
        done = subprocess.run(
            ["node", str(HERE / "upload.mjs"), shutil.which("chromium"),
             f"http://127.0.0.1:{session.ports['8081']}/{page}",
             f"{session.dir}/{name}"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=PATIENCE, check=False, **self.node)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_tutorial(self):
        count = 0
        for name, wrong in run(
                daemon.program, TREE / "docs" / "tutorials" / "browser.md",
                self.choose, {"node_modules": self.modules}):
            self.assertIsNone(wrong, name)
            count += 1
        self.assertGreater(count, 3)


main()
