# SPDX-License-Identifier: MIT
"""Plain uploads: POST, PUT, and where the bytes are kept.

Source: API.md section 2; RFC 9110 sections 9.3.3, 9.3.4, 10.1.1, 13.1.
"""
import base64
import datetime
import gzip
import hashlib
import json

from harness import Case, Conn, Worker, main, table, until
from reading import parse_parts
from resuming import INTEROP
from samples import content, form
from wire import encode_chunk, encode_request

KIB = 1024


def when(stamp):
    """A time of a descriptor."""
    return datetime.datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ")


class Post(Case):
    """POST /files with a body of any type."""

    def check_created(self, answer, data):
        """A 201 as it should be, and the content behind it."""
        made = self.json(answer, 201)
        self.assert_descriptor(made, state="ready", size=len(data))
        self.assertEqual(answer.get("Location"), f"/files/{made['id']}")
        self.assertEqual(answer.get("ETag"), made["etag"])
        self.assertEqual(made["source"]["kind"], "upload")
        self.assert_content(made["id"], data)
        return made

    @table(("1", 1), ("1000", 1000), ("64 KiB", 64 * KIB),
           ("300001", 300001), ("5 MB", 5000001))
    def test_length(self, size):
        data = content(size)
        self.check_created(self.http("POST", "/files", (), data), data)

    @table(("no length", None), ("length 0", b""))
    def test_empty(self, body):
        made = self.check_created(self.http("POST", "/files", (), body), b"")
        self.assertEqual(made["storage"]["tier"], "memory")

    @table(("1", 1), ("17", 17), ("4096", 4096), ("65536", 65536),
           ("all", 1 << 30))
    def test_chunked(self, step):
        data = content(3000 if step == 1 else 200000, 1)
        body = b"".join(encode_chunk(data[at:at + step])
                        for at in range(0, len(data), step))
        answer = self.http("POST", "/files",
                           {"Transfer-Encoding": "chunked"},
                           body + encode_chunk(b""))
        self.check_created(answer, data)

    def test_chunked_empty(self):
        answer = self.http("POST", "/files", {"Transfer-Encoding": "chunked"},
                           encode_chunk(b""))
        self.check_created(answer, b"")

    def test_chunked_trailers(self):
        answer = self.http("POST", "/files", {"Transfer-Encoding": "chunked"},
                           encode_chunk(b"abc") + b"0\r\nX-Sum: 1\r\n\r\n")
        self.check_created(answer, b"abc")

    @table(("length", False), ("chunked", True))
    def test_byte_by_byte(self, chunked):
        data = content(200, 2)
        head = {"Transfer-Encoding": "chunked"} if chunked else ()
        body = (encode_chunk(data[:99]) + encode_chunk(data[99:])
                + encode_chunk(b"")) if chunked else data
        conn = self.conn()
        conn.send_slowly(encode_request("POST", "/files", head, body))
        self.check_created(conn.read(), data)

    def test_many_on_one_connection(self):
        conn = self.conn()
        for seed in range(20):
            data = content(5000 + seed, seed)
            made = self.json(conn.request("POST", "/files", (), data), 201)
            self.assert_content(made["id"], data)

    def test_pipelined(self):
        bodies = [content(3000, seed) for seed in range(10)]
        conn = self.conn()
        conn.send(b"".join(encode_request("POST", "/files", (), b)
                           for b in bodies))
        for body in bodies:
            self.check_created(conn.read(), body)

    def test_ids_are_long_and_differ(self):
        ids = {self.upload(b"x")["id"] for _ in range(50)}
        self.assertEqual(len(ids), 50)
        for name in ids:
            self.assertRegex(name, r"^[A-Za-z0-9_~-][A-Za-z0-9._~-]{21,}$")

    def test_type_is_kept(self):
        made = self.upload(b"{}", headers={"Content-Type": "text/x-y; z=1"})
        self.assertEqual(made["type"], "text/x-y; z=1")
        answer = self.http("GET", made["links"]["self"])
        self.assertEqual(answer.get("Content-Type"), "text/x-y; z=1")

    @table(("as long as one may be", 255, 201), ("longer", 256, 413))
    def test_length_of_type(self, length, status):
        kind = "text/" + "x" * (length - 5)
        before = self.file_count()
        for target, headers, body in (
                ("/files", {"Content-Type": kind}, b"x"),
                ("/files", {"Content-Type": kind, "Upload-Complete": "?1",
                            **INTEROP}, b"x"),
                ("/files", {"Content-Type": "multipart/form-data; "
                            "boundary=frontier"},
                 form([("f", b"x", "n", kind)]))):
            answer = self.http("POST", target, headers, body)
            if status == 413:
                self.assert_problem(answer, 413, "too-large")
                continue
            made = self.json(answer, 201)
            made = made["files"][0] if "files" in made else made
            self.assertEqual(made["type"], kind)
        if status == 413:
            self.assertEqual(self.file_count(), before)

    def test_digest_costs_nothing_unasked(self):
        self.assertIsNone(self.upload(b"x")["digest"])

    @table(
        ("query", "?name=a%20b.txt", {}, "a b.txt"),
        ("query utf-8", "?name=Gr%C3%BC%C3%9Fe.txt", {}, "Grüße.txt"),
        ("disposition", "", {"Content-Disposition":
                             'attachment; filename="c d.txt"'}, "c d.txt"),
        ("filename*", "", {"Content-Disposition": "attachment; filename=no;"
                           " filename*=UTF-8''%e2%82%ac.txt"}, "€.txt"),
        ("query wins", "?name=q", {"Content-Disposition":
                                   "attachment; filename=d"}, "q"))
    def test_name(self, query, headers, name):
        made = self.upload(b"x", "/files" + query, headers)
        self.assertEqual(made["name"], name)
        self.assertEqual(self.info(made["id"])["name"], name)

    def test_no_name(self):
        self.assertIsNone(self.upload(b"x")["name"])

    @table(("CRLF", "a%0d%0aX-Evil:%201"), ("quote", "a%22;x=%22"),
           ("path", "..%2f..%2fetc%2fpasswd"), ("NUL", "a%00b"),
           ("bad utf-8", "a%ff%fe"), ("long", "a" * 3000))
    def test_hostile_name(self, name):
        answer = self.http("POST", f"/files?name={name}", (), b"x")
        if answer.status != 201:
            self.assert_problem(answer, 400)
            return
        answer = self.http("GET", answer.get("Location"))
        self.assertIsNone(answer.get("X-Evil"))
        disposition = answer.get("Content-Disposition", "inline")
        self.assertRegex(
            disposition, r'^inline(; filename="([^"/\\]|\\.)*")?'
            r"(; filename\*=UTF-8''[A-Za-z0-9!#$&+.^_`|~%-]*)?$")
        self.assertNotRegex(disposition, "%2[fF]|%5[cC]|%00")

    def test_ttl(self):
        made = self.upload(b"x", "/files?ttl=3600")
        life = when(made["expires"]) - when(made["created"])
        self.assertAlmostEqual(life.total_seconds(), 3600, delta=2)

    @table(("ttl word", "ttl=abc"), ("ttl negative", "ttl=-1"),
           ("ttl huge", "ttl=99999999999999999999999"),
           ("ttl fraction", "ttl=1.5"), ("reads word", "reads=abc"),
           ("reads negative", "reads=-1"))
    def test_bad_parameter(self, query):
        before = self.file_count()
        self.assert_problem(
            self.http("POST", f"/files?{query}", (), b"x"), 400)
        self.assertEqual(self.file_count(), before)

    def test_plain_text_answer(self):
        answer = self.http("POST", "/files", {"Accept": "text/plain"}, b"abc")
        self.assertEqual(answer.status, 201)
        self.assertRegex(answer.get("Content-Type"), "^text/plain")
        self.assertEqual(answer.body.decode(), self.daemon.url
                         + answer.get("Location") + "\n")
        self.assert_content(answer.get("Location").split("/")[-1], b"abc")

    @table(("json", "application/json"), ("any", "*/*"),
           ("browser", "text/html,application/xhtml+xml,*/*;q=0.8"),
           ("both", "application/json, text/plain;q=0.5"))
    def test_json_answer(self, accept):
        answer = self.http("POST", "/files", {"Accept": accept}, b"abc")
        self.json(answer, 201)

    @table(("preferred", "application/json;q=0.5, text/plain", True),
           ("any text", "text/*", True),
           ("named before any", "*/*, text/plain", True),
           ("first of two", "text/plain, application/json", True),
           ("not at all", "text/plain;q=0, */*;q=0.1", False),
           ("less", "text/plain;q=0.3, application/*;q=0.4", False),
           ("nonsense", ";;,,q=", False), ("image", "image/png", False))
    def test_weighed_answer(self, accept, text):
        answer = self.http("POST", "/files", {"Accept": accept}, b"abc")
        self.assertEqual(answer.status, 201)
        self.assertEqual(answer.get("Content-Type").startswith("text/plain"),
                         text)

    def test_range_is_ignored(self):
        answer = self.http("POST", "/files", {"Range": "bytes=0-0"}, b"abc")
        self.check_created(answer, b"abc")

    @table(("length", False), ("chunked", True))
    def test_broken_body_leaves_nothing(self, chunked):
        before = self.file_count()
        with Conn(self.daemon.address) as conn:
            if chunked:
                conn.send_request("POST", "/files",
                                  {"Transfer-Encoding": "chunked"})
                conn.send_chunk(content(100000))
            else:
                conn.send_request("POST", "/files",
                                  {"Content-Length": "200000"})
                conn.send(content(100000))
            conn.end_sending()
            conn.read_end()
        until(lambda: self.file_count() == before, "the upload to be gone")


