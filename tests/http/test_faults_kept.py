# SPDX-License-Identifier: MIT
"""Faults of the disk under files that survive: whoever is told 2xx finds what
was told after a restart, whoever is told something else finds what was before.

docs/reliability.md lists them. Source: docs/spool-format.md.
"""
import errno
import os
import shutil
import subprocess
import unittest.mock

import faults
from faults import Faults
from harness import Daemon, main, table, until
from restarting import Restarting
from resuming import INTEROP, OFFSET_TYPE, TUS
from samples import content

SMALL, LARGE = content(5000, 83), content(400000, 84)
CALLS = (("open", faults.OPEN), ("write", faults.WRITE),
         ("sync", faults.SYNC), ("name", faults.NAME), ("meta", faults.META))
ERRORS = (("EIO", errno.EIO), ("ENOSPC", errno.ENOSPC),
          ("EROFS", errno.EROFS))
REFUSED = (503, 507)


class Faulty(Restarting):
    """A daemon that keeps files, with faults to switch on."""

    OPTIONS = ["spool.memory_max=64K", "store.max_open_files=16"]
    HOW = "store.durability=fsync"

    def setUp(self):
        self.faults = None
        super().setUp()

    def run_daemon(self, *options, how=None):
        if self.faults is None:
            self.faults = Faults(self.dir)
        self.daemon = Daemon(how or self.HOW, *self.OPTIONS, *options,
                             dir=self.dir, env=self.faults.env)
        self.addCleanup(self.daemon.kill)

    def again(self, *options, kill=True, how=None):
        self.faults.stop()
        super().again(*options, kill=kill, how=how)

    def assert_works(self):
        """Everything does, and survives."""
        self.upload(LARGE, "/files/after")
        self.again()
        self.assert_content("after", LARGE)
        self.assertEqual(self.http("DELETE", "/files/after").status, 204)


class Publish(Faulty):
    """Uploads, replacements and deletions."""

    @table(*[(f"{call} {error}", calls, number)
             for call, calls in CALLS for error, number in ERRORS])
    def test_lasting(self, calls, error):
        self.upload(SMALL, "/files/old")
        self.faults.fail(calls, error)
        for method, name in (("POST", ""), ("PUT", "/new"), ("PUT", "/old")):
            answer = self.http(method, f"/files{name}", (), LARGE)
            self.assert_problem(answer, REFUSED)
        # It never was, so it is not gone.
        self.assert_problem(self.http("GET", "/files/new"), 404)
        deleted = self.http("DELETE", "/files/old")
        if deleted.status != 204:
            self.assert_problem(deleted, REFUSED)
        self.assertGreater(self.faults.stop(), 0)
        for _ in range(2):
            self.assertIsNone(self.info("new"))
            if deleted.status == 204:
                self.assertIsNone(self.info("old"))
            else:
                self.assert_content("old", SMALL)
            self.again()
        self.restored()
        self.assertLessEqual(set(self.kept()), {"old"})
        self.assertEqual(self.kept("passing"), [])
        self.assert_works()

    @table(*[(f"{call} EIO", calls, errno.EIO) for call, calls in CALLS])
    def test_once(self, calls, error):
        self.upload(SMALL, "/files/old")
        want, skip, hit = SMALL, 0, True
        while hit:
            fresh = content(100000 + skip, skip)
            self.faults.fail(calls, error, skip, 1)
            answer = self.http("PUT", "/files/old", (), fresh)
            hit = self.faults.stop()
            if answer.status == 200:
                want = fresh
            else:
                self.assert_problem(answer, REFUSED)
            self.assert_content("old", want)
            skip += 1
        self.assertGreater(skip, 1)
        self.again()
        self.assert_content("old", want)
        self.restored()
        self.assertEqual(self.kept(), ["old"])

    @table(("open", faults.OPEN, errno.EMFILE, 503),
           ("open", faults.OPEN, errno.EIO, 507),
           ("meta", faults.META, errno.EIO, 507))
    def test_reading_what_is_not_open(self, calls, error, status):
        self.upload(LARGE, "/files/r")
        self.again()
        self.restored()
        self.faults.fail(calls, error)
        self.assert_problem(self.http("GET", "/files/r"), status)
        self.assertGreater(self.faults.stop(), 0)
        self.assert_content("r", LARGE)


