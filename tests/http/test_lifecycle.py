# SPDX-License-Identifier: MIT
"""The life of files: descriptors, lists, deletion, expiry; operations.

Source: API.md sections 1, 2, 3, 7; RFC 9457; Prometheus text format 0.0.4.
"""
import re
import socket

from harness import Case, main, table, until
from samples import content

SAMPLE = re.compile(
    r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-z_]+="[^"\\\n]*"(,[a-z_]+="[^"\\\n]*")*,?'
    r"\})? (NaN|[+-]?Inf|-?[0-9.]+(e[+-]?\d+)?)( -?\d+)?")
LARGE = 8000000


class Evicted(Case):
    """Small files that share a file on the disk."""

    OPTIONS = ["spool.memory_budget=256K", "spool.memory_max=64K"]
    COUNT = 40

    def test_reader_that_has_not_read_yet(self):
        # All is in the socket when the file goes: it must not be changed.
        for at in range(self.COUNT):
            self.upload(content(20000, at), f"/files/{at}")
        until(lambda: self.info("0")["storage"]["tier"] == "disk",
              "the first file to go to disk")
        for at in range(self.COUNT):
            conn = self.conn()
            conn.send_request("GET", f"/files/{at}")
            conn.sock.recv(1, socket.MSG_PEEK)
            self.assertEqual(self.http("DELETE", f"/files/{at}").status, 204)
            self.assert_same(conn.read().body, content(20000, at))


class Lives:
    """Cases for files in memory and on disk."""

    def slow_reader(self, name):
        """A reader that has the head, and nearly all before it."""
        conn = self.conn(rcvbuf=4096)
        conn.send_request("GET", f"/files/{name}")
        head = conn.read_head()
        self.assertEqual(head.status, 200)
        return conn

    def test_reader_of_a_deleted_file(self):
        data = content(LARGE, 1)
        self.upload(data, "/files/a")
        conn = self.slow_reader("a")
        self.assertEqual(self.http("DELETE", "/files/a").status, 204)
        self.assert_same(conn.read_body(), data)
        self.assertTrue(conn.is_in_step())

    def test_readers_of_a_replaced_file(self):
        old, new = content(LARGE, 1), content(LARGE, 2)
        self.upload(old, "/files/b")
        before = [self.slow_reader("b") for _ in range(5)]
        self.upload(new, "/files/b")
        after = [self.slow_reader("b") for _ in range(5)]
        for conn in before:
            self.assert_same(conn.read_body(), old)
        for conn in after:
            self.assert_same(conn.read_body(), new)

    def test_reader_of_an_expired_file(self):
        data = content(LARGE, 3)
        self.upload(data, "/files/c?ttl=1")
        conn = self.slow_reader("c")
        until(lambda: self.info("c") is None, "the file to expire")
        self.assert_same(conn.read_body(), data)

    def test_if_range_does_not_hide_a_new_file(self):
        tag = self.upload(content(1000, 1), "/files/d")["etag"]
        self.upload(content(1000, 2), "/files/d")
        answer = self.http("GET", "/files/d", {"Range": "bytes=0-9",
                                               "If-Range": tag})
        self.assertEqual(answer.status, 200)
        self.assert_same(answer.body, content(1000, 2))

    def test_space_comes_back(self):
        def held():
            return {inode for inode, size, _ in self.daemon.open_files()
                    if size}
        before = held()
        for seed in range(5):
            self.upload(content(LARGE, seed), "/files/e")
        self.assertEqual(self.http("DELETE", "/files/e").status, 204)
        until(lambda: held() <= before, "the disk to be given back")


class Memory(Lives, Case):
    """Files in memory."""

    OPTIONS = ["spool.memory_max=32M"]


class Disk(Lives, Case):
    """Files on disk."""

    OPTIONS = ["spool.memory_max=64K"]


