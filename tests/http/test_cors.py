# SPDX-License-Identifier: MIT
"""Web pages of other origins as clients.

Source: API.md section 7 (CORS by configuration); the CORS protocol of the
Fetch standard, sections 3.3.2 (requests) and 3.3.3 (answers).
"""
from harness import Case, Conn, main, table
from resuming import OFFSET_TYPE, TUS
from samples import sample_zip

PAGE = "https://app.example"
ANSWERS = ["Access-Control-Allow-Origin", "Access-Control-Expose-Headers"]
PREFLIGHT = ["Access-Control-Allow-Methods", "Access-Control-Allow-Headers",
             "Access-Control-Max-Age"]


class Origins(Case):
    """What every class below asks in its own way."""

    DAEMON = False

    def ask(self, method, target, origin=PAGE, headers=(), body=None):
        """A request from a page."""
        return self.http(method, target,
                         {"Origin": origin, **dict(headers)}, body)

    def preflight(self, target, origin=PAGE):
        """What a browser asks before it lets a page send a request."""
        return self.ask("OPTIONS", target, origin, {
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "tus-resumable,upload-offset"})

    def assert_silent(self, answer):
        """A browser keeps this answer from the page."""
        for name in ANSWERS + PREFLIGHT:
            self.assertIsNone(answer.get(name), name)


class Nobody(Origins):
    """The default."""

    DAEMON = True

    def test_no_page_is_let_in(self):
        self.assert_silent(self.preflight("/files"))
        self.upload(b"x", "/files/x")
        answer = self.ask("GET", "/files/x")
        self.assertEqual(answer.status, 200)
        self.assert_silent(answer)
        self.assertIsNone(answer.get("Vary"))

    @table(("POST", "POST", "/files"), ("PUT", "PUT", "/files/y"),
           ("DELETE", "DELETE", "/files/x"), ("PATCH", "PATCH", "/files/x"),
           ("a form's", "POST", "/process/lines"))
    def test_nothing_is_taken(self, method, target):
        self.upload(b"x", "/files/x")
        for origin in (PAGE, "null", f"http://{PAGE[8:]}"):
            answer = self.ask(method, target, origin, body=b"x")
            self.assert_problem(answer, 403, "forbidden")
        self.assertEqual(self.http("GET", "/files/x").body, b"x")
        self.assertEqual(self.http("GET", "/files/y").status, 404)

    def test_its_own_page(self):
        answer = self.ask("POST", "/files", self.daemon.url, body=b"x")
        self.assertEqual(answer.status, 201)

    @table(("public", "evil.example"), ("with a port", "evil.example:8080"),
           ("with a dot", "evil.example."),
           ("like one of ours", "127.0.0.1.evil.example"),
           ("like localhost", "localhost.evil.example"))
    def test_names_that_point_here(self, host):
        for method, target in (("GET", "/files"), ("GET", "/files/x"),
                               ("POST", "/files"), ("GET", "/")):
            answer = self.http(method, target, {"Host": host})
            self.assert_problem(answer, 403, "forbidden")

    def test_names_of_ours(self):
        for host in ("localhost", "LOCALHOST:80", "a.localhost", "spillway",
                     "a:80", "127.0.0.1", "127.0.0.1:1", "192.0.2.1", "[::1]",
                     "[::1]:80"):
            answer = self.http("GET", "/files", {"Host": host})
            self.assertEqual(answer.status, 200, host)


class Proxied(Origins):
    """Names are a proxy's to tell apart, if there is one."""

    DAEMON = True
    OPTIONS = ["server.trusted_proxies=127.0.0.1"]

    def test_any_name(self):
        for headers in ({"Host": "files.example"},
                        {"Origin": PAGE, "Host": "files.example"}):
            self.assertEqual(
                self.http("POST", "/files", headers, b"x").status, 201)


class Open(Origins):
    """Who says so serves all."""

    DAEMON = True
    OPTIONS = ["auth.mode=none"]

    def test_any_name(self):
        answer = self.ask("POST", "/files", headers={"Host": "files.example"},
                          body=b"x")
        self.assertEqual(answer.status, 201)


