# SPDX-License-Identifier: MIT
"""POST /fetch/check: where a URL would be fetched from, and which rule denies
what of that. Nothing is connected to.

Source: API.md section 4.
"""
import json

from fetching import ALLOW, Fetching
from harness import main, table
from origin import Page, Trap


class Checking(Fetching):
    """What the cases say."""

    def setUp(self):
        self.trap = Trap()
        self.addCleanup(self.trap.close)
        self.trap.add("/", Page(b"secret"))

    def check(self, url, status=200):
        """The verdict on a URL."""
        made = self.json(self.http(
            "POST", "/fetch/check", {"Content-Type": "application/json"},
            json.dumps({"url": url}).encode()), status)
        self.assertEqual(set(made), {"host", "port", "allowed", "rule",
                                     "detail", "addresses"})
        for one in (made, *made["addresses"]):
            self.assertEqual(one["rule"] is None, one["allowed"], made)
            self.assertEqual(one["detail"] is None, one["allowed"], made)
        self.trap.assert_untouched()
        return made


class Default(Checking):
    """Public addresses only."""

    DAEMON = True

    @table(
        ("loopback", "127.0.0.1", "loopback"),
        ("private", "10.1.2.3", "private"),
        ("metadata", "169.254.169.254", "metadata"),
        ("unspecified", "0.0.0.0", "unspecified"),
        ("v6 loopback", "[::1]", "loopback"),
        ("v4 in v6", "[::ffff:10.1.2.3]", "private"),
        ("nat64", "[64:ff9b::7f00:1]", "loopback"),
        ("unique local", "[fd00::1]", "unique-local"))
    def test_address(self, host, rule):
        made = self.check(f"http://{host}/a")
        self.assertEqual((made["allowed"], made["rule"]), (False, rule))
        self.assertEqual(made["host"], host.strip("[]"))
        self.assertEqual(made["port"], 80)
        one, = made["addresses"]
        self.assertEqual(one["rule"], rule)
        self.assertIn("fetch.allow_networks", one["detail"])

    @table(("v4", "http://8.8.8.8/", 80),
           ("v6", "https://[2a00:1450:4001::1]/", 443))
    def test_public(self, url, port):
        made = self.check(url)
        self.assertTrue(made["allowed"])
        self.assertEqual(made["port"], port)
        one, = made["addresses"]
        self.assertTrue(one["allowed"])

    @table(
        ("scheme", "ftp://example.com/", "scheme"),
        ("user", "http://u:p@example.com/", "userinfo"),
        ("backslash", "http://example.com\\\\@x/", "character"),
        ("decimal", "http://2130706433/", "ipv4-form"),
        ("zone", "http://[fe80::1%25lo]/", "ipv6-zone"),
        ("IDN", "http://b\u00fccher.example/", "host-ascii"),
        ("circled digits", "http://\u2460\u2461\u2466.0.0.1/", "host-ascii"),
        ("ideographic full stop", "http://127\u30020\u30020\u30021/",
         "host-ascii"),
        ("label", "http://" + "a" * 64 + ".de/", "host-label"),
        ("port", "http://example.com:0/", "port"),
        ("empty", "", "scheme"))
    def test_text(self, url, rule):
        made = self.check(url)
        self.assertEqual((made["allowed"], made["rule"]), (False, rule))
        self.assertEqual((made["host"], made["addresses"]), (None, []))

    @table(("single label", "metadata", "name-single-label"),
           ("localhost", "localhost", "name-single-label"),
           ("internal", "metadata.google.internal", "name-local"))
    def test_name(self, host, rule):
        made = self.check(f"http://{host}/")
        self.assertEqual((made["allowed"], made["rule"]), (False, rule))
        self.assertEqual((made["host"], made["addresses"]), (host, []))

    def test_port(self):
        made = self.check("http://8.8.8.8:22/")
        self.assertEqual((made["allowed"], made["rule"]),
                         (False, "port-not-listed"))
        self.assertEqual(made["port"], 22)

    def test_name_without_address(self):
        made = self.check("http://does-not-exist.example.invalid/")
        self.assertFalse(made["allowed"])
        self.assertIn(made["rule"], ("dns_error", "dns_timeout"))
        self.assertEqual(made["addresses"], [])

    @table(("no body", b""), ("no url", b"{}"), ("not text", b'{"url":1}'))
    def test_bad_request(self, body):
        answer = self.http("POST", "/fetch/check",
                           {"Content-Type": "application/json"}, body)
        self.assert_problem(answer, 400)

    def test_methods(self):
        self.assert_problem(self.http("GET", "/fetch/check"), 405)

    def test_nothing_is_left(self):
        self.check("http://does-not-exist.example.invalid/")
        self.assertEqual(self.file_count(), 0)
        for state in ("receiving", "ready", "failed"):
            self.assertEqual(self.metric(f'files{{state="{state}"}}'), 0)


class Listed(Checking):
    """A name that leads to what is listed, and to what is not."""

    DAEMON = True
    OPTIONS = [*ALLOW, "fetch.deny_networks=127.0.0.2"]

    def test_some_addresses(self):
        made = self.check(f"http://localhost:{self.trap.port}/")
        verdicts = {one["address"]: one["rule"] for one in made["addresses"]}
        self.assertIsNone(verdicts.pop("127.0.0.1"))
        self.assertTrue(made["allowed"])
        # Where it has one.
        self.assertEqual(verdicts.pop("::1", "loopback"), "loopback")
        self.assertEqual(verdicts, {})

    def test_denied(self):
        made = self.check("http://127.0.0.2/")
        self.assertEqual(made["rule"], "denied")
        self.assertIn("fetch.deny_networks", made["detail"])


class Disabled(Checking):
    """fetch.enabled=no"""

    DAEMON = True
    OPTIONS = ["fetch.enabled=no"]

    def test_refused(self):
        answer = self.http("POST", "/fetch/check",
                           {"Content-Type": "application/json"},
                           b'{"url":"http://8.8.8.8/"}')
        self.assert_problem(answer, 403)


if __name__ == "__main__":
    main()
