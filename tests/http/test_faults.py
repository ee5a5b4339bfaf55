# SPDX-License-Identifier: MIT
"""Faults of the machine under a whole daemon: what the client is told, what
the log and the metrics say, that the daemon lives, and that it works again
when the fault has gone.

docs/reliability.md lists them. Source: API.md sections 2, 3 and 7.
"""
import errno
import os
import resource
import time

import faults
from harness import (SANITIZED, Case, Closed, Daemon, Truncated, main, table,
                     until)
from samples import content
from wire import encode_chunk

SMALL, LARGE = content(5000, 81), content(400000, 82)
KINDS = {"disk": "the disk did not work", "disk-full": "the disk was full",
         "descriptors": "too many files were open",
         "memory": "there was no memory"}


class Faulty(Case):
    """A daemon with faults to switch on."""

    DAEMON = False
    OPTIONS = ["spool.memory_max=64K"]

    def setUp(self):
        faults.prepare(self)
        self.run_daemon()

    def run_daemon(self):
        """The one of this case; it has to end well."""
        faults.run_daemon(self)

    def doCleanups(self):
        self.faults.stop()
        if self.daemon and self.daemon.is_alive():
            self.daemon.stop()
        super().doCleanups()

    def errors(self, kind):
        """How many errors of a kind were counted."""
        return self.metric(f'errors_total{{kind="{kind}"}}')

    def assert_told(self, kind):
        """The log says it, too."""
        until(lambda: any(KINDS[kind] in line for line in self.daemon.lines),
              "a line in the log")

    def assert_works(self, name="after"):
        """Everything does."""
        self.upload(LARGE, f"/files/{name}")
        self.assert_content(name, LARGE)
        self.assertEqual(self.http("DELETE", f"/files/{name}").status, 204)
        until(lambda: not self.daemon.open_files(), "the disk to be empty")

    def put(self, name, data, chunked=False):
        """Upload, whatever comes of it: the answer."""
        if not chunked:
            return self.http("PUT", f"/files/{name}", (), data)
        return self.http(
            "PUT", f"/files/{name}", {"Transfer-Encoding": "chunked"},
            encode_chunk(data) + encode_chunk(b""))


DISK_FAULTS = (
    ("write ENOSPC", faults.WRITE, errno.ENOSPC, 507, "disk-full"),
    ("write EDQUOT", faults.WRITE, errno.EDQUOT, 507, None),
    ("write EIO", faults.WRITE, errno.EIO, 507, "disk"),
    ("write EROFS", faults.WRITE, errno.EROFS, 507, "disk"),
    ("write EINTR", faults.WRITE, errno.EINTR, 507, "disk"),
    ("open ENOSPC", faults.OPEN, errno.ENOSPC, 507, "disk-full"),
    ("open EROFS", faults.OPEN, errno.EROFS, 507, "disk"),
    ("open EMFILE", faults.OPEN, errno.EMFILE, 503, "descriptors"),
    ("open ENFILE", faults.OPEN, errno.ENFILE, 503, "descriptors"),
    ("open ENOMEM", faults.OPEN, errno.ENOMEM, 503, "memory"),
    ("reserve ENOSPC", faults.SPACE, errno.ENOSPC, 507, "disk-full"))


