# SPDX-License-Identifier: MIT
"""Fetching by URL: where the daemon must never connect to.

Listeners on loopback stand for everything inside; that nobody connected to
them is the proof, the answer's text is not.

Source: API.md section 4; RFC 6890.
"""
import json

from harness import Case, main, table
from origin import Page, Trap

# Addresses that are not public, however they are written: port and path come
# behind. Those of an inner host are 127.0.0.1 in disguise.
ADDRESSES = [
    ("loopback", "127.0.0.1"), ("loopback 2", "127.0.0.2"),
    ("loopback end", "127.255.255.254"), ("unspecified", "0.0.0.0"),
    ("this network", "0.1.2.3"), ("private 10", "10.0.0.1"),
    ("private 172", "172.16.0.1"), ("private 172 end", "172.31.255.254"),
    ("private 192", "192.168.1.1"), ("link-local", "169.254.1.1"),
    ("cloud", "169.254.169.254"), ("cloud 2", "100.100.100.200"),
    ("cgnat", "100.64.0.1"), ("protocol", "192.0.0.192"),
    ("documentation", "192.0.2.1"), ("benchmark", "198.18.0.1"),
    ("multicast", "224.0.0.1"), ("reserved", "240.0.0.1"),
    ("broadcast", "255.255.255.255"), ("v6 loopback", "[::1]"),
    ("v6 unspecified", "[::]"), ("v6 mapped", "[::ffff:127.0.0.1]"),
    ("v6 mapped hex", "[::ffff:7f00:1]"), ("v6 compatible", "[::127.0.0.1]"),
    ("v6 translated", "[::ffff:0:127.0.0.1]"),
    ("nat64", "[64:ff9b::7f00:1]"), ("nat64 local", "[64:ff9b:1::7f00:1]"),
    ("6to4", "[2002:7f00:1::]"), ("teredo", "[2001:0:7f00:1::]"),
    ("unique local", "[fd00:ec2::254]"), ("v6 link-local", "[fe80::1]"),
    ("v6 site-local", "[fec0::1]"), ("v6 multicast", "[ff02::1]"),
    ("v6 documentation", "[2001:db8::1]"),
]

# URLs that are no good as text. {port} is that of a trap.
TEXTS = [
    ("decimal", "http://2130706433:{port}/"),
    ("hex", "http://0x7f000001:{port}/"),
    ("hex parts", "http://0x7f.1:{port}/"),
    ("octal", "http://0177.0.0.1:{port}/"), ("short", "http://127.1:{port}/"),
    ("overflow", "http://425.510.425.510:{port}/"),
    ("userinfo", "http://user@127.0.0.1:{port}/"),
    ("password", "http://u:p@127.0.0.1:{port}/"),
    ("backslash", "http://127.0.0.1:{port}\\@example.com/"),
    ("two ats", "http://example.com:80+&@127.0.0.1:{port}/"),
    ("escaped host", "http://%31%32%37.0.0.1:{port}/"),
    ("circled digits", "http://①②⑦.0.0.1:{port}/"),
    ("full stop", "http://127。0。0。1:{port}/"),
    ("zone", "http://[fe80::1%25lo]:{port}/"),
    ("one slash", "http:/127.0.0.1:{port}/"),
    ("three slashes", "http:///127.0.0.1:{port}/"),
    ("no slash", "http:127.0.0.1:{port}/"), ("no scheme", "127.0.0.1:{port}/"),
    ("space", "http://127.0.0.1 :{port}/"),
    ("tab", "http://127.0.0.1\t:{port}/"),
    ("CRLF", "http://127.0.0.1:{port}/\r\nX: y"),
    ("space in path", "http://127.0.0.1:{port}/a b"),
    ("port 0", "http://127.0.0.1:0/"),
    ("port 65536", "http://127.0.0.1:65536/"),
    ("port letters", "http://127.0.0.1:8o/"),
    ("file", "file:///etc/passwd"), ("ftp", "ftp://127.0.0.1:{port}/"),
    ("gopher", "gopher://127.0.0.1:{port}/_x"),
    ("dict", "dict://127.0.0.1:{port}/x"), ("jar", "jar:http://127.0.0.1!/"),
    ("javascript", "javascript:alert(1)"),
    ("long", "http://127.0.0.1/" + "a" * 9000),
]

