# SPDX-License-Identifier: MIT
"""What the daemon takes from itself, shown by somebody who is in it.

burglar.c, loaded into a daemon, tries on a signal what an intruder would; each
case has the same daemon without the sandbox beside it, where it must succeed,
or fail by another error: so no case can pass by itself.
"""
import ctypes
import errno
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile

import daemon
import denied
from daemon import preloaded
from harness import Case, Daemon, main, table, until
from samples import content

SANITIZED = daemon.SANITIZED
# What the kernel knows of Landlock; below 1: nothing.
ABI = daemon.LIBC.syscall(444, None, ctypes.c_size_t(0), 1)
LINE = re.compile(r"burglar: (\S+) (\d+)")
OFF = ["sandbox.landlock=no", "sandbox.seccomp=no", "sandbox.core_dumps=yes"]


class Burgled(Case):
    """One daemon with the sandbox, and one without."""

    @classmethod
    def start(cls):
        # Where everybody may write, and no directory of the daemon's.
        cls.folder = tempfile.mkdtemp(prefix="spillway-booty-", dir="/var/tmp")
        cls.file = os.path.join(cls.folder, "file")
        cls.inside, cls.daemon = cls.burgle(
            f"sandbox.landlock={'require' if ABI > 0 else 'auto'}",
            "sandbox.seccomp=require", "sandbox.core_dumps=no")
        cls.outside, free = cls.burgle(*OFF)
        free.stop()

    @classmethod
    def finish(cls):
        shutil.rmtree(cls.folder)
        cls.daemon.stop()

    @classmethod
    def burgle(cls, *options):
        """{attempt: errno's name} of a daemon, and the daemon."""
        with open(cls.file, "w", encoding="ascii") as file:
            file.write("secret\n")
        folder = tempfile.mkdtemp(prefix="spillway-test-", dir="/var/tmp")
        one = Daemon(*options, dir=folder, env=preloaded(
            "burglar", SPW_BURGLAR_FILE=cls.file,
            SPW_BURGLAR_OWN=os.path.join(folder, "spool")))
        one.own_dir = True
        os.kill(one.pid, signal.SIGUSR1)
        until(lambda: "burglar: over 0" in one.lines, "the burglar")
        found = {match[1]: errno.errorcode.get(int(match[2]), "")
                 for match in map(LINE.match, one.lines) if match}
        return found, one

    @table(("read", "read", 1), ("write", "write", 1), ("make", "make", 1),
           ("remove", "remove", 1), ("signal outside", "signal", 6))
    def test_denied_by_landlock(self, attempt, since):
        if ABI < since:
            self.skipTest(f"the kernel's Landlock is {ABI}, not {since}")
        self.assertIn(self.inside[attempt], ("EACCES", "EPERM"))
        self.assertNotEqual(self.inside[attempt], self.outside[attempt])

    @table(("exec", "exec", "EPERM"), ("unshare", "unshare", "EPERM"),
           ("setuid", "setuid", "EPERM"), ("io_uring", "io_uring", "EPERM"),
           ("socket family", "netlink", "EAFNOSUPPORT"),
           ("memory made to run", "run-memory", "EPERM"),
           ("device or socket file", "socket-file", "EPERM"),
           ("memory is dumped", "dumpable", None))
    def test_denied(self, attempt, error):
        if error:
            self.assertEqual(self.inside[attempt], error)
        self.assertNotEqual(self.inside[attempt], self.outside[attempt])

    @table(("fork", "fork"), ("ptrace", "ptrace"))
    def test_denied_without_sanitizer(self, attempt):
        # The leak sanitizer does both, so it is let.
        self.assertEqual(self.inside[attempt] == "EPERM", not SANITIZED)
        self.assertNotEqual(self.outside[attempt], "EPERM")

    @table(("own directory", "own"), ("IP", "internet"))
    def test_allowed(self, attempt):
        self.assertEqual(self.inside[attempt], "")
        self.assertEqual(self.outside[attempt], "")

    def test_every_thread(self):
        for path in glob.glob(f"/proc/{self.daemon.pid}/task/*/status"):
            with open(path, encoding="ascii") as file:
                status = dict(re.findall(r"(\w+):\s+(\S+)", file.read()))
            self.assertEqual((status["Seccomp"], status["NoNewPrivs"]),
                             ("2", "1"), path)

    def test_told(self):
        text = self.daemon.output()
        self.assertIn(f"sandbox: landlock, interface {ABI}" if ABI > 0 else
                      "sandbox: without landlock", text)
        self.assertIn("sandbox: seccomp", text)

    def test_serves_on(self):
        self.upload(content(3000000, 3), "/files/large")
        self.assert_content("large", content(3000000, 3))
        self.assert_healthy()


class Without(Case):
    """Where the kernel has none of it: as under a filter that says so."""

    DAEMON = False

    def run_under(self, *options):
        """A daemon whose landlock_create_ruleset() is not implemented."""
        return subprocess.run(
            [*denied.command("landlock_create_ruleset", errno.ENOSYS),
             daemon.program,
             "-c", "/dev/null", "-o", "server.listen=127.0.0.1:0",
             *(word for option in options for word in ("-o", option))],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False, timeout=60)

    def test_auto_goes_without(self):
        # It gets as far as to its address, which is taken.
        with socket.create_server(("127.0.0.1", 0)) as taken:
            done = self.run_under(
                f"server.listen=127.0.0.1:{taken.getsockname()[1]}")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("sandbox: without landlock: the kernel has none",
                      done.stdout)

    def test_required(self):
        done = self.run_under("sandbox.landlock=require")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("sandbox.landlock is required, but the kernel has none",
                      done.stdout)


class Sockets(Case):
    """What lies in a directory that is not the daemon's."""

    DAEMON = False

    def test_unix_socket(self):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            path = os.path.join(folder, "sock")
            one = Daemon(f"server.listen=127.0.0.1:0, unix:{path}")
            self.addCleanup(one.clean)
            self.addCleanup(one.kill)
            self.assertTrue(os.path.exists(path))
            one.stop()
            self.assertFalse(os.path.exists(path))


if __name__ == "__main__":
    main()
