# SPDX-License-Identifier: MIT
"""https: the same answers, by way of TLS, and the certificate's life.

Source: API.md section 8; RFC 8446; RFC 7301 (ALPN); RFC 9112 section 9.8.
"""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import tempfile
import warnings

from authority import Authority
from daemon import run_program
from harness import Case, Daemon, main, need, table, until
from samples import content
from wire import PATIENCE, Conn, encode_chunk, encode_request

LOCAL = "IP:127.0.0.1,DNS:localhost"
BIG = content(12000000, 3)


class TlsConn(Conn):
    """A connection whose end has to be told by TLS, too."""

    def __init__(self, address, context, **kwargs):
        super().__init__(address, **kwargs)
        self.plain = self.sock.dup()
        self.sock = context.wrap_socket(self.sock, suppress_ragged_eofs=False,
                                        server_hostname="localhost")

    def close(self):
        super().close()
        self.plain.close()


class Tls(Case):
    """A daemon that listens with TLS and without."""

    MORE = []

    @classmethod
    def start(cls):
        need("openssl")
        cls.authority = Authority("ours")
        cls.folder = tempfile.mkdtemp(dir="/var/tmp")
        cls.cert = os.path.join(cls.folder, "cert.pem")
        cls.key = os.path.join(cls.folder, "key.pem")
        cls.install(*cls.authority.issue(LOCAL))
        cls.trust = ssl.create_default_context(cafile=cls.authority.cert)
        cls.daemon = Daemon(
            "server.listen=127.0.0.1:0, https://127.0.0.1:0",
            f"server.tls_cert={cls.cert}", f"server.tls_key={cls.key}",
            *cls.MORE)
        until(lambda: re.search(r"listening on https://127.0.0.1:(\d+)",
                                cls.daemon.output()), "the address")
        cls.secure = ("127.0.0.1", int(re.search(
            r"https://127.0.0.1:(\d+)", cls.daemon.output())[1]))

    @classmethod
    def finish(cls):
        super().finish()
        cls.authority.remove()
        shutil.rmtree(cls.folder)

    @classmethod
    def install(cls, cert, key):
        """Put these where the daemon looks."""
        shutil.copy(cert, cls.cert)
        shutil.copy(key, cls.key)

    def tls(self, context=None, **kwargs):
        """A connection with TLS, closed at the end of the case."""
        conn = TlsConn(self.secure, context or self.trust, **kwargs)
        self.addCleanup(conn.close)
        return conn