class Files(Case):
    """One file after the other."""

    @table(("GET", "GET", ""), ("HEAD", "HEAD", ""), ("info", "GET", "/info"),
           ("zip", "GET", "/zip"), ("DELETE", "DELETE", ""))
    def test_deleted(self, method, tail):
        self.upload(b"x", "/files/del")
        answer = self.http("DELETE", "/files/del")
        self.assertEqual((answer.status, answer.body), (204, b""))
        answer = self.http(method, f"/files/del{tail}")
        self.assertIn(answer.status, (404, 410))
        if method != "HEAD":
            self.assert_problem(answer, (404, 410))

    def test_delete_nothing(self):
        self.assert_problem(self.http("DELETE", "/files/never"), 404)

    def test_delete_conditions(self):
        tag = self.upload(b"x", "/files/dc")["etag"]
        self.assert_problem(
            self.http("DELETE", "/files/dc", {"If-Match": '"other"'}), 412)
        self.assert_content("dc", b"x")
        answer = self.http("DELETE", "/files/dc", {"If-Match": tag})
        self.assertEqual(answer.status, 204)

    def test_id_can_be_used_again(self):
        self.upload(b"one", "/files/again")
        self.http("DELETE", "/files/again")
        answer = self.http("PUT", "/files/again", (), b"two")
        self.assertEqual(answer.status, 201)
        self.assert_content("again", b"two")

    def test_ttl(self):
        made = self.upload(b"x", "/files?ttl=1")
        until(lambda: self.info(made["id"]) is None, "the file to expire")
        self.assert_problem(self.http("GET", made["links"]["self"]),
                            (404, 410))

    def test_longer_ttl_stays(self):
        stays = self.upload(b"x", "/files?ttl=3600")
        goes = self.upload(b"x", "/files?ttl=1")
        until(lambda: self.info(goes["id"]) is None, "the file to expire")
        self.assert_content(stays["id"], b"x")

    def test_replacing_renews_the_ttl(self):
        self.upload(b"x", "/files/ren?ttl=1")
        self.upload(b"y", "/files/ren?ttl=3600")
        goes = self.upload(b"x", "/files?ttl=1")
        until(lambda: self.info(goes["id"]) is None, "the file to expire")
        self.assert_content("ren", b"y")

    def test_reads_1(self):
        made = self.upload(b"once", "/files?reads=1")
        self.assert_content(made["id"], b"once")
        until(lambda: self.info(made["id"]) is None, "the file to be gone")

    def test_reads_2(self):
        made = self.upload(b"twice", "/files?reads=2")
        for _ in range(2):
            self.assert_content(made["id"], b"twice")
        until(lambda: self.info(made["id"]) is None, "the file to be gone")

    def test_a_range_of_all_is_a_download(self):
        made = self.upload(b"once", "/files?reads=1")
        answer = self.http("GET", made["links"]["self"],
                           {"Range": "bytes=0-"})
        self.assertEqual((answer.status, answer.body), (206, b"once"))
        until(lambda: self.info(made["id"]) is None, "the file to be gone")

    def test_reads_counts_complete_downloads(self):
        data = content(3000000)
        made = self.upload(data, "/files?reads=1")
        path = made["links"]["self"]
        for _ in range(3):
            self.http("HEAD", path)
            self.info(made["id"])
            answer = self.http("GET", path, {"Range": "bytes=0-9"})
            self.assertEqual(answer.status, 206)
            answer = self.http("GET", path, {"If-None-Match": "*"})
            self.assertEqual(answer.status, 304)
            conn = self.conn(rcvbuf=4096)
            conn.send_request("GET", path)
            conn.read_head()
            conn.read_body(1000)
            conn.reset()
        self.assert_content(made["id"], data)
        until(lambda: self.info(made["id"]) is None, "the file to be gone")

    def test_info_of_a_ready_file_does_not_wait(self):
        made = self.upload(b"x")
        self.assertEqual(self.info(made["id"], "?wait=1000000")["state"],
                         "ready")

    @table(("word", "wait=x"), ("negative", "wait=-1"))
    def test_bad_wait(self, query):
        made = self.upload(b"x")
        self.assert_problem(
            self.http("GET", f"/files/{made['id']}/info?{query}"), 400)


