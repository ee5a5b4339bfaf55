# SPDX-License-Identifier: MIT
"""GET /fetch?url=: content by its URL, fetched once and kept while it is fresh.

Source: API.md section 4; RFC 9111; RFC 9211.
"""
from caching import TAG, Reading, ago
from fetching import ALLOW, DATA
from harness import main, table
from origin import Page, Trap


class Kept(Reading):
    """Fetched once, and given out as long as it is fresh."""

    DAEMON = True
    OPTIONS = [*ALLOW, "spool.memory_max=64K"]

    @table(("length", "length"), ("chunked", "chunked"), ("close", "close"))
    def test_hit(self, framing):
        url = self.page(type="text/x-z", framing=framing)
        first = self.got(url, "fwd=uri-miss; stored")
        self.ready()
        second = self.got(url, "hit")
        for answer in (first, second):
            self.assertEqual(answer.get("Content-Type"), "text/x-z")
            self.assertEqual(answer.get("ETag"), TAG)
            self.assertEqual(answer.get("Cache-Control"), "max-age=1000")
            self.assertRegex(answer.get("Age"), "^[0-9]+$")
            self.assertEqual(answer.get("X-Content-Type-Options"), "nosniff")
        self.assertRegex(second.get("Cache-Status"), "ttl=[0-9]+")
        self.assertEqual(self.asked(), 1)

    def test_nothing_of_the_client_goes_to_the_origin(self):
        self.got(self.page(), "fwd=uri-miss", Cookie="secret",
                 Authorization="Bearer secret", X_Api_Key="secret",
                 Accept="text/secret", Referer="http://secret/")
        seen, = self.origin.requests
        self.assertNotIn("secret", repr(seen.headers))

    @table(("scheme and host", "HTTP://LOCALHOST:{port}{root}/a"),
           ("fragment", "http://localhost:{port}{root}/a#b"))
    def test_the_same_url(self, other):
        port = self.origin.port
        self.page()
        self.got(f"http://localhost:{port}{self.root}/a", "fwd=uri-miss")
        self.ready()
        self.got(other.format(port=port, root=self.root), "hit")

    def test_another_url(self):
        for number in "12":
            self.got(self.page(number.encode(), path=f"/a?x={number}"),
                     "fwd=uri-miss", number.encode())

    def test_head(self):
        url = self.page()
        answer = self.get(url, "HEAD")
        self.assertEqual((answer.status, answer.get("Content-Length")),
                         (200, str(len(DATA))))
        self.ready()
        self.assert_status(self.get(url, "HEAD"), "hit")
        self.got(url, "hit")
        self.assertEqual(self.asked(), 1)

    def test_ranges_and_conditions(self):
        url = self.page()
        self.got(url, "fwd=uri-miss")
        self.ready()
        answer = self.get(url, Range="bytes=100-199")
        self.assertEqual(answer.status, 206)
        self.assert_same(answer.body, DATA[100:200])
        self.assert_status(answer, "hit")
        answer = self.get(url, Range="bytes=5-9", If_Range=TAG)
        self.assertEqual(answer.status, 206)
        answer = self.get(url, Range="bytes=5-9", If_Range='"other"')
        self.assertEqual(answer.status, 200)
        answer = self.get(url, If_None_Match=TAG)
        self.assertEqual((answer.status, answer.body), (304, b""))
        self.assert_status(answer, "hit")
        answer = self.get(url, If_Match='"other"')
        self.assert_problem(answer, 412)
        answer = self.get(url, Range="bytes=9999999-")
        self.assert_problem(answer, 416)
        self.assertEqual(self.asked(), 1)

    def test_weak_tag(self):
        # It is not of the very bytes, so ours is.
        url = self.page(etag='W/"w"')
        self.got(url, "fwd=uri-miss")
        self.ready()
        answer = self.got(url, "hit")
        self.assertRegex(answer.get("ETag"), '^"[^"]{9,}"$')
        self.assertEqual(self.get(url, If_None_Match=answer.get("ETag"))
                         .status, 304)

    def test_date_is_the_origins(self):
        date = ago(5000)
        url = self.page(fields=[("Last-Modified", date)])
        self.got(url, "fwd=uri-miss")
        self.ready()
        self.assertEqual(self.got(url, "hit").get("Last-Modified"), date)

    def test_coding_is_told(self):
        url = self.page(b"coded", fields=[("Content-Encoding", "x-none")])
        for status in ("fwd=uri-miss", "hit"):
            answer = self.got(url, status, b"coded")
            self.assertEqual(answer.get("Content-Encoding"), "x-none")
            self.ready()

    def test_not_a_file(self):
        # It has no name in the store: none to read, list or delete it by.
        self.got(self.page(), "fwd=uri-miss")
        self.ready()
        self.assertEqual(self.file_count(), 0)

    def test_fetched_files_tell_it_too(self):
        made = self.fetched(self.page())
        answer = self.http("GET", made["links"]["self"])
        self.assertEqual(answer.get("Cache-Status"), "spillway; hit")
        made = self.upload(b"mine")
        answer = self.http("GET", made["links"]["self"])
        self.assertIsNone(answer.get("Cache-Status"))

    @table(("missing", "/fetch"), ("empty", "/fetch?url="),
           ("no URL", "/fetch?url=x"), ("scheme", "/fetch?url=ftp://h/"),
           ("user", "/fetch?url=http://u@127.0.0.1/"),
           ("long", "/fetch?url=http://127.0.0.1/" + "a" * 9000))
    def test_bad_request(self, target):
        self.assert_problem(self.http("GET", target), (400, 414))

    def test_forbidden(self):
        trap = Trap("127.0.0.2")
        self.addCleanup(trap.close)
        trap.add("/", Page(b"secret"))
        answer = self.get(trap.url + "/")
        self.assert_problem(answer, 403, "address-forbidden")
        trap.assert_untouched()

    @table(("PUT", "PUT"), ("DELETE", "DELETE"))
    def test_other_methods(self, method):
        answer = self.http(method, "/fetch?url=http://127.0.0.1/")
        self.assert_problem(answer, 405)
        self.assertIn("GET", answer.get("Allow"))


