# SPDX-License-Identifier: MIT
"""Which targets and methods there are, and what the others are answered.

Source: API.md section 7; RFC 9110 sections 9.1, 9.3.7, 15.5.6, 15.6.2;
RFC 9112 section 3.2; RFC 3986 section 2.4.
"""
from harness import main, table
from hostile import CANARY, Hostile
from wire import encode_request


class Targets(Hostile):
    """What a path may not do."""

    DAEMON = True

    @table(
        ("nothing there", "/nowhere"), ("below a file", "/files/canary/x"),
        ("missing file", "/files/none"), ("empty segments", "//files//canary"),
        ("dots", "/files/../files/canary"),
        ("escaped dots", "/files/%2e%2e/files/canary"),
        ("escaped slash", "/files%2Fcanary"),
        ("slash in id", "/files/..%2F..%2Fetc%2Fpasswd"),
        ("NUL", "/files/canary%00"), ("NUL, then more", "/files/canary%00.x"),
        ("bad escape", "/files/canary%"), ("bad escape 2", "/files/%zz"),
        ("raw UTF-8", "/files/ü"), ("overlong", "/files/%c0%af"),
        ("backslash", "/files\\canary"), ("etc", "/etc/passwd"),
        ("info below nothing", "/files//info"),
        ("below info", "/files/canary/info/x"),
        ("no processor", "/files/canary/process"),
        ("case", "/FILES/canary"), ("dot id", "/files/."),
        ("semicolon", "/files;x=1/canary"))
    def test_not_found(self, target):
        answer = self.http("GET", target)
        self.assert_problem(answer, (400, 404))
        self.assertNotIn(CANARY, answer.body)

    @table(("other host", "http://example.com/files/canary"),
           ("upper case", "HTTP://x/files/canary"),
           ("with port", "http://x:1234/files/canary"))
    def test_absolute_form(self, target):
        self.assertEqual(self.http("GET", target).body, CANARY)

    @table(("no path", "http://x"), ("other scheme", "ftp://x/files/canary"),
           ("empty host", "http:///files/canary"),
           ("no slashes", "http:/files/canary"), ("no leading slash",
                                                  "files/canary"))
    def test_odd_absolute_form(self, target):
        for answer in self.say(encode_request("GET", target)):
            self.assertIn(answer.status, (200, 400, 404), answer)

    @table(("escaped", "/%66iles/%63anary"), ("query", "/files/canary?"),
           ("trailing &", "/files/canary?a&b=&=c"))
    def test_same_file(self, target):
        self.assertEqual(self.http("GET", target).body, CANARY)


class Methods(Hostile):
    """405, 501 and OPTIONS."""

    DAEMON = True

    @table(
        ("POST on a file", "POST", "/files/canary", "GET"),
        ("PATCH on health", "PATCH", "/healthz", "GET"),
        ("DELETE on the list", "DELETE", "/files", "GET, POST"),
        ("PUT on the list", "PUT", "/files", "GET, POST"),
        ("PUT on info", "PUT", "/files/canary/info", "GET"),
        ("POST on metrics", "POST", "/metrics", "GET"),
        ("POST on a listing", "POST", "/files/canary/zip", "GET"),
        ("DELETE on fetch", "DELETE", "/fetch", "POST"))
    def test_not_allowed(self, method, target, allow):
        answer = self.http(method, target)
        self.assert_problem(answer, 405)
        allowed = {m.strip() for m in answer.get("Allow").split(",")}
        self.assertLessEqual(set(allow.split(", ")), allowed)
        self.assertNotIn(method, allowed)

    @table(("FOO", "FOO"), ("lower case", "get"), ("marks", "G!#$%&'*T"),
           ("long", "M" * 200), ("WebDAV", "PROPFIND"))
    def test_unknown_method(self, method):
        answer = self.http(method, "/files/canary")
        self.assert_problem(answer, 501)

    @table(("CONNECT", "CONNECT example.com:443"),
           ("TRACE", "TRACE /files/canary"), ("GET *", "GET *"))
    def test_other_forms(self, line):
        answers = self.say(line.encode() + b" HTTP/1.1\r\nHost: x\r\n"
                           b"Secret: s3cr3t\r\n\r\n")
        self.assertLessEqual(len(answers), 1)
        for answer in answers:
            self.assertIn(answer.status, (400, 404, 405, 501), answer)
            self.assertNotIn(b"s3cr3t", answer.body)

    @table(("files", "/files", {"GET", "POST", "OPTIONS"}),
           ("file", "/files/canary", {"GET", "HEAD", "PUT", "DELETE",
                                      "OPTIONS"}),
           ("missing file", "/files/none", {"PUT"}),
           ("info", "/files/canary/info", {"GET"}),
           ("zip", "/files/canary/zip", {"GET"}),
           ("entry", "/files/canary/zip/a", {"GET", "POST"}),
           ("fetch", "/fetch", {"POST"}), ("star", "*", set()))
    def test_options(self, target, methods):
        answer = self.http("OPTIONS", target)
        self.assertIn(answer.status, (200, 204), answer)
        self.assertEqual(answer.body, b"")
        if methods:
            allowed = {m.strip() for m in answer.get("Allow").split(",")}
            self.assertLessEqual(methods, allowed)

    def test_head_of_an_error(self):
        answer = self.http("HEAD", "/files/none")
        self.assertEqual((answer.status, answer.body), (404, b""))

    def test_errors_are_not_html(self):
        # Nothing of a request is played back unescaped.
        answer = self.http("GET", "/%3Cscript%3Ealert(1)%3C/script%3E")
        self.assert_problem(answer, 404)
        self.assertNotIn(b"<script>", answer.body)


if __name__ == "__main__":
    main()