class Disk(Faulty):
    """The disk of files that need not survive."""

    @table(*DISK_FAULTS)
    def test_upload(self, calls, error, status, kind):
        self.upload(SMALL, "/files/small")
        before = self.errors(kind) if kind else 0
        # By chunks nothing is reserved.
        for chunked in (False, True)[:1 if calls & faults.SPACE else 2]:
            self.faults.fail(calls, error)
            self.assert_problem(self.put("large", LARGE, chunked), status)
            # What needs no disk is served.
            self.assert_content("small", SMALL)
            self.upload(SMALL, "/files/other")
            self.assertGreater(self.faults.stop(), 0)
            self.assertIsNone(self.info("large"))
        if kind:
            self.assertGreater(self.errors(kind), before)
            self.assert_told(kind)
        self.assert_works()

    @table(("write ENOSPC", faults.WRITE, errno.ENOSPC),
           ("write EIO", faults.WRITE, errno.EIO),
           ("open EMFILE", faults.OPEN, errno.EMFILE),
           ("reserve ENOSPC", faults.SPACE, errno.ENOSPC))
    def test_once(self, calls, error):
        skip, hit = 0, True
        while hit:
            self.faults.fail(calls, error, skip, 1)
            answer = self.put("once", LARGE)
            hit = self.faults.stop()
            if answer.status == 201:
                # A second try of ours has succeeded.
                self.assert_content("once", LARGE)
                self.http("DELETE", "/files/once")
            else:
                self.assert_problem(answer, (503, 507))
                self.assertIsNone(self.info("once"))
            skip += 1
        self.assertGreater(skip, 1)
        self.assert_works()

    def test_partly(self):
        self.faults.fail(faults.WRITE | faults.READ | faults.SENDFILE,
                         faults.PARTLY)
        self.upload(LARGE, "/files/p")
        self.faults.cold()
        self.assert_content("p", LARGE)
        self.assertGreater(self.faults.stop(), 0)

    @table(("EIO", errno.EIO), ("ENOMEM", errno.ENOMEM))
    def test_read(self, error):
        self.upload(LARGE, "/files/r")
        self.faults.cold()
        before = self.errors("disk")
        for headers in ({}, {"Range": "bytes=70000-300000"}):
            self.faults.fail(faults.READ | faults.SENDFILE, error, 2)
            with self.assertRaises((Truncated, Closed)) as caught:
                self.http("GET", "/files/r", headers)
            self.assertGreater(self.faults.stop(), 0)
            # What came before is right.
            if isinstance(caught.exception, Truncated):
                part = caught.exception.body
                at = 70000 if headers else 0
                self.assert_same(part, LARGE[at:at + len(part)])
        self.assertGreater(self.errors("disk"), before)
        self.assert_told("disk")
        self.assert_content("r", LARGE)

    def test_every_other_write(self):
        # Faults that come and go while four upload.
        good = bad = 0
        for turn in range(40):
            if turn % 4 == 1:
                self.faults.fail(faults.WRITE, errno.ENOSPC, turn % 7)
            elif turn % 4 == 3:
                self.faults.stop()
            answer = self.put(f"f{turn}", LARGE)
            if answer.status == 201:
                good += 1
                self.assert_content(f"f{turn}", LARGE)
            else:
                bad += 1
                self.assert_problem(answer, 507)
        self.assertGreater(good, 10)
        self.assertGreater(bad, 5)


class Network(Faulty):
    """Sockets."""

    @table(("EMFILE", errno.EMFILE), ("ENFILE", errno.ENFILE),
           ("ENOMEM", errno.ENOMEM), ("ECONNABORTED", errno.ECONNABORTED))
    def test_accept(self, error):
        inside = self.conn()
        self.assertEqual(inside.request("GET", "/healthz").status, 200)
        self.faults.fail(faults.ACCEPT, error)
        waiting = self.conn()
        waiting.send_request("GET", "/healthz")
        until(lambda: self.faults["hits"] > 2, "accept() to be tried")
        # Who is in is served, and no CPU is burnt.
        spent = cpu_of(self.daemon.pid)
        for _ in range(20):
            self.assertEqual(inside.request("GET", "/healthz").status, 200)
            time.sleep(0.01)
        self.assertLess(self.faults["hits"], 2000)
        self.assertLess(cpu_of(self.daemon.pid) - spent, 1)
        self.faults.stop()
        self.assertEqual(waiting.read().status, 200)
        self.assert_works()

    @table(("ECONNRESET", errno.ECONNRESET), ("EPIPE", errno.EPIPE),
           ("ENOBUFS", errno.ENOBUFS))
    def test_send(self, error):
        self.upload(SMALL, "/files/s")
        self.faults.fail(faults.SEND, error)
        with self.assertRaises((Closed, Truncated)):
            self.http("GET", "/files/s")
        self.assertGreater(self.faults.stop(), 0)
        self.assert_content("s", SMALL)

    def test_waking(self):
        # The thread of fetches is woken through a socket, too, by a libcurl
        # that has no eventfd for it.
        self.faults.fail(faults.SEND, errno.ENOBUFS)
        with self.assertRaises((Closed, Truncated)):
            self.http("POST", "/fetch", {"Content-Type": "application/json"},
                      b'{"url": "http://spillway.invalid/"}')
        self.assertGreater(self.faults.stop(), 0)
        until(lambda: self.metric("fetches_queued") == 0, "it to begin", 30)


