# SPDX-License-Identifier: MIT
"""What of files is there after the machine itself was down: with
store.durability=restart all of it when each daemon was stopped in order, and
never anything that may be half; whatever the clock says.

Source: docs/spool-format.md.
"""
import errno
import os
import subprocess
import time

import daemon as daemons
from faults import OPEN, SYNC, Faults
from harness import Daemon, main, table, until
from restarting import HOW, Restarting, of_start
from resuming import TusCase
from samples import content

SMALL, LARGE = content(5000, 91), content(300000, 92)


class Reboots(Restarting):
    """A daemon on a machine that is started anew, and whose clock is off."""

    def setUp(self):
        daemons.need_namespaces()
        self.starts, self.faults = 1, None
        super().setUp()

    def run_daemon(self, *options, how=HOW):
        if self.faults is None:
            self.faults = Faults(self.dir)
        self.daemon = Daemon(
            how, *self.OPTIONS, *options, dir=self.dir,
            env=self.faults.env, wrapper=of_start(self.dir, self.starts))
        self.addCleanup(self.daemon.kill)

    def reboot(self, kill=False, **kwargs):
        """Stop the daemon, then the machine; or it was the power."""
        if kill:
            self.daemon.kill()
        else:
            self.daemon.stop()
        self.starts += 1
        self.run_daemon(**kwargs)

    def fail_to_write(self):
        """A daemon cannot write what it has, and another follows."""
        self.restored()
        self.faults.fail(SYNC, errno.EIO)
        self.daemon.stop()
        self.assertGreater(self.faults.stop(), 0)
        self.run_daemon()


