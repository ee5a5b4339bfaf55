# SPDX-License-Identifier: MIT
"""The harness itself: that it sees what is wrong. Needs no daemon."""
import contextlib
import io
import os
import socket
import sys
import tempfile
import threading
import zipfile

import daemon
import harness
import samples
from harness import Case, Worker, main, table, until
from origin import Gate, Origin, Page, Trap, dead_port
from wire import Closed, Conn, Truncated, WireError, encode_request

DATE = b"Date: Sat, 21 Nov 2026 06:00:00 GMT\r\n"


def canned(answer):
    """A server that says these bytes to everybody, then closes."""
    sock = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                conn, _ = sock.accept()
            except OSError:
                return
            with conn:
                conn.recv(65536)
                conn.sendall(answer)
    threading.Thread(target=serve, daemon=True).start()
    return sock


class Wire(Case):
    """The strict reader."""

    DAEMON = False

    def ask(self, answer, method="GET"):
        """Read a canned answer."""
        sock = canned(answer)
        self.addCleanup(sock.close)
        conn = Conn(sock.getsockname())
        self.addCleanup(conn.close)
        conn.send_request(method, "/")
        return conn, conn.read(method)

    @table(
        ("length", b"Content-Length: 3\r\n\r\nabc", b"abc"),
        ("none", b"Content-Length: 0\r\n\r\n", b""),
        ("chunked", b"Transfer-Encoding: chunked\r\n\r\n"
         b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n", b"abcde"),
        ("close", b"Connection: close\r\n\r\nabc", b"abc"))
    def test_reads(self, rest, body):
        conn, answer = self.ask(b"HTTP/1.1 200 OK\r\n" + DATE + rest)
        self.assertEqual(answer.body, body)
        self.assertEqual(conn.read_end(), b"")

    def test_interim(self):
        _, answer = self.ask(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 104 x\r\nA: b\r\n\r\n"
            b"HTTP/1.1 204 No Content\r\n" + DATE + b"\r\n")
        self.assertEqual([i.status for i in answer.interim], [100, 104])
        self.assertEqual(answer.status, 204)

    def test_extra_bytes(self):
        conn, _ = self.ask(b"HTTP/1.1 200 OK\r\n" + DATE
                           + b"Content-Length: 1\r\n\r\nabc")
        self.assertEqual(conn.read_end(), b"bc")

    def test_head_has_no_body(self):
        conn, answer = self.ask(b"HTTP/1.1 200 OK\r\n" + DATE
                                + b"Content-Length: 9\r\n\r\n", "HEAD")
        self.assertEqual((answer.body, conn.read_end()), (b"", b""))

    @table(
        ("bare LF", b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n"),
        ("HTTP/1.0", b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ("junk", b"hello\r\n\r\n"),
        ("space before colon", b"HTTP/1.1 200 OK\r\n" + DATE
         + b"Content-Length : 0\r\n\r\n"),
        ("folded", b"HTTP/1.1 200 OK\r\n" + DATE
         + b"A: b\r\n c\r\nContent-Length: 0\r\n\r\n"),
        ("two lengths", b"HTTP/1.1 200 OK\r\n" + DATE
         + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n"),
        ("two framings", b"HTTP/1.1 200 OK\r\n" + DATE + b"Content-Length: 5"
         b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("no date", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ("no framing", b"HTTP/1.1 200 OK\r\n" + DATE + b"\r\n"),
        ("bad chunk", b"HTTP/1.1 200 OK\r\n" + DATE
         + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n"),
        ("long chunk", b"HTTP/1.1 200 OK\r\n" + DATE
         + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n"),
        ("framed 204", b"HTTP/1.1 204 No\r\n" + DATE
         + b"Content-Length: 2\r\n\r\nab"))
    def test_refuses(self, answer):
        with self.assertRaises(WireError):
            self.ask(answer)

    @table(
        ("length", b"HTTP/1.1 200 OK\r\n" + DATE
         + b"Content-Length: 9\r\n\r\nabc", b"abc"),
        ("chunk", b"HTTP/1.1 200 OK\r\n" + DATE
         + b"Transfer-Encoding: chunked\r\n\r\n9\r\nabc", b"abc"),
        ("no last chunk", b"HTTP/1.1 200 OK\r\n" + DATE
         + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b"abc"),
        ("no end of trailers", b"HTTP/1.1 200 OK\r\n" + DATE
         + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b""),
        ("in the head", b"HTTP/1.1 200 OK\r\nDat", b""))
    def test_truncated(self, answer, body):
        with self.assertRaises(Truncated) as caught:
            self.ask(answer)
        self.assertEqual(caught.exception.body, body)

    def test_closed(self):
        with self.assertRaises(Closed):
            self.ask(b"")

    def test_encodes(self):
        self.assertEqual(
            encode_request("PUT", "/a", {"X": "1"}, b"body", "h:1"),
            b"PUT /a HTTP/1.1\r\nHost: h:1\r\nX: 1\r\n"
            b"Content-Length: 4\r\n\r\nbody")


class Samples(Case):
    """Content."""

    DAEMON = False

    def test_same_again(self):
        self.assertEqual(samples.content(1000, 3), samples.content(1000, 3))
        self.assertNotEqual(samples.content(1000, 3),
                            samples.content(1000, 4))

    def test_pieces(self):
        whole = b"".join(samples.pieces(200001))
        self.assertEqual(len(whole), 200001)
        self.assertNotEqual(whole[:65536], whole[65536:131072])

    def test_raw_zip(self):
        data = samples.raw_zip([{"name": b"a", "data": b"hello"},
                                {"name": b"../b", "data": b""}])
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            self.assertEqual(archive.namelist(), ["a", "../b"])
            self.assertEqual(archive.read("a"), b"hello")


class Origins(Case):
    """The controllable origin."""

    DAEMON = False

    def setUp(self):
        self.origin = Origin()
        self.addCleanup(self.origin.close)
        self.at = (self.origin.host, self.origin.port)

    def get(self, path, headers=()):
        """Ask, forgiving that it sends no Date."""
        conn = Conn(self.at)
        self.addCleanup(conn.close)
        conn.send_request("GET", path, headers)
        return conn.read(strict=False)

    def test_whole_and_range(self):
        data = samples.content(10000)
        self.origin.add("/a", Page(data, etag='"e"', framing="chunked"))
        self.assertEqual(self.get("/a").body, data)
        part = self.get("/a", {"Range": "bytes=100-199", "If-Range": '"e"'})
        self.assertEqual((part.status, part.body), (206, data[100:200]))
        part = self.get("/a", {"Range": "bytes=-5", "If-Range": '"f"'})
        self.assertEqual(part.status, 200)
        self.assertEqual(self.get("/nothing").status, 404)
        self.assertEqual(len(self.origin.seen("/a")), 3)

    def test_gate(self):
        gate = Gate()
        self.origin.add("/a", Page(b"x" * 100, gate=(40, gate), step=7))
        with Conn(self.at) as conn:
            conn.send_request("GET", "/a")
            conn.read_head(strict=False)
            self.assertEqual(len(conn.read_body(40)), 40)
            gate.wait_reached()
            conn.sock.settimeout(0.05)
            with self.assertRaises(TimeoutError):
                conn.read_body(1)
            conn.sock.settimeout(60)
            gate.open()
            self.assertEqual(len(conn.read_body()), 60)

    def test_sees_a_client_leave(self):
        gate = Gate()
        self.origin.add("/a", Page(b"x" * 100, gate=(40, gate)))
        conn = Conn(self.at)
        conn.send_request("GET", "/a")
        gate.wait_reached()
        self.assertFalse(self.origin.hung_up.is_set())
        conn.close()
        self.assertTrue(self.origin.hung_up.wait(60))

    def test_cut(self):
        self.origin.add("/a", Page(b"x" * 100, cut=30, cuts=1))
        with self.assertRaises(Truncated) as caught:
            self.get("/a")
        self.assertEqual(len(caught.exception.body), 30)
        self.assertEqual(len(self.get("/a").body), 100)

    def test_lie(self):
        self.origin.add("/a", Page(b"x" * 10, declared=20))
        with self.assertRaises(Truncated):
            self.get("/a")

    def test_trap(self):
        trap = Trap("127.0.0.3")
        self.addCleanup(trap.close)
        trap.assert_untouched()
        with socket.create_connection((trap.host, trap.port)):
            until(lambda: trap.connections, "a connection")
        with self.assertRaises(AssertionError):
            trap.assert_untouched()
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", dead_port()))


FAKE = r"""
import signal, socket, sys, threading
mode = sys.argv[-1].partition("=")[2]
sock = socket.create_server(("127.0.0.1", 0))
if mode == "mute":
    sys.exit(0)
if mode == "alarm":
    print("==1==ERROR: AddressSanitizer: heap-use-after-free")
signal.signal(signal.SIGTERM, lambda *a: sys.exit(3 if mode == "bad" else 0))
print("listening on http://127.0.0.1:%d" % sock.getsockname()[1], flush=True)
while True:
    conn, _ = sock.accept()
    if b"GET /die" in conn.recv(999):
        sys.exit(0)
    conn.sendall(b"HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 0\r\n\r\n")
    conn.close()
"""


class Daemons(Case):
    """Starting and stopping, on a program that only pretends."""

    DAEMON = False

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        script = os.path.join(folder.name, "fake.py")
        with open(script, "w", encoding="ascii") as file:
            file.write(FAKE)
        daemon.program = os.path.join(folder.name, "spillwayd")
        with open(daemon.program, "w", encoding="ascii") as file:
            file.write(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
        os.chmod(daemon.program, 0o700)
        self.addCleanup(setattr, daemon, "program", None)

    def test_lives(self):
        one = daemon.Daemon("mode=good")
        self.assertTrue(one.is_alive())
        self.assertGreater(one.anonymous_memory(), 1 << 20)
        with daemon.MemoryWatch(one) as watch:
            pass
        self.assertGreaterEqual(watch.grown, 0)
        with open(os.path.join(one.spool, "left"), "w", encoding="ascii"):
            pass
        self.assertEqual([name for name, *_ in one.files()], ["left"])
        self.assertEqual([name for name, *_ in one.stop()], ["left"])
        self.assertFalse(os.path.exists(one.dir))

    @table(("exit code", "bad"), ("sanitizer", "alarm"))
    def test_bad_end(self, mode):
        one = daemon.Daemon(f"mode={mode}")
        with self.assertRaises(daemon.DaemonError):
            one.stop()

    def test_mute(self):
        with self.assertRaises(daemon.DaemonError):
            daemon.Daemon("mode=mute")

    def test_runner_tells_failures(self):
        class Sample(Case):
            """Four cases of which two fail."""
            OPTIONS = ["mode=good"]

            def test_a(self):
                pass

            def test_b(self):
                self.assertEqual(1, 2)

            def test_c(self):
                harness.need("no-such-program-here")

            def test_d(self):
                with Conn(self.daemon.address) as conn:
                    conn.send_request("GET", "/die")
                    conn.read_end()
                self.daemon.wait()

            def test_e(self):
                self.assert_healthy()
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            tap = harness.Tap()
            harness.run_class(tap, Sample, [])
            code = tap.finish()
        lines = [line for line in out.getvalue().splitlines()
                 if not line.startswith("#")]
        self.assertEqual(code, 1)
        self.assertEqual(lines[:4], [
            "ok 1 - Sample.a", "not ok 2 - Sample.b",
            "ok 3 - Sample.c # SKIP no-such-program-here is not installed",
            "not ok 4 - Sample.d"])
        # e got a new daemon; the fake closes each connection unannounced,
        # which assert_healthy() must not accept.
        self.assertEqual(lines[4:], ["not ok 5 - Sample.e",
                                     "ok 6 - Sample: ends cleanly", "1..6"])

    def test_worker(self):
        self.assertEqual(Worker(lambda: 5).result(), 5)
        with self.assertRaises(ZeroDivisionError):
            Worker(lambda: 1 // 0).result()


if __name__ == "__main__":
    main()
