# SPDX-License-Identifier: MIT
"""The list of files: what one answer costs, whoever asks and however he reads.

Source: API.md section 1; docs/limits.md.
"""
import errno
import json
import os
import tempfile

from faults import OPEN, Faults
from harness import Case, Conn, Daemon, main, table, until
from restarting import HOW, Restarting
from samples import form

FORM = {"Content-Type": "multipart/form-data; boundary=frontier"}
# Files that one answer looks at, whatever it finds.
LOOK = 2048


def many(count, name="x", kind="text/plain"):
    """A form with so many small files."""
    return form([("f", b"x", name, kind)] * count)


class Look(Case):
    """An answer looks at so many files; `next` tells where to go on."""

    @classmethod
    def start(cls):
        super().start()
        with Conn(cls.daemon.address) as conn:
            for _ in range(3):
                answer = conn.request("POST", "/files", FORM, many(1000))
                assert answer.status == 201, answer

    def test_a_page_may_be_empty(self):
        first = self.json(self.http("GET", "/files?state=failed"))
        self.assertEqual(first["files"], [])
        self.assertIsNotNone(first["next"])
        last = self.json(self.http(
            "GET", f"/files?state=failed&after={first['next']}"))
        self.assertEqual(last, {"files": [], "next": None})

    def test_what_is_far_is_found(self):
        conn = self.conn()
        conn.send_request("PUT", "/files/far", {"Content-Length": "10"})
        conn.send(b"12345")
        self.wait_received("far", 5)
        found = self.pages("/files?state=receiving", "files")
        self.assertEqual([one["id"] for one in found], ["far"])
        conn.close()
        until(lambda: self.info("far") is None, "the upload to be gone")

    def test_all_are_there_once(self):
        ids = [one["id"] for one in self.pages("/files?limit=1000", "files")]
        self.assertEqual(len(ids), 3000)
        self.assertEqual(len(set(ids)), 3000)

    def test_a_full_page_has_what_was_asked_for(self):
        for limit in (1, 15, 16, 17, 1000):
            page = self.json(self.http("GET", f"/files?limit={limit}"))
            self.assertEqual(len(page["files"]), limit)
            self.assertIsNotNone(page["next"])

    def test_head(self):
        self.assertEqual(self.http("HEAD", "/files?limit=1000").status, 200)


class Readers(Case):
    """Who does not read a long list holds a piece of it, of a share of the
    memory; past that others are told to wait."""

    @classmethod
    def start(cls):
        # What is sent and not read a Unix socket does not take much of.
        cls.folder = tempfile.TemporaryDirectory(dir="/var/tmp")
        cls.path = os.path.join(cls.folder.name, "http.sock")
        cls.daemon = Daemon(f"server.listen=127.0.0.1:0, unix:{cls.path}",
                            "spool.memory_budget=2M")
        body = many(1000, "%22" * 80, "text/x-" + "y" * 240)
        with Conn(cls.daemon.address) as conn:
            answer = conn.request("POST", "/files", FORM, body)
            assert answer.status == 201, answer

    @classmethod
    def finish(cls):
        super().finish()
        cls.folder.cleanup()

    def reader(self, target):
        """A connection that reads no more than the head of the answer."""
        conn = Conn(self.path)
        self.addCleanup(conn.close)
        conn.send_request("GET", target)
        return conn, conn.read_head()

    def gather(self, target, most):
        """Readers until one is refused."""
        readers = []
        while len(readers) < most:
            conn, head = self.reader(target)
            if head.status != 200:
                break
            readers.append(conn)
        head.body = conn.read_body()
        return readers, head

    def test_bounded(self):
        readers, refused = self.gather("/files?limit=1000", 100)
        # Half a megabyte is for them.
        self.assertTrue(3 <= len(readers) <= 20, len(readers))
        self.assert_problem(refused, 503, "unavailable")
        self.assertIsNotNone(refused.get("Retry-After"))
        # Short ones are answered.
        self.assertEqual(len(self.json(self.http(
            "GET", "/files?limit=2"))["files"]), 2)
        # Whoever reads on after all gets all of it.
        page = json.loads(readers[0].read_body())
        self.assertEqual(len(page["files"]), 1000)
        for conn in readers:
            conn.close()
        until(lambda: self.http("GET", "/files?limit=1000").status == 200,
              "room")

    def test_memory_is_given_back(self):
        def used():
            return self.metric('spool_bytes{tier="memory"}')
        before = used()
        conn, _ = self.reader("/files?limit=1000")
        self.assertGreater(used(), before)
        conn.close()
        until(lambda: used() == before, "the memory to be given back")

    def test_a_deleted_file_is_not_held(self):
        made = self.upload(b"x" * 300000, "/files/large")
        conn, _ = self.reader("/files?limit=1000")
        held = self.metric('spool_bytes{tier="memory"}')
        self.assertEqual(self.http("DELETE", made["links"]["self"]).status,
                         204)
        until(lambda: self.metric('spool_bytes{tier="memory"}') <= held - 300000,
              "its memory")
        conn.close()


class Again(Restarting):
    """Who goes on with a list of another start is not told that it has
    ended, nor who asks before all of it is there."""

    NAMES = [f"f{i}" for i in range(6)]

    def run_daemon(self, *options, how=HOW):
        if self.faults is None:
            self.faults = Faults(self.dir)
        self.daemon = Daemon(how, dir=self.dir, env=self.faults.env)
        self.addCleanup(self.daemon.kill)

    def setUp(self):
        self.faults = None
        super().setUp()
        for name in self.NAMES:
            self.upload(b"x", f"/files/{name}")
        self.restored()

    def page(self, after=None):
        """Two of them."""
        return self.json(self.http(
            "GET", "/files?limit=2" + (f"&after={after}" if after else "")))

    def assert_listed(self, names):
        """These are all, each once; of those of the same age in any order."""
        found = self.pages("/files?limit=2", "files")
        self.assertCountEqual([one["id"] for one in found], names)

    def assert_other(self, after):
        """It is no mark of this list."""
        answer = self.http("GET", f"/files?after={after}")
        self.assert_problem(answer, 400, "bad-request")
        self.assertIn("of another list", json.loads(answer.body)["detail"])

    def test_restarted(self):
        self.assert_listed(self.NAMES)
        mark = self.page()["next"]
        self.again()
        self.restored()
        self.assert_other(mark)
        self.assert_listed(self.NAMES)

    def test_before_all_is_found(self):
        self.daemon.kill()
        # It is tried again and again.
        self.faults.fail(OPEN, errno.EMFILE, name="f3")
        self.run_daemon()
        until(lambda: any("not all files" in line
                          for line in self.daemon.lines), "a first try")
        self.upload(b"x", "/files/new")
        first = self.page()
        page = first
        while page["next"]:
            self.assertIs(page["complete"], False)
            page = self.page(page["next"])
        self.assertIs(page["complete"], False)
        self.faults.stop()
        self.restored()
        self.assert_other(first["next"])
        self.assertNotIn("complete", self.page())
        self.assert_listed([*self.NAMES, "new"])

    @table(*[(text or "nothing", text) for text in (
        "", "1", "-1", "0123456789abcdef", "0123456789abcdef-",
        "0123456789abcdef-x", "0123456789abcdef-18446744073709551616",
        "0123456789ABCDEF-1", "x" * 16 + "-1", "1" * 70)])
    def test_none_of_ours(self, text):
        answer = self.http("GET", f"/files?after={text}")
        self.assert_problem(answer, 400, "bad-request")
        self.assertIn("not what an answer", json.loads(answer.body)["detail"])


if __name__ == "__main__":
    main()
