# SPDX-License-Identifier: MIT
"""Unix sockets: whose they are, and what becomes of them.

Source: API.md section 8.
"""
import grp
import os
import socket
import stat
import tempfile

from daemon import run_program
from harness import Case, Conn, Daemon, main, table
from samples import content


class Sockets(Case):
    """Each case has a directory, and a daemon that listens in it."""

    DAEMON = False

    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir="/var/tmp")
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "http.sock")

    def listen(self, *options):
        """A daemon."""
        one = Daemon(f"server.listen=127.0.0.1:0, unix:{self.path}", *options)
        self.addCleanup(one.clean)
        self.addCleanup(one.kill)
        return one

    def mode(self):
        """Permissions of the socket."""
        return stat.S_IMODE(os.stat(self.path).st_mode)

    def refused(self, *options):
        """What a daemon says that does not start: exit code, words."""
        words = [w for option in options for w in ("-o", option)]
        return run_program("-c", "/dev/null", "-o",
                           f"server.listen=unix:{self.path}", *words)[::2]

    def test_serves(self):
        one = self.daemon = self.listen()
        self.assertIn(f"listening on unix:{self.path}", one.output())
        data = content(5000000, 7)
        with Conn(self.path) as conn:
            self.assertEqual(conn.request(
                "PUT", "/files/large", (), data).status, 201)
            self.assert_same(conn.request("GET", "/files/large").body, data)
            answer = conn.request("GET", "/files/large",
                                  {"Range": "bytes=4999990-"})
            self.assertEqual(answer.body, data[-10:])
        # It is the same store.
        self.assert_content("large", data)
        one.stop()
        self.assertFalse(os.path.exists(self.path))

    @table(("group", "660", 0o660), ("all", "0666", 0o666),
           ("own", "600", 0o600))
    def test_mode(self, mode, wanted):
        one = self.listen(f"server.unix_mode={mode}")
        self.assertEqual(self.mode(), wanted)
        one.stop()

    @table(("letters", "rw"), ("not octal", "680"), ("too much", "7777"))
    def test_bad_mode(self, mode):
        code, err = self.refused(f"server.unix_mode={mode}")
        self.assertEqual(code, 2)
        self.assertIn("server.unix_mode", err)
        self.assertFalse(os.path.exists(self.path))

    def test_owner(self):
        if os.geteuid() != 0:
            self.skipTest("only root gives away")
        group = grp.getgrall()[-1]
        for owner, uid, gid in (
                ("12345:12346", 12345, 12346), (":12347", os.geteuid(), 12347),
                ("12348", 12348, os.getegid()),
                (f"root:{group.gr_name}", 0, group.gr_gid)):
            one = self.listen(f"server.unix_owner={owner}",
                              "fetch.enabled=no")
            status = os.stat(self.path)
            self.assertEqual((status.st_uid, status.st_gid), (uid, gid))
            one.stop()

    @table(("user", "nobody-of-that-name", "there is no user"),
           ("group", ":nobody-of-that-name", "there is no group"))
    def test_bad_owner(self, owner, why):
        code, err = self.refused(f"server.unix_owner={owner}")
        self.assertEqual(code, 1)
        self.assertIn(why, err)
        self.assertFalse(os.path.exists(self.path))

    def test_stale(self):
        left = socket.socket(socket.AF_UNIX)
        left.bind(self.path)
        left.listen()
        left.close()
        one = self.listen()
        with Conn(self.path) as conn:
            self.assertEqual(conn.request("GET", "/healthz").status, 200)
        one.stop()

    def test_killed(self):
        one = self.listen()
        one.kill()
        self.assertTrue(os.path.exists(self.path))
        two = self.listen()
        with Conn(self.path) as conn:
            self.assertEqual(conn.request("GET", "/healthz").status, 200)
        two.stop()
        self.assertFalse(os.path.exists(self.path))

    def test_one_in_use_stays(self):
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(self.path)
            other.listen()
            code, err = self.refused()
            self.assertEqual(code, 1)
            self.assertIn(f"cannot listen on unix:{self.path}: Address", err)
            with Conn(self.path) as conn:
                conn.send(b"to the other")
                # Before it came the daemon, to see whether there is anybody.
                self.assertEqual([other.accept()[0].recv(99)
                                  for _ in range(2)], [b"", b"to the other"])

    def test_other_files_stay(self):
        with open(self.path, "w", encoding="ascii") as file:
            file.write("precious")
        code, err = self.refused()
        self.assertEqual(code, 1)
        self.assertIn("Address already in use", err)
        with open(self.path, encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")

    def test_no_folder(self):
        self.path = "/var/tmp/nowhere-at-all/http.sock"
        code, err = self.refused()
        self.assertEqual(code, 1)
        self.assertIn("No such file or directory", err)


class Checked(Case):
    """What --check-config finds of sockets, which a start would fail of."""

    DAEMON = False

    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir="/var/tmp")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = os.path.join(self.folder, "http.sock")
        self.config = os.path.join(self.folder, "spillway.conf")

    def check(self, path, action="--check-config", *lines):
        """Exit code, what is printed, what is wrong."""
        with open(self.config, "w", encoding="ascii") as file:
            file.write("\n".join(["[server]", f"listen = unix:{path}",
                                  *lines, ""]))
        return run_program("-c", self.config, *action.split())

    def refused(self, line, *args):
        """What is said of that line."""
        code, out, err = self.check(*args)
        self.assertEqual((code, out), (2, ""), err)
        said = f"spillwayd: {self.config}:{line}: "
        self.assertTrue(err.startswith(said), err)
        return err.removeprefix(said)

    def test_good(self):
        code, out, err = self.check(self.path)
        self.assertEqual((code, err), (0, ""))
        self.assertIn("the configuration is right", out)
        self.assertFalse(os.path.exists(self.path))

    @table(("user", "nobody-of-that-name", "there is no user 'nobody-of-"),
           ("group", ":no-such-group", "there is no group 'no-such-group'"))
    def test_owner(self, owner, why):
        said = self.refused(3, self.path, "--check-config",
                            f"unix_owner = {owner}")
        self.assertTrue(said.startswith(f"server.unix_owner: {why}"), said)
        self.assertIn("write USER, USER:GROUP or :GROUP", said)

    def test_owner_at_start(self):
        code, _, err = self.check(self.path, "-o store.ttl=1h",
                                  "unix_owner = nobody-of-that-name")
        self.assertEqual(code, 1)
        self.assertIn(f"{self.config}:3: server.unix_owner: there is no", err)

    def test_bind_at_start(self):
        path = os.path.join(self.folder, "nowhere", "http.sock")
        code, _, err = self.check(path, "-o store.ttl=1h")
        self.assertEqual(code, 1)
        self.assertIn(f"{self.config}:2: cannot listen on unix:{path}: No such"
                      " file or directory", err)

    def test_no_folder(self):
        path = os.path.join(self.folder, "nowhere", "http.sock")
        said = self.refused(2, path)
        self.assertTrue(said.startswith(
            f"server.listen: unix:{path}: {os.path.dirname(path)}: "
            "No such file or directory; it takes a directory"), said)

    def test_folder_is_a_file(self):
        with open(self.path, "w", encoding="ascii"):
            pass
        self.assertIn("Not a directory", self.refused(2, self.path + "/sock"))

    def test_file_in_the_way(self):
        with open(self.path, "w", encoding="ascii"):
            pass
        self.assertIn(f"{self.path} is there, and is no socket",
                      self.refused(2, self.path))

    def test_link_in_the_way(self):
        os.symlink("/nowhere-at-all", self.path)
        self.assertIn("is no socket", self.refused(2, self.path))

    @table(("socket", 107), ("item", 200))
    def test_too_long(self, length):
        path = "/".join([self.folder, "x" * (length - len(self.folder))])
        self.assertRegex(self.refused(2, path),
                         "too long.*; allowed are [0-9]+ bytes")

    def test_not_writable(self):
        # For root nothing is, but for what is not a place for files at all.
        said = self.refused(2, "/proc/self/http.sock")
        self.assertIn("the user can write to as whom the daemon runs", said)

    def test_spool_not_writable(self):
        said = self.refused(4, self.path, "--check-config", "[spool]",
                            "dir = /proc/self")
        self.assertTrue(said.startswith("spool.dir: /proc/self: "), said)

    def test_one_in_use(self):
        """That of the daemon that runs, which is not disturbed."""
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(self.path)
            other.listen()
            other.setblocking(False)
            self.assertEqual(self.check(self.path)[0], 0)
            self.assertRaises(BlockingIOError, other.accept)

    def test_made_at_start(self):
        code, out, err = self.check("/run/nowhere-at-all/http.sock")
        self.assertEqual(code, 0, err)
        self.assertIn("the configuration is right", out)
        self.assertTrue(err.startswith(
            f"spillwayd: {self.config}:2: server.listen: "), err)
        self.assertIn("RuntimeDirectory=", err)


if __name__ == "__main__":
    main()
