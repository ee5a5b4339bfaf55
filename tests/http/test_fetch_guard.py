# SPDX-License-Identifier: MIT
"""What a fetch says to whom: credentials from hop to hop, connections, the
surroundings of the daemon, the fields a client may send along; names with
several addresses.

Source: API.md section 4; RFC 9110 section 15.4.
"""
import os
import shutil
import socket
import tempfile

from fetching import ALLOW, Fetching
from harness import Daemon, main, table
from origin import Origin, Page, Trap

SECRETS = {"Authorization": "Bearer secret", "Cookie": "a=secret",
           "X-Api-Key": "secret", "Private-Token": "secret"}


class Credentials(Fetching):
    """They are for the origin that the client named, and for no other."""

    DAEMON = True
    OPTIONS = ALLOW

    def setUp(self):
        super().setUp()
        self.other = Origin()
        self.addCleanup(self.other.close)

    def assert_got(self, origin, path, secret):
        """Whoever served the path was told the secret, or not."""
        seen, = origin.seen(path)
        for name in SECRETS:
            value = seen.headers.get(name.lower(), "")
            self.assertEqual("secret" in value, secret, (path, name))

    @table(("302", 302), ("307", 307), ("308", 308))
    def test_same_origin(self, status):
        self.origin.add("/b", Page(b"x"))
        self.fetched(self.origin.redirect("/a", "/b", status),
                     headers=SECRETS)
        self.assert_got(self.origin, "/a", True)
        self.assert_got(self.origin, "/b", True)

    def test_other_port(self):
        self.other.add("/b", Page(b"x"))
        self.fetched(self.origin.redirect("/a", self.other.url + "/b"),
                     headers=SECRETS)
        self.assert_got(self.origin, "/a", True)
        self.assert_got(self.other, "/b", False)

    def test_other_name(self):
        # Of the same server, but who says so?
        port = self.origin.port
        self.origin.add("/b", Page(b"x"))
        self.origin.redirect("/a", f"http://localhost:{port}/b")
        self.fetched(self.origin.url + "/a", headers=SECRETS)
        self.assert_got(self.origin, "/b", False)

    def test_there_and_back(self):
        # The other origin must not choose what they are sent for.
        self.origin.add("/c", Page(b"x"))
        self.other.redirect("/b", self.origin.url + "/c")
        self.fetched(self.origin.redirect("/a", self.other.url + "/b"),
                     headers=SECRETS)
        self.assert_got(self.origin, "/a", True)
        self.assert_got(self.other, "/b", False)
        self.assert_got(self.origin, "/c", False)

    def test_parts_that_are_fetched_later(self):
        # They go to where the redirects led, and so without them, too.
        data = bytes(500000)
        self.origin.add("/c", Page(data, etag='"1"'))
        self.other.redirect("/b", self.origin.url + "/c")
        made = self.begin(
            self.origin.redirect("/a", self.other.url + "/b"),
            mode="lazy", headers=SECRETS)
        self.assert_content(made["id"], data)
        parts = self.origin.seen("/c")
        self.assertGreater(len(parts), 1)
        for seen in parts:
            self.assertNotIn("secret", repr(seen.headers))


class Fields(Fetching):
    """What a client may have sent along."""

    DAEMON = True
    OPTIONS = ALLOW

    @table(*((name, name) for name in (
        "Host", "Content-Length", "Transfer-Encoding", "Connection",
        "Proxy-Authorization", "Proxy-Connection", "Upgrade", "TE",
        "Trailer", "Expect", "Metadata-Flavor", "Metadata",
        "X-aws-ec2-metadata-token", "X-Forwarded-For", "Forwarded", "Via",
        "Range", "If-Range", "If-None-Match", "Accept-Encoding", "X-Other",
        "", "A b", "A:b")))
    def test_refused(self, name):
        answer = self.fetch(self.origin.url + "/a", headers={name: "x"})
        self.assert_problem(answer, 400)
        self.assertEqual(self.origin.connections, 0)

    @table(("CR LF", "a\r\nHost: b"), ("LF", "a\nb"), ("NUL", "a\0b"),
           ("empty", ""), ("blank before", " a"), ("long", "a" * 5000))
    def test_refused_value(self, value):
        answer = self.fetch(self.origin.url + "/a",
                            headers={"Accept": value})
        self.assert_problem(answer, 400)
        self.assertEqual(self.origin.connections, 0)

    def test_sent(self):
        self.fetched(self.origin.add("/a", Page(b"x")), headers={
            "Accept": "text/x", "User-Agent": "mine/1", **SECRETS})
        seen, = self.origin.requests
        self.assertEqual(seen.headers["accept"], "text/x")
        self.assertEqual(seen.headers["user-agent"], "mine/1")
        self.assertEqual(seen.headers["x-api-key"], "secret")


