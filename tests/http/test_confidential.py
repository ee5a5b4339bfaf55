# SPDX-License-Identifier: MIT
"""spool.confidential, and what a dump of the memory would hold."""
import os
import re

from daemon import run_program
from harness import Case, Daemon, main, table, until
from samples import content

MARK = b"who reads this has read what was none of his business; "


class Confidential(Case):
    """Content that is encrypted on disk."""

    DAEMON = False

    def run_daemon(self, *options):
        """A daemon whose larger files go to disk."""
        self.daemon = Daemon("spool.memory_max=64K", *options)
        self.addCleanup(self.daemon.clean)
        self.addCleanup(self.daemon.kill)
        return self.daemon

    def on_disk(self):
        """All bytes of the files that the daemon has in its directory."""
        found = b""
        folder = f"/proc/{self.daemon.pid}/fd"
        for fd in os.listdir(folder):
            if os.readlink(f"{folder}/{fd}").startswith(self.daemon.spool + "/"):
                with open(f"{folder}/{fd}", "rb") as file:
                    found += file.read()
        return found

    @table(("plain", "no", True), ("confidential", "yes", False))
    def test_disk(self, how, readable):
        one = self.run_daemon(f"spool.confidential={how}")
        data = MARK * 10000
        self.upload(data, "/files/a")
        until(lambda: len(self.on_disk()) >= len(data), "it to be written")
        self.assertEqual(MARK in self.on_disk(), readable)
        self.assert_content("a", data)
        answer = self.http("GET", "/files/a", {"Range": "bytes=300000-300054"})
        self.assert_same(answer.body, data[300000:300055])
        one.stop()

    def test_evicted(self):
        # Small files that share one on the disk.
        one = self.run_daemon("spool.confidential=yes",
                              "spool.memory_budget=256K")
        for at in range(40):
            self.upload(MARK * 300 + content(2000, at), f"/files/{at}")
        until(lambda: self.info("0")["storage"]["tier"] == "disk",
              "the first file to go to disk")
        self.assertNotIn(MARK, self.on_disk())
        for at in range(40):
            self.assert_content(str(at), MARK * 300 + content(2000, at))
        one.stop()

    @table(("restart", "restart"), ("fsync", "fsync"))
    def test_not_with_files_that_survive(self, how):
        code, _, err = run_program(
            "-c", "/dev/null", "-o", "spool.confidential=yes",
            "-o", f"store.durability={how}", "--check-config")
        self.assertEqual(code, 2)
        self.assertIn("spool.confidential", err)


class Dumps(Case):
    """Content in memory."""

    OPTIONS = ["spool.memory_max=8M"]

    def holders(self):
        """(how often MARK is in it, its flags) of mappings of the daemon."""
        found, span, flags = [], None, []
        with open(f"/proc/{self.daemon.pid}/smaps", encoding="utf-8") as maps, \
                open(f"/proc/{self.daemon.pid}/mem", "rb", 0) as memory:
            for line in maps:
                if match := re.match(r"(\w+)-(\w+) (rw)", line):
                    span = [int(word, 16) for word in match.groups()[:2]]
                elif re.match(r"\w+-\w+ ", line):
                    span = None
                # A sanitizer's own are huge.
                elif (line.startswith("VmFlags:") and span
                      and span[1] - span[0] < 1 << 28):
                    flags = line.split()[1:]
                    memory.seek(span[0])
                    data = memory.read(span[1] - span[0])
                    found.append((data.count(MARK), flags))
        return found

    @table(("one block", 100000), ("a large one", 6000000))
    def test_left_out(self, size):
        count = size // len(MARK)
        self.upload(MARK * count, "/files/m")
        most, flags = max(self.holders())
        self.assertGreaterEqual(most, count)
        self.assertIn("dd", flags)
        self.http("DELETE", "/files/m")


if __name__ == "__main__":
    main()