class Put(Case):
    """PUT /files/{id}: the client names the file."""

    def test_create_and_replace(self):
        first, second = content(1000, 1), content(2000, 2)
        answer = self.http("PUT", "/files/p1", (), first)
        made = self.json(answer, 201)
        self.assert_descriptor(made, id="p1", state="ready", name="p1")
        self.assertEqual(answer.get("Location"), "/files/p1")
        self.assert_content("p1", first)
        again = self.json(self.http("PUT", "/files/p1", (), second), 200)
        self.assertNotEqual(again["etag"], made["etag"])
        self.assert_content("p1", second)

    def test_if_none_match(self):
        headers = {"If-None-Match": "*"}
        self.json(self.http("PUT", "/files/p2", headers, b"a"), 201)
        self.assert_problem(self.http("PUT", "/files/p2", headers, b"b"), 412)
        self.assert_content("p2", b"a")

    def test_if_match(self):
        tag = self.upload(b"a", "/files/p3")["etag"]
        self.assert_problem(
            self.http("PUT", "/files/p3", {"If-Match": '"other"'}, b"b"), 412)
        self.assert_problem(
            self.http("PUT", "/files/p3", {"If-Match": f"W/{tag}"}, b"b"), 412)
        self.assert_content("p3", b"a")
        self.json(self.http("PUT", "/files/p3",
                            {"If-Match": f'"other", {tag}'}, b"c"), 200)
        self.assert_problem(
            self.http("PUT", "/files/p3", {"If-Match": tag}, b"d"), 412)
        self.json(self.http("PUT", "/files/p3", {"If-Match": "*"}, b"e"), 200)
        self.assert_content("p3", b"e")

    def test_if_match_on_nothing(self):
        self.assert_problem(
            self.http("PUT", "/files/p4", {"If-Match": "*"}, b"a"), 412)
        self.assertIsNone(self.info("p4"))

    @table(("If-None-Match", {"If-None-Match": "*"}),
           ("If-Match", {"If-Match": '"other"'}))
    def test_refused_before_the_body(self, headers):
        self.upload(b"a", "/files/p5")
        conn = self.conn()
        conn.send_request("PUT", "/files/p5", {
            **headers, "Expect": "100-continue", "Content-Length": "100000"})
        answer = conn.read()
        self.assertEqual(answer.interim, [])
        self.assert_problem(answer, 412)

    @table(("all kinds", "Az09._~-"), ("200 bytes", "a" * 200),
           ("escaped", "%41b%63"), ("one", "x"))
    def test_good_id(self, name):
        self.upload(b"abc", f"/files/{name}")
        plain = name.replace("%41", "A").replace("%63", "c")
        self.assertEqual(self.info(plain)["id"], plain)

    @table(("dot first", ".a"), ("dots", ".."), ("escaped dots", "%2e%2e"),
           ("slash", "a%2Fb"), ("space", "a%20b"), ("NUL", "a%00b"),
           ("non-ASCII", "%C3%BC"), ("201 bytes", "a" * 201),
           ("plus", "a+b"), ("bad escape", "a%4"))
    def test_bad_id(self, name):
        before = self.file_count()
        self.assert_problem(
            self.http("PUT", f"/files/{name}", (), b"abc"), (400, 404))
        self.assertEqual(self.file_count(), before)

    @table(("first part", "bytes 0-2/10"), ("last part", "bytes 7-9/10"),
           ("total unknown", "bytes 0-2/*"), ("too long", "bytes 0-3/4"),
           ("too short", "bytes 0-1/2"), ("no range", "bytes */3"),
           ("other unit", "lines 0-2/3"), ("malformed", "bytes 0-2"))
    def test_content_range_is_refused(self, value):
        headers = {"Content-Range": value}
        self.assert_problem(
            self.http("PUT", "/files/p6", headers, b"abc"), 400)
        self.assertIsNone(self.info("p6"))

    def test_content_range_twice(self):
        headers = [("Content-Range", "bytes 0-2/3"),
                   ("Content-Range", "bytes 0-2/10")]
        self.assert_problem(
            self.http("PUT", "/files/p6", headers, b"abc"), 400)
        self.assertIsNone(self.info("p6"))

    def test_content_range_of_all(self):
        headers = {"Content-Range": "bytes 0-2/3"}
        self.upload(b"abc", "/files/whole", headers)
        self.assert_content("whole", b"abc")

    def test_broken_replacement_keeps_the_old(self):
        self.upload(b"old", "/files/p7")
        with Conn(self.daemon.address) as conn:
            conn.send_request("PUT", "/files/p7", {"Content-Length": "100"})
            conn.send(b"new")
            conn.end_sending()
            conn.read_end()
        self.assert_content("p7", b"old")

    def test_two_at_once(self):
        bodies = [content(300000, 1), content(400000, 2)]
        conns = [self.conn(), self.conn()]
        for conn, body in zip(conns, bodies):
            conn.send(encode_request("PUT", "/files/p8", (), body)[:-1000])
        for conn, body in zip(conns, bodies):
            conn.send(body[-1000:])
            answer = conn.read()
            self.assertIn(answer.status, (200, 201, 409, 412), answer)
        self.assertIn(self.http("GET", "/files/p8").body, bodies)

    def test_location_of_a_type(self):
        made = self.upload(b"a", "/files/p9?name=other.txt",
                           {"Content-Type": "text/plain"})
        self.assertEqual((made["name"], made["type"]),
                         ("other.txt", "text/plain"))