class Serving(Tls):
    """Whatever is answered without TLS is answered with it."""

    MORE = ["store.max_file_size=20M", "spool.memory_max=2M"]

    def test_versions(self):
        for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
                              (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
            context = ssl.create_default_context(cafile=self.authority.cert)
            context.minimum_version = context.maximum_version = version
            conn = self.tls(context)
            self.assertEqual(conn.sock.version(), name)
            self.assertEqual(conn.request("GET", "/healthz").status, 200)

    def test_old_versions(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")     # they are of the past
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        name = "tls_handshakes_failed_total"
        before = self.metric(name)
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.tls(context)
        until(lambda: self.metric(name) == before + 1, "the metric")

    def test_alpn(self):
        for offer, chosen in ((["h2", "http/1.1"], "http/1.1"),
                              (["http/1.1"], "http/1.1"), ([], None)):
            context = ssl.create_default_context(cafile=self.authority.cert)
            if offer:
                context.set_alpn_protocols(offer)
            conn = self.tls(context)
            self.assertEqual(conn.sock.selected_alpn_protocol(), chosen)
            self.assertEqual(conn.request("GET", "/healthz").status, 200)

    @table(("nothing", 0), ("small", 100), ("a record", 16384),
           ("a record and one", 16385), ("in memory", 1500000),
           ("on disk", len(BIG)))
    def test_content(self, size):
        conn = self.tls()
        data = BIG[:size]
        self.assertEqual(
            conn.request("PUT", "/files/x", (), data).status, 201)
        self.assert_same(conn.request("GET", "/files/x").body, data)
        # On the same connection, in step.
        self.assertTrue(conn.is_in_step())
        self.assert_content("x", data)
        self.assertEqual(self.http("DELETE", "/files/x").status, 204)

    def test_ranges(self):
        self.upload(BIG, "/files/r")
        conn = self.tls()
        for first, last in ((0, 0), (5, 9000000), (len(BIG) - 1, len(BIG))):
            answer = conn.request("GET", "/files/r", {
                "Range": f"bytes={first}-{last}"})
            self.assertEqual(answer.status, 206)
            self.assert_same(answer.body, BIG[first:last + 1])
        answer = conn.request("GET", "/files/r",
                              {"Range": "bytes=0-9, 100-200, -5"})
        self.assertEqual(answer.status, 206)
        self.assertTrue(conn.is_in_step())

    def test_chunked(self):
        conn = self.tls()
        conn.send_request("POST", "/files", {"Transfer-Encoding": "chunked"})
        for at in range(0, 200000, 777):
            conn.send(encode_chunk(BIG[at:at + 777][:200000 - at]))
        conn.send(encode_chunk(b""))
        made = json.loads(conn.read().body)
        self.assertEqual(made["size"], 200000)

    def test_byte_by_byte(self):
        conn = self.tls()
        conn.send_slowly(encode_request("GET", "/healthz"))
        self.assertEqual(conn.read().status, 200)

    def test_pipelined(self):
        conn = self.tls()
        conn.send(encode_request("GET", "/healthz") * 50)
        for _ in range(50):
            self.assertEqual(conn.read().status, 200)

    def test_slow_reader(self):
        self.upload(BIG, "/files/slow")
        conn = self.tls(rcvbuf=4096)
        conn.send_request("GET", "/files/slow")
        conn.read_head()
        first = conn.read_body(10000)
        # Others are served meanwhile.
        self.assertEqual(self.tls().request("GET", "/healthz").status, 200)
        self.assert_same(first + conn.read_body(), BIG)

    def test_follows_an_upload(self):
        writer = self.tls()
        writer.send_request("PUT", "/files/grow", {"Content-Length": "6"})
        writer.send(b"abc")
        self.wait_received("grow", 3)
        reader = self.tls()
        reader.send_request("GET", "/files/grow")
        reader.read_head()
        self.assertEqual(reader.read_body(3), b"abc")
        writer.send(b"def")
        self.assertEqual(writer.read().status, 201)
        self.assertEqual(reader.read_body(), b"def")

    def test_early_answer(self):
        conn = self.tls()
        conn.send_request("PUT", "/files/huge", {
            "Content-Length": str(1 << 30), "Expect": "100-continue"})
        self.assertEqual(conn.read().status, 413)

    def test_answer_in_the_middle(self):
        # It goes out beside the library, and is the last on the connection.
        conn = self.tls()
        conn.send_request("POST", "/files", {"Transfer-Encoding": "chunked"})
        for at in range(0, 24 << 20, 1 << 20):
            if not conn.send_lossy(encode_chunk(bytes(1 << 20))):
                break
        answer = conn.read()
        self.assert_problem(answer, 413)
        self.assertEqual(answer.get("Connection"), "close")
        self.assertEqual(conn.read_end(), b"")

    def test_interim(self):
        conn = self.tls()
        conn.send_request("POST", "/files", {
            "Upload-Complete": "?1", "Content-Length": "5",
            "Upload-Draft-Interop-Version": "8"})
        interim = conn.read_interim()
        self.assertEqual(interim.status, 104)
        conn.send(b"hello")
        answer = conn.read()
        self.assertEqual(answer.status, 201)
        self.assertEqual(answer.get("Location"), interim.get("Location"))
        self.assertTrue(conn.is_in_step())

    def test_continue(self):
        conn = self.tls()
        conn.send_request("PUT", "/files/c", {
            "Content-Length": "5", "Expect": "100-continue"})
        self.assertEqual(conn.read_interim().status, 100)
        conn.send(b"hello")
        self.assertEqual(conn.read().status, 201)

    def test_absolute_url(self):
        answer = self.tls().request("PUT", "/files/u", {
            "Accept": "text/plain"}, b"x")
        self.assertEqual(answer.body.decode(),
                         "https://127.0.0.1:%d/files/u\n" % self.secure[1])

    def test_one_side_closes(self):
        conn = self.tls()
        conn.send_request("GET", "/healthz", {"Connection": "close"})
        self.assertEqual(conn.read().status, 200)
        # The end is told by TLS: else this is an error.
        self.assertEqual(conn.read_end(), b"")

    def test_client_goes(self):
        for how in ("plain", "sock"):
            conn = self.tls()
            conn.send_request("PUT", f"/files/gone-{how}",
                              {"Content-Length": "10"})
            conn.send(b"abc")
            self.wait_received(f"gone-{how}", 3)
            getattr(conn, how).shutdown(socket.SHUT_RDWR)
            conn.close()
            until(lambda h=how: self.info(f"gone-{h}") is None, "its end")

    @table(("HTTP", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
           ("zeros", bytes(5000)),
           ("a long record", b"\x16\x03\x01\xff\xff" + bytes(1000)),
           ("half a hello", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"))
    def test_no_handshake(self, data):
        with Conn(self.secure) as conn:
            conn.send_lossy(data)
            with contextlib.suppress(OSError):  # it may have ended already
                conn.end_sending()
            # An alert at most; no answer that was not asked for in TLS.
            self.assertNotIn(b"HTTP/", conn.read_end())
        self.assert_healthy()

    def test_many(self):
        conns = [self.tls() for _ in range(40)]
        for conn in conns:
            conn.send_request("PUT", f"/files/many-{conn.plain.fileno()}",
                              (), BIG[:30000])
        for conn in conns:
            self.assertEqual(conn.read().status, 201)
            self.assert_same(conn.request(
                "GET", f"/files/many-{conn.plain.fileno()}").body,
                BIG[:30000])

    def test_resumed(self):
        conn = self.tls()
        self.assertEqual(conn.request("GET", "/healthz").status, 200)
        session = conn.sock.session
        conn.close()
        with socket.create_connection(self.secure, PATIENCE) as plain:
            with self.trust.wrap_socket(
                    plain, server_hostname="localhost",
                    session=session) as sock:
                sock.sendall(encode_request("GET", "/healthz"))
                self.assertIn(b"200 OK", sock.recv(4096))


class Limits(Tls):
    """What keeps others out."""

    MORE = ["server.header_timeout=1s", "server.max_connections=3"]

    def test_handshake_that_never_ends(self):
        with Conn(self.secure) as conn:
            conn.send(b"\x16\x03\x01")
            self.assertEqual(conn.read_end(), b"")

    def test_too_many(self):
        held = [self.tls() for _ in range(3)]
        for conn in held:
            conn.request("GET", "/healthz")
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.tls()
        for conn in held:
            conn.close()
        until(self.works, "room")

    def works(self):
        """Whether somebody is served again."""
        try:
            return self.tls().request("GET", "/healthz").status == 200
        except (ssl.SSLError, ConnectionError):
            return False


class Reload(Tls):
    """Another certificate, and the connections there are."""

    def reload(self, wanted):
        """SIGHUP, until the log says so."""
        begin = len(self.daemon.lines)
        os.kill(self.daemon.pid, signal.SIGHUP)
        until(lambda: any(wanted in line
                          for line in self.daemon.lines[begin:]), wanted)

    def shown(self):
        """Whom the certificate is for that is shown now."""
        subject = self.tls().sock.getpeercert()["subject"]
        return dict(pair[0] for pair in subject)["commonName"]

    def test_reload(self):
        self.upload(BIG, "/files/big")
        first = self.shown()
        held = self.tls()
        held.send_request("GET", "/files/big")
        held.read_head()
        part = held.read_body(100000)
        for name in ("second", "third"):
            self.install(*self.authority.issue(LOCAL, name))
            self.reload("was read again")
            self.assertEqual(self.shown(), name)
        self.assertNotEqual(first, "third")
        # What was open goes on, to its end and beyond.
        self.assert_same(part + held.read_body(), BIG)
        self.assertTrue(held.is_in_step())
        self.reload("was read again")
        self.assertEqual(self.shown(), "third")

    def test_broken(self):
        good = self.authority.issue(LOCAL, "good")
        self.install(*good)
        self.reload("was read again")
        other = self.authority.issue(LOCAL, "other")
        self.install(good[0], other[1])
        self.reload("this is not the key of the certificate")
        self.assertEqual(self.shown(), "good")
        with open(self.cert, "w", encoding="ascii") as file:
            file.write("nonsense\n")
        self.reload("this is no certificate in PEM")
        os.unlink(self.cert)
        self.reload("cert.pem: No such file or directory")
        self.assertEqual(self.shown(), "good")
        self.install(*other)
        self.reload("was read again")
        self.assertEqual(self.shown(), "other")

    def test_behind_a_link(self):
        # As certbot has it: a name that leads to the version of the day.
        folder = os.path.join(self.folder, "archive")
        os.mkdir(folder)
        for version in ("v1", "v2"):
            for path, target in zip((self.cert, self.key),
                                    self.authority.issue(LOCAL, version)):
                there = os.path.join(folder, version
                                     + os.path.basename(path))
                shutil.copy(target, there)
                os.unlink(path)
                os.symlink(there, path)
            self.reload("was read again")
            self.assertEqual(self.shown(), version)
        for path in (self.cert, self.key):
            os.unlink(path)
        self.install(*self.authority.issue(LOCAL))

    def test_expiry_is_told(self):
        expiry = self.tls().sock.getpeercert()["notAfter"]
        self.assertEqual(self.metric("tls_certificate_expiry_seconds"),
                         ssl.cert_time_to_seconds(expiry))


class Start(Case):
    """Wrong files, and wrong words."""

    DAEMON = False

    def setUp(self):
        need("openssl")
        self.authority = Authority("ours")
        self.addCleanup(self.authority.remove)
        self.cert, self.key = self.authority.issue(LOCAL)

    def check(self, *options):
        """Exit code and words of --check-config."""
        words = [w for option in options for w in ("-o", option)]
        return run_program("-c", "/dev/null", *words, "--check-config")[::2]

    def test_good(self):
        self.assertEqual(self.check(
            "server.listen=https://127.0.0.1:8443, https://[::1]:8443",
            f"server.tls_cert={self.cert}", f"server.tls_key={self.key}"),
            (0, ""))

    @table(("no certificate", ["server.listen=https://127.0.0.1:1"],
            "takes a certificate"),
           ("no key", ["server.tls_cert={cert}"], "belong together"),
           ("no file", ["server.tls_cert=/nowhere", "server.tls_key={key}"],
            "/nowhere: No such file"),
           ("no key file", ["server.tls_cert={cert}",
                            "server.tls_key=/nowhere"],
            "/nowhere: No such file"),
           ("exchanged", ["server.tls_cert={key}", "server.tls_key={cert}"],
            "o.key: this is no certificate in PEM"),
           ("not its key", ["server.tls_cert={cert}",
                            "server.tls_key={ca_key}"],
            "ca.key: this is not the key of the certificate in {cert}"),
           ("open address", ["server.listen=https://0.0.0.0:1",
                             "server.tls_cert={cert}",
                             "server.tls_key={key}"],
            "'https://0.0.0.0:1' is open to other machines"),
           ("unix", ["server.listen=https://unix:/x"],
            "'https://unix:/x' has a bad port"),
           ("systemd", ["server.listen=https://systemd"], "has no port"))
    def test_wrong(self, options, why):
        names = {"cert": self.cert, "key": self.key,
                 "ca_key": self.authority.key}
        code, err = self.check(*(one.format(**names) for one in options))
        self.assertEqual(code, 2)
        self.assertIn(why.format(**names), err)

    def test_stops_with_connections(self):
        one = Daemon("server.listen=127.0.0.1:0, https://127.0.0.1:0",
                     f"server.tls_cert={self.cert}",
                     f"server.tls_key={self.key}",
                     "server.drain_timeout=0")
        self.addCleanup(one.kill)
        until(lambda: "https://" in one.output(), "the address")
        secure = ("127.0.0.1", int(re.search(
            r"https://127.0.0.1:(\d+)", one.output())[1]))
        trust = ssl.create_default_context(cafile=self.authority.cert)
        with TlsConn(secure, trust) as idle, TlsConn(secure, trust) as busy, \
                Conn(secure) as mute:
            idle.request("GET", "/healthz")
            busy.send_request("PUT", "/files/x", {"Content-Length": "5"})
            busy.send(b"x")
            mute.send(b"\x16")
            one.stop()


if __name__ == "__main__":
    main()
