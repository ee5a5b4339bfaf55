# SPDX-License-Identifier: MIT
"""Fetching by URL, and reading while it runs.

Source: API.md section 4; RFC 9110 section 15.4; RFC 7240; RFC 9209.
"""
import json
import os
import re
from urllib.parse import quote

from fetching import ALLOW, DATA, Fetching
from harness import Daemon, main, need, table, until
from origin import Gate, Page, Trap, dead_port
from resuming import TUS, encode
from samples import sha256
from servers import Nginx


class Full(Fetching):
    """The whole file is pulled."""

    DAEMON = True
    OPTIONS = [*ALLOW, "spool.memory_max=64K"]

    @table(("length", "length"), ("chunked", "chunked"), ("close", "close"))
    def test_ready(self, framing):
        url = self.origin.add("/dir/a%20b.bin?x=t0ken", Page(
            DATA, type="text/x-z", framing=framing))
        made = self.fetched(url)
        self.assert_descriptor(made, state="ready", size=len(DATA),
                               name="a b.bin", type="text/x-z")
        self.assertEqual((made["source"]["kind"], made["source"]["error"]),
                         ("fetch", None))
        # What stands in the query may be a secret, and is not told.
        self.assertRegex(made["source"]["url"],
                         "^" + re.escape(url.partition("?")[0]) + r"(\?|$)")
        self.assertNotIn("t0ken", json.dumps(self.info(made["id"])))
        self.assert_content(made["id"], DATA)
        self.assertEqual(len(self.origin.requests), 1)

    @table(("small", 100), ("memory_max", 65536), ("one more", 65537))
    def test_sizes(self, size):
        url = self.origin.add("/a", Page(DATA[:size]))
        made = self.fetched(url)
        self.assertEqual((made["state"], made["size"]), ("ready", size))
        self.assert_content(made["id"], DATA[:size])

    @table(("length", "length"), ("chunked", "chunked"), ("close", "close"))
    def test_empty(self, framing):
        url = self.origin.add("/a", Page(b"", framing=framing))
        made = self.fetched(url)
        self.assertEqual((made["state"], made["size"]), ("ready", 0))
        self.assert_content(made["id"], b"")

    @table(
        ("disposition", 'attachment; filename="c d.txt"', None, "c d.txt"),
        ("filename*", "attachment; filename=x; "
         "filename*=UTF-8''%e2%82%ac.txt", None, "€.txt"),
        ("path in it", 'attachment; filename="../../etc/passwd"', None,
         "passwd"),
        ("own name", 'attachment; filename="c.txt"', "mine.txt", "mine.txt"))
    def test_name(self, disposition, name, want):
        url = self.origin.add("/u", Page(b"x", name=disposition))
        how = {"name": name} if name else {}
        self.assertEqual(self.fetched(url, **how)["name"], want)

    def test_request_is_plain(self):
        # No coding: ranges and digests count the bytes as they are.
        self.fetched(self.origin.add("/a?b=%20&c", Page(b"x")))
        seen, = self.origin.requests
        self.assertEqual((seen.method, seen.target), ("GET", "/a?b=%20&c"))
        self.assertEqual(seen.headers["host"], f"127.0.0.1:{self.origin.port}")
        self.assertIn(seen.headers.get("accept-encoding"), (None, "identity"))
        self.assertTrue(seen.headers.get("user-agent"))
        for name in ("cookie", "authorization", "referer"):
            self.assertNotIn(name, seen.headers)

    def test_prefer_wait(self):
        url = self.origin.add("/a", Page(DATA))
        answer = self.fetch(url, "wait=100")
        made = self.json(answer, 201)
        self.assert_descriptor(made, state="ready", size=len(DATA))
        self.assertEqual(answer.get("Location"), f"/files/{made['id']}")

    def test_prefer_in_several_fields(self):
        url = self.origin.add("/a", Page(DATA))
        answer = self.http(
            "POST", "/fetch",
            [("Content-Type", "application/json"), ("Prefer", "handling=lenient"),
             ("Prefer", 'wait="100"; x=y')],
            json.dumps({"url": url}).encode())
        self.assertEqual(self.json(answer, 201)["state"], "ready")

    def test_prefer_wait_still_running(self):
        gate = Gate()
        url = self.origin.add("/a", Page(DATA, gate=(1000, gate)))
        answer = self.fetch(url, "wait=1")
        made = self.json(answer, 202)
        self.assertEqual(made["state"], "receiving")
        gate.open()
        self.wait_state(made["id"], "ready")

    def test_prefer_wait_failure(self):
        answer = self.fetch(f"http://127.0.0.1:{dead_port()}/a", "wait=100")
        problem = self.assert_problem(answer, (502, 504))
        self.assertEqual(problem["error"], "connection_refused")

    # -- readers ----------------------------------------------------------

    def test_ranges_while_it_runs(self):
        gate = Gate()
        self.origin.add("/a", Page(DATA, gate=(100000, gate), ranges=False))
        made = self.begin(self.origin.url + "/a")
        gate.wait_reached()
        self.wait_received(made["id"], 100000)
        path = made["links"]["self"]
        far = self.conn()
        far.send_request("GET", path, {"Range": "bytes=400000-400099"})
        whole = self.conn()
        whole.send_request("GET", path)
        self.assertEqual(whole.read_head().get("Content-Length"),
                         str(len(DATA)))
        self.assert_same(whole.read_body(100000), DATA[:100000])
        near = self.conn()
        for at in (0, 50000, 99900):
            answer = near.request("GET", path,
                                  {"Range": f"bytes={at}-{at + 99}"})
            self.assertEqual((answer.status, answer.get("Content-Range")), (
                206, f"bytes {at}-{at + 99}/{len(DATA)}"))
            self.assert_same(answer.body, DATA[at:at + 100])
        gate.open()
        answer = far.read()
        self.assertEqual(answer.status, 206)
        self.assert_same(answer.body, DATA[400000:400100])
        self.assert_same(whole.read_body(), DATA[100000:])

    def test_unknown_length_while_it_runs(self):
        gate = Gate()
        self.origin.add("/a", Page(DATA, gate=(100000, gate),
                                   framing="chunked", ranges=False))
        made = self.begin(self.origin.url + "/a")
        self.wait_received(made["id"], 100000)
        conn = self.conn()
        conn.send_request("GET", made["links"]["self"])
        self.assertEqual(conn.read_head().framing, "chunked")
        self.assert_same(conn.read_body(100000), DATA[:100000])
        gate.open()
        self.assert_same(conn.read_body(), DATA[100000:])

    def test_get_right_after_post(self):
        self.origin.add("/a", Page(DATA, step=1000))
        made = self.begin(self.origin.url + "/a")
        self.assert_content(made["id"], DATA)

    def test_slow_drip(self):
        self.origin.add("/a", Page(DATA[:3000], step=1))
        self.assert_content(self.fetched(self.origin.url + "/a")["id"],
                            DATA[:3000])

    # -- cancel -----------------------------------------------------------

    def test_delete_cancels(self):
        gate = Gate()
        self.origin.add("/a", Page(DATA, gate=(100000, gate)))
        made = self.begin(self.origin.url + "/a")
        gate.wait_reached()
        self.assertEqual(self.http("DELETE", made["links"]["self"]).status,
                         204)
        until(self.origin.hung_up.is_set, "the origin to see the end")
        self.assertIsNone(self.info(made["id"]))

    def test_reader_that_leaves_cancels_nothing(self):
        gate = Gate()
        self.origin.add("/a", Page(DATA, gate=(100000, gate)))
        made = self.begin(self.origin.url + "/a")
        self.wait_received(made["id"], 100000)
        conn = self.conn()
        conn.send_request("GET", made["links"]["self"])
        conn.read_head()
        conn.close()
        gate.open()
        self.wait_state(made["id"], "ready")
        self.assert_content(made["id"], DATA)

    # -- the request ------------------------------------------------------

    @table(
        ("not JSON", b"{"), ("not an object", b"[]"), ("no url", b"{}"),
        ("url no text", b'{"url":1}'), ("empty", b""),
        ("empty url", b'{"url":""}'), ("bad utf-8", b'{"url":"http://\xff/"}'),
        ("NUL", b'{"url":"http://127.0.0.1/\\u0000"}'),
        ("deep", b'{"url":' + b"[" * 5000 + b"]" * 5000 + b"}"),
        ("bad mode", b'{"url":"http://127.0.0.1/","mode":"other"}'),
        ("bad ttl", b'{"url":"http://127.0.0.1/","ttl":"x"}'),
        ("bad headers", b'{"url":"http://127.0.0.1/","headers":[1]}'),
        ("CRLF in a header",
         b'{"url":"http://127.0.0.1/","headers":{"A":"b\\r\\nC: d"}}'),
        ("Host", b'{"url":"http://127.0.0.1/","headers":{"Host":"x"}}'),
        ("framing", b'{"url":"http://127.0.0.1/",'
         b'"headers":{"Transfer-Encoding":"chunked"}}'))
    def test_bad_request(self, body):
        answer = self.http("POST", "/fetch",
                           {"Content-Type": "application/json"}, body)
        self.assert_problem(answer, (400, 422))

    def test_endless_request(self):
        conn = self.conn()
        conn.send_request("POST", "/fetch", {
            "Content-Type": "application/json",
            "Content-Length": "100000000"})
        for _ in range(100):
            if not conn.send_lossy(b" " * 1000000):
                break
        self.assert_problem(conn.read(), (400, 413))

    @table(("right", True), ("wrong", False))
    def test_digest(self, right):
        url = self.origin.add("/a", Page(DATA, ranges=False))
        made = self.fetched(url, digest={
            "sha-256": sha256(DATA if right else b"other")})
        self.assertEqual(made["state"], "ready" if right else "failed")
        self.assertEqual(made["digest"],
                         {"sha-256": sha256(DATA)} if right else None)
        if not right:
            self.assertIn(f"sha-256 is {sha256(DATA)}, not {sha256(b'other')}",
                          made["source"]["error"]["detail"])

    def test_ttl(self):
        made = self.fetched(self.origin.add("/a", Page(b"x")), ttl=3600)
        other = self.fetched(self.origin.add("/b", Page(b"x")))
        self.assertLess(made["expires"], other["expires"])

    def test_max_size(self):
        url = self.origin.add("/a", Page(DATA, ranges=False))
        self.assertEqual(self.fetched(url, max_size=len(DATA))["state"],
                         "ready")
        self.failed(url, max_size=len(DATA) - 1)
        url = self.origin.add("/b", Page(DATA, framing="chunked",
                                         ranges=False))
        self.failed(url, max_size=len(DATA) - 1)