class Uploads(Faulty):
    """Resumable ones: no offset is told that is not safe."""

    @table(*[(f"{call} EIO", calls) for call, calls in CALLS])
    def test_lasting(self, calls):
        made = self.http("POST", "/files", {
            **TUS, "Upload-Length": str(len(LARGE))})
        self.assertEqual(made.status, 201)
        url, told = made.get("Location"), 0
        self.faults.fail(calls, errno.EIO)
        answer = self.http("PATCH", url, {
            **TUS, **OFFSET_TYPE, "Upload-Offset": "0"}, LARGE[:100000])
        if answer.status == 204:
            told = int(answer.get("Upload-Offset"))
        self.again()
        answer = self.http("HEAD", url, TUS)
        if answer.status not in (200, 204):
            # Only where nothing was told.
            self.assertIn(answer.status, (404, 410))
            self.assertEqual(told, 0)
            return
        offset = int(answer.get("Upload-Offset"))
        self.assertGreaterEqual(offset, told)
        answer = self.http("PATCH", url, {
            **TUS, **OFFSET_TYPE, "Upload-Offset": str(offset)},
            LARGE[offset:])
        self.assertEqual(answer.status, 204)
        self.assertEqual(self.http("GET", url).body, LARGE)


    def complete(self, skip):
        """Complete one while a call fails: whether it did."""
        url = self.http("POST", "/files", {
            **TUS, "Upload-Length": str(len(LARGE))}).get("Location")
        self.assertEqual(self.append(url, 0, LARGE[:200000]).status, 204)
        self.faults.fail(faults.NAME | faults.SYNC, errno.EIO, skip, 1)
        answer = self.append(url, 200000, LARGE[200000:])
        return url, answer.status, self.faults.stop()

    def append(self, url, offset, data):
        return self.http("PATCH", url, {
            **TUS, **OFFSET_TYPE, "Upload-Offset": str(offset)}, data)

    def test_completing(self):
        # The journal may stay, and says less than was told since.
        skip, hit = 0, True
        while hit:
            url, status, hit = self.complete(skip)
            self.again()
            if status == 204:
                self.assertEqual(self.http("HEAD", url, TUS).get(
                    "Upload-Offset"), str(len(LARGE)), skip)
                self.assertEqual(self.http("GET", url).body, LARGE)
                self.assertEqual(self.metric("files_damaged_total"), 0)
            else:
                self.assertIn(status, REFUSED)
            self.http("DELETE", url, TUS)
            skip += 1
        self.assertGreater(skip, 3)
        self.assertEqual(self.kept("."), ["files", "meta", "passing"])

    def test_a_start_that_fails_cuts_nothing(self):
        url = status = None
        for skip in range(10):
            url, status, hit = self.complete(skip)
            if status == 204 and hit:
                break
        self.assertEqual(status, 204)
        skip, hit = 0, True
        while hit:
            self.daemon.kill()
            self.faults.fail(faults.OPEN | faults.META | faults.READ,
                             errno.EIO, skip, 1)
            try:
                self.run_daemon()
            except AssertionError as error:
                self.assertIn("spool", str(error))
            hit = self.faults.stop()
            skip += 1
        self.assertEqual(self.http("GET", url).body, LARGE)


