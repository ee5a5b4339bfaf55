# SPDX-License-Identifier: MIT
"""What a client may take at most: sizes, space, files, connections.

Source: API.md 2 and 8; RFC 9110 10.1.1, 15.5.14, 15.6.4; RFC 4918 11.5.
"""
import json
import os
import select

from daemon import library_refuses
from harness import Case, Conn, main, table, until
from samples import content
from wire import encode_chunk, encode_request


class Limit(Case):
    """store.max_file_size"""

    LIMIT = 100000
    OPTIONS = [f"store.max_file_size={LIMIT}", "spool.memory_max=32K"]

    def test_exactly(self):
        data = content(self.LIMIT)
        made = self.upload(data)
        self.assert_content(made["id"], data)

    def test_exactly_chunked(self):
        data = content(self.LIMIT)
        answer = self.http("POST", "/files", {"Transfer-Encoding": "chunked"},
                           encode_chunk(data) + encode_chunk(b""))
        self.assert_content(self.json(answer, 201)["id"], data)

    @table(("one over", LIMIT + 1), ("far over", 10**12),
           ("2^63", 1 << 63), ("2^64-1", (1 << 64) - 1))
    def test_refused_before_100_continue(self, length):
        before = self.file_count()
        conn = self.conn()
        conn.send_request("POST", "/files", {
            "Expect": "100-continue", "Content-Length": str(length)})
        # No byte of the body is ever sent: the answer cannot wait for one.
        answer = conn.read()
        self.assertEqual(answer.interim, [])
        if length >= 1 << 63 and library_refuses():
            self.assertIn(answer.status, (400, 413))
            return
        # Numbers that no file has may be called malformed as well.
        problem = self.assert_problem(
            answer, 413 if length < 1 << 62 else (400, 413))
        if answer.status == 413:
            self.assertEqual(problem["limit"], self.LIMIT)
        self.assertEqual(self.file_count(), before)

    def test_refusals_are_counted(self):
        before = self.refusals("too-large")
        self.assert_problem(self.http(
            "POST", "/files", (), content(self.LIMIT + 1)), 413)
        self.assertEqual(self.refusals("too-large"), before + 1)

    def test_refused_without_expect(self):
        # The client goes on sending, as most do, and can read the answer.
        conn = self.conn()
        conn.send_request("PUT", "/files/l1", {"Content-Length": "5000000"})
        for _ in range(50):
            if not conn.send_lossy(content(100000)):
                break
        self.assert_problem(conn.read(), 413)
        self.assertIsNone(self.info("l1"))

    def test_continued_within(self):
        conn = self.conn()
        conn.send_request("POST", "/files", {
            "Expect": "100-continue", "Content-Length": "3"})
        self.assertEqual(conn.read_interim().status, 100)
        conn.send(b"abc")
        answer = conn.read()
        self.assert_content(self.json(answer, 201)["id"], b"abc")

    @table(("one over", 1), ("far over", 3000000))
    def test_chunked_over(self, excess):
        before = self.file_count()
        conn = self.conn()
        conn.send_request("PUT", "/files/l2",
                          {"Transfer-Encoding": "chunked"})
        data, left = content(50000), self.LIMIT + excess
        while left:
            count = min(left, len(data))
            left -= count
            if not conn.send_lossy(encode_chunk(data[:count])):
                break
        else:
            conn.send_lossy(encode_chunk(b""))
        problem = self.assert_problem(conn.read(), 413)
        self.assertEqual(problem["limit"], self.LIMIT)
        self.assertIsNone(self.info("l2"))
        self.assertEqual(self.file_count(), before)

    def test_replacement_over_keeps_the_old(self):
        self.upload(b"old", "/files/l3")
        conn = self.conn()
        conn.send_request("PUT", "/files/l3", {
            "Expect": "100-continue", "Content-Length": "200000"})
        self.assert_problem(conn.read(), 413)
        self.assert_content("l3", b"old")