class Listed(Origins):
    """Some origins."""

    DAEMON = True
    OPTIONS = [f"server.cors_origins={PAGE}, http://localhost:3000",
               "store.max_file_size=1M"]

    def setUp(self):
        self.upload(b"0123456789", "/files/ten")

    def assert_open(self, answer, origin=PAGE):
        """The page may read the answer with all its fields."""
        self.assertEqual(answer.all("Access-Control-Allow-Origin"), [origin])
        self.assertEqual(answer.get("Access-Control-Expose-Headers"), "*")
        self.assertIsNone(answer.get("Access-Control-Allow-Credentials"))
        self.assertIn("Origin", answer.all("Vary"))

    @table(("the first", PAGE), ("the second", "http://localhost:3000"))
    def test_preflight(self, origin):
        for target in ("/files", "/files/", "/files/ten", "/files/new",
                       "/files/ten/info", "/files/ten/events", "/fetch"):
            answer = self.preflight(target, origin)
            self.assertIn(answer.status, (200, 204), answer)
            self.assert_open(answer, origin)
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                self.assertIn(method, answer.get(PREFLIGHT[0]).split(", "))
            self.assertEqual(answer.get(PREFLIGHT[1]), "*, Authorization")
            self.assertGreater(int(answer.get(PREFLIGHT[2])), 0)

    def test_options_that_is_no_preflight(self):
        answer = self.ask("OPTIONS", "/files")
        self.assert_open(answer)
        for name in PREFLIGHT:
            self.assertIsNone(answer.get(name), name)

    @table(("read", "GET", "/files/ten", {}, None, 200),
           ("range", "GET", "/files/ten", {"Range": "bytes=2-4"}, None, 206),
           ("not modified", "GET", "/files/ten", {"If-None-Match": "*"},
            None, 304),
           ("info", "GET", "/files/ten/info", {}, None, 200),
           ("upload", "POST", "/files", {}, b"x", 201),
           ("tus", "POST", "/files", {**TUS, "Upload-Length": "3"}, None,
            201),
           ("delete", "DELETE", "/files/ten", {}, None, 204),
           ("not found", "GET", "/files/none", {}, None, 404),
           ("not allowed", "PATCH", "/files/ten",
            {**TUS, **OFFSET_TYPE, "Upload-Offset": "10"}, b"x", 405),
           ("refused early", "POST", "/files", {}, b"x" * (1 << 21), 413))
    def test_answers(self, method, target, headers, body, status):
        answer = self.ask(method, target, PAGE, headers, body)
        self.assertEqual(answer.status, status, answer)
        self.assert_open(answer)

    def test_refused_in_the_middle(self):
        # Answered beside the HTTP library, which takes none now.
        with Conn(self.daemon.address) as conn:
            conn.send(b"POST /files HTTP/1.1\r\nHost: x\r\nOrigin: "
                      + PAGE.encode() + b"\r\n"
                      b"Transfer-Encoding: chunked\r\n\r\n200000\r\n")
            conn.send(b"x" * 0x200000)
            answer = conn.read()
        self.assertEqual(answer.status, 413)
        self.assert_open(answer)

    def test_answers_that_vary_with_more(self):
        self.upload(sample_zip(), "/files/z")
        answer = self.ask("GET", "/files/z/zip")
        self.assert_open(answer)
        self.assertIn("Accept", answer.all("Vary"))

    @table(("another host", "https://evil.example"),
           ("another scheme", "http://app.example"),
           ("another port", "https://app.example:8443"),
           ("longer", PAGE + ".evil.example"), ("shorter", "https://app"),
           ("below", "https://x.app.example"), ("with a path", PAGE + "/"),
           ("a file", "null"), ("upper case", PAGE.upper()), ("empty", ""),
           ("star", "*"), ("two", f"{PAGE} http://localhost:3000"))
    def test_others(self, origin):
        self.assert_silent(self.preflight("/files", origin))
        answer = self.ask("GET", "/files/ten", origin)
        self.assertEqual(answer.status, 200)
        self.assert_silent(answer)
        self.assertIn("Origin", answer.all("Vary"))

    def test_no_origin(self):
        # A cache must not give this answer to a page.
        answer = self.http("GET", "/files/ten")
        self.assert_silent(answer)
        self.assertEqual(answer.all("Vary"), ["Origin"])


class Anybody(Origins):
    """Every page, those without an origin of their own too."""

    DAEMON = True
    OPTIONS = ["server.cors_origins=*"]

    @table(("a host", PAGE), ("a file", "null"))
    def test_open(self, origin):
        for answer in (self.preflight("/files", origin),
                       self.ask("POST", "/files", origin, body=b"x")):
            self.assertEqual(answer.get(ANSWERS[0]), "*")
            self.assertIsNone(answer.get("Vary"))

    def test_no_origin(self):
        self.assert_silent(self.http("GET", "/files"))


if __name__ == "__main__":
    main()
