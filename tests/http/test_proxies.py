# SPDX-License-Identifier: MIT
"""What trusted proxies tell of clients, and others do not.

Source: RFC 7239 sections 4 to 7; the X-Forwarded fields as proxies write them.
"""
import os
import re
import tempfile

from harness import Case, Conn, Daemon, main, table, until


class Told(Case):
    """Words for who the client was taken for."""

    def client(self, headers, conn=None):
        """The address that the access log has of a request."""
        mark = f"/files/mark-{os.urandom(6).hex()}"
        if conn:
            conn.request("GET", mark, headers)
        else:
            self.http("GET", mark, headers)
        line = until(lambda: next((line for line in self.daemon.lines
                                   if f"GET {mark}\"" in line), None), "a line")
        return line.partition(" access ")[2].split()[0]

    def url(self, headers):
        """The absolute URL that an upload is answered with."""
        headers = [*headers.items(), ("Accept", "text/plain"),
                   ("Host", "own-host:8080")]
        answer = self.http("PUT", "/files/x", headers, b"x")
        return answer.body.decode().removesuffix("/files/x\n")


class XForwarded(Told):
    """The fields that most proxies write."""

    OPTIONS = ["server.trusted_proxies=127.0.0.0/8, 10.0.0.0/8, fd00::/8",
               "log.access=yes"]

    @table(("none", [], "127.0.0.1"), ("one", ["203.0.113.7"], "203.0.113.7"),
           ("forged by the client", ["6.6.6.6, 203.0.113.7"], "203.0.113.7"),
           ("by two proxies", ["203.0.113.7, 10.1.2.3"], "203.0.113.7"),
           ("forged, two proxies", ["6.6.6.6, 203.0.113.7, 10.1.2.3"],
            "203.0.113.7"),
           ("forged as a proxy", ["10.6.6.6, 203.0.113.7, 10.1.2.3"],
            "203.0.113.7"),
           ("two fields", ["6.6.6.6", "203.0.113.7"], "203.0.113.7"),
           ("all trusted", ["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
           ("with a port", ["203.0.113.7:4711"], "203.0.113.7"),
           ("IPv6", ["2001:db8::7"], "2001:db8::7"),
           ("IPv6 with a port", ["[2001:db8::7]:4711"], "2001:db8::7"),
           ("IPv6 proxy", ["2001:db8::7, fd00::1"], "2001:db8::7"),
           ("unknown", ["unknown"], "127.0.0.1"),
           ("unknown before a proxy", ["unknown, 10.1.2.3"], "10.1.2.3"),
           ("nonsense", ["6.6.6.6, <script>"], "127.0.0.1"),
           ("empty", [""], "127.0.0.1"), ("commas", [",,"], "127.0.0.1"),
           ("long", [", ".join(["6.6.6.6"] * 200 + ["203.0.113.7"])],
            "203.0.113.7"))
    def test_client(self, fields, client):
        self.assertEqual(self.client(
            [("X-Forwarded-For", field) for field in fields]), client)

    def test_per_request(self):
        with Conn(self.daemon.address) as conn:
            for client in ("203.0.113.1", "203.0.113.2"):
                self.assertEqual(
                    self.client({"X-Forwarded-For": client}, conn), client)
            self.assertEqual(self.client({}, conn), "127.0.0.1")

    @table(("none", {}, "http://own-host:8080"),
           ("proto", {"X-Forwarded-Proto": "https"},
            "https://own-host:8080"),
           ("host", {"X-Forwarded-Host": "outer.example"},
            "http://outer.example"),
           ("both", {"X-Forwarded-For": "203.0.113.7",
                     "X-Forwarded-Proto": "HTTPS",
                     "X-Forwarded-Host": "outer.example:8443"},
            "https://outer.example:8443"),
           ("proto forged", {"X-Forwarded-For": "203.0.113.7",
                             "X-Forwarded-Proto": "https, http"},
            "http://own-host:8080"),
           ("of the outer one", {"X-Forwarded-For": "203.0.113.7, 10.1.2.3",
                                 "X-Forwarded-Proto": "https, http",
                                 "X-Forwarded-Host": "outer.example, inner"},
            "https://outer.example"),
           ("written anew", {"X-Forwarded-For": "203.0.113.7, 10.1.2.3",
                             "X-Forwarded-Proto": "https"},
            "https://own-host:8080"),
           ("other scheme", {"X-Forwarded-Proto": "javascript"},
            "http://own-host:8080"),
           ("bad host", {"X-Forwarded-Host": "a b\"<"},
            "http://own-host:8080"),
           ("Forwarded is not for us", {
               "Forwarded": "proto=https;host=evil.example"},
            "http://own-host:8080"))
    def test_url(self, headers, url):
        self.assertEqual(self.url(headers), url)


class Forwarded(Told):
    """RFC 7239."""

    OPTIONS = ["server.trusted_proxies=127.0.0.1, 10.0.0.0/8",
               "server.proxy_fields=forwarded", "log.access=yes"]

    @table(("one", ["for=203.0.113.7"], "203.0.113.7"),
           ("case", ["For=203.0.113.7;by=10.0.0.1"], "203.0.113.7"),
           ("quoted", ['for="203.0.113.7:4711"'], "203.0.113.7"),
           ("IPv6", ['for="[2001:db8::7]:4711"'], "2001:db8::7"),
           ("forged", ["for=6.6.6.6, for=203.0.113.7, for=10.1.2.3"],
            "203.0.113.7"),
           ("two fields", ["for=6.6.6.6", "for=203.0.113.7"], "203.0.113.7"),
           ("hidden", ["for=203.0.113.7, for=_secret"], "127.0.0.1"),
           ("unknown", ["for=unknown"], "127.0.0.1"),
           ("not told", ["proto=https"], "127.0.0.1"),
           ("malformed", ["for=203.0.113.7, for"], "127.0.0.1"),
           ("a quote that forges", ['for="6.6.6.6, for=203.0.113.7'],
            "127.0.0.1"))
    def test_client(self, fields, client):
        self.assertEqual(self.client(
            [("Forwarded", field) for field in fields]), client)

    def test_x_forwarded_is_not_for_us(self):
        self.assertEqual(
            self.client({"X-Forwarded-For": "6.6.6.6"}), "127.0.0.1")

    @table(("both", 'for=203.0.113.7;proto=https;host="outer.example:8443"',
            "https://outer.example:8443"),
           ("outer one", "for=203.0.113.7;host=outer.example;proto=https, "
            "for=10.1.2.3;host=inner;proto=http", "https://outer.example"),
           ("forged", "host=evil.example;proto=https, for=203.0.113.7",
            "http://own-host:8080"),
           ("malformed", "proto=https;host=outer.example;",
            "http://own-host:8080"))
    def test_url(self, field, url):
        self.assertEqual(self.url({"Forwarded": field}), url)


class DualStack(Told):
    """A socket for both has IPv4 clients with addresses of IPv6."""

    DAEMON = False

    def begin(self, *options):
        """A daemon that is asked by such a socket."""
        one = self.daemon = Daemon("server.listen=127.0.0.1:0, *:0",
                                   "auth.mode=none", "log.access=yes",
                                   "log.level=info", *options)
        self.addCleanup(one.clean)
        self.addCleanup(one.kill)
        port = until(lambda: re.search(r"http://(?:\[::\]|0\.0\.0\.0):(\d+)",
                                       one.output()), "the second address")
        one.address = "127.0.0.1", int(port[1])

    def test_log(self):
        self.begin()
        self.assertEqual(self.client({}), "127.0.0.1")
        self.assert_problem(self.http("PATCH", "/healthz"), 405)
        line = until(lambda: next((line for line in self.daemon.lines
                                   if "refused: 405" in line), None), "a line")
        self.assertIn("127.0.0.1", line)
        self.assertNotIn("::ffff", self.daemon.output())

    @table(("IPv4", "127.0.0.1"), ("network", "127.0.0.0/8"),
           ("mapped", "::ffff:127.0.0.0/104"))
    def test_trusted(self, network):
        self.begin(f"server.trusted_proxies={network}")
        for told in ("203.0.113.7", "::ffff:203.0.113.7"):
            self.assertEqual(
                self.client({"X-Forwarded-For": told}), "203.0.113.7")

    def test_not_trusted(self):
        self.begin("server.trusted_proxies=::/0, 10.0.0.0/8")
        self.assertEqual(
            self.client({"X-Forwarded-For": "203.0.113.7"}), "127.0.0.1")

    def test_limits_count_both(self):
        self.begin("server.max_connections_per_address=2")
        first = [Conn(self.daemon.address),
                 Conn(self.daemon.address)]
        for conn in first:
            self.addCleanup(conn.close)
            self.assertEqual(conn.request("GET", "/healthz").status, 200)
        plain = re.search(r"http://(127\.0\.0\.1):(\d+)",
                          self.daemon.output())
        with Conn((plain[1], int(plain[2]))) as third:
            self.assertEqual(third.request("GET", "/healthz").status, 503)


class Untrusted(Told):
    """What anybody else says of himself."""

    OPTIONS = ["server.trusted_proxies=10.0.0.0/8", "log.access=yes"]

    def test_nothing_is_believed(self):
        said = {"X-Forwarded-For": "203.0.113.7",
                "X-Forwarded-Proto": "https", "X-Forwarded-Host": "a.example",
                "Forwarded": "for=203.0.113.7"}
        self.assertEqual(self.client(said), "127.0.0.1")
        self.assertEqual(self.url(said), "http://own-host:8080")


class Limits(Case):
    """Limits are each client's, not the proxy's."""

    OPTIONS = ["server.trusted_proxies=127.0.0.1",
               "server.max_connections_per_address=2",
               "upload.max_open_per_client=1"]

    def test_connections(self):
        conns = [self.conn() for _ in range(5)]
        for conn in conns:
            self.assertEqual(conn.request("GET", "/healthz").status, 200)

    def test_uploads(self):
        def begin(client):
            conn = self.conn()
            conn.send_request("PUT", f"/files/{client}", {
                "X-Forwarded-For": client, "Content-Length": "2"})
            conn.send(b"x")
            return conn
        first = begin("203.0.113.1")
        self.wait_received("203.0.113.1", 1)
        self.assert_problem(self.http("PUT", "/files/y", {
            "X-Forwarded-For": "203.0.113.1"}, b"y"), 429)
        self.assertEqual(self.http("PUT", "/files/y", {
            "X-Forwarded-For": "203.0.113.2"}, b"y").status, 201)
        first.send(b"x")
        self.assertEqual(first.read().status, 201)


class Unix(Told):
    """A proxy on this machine, behind a unix socket."""

    DAEMON = False

    @table(("trusted", "unix", "203.0.113.7"),
           ("not", "127.0.0.0/8, ::/0", "unix"))
    def test_client(self, trusted, client):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            path = os.path.join(folder, "sock")
            self.daemon = Daemon(
                f"server.listen=127.0.0.1:0, unix:{path}", "log.access=yes",
                f"server.trusted_proxies={trusted}")
            self.addCleanup(self.daemon.kill)
            with Conn(path) as conn:
                self.assertEqual(self.client(
                    {"X-Forwarded-For": "203.0.113.7"}, conn), client)
            self.daemon.stop()


if __name__ == "__main__":
    main()
