# SPDX-License-Identifier: MIT
"""Fetching only what is read, and reading far ahead of what has come.

That nothing is asked for twice is told by the origin, not by the daemon.

Source: API.md section 4; RFC 9110 sections 13.1.5, 14, 15.3.7.
"""
import json
import zlib

from fetching import ALLOW, Fetching
from harness import Worker, main, table, until
from origin import Gate, Page
from samples import content, raw_zip, sha256

BLOCK = 65536
PROBE = 68 * 1024
SIZE = 3_000_000
DATA = content(SIZE, 77)
TAG = '"v1"'


class Lazy(Fetching):
    """Blocks are brought as they are read."""

    DAEMON = True
    OPTIONS = [*ALLOW, "spool.memory_max=64K", "fetch.read_ahead=256K"]

    def lazy(self, page=None, **how):
        """Begin a lazy fetch: its descriptor, once the size is known."""
        self.page = page or Page(DATA, etag=TAG)
        url = self.origin.add("/a", self.page)
        return self.json(self.fetch(url, "wait=60", mode="lazy", **how), 202)

    def part(self, made, first, last):
        """Read a range, which must be right."""
        answer = self.http("GET", made["links"]["self"],
                           {"Range": f"bytes={first}-{last}"})
        self.assertEqual(answer.status, 206, answer)
        self.assertEqual(answer.get("Content-Range"),
                         f"bytes {first}-{last}/{len(self.page.data)}")
        self.assert_same(answer.body, self.page.data[first:last + 1])
        return answer

    def test_nothing_is_pulled(self):
        made = self.lazy()
        self.assert_descriptor(made, state="receiving", size=SIZE)
        self.assertEqual(made["storage"]["tier"], "remote")
        self.assertTrue(made["etag"])
        # The end alone, for the directories that lie there.
        self.assertEqual(self.page.spans, [(SIZE - PROBE, SIZE)])
        self.assertLessEqual(made["received"], PROBE)

    def test_one_byte_is_one_block(self):
        made = self.lazy()
        self.part(made, 1_000_000, 1_000_000)
        first = 1_000_000 // BLOCK * BLOCK
        self.assertEqual(self.page.spans[1:], [(first, first + BLOCK)])
        self.wait_received(made["id"], PROBE + BLOCK)

    def test_kept(self):
        made = self.lazy()
        for _ in range(3):
            self.part(made, 100, 200)
            self.part(made, SIZE - 10, SIZE - 1)
        self.assertEqual(len(self.page.spans), 2)

    def test_a_range_is_one_request(self):
        made = self.lazy()
        self.part(made, 100_000, 299_999)
        self.assertEqual(self.page.spans[1:], [(BLOCK, 5 * BLOCK)])

    def test_only_the_holes_are_asked_for(self):
        made = self.lazy()
        self.part(made, 2 * BLOCK, 2 * BLOCK)
        self.part(made, 0, 5 * BLOCK - 1)
        self.assertEqual(sorted(self.page.spans[1:]), [
            (0, 2 * BLOCK), (2 * BLOCK, 3 * BLOCK), (3 * BLOCK, 5 * BLOCK)])

    def test_parts_are_asked_for_under_if_range(self):
        made = self.lazy()
        self.part(made, 0, 0)
        probe, part = self.origin.requests
        self.assertNotIn("if-range", probe.headers)
        self.assertEqual(part.headers["if-range"], TAG)

    def test_single_flight(self):
        made = self.lazy()
        gate = self.page.hold = Gate()
        readers = [Worker(self.part, made, 500_000, 500_099)
                   for _ in range(8)]
        gate.wait_reached()
        until(lambda: self.metric("readers_following") == 8,
              "eight readers")
        gate.open()
        for reader in readers:
            reader.result()
        self.assertEqual(len(self.page.spans), 2)

    def test_all_of_it(self):
        made = self.lazy()
        self.assert_content(made["id"], DATA)
        made = self.wait_state(made["id"], "ready")
        self.assertEqual(made["received"], SIZE)
        self.assertEqual(made["source"]["verified"], True)
        spans = sorted(self.page.spans)
        for (_, end), (first, _) in zip(spans, spans[1:]):
            self.assertEqual(end, first, spans)
        self.assert_content(made["id"], DATA)

    def test_scattered_and_at_once(self):
        made = self.lazy()

        def read(start):
            for at in range(start, SIZE - 200, 290_000):
                self.part(made, at, at + 199)
        for job in [Worker(read, 7919 * i) for i in range(8)]:
            job.result()
        asked = sorted(self.page.spans)
        for (_, end), (first, _) in zip(asked, asked[1:]):
            self.assertLessEqual(end, first, "bytes were fetched twice")

    def test_small(self):
        page = Page(DATA[:1000], etag=TAG)
        # It may be whole as soon as its size is known.
        made = self.fetched(self.origin.add("/a", page), mode="lazy")
        self.assertEqual(made["state"], "ready")
        self.assert_content(made["id"], DATA[:1000])
        self.assertEqual(page.spans, [(0, 1000)])

    def test_empty(self):
        url = self.origin.add("/e", Page(b"", etag=TAG))
        made = self.fetched(url, mode="lazy")
        self.assertEqual((made["state"], made["size"]), ("ready", 0))

    def test_not_further_than_somebody_reads(self):
        page = Page(content(64 << 20, 5), etag=TAG)
        made = self.lazy(page)
        conn = self.conn(rcvbuf=4096)
        conn.send_request("GET", made["links"]["self"])
        conn.read_head()
        self.assert_same(conn.read_body(1000), page.data[:1000])
        until(lambda: self.metric("readers_following") == 1,
              "the reader")
        # What the sockets between hold, and the read-ahead; not all.
        self.assertLess(self.info(made["id"])["received"], 32 << 20)
        conn.reset()

    def test_delete(self):
        made = self.lazy()
        self.part(made, 0, 0)
        before = self.metric("fetches_lazy")
        self.assertEqual(self.http("DELETE", made["links"]["self"]).status,
                         204)
        until(lambda: self.metric("fetches_lazy") == before - 1,
              "the fetch to end")

    # -- what the origin must be able to ----------------------------------

    @table(
        ("no ranges", {"ranges": False, "etag": TAG}),
        ("no validator", {}),
        ("a weak tag", {"etag": 'W/"v1"'}),
        ("chunked", {"etag": TAG, "ranges": False, "framing": "chunked"}))
    def test_full_instead(self, how):
        url = self.origin.add("/f", Page(DATA, **how))
        made = self.fetched(url, mode="lazy")
        self.assertEqual((made["state"], made["size"]), ("ready", SIZE))
        self.assert_content(made["id"], DATA)

    def test_ranges_that_are_only_said(self):
        # Accept-Ranges, and then the whole each time.
        url = self.origin.add("/f", Page(DATA, etag=TAG, ranges=False, fields=[
            ("Accept-Ranges", "bytes")]))
        made = self.json(self.fetch(url, "wait=60", mode="lazy"), 202)
        answer = self.http("GET", made["links"]["self"],
                           {"Range": "bytes=2000000-2000099"})
        self.assert_same(answer.body, DATA[2000000:2000100])
        self.wait_state(made["id"], "ready")
        self.assert_content(made["id"], DATA)

    def test_date_for_validator(self):
        page = Page(DATA, fields=[
            ("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT"),
            ("Date", "Tue, 02 Jan 2024 00:00:00 GMT")])
        made = self.lazy(page)
        self.part(made, 100, 199)
        self.assertEqual(self.origin.requests[1].headers["if-range"],
                         "Mon, 01 Jan 2024 00:00:00 GMT")

    # -- limits ------------------------------------------------------------

    def test_max_size(self):
        url = self.origin.add("/a", Page(DATA, etag=TAG))
        self.failed(url, mode="lazy", max_size=SIZE - 1)

    @table(("right", SIZE, "ready"), ("wrong", SIZE + 1, "failed"))
    def test_size(self, size, state):
        url = self.origin.add("/a", Page(DATA, etag=TAG))
        made = self.fetched(url, size=size)
        self.assertEqual(made["state"], state)
        if state == "failed":
            self.assertEqual(made["source"]["error"]["type"],
                             "/problems/size-mismatch")

    @table(("right", DATA, "ready"), ("wrong", b"other", "failed"))
    def test_digest(self, of, state):
        made = self.lazy(digest={"sha-256": sha256(of)})
        for first, last in ((2_000_000, SIZE - 1), (0, 999_999),
                            (1_000_000, 1_999_999)):
            self.part(made, first, last)
        made = self.wait_state(made["id"], state)
        self.assertEqual(made["digest"], {"sha-256": sha256(DATA)}
                         if state == "ready" else None)


