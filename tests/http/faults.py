# SPDX-License-Identifier: MIT
"""Faults in a whole daemon, switched on and off while it runs: faults.c,
preloaded, reads them from a page that is shared with the test."""
import mmap
import os
import shutil
import struct
import tempfile

import daemon

OPEN, WRITE, READ, SYNC, SPACE, NAME, META, ACCEPT, SEND, SENDFILE, THREAD = (
    1 << bit for bit in range(11))
DISK = OPEN | WRITE | READ | SYNC | SPACE | NAME | META | SENDFILE

# Instead of an errno.
HOLD, PARTLY = 10000, 10001

FIELDS = ("calls", "error", "skip", "count", "seen", "hits", "waiting",
          "passes", "cold", "later_s")
CLOCK = 40
NAME_AT, NAME_SIZE = 48, 64
SIZE = 4096


class Faults:
    """The page."""

    def __init__(self, folder):
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            file.truncate(SIZE)
            self.page = mmap.mmap(file.fileno(), SIZE)
            self.env = daemon.preloaded("faults", SPW_FAULTS=file.name,
                                        SPW_FAULTS_DIR=folder)

    def _set(self, name, value):
        struct.pack_into("=I", self.page, 4 * FIELDS.index(name), value)

    def __getitem__(self, name):
        return struct.unpack_from("=I", self.page, 4 * FIELDS.index(name))[0]

    def fail(self, calls, error, skip=0, count=0, name=""):
        """From now on these calls fail: `count` of them (0: all), after
        `skip` that do not; with `name` only those that are told that."""
        self.stop()
        struct.pack_into(f"={NAME_SIZE}s", self.page, NAME_AT, name.encode())
        for name, value in (("error", error), ("skip", skip),
                            ("count", count), ("calls", calls)):
            self._set(name, value)

    def stop(self):
        """No call fails any more. Returns: how many did."""
        self._set("calls", 0)
        hits = self["hits"]
        for name in ("seen", "hits", "passes"):
            self._set(name, 0)
        return hits

    def let_pass(self, count=1):
        """Let some go on that are held."""
        self._set("passes", self["passes"] + count)

    def cold(self, on=True):
        """The kernel has no content at hand."""
        self._set("cold", on)

    def clock(self, seconds):
        """How far the time of day is off."""
        struct.pack_into("=q", self.page, CLOCK, seconds * 1000)


    def pass_time(self, seconds):
        """So much time has passed."""
        self._set("later_s", self["later_s"] + seconds)


def prepare(case):
    """Give a case a directory on a disk, and faults for its daemon there."""
    case.dir = tempfile.mkdtemp(
        prefix="spillway-fault-", dir=os.environ.get("TMPDIR", "/var/tmp"))
    case.addCleanup(shutil.rmtree, case.dir, True)
    case.faults = Faults(case.dir)


def run_daemon(case):
    """Give it its daemon; after prepare()."""
    case.daemon = daemon.Daemon(
        *case.OPTIONS, dir=case.dir, env=case.faults.env)
    case.addCleanup(case.daemon.kill)