class Listing(Case):
    """GET /files"""

    @classmethod
    def start(cls):
        super().start()
        cls.names = set()

    def setUp(self):
        while len(self.names) < 25:
            self.names.add(self.upload(
                b"x" * len(self.names), f"/files/n{len(self.names)}")["id"])

    @table(("1", 1), ("7", 7), ("25", 25), ("1000", 1000))
    def test_pages(self, limit):
        first = self.json(self.http("GET", f"/files?limit={limit}"))
        self.assertEqual(len(first["files"]), min(limit, 25))
        found = self.pages(f"/files?limit={limit}", "files")
        self.assertEqual(len(found), 25)
        self.assertEqual({one["id"] for one in found}, self.names)
        for one in found:
            self.assert_descriptor(one, state="ready")

    def test_default_page(self):
        self.assertEqual({one["id"] for one in self.pages("/files", "files")},
                         self.names)

    def test_state(self):
        conn = self.conn()
        conn.send_request("PUT", "/files/grows", {"Content-Length": "10"})
        conn.send(b"12345")
        self.wait_received("grows", 5)
        found = self.pages("/files?state=receiving", "files")
        self.assertEqual([one["id"] for one in found], ["grows"])
        found = self.pages("/files?state=ready", "files")
        self.assertEqual({one["id"] for one in found}, self.names)
        conn.close()
        until(lambda: self.info("grows") is None, "the upload to be gone")

    @table(("limit 0", "limit=0"), ("limit word", "limit=x"),
           ("limit negative", "limit=-1"), ("state", "state=other"))
    def test_bad_parameter(self, query):
        self.assert_problem(self.http("GET", f"/files?{query}"), 400)

    def test_huge_limit_is_bounded(self):
        answer = self.http("GET", "/files?limit=4000000000")
        self.assertIn(answer.status, (200, 400))

    def test_pages_while_files_go(self):
        first = self.json(self.http("GET", "/files?limit=5"))
        last = first["files"][-1]["id"]
        self.http("DELETE", f"/files/{last}")
        self.names.discard(last)
        mark = first["next"]
        target = mark if str(mark).startswith("/") else (
            f"/files?limit=100&after={mark}")
        rest = {one["id"] for one in self.pages(target, "files")}
        seen = {one["id"] for one in first["files"]}
        self.assertEqual((rest | seen) - {last}, self.names)
        self.assertFalse(rest & seen)


class Operations(Case):
    """Health, readiness, metrics, the front page, and problems."""

    def test_health(self):
        for path in ("/healthz", "/readyz"):
            self.assertEqual(self.http("GET", path).status, 200)
            self.assertEqual(self.http("HEAD", path).status, 200)

    def metrics(self):
        """{sample: value}; the format is checked."""
        answer = self.http("GET", "/metrics")
        self.assertEqual(answer.status, 200)
        self.assertRegex(answer.get("Content-Type"),
                         r"^text/plain; ?version=0\.0\.4")
        self.assertTrue(answer.body.endswith(b"\n"))
        found, types = {}, {}
        for line in answer.body.decode().splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self.assertNotIn(name, types)
                self.assertIn(kind, ("counter", "gauge", "histogram",
                                     "summary", "untyped"))
                types[name] = kind
            elif line and not line.startswith("#"):
                self.assertRegex(line, f"^{SAMPLE.pattern}$")
                key, value = line.rsplit(" ", 1)
                self.assertNotIn(key, found)
                name = key.partition("{")[0]
                base = re.sub("_(bucket|sum|count)$", "", name)
                self.assertTrue(name in types or base in types, line)
                found[key] = float(value)
        return found

    def test_metrics(self):
        before = self.metrics()
        self.assertTrue(all(k.startswith("spillway_") or k.startswith(
            "process_") for k in before))
        self.upload(content(100000), "/files/m")
        self.assert_content("m", content(100000))
        after = self.metrics()
        grown = {k for k in after if after[k] > before.get(k, 0)}
        self.assertTrue([k for k in grown if "bytes" in k], grown)
        self.assertTrue([k for k in grown if "request" in k], grown)

    def test_front_page(self):
        for accept in ("text/html", "*/*"):
            answer = self.http("GET", "/", {"Accept": accept})
            self.assertEqual(answer.status, 200)
            self.assertTrue(answer.body)

    @table(
        ("400", "POST", "/files?ttl=x", {}, 400),
        ("404", "GET", "/files/none", {}, 404),
        ("404 path", "GET", "/x/y/z", {}, 404),
        ("405", "DELETE", "/files", {}, 405),
        ("412", "GET", "/files/p", {"If-Match": '"x"'}, 412),
        ("416", "GET", "/files/p", {"Range": "bytes=9-"}, 416),
        ("422", "GET", "/files/p/zip", {}, 422),
        ("501", "BREW", "/files/p", {}, 501))
    def test_problem(self, method, target, headers, status):
        self.upload(b"12345", "/files/p")
        answer = self.http(method, target, headers)
        problem = self.assert_problem(answer, status)
        # The type names the kind, whatever the detail says.
        again = self.assert_problem(self.http(method, target, headers),
                                    status)
        self.assertEqual(problem["type"], again["type"])
        self.assertIsNone(answer.get("ETag") if status == 404 else None)


if __name__ == "__main__":
    main()