# Names that lead inside, or would.
NAMES = [
    ("localhost", "localhost"), ("localhost.", "localhost."),
    ("LOCALHOST", "LOCALHOST"), ("single label", "metadata"),
    ("internal", "metadata.google.internal"), ("local", "printer.local"),
    ("sub of localhost", "a.localhost"), ("onion", "abcdef.onion"),
    ("v6 name", "ip6-localhost"),
]


class Guard(Case):
    """No networks are allowed: nothing here is public."""

    OPTIONS = ["fetch.ports=1-65535"]

    def setUp(self):
        self.trap = Trap()
        self.addCleanup(self.trap.close)
        self.trap.add("/", Page(b"secret"))

    def refused(self, url, statuses, name=None):
        """Must be refused, and nobody may have connected."""
        answer = self.http("POST", "/fetch", {
            "Content-Type": "application/json", "Prefer": "wait=100",
        }, json.dumps({"url": url}, ensure_ascii=False).encode())
        self.assert_problem(answer, statuses, name)
        self.assertNotIn(b"secret", answer.body)
        self.trap.assert_untouched()

    @table(*ADDRESSES)
    def test_address(self, host):
        self.refused(f"http://{host}:{self.trap.port}/", 403,
                     "address-forbidden")

    @table(*TEXTS)
    def test_text(self, url):
        self.refused(url.format(port=self.trap.port), (400, 403))

    @table(*NAMES)
    def test_name(self, host):
        self.refused(f"http://{host}:{self.trap.port}/", (400, 403))

    def test_https(self):
        self.refused(f"https://127.0.0.1:{self.trap.port}/", 403,
                     "address-forbidden")

    def test_itself(self):
        self.refused(f"{self.daemon.url}/healthz", 403, "address-forbidden")

    def test_refused_fetches_leave_nothing_to_read(self):
        self.http("POST", "/fetch", {"Content-Type": "application/json"},
                  json.dumps({"url": self.trap.url + "/"}).encode())
        for one in self.json(self.http("GET", "/files"))["files"]:
            self.assertNotEqual(one["state"], "ready", one)


class Ports(Case):
    """An address that is allowed, on ports that are not."""

    OPTIONS = ["fetch.allow_networks=127.0.0.0/8, ::1/128"]

    def test_port_not_listed(self):
        trap = Trap()
        self.addCleanup(trap.close)
        answer = self.http("POST", "/fetch", {
            "Content-Type": "application/json", "Prefer": "wait=100",
        }, json.dumps({"url": trap.url + "/"}).encode())
        self.assert_problem(answer, (400, 403))
        trap.assert_untouched()

    def test_port_not_listed_on_an_allowed_name(self):
        trap = Trap()
        self.addCleanup(trap.close)
        answer = self.http("POST", "/fetch", {
            "Content-Type": "application/json", "Prefer": "wait=100",
        }, json.dumps({"url": f"http://localhost:{trap.port}/"}).encode())
        self.assert_problem(answer, (400, 403))
        trap.assert_untouched()


class Denied(Case):
    """deny_networks wins over allow_networks."""

    OPTIONS = ["fetch.ports=1-65535", "fetch.allow_networks=127.0.0.0/8",
               "fetch.deny_networks=127.0.0.2/32"]

    def fetch(self, trap):
        """Fetch from it and wait."""
        self.addCleanup(trap.close)
        trap.add("/", Page(b"here"))
        return self.http("POST", "/fetch", {
            "Content-Type": "application/json", "Prefer": "wait=100",
        }, json.dumps({"url": trap.url + "/"}).encode())

    def test_denied(self):
        trap = Trap("127.0.0.2")
        self.assert_problem(self.fetch(trap), 403, "address-forbidden")
        trap.assert_untouched()

    def test_allowed(self):
        # So that the other cases are known to be able to connect.
        self.json(self.fetch(Trap("127.0.0.3")), 201)


class Disabled(Case):
    """fetch.enabled=no"""

    OPTIONS = ["fetch.enabled=no", "fetch.ports=1-65535",
               "fetch.allow_networks=127.0.0.0/8"]

    def test_refused(self):
        trap = Trap()
        self.addCleanup(trap.close)
        answer = self.http("POST", "/fetch", {
            "Content-Type": "application/json"},
            json.dumps({"url": trap.url + "/"}).encode())
        self.assert_problem(answer, (403, 404, 405, 501))
        trap.assert_untouched()


if __name__ == "__main__":
    main()