class Fresh(Reading):
    """How long what an origin says lasts."""

    DAEMON = True
    OPTIONS = ALLOW

    @table(
        ("max-age", "max-age=1000", []),
        ("s-maxage", "max-age=0, s-maxage=1000", []),
        ("expires", None, [("Date", ago(0)), ("Expires", ago(-1000))]),
        ("guessed", None, [("Last-Modified", ago(100000))]),
        ("max-age before expires", "max-age=1000",
         [("Expires", ago(1000))]),
        ("age is less", "max-age=1000", [("Age", "900")]),
        ("varies with what is never sent", "max-age=1000",
         [("Vary", "Accept-Encoding, Cookie")]),
        ("other directives", "max-age=1000, x, y=\"no-store\"", []))
    def test_fresh(self, cache, fields):
        url = self.page(cache=cache, fields=fields)
        self.got(url, "fwd=uri-miss; stored")
        self.ready()
        self.got(url, "hit")
        self.assertEqual(self.asked(), 1)

    @table(
        ("nothing is said", None, []),
        ("max-age=0", "max-age=0", []),
        ("nonsense", "max-age=x", [("Last-Modified", ago(100000))]),
        ("no-cache", "no-cache, max-age=1000", []),
        ("no-cache of a field", 'no-cache="x", max-age=1000', []),
        ("s-maxage=0", "max-age=1000, s-maxage=0", []),
        ("expired", None, [("Date", ago(9)), ("Expires", ago(9))]),
        ("expires is no date", None, [("Expires", "0")]),
        ("aged", "max-age=1000", [("Age", "1000")]),
        ("old", "max-age=1000", [("Date", ago(1000))]))
    def test_stale(self, cache, fields):
        url = self.page(cache=cache, fields=fields)
        self.got(url, "fwd=uri-miss; stored")
        self.ready()
        answer = self.got(url, "fwd=stale")
        self.assertEqual(self.asked(), 2)
        self.assertNotIn("hit", answer.get("Cache-Status"))

    @table(("no-store", "no-store", "no-store"),
           ("no-store, max-age", "no-store, max-age=1000", "no-store"),
           ("private", "private, max-age=1000", "private, max-age=1000"),
           ("private field", 'private="x", max-age=1000',
            "private, max-age=1000"))
    def test_not_kept(self, cache, told):
        url = self.page(cache=cache)
        for _ in range(2):
            answer = self.got(url, "fwd=uri-miss")
            self.assertNotIn("stored", answer.get("Cache-Status"))
            self.assertEqual(answer.get("Cache-Control"), told)
        self.assertEqual(self.asked(), 2)

    def test_varies_with_all(self):
        url = self.page(fields=[("Vary", "*")])
        for _ in range(2):
            self.got(url, "fwd=uri-miss")
        self.assertEqual(self.asked(), 2)

    def test_age_is_told(self):
        url = self.page(fields=[("Age", "100")])
        answer = self.got(url, "fwd=uri-miss")
        self.assertGreaterEqual(int(answer.get("Age")), 100)

    # -- redirects --------------------------------------------------------

    @table(("301", 301, None, "hit"), ("308", 308, None, "hit"),
           ("302", 302, None, "fwd=stale"), ("307", 307, None, "fwd=stale"),
           ("302 that lasts", 302, "max-age=1000", "hit"),
           ("301 that does not", 301, "no-cache", "fwd=stale"))
    def test_redirect(self, status, cache, second):
        self.page()
        url = self.redirect("/r", "/a", status=status, cache=cache)
        self.got(url, "fwd=uri-miss")
        self.ready()
        self.got(url, second)

    def test_redirect_that_leads_elsewhere_by_now(self):
        # The tag is of the URL that it came from, and of no other.
        self.page(path="/old")
        self.page(DATA[:100], path="/new")
        url = self.redirect("/r", "/old")
        self.got(url, "fwd=uri-miss")
        self.ready()
        self.redirect("/r", "/new")
        self.got(url, "fwd=stale", DATA[:100])
        seen, = self.seen("/new")
        self.assertNotIn("if-none-match", seen.headers)
        for seen in self.seen("/r"):
            self.assertNotIn("if-none-match", seen.headers)

    # -- what the client says ---------------------------------------------

    @table(("no-cache", {"Cache_Control": "no-cache"}),
           ("pragma", {"Pragma": "no-cache"}),
           ("max-age", {"Cache_Control": "max-age=0"}),
           ("min-fresh", {"Cache_Control": "min-fresh=100000"}))
    def test_asked_anew(self, fields):
        url = self.page()
        self.got(url, "fwd=uri-miss")
        self.ready()
        self.got(url, "fwd=request; fwd-status=304", **fields)
        self.got(url, "hit")
        self.assertEqual(self.asked(), 2)

    def test_max_stale(self):
        url = self.page(cache="max-age=0")
        self.got(url, "fwd=uri-miss")
        self.ready()
        answer = self.got(url, "hit", Cache_Control="max-stale=1000")
        self.assertRegex(answer.get("Cache-Status"), "ttl=(0|-[0-9]+)$")
        self.assertEqual(self.asked(), 1)

    def test_only_if_cached(self):
        url = self.page()
        fields = {"Cache_Control": "only-if-cached"}
        self.assert_problem(self.get(url, **fields), 504, "not-cached")
        self.assertEqual(self.asked(), 0)
        self.got(url, "fwd=uri-miss")
        self.ready()
        self.got(url, "hit", **fields)

    def test_no_store(self):
        url = self.page()
        fields = {"Cache_Control": "no-store"}
        answer = self.got(url, "fwd=uri-miss", **fields)
        self.assertNotIn("stored", answer.get("Cache-Status"))
        self.got(url, "fwd=uri-miss; stored")
        self.assertEqual(self.asked(), 2)


if __name__ == "__main__":
    main()