class Start(Faulty):
    """A disk that fails while the daemon starts, or looks through it."""

    HOW = "store.durability=restart"

    def test_restoring(self):
        for turn in range(20):
            self.upload(content(100 + turn, turn), f"/files/f{turn}")
        for calls in (faults.OPEN, faults.META):
            self.daemon.kill()
            # Behind what the start itself does.
            self.faults.fail(calls, errno.EIO, 12)
            self.run_daemon()
            until(lambda: any("not all files" in line
                              for line in self.daemon.lines),
                  "a line in the log")
            self.assertEqual(self.metric("store_restoring"), 1)
            self.faults.stop()
            # They are found all the same, and soon listed.
            for turn in range(20):
                self.assert_content(f"f{turn}", content(100 + turn, turn))
            self.restored()
            self.assertEqual(self.file_count(), 20)

    def test_starting(self):
        self.upload(SMALL, "/files/a")
        self.daemon.kill()
        skip, hit = 0, True
        while hit:
            self.faults.fail(faults.DISK, errno.EIO, skip, 1)
            try:
                self.run_daemon()
                self.daemon.kill()
            except AssertionError as error:
                self.assertIn("spool", str(error))
            hit = self.faults.stop()
            skip += 1
        self.assertGreater(skip, 5)
        self.run_daemon()
        self.assert_content("a", SMALL)


class Full(Faulty):
    """No room, neither before a start nor after it: who is to make some gets
    in."""

    @table(("none", "none", faults.WRITE, errno.ENOSPC),
           ("restart", "restart", faults.WRITE, errno.EDQUOT),
           ("restart, attributes", "restart", faults.WRITE | faults.META,
            errno.ENOSPC),
           ("fsync", "fsync", faults.WRITE, errno.ENOSPC))
    def test_start(self, how, calls, error):
        keeps = how != "none"
        how = f"store.durability={how}"
        self.again(how=how)
        self.upload(LARGE, "/files/a")
        self.upload(SMALL, "/files/b")
        self.daemon.kill()
        self.faults.fail(calls, error)
        self.run_daemon(how=how)
        answer = self.http("GET", "/readyz")
        self.assert_problem(answer, 503)
        self.assert_logged("the spool directory cannot be written")
        if keeps:
            # Reads of the attribute are no matter of room.
            self.faults.fail(faults.WRITE, error)
            self.assert_content("a", LARGE)
            self.assertEqual(self.http("DELETE", "/files/a").status, 204)
        self.assert_problem(self.http("PUT", "/files/c", (), LARGE), 507)
        self.assertGreater(self.faults.stop(), 0)
        until(lambda: self.http("GET", "/readyz").status == 200,
              "readiness to be green")
        self.upload(LARGE, "/files/c")
        self.again(how=how)
        if keeps:
            self.restored()
            self.assertEqual(self.kept(), ["b", "c"])
            self.assert_content("b", SMALL)
            self.assert_content("c", LARGE)

    def test_what_stays_open_expires(self):
        # As a file it would be there for ever.
        self.again("store.ttl=0")
        url = self.http("POST", "/files", {
            **TUS, "Upload-Length": str(len(SMALL))}).get("Location")
        self.faults.fail(faults.NAME, errno.ENOSPC)
        self.assert_problem(self.append(url, 0, SMALL), 507)
        # It was tried once more behind, which the list does not have done.
        until(lambda: self.faults["hits"] == 2, "the second try")
        until(lambda: self.pages("/files", "files")[0]["expires"], "its end")
        self.assertGreater(self.faults.stop(), 0)
        # Who comes next is told, and then it goes on.
        until(lambda: self.append(url, len(SMALL), b"").status == 204, "room")
        self.assertIsNone(self.info(url.split("/")[-1])["expires"])

    def test_names(self):
        self.upload(SMALL, "/files/a")
        skip, hit = 0, True
        while hit:
            self.daemon.kill()
            self.faults.fail(faults.NAME, errno.ENOSPC, skip, 1)
            self.run_daemon()
            self.assert_content("a", SMALL)
            hit = self.faults.stop()
            skip += 1
        self.assertGreater(skip, 5)
        self.assertEqual(self.kept("passing"), [])

    @table(("ENOSPC", errno.ENOSPC), ("EDQUOT", errno.EDQUOT))
    def test_offset(self, error):
        url = self.http("POST", "/files", {
            **TUS, "Upload-Length": str(len(LARGE))}).get("Location")
        self.assertEqual(self.append(url, 0, LARGE[:3000]).status, 204)
        self.faults.fail(faults.WRITE, error)
        self.assert_problem(self.append(url, 3000, LARGE[3000:5000]), 507)
        # What is safe is told, and that nothing can be added to it.
        for protocol in (TUS, INTEROP, {}):
            answer = self.http("HEAD", url, protocol)
            self.assertIn(answer.status, (200, 204))
            self.assertEqual(answer.get("Upload-Offset"), "3000")
            self.assert_problem(self.append(url, 3000, LARGE[3000:5000]), 507)
        self.assertGreater(self.faults.stop(), 0)
        offset = int(self.http("HEAD", url, TUS).get("Upload-Offset"))
        self.assertGreaterEqual(offset, 3000)
        self.assertEqual(self.append(url, offset, LARGE[offset:]).status, 204)
        self.assertEqual(self.http("GET", url).body, LARGE)

    @table(("tus", TUS, OFFSET_TYPE["Content-Type"], {}),
           ("draft", INTEROP, "application/partial-upload",
            {"Upload-Complete": "?1"}))
    def test_room_again(self, protocol, form, more):
        url = self.http("POST", "/files", {
            **TUS, "Upload-Length": str(len(LARGE))}).get("Location")
        self.assertEqual(self.append(url, 0, LARGE[:3000]).status, 204)
        self.faults.fail(faults.WRITE, errno.ENOSPC)
        self.assert_problem(self.append(url, 3000, LARGE[3000:5000]), 507)
        told = self.http("HEAD", url, TUS).get("Upload-Offset")
        self.assertEqual(told, "3000")
        self.assertGreater(self.faults.stop(), 0)
        # What was true then is not told now: it is tried again first.
        answer = self.http("PATCH", url, {
            **protocol, "Content-Type": form, "Upload-Offset": told, **more},
            LARGE[3000:])
        self.assertEqual((answer.status, answer.get("Upload-Offset")),
                         (409, "5000"))
        offset = int(self.http("HEAD", url, TUS).get("Upload-Offset"))
        self.assertEqual(offset, 5000)
        self.assertEqual(self.append(url, offset, LARGE[offset:]).status, 204)
        self.assertEqual(self.http("GET", url).body, LARGE)

    def append(self, url, offset, data):
        return self.http("PATCH", url, {
            **TUS, **OFFSET_TYPE, "Upload-Offset": str(offset)}, data)