class Queue(Fetching):
    """fetch.max_active: the others wait for their turn."""

    DAEMON = True
    OPTIONS = [*ALLOW, "fetch.max_active=1"]

    def test_turns(self):
        gate = Gate()
        first = self.begin(self.origin.add("/a", Page(DATA, gate=(10, gate))))
        gate.wait_reached()
        others = [self.begin(self.origin.add(f"/{i}", Page(b"%d" % i)))
                  for i in range(5)]
        for one in others:
            self.assertEqual(self.info(one["id"])["state"], "receiving")
        self.assertEqual(len(self.origin.requests), 1)
        gate.open()
        for index, one in enumerate(others):
            self.wait_state(one["id"], "ready")
            self.assert_content(one["id"], b"%d" % index)
        self.wait_state(first["id"], "ready")

    def test_deleted_while_it_waits(self):
        gate = Gate()
        first = self.begin(self.origin.add("/a", Page(DATA, gate=(10, gate))))
        gate.wait_reached()
        second = self.begin(self.origin.add("/b", Page(DATA)))
        third = self.begin(self.origin.add("/c", Page(DATA)))
        self.assertEqual(
            self.http("DELETE", second["links"]["self"]).status, 204)
        gate.open()
        for one in (first, third):
            self.wait_state(one["id"], "ready")
        self.assertEqual(self.origin.seen("/b"), [])


