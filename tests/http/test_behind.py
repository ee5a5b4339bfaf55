# SPDX-License-Identifier: MIT
"""Behind a proxy: config/nginx.conf, or config/Caddyfile with SPW_PROXY=caddy,
in front of a daemon on a unix socket.

A case asks the proxy; wait_received() does so, too. An upload that holds its
hand, and of which the daemon has every byte that was sent, is not kept back.

Source: docs/reverse-proxy.md
"""
import gzip
import os
import shutil
import tempfile
from urllib.parse import quote

import harness
import test_events
import test_ranges
from growing import DATA, HAVE, TOTAL, Grows
from harness import Case, Truncated, main, need, table
from resuming import OFFSET_TYPE, TUS, IetfCase, TusCase
from samples import content, raw_zip
from servers import CaddyProxy, NginxProxy
from test_proxies import Told
from wire import Conn

# Proxies have fields and answers of their own.
harness.contract = None

PROXY = {"nginx": NginxProxy, "caddy": CaddyProxy}[
    os.environ.get("SPW_PROXY", "nginx")]


class Behind:
    """A mixin: what the case asks, it asks the proxy."""

    @classmethod
    def start(cls):
        cls.proxy = None
        if not PROXY.installed():
            return
        cls.folder = tempfile.mkdtemp(prefix="spw-", dir="/var/tmp")
        os.chmod(cls.folder, 0o755)
        path = os.path.join(cls.folder, "sock")
        cls.OPTIONS = [
            *cls.OPTIONS, f"server.listen=127.0.0.1:0, unix:{path}",
            "server.unix_mode=0666", "server.trusted_proxies=unix",
            "log.access=yes"]
        super().start()
        cls.proxy = PROXY(path)
        cls.daemon.address = cls.proxy.address

    @classmethod
    def finish(cls):
        if cls.proxy:
            cls.proxy.stop()
            shutil.rmtree(cls.folder)
        super().finish()

    def setUp(self):
        if not self.proxy:
            need(PROXY.COMMAND[0])
        super().setUp()


class Growing(Behind, Grows, Case):
    """Both ways at once."""

    @table(("known", False), ("unknown", True))
    def test_follow(self, chunked):
        upload = self.begin(chunked)
        conn = self.reader()
        self.assertEqual(conn.read_head().status, 200)
        self.assert_same(conn.read_body(HAVE), DATA[:HAVE])
        for at in range(HAVE, TOTAL, 50000):
            upload.send(at + 50000)
            self.assert_same(conn.read_body(50000), DATA[at:at + 50000])
        upload.end()
        self.assertEqual(conn.read_body(), b"")

    # Caddy 2.6 ends what was cut without a length as if it were whole.
    @table(("known", False), *[("unknown", True)] * (PROXY is NginxProxy))
    def test_broken_upload_cuts_readers(self, chunked):
        upload = self.begin(chunked)
        conn = self.reader()
        self.assertEqual(conn.read_head().status, 200)
        self.assert_same(conn.read_body(HAVE), DATA[:HAVE])
        upload.abort()
        with self.assertRaises(Truncated):
            conn.read_body()

    def test_reader_that_leaves(self):
        upload = self.begin(False)
        conn = self.reader()
        conn.read_head()
        conn.close()
        self.assertEqual(upload.end()["size"], TOTAL)


class Events(Behind, test_events.Events):
    """Server-sent events."""


class Ranges(Behind, test_ranges.Memory):
    """Ranges."""


