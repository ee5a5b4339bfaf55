# SPDX-License-Identifier: MIT
"""spill and a real daemon, either of which is killed in the middle: uploads
and downloads go on, and what is there in the end is right.

Source: API.md section 8; spill(1).
"""
import json
import os
import re
import signal
import subprocess

from programs import PATIENCE, SPILL, SpillCase, main, table, until
from harness import Daemon
from origin import Origin, Page
from samples import content, sample_zip, text

SIZE = 8 << 20
# So slow that there is a middle, on any machine.
RATE = "3M"


class Spill(SpillCase):
    """With a file to transfer."""

    DAEMON = False      # of this class itself: it has no cases

    def setUp(self):
        super().setUp()
        self.data = content(SIZE, 1)
        self.write("big", self.data)

    def begin(self, *args):
        """Begin to run it."""
        process = subprocess.Popen(
            [SPILL, *args], cwd=self.dir, env=self.env,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def ended(self, process, code=0):
        """Wait for its end: its output."""
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, code, err)
        return out.decode()

    def received(self):
        """Bytes of uploads that the daemon has taken since it started."""
        return self.metric("received_bytes_total")

    def in_the_middle(self, before):
        """Wait until a part of an upload has come."""
        until(lambda: self.received() - before > 1 << 20, "some bytes")
        self.assertLess(self.received() - before, SIZE)

    def assert_put(self, out):
        """What it printed is the URL of all of it."""
        self.assertRegex(out, f"^{re.escape(self.daemon.url)}/files/\\S+\n$")
        made = self.assert_stored(out.strip(), self.data)
        self.assertEqual(made["name"], "big")
        self.assertEqual(self.spill("uploads"), "")
        return made

    def assert_got(self):
        """There is the file, and nothing else of it."""
        self.assert_same(self.read("back"), self.data)
        self.assertEqual([name for name in os.listdir(self.dir)
                          if name.startswith("back")], ["back"])


class Transfers(Spill):
    """Nothing breaks."""

    DAEMON = True

    @table(("one", "1"), ("two", "2"), ("many", "16"))
    def test_parts(self, count):
        before = self.file_count()
        made = self.assert_put(self.spill("put", "--parts", count, "big"))
        self.assertEqual(made["source"]["kind"], "tus")
        self.assertEqual(self.file_count(), before + 1)
        told = json.loads(self.spill("--json", "get", "--parts", count, "-o",
                                     "back", made["id"]))
        self.assertEqual((told["verified"], told["size"]), (True, SIZE))
        self.assert_got()

    def test_without_parts(self):
        made = self.assert_put(self.spill("put", "big"))
        self.assertEqual(made["source"]["kind"], "tus")
        self.spill("get", "-o", "back", made["id"])
        self.assert_got()

    def test_options(self):
        out = self.spill("--json", "put", "--parts", "2", "--name", "ä b",
                         "--type", "text/plain", "--ttl", "1h", "big")
        made = json.loads(out)
        self.assertEqual((made["name"], made["type"], made["state"]),
                         ("ä b", "text/plain", "ready"))

    def test_several(self):
        self.write("small", b"small")
        urls = self.spill("put", "big", "small", "/dev/null").splitlines()
        self.assertEqual(len(urls), 3)
        self.assert_stored(urls[0], self.data)
        self.assert_stored(urls[1], b"small")
        self.assert_stored(urls[2], b"")
        os.mkdir(self.path("d"))
        self.spill("get", "-o", "d", *urls)
        self.assert_same(self.read("d/big"), self.data)
        self.assertEqual(self.read("d/small"), b"small")

    def test_reads(self):
        url = self.spill("put", "--reads", "1", "big").strip()
        self.spill("get", "-o", "back", "--no-verify", url)
        self.assert_got()
        self.spill("get", "-o", "again", url, code=3)

    def test_small_digest(self):
        self.write("small", b"abc")
        url = self.spill("put", "small").strip()
        told = json.loads(self.spill("--json", "get", "-o", "back", url))
        self.assertIs(told["verified"], True)

    def test_replaced_while_it_is_got(self):
        made = self.upload(self.data, "/files/mine")
        process = self.begin("--limit-rate", RATE, "get", "--parts", "3",
                             "-o", "back", made["id"])
        until(lambda: os.path.exists(self.path("back.part")))
        self.data = content(SIZE, 2)
        self.upload(self.data, "/files/mine")
        self.ended(process)
        # The old or the new, never a mix: readers of the old one finish.
        if self.read("back") != self.data:
            self.data = content(SIZE, 1)
        self.assert_got()

    def test_zip(self):
        self.write("a.zip", sample_zip())
        url = self.spill("put", "a.zip").strip()
        there = self.spill("--json", "ls", url).splitlines()
        here = self.spill("--json", "ls", "./a.zip").splitlines()
        for mine, theirs in zip(here, there, strict=True):
            mine, theirs = json.loads(mine), json.loads(theirs)
            self.assertEqual({key: theirs.get(key) for key in mine
                              if key != "modified"},
                             {key: mine[key] for key in mine
                              if key != "modified"})
        for name in (url, "./a.zip"):
            self.spill("get", "-f", "-e", "deep/er/big.txt", name)
            self.assert_same(self.read("big.txt"), text(400000, 3))

    def test_top(self):
        self.upload(self.data, "/files/huge")
        made = json.loads(self.spill("--json", "top", "--once"))
        self.assertEqual(made["files"][0]["received"], SIZE)
        self.assertGreater(made["memory_budget_bytes"], 0)
        # Every number is one that this daemon tells, but for the rates.
        self.assertEqual([key for key, value in made.items()
                          if value is None and not key.endswith("_per_s")],
                         [])

    def test_too_large(self):
        other = Daemon("store.max_file_size=1M")
        self.addCleanup(other.stop)
        self.assertIn("files of up to 1.0 MiB", self.errors(
            1, "--server", other.url, "put", "big"))