class Quota(Case):
    """spool.disk_quota: refused early, cut late, given back."""

    OPTIONS = ["spool.disk_quota=1M", "spool.memory_max=64K"]

    def test_refused_before_the_body(self):
        conn = self.conn()
        conn.send_request("POST", "/files", {
            "Expect": "100-continue", "Content-Length": "10000000"})
        answer = conn.read()
        self.assertEqual(answer.interim, [])
        self.assert_problem(answer, 507)

    def test_cut(self):
        conn = self.conn()
        conn.send_request("PUT", "/files/q1",
                          {"Transfer-Encoding": "chunked"})
        for _ in range(60):
            if not conn.send_lossy(encode_chunk(content(50000))):
                break
        else:
            conn.send_lossy(encode_chunk(b""))
        self.assert_problem(conn.read(), 507)
        self.assertIsNone(self.info("q1"))

    def test_given_back(self):
        # Giving back is done behind the answer: it may take a moment.
        whole = encode_request("PUT", "/files/q2", (), content(900000))

        def stored():
            with Conn(self.daemon.address) as conn:
                conn.send_lossy(whole)
                return conn.read().status == 201
        for _ in range(5):
            until(stored, "the quota to come back")
            self.assert_content("q2", content(900000))
            self.assertEqual(self.http("DELETE", "/files/q2").status, 204)