class Coded(Case):
    """Content-Encoding belongs to what is uploaded, and comes back with it.

    Source: RFC 9110 section 8.4
    """

    PLAIN = content(3000)
    GZIP = gzip.compress(PLAIN)

    @table(("POST", "POST", "/files"), ("PUT", "PUT", "/files/p"),
           ("IETF", "POST", "/files", {"Upload-Complete": "?1"}))
    def test_kept(self, method, target, headers=()):
        made = self.upload(self.GZIP, target, {
            **dict(headers), "Content-Encoding": "gzip",
            "Content-Type": "text/plain"}, method)
        url = made["links"]["self"]
        for method in ("GET", "HEAD"):
            answer = self.http(method, url)
            self.assertEqual(answer.get("Content-Encoding"), "gzip")
            self.assertEqual(answer.get("Content-Type"), "text/plain")
            self.assertEqual(answer.get("Content-Length"),
                             str(len(self.GZIP)))
        self.assertEqual(gzip.decompress(self.http("GET", url).body),
                         self.PLAIN)

    def test_ranges_and_digests_are_of_the_coded_bytes(self):
        digest = base64.b64encode(hashlib.sha256(self.GZIP).digest()).decode()
        self.upload(self.GZIP, "/files/r", {
            "Content-Encoding": "gzip",
            "Content-Digest": f"sha-256=:{digest}:"})
        answer = self.http("GET", "/files/r", {"Range": "bytes=0-9"})
        self.assertEqual((answer.status, answer.get("Content-Encoding")),
                         (206, "gzip"))
        self.assertEqual(answer.body, self.GZIP[:10])
        self.assertEqual(answer.get("Repr-Digest"), f"sha-256=:{digest}:")

    def test_several_ranges(self):
        # The parts are coded, the multipart is not.
        data = self.GZIP + content(3000)
        self.upload(data, "/files/m", {"Content-Encoding": "gzip"})
        answer = self.http("GET", "/files/m", {"Range": "bytes=0-9,500-509"})
        self.assertIsNone(answer.get("Content-Encoding"))
        for (_, fields, got), first in zip(parse_parts(answer), (0, 500)):
            self.assertEqual(fields["content-encoding"], "gzip")
            self.assertEqual(got, data[first:first + 10])

    def test_replaced(self):
        old = self.upload(self.GZIP, "/files/x", {"Content-Encoding": "gzip"})
        new = self.upload(self.PLAIN, "/files/x")
        self.assertNotEqual(old["etag"], new["etag"])
        answer = self.http("GET", "/files/x")
        self.assertIsNone(answer.get("Content-Encoding"))
        self.assert_same(answer.body, self.PLAIN)

    @table(("several", "br, gzip", "br, gzip"), ("unknown", "x-own", "x-own"),
           ("none", "identity", None), ("empty", "", None))
    def test_told_as_it_was(self, value, want):
        made = self.upload(b"abc", headers={"Content-Encoding": value})
        answer = self.http("GET", made["links"]["self"])
        self.assertEqual(answer.get("Content-Encoding"), want)

    @table(("space", "g zip"), ("parameter", "gzip;q=1"), ("quoted", '"x"'),
           ("long", "x" * 200))
    def test_malformed(self, value):
        before = self.file_count()
        for headers in ({}, {"Upload-Complete": "?1"},
                        {"Content-Type": "multipart/form-data; boundary=x"}):
            self.assert_problem(self.http("POST", "/files", {
                **headers, "Content-Encoding": value}, b"abc"), 400)
        self.assertEqual(self.file_count(), before)

    def test_two_fields(self):
        self.assert_problem(self.http("POST", "/files", [
            ("Content-Encoding", "gzip"), ("Content-Encoding", "br")],
            b"abc"), 400)


