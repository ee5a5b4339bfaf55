# SPDX-License-Identifier: MIT
"""The page at `/`, as bytes; tests/page has it in a browser.

Source: API.md section 7; RFC 9110 sections 8.8.3, 12.5, 13, 15.4.5; Content
Security Policy Level 3.
"""
import gzip
import re

from harness import Case, Conn, Daemon, main, table

BROWSER = ("text/html,application/xhtml+xml,application/xml;q=0.9,"
           "image/avif,image/webp,*/*;q=0.8")
STORED = ("sandbox; default-src 'none'; style-src 'unsafe-inline'; "
          "img-src data:; media-src 'self'; base-uri 'none'; "
          "form-action 'none'")


class Page(Case):
    """What browsers get."""

    def page(self, target="/", method="GET", **fields):
        """A browser's request."""
        headers = {name.replace("_", "-"): value
                   for name, value in fields.items()}
        return self.http(method, target, {"Accept": BROWSER, **headers})

    def assets(self):
        """The paths that the page names."""
        text = self.page().body.decode()
        found = re.findall(r'(?:src|href)="(/page/[^"]+)"', text)
        self.assertGreater(len(found), 20)
        return sorted(set(found))

    @table(("browser", BROWSER), ("weights", "text/html;q=0.9, */*;q=0.8"),
           ("case", "TEXT/HTML"), ("tie", "text/plain, text/html"))
    def test_page(self, accept):
        answer = self.http("GET", "/", {"Accept": accept})
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.get("Content-Type"),
                         "text/html; charset=utf-8")
        self.assertTrue(answer.body.startswith(b"<!DOCTYPE html>"))
        self.assertNotIn(b"@page@", answer.body)

    @table(("curl", "*/*"), ("nothing", None), ("JSON", "application/json"),
           ("not wanted", "text/html;q=0, */*"),
           ("less than text", "text/html;q=0.5, text/plain"))
    def test_text(self, accept):
        answer = self.http("GET", "/", {"Accept": accept} if accept else {})
        self.assertEqual(answer.get("Content-Type"),
                         "text/plain; charset=utf-8")
        self.assertIn("Accept", answer.get("Vary"))
        host = "%s:%d" % self.daemon.address
        for line in answer.body.decode().split("\n"):
            self.assertLessEqual(len(line), 80)
            if line.startswith("curl"):
                self.assertIn(f"http://{host}/", line)

    @table(("short", "h"), ("as long as one is", "h" * 253),
           ("longer", "h" * 1000), ("far longer", "h" * 9000))
    def test_text_of_hosts(self, host):
        answer = self.http("GET", "/", {"Host": host})
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.body.count(f"http://{host}/".encode()), 15)
        self.assertEqual(self.metric('errors_total{kind="memory"}'), 0)

    def test_fields(self):
        for target in ["/", *self.assets()]:
            answer = self.page(target)
            self.assertEqual(answer.status, 200, target)
            policy = dict(part.split(" ", 1) for part in
                          answer.get("Content-Security-Policy").split("; "))
            self.assertEqual(policy, {
                "default-src": "'none'", "script-src": "'self'",
                "style-src": "'self'", "connect-src": "'self'",
                "img-src": "'self' blob: data:", "base-uri": "'none'",
                "form-action": "'none'", "frame-ancestors": "'none'",
                "require-trusted-types-for": "'script'",
                "trusted-types": "'none'"})
            self.assertEqual(answer.get("X-Content-Type-Options"), "nosniff")
            self.assertEqual(answer.get("Referrer-Policy"), "no-referrer")
            self.assertRegex(answer.get("ETag"), r'^"[0-9a-f]{32}"$')

    def test_types(self):
        kinds = {"css": "text/css; charset=utf-8", "svg": "image/svg+xml",
                 "mjs": "text/javascript; charset=utf-8"}
        for target in self.assets():
            self.assertEqual(self.page(target).get("Content-Type"),
                             kinds[target.rsplit(".", 1)[1]])

    def test_kept(self):
        # What a path names never changes; what `/` names does.
        self.assertEqual(self.page().get("Cache-Control"), "no-cache")
        for target in self.assets():
            self.assertEqual(self.page(target).get("Cache-Control"),
                             "public, max-age=31536000, immutable")

    def test_gzip(self):
        for target in ["/", *self.assets()]:
            plain = self.page(target)
            packed = self.page(target, Accept_Encoding="gzip, br")
            self.assertIsNone(plain.get("Content-Encoding"))
            self.assertEqual(packed.get("Content-Encoding"), "gzip")
            self.assertEqual(gzip.decompress(packed.body), plain.body)
            self.assertNotEqual(packed.get("ETag"), plain.get("ETag"))
            for answer in (plain, packed):
                self.assertIn("Accept-Encoding", answer.get("Vary"))

    @table(("plain", {}), ("gzip", {"Accept_Encoding": "gzip"}))
    def test_not_modified(self, fields):
        for target in ["/", *self.assets()]:
            first = self.page(target, **fields)
            again = self.page(target, If_None_Match=first.get("ETag"),
                              **fields)
            self.assertEqual((again.status, again.body), (304, b""))
            for name in ("ETag", "Cache-Control", "Vary",
                         "Content-Security-Policy"):
                self.assertEqual(again.get(name), first.get(name))
            other = self.page(target, If_None_Match='"x"', **fields)
            self.assertEqual(other.body, first.body)

    def test_condition(self):
        self.assert_problem(self.page(If_Match='"x"'), 412)

    def test_head(self):
        for target in ["/", self.assets()[0]]:
            answer = self.page(target)
            head = self.page(target, "HEAD")
            self.assertEqual((head.status, head.body), (200, b""))
            self.assertEqual(head.get("Content-Length"),
                             str(len(answer.body)))
            self.assertEqual(head.get("ETag"), answer.get("ETag"))

    def test_methods(self):
        target = self.assets()[0]
        self.assert_problem(self.page(target, "DELETE"), 405)
        allowed = self.page(target, "OPTIONS")
        self.assertEqual(allowed.get("Allow"), "GET, HEAD, OPTIONS")

    def test_nothing_else(self):
        version = self.assets()[0].split("/")[2]
        for target in ("/page", "/page/", f"/page/{version}", "/page/main.mjs",
                       f"/page/{version}/", f"/page/{version}/index.html",
                       f"/page/{version}/../{version}/main.mjs",
                       f"/page/{'0' * len(version)}/main.mjs",
                       "/page/../../etc/passwd"):
            self.assert_problem(self.page(target), 404)

    def test_no_markup_that_the_policy_forbids(self):
        text = self.page().body.decode()
        self.assertNotRegex(text, r"<style|style=|\son\w+=|javascript:")
        for script in re.findall(r"<script[^>]*>(.*?)</script>", text):
            self.assertEqual(script, "")


