# SPDX-License-Identifier: MIT
"""Reading sealed files: ranges, header fields, names.

The same cases run on a file in memory and on one on disk: nothing that a
reader can see may tell which it is.

Source: API.md section 3; RFC 9110 sections 8.8, 14, 15.3.7, 15.5.17;
RFC 6266; RFC 8246.
"""
import re

from harness import Case, Worker, main, table
from reading import DATA, SIZE, Reading, seconds_of
from samples import content
from wire import encode_request

HUGE = "9" * 23


def parse_parts(answer):
    """The parts of multipart/byteranges as (Content-Range, fields, data)."""
    kind = answer.get("Content-Type")
    match = re.fullmatch(r"multipart/byteranges; boundary=([!-~]{1,70})", kind)
    assert match, kind
    boundary = match[1].encode()
    body = answer.body
    if not body.startswith(b"\r\n"):
        body = b"\r\n" + body
    pieces = body.split(b"\r\n--" + boundary)
    assert pieces[0] == b"" and pieces[-1] in (b"--", b"--\r\n"), pieces
    parts = []
    for piece in pieces[1:-1]:
        head, _, data = piece.partition(b"\r\n\r\n")
        fields = dict(line.decode().split(": ", 1)
                      for line in head.split(b"\r\n")[1:])
        fields = {name.lower(): value for name, value in fields.items()}
        parts.append((fields["content-range"], fields, data))
    return parts