def cpu_of(pid):
    """Seconds of CPU that a process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Limits(Faulty):
    """What the system lets a process have."""

    def test_descriptors(self):
        self.upload(LARGE, "/files/old")
        held = len(os.listdir(f"/proc/{self.daemon.pid}/fd"))
        old = resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE)
        inside = self.conn()
        inside.request("GET", "/healthz")
        resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE,
                         (held + 4, old[1]))
        crowd = [self.conn() for _ in range(20)]
        name = 'connections_rejected_total{reason="descriptors"}'

        def metric():
            text = inside.request("GET", "/metrics").body.decode()
            return float(text.partition(f"spillway_{name} ")[2].split()[0])
        until(metric, "a connection to be turned away")
        until(lambda: any("refused: 503: a connection from 127.0.0.1: out of "
                          "descriptors" in line
                          for line in self.daemon.lines), "a line")

        def refused():
            # Whoever leaves meanwhile leaves a place.
            crowd.extend(self.conn() for _ in range(3))
            answer = inside.request("PUT", "/files/new", (), LARGE)
            return answer.status // 100 != 2 and answer
        self.assert_problem(until(refused, "a refusal"), 503)
        for conn in crowd:
            conn.close()
        resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE, old)
        self.assert_content("old", LARGE)
        for name in ("old", "new"):
            self.http("DELETE", f"/files/{name}")
        self.assert_works()

    def test_address_space(self):
        if SANITIZED:
            self.skipTest("without memory the sanitizer ends the process")
        self.upload(SMALL, "/files/old")
        with open(f"/proc/{self.daemon.pid}/statm", encoding="ascii") as file:
            size = int(file.read().split()[0]) * resource.getpagesize()
        old = resource.prlimit(self.daemon.pid, resource.RLIMIT_AS)
        resource.prlimit(self.daemon.pid, resource.RLIMIT_AS,
                         (size + (1 << 20), old[1]))
        refused = 0
        for turn in range(200):
            # Each stays in memory, so there is none in the end.
            try:
                answer = self.put(f"m{turn}", content(60000, 1))
            except (Closed, ConnectionResetError):
                refused += 1    # not even memory for an answer
                continue
            if answer.status != 201:
                self.assert_problem(answer, (503, 507))
                refused += 1
        self.assertGreater(refused, 0)
        resource.prlimit(self.daemon.pid, resource.RLIMIT_AS, old)
        self.assert_content("old", SMALL)
        for turn in range(200):
            answer = self.http("GET", f"/files/m{turn}")
            if answer.status == 200:
                self.assert_same(answer.body, content(60000, 1))
            else:
                self.assert_problem(answer, (404, 410))
        self.assert_works()


class Clock(Faulty):
    """The time of day jumps."""

    OPTIONS = [*Faulty.OPTIONS, "server.idle_timeout=1h",
               "upload.max_time=1h"]

    @table(("a day forwards", 86400), ("a day back", -86400),
           ("ten years forwards", 3650 * 86400),
           ("ten years back", -3650 * 86400))
    def test_jump(self, seconds):
        self.upload(SMALL, "/files/hour?ttl=3600")
        self.upload(SMALL, "/files/ever?ttl=0")
        idle = self.conn()
        idle.request("GET", "/healthz")
        half = self.conn()
        half.send_request("PUT", "/files/half?ttl=3600",
                          {"Content-Length": str(len(SMALL))})
        half.send(SMALL[:100])
        self.wait_received("half", 100)
        self.faults.clock(seconds)
        # What expires by the clock does, and nothing else.
        if seconds > 0:
            until(lambda: self.info("hour") is None, "its end")
        else:
            self.assert_content("hour", SMALL)
        self.assert_content("ever", SMALL)
        self.assertEqual(idle.request("GET", "/healthz").status, 200)
        half.send(SMALL[100:])
        self.assertIn(half.read().status, (201, 404, 409, 410))
        # What comes now lives as long as it says, and no longer.
        self.upload(SMALL, "/files/soon?ttl=1")
        self.upload(SMALL, "/files/later?ttl=3600")
        until(lambda: self.info("soon") is None, "its end")
        self.assert_content("later", SMALL)
        self.faults.clock(0)
        self.assert_content("ever", SMALL)
        self.assert_works()


class Mounted(Faulty):
    """A file system of its own; only this daemon sees it."""

    MOUNT = ""

    def run_daemon(self):
        self.daemon = Daemon(*self.OPTIONS, dir=self.dir, mount=self.MOUNT,
                             env=self.faults.env)
        self.addCleanup(self.daemon.kill)

    def used(self):
        """How many bytes of it are used."""
        disk = os.statvfs(self.daemon.spool)
        return (disk.f_blocks - disk.f_bfree) * disk.f_frsize


class Small(Mounted):
    """A disk of 8 MiB."""

    MOUNT = "mount -t tmpfs -o size=8m none $1"
    OPTIONS = [*Faulty.OPTIONS, "spool.keep_free=0"]

    @table(("length", False), ("chunked", True))
    def test_full(self, chunked):
        empty = self.used()
        stored = []
        for turn in range(40):
            answer = self.put(f"f{turn}", LARGE, chunked)
            if answer.status == 201:
                stored.append(f"f{turn}")
            else:
                self.assert_problem(answer, 507)
        self.assertGreater(len(stored), 10)
        self.assertLess(len(stored), 40)
        self.assertGreater(self.refusals("no-space"), 0)
        self.upload(SMALL, "/files/small")
        for name in stored:
            self.assert_content(name, LARGE)
            self.assertEqual(self.http("DELETE", f"/files/{name}").status,
                             204)
        until(lambda: self.used() <= empty, "its space to come back")
        self.upload(LARGE, "/files/after")
        self.assert_content("after", LARGE)

    def test_read_only(self):
        self.daemon.remount("ro")
        self.assert_problem(self.put("large", LARGE), 507)
        self.upload(SMALL, "/files/small")
        until(lambda: self.http("GET", "/readyz").status == 503,
              "readiness to be red")
        until(lambda: any("cannot be written" in line
                          for line in self.daemon.lines), "a line in the log")
        self.daemon.remount("rw")
        until(lambda: self.http("GET", "/readyz").status == 200,
              "readiness to be green")
        self.upload(LARGE, "/files/large")
        self.assert_content("large", LARGE)


class FewInodes(Mounted):
    """A disk with room, but not for files."""

    MOUNT = "mount -t tmpfs -o size=64m,nr_inodes=8 none $1"
    OPTIONS = ["spool.memory_max=0", "spool.keep_free=0"]

    def test_full(self):
        statuses = [self.put(f"f{turn}", LARGE).status for turn in range(20)]
        self.assertEqual(set(statuses), {201, 507})
        for turn, status in enumerate(statuses):
            if status == 201:
                self.assert_content(f"f{turn}", LARGE)
                self.http("DELETE", f"/files/f{turn}")

        def works():
            return self.put("after", LARGE).status == 201
        until(works, "an inode to come back")
        self.assert_content("after", LARGE)


main()
