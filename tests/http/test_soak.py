# SPDX-License-Identifier: MIT
"""Everything at once, for a long time, while faults come and go: no wrong byte,
and neither memory nor descriptors grow.

    python3 tests/http/test_soak.py build/server/spillwayd
    SPW_SOAK_MINUTES=30 SPW_SEED=7 python3 tests/http/test_soak.py ...

The second is what `./dev soak` does.
"""
import collections
import os
import time

from daemon import SANITIZED
from fetching import ALLOW
import faults
from harness import Case, main, until
from origin import Origin
from soaking import Client, Crowd, Weather

MINUTES = float(os.environ.get("SPW_SOAK_MINUTES", "0.25"))
SEED = os.environ.get("SPW_SEED", "1")
CLIENTS = 8
MIB = 1 << 20
# What may stay with the allocator, and what is cached.
SLACK = 16 * MIB


class Soak(Case):
    """One daemon, and a crowd."""

    DAEMON = False
    OPTIONS = [*ALLOW, "store.durability=restart", "spool.memory_max=64K",
               "spool.memory_budget=16M", "store.max_open_files=64",
               "store.ttl=0", "upload.expire=1m"]

    def setUp(self):
        faults.prepare(self)
        faults.run_daemon(self)
        self.origin = Origin()
        self.addCleanup(self.origin.close)
        self.weather = Weather(self.faults, SEED)
        self.crowd = Crowd([
            Client(i, self.daemon.address, self.weather, self.origin, SEED)
            for i in range(CLIENTS)])

    def play(self, seconds):
        """A while of it; then what is left when all was deleted."""
        self.crowd.play(seconds, self.weather, 1.5, 0.7)
        if self.crowd.wrong():
            raise self.crowd.wrong()
        for client in self.crowd.clients:
            client.clean()
        until(lambda: self.metric("requests_active") == 1, "the last request")
        until(lambda: self.metric("fetches_active") == 0, "the last fetch")
        return {"memory": self.daemon.anonymous_memory(),
                "descriptors": self.held()}

    def held(self):
        """Descriptors that no file has: those are gone, or will expire."""
        files = len(self.daemon.open_files())
        return len(os.listdir(f"/proc/{self.daemon.pid}/fd")) - files

    def test_soak(self):
        begun, total = time.monotonic(), MINUTES * 60
        first = self.play(total / 4)
        last = self.play(total - (time.monotonic() - begun))
        self.table(first, last, time.monotonic() - begun)
        self.assertLessEqual(last["descriptors"], first["descriptors"] + 4)
        if not SANITIZED:
            self.assertLess(last["memory"], first["memory"] + SLACK)
        # And nothing of a client's own is left on the disk.
        left = {name for name in os.listdir(
            os.path.join(self.daemon.spool, "files"))
            if name.startswith("s") and "-" in name}
        self.assertFalse(left & {
            name for client in self.crowd.clients for name in client.files})
        self.daemon.stop()

    def table(self, first, last, seconds):
        """What happened, for whoever reads it."""
        sums = collections.Counter()
        for client in self.crowd.clients:
            sums.update(client.counts)
        sent = sum(client.bytes for client in self.crowd.clients)
        rows = [("seconds", f"{seconds:.0f}"),
                ("clients", CLIENTS),
                ("requests", sum(n for kind, n in sums.items()
                                 if kind == "none" or kind.isdecimal())),
                ("without an answer", sums["none"]),
                ("longest request", "%.1f s, %s" % max(
                    client.longest for client in self.crowd.clients))]
        rows += [(f"answered {kind}", sums[kind])
                 for kind in sorted(sums) if kind.isdecimal()]
        rows += [(kind, sums[kind]) for kind in
                 ("put", "read", "delete", "post", "form", "resume", "unzip",
                  "fetch")]
        rows += [("MiB compared", f"{sent / MIB:.0f}"), ("wrong bytes", 0),
                 ("faults", sum(self.weather.counts.values()))]
        rows += [(f"  {name}", count)
                 for name, count in sorted(self.weather.counts.items())]
        rows += [(f"{what}, after a quarter and at the end",
                  f"{first[what] / by:.0f} and {last[what] / by:.0f}")
                 for what, by in (("memory", MIB), ("descriptors", 1))]
        for name, value in rows:
            print(f"# {name:48} {value}", flush=True)


main()
