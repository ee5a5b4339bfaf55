# SPDX-License-Identifier: MIT
"""Kept files that somebody else is at: other clients, at the same time, and
who changes their modes.

Source: API.md section 1; docs/spool-format.md.
"""
import os
import random
import threading

from daemon import run_program
from harness import Daemon, main
from restarting import HOW, Restarting
from samples import content
from wire import Conn

SMALL, OTHER = content(5000, 91), content(6000, 92)


class Replaced(Restarting):
    """Files that are replaced while others read them, most of them not
    open: whoever reads finds the old one or the new one."""

    OPTIONS = ["store.max_open_files=16"]
    NAMES = [f"f{i}" for i in range(30)]

    def write(self, done):
        rng = random.Random(1)
        with Conn(self.daemon.address) as conn:
            while not done.is_set():
                answer = conn.request("PUT", f"/files/{rng.choice(self.NAMES)}",
                                      (), SMALL)
                self.assertEqual(answer.status, 200)

    def read(self, seed, found):
        rng = random.Random(seed)
        with Conn(self.daemon.address) as conn:
            for _ in range(1500):
                answer = conn.request("GET", f"/files/{rng.choice(self.NAMES)}")
                found.append((answer.status, answer.body == SMALL))

    def test_always_there(self):
        for name in self.NAMES:
            self.upload(SMALL, f"/files/{name}")
        done, found = threading.Event(), []
        writers = [threading.Thread(target=self.write, args=(done,))
                   for _ in range(3)]
        readers = [threading.Thread(target=self.read, args=(i, found))
                   for i in range(4)]
        for thread in writers + readers:
            thread.start()
        for thread in readers:
            thread.join()
        done.set()
        for thread in writers:
            thread.join()
        self.assertEqual(set(found), {(200, True)})
        self.assertEqual(len(found), 6000)
        self.assertEqual(self.metric("files_damaged_total"), 0)


class Mode(Restarting):
    """Somebody takes the right to read a file from all."""

    def run_daemon(self, *options, how=HOW):
        # Root, too, is to go by the mode.
        wrapper = ["setpriv", "--bounding-set",
                   "-dac_override,-dac_read_search"]
        self.daemon = Daemon(how, *options, dir=self.dir,
                             wrapper=wrapper if os.geteuid() == 0 else [])
        self.addCleanup(self.daemon.kill)

    def forbid(self):
        """All files, while no daemon is there."""
        for name in ("read", "replaced", "deleted", "left"):
            self.upload(SMALL, f"/files/{name}")
        self.daemon.kill()
        for name in self.kept():
            os.chmod(self.path(name), 0)

    def test_found_by_id(self):
        self.forbid()
        self.run_daemon()
        self.assert_content("read", SMALL)
        self.upload(OTHER, "/files/replaced")
        self.assert_content("replaced", OTHER)
        self.assertEqual(self.http("DELETE", "/files/deleted").status, 204)
        self.restored()
        self.assertEqual(self.kept(), ["left", "read", "replaced"])
        self.assert_content("left", SMALL)
        self.assertEqual(self.metric("files_damaged_total"), 0)
        for name in self.kept():
            self.assertEqual(os.stat(self.path(name)).st_mode & 0o777, 0o600)

    def test_while_it_runs(self):
        self.upload(SMALL, "/files/r?reads=2")
        os.chmod(self.path("r"), 0)
        self.assert_content("r", SMALL)
        # What is left of its reads is noted all the same.
        self.again(kill=False)
        self.assert_content("r", SMALL)
        self.again(kill=False)
        self.assertIsNone(self.info("r"))

    def test_check(self):
        self.forbid()

        def check(*words):
            return run_program("--check-spool", *words, "-c", "/dev/null",
                               "-o", f"spool.dir={self.daemon.spool}")
        code, text, _ = check()
        self.assertEqual(code, 1)
        self.assertIn("file left: its mode forbids its owner", text)
        code, text, _ = check("--repair")
        self.assertEqual(code, 0, text)
        self.assertIn("file left: its mode forbids its owner to read and "
                      "write it; made readable", text)
        self.assertEqual(check()[0], 0)
        self.run_daemon()
        self.assert_content("left", SMALL)


main()
