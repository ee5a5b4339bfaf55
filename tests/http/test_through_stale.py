# SPDX-License-Identifier: MIT
"""GET /fetch?url=: what is stale is asked about, and stands in for an
origin that fails.

Source: API.md section 4; RFC 9111 section 4; RFC 9211; RFC 5861.
"""
from caching import TAG, Reading, ago
from fetching import ALLOW, DATA
from harness import Truncated, main, table, until
from origin import Gate, Origin, Page, dead_port


class Validation(Reading):
    """What is stale is asked about, and fetched only if it changed."""

    DAEMON = True
    OPTIONS = ALLOW

    def again(self, url, **how):
        """Have it in the cache, stale."""
        self.got(url, "fwd=uri-miss")
        self.ready()

    def test_unchanged(self):
        url = self.page(cache="max-age=0")
        self.again(url)
        answer = self.got(url, "fwd=stale; fwd-status=304; stored")
        self.assertEqual(answer.get("ETag"), TAG)
        seen = self.seen("/a")[-1]
        self.assertEqual(seen.headers.get("if-none-match"), TAG)
        self.assertEqual(self.metric("fetches_unchanged_total"), 1)

    def test_unchanged_by_date(self):
        date = ago(5000)
        url = self.page(cache="max-age=0", etag=None,
                        fields=[("Last-Modified", date)])
        self.again(url)
        self.got(url, "fwd=stale; fwd-status=304")
        seen = self.seen("/a")[-1]
        self.assertEqual(seen.headers.get("if-modified-since"), date)

    def test_weak_tag_will_do(self):
        url = self.page(cache="max-age=0", etag='W/"w"')
        self.again(url)
        self.got(url, "fwd=stale; fwd-status=304")

    def test_fresh_again(self):
        url = self.page(cache="max-age=0")
        self.again(url)
        self.page(cache="max-age=1000")
        self.got(url, "fwd=stale; fwd-status=304")
        self.got(url, "hit")
        self.assertEqual(self.asked(), 2)

    def test_changed(self):
        url = self.page(cache="max-age=0")
        self.again(url)
        self.page(DATA[:1000], etag='"v2"')
        answer = self.got(url, "fwd=stale; stored", DATA[:1000])
        self.assertEqual(answer.get("ETag"), '"v2"')
        self.ready()
        self.got(url, "hit", DATA[:1000])

    def test_old_readers_finish(self):
        url = self.page(cache="max-age=0")
        self.again(url)
        conn = self.conn()
        conn.send_request("GET", self.target(url), {
            "Cache-Control": "max-stale"})
        conn.read_head()
        self.page(DATA[:1000], etag='"v2"')
        self.got(url, "fwd=stale", DATA[:1000])
        self.assert_same(conn.read_body(), DATA)

    def test_without_validator(self):
        url = self.page(cache="max-age=0", etag=None)
        self.again(url)
        self.got(url, "fwd=stale; stored")
        self.assertNotIn("if-none-match",
                         self.seen("/a")[-1].headers)

    def test_range_of_what_is_stale(self):
        url = self.page(cache="max-age=0")
        self.again(url)
        answer = self.get(url, Range="bytes=7-9")
        self.assertEqual(answer.status, 206)
        self.assert_same(answer.body, DATA[7:10])
        self.assert_status(answer, "fwd=stale; fwd-status=304")

    def test_clients_conditions_stay_here(self):
        # They are about what we give out, not about what we ask for.
        url = self.page()
        answer = self.get(url, If_None_Match=TAG)
        self.assertEqual(answer.status, 304)
        seen, = self.origin.requests
        self.assertNotIn("if-none-match", seen.headers)

    def test_while_it_is_validated(self):
        url = self.page(cache="max-age=0, stale-while-revalidate=1000")
        self.again(url)
        gate = Gate()
        self.page(DATA[:1000], hold=gate, etag='"v2"')
        self.got(url, "hit")
        gate.wait_reached()
        self.got(url, "hit")
        gate.open()
        until(lambda: self.get(url).body == DATA[:1000], "the new content")
        self.assertEqual(self.asked(), 2)

    def test_tag_of_another_version(self):
        # A 304 about something else is no reason to give out this.
        url = self.page(cache="max-age=0")
        self.again(url)
        answers = [b'HTTP/1.1 304 X\r\nETag: "v2"\r\n\r\n']
        honest = self.origin._answer

        def answer(conn, request):
            if answers:
                conn.sendall(answers.pop())
                return False
            return honest(conn, request)
        self.origin._answer = answer
        self.page(DATA[:1000], etag='"v2"')
        self.got(url, "fwd=uri-miss", DATA[:1000])