class KeepFree(Case):
    """spool.keep_free: a 16th of the disk at most, whatever is asked for."""

    OPTIONS = ["spool.keep_free=1T", "spool.memory_max=64K"]

    def test_disk_is_refused_and_memory_is_not(self):
        disk = os.statvfs(self.daemon.spool)
        for length in (
                # There is as much, but half of it is to stay free.
                (disk.f_bavail - disk.f_blocks // 32) * disk.f_frsize,
                disk.f_blocks * disk.f_frsize, 10**15):
            conn = self.conn()
            conn.send_request("POST", "/files", {
                "Expect": "100-continue",
                "Content-Length": str(max(length, 1 << 20))})
            answer = conn.read()
            self.assertEqual(answer.interim, [])
            self.assert_problem(answer, 507)
        made = self.upload(content(1000))
        self.assertEqual(made["storage"]["tier"], "memory")


class Uploads(Case):
    """upload.max_active: more are told to come again."""

    OPTIONS = ["upload.max_active=2"]

    def begin(self, name):
        """An upload that is under way."""
        conn = self.conn()
        conn.send_request("PUT", f"/files/{name}", {"Content-Length": "6"})
        conn.send(b"abc")
        return conn

    def test_third_is_refused(self):
        first, second = self.begin("a"), self.begin("b")
        for name in "ab":
            self.wait_received(name, 3)
        before = self.refusals("too-many")
        third = self.conn()
        third.send_request("PUT", "/files/c", {
            "Content-Length": "6", "Expect": "100-continue"})
        answer = third.read()
        self.assertEqual(answer.interim, [])
        self.assert_problem(answer, 503)
        self.assertTrue(answer.get("Retry-After").isdecimal())
        self.assertEqual(self.refusals("too-many"), before + 1)
        # Who is answered has given its place back.
        for turn in range(20):
            first.send(b"def")
            self.assertEqual(first.read().status, 201)
            first.send_request("PUT", f"/files/c{turn}", {
                "Content-Length": "6"})
            first.send(b"abc")
            self.wait_received(f"c{turn}", 3)
        second.send(b"def")
        self.assertEqual(second.read().status, 201)

    def test_refused_while_the_client_sends(self):
        # Early, however much it is going to send, and it can be read.
        held = [self.begin(name) for name in "ef"]
        for name in "ef":
            self.wait_received(name, 3)
        conn = self.conn()
        conn.send_request("PUT", "/files/g", {"Content-Length": "5000000"})
        for _ in range(50):
            if not conn.send_lossy(content(100000)):
                break
        answer = conn.read()
        self.assert_problem(answer, 503)
        self.assertTrue(answer.get("Retry-After").isdecimal())
        for one in held:
            one.send(b"def")
            self.assertEqual(one.read().status, 201)

    def test_refused_ones_give_it_back(self):
        held = self.begin("h")
        self.wait_received("h", 3)
        for _ in range(20):
            self.assert_problem(self.http(
                "POST", "/files", {"Content-MD5": "A" * 22 + "=="}, b"x"), 422)
        held.send(b"def")
        self.assertEqual(held.read().status, 201)


class Client(Case):
    """upload.max_open_per_client: nobody takes the place of all."""

    OPTIONS = ["upload.max_open_per_client=2"]

    def test_third_is_refused_before_its_body(self):
        held = []
        for name in "ab":
            conn = self.conn()
            conn.send_request("PUT", f"/files/{name}",
                              {"Content-Length": "6"})
            conn.send(b"abc")
            self.wait_received(name, 3)
            held.append(conn)
        conn = self.conn()
        conn.send_request("PUT", "/files/c", {
            "Content-Length": "6", "Expect": "100-continue"})
        answer = conn.read()
        self.assertEqual(answer.interim, [])
        self.assert_problem(answer, 429, "too-many-requests")
        self.assertTrue(answer.get("Retry-After").isdecimal())
        # Another client is none of it.
        with Conn(self.daemon.address, source="127.0.0.2") as other:
            answer = other.request("PUT", "/files/d", (), b"abc")
            self.assertEqual(answer.status, 201)
        # One that is complete makes room, as one that is cut does.
        held[1].send(b"def")
        self.assertEqual(held[1].read().status, 201)
        self.upload(b"abcdef", "/files/c")
        conn = self.conn()
        conn.send_request("PUT", "/files/e", {"Content-Length": "6"})
        conn.send(b"abc")
        self.wait_received("e", 3)
        held[0].close()

        def room():
            return self.http("PUT", "/files/c", (), b"abcdef").status == 200
        until(room, "room for another upload")

    def test_refused_ones_do_not_count(self):
        for _ in range(5):
            self.assert_problem(self.http(
                "PUT", "/files/none", {"If-Match": "*"}, b"abc"), 412)
            self.assert_problem(self.http(
                "POST", "/files?ttl=x", (), b"abc"), 400)
        self.upload(b"abc")


class Files(Case):
    """store.max_files"""

    OPTIONS = ["store.max_files=5"]

    def test_sixth_is_refused(self):
        for index in range(5):
            self.upload(b"x", f"/files/f{index}")
        self.assert_problem(self.http("PUT", "/files/f5", (), b"x"),
                            (503, 507))
        self.upload(b"y", "/files/f4")      # replacing one is no new one
        self.assertEqual(self.http("DELETE", "/files/f0").status, 204)
        self.upload(b"x", "/files/f5")


class Rate(Case):
    """upload.min_rate: an upload that drips is cut."""

    OPTIONS = ["upload.min_rate=1M", "server.idle_timeout=1h"]

    def test_drip_is_cut(self):
        with Conn(self.daemon.address) as conn:
            conn.send_request("PUT", "/files/d",
                              {"Content-Length": "1000000"})
            conn.sock.settimeout(0.1)

            def ended():
                conn.send_lossy(b"x")
                try:
                    return not conn.sock.recv(1000)
                except TimeoutError:
                    return False
                except ConnectionResetError:
                    return True
            until(ended, "the upload to be cut")
        until(lambda: self.info("d") is None, "the file to be gone")

    def test_silent_one_is_told_why(self):
        conn = self.conn()
        conn.send_request("PUT", "/files/s", {"Content-Length": "1000000"})
        conn.send(b"x")
        slow = 'uploads_failed_total{reason="too-slow"}'
        aborted = 'uploads_failed_total{reason="aborted"}'
        before = self.metric(slow), self.metric(aborted)
        self.assert_problem(conn.read(), 408, "too-slow")
        conn.read_end()
        until(lambda: self.info("s") is None, "the file to be gone")
        until(lambda: self.metric("uploads_active") == 0, "its end")
        self.assertEqual((self.metric(slow) - 1, self.metric(aborted)), before)


class Time(Case):
    """upload.max_time: an upload that goes on and on is cut."""

    OPTIONS = ["upload.max_time=1s"]

    def test_drip_is_told_why(self):
        conn = self.conn()
        conn.send_request("PUT", "/files/t", {"Content-Length": "1000000"})
        begun = self.metric('uploads_failed_total{reason="timeout"}')

        def answered():
            conn.send_lossy(b"x")
            return select.select([conn.sock], [], [], 0.05)[0]
        until(answered, "the upload to be cut")
        self.assert_problem(conn.read(), 408, "too-slow")
        until(lambda: self.info("t") is None, "the file to be gone")
        self.assertEqual(self.metric(
            'uploads_failed_total{reason="timeout"}'), begun + 1)

    def test_a_quick_one_is_well(self):
        self.upload(content(3000000))


class Header(Case):
    """server.connection_memory bounds a request's header."""

    OPTIONS = ["server.connection_memory=8K"]

    @table(("fields", "/", {"X": "y" * 9000}, 431),
           ("target", "/" + "x" * 9000, {}, 414),
           ("many fields", "/", [("X", "y")] * 101, 431))
    def test_refused(self, target, headers, status):
        before = self.refusals("header-too-large")
        conn = self.conn()
        conn.send_request("GET", target, headers)
        self.assertEqual(conn.read(strict=False).status, status)
        # By the library, which is seen when the connection ends.
        until(lambda: self.refusals("header-too-large") == before + 1,
              "it to be counted")


def assert_turned_away(case):
    """A connection is answered, and closed, although it sends a request."""
    with Conn(case.daemon.address) as conn:
        conn.send_lossy(encode_request("PUT", "/files/a", {
            "Content-Length": "100000"}, content(100000)))
        answer = conn.read(strict=False)
        case.assertEqual(answer.status, 503)
        case.assertEqual(answer.get("Retry-After"), "2")
        conn.read_end()


def is_served(case):
    """Whether a new connection is."""
    with Conn(case.daemon.address) as conn:
        # Refusals of connections are of no request, and have no id.
        conn.send_request("GET", "/healthz")
        return conn.read().status == 200


class Connections(Case):
    """server.max_connections: refused, and served again later."""

    OPTIONS = ["server.max_connections=20"]

    def test_more_are_refused(self):
        held = [self.conn() for _ in range(20)]
        for conn in held:
            self.assertEqual(conn.request("GET", "/healthz").status, 200)

        for _ in range(5):
            assert_turned_away(self)
        text = held[0].request("GET", "/metrics").body.decode()
        self.assertIn('connections_rejected_total{reason="limit"} 5\n', text)
        for conn in held:
            # Those that are in stay served.
            self.assertEqual(conn.request("GET", "/healthz").status, 200)
            conn.close()
        until(lambda: is_served(self), "room for a connection")


class Documents(Case):
    """Bodies that describe something at length share a part of the memory."""

    OPTIONS = ["spool.memory_budget=1M"]

    def begin(self, target, length):
        """A request whose last byte does not come."""
        conn = self.conn()
        conn.send_request("POST", target, {
            "Content-Type": "application/json", "Expect": "100-continue",
            "Content-Length": str(length)})
        return conn

    def is_let_in(self, target, length):
        """Whether one is."""
        with self.begin(target, length) as conn:
            return conn.read_interim().status == 100

    @table(("archive", "/files/zip", 1 << 20), ("fetch", "/fetch", 50000))
    def test_one_at_a_time(self, target, length):
        self.upload(b"x", "/files/x")
        first = self.begin(target, length)
        self.assertEqual(first.read_interim().status, 100)
        first.send(b"{")
        with self.begin(target, length) as conn:
            self.assert_problem(conn.read(), 503, "unavailable")
        # Small ones are.
        made = self.http("POST", "/files/zip",
                         {"Content-Type": "application/json"},
                         b'{"files":["x"]}')
        self.assertEqual(made.status, 200)
        first.close()
        until(lambda: self.is_let_in(target, length), "room")


class Address(Case):
    """server.max_connections_per_address"""

    OPTIONS = ["server.max_connections_per_address=3"]

    def test_fourth_is_refused(self):
        held = [self.conn() for _ in range(3)]
        for conn in held:
            self.assertEqual(conn.request("GET", "/healthz").status, 200)
        for _ in range(5):
            assert_turned_away(self)
        # Another client is none of it.
        with Conn(self.daemon.address, source="127.0.0.2") as other:
            self.assertEqual(other.request("GET", "/healthz").status, 200)
        with Conn(self.daemon.address, source="127.0.0.2") as other:
            text = other.request("GET", "/metrics").body.decode()
        self.assertIn('connections_rejected_total{reason="address"} 5\n',
                      text)
        for conn in held:
            conn.close()
        until(lambda: is_served(self), "room for a connection")


if __name__ == "__main__":
    main()