class Texts(Fetching):
    """What an origin says of files is memory, too."""

    DAEMON = True
    OPTIONS = ALLOW + ["spool.memory_budget=2M"]
    LONG = "/" + "y" * 7000

    def taken(self):
        """What is charged to the budget."""
        return self.metric('spool_bytes{tier="memory"}')

    def fill(self):
        """Say so much of files that there is no room for more."""
        long = {"Upload-Metadata": f"filename {encode('n' * 1900)}"}
        answer = None
        while answer is None or answer.status == 201:
            answer = self.http("POST", "/files", {
                **TUS, "Upload-Length": "0", **long}, b"")
        self.assert_problem(answer, 503, "unavailable")

    def test_bounded(self):
        self.origin.add(self.LONG, Page(b"x", fields=[
            ("Cache-Control", 'max-age=60, x="' + "z" * 3000 + '"')]))
        short = self.origin.redirect("/s", self.LONG)
        before = self.taken()
        # Nobody asks what the origin said of a file that is in the store.
        for _ in range(20):
            self.assertEqual(self.fetched(short)["state"], "ready")
        self.assertLess(self.taken() - before, 20 * 2000)

        named = self.origin.add("/n" + "q" * 300, Page(
            b"x", type="text/" + "t" * 200,
            name=f'attachment; filename="{"n" * 200}"'))
        self.assertEqual(self.fetched(named)["state"], "ready")
        self.fill()
        states = []
        while "failed" not in states and len(states) < 100:
            states.append(self.fetched(named)["state"])
        full = self.taken()
        for _ in range(10):
            self.assertEqual(self.failed(named)["status"], 503)
        through = "/fetch?url=" + quote(short, safe="")
        self.assert_problem(self.http("GET", through), 503, "unavailable")
        # What encrypts each of them takes some.
        self.assertLess(self.taken() - full, 10 * 600)
        self.assertEqual(self.fetched(short)["state"], "ready")


