# SPDX-License-Identifier: MIT
"""Going on where a fetch broke, and origins that cannot be believed.

Bytes of two versions are never put together, no part is taken for another,
and what cannot be known is said to be so.

Source: API.md section 4; RFC 9110 sections 8.8.2.2, 10.2.3, 13.1.5, 14.4,
15.3.7; RFC 9209 section 2.3.
"""
import itertools
import zlib

from fetching import ALLOW, Fetching
from harness import Truncated, main, table
from origin import Gate, Page
from samples import content

SIZE = 600_000
DATA = content(SIZE, 31)
OTHER = content(SIZE, 32)
TAG = '"v1"'
# One connection: what comes second is asked for where the first broke off,
# not by a second connection that is quicker than the first is read.
QUICK = ["fetch.retry_delay=1ms", "fetch.block_size=16K",
         "fetch.probe_size=16K", "fetch.connections=1"]


def head(status, *fields):
    """The head of an answer."""
    return "\r\n".join([f"HTTP/1.1 {status} X", *fields, "", ""]).encode()


def part(first, last, total, *fields):
    """The head of a part."""
    return head(206, f"Content-Length: {last - first + 1}",
                f"Content-Range: bytes {first}-{last}/{total}", *fields)


class Resume(Fetching):
    """What broke goes on where it was."""

    DAEMON = True
    OPTIONS = [*ALLOW, *QUICK, "spool.memory_max=64K"]

    def ready(self, url, data=DATA, **how):
        """It is fetched and right."""
        made = self.fetched(url, **how)
        self.assertEqual(made["state"], "ready", made["source"])
        self.assert_content(made["id"], data)
        return made

    @table(("length", "length", True), ("no Accept-Ranges", "length", False),
           ("chunked", "chunked", True))
    def test_goes_on(self, framing, said):
        page = Page(DATA, etag=TAG, cut=250_000, cuts=1, framing=framing)
        page.say_ranges = said
        self.ready(self.origin.add("/a", page))
        again = self.origin.requests[1].headers
        self.assertRegex(again["range"], "^bytes=250000-")
        self.assertEqual(again["if-range"], TAG)
        self.assertEqual(page.spans, [(250_000, SIZE)])

    def test_several_times(self):
        page = Page(DATA, etag=TAG)
        cuts = iter((100_000, 250_000, 400_000, 550_000))
        serve = self.origin._answer

        def answer(conn, request):
            page.cut, page.cuts = next(cuts, SIZE), 1
            return serve(conn, request)
        self.origin._answer = answer
        self.ready(self.origin.add("/a", page), connections=1)

    def test_readers_notice_nothing(self):
        gate = Gate()
        self.addCleanup(gate.open)
        page = Page(DATA, etag=TAG, cut=250_000, cuts=1,
                    gate=(100_000, gate))
        made = self.begin(self.origin.add("/a", page))
        conn = self.conn()
        conn.send_request("GET", made["links"]["self"])
        conn.read_head()
        self.assert_same(conn.read_body(100_000), DATA[:100_000])
        gate.open()
        self.assert_same(conn.read_body(), DATA[100_000:])

    def test_all_instead_of_the_rest(self):
        # What is there already is read over.
        page = Page(DATA, etag=TAG, cut=250_000, cuts=1, ranges=False)
        self.ready(self.origin.add("/a", page))
        self.assertEqual(len(self.origin.requests), 2)

    def test_less_than_asked_for(self):
        # A part may be shorter; the rest is asked for.
        def answer(conn, request):
            span = request.headers.get("range")
            if not span:
                conn.sendall(head(200, f"Content-Length: {SIZE}",
                                  "Accept-Ranges: bytes", f"ETag: {TAG}")
                             + DATA[:100_000])
                return False
            first = int(span[6:].partition("-")[0])
            last = min(first + 99_999, SIZE - 1)
            conn.sendall(part(first, last, SIZE, f"ETag: {TAG}")
                         + DATA[first:last + 1])
            return True
        self.origin._answer = answer
        self.ready(self.origin.url + "/a")

    def test_a_byte_at_a_time_is_no_headway(self):
        def answer(conn, request):
            span = request.headers.get("range", "bytes=0-")
            first = int(span[6:].partition("-")[0])
            if "range" not in request.headers:
                conn.sendall(head(200, f"Content-Length: {SIZE}",
                                  "Accept-Ranges: bytes", f"ETag: {TAG}"))
                return False
            conn.sendall(part(first, first, SIZE, f"ETag: {TAG}")
                         + DATA[first:first + 1])
            return True
        self.origin._answer = answer
        self.failed(self.origin.url + "/a", "http_response_incomplete",
                    connections=1)
        self.assertLess(len(self.origin.requests), 10)

    @table(("503", 503), ("500", 500), ("429", 429), ("408", 408))
    def test_status_that_passes(self, status):
        self.origin.add("/a", Page(DATA, etag=TAG))
        serve, count = self.origin._answer, itertools.count()

        def answer(conn, request):
            if next(count) < 2:
                conn.sendall(head(status, "Content-Length: 0"))
                return True
            return serve(conn, request)
        self.origin._answer = answer
        self.ready(self.origin.url + "/a")

    @table(("404", 404), ("403", 403), ("501", 501))
    def test_status_that_stays(self, status):
        self.failed(self.origin.add("/a", Page(b"", status=status)),
                    "http_request_error")
        self.assertEqual(len(self.origin.requests), 1)

    def test_given_up(self):
        self.failed(self.origin.add("/a", Page(b"", status=503)),
                    "http_request_error")
        self.assertEqual(len(self.origin.requests), 4)

    @table(("no validator", {}), ("a weak tag", {"etag": 'W/"v1"'}),
           ("a date of just now", {"fields": [
               ("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT"),
               ("Date", "Mon, 01 Jan 2024 00:00:00 GMT")]}))
    def test_not_without_a_strong_validator(self, how):
        self.failed(self.origin.add("/a", Page(
            DATA, cut=250_000, cuts=1, **how)), "http_response_incomplete")
        self.assertEqual(len(self.origin.requests), 1)

    def test_the_redirect_is_not_gone_through_again(self):
        target = self.origin.add("/b", Page(DATA, etag=TAG, cut=250_000,
                                            cuts=1))
        self.ready(self.origin.redirect("/a", target))
        # But where it led may have been the trouble.
        self.assertEqual([r.target for r in self.origin.requests],
                         ["/a", "/b", "/a", "/b"])

    def test_lazy_keeps_to_where_it_was_sent(self):
        target = self.origin.add("/b", Page(DATA, etag=TAG))
        url = self.origin.redirect("/a", target)
        made = self.json(self.fetch(url, "wait=60", mode="lazy"), 202)
        self.http("GET", made["links"]["self"], {"Range": "bytes=0-9"})
        self.assertEqual([r.target for r in self.origin.requests],
                         ["/a", "/b", "/b"])
        # Until that is refused: signatures expire.
        self.origin.add("/b", Page(b"", status=403))
        self.origin.redirect("/a", self.origin.add("/c", Page(
            DATA, etag=TAG)))
        answer = self.http("GET", made["links"]["self"],
                           {"Range": "bytes=100000-100009"})
        self.assert_same(answer.body, DATA[100_000:100_010])