class Spill(Case):
    """spool.memory_max: the length that stays in memory, and one more."""

    MAX = 64 * KIB
    OPTIONS = [f"spool.memory_max={MAX}"]

    def put(self, data, chunked):
        """Store it one way or the other: the descriptor."""
        if not chunked:
            return self.upload(data)
        body = b"".join(encode_chunk(data[at:at + 10007])
                        for at in range(0, len(data), 10007))
        return self.json(self.http(
            "POST", "/files", {"Transfer-Encoding": "chunked"},
            body + encode_chunk(b"")), 201)

    @table(("length", False), ("chunked", True))
    def test_exactly(self, chunked):
        data = content(self.MAX)
        made = self.put(data, chunked)
        self.assertEqual(made["storage"], {
            "tier": "memory", "memory_bytes": self.MAX, "disk_bytes": 0,
            "spilled": None})
        self.assert_content(made["id"], data)

    @table(("length", False), ("chunked", True))
    def test_one_more(self, chunked):
        data = content(self.MAX + 1)
        made = self.put(data, chunked)

        def settled():
            # Writing the last bytes may end behind the answer.
            storage = self.info(made["id"])["storage"]
            return storage["memory_bytes"] == 0 and storage
        self.assertEqual(until(settled, "all bytes on disk"), {
            "tier": "disk", "memory_bytes": 0, "disk_bytes": self.MAX + 1,
            "spilled": "limit"})
        self.assert_content(made["id"], data)

    def test_info_agrees(self):
        made = self.upload(content(1000))
        self.assertEqual(self.info(made["id"])["storage"], made["storage"])