class Removed(Restarting):
    """Somebody takes the directory, or what is in it, away."""

    OPTIONS = ["spool.memory_max=64K", "store.max_open_files=16"]

    def made_again(self):
        """Wait until the daemon has noticed."""
        until(lambda: any("was made again" in line
                          for line in self.daemon.lines), "a line in the log")

    def test_the_directory(self):
        self.upload(LARGE, "/files/old")
        shutil.rmtree(self.daemon.spool)
        until(lambda: self.http("GET", "/readyz").status == 503,
              "readiness to be red")
        self.assert_problem(self.http("PUT", "/files/new", (), LARGE),
                            REFUSED)
        os.mkdir(self.daemon.spool, 0o700)
        self.made_again()
        until(lambda: self.http("GET", "/readyz").status == 200,
              "readiness to be green")
        self.upload(LARGE, "/files/new")
        self.upload(SMALL, "/files/old")
        self.again()
        self.assert_content("new", LARGE)
        self.assert_content("old", SMALL)

    def test_its_folders(self):
        self.upload(LARGE, "/files/old")
        for folder in ("files", "passing"):
            shutil.rmtree(os.path.join(self.daemon.spool, folder))
        self.made_again()
        self.upload(LARGE, "/files/new")
        self.upload(SMALL, "/files/new")
        self.again()
        self.assert_content("new", SMALL)

    def test_what_says_its_format(self):
        os.unlink(os.path.join(self.daemon.spool, "meta"))
        self.upload(LARGE, "/files/a")
        self.again()
        self.assert_content("a", LARGE)

    def test_renamed(self):
        self.upload(LARGE, "/files/old")
        elsewhere = self.daemon.spool + ".moved"
        os.rename(self.daemon.spool, elsewhere)
        # It goes on where it was.
        self.assert_content("old", LARGE)
        self.upload(SMALL, "/files/new")
        self.assertEqual(sorted(os.listdir(f"{elsewhere}/files")),
                         ["new", "old"])
        os.rename(elsewhere, self.daemon.spool)
        self.again()
        self.assert_content("old", LARGE)
        self.assert_content("new", SMALL)

    def test_open_uploads(self):
        made = self.http("POST", "/files", {**TUS, "Upload-Length": "10"})
        url = made.get("Location")
        self.assertEqual(self.http("PATCH", url, {
            **TUS, **OFFSET_TYPE, "Upload-Offset": "0"}, b"abc").status, 204)
        for name in os.listdir(self.daemon.spool):
            if name.endswith((".keep", ".spool")):
                os.unlink(os.path.join(self.daemon.spool, name))
        self.again()
        self.assertIn(self.http("HEAD", url, TUS).status, (404, 410))
        self.upload(SMALL, "/files/a")
        self.assert_content("a", SMALL)