class Checking(Reboots):
    """Where spillwayd --check-spool looks, too."""

    def check(self, *args, before="true", code=0, spool=None):
        """What it says, after a command in its own view of the machine."""
        spool = spool or self.daemon.spool
        done = subprocess.run(
            [*of_start(self.dir, self.starts, f'{before}; shift; exec "$@"'),
             spool, daemons.program, "-c", "/dev/null",
             "-o", f"spool.dir={spool}", "--check-spool", *args],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout


class Order(Reboots):
    """Stopped in order."""

    def test_all_of_it(self):
        for turn in range(4):
            self.upload(LARGE, f"/files/f{turn}")
            self.reboot()
            self.restored()
            for name in range(turn + 1):
                self.assert_content(f"f{name}", LARGE)
        self.assertEqual(self.metric("files_damaged_total"), 0)

    @table(("restart", HOW), ("fsync", "store.durability=fsync"))
    def test_after_one_that_was_killed(self, how):
        self.upload(SMALL, "/files/x")
        self.again(how=how)
        self.assert_content("x", SMALL)
        self.reboot()
        self.assert_content("x", SMALL)

    def test_after_one_that_did_nothing(self):
        self.upload(SMALL, "/files/x")
        self.reboot()
        self.restored()
        self.reboot()
        self.restored()
        self.reboot()
        self.assert_content("x", SMALL)

    def test_what_is_written_down_later(self):
        self.upload(SMALL, "/files/old")
        self.upload(SMALL, "/files/counted?reads=3")
        self.again(kill=False)
        # Both change what is known of a file.
        made = self.json(self.http("GET", "/files/old/info?digest=crc32c"))
        self.assert_content("counted", SMALL)
        self.again(kill=False)
        self.assertEqual(self.json(self.http(
            "GET", "/files/old/info?digest=crc32c"))["digest"],
            made["digest"])
        self.reboot()
        self.assert_content("old", SMALL)
        self.assert_content("counted", SMALL)
        self.assertEqual(self.http("GET", "/files/counted").status, 200)
        until(lambda: self.info("counted") is None, "the last read")

    def test_before_it_was_looked_through(self):
        for turn in range(300):
            self.upload(b"x", f"/files/f{turn}")
        for turn in range(3):
            self.reboot()
            self.upload(SMALL, f"/files/new{turn}")
        self.reboot()
        self.restored()
        for turn in range(3):
            self.assert_content(f"new{turn}", SMALL)
        self.assertEqual(self.file_count(), 303)


class Power(Reboots):
    """The power fails: what was kept since the last checkpoint may be less
    than it was, though as long."""

    def lose(self, name):
        """What came to its file has not reached the disk."""
        size = os.path.getsize(self.path(name))
        with open(self.path(name), "r+b") as file:
            file.write(bytes(size))

    def test_not_trusted(self):
        self.upload(SMALL, "/files/old")
        self.reboot()
        self.upload(LARGE, "/files/new")
        self.daemon.kill()
        self.lose("new")
        self.reboot(kill=True)
        self.assert_problem(self.http("GET", "/files/new"), 404)
        self.assert_content("old", SMALL)
        self.restored()
        self.assertEqual(self.kept(), ["old"])
        self.assertEqual(self.metric("files_damaged_total"), 1)

    def test_forbidden(self):
        # To be read, when it would have been found, and later no more.
        self.upload(SMALL, "/files/old")
        self.reboot()
        self.restored()
        self.upload(LARGE, "/files/new")
        self.daemon.kill()
        self.lose("new")
        self.faults.fail(OPEN, errno.EACCES, name="new")
        self.reboot(kill=True)
        self.restored()
        self.assert_problem(self.http("GET", "/files/new"), 404)
        self.assertEqual(self.metric("files_damaged_total"), 1)
        self.daemon.stop()
        self.faults.stop()
        self.run_daemon()
        self.assert_problem(self.http("GET", "/files/new"), 404)
        self.assert_content("old", SMALL)


class Disk(Reboots):
    """The system could not write what it had, and has dropped it."""

    @table(("one daemon follows", False), ("two follow", True))
    def test_what_was_dropped(self, two):
        self.upload(SMALL, "/files/old")
        self.reboot()
        self.restored()
        self.upload(LARGE, "/files/lost")
        self.faults.fail(SYNC, errno.EIO)
        self.daemon.stop()
        self.assertTrue(any("may not survive the machine" in line
                            for line in self.daemon.lines))
        self.faults.stop()
        self.run_daemon()
        self.assert_content("lost", LARGE)
        self.upload(SMALL, "/files/new")
        if two:
            self.again(kill=False)
        self.reboot()
        self.assert_content("old", SMALL)
        self.assert_content("new", SMALL)
        self.assert_problem(self.http("GET", "/files/lost"), 404)
        # Nor is that held against what comes later.
        self.restored()
        self.upload(LARGE, "/files/later")
        self.reboot()
        self.assert_content("later", LARGE)
        self.assert_content("new", SMALL)


    def test_between_two_failures(self):
        self.upload(SMALL, "/files/first")
        self.fail_to_write()
        for turn in range(3):
            self.upload(SMALL, f"/files/f{turn}")
            self.again(kill=False)
        self.upload(SMALL, "/files/last")
        self.fail_to_write()
        self.upload(SMALL, "/files/later")
        self.reboot()
        for name in ("first", "last"):
            self.assert_problem(self.http("GET", f"/files/{name}"), 404)
        for name in ("f0", "f1", "f2", "later"):
            self.assert_content(name, SMALL)


class HalfWritten(Reboots, TusCase):
    """What was dropped is of a file that is complete only later."""

    OPTIONS = ["spool.memory_max=64K"]
    HALF = len(LARGE) // 2

    def lost(self, url):
        """It is there while the machine is up, and then no more."""
        name = url.removeprefix("/files/")
        self.assert_content(name, LARGE)
        self.restored()
        self.reboot()
        self.restored()
        self.assert_problem(self.http("GET", url), 404)

    def begin(self):
        """Half of it. Returns: its URL."""
        url = self.create(len(LARGE))
        self.append(url, 0, LARGE[:self.HALF])
        return url

    def end(self, url):
        """The rest."""
        self.append(url, self.HALF, LARGE[self.HALF:])

    @table(("one daemon follows", 1), ("two follow", 2))
    def test_an_upload(self, daemons_after):
        url = self.begin()
        for _ in range(daemons_after):
            self.fail_to_write()
        self.end(url)
        self.lost(url)

    def test_one_of_parts(self):
        parts = [self.create(self.HALF, Upload_Concat="partial")
                 for _ in range(2)]
        self.append(parts[0], 0, LARGE[:self.HALF])
        self.fail_to_write()
        self.append(parts[1], 0, LARGE[self.HALF:])
        self.lost(self.create(Upload_Concat="final;" + " ".join(parts)))

    def test_what_began_later(self):
        self.begin()
        self.fail_to_write()
        url = self.begin()
        self.again(kill=False)
        self.end(url)
        self.restored()
        self.reboot()
        self.assert_content(url.removeprefix("/files/"), LARGE)

    def test_one_that_waits_for_the_disk(self):
        url = self.begin()
        self.fail_to_write()
        self.again(kill=False, how="store.durability=fsync")
        answer = self.patch(url, self.HALF, LARGE[self.HALF:])
        self.assert_problem(answer, 507)


class Unreadable(Checking):
    """A file that nobody can read, as of a damaged inode."""

    def prepare(self):
        """Start with one of them."""
        self.upload(SMALL, "/files/good")
        self.upload(SMALL, "/files/bad")
        self.restored()
        self.daemon.stop()
        self.faults.fail(OPEN, errno.EUCLEAN, name="bad")
        self.starts += 1
        self.run_daemon()

    def tried(self):
        """All were looked at, once, and one could not be read."""
        until(lambda: any("not listed until a later try" in line
                          for line in self.daemon.lines), "the first try")

    def give_up(self):
        """It has been so for a minute."""
        self.tried()
        self.faults.pass_time(61)
        self.restored()

    def test_outage(self):
        # What comes back soon is what it was.
        self.prepare()
        self.tried()
        self.faults.stop()
        self.restored()
        self.assert_content("bad", SMALL)
        self.assertEqual(self.kept(), ["bad", "good"])

    def test_others(self):
        self.prepare()
        for turn in range(4):
            self.assert_content("good", SMALL)
            self.upload(SMALL, f"/files/f{turn}")
            self.reboot()
        for turn in range(4):
            self.assert_content(f"f{turn}", SMALL)

    def test_its_name(self):
        self.faults.fail(OPEN, errno.EUCLEAN, name="bad")
        self.upload(SMALL, "/files/bad")
        self.again(kill=False)
        self.assert_problem(self.http("GET", "/files/bad"), 507)
        self.assert_problem(self.http("DELETE", "/files/bad"), 507)
        self.give_up()
        self.assert_problem(self.http("GET", "/files/bad"), 404)
        self.assertEqual(self.metric("files_damaged_total"), 1)
        self.faults.stop()
        self.upload(LARGE, "/files/bad")
        self.reboot()
        self.assert_content("bad", LARGE)

    def test_deleting_another_users(self):
        self.upload(SMALL, "/files/x")
        self.faults.fail(OPEN, errno.EACCES, name="x")
        self.assert_problem(self.http("DELETE", "/files/x"), 507)
        self.faults.stop()
        self.again(kill=False)
        self.assert_content("x", SMALL)
        self.assertEqual(self.http("DELETE", "/files/x").status, 204)
        self.assertEqual(self.kept(), [])

    def test_check(self):
        self.prepare()
        self.give_up()
        self.faults.stop()
        self.daemon.stop()
        name, = self.kept("damaged")
        self.assertEqual(name.partition(".")[0], "bad")
        line = f"damaged {name}: could not be read, and was moved away"
        self.assertIn(line + "\n", self.check(code=1))
        self.assertIn(line + "; deleted\n", self.check("--repair"))
        self.assertIn("1 files and 0 open uploads are well, 0 are not",
                      self.check())


class NoNote(Reboots):
    """What says which files are whole is gone."""

    @table(("gone", False), ("empty", True))
    def test_nothing_is_deleted(self, empty):
        self.upload(SMALL, "/files/x")
        self.restored()
        self.daemon.stop()
        meta = os.path.join(self.daemon.spool, "meta")
        os.rename(meta, meta + ".saved")
        if empty:
            with open(meta, "w", encoding="ascii"):
                pass
        self.starts += 1
        with self.assertRaisesRegex(AssertionError, "put it back"):
            self.run_daemon()
        self.assertEqual(self.kept(), ["x"])
        os.rename(meta + ".saved", meta)
        self.run_daemon()
        self.assert_content("x", SMALL)


class Clock(Reboots):
    """The time of day jumps."""

    def test_ahead_and_put_right(self):
        self.faults.clock(3600)
        self.upload(SMALL, "/files/x?ttl=864000")
        self.daemon.stop()
        self.faults.clock(0)
        self.run_daemon()
        self.upload(SMALL, "/files/z")
        self.assert_content("x", SMALL)
        self.reboot()
        self.assert_content("x", SMALL)
        self.assert_content("z", SMALL)

    def test_ahead_when_it_was_noted(self):
        self.faults.clock(3600)
        self.upload(SMALL, "/files/x")
        self.daemon.stop()
        self.faults.clock(0)
        self.run_daemon()
        self.upload(LARGE, "/files/half")
        self.daemon.kill()
        with open(self.path("half"), "r+b") as file:
            file.write(bytes(len(LARGE)))
        self.reboot(kill=True)
        self.assert_problem(self.http("GET", "/files/half"), 404)
        self.assert_content("x", SMALL)

    def test_none(self):
        # A machine whose clock starts from the same time again and again.
        self.faults.clock(-int(time.time()) + 86400)
        for turn in range(3):
            self.upload(LARGE, f"/files/f{turn}")
            self.reboot()
        for turn in range(3):
            self.assert_content(f"f{turn}", LARGE)


class Check(Checking):
    """spillwayd --check-spool, which reads and does nothing else."""

    def view(self, folder):
        """All that is there, and when it was changed."""
        found = {}
        for at, folders, names in os.walk(folder):
            for name in [*folders, *names, "."]:
                status = os.lstat(os.path.join(at, name))
                found[at, name] = (status.st_ino, status.st_size,
                                   status.st_ctime_ns)
        return found

    def test_read_only(self):
        self.upload(SMALL, "/files/a")
        tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "9"}
        self.assertEqual(self.http("POST", "/files", tus).status, 201)
        self.daemon.kill()
        before = self.view(self.daemon.spool)
        out = self.check(before='mount --bind "$1" "$1"; '
                                'mount -o remount,ro,bind "$1"')
        self.assertIn("1 files and 1 open uploads are well, 0 are not", out)
        self.assertEqual(self.view(self.daemon.spool), before)

    def test_no_spool(self):
        folder = os.path.join(self.dir, "mine")
        for name in ("files", "passing"):
            os.makedirs(os.path.join(folder, name))
            with open(os.path.join(folder, name, "precious"), "w",
                      encoding="ascii") as file:
                file.write("mine")
        before = self.view(folder)
        for args in ((), ("--repair",)):
            self.assertIn("there is no meta",
                          self.check(*args, code=1, spool=folder))
        self.assertEqual(self.view(folder), before)

    def test_directories(self):
        self.upload(SMALL, "/files/a")
        for name in ("files/dir/sub", "passing/x", "u.spool"):
            os.makedirs(os.path.join(self.daemon.spool, name))
        os.symlink("a", self.path("link"))
        os.mkfifo(self.path("pipe"))
        for name in ("dir", "link", "pipe"):
            self.assert_problem(
                self.http("PUT", f"/files/{name}", (), SMALL), 507)
            self.assert_problem(self.http("GET", f"/files/{name}"), 404)
        self.assertEqual(self.kept("passing"), ["x"])
        # They are in nobody's way.
        self.again()
        self.restored()
        self.assert_content("a", SMALL)
        self.reboot()
        self.assert_content("a", SMALL)
        self.daemon.stop()
        out = self.check(code=1)
        for line in ("file dir: no plain file", "file link: no plain file",
                     "file pipe: no plain file", "passing x: no plain file",
                     "upload u: only half of it is there"):
            self.assertIn(line, out)
        self.check("--repair")
        self.assertIn("1 files and 0 open uploads are well, 0 are not",
                      self.check())
        self.assertEqual(self.kept("."), ["files", "meta", "passing"])
        self.run_daemon()
        self.upload(SMALL, "/files/dir")
        self.assert_content("a", SMALL)


main()
