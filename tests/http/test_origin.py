# SPDX-License-Identifier: MIT
"""Fetching from an origin that misbehaves on purpose.

Source: API.md section 4; RFC 9110 section 15.4; RFC 9112 section 8;
RFC 9209 section 2.3.
"""
import json

from fetching import ALLOW, DATA, Fetching
from harness import Truncated, WireError, main, table
from origin import Gate, Origin, Page, Trap, dead_port


class Faults(Fetching):
    """What goes wrong is told, and never looks whole."""

    DAEMON = True
    OPTIONS = [*ALLOW, "spool.memory_max=64K"]

    @table(("length", "length"), ("chunked", "chunked"))
    def test_truncated(self, framing):
        self.origin.add("/a", Page(DATA, cut=200000, framing=framing,
                                   ranges=False))
        url = self.origin.url + "/a"
        made = self.fetched(url)
        self.assertEqual(made["state"], "failed")
        self.assertEqual(made["source"]["error"]["error"],
                         "http_response_incomplete")
        # What came stays readable, but never looks whole.
        path = made["links"]["self"]
        answer = self.http("GET", path, {"Range": "bytes=100-199"})
        self.assertEqual(answer.status, 206)
        self.assert_same(answer.body, DATA[100:200])
        conn = self.conn()
        conn.send_request("GET", path)
        with self.assertRaises(Truncated) as caught:
            conn.read()
        self.assert_same(caught.exception.body,
                         DATA[:len(caught.exception.body)])

    @table(("length", "length"), ("chunked", "chunked"))
    def test_truncated_under_a_reader(self, framing):
        gate = Gate()
        self.origin.add("/a", Page(DATA, cut=100000, gate=(50000, gate),
                                   framing=framing, ranges=False))
        made = self.begin(self.origin.url + "/a")
        self.wait_received(made["id"], 50000)
        conn = self.conn()
        conn.send_request("GET", made["links"]["self"])
        conn.read_head()
        conn.read_body(50000)
        gate.open()
        with self.assertRaises(Truncated):
            conn.read_body()

    def test_promised_more_than_it_has(self):
        self.origin.add("/a", Page(DATA, declared=len(DATA) + 1,
                                   ranges=False))
        self.failed(self.origin.url + "/a", "http_response_incomplete")

    def test_connection_refused(self):
        self.failed(f"http://127.0.0.1:{dead_port()}/a",
                    "connection_refused")

    def test_name_without_address(self):
        problem = self.failed("http://does-not-exist.example.invalid/")
        self.assertIn(problem.get("error"), ("dns_error", "dns_timeout"))

    @table(("404", 404), ("403", 403), ("410", 410), ("500", 500),
           ("204", 204), ("206 unasked", 206))
    def test_status(self, status):
        url = self.origin.add("/a", Page(b"secret text of the origin",
                                         status=status, ranges=False))
        problem = self.failed(url)
        self.assertNotIn("secret", json.dumps(problem))
        name = self.fetch(url, "wait=100")
        self.assert_problem(name, (502, 504))

    def test_failed_body_is_not_shown(self):
        url = self.origin.add("/a", Page(b"secret", status=404))
        made = self.fetched(url)
        conn = self.conn()
        conn.send_request("GET", made["links"]["self"])
        try:
            answer = conn.read()
            self.assertNotIn(b"secret", answer.body)
            self.assertGreaterEqual(answer.status, 400)
        except WireError as cut:
            self.assertNotIn(b"secret", getattr(cut, "body", b""))

    @table(
        ("two lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"
         b"Content-Length: 5\r\n\r\nabcde"),
        ("negative length", b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\n"),
        ("junk", b"220 smtp.example ESMTP\r\n"),
        ("nothing", b""), ("HTTP/0.9", b"<html>old</html>"),
        ("bad chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         b"zz\r\nabc"),
        ("half a head", b"HTTP/1.1 200 OK\r\nContent-Le"))
    def test_malformed(self, answer):
        self.origin._answer = lambda conn, request: conn.sendall(answer)
        self.failed(self.origin.url + "/a")
        self.assert_healthy()

    def test_endless_head(self):
        def answer(conn, _):
            conn.sendall(b"HTTP/1.1 200 OK\r\n")
            for _ in range(3000):
                conn.sendall(b"X-Long: " + b"y" * 1000 + b"\r\n")
        self.origin._answer = answer
        self.failed(self.origin.url + "/a")


class Redirects(Fetching):
    """Each hop is checked anew."""

    DAEMON = True
    OPTIONS = ALLOW

    @table(("301", 301), ("302", 302), ("303", 303), ("307", 307),
           ("308", 308))
    def test_redirect(self, status):
        target = self.origin.add("/new/b.bin", Page(DATA))
        url = self.origin.add("/old", Page(
            b"", status=status, fields=[("Location", target)]))
        made = self.fetched(url)
        self.assertEqual(made["state"], "ready")
        self.assert_content(made["id"], DATA)

    @table(("path", "/b"), ("relative", "b"), ("scheme-relative", None))
    def test_relative_redirect(self, location):
        self.origin.add("/b", Page(DATA[:100]))
        location = location or self.origin.url.removeprefix("http:") + "/b"
        made = self.fetched(self.origin.redirect("/a", location))
        self.assert_content(made["id"], DATA[:100])

    def test_redirect_loop(self):
        self.failed(self.origin.redirect("/a", "/a"))
        self.assertLessEqual(len(self.origin.seen("/a")), 21)

    def test_five_redirects(self):
        for step in range(5):
            self.origin.redirect(f"/{step}", f"/{step + 1}")
        self.origin.add("/5", Page(b"end"))
        made = self.fetched(self.origin.url + "/0")
        self.assert_content(made["id"], b"end")

    @table(("file", "file:///etc/passwd"), ("ftp", "ftp://127.0.0.1/a"),
           ("gopher", "gopher://127.0.0.1:6379/_x"), ("empty", ""),
           ("userinfo", "http://user:pw@127.0.0.1/"))
    def test_redirect_elsewhere(self, location):
        made = self.fetched(self.origin.redirect("/a", location))
        self.assertEqual(made["state"], "failed")

    def test_redirect_to_a_forbidden_address(self):
        trap = Trap("127.0.0.2")        # not in allow_networks
        self.addCleanup(trap.close)
        trap.add("/b", Page(b"secret"))
        url = self.origin.redirect("/a", trap.url + "/b")
        problem = self.failed(url)
        self.assertEqual(problem["type"], "/problems/address-forbidden")
        trap.assert_untouched()

    def test_headers_do_not_leave_the_origin(self):
        other = Origin()
        self.addCleanup(other.close)
        other.add("/b", Page(b"x"))
        url = self.origin.redirect("/a", other.url + "/b")
        self.fetched(url, headers={"X-Api-Key": "secret",
                                   "Authorization": "Bearer secret"})
        first, = self.origin.requests
        self.assertEqual(first.headers.get("x-api-key"), "secret")
        second, = other.requests
        self.assertNotIn("secret", repr(second.headers))


class Timeouts(Fetching):
    """An origin that says nothing is given up."""

    DAEMON = True
    OPTIONS = [*ALLOW, "fetch.response_timeout=500ms",
               "fetch.stall_timeout=500ms"]

    def test_no_answer(self):
        gate = Gate()
        self.addCleanup(gate.open)
        self.origin._answer = lambda conn, request: gate.wait()
        self.failed(self.origin.url + "/a")

    def test_stall(self):
        gate = Gate()
        self.addCleanup(gate.open)
        self.origin.add("/a", Page(DATA, gate=(1000, gate), ranges=False))
        self.failed(self.origin.url + "/a")


if __name__ == "__main__":
    main()