class Reads(Reading):
    """The cases; checklist 1 to 35."""

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

    # -- one range: checklist 2 to 15 -------------------------------------

    @table(
        ("first byte", "bytes=0-0", 0, 0),
        ("first half", "bytes=0-499", 0, 499),
        ("second half", "bytes=500-", 500, 999),
        ("last byte, open", "bytes=999-", 999, 999),
        ("last byte", "bytes=999-999", 999, 999),
        ("past the end", "bytes=990-1990", 990, 999),
        ("all, open", "bytes=0-", 0, 999),
        ("all", "bytes=0-999", 0, 999),
        ("suffix", "bytes=-10", 990, 999),
        ("suffix 1", "bytes=-1", 999, 999),
        ("suffix of all", "bytes=-1000", 0, 999),
        ("suffix of more", "bytes=-5000", 0, 999),
        ("end past 2^64", f"bytes=0-{HUGE}", 0, 999),
        ("suffix past 2^64", f"bytes=-{HUGE}", 0, 999),
        ("end 2^63", "bytes=1-9223372036854775808", 1, 999),
        ("end 2^64-1", "bytes=1-18446744073709551615", 1, 999),
        ("leading zeros", "bytes=0005-0009", 5, 9),
        ("Bytes", "Bytes=0-1", 0, 1),
        ("BYTES", "BYTES=0-1", 0, 1),
        ("empty members", "bytes=,0-1,,", 0, 1),
        ("spaces", "bytes= 5-9 ", 5, 9),
        ("tab", "bytes=\t5-9\t", 5, 9))
    def test_single(self, value, first, last):
        self.assert_part(self.get({"Range": value}), first, last)

    @table(
        ("suffix 0", "bytes=-0"), ("at the end", "bytes=1000-"),
        ("far out", "bytes=5000-6000"), ("past 2^64", f"bytes={HUGE}-"),
        ("2^64-1", "bytes=18446744073709551615-"),
        ("2^63", "bytes=9223372036854775808-9223372036854775809"),
        ("all of them", "bytes=1000-,2000-3000,-0"))
    def test_unsatisfiable(self, value):
        self.assert_unsatisfiable(self.get({"Range": value}))

    # -- malformed: 16 to 18 ----------------------------------------------

    @table(
        ("last before first", "bytes=5-2"),
        ("one member bad", "bytes=0-1,5-2"),
        ("letters", "bytes=abc-xyz"), ("dash", "bytes=-"),
        ("no dash", "bytes=5"), ("nothing", "bytes="),
        ("two dashes", "bytes=1-2-3"), ("hex", "bytes=0x1-5"),
        ("plus", "bytes=+1-5"), ("fraction", "bytes=1.0-5"),
        ("space in suffix", "bytes=- 5"), ("space in first", "bytes=1 -5"),
        ("no comma", "bytes=10-11 12-"), ("negative", "bytes=--5"),
        ("only commas", "bytes=,,,"), ("no =", "bytes 0-5"))
    def test_malformed(self, value):
        self.assert_unsatisfiable(self.get({"Range": value}))

    # -- ignored: 19 to 22 ------------------------------------------------

    @table(("items", "items=0-5"), ("seconds", "seconds=1-2"),
           ("no unit", "0-5"),
           ("byte", "byte=0-5"), ("empty", ""))
    def test_unknown_unit_is_ignored(self, value):
        self.assert_whole(self.get({"Range": value}))

    def test_two_fields_are_ignored(self):
        self.assert_whole(self.get([("Range", "bytes=0-1"),
                                    ("Range", "bytes=4-5")]))

    @table(("satisfiable", "bytes=0-9"), ("not", "bytes=5000-"),
           ("malformed", "bytes=x"))
    def test_head_ignores_range(self, value):
        answer = self.get({"Range": value}, "HEAD")
        self.assertEqual((answer.status, answer.get("Content-Length"),
                          answer.get("Content-Range")),
                         (200, str(SIZE), None))

    def test_delete_ignores_range(self):
        self.upload(DATA, "/files/gone")
        answer = self.get({"Range": "bytes=0-0"}, "DELETE", "/files/gone")
        self.assertEqual(answer.status, 204)

    # -- many ranges: 23 to 33 --------------------------------------------

    @table(
        ("three", "bytes=0-9,200-209,-10", [(0, 9), (200, 209), (990, 999)]),
        ("order kept", "bytes=500-600,0-10", [(500, 600), (0, 10)]),
        ("spaces", "bytes=0-9 ,\t200-209", [(0, 9), (200, 209)]),
        ("one out", "bytes=0-9,200-209,5000-", [(0, 9), (200, 209)]))
    def test_multiple(self, value, spans):
        answer = self.get({"Range": value})
        self.assertEqual(answer.status, 206, answer)
        self.assertIsNone(answer.get("Content-Range"))
        self.assertEqual(answer.get("Content-Length"), str(len(answer.body)))
        parts = parse_parts(answer)
        self.assertEqual([p[0] for p in parts],
                         [f"bytes {a}-{b}/{SIZE}" for a, b in spans])
        for (_, fields, data), (first, last) in zip(parts, spans):
            self.assertEqual(fields["content-type"], "text/x-r")
            self.assert_same(data, DATA[first:last + 1])

    @table(
        ("one satisfiable", "bytes=0-9,5000-", 0, 9),
        ("one after empties", "bytes=,,,990-", 990, 999),
        ("overlapping", "bytes=0-9,5-19", 0, 19),
        ("adjacent", "bytes=0-9,10-19", 0, 19),
        ("same twice", "bytes=3-7,3-7", 3, 7),
        ("one in another", "bytes=0-99,20-29", 0, 99),
        ("small gap", "bytes=0-9,40-49", 0, 49),
        ("backwards", "bytes=10-19,0-9", 0, 19))
    def test_coalesced(self, value, first, last):
        self.assert_part(self.get({"Range": value}), first, last)

    @table(
        ("all bytes in small ones",
         "bytes=" + ",".join(f"{i}-{i}" for i in range(0, 1000, 2))),
        ("backwards",
         "bytes=" + ",".join(f"{i}-{i}" for i in range(990, 0, -90))),
        ("1000 times all", "bytes=" + ",".join(["0-"] * 1000)),
        ("1000 suffixes", "bytes=" + ",".join(["-1"] * 1000)),
        ("two halves that are all", "bytes=0-499,500-999"))
    def test_many(self, value):
        # 200, or a 206 with right parts that is not larger than need be.
        answer = self.get({"Range": value})
        self.assertIn(answer.status, (200, 206))
        if answer.status == 200:
            self.assert_whole(answer)
        elif answer.get("Content-Range"):
            first, last = re.fullmatch(r"bytes (\d+)-(\d+)/1000",
                                       answer.get("Content-Range")).groups()
            self.assert_part(answer, int(first), int(last))
        else:
            self.assertLess(len(answer.body), 2 * SIZE)
            for name, _, data in parse_parts(answer):
                first, last = re.fullmatch(r"bytes (\d+)-(\d+)/1000",
                                           name).groups()
                self.assert_same(data, DATA[int(first):int(last) + 1])

    def test_boundary_is_not_in_the_content(self):
        answers = [self.get({"Range": "bytes=0-9,200-209"})
                   for _ in range(3)]
        for answer in answers:
            boundary = answer.get("Content-Type").partition("boundary=")[2]
            self.assertGreaterEqual(len(boundary), 16)
            self.assertNotIn(boundary.encode(), DATA)

    # -- empty content: 34, 35 --------------------------------------------

    @table(("open", "bytes=0-"), ("first", "bytes=0-0"),
           ("suffix", "bytes=-5"), ("none", None))
    def test_empty_content(self, value):
        self.upload(b"", "/files/empty")
        answer = self.get({"Range": value} if value else (),
                          path="/files/empty")
        self.assertEqual((answer.status, answer.get("Content-Length")),
                         (200, "0"))

    def test_pipelined(self):
        conn = self.conn()
        spans = [(i, i + 37) for i in range(0, 900, 25)]
        conn.send(b"".join(
            encode_request("GET", self.path, {"Range": f"bytes={a}-{b}"})
            for a, b in spans))
        for first, last in spans:
            self.assert_part(conn.read(), first, last)
        self.assertTrue(conn.is_in_step())

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