class Far(Fetching):
    """A full fetch, read where it has not come yet."""

    DAEMON = True
    OPTIONS = [*ALLOW, "spool.memory_max=64K", "fetch.connections=1"]

    def stuck(self, at=300_000, **how):
        """Begin a fetch that stands at a gate."""
        gate = Gate()
        self.addCleanup(gate.open)
        page = Page(DATA, etag=TAG, gate=(at, gate), **how)
        made = self.begin(self.origin.add("/a", page))
        gate.wait_reached()
        self.wait_received(made["id"], at)
        return made, page, gate

    def test_a_place_of_its_own(self):
        made, page, gate = self.stuck()
        answer = self.http("GET", made["links"]["self"],
                           {"Range": "bytes=-100"})
        self.assertEqual(answer.status, 206)
        self.assert_same(answer.body, DATA[-100:])
        self.assertEqual(page.spans[0][0], (SIZE - 100) // BLOCK * BLOCK)
        gate.open()
        self.wait_state(made["id"], "ready")
        self.assert_content(made["id"], DATA)
        # The first connection ends where the other began.
        self.assertEqual(len(self.origin.requests), 2)

    def test_many_places(self):
        made, page, gate = self.stuck()
        for at in (2_500_000, 1_500_000, 900_000):
            answer = self.http("GET", made["links"]["self"],
                               {"Range": f"bytes={at}-{at + 9}"})
            self.assert_same(answer.body, DATA[at:at + 10])
        gate.open()
        self.wait_state(made["id"], "ready")
        self.assert_content(made["id"], DATA)

    def test_near_is_waited_for(self):
        made, page, gate = self.stuck()
        near = self.conn()
        near.send_request("GET", made["links"]["self"],
                          {"Range": "bytes=400000-400009"})
        until(lambda: self.metric("readers_following") == 1,
              "the reader")
        gate.open()
        self.assert_same(near.read().body, DATA[400000:400010])
        self.wait_state(made["id"], "ready")
        self.assertEqual(len(self.origin.requests), 1)

    def test_whole_and_far_at_once(self):
        made, page, gate = self.stuck()
        whole = self.conn()
        whole.send_request("GET", made["links"]["self"])
        whole.read_head()
        self.assert_same(whole.read_body(300_000), DATA[:300_000])
        answer = self.http("GET", made["links"]["self"],
                           {"Range": "bytes=2000000-2000009"})
        self.assert_same(answer.body, DATA[2000000:2000010])
        gate.open()
        self.assert_same(whole.read_body(), DATA[300_000:])

    def test_an_origin_that_takes_it_back(self):
        # It says that it serves parts, and answers with the whole.
        made, page, gate = self.stuck(ranges=False, fields=[
            ("Accept-Ranges", "bytes")])
        far = self.conn()
        far.send_request("GET", made["links"]["self"],
                         {"Range": "bytes=2000000-2000009"})
        until(lambda: len(self.origin.requests) == 2, "the second request")
        gate.open()
        self.assert_same(far.read().body, DATA[2000000:2000010])
        self.wait_state(made["id"], "ready")
        self.assert_content(made["id"], DATA)


class Segments(Fetching):
    """One large file, several connections."""

    DAEMON = True
    OPTIONS = [*ALLOW, "spool.memory_max=64K", "fetch.segment_size=256K",
               "fetch.connections=3"]

    def test_joined(self):
        gate = Gate()
        self.addCleanup(gate.open)
        page = Page(DATA, etag=TAG, gate=(100_000, gate))
        made = self.begin(self.origin.add("/a", page))
        until(lambda: len(self.origin.requests) >= 3, "the connections")
        gate.open()
        made = self.wait_state(made["id"], "ready")
        self.assert_content(made["id"], DATA)
        self.assertEqual(made["source"]["verified"], True)

    def test_digest(self):
        page = Page(DATA, etag=TAG)
        url = self.origin.add("/a", page)
        made = self.fetched(url, digest={"sha-256": sha256(DATA)})
        self.assertEqual((made["state"], made["digest"]), (
            "ready", {"sha-256": sha256(DATA)}))
        self.failed(url, digest={"sha-256": sha256(b"")})

    def test_as_many_as_asked_for(self):
        page = Page(DATA, etag=TAG)
        made = self.fetched(self.origin.add("/a", page), connections=1)
        self.assert_content(made["id"], DATA)
        self.assertEqual(len(self.origin.requests), 1)

    @table(("none", 0), ("text", "2"), ("too many", 1000))
    def test_nonsense(self, count):
        self.assert_problem(self.fetch(self.origin.url + "/a",
                                       connections=count), 400)

    def test_one_segment_breaks(self):
        page = Page(DATA, etag=TAG, cut=2_000_000, cuts=1)
        made = self.fetched(self.origin.add("/a", page))
        self.assertEqual(made["state"], "ready", made)
        self.assert_content(made["id"], DATA)


class RemoteZip(Fetching):
    """A remote archive is a folder, too."""

    DAEMON = True
    OPTIONS = [*ALLOW, "spool.memory_max=64K"]

    BIG = content(20_000_000, 3)
    SMALL = content(5000, 4)
    PACKER = zlib.compressobj(6, zlib.DEFLATED, -15)
    PACKED = PACKER.compress(SMALL * 40) + PACKER.flush()
    ZIP = raw_zip([
        {"name": b"big.bin", "data": BIG},
        {"name": b"small.bin", "data": SMALL},
        {"name": b"packed.txt", "data": SMALL * 40, "method": 8,
         "packed": PACKED},
        {"name": b"more.bin", "data": BIG},
        {"name": b"large.txt", "data": BIG, "method": 8,
         "packed": zlib.compress(BIG, 0)[2:-4]},
        *({"name": b"many/%05d" % i, "data": b"x"} for i in range(3000))])
    DIRECTORY = len(ZIP) - 22 - ZIP.index(b"PK\1\2")

    def setUp(self):
        super().setUp()
        self.page = Page(self.ZIP, etag=TAG, type="application/zip")
        url = self.origin.add("/a.zip", self.page)
        made = self.json(self.fetch(url, "wait=60", mode="lazy"), 202)
        self.zip = made["links"]["zip"]

    @property
    def moved(self):
        """Bytes that the origin was asked for."""
        return sum(end - first for first, end in self.page.spans)

    def test_listing_moves_the_directory_alone(self):
        names = [e["name"] for e in self.pages(self.zip, "entries")]
        self.assertEqual(names[:5], ["big.bin", "small.bin", "packed.txt",
                                     "more.bin", "large.txt"])
        self.assertEqual(len(names), 3005)
        self.assertLessEqual(len(self.origin.requests), 2)
        self.assertLess(self.moved, self.DIRECTORY + 2 * 65536 + 4096)

    @table(("stored", "small.bin", 1), ("deflated", "packed.txt", 40))
    def test_entry_moves_its_bytes_alone(self, name, times):
        self.pages(self.zip, "entries")
        before = self.moved
        answer = self.http("GET", f"{self.zip}/{name}")
        self.assertEqual(answer.status, 200)
        self.assert_same(answer.body, self.SMALL * times)
        # And what lies in the same blocks.
        self.assertLess(self.moved - before, len(self.PACKED) + 4 * 65536)

    def test_range_of_a_large_entry(self):
        before = self.moved
        answer = self.http("GET", f"{self.zip}/more.bin",
                           {"Range": "bytes=10000000-10000099"})
        self.assertEqual(answer.status, 206)
        self.assert_same(answer.body, self.BIG[10_000_000:10_000_100])
        self.assertLess(self.moved - before, self.DIRECTORY + 8 * 65536)

    def test_not_a_zip(self):
        url = self.origin.add("/b", Page(DATA, etag=TAG))
        made = self.json(self.fetch(url, "wait=60", mode="lazy"), 202)
        self.assert_problem(self.http("GET", made["links"]["zip"]), 422,
                            "not-a-zip")

    def test_origin_that_goes_away(self):
        self.pages(self.zip, "entries")
        self.origin.close()
        answer = self.http("GET", f"{self.zip}/small.bin")
        self.assertGreaterEqual(answer.status, 500, answer)

    # Bytes that nobody waits for before the answer begins: cut the first time.
    STREAMED = {"Range": "bytes=5-9"}, {"Accept-Encoding": "gzip"}

    @table(("listing", "GET", "", {}), ("stored", "GET", "/small.bin", {}),
           ("large", "GET", "/more.bin", {}),
           ("range", "GET", "/more.bin", STREAMED[0]),
           ("deflated", "GET", "/packed.txt", {}),
           ("large gzip", "GET", "/large.txt", STREAMED[1]),
           ("save", "POST", "/packed.txt?save", {}))
    def test_origin_that_breaks(self, method, what, headers):
        # It is the origin's fault, and told like any other fault of it.
        if what:
            self.pages(self.zip, "entries")
        self.page.status = 404
        answers = []
        if headers not in self.STREAMED:
            answers.append(self.http(method, self.zip + what, headers))
        else:
            self.http("GET", f"{self.zip}/small.bin")
        answers.append(self.http(method, self.zip + what, headers))
        of_file = self.http("GET", self.zip.removesuffix("/zip"),
                            {"Range": "bytes=30000000-"})
        want = self.assert_problem(of_file, 502, "fetch-failed")
        self.assertEqual(want["error"], "http_request_error")
        for answer in answers:
            self.assertEqual(self.assert_problem(answer, 502), want)
            self.assertEqual(answer.get("Proxy-Status"),
                             of_file.get("Proxy-Status"))
        self.assertEqual(self.metric('errors_total{kind="disk"}'), 0)

    @table(("answer", False), ("file", True))
    def test_origin_that_breaks_meanwhile(self, save):
        self.page.status = 404
        answer = self.http("POST", "/files/zip", body=json.dumps({
            "files": [self.zip.split("/")[-2]], "save": save}).encode())
        if save:
            name = self.json(answer, 201)["id"]
            problem = self.wait_state(name, "failed")["source"]["error"]
        else:
            problem = self.assert_problem(answer, 502)
        self.assertEqual(problem["type"], "/problems/fetch-failed")
        self.assertEqual(self.metric('errors_total{kind="disk"}'), 0)


if __name__ == "__main__":
    main()
