# SPDX-License-Identifier: MIT
"""Ranges of content that is still coming in, or never came whole.

HAVE bytes are there and the daemon says so before a reader comes; so "at
once" means: without another byte from the uploader. A number in a name is one
of docs/conformance/ranges.tsv.

Source: RFC 9110 sections 14.4, 15.3.7; RFC 8673
"""
import gzip
import io
import os
import zipfile

from fetching import ALLOW, Fetching
from growing import DATA, HAVE, TOTAL, Grows
from harness import Case, Truncated, main, table, until
from origin import Page
from reading import parse_parts
from samples import content, text

LIVE = 9007199254740991

NOT_APPLICABLE = {}


class Growing(Grows):
    """The cases; begin(True) is an upload of unknown length."""

    def span(self, value):
        """Ask for a range: the connection, nothing read yet."""
        return self.reader({"Range": f"bytes={value}"})

    def test_3_46_tag_is_that_of_the_end_or_absent(self):
        for chunked in (False, True):
            upload = self.begin(chunked)
            tags = [self.span("0-99").read().get("ETag"),
                    self.http("HEAD", self.path).get("ETag")]
            made = upload.end()
            for tag in tags:
                self.assertIn(tag, (None, made["etag"]))

    def test_3_46_if_range_while_it_grows(self):
        # Nothing it could compare with: all of it.
        upload = self.begin(False)
        conn = self.reader({"Range": "bytes=0-9", "If-Range": '"x"'})
        self.assertEqual(conn.read_head().status, 200)
        upload.end()
        self.assert_same(conn.read_body(), DATA)

    # -- length known -----------------------------------------------------

    @table(("known", False), ("unknown", True))
    def test_3_55_304_while_it_grows(self, chunked):
        # Also where nobody knows how long the content will be there is no
        # body, nor the last chunk of one: http() looks behind the answer.
        upload = self.begin(chunked)
        for method in ("GET", "HEAD"):
            answer = self.http(method, self.path, {"If-None-Match": "*"})
            self.assertEqual(answer.status, 304)
            self.assertIsNone(answer.get("Transfer-Encoding"))
            self.assertIn(answer.get("Content-Length"),
                          (None,) if chunked else (None, str(TOTAL)))
        upload.end()

    def test_3_60_range_that_is_there(self):
        upload = self.begin(False)
        for first, last in ((0, 99), (0, HAVE - 1), (70000, 70009),
                            (HAVE - 1, HAVE - 1)):
            self.assert_part(self.span(f"{first}-{last}").read(),
                             first, last, TOTAL)
        upload.end()

    def test_3_60_range_half_there(self):
        upload = self.begin(False)
        conn = self.span("99000-149999")
        head = conn.read_head()
        self.assertEqual((head.status, head.get("Content-Range")),
                         (206, f"bytes 99000-149999/{TOTAL}"))
        self.assert_same(conn.read_body(1000), DATA[99000:HAVE])
        upload.send(150000)
        self.assert_same(conn.read_body(), DATA[HAVE:150000])
        self.assertTrue(conn.is_in_step())
        upload.end()

    def test_3_60_range_half_there_is_cut_with_its_source(self):
        upload = self.begin(False)
        conn = self.span("99000-149999")
        conn.read_head()
        conn.read_body(1000)
        upload.abort()
        with self.assertRaises(Truncated) as caught:
            conn.read_body()
        self.assertEqual(caught.exception.body, b"")

    def test_3_60_several_ranges(self):
        upload = self.begin(False)
        conn = self.span("0-99,50000-50099,200000-200099,-10")
        head = conn.read_head()
        self.assertEqual(head.status, 206)
        upload.end()
        head.body = conn.read_body()
        self.assertEqual(int(head.get("Content-Length")), len(head.body))
        self.assertEqual(
            [(name, data) for name, _, data in parse_parts(head)],
            [(f"bytes {a}-{b}/{TOTAL}", DATA[a:b + 1]) for a, b in (
                (0, 99), (50000, 50099), (200000, 200099),
                (TOTAL - 10, TOTAL - 1))])
        self.assertTrue(conn.is_in_step())

    @table(("open", "250000-", 250000, TOTAL - 1),
           ("closed", "250000-250009", 250000, 250009),
           ("suffix", "-10", TOTAL - 10, TOTAL - 1),
           ("past the end", f"250000-{LIVE}", 250000, TOTAL - 1))
    def test_3_61_range_not_there_yet(self, value, first, last):
        upload = self.begin(False)
        far = self.span(value)
        # Who wants what is there is not held up.
        for at in range(0, HAVE, 20000):
            answer = self.http("GET", self.path,
                               {"Range": f"bytes={at}-{at + 99}"})
            self.assert_part(answer, at, at + 99, TOTAL)
        upload.end()
        self.assert_part(far.read(), first, last, TOTAL)

    def test_3_61_range_past_the_length(self):
        upload = self.begin(False)
        answer = self.span(f"{TOTAL}-").read()
        self.assert_problem(answer, 416)
        self.assertEqual(answer.get("Content-Range"), f"bytes */{TOTAL}")
        upload.end()

    # -- length unknown ---------------------------------------------------

    def test_3_62_range_that_is_there(self):
        upload = self.begin(True)
        for first, last in ((0, 99), (0, HAVE - 1), (70000, 70009),
                            (HAVE - 1, HAVE - 1)):
            self.assert_part(self.span(f"{first}-{last}").read(),
                             first, last, "*")
        upload.end()

    def test_3_63_open_range_is_a_snapshot(self):
        upload = self.begin(True)
        self.assert_part(self.span("500-").read(), 500, HAVE - 1, "*")
        upload.send(150000)
        self.assert_part(self.span("500-").read(), 500, 149999, "*")
        upload.end()

    def test_3_64_suffix(self):
        # The last bytes are not known yet.
        upload = self.begin(True)
        answer = self.span("-100").read()
        self.assert_problem(answer, 416)
        self.assertEqual(answer.get("Content-Range"), f"bytes */{HAVE}")
        upload.end()
        self.assert_part(self.span("-100").read(), TOTAL - 100, TOTAL - 1,
                         TOTAL)

    def test_3_65_closed_range_waits_for_its_bytes(self):
        upload = self.begin(True)
        conn = self.span("150000-150009")
        self.http("GET", "/healthz")
        upload.send(200000)
        self.assert_part(conn.read(), 150000, 150009, "*")
        late = self.span(f"{TOTAL}-")
        upload.end()
        answer = late.read()
        self.assert_problem(answer, 416)
        self.assertEqual(answer.get("Content-Range"), f"bytes */{TOTAL}")

    def test_3_65_closed_range_that_ends_early(self):
        upload = self.begin(True)
        conn = self.span(f"150000-{TOTAL + 5}")
        upload.end()
        self.assert_part(conn.read(), 150000, TOTAL - 1, TOTAL)

    def test_3_66_probe(self):
        upload = self.begin(True)
        self.assert_part(self.span("0-").read(), 0, HAVE - 1, "*")
        head = self.http("HEAD", self.path, {"Range": "bytes=0-"})
        self.assertEqual((head.status, head.get("Content-Length"),
                          head.get("Content-Range")), (200, None, None))
        self.assertEqual(head.get("Accept-Ranges"), "bytes")
        upload.end()

    @table(("from the start", 0, LIVE), ("from within", 500, LIVE),
           ("from the last byte", HAVE - 1, LIVE),
           ("larger still", 500, 2**63 + 1))
    def test_3_67_live_range(self, first, last):
        upload = self.begin(True)
        conn = self.span(f"{first}-{last}")
        head = conn.read_head()
        self.assertEqual(
            (head.status, head.get("Content-Range"), head.framing),
            (206, f"bytes {first}-{last}/*", "chunked"))
        self.assert_same(conn.read_body(HAVE - first), DATA[first:HAVE])
        upload.send(150000)
        self.assert_same(conn.read_body(50000), DATA[HAVE:150000])
        upload.end()
        self.assert_same(conn.read_body(), DATA[150000:])
        self.assertTrue(conn.is_in_step())

    @table(("at the edge", HAVE), ("beyond it", 150000))
    def test_3_67_live_range_of_what_is_not_there(self, first):
        upload = self.begin(True)
        conn = self.span(f"{first}-{LIVE}")
        self.http("GET", "/healthz")
        upload.send(200000)
        head = conn.read_head()
        self.assertEqual((head.status, head.get("Content-Range")),
                         (206, f"bytes {first}-{LIVE}/*"))
        upload.end()
        self.assert_same(conn.read_body(), DATA[first:])

    def test_3_67_live_range_is_cut_with_its_source(self):
        upload = self.begin(True)
        conn = self.span(f"500-{LIVE}")
        conn.read_head()
        conn.read_body(HAVE - 500)
        upload.abort()
        with self.assertRaises(Truncated):
            conn.read_body()

    def test_3_67_end_past_2_64_is_a_snapshot(self):
        upload = self.begin(True)
        answer = self.span(f"500-{'9' * 23}").read()
        self.assert_part(answer, 500, HAVE - 1, "*")
        upload.end()

    @table(("known", False), ("unknown", True))
    def test_3_68_whole_follows_to_the_end(self, chunked):
        upload = self.begin(chunked)
        conn = self.reader()
        head = conn.read_head()
        self.assertEqual(head.status, 200)
        self.assertEqual(head.framing, "chunked" if chunked else "length")
        self.assert_same(conn.read_body(HAVE), DATA[:HAVE])
        upload.end()
        self.assert_same(conn.read_body(), DATA[HAVE:])
        self.assertTrue(conn.is_in_step())

    @table(("known", False), ("unknown", True))
    def test_3_68_failed_upload_has_no_clean_end(self, chunked):
        upload = self.begin(chunked)
        conn = self.reader()
        conn.read_head()
        conn.read_body(HAVE)
        upload.abort()
        with self.assertRaises(Truncated) as caught:
            conn.read_body()
        self.assertEqual(caught.exception.body, b"")

    @table(("known", False), ("unknown", True))
    def test_3_69_what_was_served_stays_true(self, chunked):
        upload = self.begin(chunked)
        early = self.span("0-99999").read().body
        upload.end()
        whole = self.http("GET", self.path)
        self.assert_same(whole.body[:HAVE], early)
        self.assertTrue(whole.get("ETag"))
        self.assert_part(self.span("100-").read(), 100, TOTAL - 1, TOTAL)
        tagged = self.reader({"Range": "bytes=100-109",
                              "If-Range": whole.get("ETag")}).read()
        self.assert_part(tagged, 100, 109, TOTAL)

    @table(("known", False), ("unknown", True))
    def test_3_71_accept_ranges(self, chunked):
        upload = self.begin(chunked)
        self.assertEqual(
            self.http("HEAD", self.path).get("Accept-Ranges"), "bytes")
        self.assertEqual(
            self.span("0-9").read().get("Accept-Ranges"), "bytes")
        upload.end()


