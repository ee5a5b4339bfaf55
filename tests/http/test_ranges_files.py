# SPDX-License-Identifier: MIT
"""Ranges where they touch the life of a file: other methods, replaced, gone;
empty and large files, codings and digests.

A number in a name is one of docs/conformance/ranges.tsv.

Source: RFC 9110 sections 8.4, 9.3, 14, 15.5.6; RFC 9530
"""
import base64
import gzip
import hashlib
import re

from daemon import MemoryWatch
from harness import SANITIZED, Case, Worker, main, table, until
from reading import DATA, SIZE, Reading, parse_parts, seconds_of
from samples import content, sample_zip

NOT_APPLICABLE = {}


class Files(Reading):
    """The cases."""

    def test_3_21_other_methods(self):
        span = {"Range": "bytes=0-0"}
        post = self.http("POST", "/files", span, DATA)
        self.assertEqual(self.json(post, 201)["size"], SIZE)
        put = self.http("PUT", "/files/m", span, DATA)
        self.assertEqual(self.json(put, 201)["size"], SIZE)
        options = self.get(span, "OPTIONS")
        self.assertIn(options.status, (200, 204))
        for answer in (options, self.get(span, "PATCH")):
            self.assertIsNone(answer.get("Content-Range"))
            self.assertNotIn(answer.status, (206, 416))
        self.assertEqual(self.get(span, "DELETE", "/files/m").status, 204)

    # -- empty content: 34, 35 --------------------------------------------

    def empty(self, value):
        """A range of nothing: 200 and nothing."""
        self.upload(b"", "/files/empty")
        answer = self.get({"Range": value}, path="/files/empty")
        self.assertEqual((answer.status, answer.get("Content-Length"),
                          answer.get("Content-Range")), (200, "0", None))

    @table(("open", "bytes=0-"), ("first", "bytes=0-0"))
    def test_3_34_of_nothing(self, value):
        self.empty(value)

    def test_3_35_suffix_of_nothing(self):
        self.empty("bytes=-5")

    # -- 70 to 79 ---------------------------------------------------------

    def test_3_70_replaced_while_it_is_sent(self):
        old, new = content(3000000, 9), content(2000000, 10)
        self.upload(old, "/files/big")
        readers = []
        for headers in ((), {"Range": "bytes=100-2999999"},
                        {"Range": "bytes=0-999999,1500000-2999999"}):
            conn = self.conn(rcvbuf=4096)
            conn.send_request("GET", "/files/big", headers)
            readers.append((conn, conn.read_head()))
        self.upload(new, "/files/big")
        self.assert_same(readers[0][0].read_body(), old)
        self.assert_same(readers[1][0].read_body(), old[100:])
        conn, answer = readers[2]
        answer.body = conn.read_body()
        self.assertEqual([d for _, _, d in parse_parts(answer)],
                         [old[:1000000], old[1500000:]])
        self.assert_content("big", new)

    def test_3_71_accept_ranges(self):
        for method in ("GET", "HEAD"):
            self.assertEqual(
                self.get(method=method).get("Accept-Ranges"), "bytes")
        self.assertEqual(
            self.get({"Range": "bytes=5000-"}).get("Accept-Ranges"), "bytes")

    def test_3_72_files_are_never_coded(self):
        answer = self.get({"Accept-Encoding": "gzip, br, deflate"})
        self.assert_whole(answer)
        self.assertIsNone(answer.get("Content-Encoding"))
        self.assertEqual(answer.get("ETag"), self.tag)

    def test_3_72_coded_entry_is_another_representation(self):
        self.upload(sample_zip(), "/files/z")
        path = "/files/z/zip/deep%2Fer%2Fbig.txt"
        plain = self.get(path=path)
        coded = self.get({"Accept-Encoding": "gzip"}, path=path)
        self.assertEqual(coded.get("Content-Encoding"), "gzip")
        self.assert_same(gzip.decompress(coded.body), plain.body)
        self.assertNotEqual(coded.get("ETag"), plain.get("ETag"))
        for answer in (plain, coded):
            self.assertEqual(answer.get("Vary"), "Accept-Encoding")
        part = self.get({"Accept-Encoding": "gzip", "Range": "bytes=5-9"},
                        path=path)
        self.assertEqual((part.status, part.get("Content-Encoding"),
                          part.body), (206, None, plain.body[5:10]))
        # The coded one's validator is none of the plain one's.
        whole = self.get({"Accept-Encoding": "gzip", "Range": "bytes=5-9",
                          "If-Range": coded.get("ETag")}, path=path)
        self.assertEqual(whole.status, 200)
        again = self.get({"Accept-Encoding": "gzip",
                          "If-None-Match": coded.get("ETag")}, path=path)
        self.assertEqual((again.status, again.get("Vary")),
                         (304, "Accept-Encoding"))

    def digest(self, data):
        """The value of Repr-Digest."""
        value = base64.b64encode(hashlib.sha256(data).digest()).decode()
        return f"sha-256=:{value}:"

    def test_3_73_repr_digest_is_of_the_whole(self):
        self.upload(DATA, "/files/d", {"Want-Repr-Digest": "sha-256=10"})
        for headers in ((), {"Range": "bytes=0-9"}):
            answer = self.get(headers, path="/files/d")
            self.assertEqual(answer.get("Repr-Digest"), self.digest(DATA))
            self.assertIn(answer.get("Content-Digest"),
                          (None, self.digest(answer.body)))
        head = self.get(method="HEAD", path="/files/d")
        self.assertEqual(head.get("Repr-Digest"), self.digest(DATA))
        self.assertIsNone(head.get("Content-Digest"))

    def test_3_74_wanted_digests(self):
        self.upload(DATA, "/files/d?digest=sha-256")
        wanted = self.get({"Want-Repr-Digest": "sha-256=10, md5=0"},
                          path="/files/d")
        self.assertEqual(wanted.get("Repr-Digest"), self.digest(DATA))

    def test_3_74_digest_that_is_not_known_yet(self):
        for value, want in (("sha-256=0", None), ("md5=0", None),
                            ("md5=1, sha-256=10, x=3", self.digest(DATA))):
            answer = self.get({"Want-Repr-Digest": value})
            self.assertEqual(answer.get("Repr-Digest"), want, value)
        part = self.get({"Want-Repr-Digest": "sha-256=1",
                         "Range": "bytes=5-9"})
        self.assertEqual((part.status, part.get("Repr-Digest")),
                         (206, self.digest(DATA)))

    def test_3_75_ranges_of_entries(self):
        # The other classes of this program run every case on both kinds.
        self.upload(sample_zip(), "/files/z")
        tags = set()
        for name in ("stored.bin", "deep%2Fer%2Fbig.txt"):
            whole = self.get(path=f"/files/z/zip/{name}")
            part = self.get({"Range": "bytes=40000-40999"},
                            path=f"/files/z/zip/{name}")
            self.assertEqual(part.status, 206, part)
            self.assert_same(part.body, whole.body[40000:41000])
            self.assertRegex(part.get("ETag"), '^"[^"]+"$')
            tags.add(part.get("ETag"))
        self.upload(sample_zip(pad=10), "/files/z")
        for name in ("stored.bin", "deep%2Fer%2Fbig.txt"):
            tags.add(self.get(path=f"/files/z/zip/{name}").get("ETag"))
        self.assertEqual(len(tags), 4)

    def test_3_77_last_modified_is_never_in_the_future(self):
        for headers in ((), {"Range": "bytes=0-0"}):
            answer = self.get(headers)
            self.assertLessEqual(seconds_of(answer.get("Last-Modified")),
                                 seconds_of(answer.get("Date")))

    def test_3_78_allow(self):
        answer = self.get(method="OPTIONS")
        self.assertIn(answer.status, (200, 204))
        allow = set(re.split(", *", answer.get("Allow")))
        self.assertLessEqual({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"},
                             allow)
        for method, path in (("PUT", f"{self.path}/info"),
                             ("DELETE", f"{self.path}/events"),
                             ("DELETE", "/files")):
            answer = self.get(method=method, path=path)
            self.assert_problem(answer, 405)
            self.assertIn("GET", answer.get("Allow"))

    def test_3_79_gone_between_two_ranges(self):
        tag = self.upload(DATA, "/files/gone")["etag"]
        first = {"Range": "bytes=0-499"}
        self.assertEqual(self.get(first, path="/files/gone").status, 206)
        self.get(method="DELETE", path="/files/gone")
        for headers in ({"Range": "bytes=500-"},
                        {"Range": "bytes=500-", "If-Range": tag},
                        {"Range": "bytes=500-", "If-Match": tag}):
            self.assert_problem(self.get(headers, path="/files/gone"),
                                (404, 410))

    def test_3_79_expired_between_two_ranges(self):
        tag = self.upload(DATA, "/files/old?ttl=1")["etag"]

        def expired():
            answer = self.get({"Range": "bytes=500-", "If-Range": tag},
                              path="/files/old")
            return answer.status != 206 and answer
        self.assert_problem(until(expired, "it to expire"), (404, 410))

    # -- larger content ---------------------------------------------------

    def test_3_31_memory_by_the_number_of_ranges(self):
        # What is asked for is thirty times what memory may grow by.
        size = 16 << 20
        self.upload(content(size, 12), "/files/huge")
        conns = [self.conn(rcvbuf=4096) for _ in range(40)]
        with MemoryWatch(self.daemon) as watch:
            for conn in conns:
                conn.send_request("GET", "/files/huge", {
                    "Range": "bytes=0-7999999,8500000-"})
            for conn in conns:
                self.assertEqual(conn.read_head().status, 206)
                conn.read_body(100000)
        for conn in conns:
            conn.reset()
        if not SANITIZED:
            self.assertLess(watch.grown, 20 << 20)

    def test_large_parts_at_once(self):
        data = content(3000000, 9)
        self.upload(data, "/files/big")

        def read(shift):
            spans = [(shift + i * 500000, shift + i * 500000 + 99999)
                     for i in range(5)]
            answer = self.get({"Range": "bytes=" + ",".join(
                f"{a}-{b}" for a, b in spans)}, path="/files/big")
            self.assertEqual(answer.status, 206, answer)
            self.assertEqual(len(answer.body),
                             int(answer.get("Content-Length")))
            for (_, _, part), (a, b) in zip(parse_parts(answer), spans):
                self.assert_same(part, data[a:b + 1])
        for job in [Worker(read, i * 1013) for i in range(16)]:
            job.result()


class Memory(Files, Case):
    """All content stays in memory."""

    OPTIONS = ["spool.memory_max=16M"]


class Disk(Files, Case):
    """All content goes to disk."""

    OPTIONS = ["spool.memory_max=500"]


if __name__ == "__main__":
    main()