class Without(Case):
    """server.page = no."""

    OPTIONS = ["server.page=no"]

    def test_text_for_all(self):
        answer = self.http("GET", "/", {"Accept": BROWSER})
        self.assertEqual(answer.get("Content-Type"),
                         "text/plain; charset=utf-8")
        self.assertIsNone(answer.get("Vary"))

    def test_no_files_of_it(self):
        other = Daemon()
        self.addCleanup(other.stop)
        with Conn(other.address) as conn:
            page = conn.request("GET", "/", {"Accept": BROWSER}).body
            target = re.search(rb"/page/\w+/main.mjs", page)[0].decode()
            self.assertEqual(conn.request("GET", target).status, 200)
        self.assert_problem(self.http("GET", target), 404)


class Stored(Case):
    """What somebody else has put here is not of the page's origin."""

    @table(("HTML", "text/html"), ("SVG", "image/svg+xml"),
           ("script", "text/javascript"), ("text", "text/plain"),
           ("a new one", "application/x-active"))
    def test_sandboxed(self, kind):
        self.upload(b"0123456789", "/files/a", {"Content-Type": kind})
        for headers in ({}, {"Range": "bytes=0-1"},
                        {"Range": "bytes=0-1,5-6"}):
            for method in ("GET", "HEAD"):
                answer = self.http(method, "/files/a", headers)
                self.assertEqual(answer.get("Content-Security-Policy"),
                                 STORED, headers)
                self.assertEqual(answer.get("X-Content-Type-Options"),
                                 "nosniff")

    def test_sound_is_heard(self):
        self.upload(b"x", "/files/s", {"Content-Type": "audio/ogg"})
        answer = self.http("GET", "/files/s")
        self.assertEqual(answer.get("Content-Security-Policy"),
                         STORED.removeprefix("sandbox; "))


if __name__ == "__main__":
    main()
