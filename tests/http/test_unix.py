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


if __name__ == "__main__":
    main()
