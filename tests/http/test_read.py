# SPDX-License-Identifier: MIT
"""Reading sealed files: header fields, names, many and slow readers.

The same cases run on a file in memory and on one on disk: nothing that a
reader can see may tell which it is.

Source: API.md section 3; RFC 9110 section 8.8; RFC 6266; RFC 8246.
"""
import re

from harness import Case, Worker, main, table
from reading import DATA, Reading, seconds_of
from samples import content


class Reads(Reading):
    """The cases; ranges are in test_ranges.py."""

    # -- the whole --------------------------------------------------------

    def test_whole(self):
        answer = self.get()
        self.assert_whole(answer)
        self.assertEqual(answer.get("Accept-Ranges"), "bytes")
        self.assertEqual(answer.get("ETag"), self.tag)
        self.assertEqual(answer.get("Content-Type"), "text/x-r")
        self.assertEqual(answer.get("X-Content-Type-Options"), "nosniff")
        self.assertLessEqual(
            {"immutable", "private"},
            set(re.split(", *", answer.get("Cache-Control"))))
        self.assertRegex(
            answer.get("Last-Modified"),
            r"^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$")
        self.assertLessEqual(seconds_of(answer.get("Last-Modified")),
                             seconds_of(answer.get("Date")))

    def test_head(self):
        get, head = self.get(), self.get(method="HEAD")
        self.assertEqual((head.status, head.body), (200, b""))
        want = [f for f in get.fields if f[0].lower() != "date"]
        have = [f for f in head.fields if f[0].lower() != "date"]
        self.assertEqual(sorted(have), sorted(want))

    def test_escaped_id(self):
        self.assert_whole(self.get(path="/files/%72"))

    def test_absolute_form(self):
        self.assert_whole(self.get(path=f"{self.daemon.url}/files/r"))

    def test_unknown_query_is_ignored(self):
        self.assert_whole(self.get(path="/files/r?x=1&&=&y"))

    # -- Content-Disposition ----------------------------------------------

    @table(
        ("inline", "", "inline"), ("download", "?download", "attachment"),
        ("download=", "?download=", "attachment"))
    def test_disposition(self, query, kind):
        self.upload(DATA, "/files/n?name=a%20b.txt")
        value = self.get(path=f"/files/n{query}").get("Content-Disposition")
        self.assertRegex(value, f'^{kind}; filename="a b.txt"')

    def test_download_by_another_name(self):
        answer = self.get(path="/files/r?download=c%20d.bin")
        self.assertRegex(answer.get("Content-Disposition"),
                         '^attachment; filename="c d.bin"')
        self.assert_whole(answer)

    def test_disposition_utf8(self):
        self.upload(DATA, "/files/u?name=Gr%C3%BC%C3%9Fe%E2%82%AC.txt")
        value = self.get(path="/files/u").get("Content-Disposition")
        self.assertRegex(
            value, r"^inline; (filename=\"[ -~]*\"; )?"
            r"filename\*=UTF-8''Gr%C3%BC%C3%9Fe%E2%82%AC\.txt$")

    @table(("CRLF", "a%0d%0aX-Evil:1"), ("quotes", "%22;x=%22"),
           ("path", "..%2f..%2fx"), ("NUL", "a%00b"))
    def test_hostile_download_name(self, name):
        answer = self.get(path=f"/files/r?download={name}")
        if answer.status != 200:
            self.assert_problem(answer, 400)
            return
        self.assertIsNone(answer.get("X-Evil"))
        self.assertRegex(answer.get("Content-Disposition"),
                         r'^attachment(; filename="([^"/\\]|\\.)*")?'
                         r"(; filename\*=UTF-8''[^/;\s]*)?$")

    def test_no_name_no_disposition(self):
        made = self.upload(DATA)
        answer = self.get(path=made["links"]["self"])
        self.assertIsNone(answer.get("Content-Disposition"))

    # -- larger content ---------------------------------------------------

    def test_large_in_small_sips(self):
        data = content(3000000, 9)
        self.upload(data, "/files/big")
        conn = self.conn(rcvbuf=4096)
        conn.send_request("GET", "/files/big")
        conn.read_head()
        got = bytearray()
        while len(got) < len(data):
            got += conn.read_body(min(7919, len(data) - len(got)))
        self.assert_same(bytes(got), data)
        self.assertTrue(conn.is_in_step())

    def test_large_ranges_at_once(self):
        data = content(3000000, 9)
        self.upload(data, "/files/big")

        def read(first, last):
            answer = self.get({"Range": f"bytes={first}-{last}"},
                              path="/files/big")
            self.assertEqual(answer.status, 206)
            self.assert_same(answer.body, data[first:last + 1])
        jobs = [Worker(read, i * 100003, i * 150001 + 65536)
                for i in range(16)]
        for job in jobs:
            job.result()

    def test_clients_that_leave(self):
        self.upload(content(3000000, 9), "/files/big")
        for turn in range(20):
            conn = self.conn(rcvbuf=4096)
            conn.send_request("GET", "/files/big")
            conn.read_head()
            conn.read_body(1000)
            if turn % 2:
                conn.reset()
            else:
                conn.close()
        self.assert_whole(self.get())


class Memory(Reads, Case):
    """All content stays in memory."""

    OPTIONS = ["spool.memory_max=16M"]

    def test_is_in_memory(self):
        self.assertEqual(self.info("r")["storage"]["tier"], "memory")


class Disk(Reads, Case):
    """All content goes to disk."""

    OPTIONS = ["spool.memory_max=500"]

    def test_is_on_disk(self):
        self.assertEqual(self.info("r")["storage"]["tier"], "disk")


if __name__ == "__main__":
    main()