class Truth(Fetching):
    """What is not what was asked for is not taken."""

    DAEMON = True
    OPTIONS = [*ALLOW, *QUICK, "fetch.max_retries=1"]

    FIRST = head(200, f"Content-Length: {SIZE}", "Accept-Ranges: bytes",
                 f"ETag: {TAG}") + DATA[:250_000]

    def second(self, answer, gate=None):
        """Let the first answer break off, and this be the next."""
        count = itertools.count()

        def serve(conn, request):
            later = next(count) > 0
            if later and gate:
                gate.wait()
            conn.sendall(answer if later else self.FIRST)
            return False
        self.origin._answer = serve
        return self.origin.url + "/a"

    @table(
        ("another tag", '"v2"'), ("none", None), ("a weak one", f"W/{TAG}"))
    def test_changed(self, tag):
        fields = [f"ETag: {tag}"] if tag else []
        for answer in (
                part(250_000, SIZE - 1, SIZE, *fields) + OTHER[250_000:],
                head(200, f"Content-Length: {SIZE}", *fields) + OTHER):
            problem = self.failed(self.second(answer))
            self.assertEqual(problem["type"], "/problems/origin-changed")

    def test_changed_size(self):
        for answer in (
                part(250_000, SIZE, SIZE + 1, f"ETag: {TAG}"),
                head(200, f"Content-Length: {SIZE + 1}", f"ETag: {TAG}")):
            problem = self.failed(self.second(answer))
            self.assertEqual(problem["type"], "/problems/origin-changed")

    def test_changed_under_a_reader(self):
        gate = Gate()
        made = self.begin(self.second(
            part(250_000, SIZE - 1, SIZE, 'ETag: "v2"') + OTHER[250_000:],
            gate))
        gate.wait_reached()
        conn = self.conn()
        conn.send_request("GET", made["links"]["self"])
        conn.read_head()
        gate.open()
        with self.assertRaises(Truncated) as caught:
            conn.read_body()
        self.assert_same(caught.exception.body,
                         DATA[:len(caught.exception.body)])
        self.wait_state(made["id"], "failed")
        # What came stays, and says why there is no more.
        answer = self.http("GET", made["links"]["self"],
                           {"Range": "bytes=249990-249999"})
        self.assert_same(answer.body, DATA[249_990:250_000])
        answer = self.http("GET", made["links"]["self"],
                           {"Range": "bytes=500000-500009"})
        self.assert_problem(answer, 502, "origin-changed")

    @table(
        ("another start", part(249_999, SIZE - 1, SIZE, f"ETag: {TAG}")),
        ("no Content-Range", head(206, "Content-Length: 350000",
                                  f"ETag: {TAG}")),
        ("reversed", head(206, "Content-Length: 10", f"ETag: {TAG}",
                          "Content-Range: bytes 9-0/600000")),
        ("past 2^64", head(206, "Content-Length: 10", f"ETag: {TAG}",
                           f"Content-Range: bytes {2**64}-{2**64 + 9}"
                           f"/{2**65}")),
        ("two", head(206, "Content-Length: 350000", f"ETag: {TAG}",
                     f"Content-Range: bytes 250000-599999/{SIZE}",
                     f"Content-Range: bytes 250000-599999/{SIZE}")),
        ("lying length", head(206, "Content-Length: 5", f"ETag: {TAG}",
                              f"Content-Range: bytes 250000-599999/{SIZE}")),
        ("several parts", head(
            206, "Content-Length: 350000", f"ETag: {TAG}",
            f"Content-Range: bytes 250000-599999/{SIZE}",
            "Content-Type: multipart/byteranges; boundary=S")))
    def test_wrong_part(self, answer):
        self.failed(self.second(answer + DATA[:10]), "http_protocol_error")

    def test_416(self):
        for total in (SIZE, 1000):
            self.failed(self.second(head(
                416, "Content-Length: 0", f"Content-Range: bytes */{total}")),
                "http_request_error")

    @table(("304", 304), ("204", 204), ("101", 101))
    def test_what_nobody_asked_for(self, status):
        self.failed(self.second(head(status)))

    def test_lying_length(self):
        # Shorter than it says, each time: it gives up.
        page = Page(DATA, etag=TAG, declared=SIZE + 10)
        problem = self.failed(self.origin.add("/a", page))
        self.assertIn(problem.get("error"), (
            "http_response_incomplete", "http_request_error"))

    def test_longer_than_it_says(self):
        self.origin._answer = lambda conn, request: conn.sendall(
            head(200, "Content-Length: 1000") + DATA[:5000])
        made = self.fetched(self.origin.url + "/a")
        self.assertEqual((made["state"], made["size"]), ("ready", 1000))
        self.assert_content(made["id"], DATA[:1000])

    @table(("close", "close", {}, False), ("length", "length", {}, True),
           ("chunked", "chunked", {}, True),
           ("close, size said", "close", {"size": SIZE}, True))
    def test_verified(self, framing, how, verified):
        made = self.fetched(self.origin.add("/a", Page(
            DATA, framing=framing)), **how)
        self.assertEqual((made["state"], made["source"]["verified"]),
                         ("ready", verified))

    def test_close_before_the_size_that_was_said(self):
        url = self.origin.add("/a", Page(DATA, framing="close"))
        problem = self.failed(url, size=SIZE + 1)
        self.assertEqual(problem["type"], "/problems/size-mismatch")

    def test_coded_content_stays_as_it_is(self):
        # A bomb takes what it has on the wire, and no more.
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        data = packer.compress(bytes(50_000_000)) + packer.flush()
        made = self.fetched(self.origin.add("/a", Page(
            data, fields=[("Content-Encoding", "gzip")])))
        self.assertEqual(made["size"], len(data))
        self.assert_content(made["id"], data)

    def test_proxy_status(self):
        url = self.origin.add("/a", Page(b"", status=404))
        answer = self.fetch(url, "wait=60")
        self.assert_problem(answer, 502, "fetch-failed")
        said = "spillway; error=http_request_error; received-status=404"
        self.assertEqual(answer.get("Proxy-Status"), said)
        made = self.fetched(url)
        answer = self.http("GET", made["links"]["self"])
        self.assert_problem(answer, 502, "fetch-failed")
        self.assertEqual(answer.get("Proxy-Status"), said)