class Budget(Case):
    """spool.memory_budget: what does not fit goes to disk, none is lost."""

    OPTIONS = ["spool.memory_max=256K", "spool.memory_budget=1M"]

    def test_spilled(self):
        bodies = [content(200000, seed) for seed in range(20)]
        jobs = [Worker(self.upload, body) for body in bodies]
        made = [job.result() for job in jobs]
        tiers = {}
        for one, body in zip(made, bodies):
            self.assert_content(one["id"], body)
            storage = self.info(one["id"])["storage"]
            tiers.setdefault(storage["tier"], []).append(storage)
        held = sum(s["memory_bytes"] for s in tiers.get("memory", []))
        self.assertLessEqual(held, 1 << 20)
        self.assertIn("disk", tiers)
        for storage in tiers["disk"]:
            self.assertEqual(storage["spilled"], "budget", json.dumps(tiers))


class SmallBudget(Case):
    """A memory_max beyond the budget is no more than the budget."""

    OPTIONS = ["spool.memory_max=4M", "spool.memory_budget=1M"]

    def test_spilled(self):
        data = content(1500000)
        made = self.upload(data)
        self.assert_content(made["id"], data)
        self.assertEqual(self.info(made["id"])["storage"]["tier"], "disk")


if __name__ == "__main__":
    main()
