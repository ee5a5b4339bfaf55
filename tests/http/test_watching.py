# SPDX-License-Identifier: MIT
"""What an operator sees: each refusal, cut and spill is counted by
a metric with its reason, and told by a line of the log with the request.

Source: W3C Trace Context.
"""
import json
import re
from urllib.parse import quote

from fetching import ALLOW, Fetching
from harness import Conn, main, table, until
from origin import Origin, Page, dead_port
from resuming import OFFSET_TYPE, TUS
from samples import content
from watching import Watched

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def redacted(target):
    """As the log has it: without the values in its query."""
    return re.sub(r"=[^&]*", "=", target)


class Refusals(Watched, Fetching):
    """Requests that are not done."""

    DAEMON = True
    OPTIONS = [*ALLOW, "store.max_file_size=100K", "upload.max_time=1s",
               "fetch.max_retries=0", "fetch.deny_networks=127.0.0.9",
               "log.max_incidents=0"]

    def raw(self, data, sending=True):
        """What comes back to these bytes."""
        conn = self.conn()
        conn.send(data)
        if not sending:
            conn.end_sending()
        return conn.read(strict=False)

    @table(
        ("malformed", "malformed", 400, "GET", "/files?limit=x", {}, None),
        ("method", "method", 405, "DELETE", "/files", {}, None),
        ("too large", "too-large", 413, "POST", "/files", {}, b"x" * 102401),
        ("type", "type", 415, "POST", "/fetch", {"Content-Type": "text/csv"},
         b"{}"),
        ("expectation", "expectation", 417, "PUT", "/files/e",
         {"Expect": "more", "Content-Length": "0"}, None),
        ("content", "content", 422, "GET", "/files/there/zip", {}, None),
        ("digest", "content", 422, "PUT", "/files/d",
         {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, b"abc"),
        ("not implemented", "not-implemented", 501, "BREW", "/files", {},
         None),
        ("forbidden", "forbidden", 403, "POST", "/fetch",
         {"Prefer": "wait=20"}, b'{"url":"http://127.0.0.9:1/"}'),
        ("origin", "origin", 502, "POST", "/fetch", {"Prefer": "wait=20"},
         json.dumps({"url": f"http://127.0.0.1:{dead_port()}/"}).encode()),
        ("conflict", "conflict", 409, "PATCH", None,
         {**TUS, **OFFSET_TYPE, "Upload-Offset": "7"}, b"abc"))
    def test_request(self, reason, status, method, target, headers, body):
        self.upload(b"abc", "/files/there")
        if not target:
            target = self.http("POST", "/files", {
                **TUS, "Upload-Length": "10"}).get("Location")
        self.refused(reason, status,
                     lambda: self.http(method, target, headers, body),
                     f"{method} {re.escape(redacted(target))} from 127.0.0.1")

    @table(
        ("length required", "length-required", 411,
         b"POST /files HTTP/1.0\r\n\r\n"),
        ("version", "version", 505, b"GET / HTTP/1.2\r\nHost: x\r\n\r\n"),
        ("framing", "malformed", 400,
         b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
        ("fields", "header-too-large", 431, b"GET / HTTP/1.1\r\nHost: x\r\n"
         + b"a: b\r\n" * 100 + b"\r\n"),
        ("too slow", "too-slow", 408, b"PUT /files/slow HTTP/1.1\r\n"
         b"Host: x\r\nContent-Length: 5\r\n\r\nx"))
    def test_bytes(self, reason, status, data):
        self.refused(reason, status, lambda: self.raw(data))

    def exchange(self, data, before=False):
        """Send these bytes, perhaps behind a request that is answered."""
        conn = self.conn()
        if before:
            conn.request("GET", "/healthz")
        conn.send_lossy(data)
        conn.sock.recv(100)

    @table(
        ("field", "header-too-large", 431, b"GET / HTTP/1.1\r\nHost: x\r\nA: "
         + b"a" * 20000 + b"\r\n\r\n", False),
        ("target", "header-too-large", 414, b"GET /" + b"a" * 20000, False),
        ("target on a connection that was used", "header-too-large", 414,
         b"GET /" + b"a" * 20000, True),
        ("length", "malformed", 400, b"PUT /files/x HTTP/1.1\r\nHost: x\r\n"
         b"Content-Length: abc\r\n\r\n", False),
        ("version", "version", 505, b"GET / HTTP/3.0\r\nHost: x\r\n\r\n",
         False))
    def test_by_the_library(self, reason, status, data, before):
        # Its answer has no id, but the line has.
        self.told(f'requests_refused_total{{reason="{reason}"}}',
                  lambda: self.exchange(data, before),
                  rf"\[[A-Za-z0-9_-]{{22}}\] refused: {status} by the HTTP "
                  r"library: a connection from 127\.0\.0\.1: ")
        self.assertFalse([line for line in self.daemon.lines
                          if "a connection: " in line])

    @table(("no number", "malformed", 400, b"zz"),
           ("huge", "too-large", 413, b"f" * 17))
    def test_chunk(self, reason, status, size):
        cut = 'requests_cut_total{reason="client"}'
        failed, aborted = (f'uploads_failed_total{{reason="{why}"}}'
                           for why in (reason, "aborted"))
        before, uploads, gone = (
            self.metric(name) for name in (cut, failed, aborted))
        self.told(f'requests_refused_total{{reason="{reason}"}}',
                  lambda: self.exchange(
                      b"PUT /files/c HTTP/1.1\r\nHost: x\r\n"
                      b"Transfer-Encoding: chunked\r\n\r\n" + size
                      + b"\r\nabc\r\n"),
                  rf"\] refused: {status} by the HTTP library: PUT /files/c "
                  r"from 127\.0\.0\.1: ")
        self.assertEqual(self.metric(cut), before)
        self.assertEqual(self.metric(failed), uploads + 1)
        self.assertEqual(self.metric(aborted), gone)

    def test_form_with_a_bad_chunk(self):
        failed = 'uploads_failed_total{reason="malformed"}'
        before = self.metric(failed)
        self.exchange(b"POST /files HTTP/1.1\r\nHost: x\r\n"
                      b"Content-Type: multipart/form-data; boundary=b\r\n"
                      b"Transfer-Encoding: chunked\r\n\r\nzz\r\n")
        until(lambda: self.metric(failed) == before + 1, "its count")

    def test_client_that_leaves(self):
        aborted = 'uploads_failed_total{reason="aborted"}'
        before = self.metric(aborted)
        with Conn(self.daemon.address) as conn:
            conn.send(b"PUT /files/c HTTP/1.1\r\nHost: x\r\n"
                      b"Content-Length: 9\r\n\r\nabc")
        until(lambda: self.metric(aborted) == before + 1, "its count")

    @table(("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
            + b"x" * 200 + b"\n"), ("a word", b"HELLO\r\n\r\n"))
    def test_no_request(self, data):
        def send():
            with Conn(self.daemon.address) as conn:
                conn.send(data)
                conn.read_end()
        # To the system its end is a byte, if that came by then.
        some = f"({len(data)}|{len(data) + 1})"
        self.told("connections_no_request_total", send,
                  rf"\] cut: a connection from 127\.0\.0\.1: {some} "
                  "bytes came, and no request")

    def test_nothing_came(self):
        """Whoever only looks whether somebody listens is nobody's concern."""
        before = self.metric("connections_no_request_total")
        Conn(self.daemon.address).close()
        until(lambda: self.metric("connections_open") == 1, "its end")
        self.assertEqual(self.metric("connections_no_request_total"), before)

    def test_no_refusal(self):
        # Answers like any other; or a crawler would fill the log.
        self.upload(b"abc", "/files/there")
        begin = len(self.daemon.lines)
        self.assertEqual(self.http("GET", "/files/none").status, 404)
        self.assertEqual(self.http("GET", "/files/there", {
            "Range": "bytes=9-"}).status, 416)
        self.assertEqual(self.http("GET", "/files/there", {
            "If-Match": '"x"'}).status, 412)
        answer = self.http("DELETE", "/files")
        until(lambda: any(answer.get("X-Request-Id") in line
                          for line in self.daemon.lines), "the last one")
        self.assertEqual(len(self.daemon.lines), begin + 1)


class Space(Watched):
    """No room."""

    DAEMON = True
    OPTIONS = ["spool.disk_quota=1M", "spool.memory_max=64K",
               "upload.max_open_per_client=2", "log.level=debug"]

    def test_too_many(self):
        def begin(name):
            conn = self.conn()
            conn.send_request("PUT", f"/files/{name}",
                              {"Content-Length": "10"})
            conn.send(b"x")
            self.wait_received(name, 1)
            return conn
        held = [begin("one"), begin("two")]
        self.refused("client", 429,
                     lambda: self.http("PUT", "/files/three", (), b"x"))
        for conn in held:
            conn.send(b"x" * 9)
            self.assertEqual(conn.read().status, 201)

    def test_disk(self):
        self.refused("no-space", 507, lambda: self.http(
            "PUT", "/files/a", (), content(2000000)))

    def test_spill(self):
        _, line = self.told('spills_total{reason="limit"}', lambda:
                            self.upload(content(200000), "/files/s"),
                            "spilled: limit")
        self.assertRegex(line, r"debug +\[[A-Za-z0-9_-]{22}\] spilled")


class Connections(Watched):
    """Refused before there is a request."""

    DAEMON = True
    OPTIONS = ["server.max_connections=6",
               "server.max_connections_per_address=4",
               "server.header_timeout=1s"]

    @table(("limit", "limit", "127.0.0.2", "server.max_connections"),
           ("address", "address", None, "max_connections_per_address"))
    def test_rejected(self, reason, second, words):
        name = f'connections_rejected_total{{reason="{reason}"}}'
        before = self.metric(name)
        held = [self.hold(None) for _ in range(4)]
        held += [self.hold(second) for _ in range(2 if second else 0)]
        with Conn(self.daemon.address, source=second) as conn:
            answer = conn.request("GET", "/healthz")
        self.assert_problem(answer, 503, "unavailable")
        for conn in held:
            conn.close()
        until(lambda: any(words in line and answer.get("x-request-id") in line
                          and "refused: 503" in line
                          for line in self.daemon.lines), "a line")
        self.assertGreater(until(lambda: self.counted(name), "a place"),
                           before)

    def hold(self, source):
        """A connection that was taken: one before may still be counted."""
        def taken():
            conn = Conn(self.daemon.address, source=source)
            if conn.request("GET", "/healthz").status == 200:
                return conn
            return conn.close()
        return until(taken, "a place")

    def counted(self, name):
        """The metric, once there is a connection to ask by."""
        try:
            return self.metric(name)
        except AssertionError:
            return None

    def test_no_header(self):
        def wait():
            with Conn(self.daemon.address) as conn:
                conn.send(b"GET / HT")
                conn.read_end()
        self.told("connections_timed_out_total", wait,
                  "cut: a connection from 127.0.0.1")


class Silence(Watched):
    """Nothing moves."""

    DAEMON = True
    OPTIONS = ["server.idle_timeout=1s"]

    def test_silent_body(self):
        def wait():
            with Conn(self.daemon.address) as conn:
                conn.send_request("PUT", "/files/t", {"Content-Length": "9"})
                conn.send(b"abc")
                conn.read_end()
        self.told('requests_cut_total{reason="timeout"}', wait,
                  r"\] cut: PUT /files/t from 127.0.0.1: nothing moved")


class Flood(Watched):
    """Many of one kind are few lines."""

    DAEMON = True
    OPTIONS = ["log.max_incidents=3"]
    MANY = 200

    def test_lines(self):
        before = self.refusals("method")
        with Conn(self.daemon.address) as conn:
            for _ in range(self.MANY):
                conn.request("DELETE", "/files")
        self.assertEqual(self.refusals("method"), before + self.MANY)
        lines = [line for line in self.daemon.lines if "refused: 405" in line]
        self.assertGreaterEqual(len(lines), 3)
        self.assertLess(len(lines), self.MANY)


class Traces(Watched, Fetching):
    """traceparent"""

    DAEMON = True
    OPTIONS = [*ALLOW, "log.access=yes"]

    def assert_child(self, field):
        """What is sent on is of the same trace, and its parent this
        request, not the one that the request came from."""
        self.assertRegex(field, f"^00-{TRACE}-[0-9a-f]{{16}}-01$")
        self.assertNotEqual(field, PARENT)

    def test_no_values_of_queries(self):
        answer = self.http("GET", "/files/none?token=geheim&secret&x=", {
            "Referer": "http://me:geheim@example.com/?token=geheim"})
        until(lambda: any(answer.get("X-Request-Id") in line
                          and '"GET /files/none?token=&x="' in line
                          for line in self.daemon.lines), "the access line")
        self.assertNotIn("geheim", self.daemon.output())
        self.assertNotIn("secret", self.daemon.output())

    def test_to_answer_and_log(self):
        answer = self.http("GET", "/files/none", {"traceparent": PARENT})
        self.assertEqual(answer.get("traceparent"), PARENT)
        until(lambda: any(f'trace_id="{TRACE}"' in line
                          for line in self.daemon.lines), "the access line")
        answer = self.http("DELETE", "/files", {"traceparent": PARENT})
        until(lambda: any(
            f"[{answer.get('X-Request-Id')} {TRACE}] refused: 405" in line
            for line in self.daemon.lines), "the line")

    def test_to_origin(self):
        url = self.origin.add("/a", Page(b"abc"))
        answer = self.http(
            "POST", "/fetch",
            {"Prefer": "wait=20", "traceparent": PARENT,
             "tracestate": "a=1,b=2"}, json.dumps({"url": url}).encode())
        self.assertEqual(answer.status, 201)
        seen = self.origin.requests[-1].headers
        self.assertEqual(seen["tracestate"], "a=1,b=2")
        self.assert_child(seen["traceparent"])

    def test_through_to_origin(self):
        url = self.origin.add("/a", Page(b"abc"))
        answer = self.http("GET", f"/fetch?url={quote(url, safe='')}",
                           {"traceparent": PARENT})
        self.assertEqual(answer.body, b"abc")
        self.assert_child(self.origin.requests[-1].headers["traceparent"])

    def test_unknown_version_and_flags(self):
        """What is not known here is not passed on: sections 3.2.2.5, 4.3."""
        url = self.origin.add("/a", Page(b"abc"))
        answer = self.http(
            "POST", "/fetch", {"Prefer": "wait=20", "traceparent":
                               f"cc{PARENT[2:-2]}ff-of-the-future"},
            json.dumps({"url": url}).encode())
        self.assertEqual(answer.status, 201)
        self.assertRegex(self.origin.requests[-1].headers["traceparent"],
                         f"^00-{TRACE}-[0-9a-f]{{16}}-03$")

    def test_not_to_another_origin(self):
        other = Origin()
        self.addCleanup(other.close)
        url = self.origin.redirect("/r", other.add("/a", Page(b"abc")))
        answer = self.http(
            "POST", "/fetch", {"Prefer": "wait=20", "traceparent": PARENT},
            json.dumps({"url": url}).encode())
        self.assertEqual(answer.status, 201)
        self.assertNotIn("traceparent", other.requests[-1].headers)

    @table(("none", None), ("no such", "00-xyz"),
           ("upper case", PARENT.upper()),
           ("zeros", f"00-{'0' * 32}-00f067aa0ba902b7-01"))
    def test_dropped(self, value):
        url = self.origin.add("/a", Page(b"abc"))
        headers = {"Prefer": "wait=20", "tracestate": "a=1"}
        if value:
            headers["traceparent"] = value
        answer = self.http("POST", "/fetch", headers,
                           json.dumps({"url": url}).encode())
        self.assertIsNone(answer.get("traceparent"))
        seen = self.origin.requests[-1].headers
        self.assertNotIn("traceparent", seen)
        self.assertNotIn("tracestate", seen)

    def test_several_are_none(self):
        with Conn(self.daemon.address) as conn:
            conn.send(b"GET / HTTP/1.1\r\nHost: x\r\n"
                      + f"traceparent: {PARENT}\r\n".encode() * 2 + b"\r\n")
            self.assertIsNone(conn.read().get("traceparent"))


class Spans(Fetching):
    """In JSON the log has what a span is made of."""

    DAEMON = True
    OPTIONS = [*ALLOW, "log.access=yes", "log.format=json",
               "fetch.max_retries=1", "fetch.retry_delay=1ms"]

    def lines(self, **wanted):
        """The lines of the log that have these members."""
        lines = [json.loads(line) for line in self.daemon.lines
                 if line.startswith("{")]
        return [line for line in lines if wanted.items() <= line.items()]

    def test_lines_of_a_fetch(self):
        url = self.origin.add("/a", Page(content(1000), etag='"v"',
                                         status=503))
        answer = self.http(
            "POST", "/fetch", {"Prefer": "wait=20", "traceparent": PARENT},
            json.dumps({"url": url}).encode())
        access = until(lambda: self.lines(
            level="access", request_id=answer.get("X-Request-Id")),
            "the access line")[0]
        self.assertEqual(access["trace_id"], TRACE)
        span = self.origin.requests[-1].headers["traceparent"].split("-")[2]
        self.assertEqual(access["span_id"], span)
        # On the thread of fetches it is the same.
        told = self.lines(trace_id=TRACE, span_id=span, level="info")
        self.assertTrue([line for line in told
                         if "tried again" in line["message"]], told)
        # Each request is a span of its own, and without a trace none.
        other = self.http("DELETE", "/files", {"traceparent": PARENT})
        none = self.http("DELETE", "/files")
        for answer, trace in ((other, TRACE), (none, None)):
            line = until(lambda a=answer: self.lines(
                level="access", request_id=a.get("X-Request-Id")),
                "the access line")[0]
            self.assertEqual(line["trace_id"], trace)
            self.assertNotEqual(line["span_id"], span)
            self.assertEqual(line["span_id"] is None, trace is None)


if __name__ == "__main__":
    main()
