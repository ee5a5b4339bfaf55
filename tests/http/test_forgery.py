# SPDX-License-Identifier: MIT
"""What comes from outside writes no lines of the log, and secrets are in none.

Source: SECURITY.md, "What is defended".
"""
import json
import os
import re
import signal

from fetching import ALLOW, Fetching
from harness import Conn, main, table, until
from origin import Page

# Lines and terminals are what these are for.
EVIL = "\x1b[2J\x07\x08\r\x00\x9b31m"
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]")


class Forgery(Fetching):
    """Nobody writes lines of the log, or to the terminal of who reads it."""

    DAEMON = True
    FORM = "text"

    @classmethod
    def start(cls):
        cls.OPTIONS = [*ALLOW, "log.access=yes", "log.level=debug",
                       "log.max_incidents=0", f"log.format={cls.FORM}",
                       "fetch.max_retries=0"]
        super().start()

    def send(self, data):
        """Send bytes that are refused or not: until it is over."""
        with Conn(self.daemon.address) as conn:
            conn.send_lossy(data)
            conn.end_sending()
            try:
                while conn.sock.recv(65536):
                    pass
            except OSError:
                pass

    def assert_clean(self):
        """Nothing of it is in the log as it was sent."""
        self.assert_healthy()
        marks = [line for line in self.daemon.lines if "forged" in line]
        for line in self.daemon.lines:
            self.assertFalse(CONTROL.search(line), repr(line))
            self.assertFalse(line.startswith("forged"), line)
            if self.FORM == "json" and "listening on" not in line:
                json.loads(line)
        return marks

    @table(
        ("method", b"FORGED%sforged / HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("target", b"GET /%sforged HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("query", b"GET /?%sforged=1 HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("version", b"GET / HTTP/1.1%sforged\r\nHost: x\r\n\r\n"),
        ("field name", b"GET / HTTP/1.1\r\nHost: x\r\n%sforged: x\r\n\r\n"),
        ("host", b"GET / HTTP/1.1\r\nHost: %sforged\r\n\r\n"),
        ("user agent", b"GET / HTTP/1.1\r\nHost: x\r\n"
         b"User-Agent: %sforged\r\n\r\n"),
        ("referer", b"GET / HTTP/1.1\r\nHost: x\r\nReferer: %sforged\r\n\r\n"),
        ("trace", b"GET / HTTP/1.1\r\nHost: x\r\n"
         b"traceparent: %sforged\r\n\r\n"),
        ("trailer", b"PUT /files/t HTTP/1.1\r\nHost: x\r\n"
         b"Transfer-Encoding: chunked\r\n\r\n0\r\nx: %sforged\r\n\r\n"),
        ("name", b"PUT /files/n?name=%sforged HTTP/1.1\r\nHost: x\r\n"
         b"Content-Length: 0\r\n\r\n"))
    def test_request(self, data):
        for byte in EVIL:
            self.send(data.replace(b"%s", byte.encode("latin-1")))
        self.send(data.replace(b"%s", b"\n2026-11-21T06:00:00.123Z error  "))
        self.send(data.replace(b"%s", b"%0a%1b[2J%00"))
        self.assert_clean()

    def test_quote_ends_nothing(self):
        self.send(b'GET /x" from 9.9.9.9: forged HTTP/1.1\r\nHost: x\r\n\r\n')
        for line in self.assert_clean():
            self.assertNotIn('" from 9.9.9.9', line)

    @table(
        ("file name", {"name": f"attachment; filename=\"{EVIL}forged\""}),
        ("type", {"type": f"text/{EVIL}forged"}),
        ("etag", {"etag": f'"{EVIL}forged"'}),
        ("status", {"status": 404}),
        ("location", {"status": 302,
                      "fields": [("Location", f"http://{EVIL}forged/")]}))
    def test_origin(self, how):
        for byte in EVIL.replace("\r", "").replace("\n", ""):
            page = {key: value.replace(EVIL, byte)
                    if isinstance(value, str) else value
                    for key, value in how.items()}
            if "fields" in page:
                page["fields"] = [(name, value.replace(EVIL, byte))
                                  for name, value in page["fields"]]
            self.fetch(self.origin.add("/a", Page(b"abc", **page)), "wait=20")
        self.assert_clean()

    def test_url(self):
        for byte in EVIL + "\n":
            self.fetch(f"{self.origin.url}/a{byte}forged", "wait=20")
            self.fetch(f"http://{byte}forged/", "wait=20")
        self.assert_clean()

    def test_form(self):
        for byte in EVIL:
            mark = byte.encode("latin-1")
            self.http("POST", "/files", {
                "Content-Type": "multipart/form-data; boundary=b"},
                b'--b\r\nContent-Disposition: form-data; name="' + mark
                + b'forged"; filename="' + mark + b'forged"\r\n\r\nx\r\n'
                b"--b--\r\n")
        self.assert_clean()

    def test_reload_of_a_broken_file(self):
        # The daemon's own file is as little to be trusted with a terminal.
        os.kill(self.daemon.pid, signal.SIGHUP)
        until(lambda: self.metric('reloads_total{result="taken"}') > 0,
              "the reload")
        self.assert_clean()


class ForgeryJson(Forgery):
    """The same in JSON, each line of which has to be JSON."""

    FORM = "json"


class Secrets(Fetching):
    """What a client sends along for an origin is in no log."""

    DAEMON = True
    OPTIONS = [*ALLOW, "log.access=yes", "log.level=debug"]

    def test_fields_for_the_origin(self):
        url = self.origin.add("/a", Page(b"abc", status=401))
        self.fetch(url, "wait=20", headers={
            "Authorization": "Bearer geheim1", "Cookie": "geheim2",
            "X-Api-Key": "geheim3"})
        self.assertEqual(self.origin.requests[-1].headers["x-api-key"],
                         "geheim3")
        self.http("GET", "/files/none", {"Authorization": "Bearer geheim4",
                                         "Cookie": "geheim5"})
        self.http("PUT", "/files/x", {"Idempotency-Key": '"geheim6"'}, b"x")
        until(lambda: any("PUT /files/x" in line
                          for line in self.daemon.lines), "the last line")
        self.assertNotIn("geheim", "\n".join(self.daemon.lines))


if __name__ == "__main__":
    main()