class Broken(Spill):
    """Somebody is killed."""

    DAEMON = True
    OPTIONS = ["store.durability=restart",
               "fetch.allow_networks=127.0.0.1/32", "fetch.ports=1-65535"]

    @table(("one", "1"), ("parts", "3"))
    def test_put_is_killed(self, parts):
        before = self.received()
        process = self.begin("--limit-rate", RATE, "put", "--parts", parts,
                             "big")
        self.in_the_middle(before)
        process.send_signal(signal.SIGKILL)
        self.ended(process, -signal.SIGKILL)
        self.assertIn("waiting", self.spill("uploads"))
        until(lambda: self.metric("uploads_active") == 0)
        had = self.received()
        self.assert_put(self.spill("put", "--parts", parts, "big"))
        self.assertLess(self.received() - had, SIZE)

    @table(("one", "1"), ("parts", "3"))
    def test_daemon_is_killed_under_put(self, parts):
        process = self.begin("--limit-rate", RATE, "put", "--parts", parts,
                             "big")
        self.in_the_middle(self.received())
        self.restart()
        self.assert_put(self.ended(process))

    def test_both_are_killed(self):
        before = self.received()
        process = self.begin("--limit-rate", RATE, "put", "--parts", "2",
                             "big")
        self.in_the_middle(before)
        process.send_signal(signal.SIGKILL)
        self.ended(process, -signal.SIGKILL)
        self.restart()
        self.assert_put(self.spill("put", "--resume"))

    def in_the_middle_of_get(self):
        """Wait until a part of a download has come."""
        before = self.metric("sent_bytes_total")
        until(lambda: os.path.exists(self.path("back.part")) and
              self.metric("sent_bytes_total") - before > 1 << 20)
        self.assertTrue(os.path.exists(self.path("back.part")))

    @table(("one", "1"), ("parts", "3"))
    def test_get_is_killed(self, parts):
        name = self.upload(self.data)["id"]
        process = self.begin("--limit-rate", RATE, "get", "--parts", parts,
                             "-o", "back", name)
        self.in_the_middle_of_get()
        process.send_signal(signal.SIGKILL)
        self.ended(process, -signal.SIGKILL)
        self.assertFalse(os.path.exists(self.path("back")))
        told = json.loads(self.spill("--json", "get", "-o", "back", name))
        self.assertIs(told["verified"], True)
        self.assert_got()

    @table(("one", "1"), ("parts", "3"))
    def test_daemon_is_killed_under_get(self, parts):
        name = self.upload(self.data)["id"]
        process = self.begin("--limit-rate", RATE, "get", "--parts", parts,
                             "-o", "back", name)
        self.in_the_middle_of_get()
        self.restart()
        self.ended(process)
        self.assert_got()

    @table(("of a file", False), ("of a URL", True))
    def test_daemon_is_killed_under_cat(self, elsewhere):
        name = (self.somewhere(self.data) if elsewhere
                else self.upload(self.data)["id"])
        with open(self.path("back"), "wb") as out:
            process = subprocess.Popen(
                [SPILL, "--limit-rate", RATE, "cat", name], env=self.env,
                stdin=subprocess.DEVNULL, stdout=out)
            self.addCleanup(process.kill)
            until(lambda: os.path.getsize(self.path("back")) > 1 << 20)
            self.restart()
            self.assertEqual(process.wait(PATIENCE), 0)
        self.assert_got()

    def somewhere(self, data):
        """Its URL on another server."""
        origin = Origin()
        self.addCleanup(origin.close)
        return origin.add("/a", Page(data, etag='"1"'))

    def test_daemon_forgets(self):
        # Without the directory nothing of it is left.
        before = self.received()
        process = self.begin("--limit-rate", RATE, "put", "big")
        self.in_the_middle(before)
        process.send_signal(signal.SIGKILL)
        self.ended(process, -signal.SIGKILL)
        until(lambda: self.metric("uploads_active") == 0)
        for line in self.spill("--json", "uploads").splitlines():
            state = os.path.join(self.path("state"), "spillway", "uploads",
                                 json.loads(line)["upload"])
            with open(state, encoding="utf-8") as file:
                for part in json.load(file)["parts"]:
                    self.http("DELETE", f"/files/{part['id']}")
        self.assert_put(self.spill("put", "big"))


class UnixSocket(Spill):
    """A server without a port."""

    DAEMON = True

    def test_all(self):
        path = self.path("socket")
        other = Daemon(f"server.listen=127.0.0.1:0,unix:{path}")
        self.addCleanup(other.stop)
        self.env["SPILLWAY_URL"] = f"unix:{path}"
        out = self.spill("put", "--parts", "3", "big").strip()
        self.assertRegex(out, r"^/files/\S+$")
        self.spill("get", "--parts", "3", "-o", "back", out)
        self.assert_got()


if __name__ == "__main__":
    main()