class Connections(Fetching):
    """A connection belongs to one request."""

    DAEMON = True
    OPTIONS = ALLOW

    def test_not_reused(self):
        url = self.origin.add("/a", Page(b"x"))
        for _ in range(3):
            self.fetched(url)
        self.assertEqual(self.origin.connections, 3)

    def test_not_by_redirects_either(self):
        self.origin.add("/b", Page(b"x"))
        self.fetched(self.origin.redirect("/a", "/b"))
        self.assertEqual(self.origin.connections, 2)

    def test_answer_nobody_asked_for(self):
        # It would be the next request's, were there one.
        def answer(conn, _):
            conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                         b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"
                         b"poison")
            return True
        self.origin._answer = answer
        for _ in range(2):
            made = self.fetched(self.origin.url + "/a")
            self.assert_content(made["id"], b"ok")

    def test_only_the_addresses_that_are_listed(self):
        # localhost has more than one address; only 127.0.0.1 is allowed.
        try:
            trap = Trap("::1", port=self.origin.port)
        except OSError:
            trap = None         # without IPv6 there is nothing to keep from
        self.origin.add("/a", Page(b"x"))
        made = self.fetched(f"http://localhost:{self.origin.port}/a")
        self.assert_content(made["id"], b"x")
        if trap:
            self.addCleanup(trap.close)
            trap.assert_untouched()

    def test_a_listed_name_does_not_help_an_address(self):
        # allow_networks is about addresses: what a name leads to decides.
        trap = Trap("127.0.0.2")
        self.addCleanup(trap.close)
        answer = self.fetch(trap.url + "/")
        self.assert_problem(answer, 403, "address-forbidden")
        trap.assert_untouched()


class Surroundings(Fetching):
    """Files and variables of the daemon's user mean nothing."""

    DAEMON = True

    @classmethod
    def start(cls):
        cls.trap = Trap()
        cls.home = tempfile.mkdtemp(prefix="spillway-home-")
        for name, text in (
                (".netrc", "default login user password secret\n"),
                (".curlrc", f"proxy = {cls.trap.url}\nheader = X: secret\n")):
            with open(os.path.join(cls.home, name), "w",
                      encoding="ascii") as file:
                file.write(text)
            os.chmod(file.name, 0o600)
        cls.daemon = Daemon(*ALLOW, env={
            "HOME": cls.home, "CURL_HOME": cls.home,
            "NETRC": os.path.join(cls.home, ".netrc"),
            **{name: cls.trap.url for name in (
                "http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY",
                "HTTPS_PROXY", "ALL_PROXY")}})

    @classmethod
    def finish(cls):
        cls.trap.close()
        shutil.rmtree(cls.home)
        super().finish()

    def test_nothing_of_them(self):
        self.fetched(self.origin.add("/a", Page(b"x")))
        seen, = self.origin.requests
        self.assertNotIn("secret", repr(seen.headers))
        self.assertNotIn("authorization", seen.headers)
        self.trap.assert_untouched()

    def test_cookies_and_promises_are_forgotten(self):
        self.origin.add("/a", Page(b"x", fields=[
            ("Set-Cookie", "a=secret; Path=/"),
            ("Strict-Transport-Security", "max-age=1000"),
            ("Alt-Svc", f'h2="127.0.0.1:{self.trap.port}"'),
            ("Refresh", f"0; url={self.trap.url}/"),
            ("Link", f"<{self.trap.url}/>; rel=preload")]))
        for _ in range(2):
            made = self.fetched(self.origin.url + "/a")
            self.assertEqual(made["state"], "ready")
        for seen in self.origin.requests:
            self.assertNotIn("cookie", seen.headers)
        self.trap.assert_untouched()


class Six(Fetching):
    """IPv6, where the system has it."""

    DAEMON = True
    OPTIONS = ["fetch.allow_networks=::1/128", "fetch.ports=1-65535"]

    def setUp(self):
        if not socket.has_ipv6:
            self.skipTest("no IPv6")
        try:
            self.origin = Origin("::1")
        except OSError as error:
            self.skipTest(f"no IPv6: {error}")
        self.addCleanup(self.origin.close)

    def test_literal(self):
        made = self.fetched(self.origin.add("/a", Page(b"six")))
        self.assertEqual(made["state"], "ready")
        self.assert_content(made["id"], b"six")
        seen, = self.origin.requests
        self.assertEqual(seen.headers["host"], f"[::1]:{self.origin.port}")

    @table(("long", "[0:0:0:0:0:0:0:1]"), ("padded", "[0000::0001]"))
    def test_other_forms(self, host):
        self.origin.add("/a", Page(b"six"))
        made = self.fetched(f"http://{host}:{self.origin.port}/a")
        self.assertEqual(made["state"], "ready")

    def test_redirect(self):
        self.origin.add("/b", Page(b"six"))
        made = self.fetched(self.origin.redirect(
            "/a", f"//[::1]:{self.origin.port}/b"))
        self.assertEqual(made["state"], "ready")

    def test_v4_is_not_listed(self):
        trap = Trap()
        self.addCleanup(trap.close)
        for host in ("127.0.0.1", "[::ffff:127.0.0.1]"):
            answer = self.fetch(f"http://{host}:{trap.port}/")
            self.assert_problem(answer, 403, "address-forbidden")
        trap.assert_untouched()


if __name__ == "__main__":
    main()