class Memory(Growing, Case):
    """All of it stays in memory."""

    OPTIONS = ["spool.memory_max=16M"]


class Disk(Growing, Case):
    """All of it goes to disk at once."""

    OPTIONS = ["spool.memory_max=0"]


class Crossing(Growing, Case):
    """It moves from memory to disk while it is read."""

    OPTIONS = ["spool.memory_max=128K"]


class Failed(Fetching):
    """A file whose origin broke off stays, with what came."""

    DAEMON = True
    OPTIONS = ALLOW

    def broken(self, framing):
        """The path of a file of TOTAL bytes of which HAVE came."""
        url = self.origin.add(f"/{framing}", Page(
            DATA, cut=HAVE, ranges=False, framing=framing))
        made = self.fetched(url)
        self.assertEqual((made["state"], made["received"]),
                         ("failed", HAVE), made)
        return made["links"]["self"]

    @table(("known", "length", str(TOTAL)), ("unknown", "chunked", "*"))
    def test_3_60_failed_file_serves_what_came(self, framing, total):
        path = self.broken(framing)
        for first, last in ((0, 99), (HAVE - 10, HAVE - 1)):
            answer = self.http("GET", path,
                               {"Range": f"bytes={first}-{last}"})
            self.assertEqual(answer.status, 206, answer)
            self.assertEqual(answer.get("Content-Range"),
                             f"bytes {first}-{last}/{total}")
            self.assert_same(answer.body, DATA[first:last + 1])

    @table(("known", "length"), ("unknown", "chunked"))
    def test_3_61_failed_file_has_no_more(self, framing):
        path = self.broken(framing)
        for value in ("200000-200009", f"{HAVE}-{HAVE + 9}", f"{HAVE}-"):
            answer = self.http("GET", path, {"Range": f"bytes={value}"})
            self.assert_problem(answer, 502)

    @table(("known", "length"), ("unknown", "chunked"))
    def test_3_68_failed_file_has_no_clean_end(self, framing):
        path = self.broken(framing)
        for headers in ((), {"Range": f"bytes=0-{LIVE}"}):
            conn = self.conn()
            conn.send_request("GET", path, headers)
            self.assertIn(conn.read_head().status, (200, 206))
            with self.assertRaises(Truncated) as caught:
                conn.read_body()
            self.assert_same(caught.exception.body, DATA[:HAVE])