class RemovedInMemory(Removed):
    """On tmpfs, where files can be made in a directory that was removed."""

    def setUp(self):
        if not os.access("/dev/shm", os.W_OK):
            self.skipTest("no /dev/shm")
        with unittest.mock.patch.dict(os.environ, TMPDIR="/dev/shm"):
            super().setUp()

    def test_uploads_begin_again(self):
        shutil.rmtree(self.daemon.spool)
        until(lambda: self.http("GET", "/readyz").status == 503,
              "readiness to be red")
        os.mkdir(self.daemon.spool, 0o700)
        until(lambda: self.http("GET", "/readyz").status == 200,
              "readiness to be green")
        made = self.http("POST", "/files", {**TUS, "Upload-Length": "9"})
        self.assertEqual(made.status, 201)
        url = made.get("Location")
        self.assertEqual(self.http("PATCH", url, {
            **TUS, **OFFSET_TYPE, "Upload-Offset": "0"}, b"abc").status, 204)
        self.again()
        self.assertEqual(
            self.http("HEAD", url, TUS).get("Upload-Offset"), "3")


class ReadOnly(Restarting):
    """Its file system is made read-only; nothing is in the way of that."""

    def run_daemon(self, *options, how=None):
        self.daemon = Daemon(
            "store.durability=restart", "spool.memory_max=64K", *options,
            dir=self.dir, mount='mount --bind "$1" "$1"')
        self.addCleanup(self.daemon.kill)

    def remounts(self):
        """Not while a file is on its way out of the hands that wrote it."""
        try:
            self.daemon.remount("ro,bind")
        except subprocess.CalledProcessError:
            return False
        return True

    def test_read_only(self):
        self.upload(LARGE, "/files/old")
        self.upload(SMALL, "/files/gone")
        until(self.remounts, "nothing to be written")
        until(lambda: self.http("GET", "/readyz").status == 503,
              "readiness to be red")
        for name in ("old", "new"):
            self.assert_problem(
                self.http("PUT", f"/files/{name}", (), LARGE[1:]), 507)
        self.assert_problem(self.http("DELETE", "/files/gone"), 507)
        self.assert_content("old", LARGE)
        self.assert_content("gone", SMALL)
        self.daemon.remount("rw,bind")
        until(lambda: self.http("GET", "/readyz").status == 200,
              "readiness to be green")
        self.assertEqual(self.http("DELETE", "/files/gone").status, 204)
        self.upload(SMALL, "/files/new")
        self.assert_content("new", SMALL)


main()