class Uploads(Behind, Case):
    """Whole ones."""

    OPTIONS = ["store.max_file_size=8M", "spool.memory_max=64K"]

    @table(("empty", 0), ("small", 10), ("large", 6000000))
    def test_roundtrip(self, size):
        data = content(size, size)
        made = self.upload(data, headers={"Content-Type": "text/plain"})
        answer = self.http("GET", f"/files/{made['id']}")
        self.assert_same(answer.body, data)
        self.assertEqual(answer.get("ETag"), made["etag"])
        self.assertEqual(answer.get("Content-Type"), "text/plain")
        self.assertEqual(answer.get("Accept-Ranges"), "bytes")
        # Clients that would take it compressed get the same bytes.
        self.assert_same(self.http("GET", f"/files/{made['id']}", {
            "Accept-Encoding": "gzip"}).body, data)

    def test_coded_stays_coded(self):
        data = gzip.compress(content(300000, 8))
        made = self.upload(data, headers={"Content-Encoding": "gzip"})
        answer = self.http("GET", f"/files/{made['id']}")
        self.assertEqual(answer.get("Content-Encoding"), "gzip")
        self.assertEqual(answer.get("ETag"), made["etag"])
        self.assert_same(answer.body, data)

    def test_refusal_reaches_who_still_sends(self):
        with Conn(self.daemon.address) as conn:
            conn.send_request("PUT", "/files/x", {
                "Content-Length": str(20 << 20)})
            # Less than it announced: Caddy reads some of it before it answers.
            conn.send(bytes(1 << 20))
            self.assert_problem(conn.read(), 413)

    def test_expect(self):
        with Conn(self.daemon.address) as conn:
            conn.send_request("PUT", "/files/y", {
                "Content-Length": "3", "Expect": "100-continue"})
            self.assertEqual(conn.read_interim().status, 100)
            conn.send(b"abc")
            self.assertEqual(conn.read().status, 201)
        self.assert_content("y", b"abc")


class Entries(Behind, Case):
    """Names of archives' entries, as the client wrote them."""

    NAMES = [b"a//b", b"a/./b", b"a/../b", b"b", b"%2F", b"x?y#z", b"\xc3\xa4 +"]

    def test_names(self):
        self.upload(raw_zip([{"name": name, "data": name, "flags": 0x800}
                             for name in self.NAMES]), "/files/z")
        for name in self.NAMES:
            answer = self.http("GET", f"/files/z/zip/{quote(name, safe='')}")
            self.assertEqual(answer.status, 200, name)
            self.assertEqual(answer.body, name)


class Tus(Behind, TusCase):
    """An upload that is cut goes on."""

    def test_resume(self):
        data = content(3000000, 5)
        url = self.create(len(data), Upload_Metadata="filename Zi5iaW4=")
        conn = self.conn()
        conn.send_request("PATCH", url, {
            **TUS, **OFFSET_TYPE, "Upload-Offset": "0",
            "Content-Length": str(len(data))})
        conn.send(data[:1000000])
        self.wait_received(url.removeprefix("/files/"), 1000000)
        conn.close()
        offset = self.offset(url)
        self.assertGreaterEqual(offset, 1000000)
        self.append(url, offset, data[offset:])
        self.assert_upload(url, data)

    def test_long_metadata(self):
        value = "filename " + "Zi5i" * 1500
        url = self.create(1, Upload_Metadata=value)
        self.assertEqual(self.head(url).get("Upload-Metadata"), value)


class Ietf(Behind, IetfCase):
    """The other protocol, with a client that reads interim answers."""

    def test_resume(self):
        data = content(30000000, 6)
        url = self.create(data[:10000000])
        self.assert_state(url, 10000000)
        self.assertIn(
            self.patch(url, 10000000, data[10000000:], True).status,
            (200, 201, 204))
        self.assert_file(url, data)


class Clients(Behind, Told):
    """Who asks, as the proxy tells it, and never as the client does."""

    FORGED = [("X-Forwarded-For", "6.6.6.6"), ("X-Real-IP", "6.6.6.6"),
              ("X-Forwarded-Proto", "https"),
              ("X-Forwarded-Host", "evil.example"),
              ("Forwarded", "for=6.6.6.6;proto=https;host=evil.example")]

    @table(("told", []), ("forged", FORGED))
    def test_client(self, headers):
        with Conn(self.daemon.address, source="127.0.0.7") as conn:
            self.assertEqual(self.client(headers, conn), "127.0.0.7")

    @table(("told", []), ("forged", FORGED))
    def test_url(self, headers):
        self.assertEqual(self.url(dict(headers)), "http://own-host:8080")


if __name__ == "__main__":
    main()
