# SPDX-License-Identifier: MIT
"""A process that may have few descriptors.

Source: docs/limits.md.
"""
import io
import json
import zipfile

from daemon import Daemon
from harness import Case, Conn, main, until
from samples import content
from wire import Truncated


class Descriptors(Case):
    """Nobody takes all of them."""

    DAEMON = False

    def setUp(self):
        self.daemon = Daemon("store.durability=restart",
                             wrapper=["prlimit", "--nofile=200:200"])
        self.addCleanup(self.daemon.clean)
        self.addCleanup(self.daemon.kill)

    def test_files_that_are_only_held_open(self):
        names = [f"f{i}" for i in range(300)]
        for name in names:
            self.upload(b"x", f"/files/{name}")
        for name in names:
            self.assert_content(name, b"x")
        self.assertLessEqual(self.metric("files_open"), 100)

        # Those of an archive are opened one by one, and closed as fast.
        entries = {f"{turn}/{name}": name
                   for turn in range(10) for name in names}
        order = json.dumps({"files": [{"id": name, "name": entry} for
                                      entry, name in entries.items()]})
        made = self.json(self.http("POST", "/files/zip?save",
                                   {"Content-Type": "application/json"},
                                   order.encode()), 201)
        self.wait_state(made["id"], "ready")
        answer = self.http("GET", f"/files/{made['id']}")
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            self.assertEqual(archive.namelist(), list(entries))
            self.assertIsNone(archive.testzip())
        self.assertLessEqual(self.metric("files_open"), 100)
        until(lambda: self.http("PUT", "/files/new", (),
                                content(1 << 20)).status == 201, "room")
        self.assert_content("f0", b"x")
        until(lambda: any("200 descriptors" in line
                          for line in self.daemon.lines), "a warning")
        self.daemon.stop()

    def test_archive_that_is_not_read(self):
        data = content(30000)
        names = [f"f{i}" for i in range(180)]
        for name in names:
            self.upload(data, f"/files/{name}")
        with Conn(self.daemon.address, source="127.0.0.9",
                  rcvbuf=4096) as slow:
            slow.send_request("POST", "/files/zip",
                              {"Content-Type": "application/json"},
                              json.dumps({"files": names}).encode())
            self.assertEqual(slow.read_head().status, 200)
            self.assertLessEqual(self.metric("files_open"), 100)
            self.upload(content(2 << 20), "/files/new")
            # What was not sent when it went is missed, and that is told.
            for name in names[:-1]:
                self.assert_content(name, data)
            self.http("DELETE", f"/files/{names[-1]}")
            with self.assertRaises(Truncated):
                slow.read_body()
        until(lambda: any("before its turn came in an archive" in line
                          for line in self.daemon.lines), "a line")

    def test_uploads_of_one_client(self):
        tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "10"}
        for _ in range(25):
            self.assertEqual(
                self.http("POST", "/files", tus).status, 201)
        answer = self.http("POST", "/files", tus)
        self.assertIn("25 uploads", self.assert_problem(
            answer, 429, "too-many-requests")["detail"])
        # There are descriptors for others.
        with Conn(self.daemon.address, source="127.0.0.2") as other:
            answer = other.request("PUT", "/files/d", (), content(1 << 20))
            self.assertEqual(answer.status, 201)

    def test_uploads_of_many_clients(self):
        tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "10"}
        for client in range(2, 5):
            with Conn(self.daemon.address, source=f"127.0.0.{client}") as conn:
                for turn in range(25 if client < 4 else 1):
                    answer = conn.request("POST", "/files", tus)
                    self.assertEqual(answer.status,
                                     201 if client < 4 else 503, turn)
        self.assertIn("50 uploads", self.assert_problem(
            answer, 503, "unavailable")["detail"])
        self.assertEqual(self.http("GET", "/readyz").status, 200)
        self.upload(content(1 << 20), "/files/d")


if __name__ == "__main__":
    main()
