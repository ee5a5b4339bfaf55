# SPDX-License-Identifier: MIT
"""Fetching by https, with authorities of our own.

Source: API.md section 4; RFC 9110 section 4.3.4.
"""
import ssl
import tempfile
import warnings

from authority import Authority
from fetching import ALLOW, Fetching
from harness import Case, Daemon, main, need, table
from daemon import run_program
from origin import Origin, Page, Trap


LOCAL = "IP:127.0.0.1,DNS:localhost"


class Secure(Fetching):
    """Origins of an authority that the operator trusts."""

    DAEMON = True

    @classmethod
    def start(cls):
        need("openssl")
        cls.authority = Authority("ours")
        cls.daemon = Daemon(*ALLOW, f"fetch.ca_file={cls.authority.cert}",
                            "fetch.max_retries=0")

    @classmethod
    def finish(cls):
        super().finish()
        cls.authority.remove()

    def setUp(self):
        super().setUp()
        self.secure = self.start_origin(LOCAL)

    def start_origin(self, names, authority=None, **how):
        """An origin with a certificate."""
        context = (authority or self.authority).context(names, **how)
        origin = Origin(tls=context)
        self.addCleanup(origin.close)
        origin.add("/a", Page(b"secured", etag='"1"'))
        return origin

    def test_address(self):
        made = self.fetched(self.secure.url + "/a")
        self.assertEqual(made["state"], "ready", made)
        self.assert_content(made["id"], b"secured")

    def test_name(self):
        made = self.fetched(f"https://localhost:{self.secure.port}/a")
        self.assertEqual(made["state"], "ready", made)

    def test_read_through(self):
        url = f"https://localhost:{self.secure.port}/a"
        answer = self.http("GET", "/fetch?url=" + url)
        self.assertEqual((answer.status, answer.body), (200, b"secured"))

    def test_lazy(self):
        data = bytes(range(256)) * 4096
        self.secure.add("/large", Page(data, etag='"2"'))
        made = self.begin(self.secure.url + "/large", mode="lazy")
        answer = self.http("GET", made["links"]["self"],
                           {"Range": "bytes=500000-500099"})
        self.assertEqual(answer.status, 206)
        self.assert_same(answer.body, data[500000:500100])

    def test_another_name(self):
        origin = self.start_origin("DNS:other.example")
        self.failed(origin.url + "/a", "tls_certificate_error")
        self.assertEqual(origin.requests, [])

    def test_another_authority(self):
        other = Authority("theirs")
        self.addCleanup(other.remove)
        origin = self.start_origin(LOCAL, other)
        self.failed(origin.url + "/a", "tls_certificate_error")
        self.assertEqual(origin.requests, [])

    def test_expired(self):
        origin = self.start_origin(LOCAL, days=-1)
        self.failed(origin.url + "/a", "tls_certificate_error")

    def test_not_tls(self):
        class Plain:
            """Says something else."""
            @staticmethod
            def wrap_socket(conn, server_side):
                """Instead of the handshake."""
                assert server_side
                conn.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                conn.recv(65536)
                raise OSError("no handshake")
        origin = Origin(tls=Plain)
        self.addCleanup(origin.close)
        self.failed(origin.url + "/a", "tls_protocol_error")

    def test_too_old(self):
        context = self.authority.context(LOCAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        origin = Origin(tls=context)
        self.addCleanup(origin.close)
        self.failed(origin.url + "/a", "tls_protocol_error")
        self.assertEqual(origin.requests, [])

    def test_redirect_to_https(self):
        url = self.origin.redirect("/r", self.secure.url + "/a")
        made = self.fetched(url, headers={"X-Api-Key": "secret"})
        self.assertEqual(made["state"], "ready", made)
        seen, = self.secure.requests
        self.assertNotIn("x-api-key", seen.headers)

    def test_redirect_to_http(self):
        trap = Trap()
        self.addCleanup(trap.close)
        problem = self.failed(self.secure.redirect("/r", trap.url + "/"))
        self.assertEqual(problem["type"], "/problems/bad-redirect")
        trap.assert_untouched()


class System(Fetching):
    """Nothing is said: the system's authorities, and ours is none."""

    DAEMON = True
    OPTIONS = [*ALLOW, "fetch.max_retries=0"]

    def test_unknown(self):
        need("openssl")
        authority = Authority("ours")
        self.addCleanup(authority.remove)
        origin = Origin(tls=authority.context(LOCAL))
        self.addCleanup(origin.close)
        self.failed(origin.url + "/a", "tls_certificate_error")
        self.assertEqual(origin.requests, [])


class Start(Case):
    """What cannot be is said at the start."""

    DAEMON = False

    @table(("missing", "/nowhere/ca.pem"), ("a directory", "/"),
           ("something else", "/etc/passwd"))
    def test_ca_file(self, path):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            code, _, text = run_program(
                "-c", "/dev/null", "-o", "server.listen=127.0.0.1:0",
                "-o", f"spool.dir={folder}", "-o", f"fetch.ca_file={path}")
        self.assertEqual(code, 2, text)
        self.assertIn("fetch.ca_file", text)


if __name__ == "__main__":
    main()
