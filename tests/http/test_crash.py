# SPDX-License-Identifier: MIT
"""Daemons that are killed in the midst of it, again and again, and what of
it is found by the next one; and disks that lose power.

    python3 tests/http/test_crash.py build/server/spillwayd
    SPW_KILLS=5000 SPW_SEED=7 python3 tests/http/test_crash.py \\
        build/server/spillwayd

The second kills 5000 times in each of its cases.
"""
import os
import random
import shutil
import tempfile

from crashing import Ledger, power_back, powerloss
from daemon import need_namespaces
from harness import Case, Daemon, main
from restarting import of_start

KILLS = int(os.environ.get("SPW_KILLS", "0"))
SEED = int(os.environ.get("SPW_SEED", "1"))
CLIENTS = 4
# It takes as long as it takes.
if KILLS:
    os.environ.setdefault("SPW_TEST_DEADLINE", str(1000 + KILLS * 20))


class Crash(Case):
    """Rounds of a daemon's life on one directory."""

    DAEMON = False

    def setUp(self):
        self.dir = tempfile.mkdtemp(
            prefix="spillway-crash-",
            dir=os.environ.get("TMPDIR", "/var/tmp"))
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.daemon = None
        self.addCleanup(lambda: self.daemon and self.daemon.kill())

    def run_daemon(self, how, **kwargs):
        """A daemon on the directory."""
        self.daemon = Daemon(
            f"store.durability={how}", "spool.memory_max=64K",
            "store.max_open_files=16", "store.ttl=0", dir=self.dir, **kwargs)
        return self.daemon

    def rounds(self, how, count, between=lambda daemon, ledger: None,
               **kwargs):
        """Kill and look, so many times: the ledger."""
        rng = random.Random(f"{SEED} {how}")
        ledger = Ledger(SEED)
        for _ in range(KILLS or count):
            daemon = self.run_daemon(how, **kwargs)
            ledger.verify(daemon, self)
            ledger.play(daemon, CLIENTS, rng.uniform(0.01, 0.3))
            between(daemon, ledger)
        daemon = self.run_daemon(how, **kwargs)
        ledger.verify(daemon, self)
        daemon.stop()
        self.assertGreater(ledger.acknowledged, 0)
        return ledger

    def test_kill_restart(self):
        self.rounds("restart", 40)

    def test_kill_fsync(self):
        self.rounds("fsync", 10)

    def power_rounds(self, how, count):
        """The same, with what was not waited for lost each time."""
        shadow = os.path.join(self.dir, "shadow")
        os.mkdir(shadow)
        return self.rounds(
            how, count, lambda daemon, _: power_back(daemon.spool, shadow),
            env=powerloss(shadow))

    def test_order(self):
        # Killed, stopped by the next, and then the machine is started anew:
        # files are all there, open uploads begin again.
        need_namespaces()
        starts = iter(range(1, 1 << 30))
        wrapper = of_start(self.dir, next(starts))

        def stop(_, ledger):
            self.run_daemon("restart", wrapper=wrapper).stop()
            of_start(self.dir, next(starts))
            ledger.uploads = []
        self.rounds("restart", 15, stop, wrapper=wrapper)

    def test_first_note(self):
        # Files may be on a disk long before the first checkpoint.
        shadow = os.path.join(self.dir, "shadow")
        os.mkdir(shadow)
        daemon = self.run_daemon("restart", env=powerloss(shadow))
        daemon.kill()
        power_back(daemon.spool, shadow)
        self.assertGreater(
            os.path.getsize(os.path.join(daemon.spool, "meta")), 0)

    def test_power(self):
        self.power_rounds("fsync", 10)

    def test_power_without_sync(self):
        """That the disk really loses something, and the ledger sees it."""
        with self.assertRaisesRegex(AssertionError, "found None"):
            self.power_rounds("restart", 10)


main()