class Cold(Case):
    """What the kernel has to fetch from the disk is there all the same."""

    OPTIONS = ["spool.memory_max=0"]

    def evict(self):
        """Have the kernel forget what it has of the daemon's files."""
        folder = f"/proc/{self.daemon.pid}/fd"
        for fd in os.listdir(folder):
            try:
                name = os.readlink(f"{folder}/{fd}")
                if not name.startswith(self.daemon.spool + "/"):
                    continue
                with open(f"{folder}/{fd}", "rb") as file:
                    os.fsync(file.fileno())
                    os.posix_fadvise(file.fileno(), 0, 0,
                                     os.POSIX_FADV_DONTNEED)
            except OSError:
                pass

    def reads(self):
        """How often a reply had to wait for the disk."""
        return self.metric("disk_reads_total")

    def test_long(self):
        # Longer than what is looked at before the first byte goes out.
        data = content(12000000, 7)
        self.upload(data, "/files/w")
        before = self.reads()
        for _ in range(3):
            self.evict()
            self.assert_content("w", data)
            self.evict()
            # The beginning is at hand, and nothing else.
            self.http("GET", "/files/w", {"Range": "bytes=0-3999999"})
            self.assert_content("w", data)
        self.assertGreaterEqual(self.reads(), before)

    @table(("small", 5000000, 5000009), ("block", 5000000, 5065535),
           ("large", 1, 11000000))
    def test_one_range(self, first, last):
        data = content(12000000, 7)
        self.upload(data, "/files/w")
        for cold in (True, False):
            if cold:
                self.evict()
            answer = self.http("GET", "/files/w",
                               {"Range": f"bytes={first}-{last}"})
            self.assertEqual(answer.status, 206)
            self.assert_same(answer.body, data[first:last + 1])

    def test_readers_of_long_ones_that_leave(self):
        data = content(12000000, 7)
        self.upload(data, "/files/w")
        for turn in range(20):
            self.evict()
            conn = self.conn(rcvbuf=4096)
            conn.send_request("GET", "/files/w")
            conn.read_head()
            conn.read_body(turn * 400000)
            conn.reset()
        self.assert_content("w", data)

    def test_slow_reader_of_a_long_one(self):
        data = content(12000000, 7)
        self.upload(data, "/files/w")
        slow = self.conn(rcvbuf=4096)
        slow.send_request("GET", "/files/w")
        slow.read_head()
        got = b""
        while len(got) < len(data):
            self.evict()
            piece = min(3000000, len(data) - len(got))
            got += slow.read_body(piece)
            self.assert_healthy()
        self.assert_same(got, data)

    def test_several_ranges(self):
        data = content(3000000, 9)
        self.upload(data, "/files/c")
        before = self.reads()
        for _ in range(3):
            self.evict()
            spans = [(i * 400000, i * 400000 + 99999) for i in range(7)]
            answer = self.http("GET", "/files/c", {"Range": "bytes=" + ",".join(
                f"{a}-{b}" for a, b in spans)})
            self.assertEqual(answer.status, 206)
            self.assertEqual([d for _, _, d in parse_parts(answer)],
                             [data[a:b + 1] for a, b in spans])
        # Not every file system can forget, or tell.
        self.assertGreaterEqual(self.reads(), before)

    def test_coded_entry(self):
        out = io.BytesIO()
        data = text(2000000, 3)
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("t.txt", data)
        self.upload(out.getvalue(), "/files/z")
        self.http("GET", "/files/z/zip")
        self.evict()
        answer = self.http("GET", "/files/z/zip/t.txt",
                           {"Accept-Encoding": "gzip"})
        self.assertEqual(answer.get("Content-Encoding"), "gzip")
        self.assert_same(gzip.decompress(answer.body), data)

    def test_follower(self):
        data = content(3000000, 9)
        conn = self.conn()
        conn.send_request("PUT", "/files/g", {
            "Content-Length": str(len(data))})
        conn.send(data[:2900000])
        self.wait_received("g", 2900000)
        until(lambda: self.info("g")["storage"]["disk_bytes"] > 2000000,
              "it to be on disk")
        self.evict()
        follower = self.conn()
        follower.send_request("GET", "/files/g")
        follower.read_head()
        self.assert_same(follower.read_body(2900000), data[:2900000])
        conn.send(data[2900000:])
        self.assertEqual(conn.read().status, 201)
        self.assert_same(follower.read_body(), data[2900000:])

    def test_readers_that_leave(self):
        self.upload(content(3000000, 9), "/files/l")
        for turn in range(20):
            self.evict()
            conn = self.conn(rcvbuf=4096)
            conn.send_request("GET", "/files/l", {
                "Range": "bytes=0-999999,1500000-2499999"})
            if turn % 2:
                conn.read_head()
            conn.reset()
        self.assert_healthy()


if __name__ == "__main__":
    main()