class Failing(Reading):
    """An origin that fails, and what is at hand instead."""

    DAEMON = True
    OPTIONS = [*ALLOW, "fetch.max_retries=0", "fetch.response_timeout=500ms"]

    def stale(self, cache="max-age=0"):
        """Have something stale at hand: its URL."""
        url = self.page(cache=cache)
        self.got(url, "fwd=uri-miss")
        self.ready()
        return url

    @table(("500", 500), ("503", 503), ("429", 429), ("408", 408))
    def test_error(self, status):
        url = self.stale()
        self.page(b"broken", status=status)
        self.got(url, f"fwd=stale; fwd-status={status}")
        # It is left alone for a moment.
        self.got(url, "hit")
        self.assertEqual(self.asked(), 2)

    def test_nobody_there(self):
        other = Origin()
        other.add("/a", Page(DATA, etag=TAG, fields=[
            ("Cache-Control", "max-age=0")]))
        url = other.url + "/a"
        self.got(url, "fwd=uri-miss")
        self.ready()
        other.close()
        self.got(url, "fwd=stale; stored")

    def test_silence(self):
        url = self.stale()
        gate = Gate()
        self.addCleanup(gate.open)
        self.page(hold=gate)
        self.got(url, "fwd=stale")

    @table(("404", 404), ("410", 410), ("403", 403))
    def test_gone(self, status):
        url = self.stale()
        self.page(b"gone", status=status)
        answer = self.get(url)
        problem = self.assert_problem(answer, 502, "fetch-failed")
        self.assertEqual(problem["error"], "http_request_error")
        self.assert_status(answer, f"fwd=stale; fwd-status={status}")
        # And is not there again when the origin breaks, too.
        self.page(b"broken", status=500)
        self.assert_problem(self.get(url), 502)

    @table(("must-revalidate", "max-age=0, must-revalidate"),
           ("proxy-revalidate", "max-age=0, proxy-revalidate"),
           ("s-maxage", "s-maxage=0"), ("no-cache", "no-cache"),
           ("stale-if-error", "max-age=0, stale-if-error=0",
            [("Age", "5")]))
    def test_never_stale(self, cache, fields=()):
        url = self.page(cache=cache, fields=list(fields))
        self.got(url, "fwd=uri-miss")
        self.ready()
        self.page(b"broken", status=500)
        self.assert_problem(self.get(url), 502)

    def test_client_insists(self):
        url = self.stale()
        self.page(b"broken", status=500)
        self.assert_problem(self.get(url, Cache_Control="no-cache"), 502)
        self.got(url, "hit")

    def test_failure_is_told(self):
        answer = self.get(f"http://127.0.0.1:{dead_port()}/a")
        problem = self.assert_problem(answer, 502)
        self.assertEqual(problem["error"], "connection_refused")
        self.assertEqual(answer.get("Proxy-Status"),
                         "spillway; error=connection_refused")
        self.assert_status(answer, "fwd=uri-miss")

    def test_failure_is_not_kept(self):
        url = self.page(b"broken", status=500)
        self.assert_problem(self.get(url), 502)
        self.page()
        self.got(url, "fwd=uri-miss")

    def test_cut(self):
        # What came is given out, never with a clean end, and never again.
        url = self.page(ranges=False, cut=100000, etag=None)
        conn = self.conn()
        conn.send_request("GET", self.target(url))
        with self.assertRaises(Truncated):
            conn.read()
        self.page()
        self.got(url, "fwd=uri-miss")

    def test_deleted_files_do_not_matter(self):
        url = self.page()
        made = self.fetched(url)
        self.http("DELETE", made["links"]["self"])
        self.got(url, "fwd=uri-miss")


class Bounded(Reading):
    """fetch.cache_stale: no longer after its time than this."""

    DAEMON = True
    OPTIONS = [*ALLOW, "fetch.max_retries=0", "fetch.cache_stale=100s"]

    @table(("before", 90, 200), ("after", 110, 502))
    def test_error(self, age, status):
        url = self.page(cache="max-age=0", fields=[("Age", str(age))])
        self.got(url, "fwd=uri-miss")
        self.ready()
        self.page(b"broken", status=500)
        self.assertEqual(self.get(url).status, status)


if __name__ == "__main__":
    main()
