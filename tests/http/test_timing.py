# SPDX-License-Identifier: MIT
"""Server-Timing: what an answer took, for whom it may be told.

Source: W3C Server Timing; docs/monitoring.md, "Single requests".
"""
import json
import os
import re
import signal
import tempfile
from urllib.parse import quote

from fetching import ALLOW, Fetching
from harness import Case, Daemon, Worker, main, table, until
from origin import Gate, Page
from samples import content

PAGE = "https://app.example"
METRIC = re.compile(r"(total|body|queue|disk|origin|wait);dur=(\d+\.\d{3})")


def times(answer):
    """{metric: milliseconds} of an answer."""
    field = answer.get("Server-Timing")
    found = [METRIC.fullmatch(part) for part in field.split(", ")]
    assert all(found), field
    parts = {match[1]: float(match[2]) for match in found}
    assert len(parts) == len(found), field
    # They come one after the other.
    assert sum(parts.values()) <= 2 * parts["total"] + 0.01, field
    return parts


class Timed(Fetching):
    """The key is on."""

    DAEMON = True
    OPTIONS = [*ALLOW, "server.timing=yes", "fetch.max_retries=0",
               f"server.cors_origins={PAGE}", "store.max_file_size=100K"]

    @table(("there", "GET", "/files/there", 200),
           ("head", "HEAD", "/files/there", 200),
           ("none", "GET", "/files/none", 404),
           ("not modified", "GET", "/files/there", 304),
           ("no such method", "BREW", "/files", 501))
    def test_total(self, method, target, status):
        made = self.upload(b"abc", "/files/there")
        answer = self.http(method, target, {
            "If-None-Match": made["etag"]} if status == 304 else {})
        self.assertEqual(answer.status, status)
        self.assertEqual(times(answer).keys(), {"total"})

    def test_body(self):
        conn = self.conn()
        conn.send_request("PUT", "/files/b", {"Content-Length": "4"})
        conn.send(b"ab")
        self.wait_received("b", 2)
        conn.send(b"cd")
        parts = times(conn.read())
        self.assertEqual(parts.keys(), {"total", "body"})
        self.assertGreaterEqual(parts["total"], parts["body"])

    def test_beside_the_library(self):
        """A refusal that is sent while the body still comes."""
        conn = self.conn()
        conn.send_request("PUT", "/files/l", {"Transfer-Encoding": "chunked"})
        conn.send_lossy(b"fffff\r\n" + content(0xfffff) + b"\r\n0\r\n\r\n")
        answer = conn.read()
        self.assertEqual(answer.status, 413)
        self.assertIn("total", times(answer))

    def test_wait(self):
        conn = self.conn()
        conn.send_request("PUT", "/files/w", {"Content-Length": "4"})
        conn.send(b"ab")
        self.wait_received("w", 2)
        suspended = self.metric("requests_suspended")
        info = Worker(self.http, "GET", "/files/w/info?wait=20")
        until(lambda: self.metric("requests_suspended") > suspended,
              "it to wait")
        conn.send(b"cd")
        self.assertGreater(times(info.result())["wait"], 0)

    @table(("fetch", True), ("through", False))
    def test_origin(self, post):
        gate = Gate()
        url = self.origin.add("/a", Page(b"abc", hold=gate))
        suspended = self.metric("requests_suspended")
        if post:
            asked = Worker(self.http, "POST", "/fetch", {"Prefer": "wait=20"},
                           json.dumps({"url": url}).encode())
        else:
            asked = Worker(self.http, "GET",
                           f"/fetch?url={quote(url, safe='')}")
        gate.wait_reached()
        until(lambda: self.metric("requests_suspended") > suspended,
              "it to wait")
        gate.open()
        parts = times(asked.result())
        self.assertGreater(parts["origin"], 0)
        self.assertNotIn("wait", parts)

    @table(("listed", PAGE, PAGE), ("another", "https://b.example", None),
           ("none", None, None))
    def test_pages(self, origin, allowed):
        answer = self.http("GET", "/files/none",
                           {"Origin": origin} if origin else {})
        self.assertEqual(answer.get("Timing-Allow-Origin"), allowed)
        self.assertEqual(answer.get("Access-Control-Allow-Origin"), allowed)
        self.assertIn("total", times(answer))


class Disk(Case):
    """A file that is not open is opened by a thread of a pool."""

    DAEMON = True
    OPTIONS = ["server.timing=yes", "store.durability=restart",
               "store.max_open_files=16"]

    def test_disk(self):
        for index in range(40):
            answer = self.http("PUT", f"/files/d{index}", (), b"abc")
            self.assertGreater(times(answer)["disk"], 0)
        found = set()
        for index in range(40):
            answer = self.http("GET", f"/files/d{index}")
            found |= times(answer).keys()
        self.assertIn("disk", found)
        self.assertNotIn("origin", found)


class Silent(Case):
    """By default nothing is told, until a reload says otherwise."""

    DAEMON = False

    def test_reload(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as conf:
            self.daemon = Daemon(f"server.cors_origins={PAGE}",
                                 config=conf.name)
            self.addCleanup(self.daemon.clean)
            self.addCleanup(self.daemon.kill)
            answer = self.http("GET", "/files/none", {"Origin": PAGE})
            self.assertIsNone(answer.get("Server-Timing"))
            self.assertIsNone(answer.get("Timing-Allow-Origin"))
            conf.write("[server]\ntiming = yes\n")
            conf.flush()
            os.kill(self.daemon.pid, signal.SIGHUP)
            until(lambda: self.metric('reloads_total{result="taken"}') > 0,
                  "the reload")
            answer = self.http("GET", "/files/none", {"Origin": PAGE})
            self.assertIn("total", times(answer))
            self.assertEqual(answer.get("Timing-Allow-Origin"), PAGE)


if __name__ == "__main__":
    main()