class Environment(Fetching):
    """What surrounds the daemon does not lead a fetch astray."""

    DAEMON = True

    @classmethod
    def start(cls):
        cls.trap = Trap()
        cls.daemon = Daemon(*ALLOW, "fetch.max_size=1000", env={
            name: cls.trap.url for name in (
                "http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY",
                "ALL_PROXY")})

    @classmethod
    def finish(cls):
        cls.trap.close()
        super().finish()

    def test_no_proxy_from_the_environment(self):
        made = self.fetched(self.origin.add("/a", Page(b"direct")))
        self.assert_content(made["id"], b"direct")
        self.trap.assert_untouched()

    @table(("exactly", 1000, "ready"), ("over", 1001, "failed"))
    def test_max_size(self, size, state):
        for framing in ("length", "chunked"):
            self.origin.add("/a", Page(DATA[:size], framing=framing,
                                       ranges=False))
            made = self.fetched(self.origin.url + "/a")
            self.assertEqual(made["state"], state, framing)


class Pages(Nginx):
    """What it serves."""

    def __init__(self):
        super().__init__()
        os.mkdir(f"{self.dir}/www")
        for name in ("a.txt", "b.zip"):
            with open(f"{self.dir}/www/{name}", "wb") as file:
                file.write(DATA)

    def sites(self):
        return f"""
    server {{
        listen 127.0.0.1:{self.port}; root {self.dir}/www;
        location /slow/ {{ alias {self.dir}/www/; limit_rate 4m; }}
        location /zipped/ {{ alias {self.dir}/www/; gzip on; gzip_types *; }}
        location /moved/ {{ return 301 /a.txt; }}
    }}"""


class RealOrigin(Fetching):
    """nginx."""

    DAEMON = True
    OPTIONS = [*ALLOW, "spool.memory_max=64K"]

    @classmethod
    def start(cls):
        super().start()
        cls.nginx = Pages() if Pages.installed() else None

    @classmethod
    def finish(cls):
        if cls.nginx:
            cls.nginx.stop()
        super().finish()

    @table(("a.txt", "a.txt", "text/plain"),
           ("b.zip", "b.zip", "application/zip"),
           ("slow", "slow/a.txt", "text/plain"),
           ("gzip on", "zipped/a.txt", "text/plain"),
           ("moved", "moved/", "text/plain"))
    def test_fetch(self, path, kind):
        if not self.nginx:
            need("nginx")
        made = self.fetched(f"http://127.0.0.1:{self.nginx.port}/{path}")
        self.assert_descriptor(made, state="ready", size=len(DATA), type=kind)
        self.assert_content(made["id"], DATA)


if __name__ == "__main__":
    main()