class LazyTruth(Fetching):
    """The same between two blocks of a lazy file."""

    DAEMON = True
    OPTIONS = [*ALLOW, *QUICK, "fetch.max_retries=1"]

    def test_changed_between_two_blocks(self):
        url = self.origin.add("/a", Page(DATA, etag=TAG))
        made = self.json(self.fetch(url, "wait=60", mode="lazy"), 202)
        path = made["links"]["self"]
        self.assert_same(self.http("GET", path, {
            "Range": "bytes=0-9"}).body, DATA[:10])
        self.origin.add("/a", Page(OTHER, etag='"v2"'))
        conn = self.conn()
        conn.send_request("GET", path, {"Range": "bytes=300000-300009"})
        with self.assertRaises(Truncated):
            conn.read()
        made = self.wait_state(made["id"], "failed")
        self.assertEqual(made["source"]["error"]["type"],
                         "/problems/origin-changed")

    def test_gone(self):
        url = self.origin.add("/a", Page(DATA, etag=TAG))
        made = self.json(self.fetch(url, "wait=60", mode="lazy"), 202)
        self.origin.close()
        conn = self.conn()
        conn.send_request("GET", made["links"]["self"],
                          {"Range": "bytes=0-9"})
        with self.assertRaises(Truncated):
            conn.read()
        made = self.wait_state(made["id"], "failed")
        self.assertEqual(made["source"]["error"]["error"],
                         "connection_refused")

    def test_broken_block(self):
        page = Page(DATA, etag=TAG)
        url = self.origin.add("/a", page)
        made = self.json(self.fetch(url, "wait=60", mode="lazy"), 202)
        page.cut, page.cuts = 100_000, 1
        answer = self.http("GET", made["links"]["self"],
                           {"Range": "bytes=50000-199999"})
        self.assert_same(answer.body, DATA[50_000:200_000])


class Slow(Fetching):
    """An origin that is slower than it may be."""

    DAEMON = True
    OPTIONS = [*ALLOW, *QUICK, "fetch.stall_timeout=500ms",
               "fetch.min_rate=1M", "fetch.max_retries=1"]

    def test_drip(self):
        gate = Gate()
        self.addCleanup(gate.open)

        def answer(conn, request):
            conn.sendall(head(200, f"Content-Length: {SIZE}"))
            for at in range(0, SIZE, 100):
                conn.sendall(DATA[at:at + 100])
                gate._open.wait(0.05)
            return False
        self.origin._answer = answer
        problem = self.failed(self.origin.url + "/a",
                              "connection_read_timeout")
        self.assertEqual(problem["status"], 504)


if __name__ == "__main__":
    main()
