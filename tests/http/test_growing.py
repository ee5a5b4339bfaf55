# SPDX-License-Identifier: MIT
"""Reading a file while it is still being uploaded; see growing.py. Its ranges
are in test_ranges_growing.py.

Source: API.md section 3; RFC 9110 section 15.3.7
"""
import json
import re
import socket

from growing import DATA, HAVE, TOTAL, Grows
from harness import Case, Truncated, WireError, Worker, main, table, until


class Growing(Grows):
    """The cases, for one place where bytes are kept."""

    # -- whole reads ------------------------------------------------------

    @table(("known", False), ("unknown", True))
    def test_follow(self, chunked):
        upload = self.begin(chunked)
        conn = self.reader()
        head = conn.read_head()
        self.assertEqual(head.status, 200)
        self.assertEqual(head.get("Content-Length"),
                         None if chunked else str(TOTAL))
        self.assertEqual(head.framing, "chunked" if chunked else "length")
        self.assert_same(conn.read_body(HAVE), DATA[:HAVE])
        for at in range(HAVE, TOTAL, 50000):
            upload.send(at + 50000)
            self.assert_same(conn.read_body(50000), DATA[at:at + 50000])
        upload.end()
        self.assertEqual(conn.read_body(), b"")
        self.assertTrue(conn.is_in_step())

    @table(("known", False), ("unknown", True))
    def test_reader_before_the_first_byte(self, chunked):
        upload = self.begin(chunked, 0)
        until(lambda: self.info(upload.name), "the file to exist")
        conn = self.reader()
        upload.send(1)
        self.assertEqual(conn.read_head().status, 200)
        self.assertEqual(conn.read_body(1), DATA[:1])
        upload.end()
        self.assert_same(conn.read_body(), DATA[1:])

    @table(("known", False), ("unknown", True))
    def test_byte_by_byte(self, chunked):
        upload = self.begin(chunked, 10)
        conn = self.reader()
        conn.read_head()
        self.assertEqual(conn.read_body(10), DATA[:10])
        for at in range(10, 60):
            upload.send(at + 1)
            self.assertEqual(conn.read_body(1), DATA[at:at + 1])
        upload.end()
        self.assert_same(conn.read_body(), DATA[60:])

    @table(("known", False), ("unknown", True))
    def test_many_readers(self, chunked):
        upload = self.begin(chunked)
        early = [self.reader() for _ in range(20)]
        for conn in early:
            conn.read_head()
            conn.read_body(HAVE)
        upload.send(200000)
        late = [self.reader() for _ in range(20)]
        upload.end()
        for conn in early:
            self.assert_same(conn.read_body(), DATA[HAVE:])
        for conn in late:
            self.assert_same(conn.read().body, DATA)

    @table(("known", False), ("unknown", True))
    def test_reader_leaves(self, chunked):
        upload = self.begin(chunked)
        stays = self.reader()
        for turn in range(10):
            conn = self.reader()
            conn.read_head()
            conn.read_body(1000)
            if turn % 2:
                conn.reset()
            else:
                conn.close()
        upload.end()
        self.assert_same(stays.read().body, DATA)
        self.assert_content(upload.name, DATA)

    @table(("known", False), ("unknown", True))
    def test_slow_reader_stops_nobody(self, chunked):
        upload = self.begin(chunked)
        slow = self.conn(rcvbuf=4096)
        slow.send_request("GET", self.path)
        slow.read_head()
        self.assertEqual(upload.end()["state"], "ready")
        self.assert_content(upload.name, DATA)
        self.assert_same(slow.read_body(), DATA)

    @table(("known", False), ("unknown", True))
    def test_head(self, chunked):
        upload = self.begin(chunked)
        answer = self.http("HEAD", self.path)
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.get("Content-Length"),
                         None if chunked else str(TOTAL))
        self.assertEqual(answer.get("Accept-Ranges"), "bytes")
        upload.end()

    @table(("known", False), ("unknown", True))
    def test_tag_is_true(self, chunked):
        # A strong tag given while it grows has to be that of the end; what
        # has no end yet is not immutable for any cache.
        upload = self.begin(chunked)
        answer = self.reader({"Range": "bytes=0-99"}).read()
        tag = answer.get("ETag")
        if chunked:
            self.assertNotIn("immutable", answer.get("Cache-Control", ""))
        made = upload.end()
        if tag and not tag.startswith("W/"):
            self.assertEqual(tag, made["etag"])

    # -- readers far ahead: ranges are in test_ranges_growing.py ----------

    def test_far_readers_that_vanish(self):
        upload = self.begin(False)
        for _ in range(100):
            self.reader({"Range": "bytes=200000-200009"}).close()
        until(lambda: self.connections() <= 2, "the vanished to be forgotten")
        upload.end()

    def connections(self):
        text = self.http("GET", "/metrics").body.decode()
        return int(re.search(r"^spillway_connections_open (\d+)$", text,
                             re.M)[1])

    def test_far_pipelined_reader(self):
        # On one connection answers keep their order, and nothing is lost.
        upload = self.begin(False)
        conn = self.reader({"Range": "bytes=200000-200009"})
        conn.send_request("GET", self.path, {"Range": "bytes=0-9"})
        upload.end()
        self.assert_part(conn.read(), 200000, 200009, TOTAL)
        self.assert_part(conn.read(), 0, 9, TOTAL)

    # -- the source breaks ------------------------------------------------

    @table(("known, FIN", False, False), ("known, RST", False, True),
           ("unknown, FIN", True, False), ("unknown, RST", True, True))
    def test_abort_cuts_readers(self, chunked, reset):
        upload = self.begin(chunked)
        conns = [self.reader() for _ in range(5)]
        for conn in conns:
            conn.read_head()
            conn.read_body(HAVE)
        upload.abort(reset)
        for conn in conns:
            with self.assertRaises(Truncated) as caught:
                conn.read_body()
            self.assertEqual(caught.exception.body, b"")
        until(lambda: self.info(upload.name) is None, "the file to be gone")
        self.assert_problem(self.http("GET", self.path), (404, 410))

    def test_abort_resets_a_reader_without_framing(self):
        # Of HTTP/1.0, where the end of the connection is that of the content.
        upload = self.begin(True)
        conn = self.conn()
        conn.send(f"GET {self.path} HTTP/1.0\r\n\r\n".encode())
        conn.sock.recv(1, socket.MSG_PEEK)
        upload.abort()
        with self.assertRaises(ConnectionResetError):
            while conn.sock.recv(65536):
                pass

    @table(("known", False), ("unknown", True))
    def test_abort_cuts_a_far_reader(self, chunked):
        upload = self.begin(chunked)
        conn = self.reader({"Range": "bytes=250000-250009"})
        self.http("GET", "/healthz")
        upload.abort()
        try:
            answer = conn.read()
        except WireError:
            return          # cut, as it should be after a head
        # No head had gone: an error can still be told.
        self.assertGreaterEqual(answer.status, 400, answer)

    def test_bad_chunk_cuts_readers(self):
        upload = self.begin(True)
        conn = self.reader()
        conn.read_head()
        conn.read_body(HAVE)
        upload.conn.send(b"not a size\r\n")
        with self.assertRaises(Truncated):
            conn.read_body()
        self.assert_healthy()

    # -- the descriptor ---------------------------------------------------

    @table(("known", False), ("unknown", True))
    def test_info(self, chunked):
        upload = self.begin(chunked)
        made = self.info(upload.name)
        self.assert_descriptor(made, state="receiving", received=HAVE,
                               size=None if chunked else TOTAL)
        upload.send(200000)
        self.assertEqual(self.info(upload.name)["received"], 200000)
        upload.end()
        self.assert_descriptor(self.info(upload.name), state="ready",
                               size=TOTAL, received=TOTAL)

    def test_info_waits_for_the_end(self):
        upload = self.begin(False)
        conn = self.conn()
        conn.send_request("GET", f"{self.path}/info?wait=100")
        self.http("GET", "/healthz")
        upload.end()
        self.assertEqual(self.json(conn.read())["state"], "ready")

    def test_info_wait_ends_by_itself(self):
        upload = self.begin(False)
        answer = self.http("GET", f"{self.path}/info?wait=1")
        self.assertEqual(self.json(answer)["state"], "receiving")
        upload.end()

    def test_info_wait_sees_an_abort(self):
        upload = self.begin(False)
        conn = self.conn()
        conn.send_request("GET", f"{self.path}/info?wait=100")
        self.http("GET", "/healthz")
        upload.abort()
        answer = conn.read()
        if answer.status == 200:
            self.assertEqual(json.loads(answer.body)["state"], "failed")
        else:
            self.assert_problem(answer, (404, 410))

    def test_deleted_while_it_grows(self):
        upload = self.begin(False)
        self.assertEqual(self.http("DELETE", self.path).status, 204)
        self.assert_problem(self.http("GET", self.path), (404, 410))
        upload.abort()
        self.assert_healthy()

    @table(("known", False), ("unknown", True))
    def test_uploads_and_readers_at_once(self, chunked):
        uploads = [self.begin(chunked) for _ in range(8)]
        conns = []
        for upload in uploads:
            self.path = f"/files/{upload.name}"
            conns += [self.reader() for _ in range(3)]
        jobs = [Worker(conn.read) for conn in conns]
        for upload in uploads:
            upload.end()
        for job in jobs:
            self.assert_same(job.result().body, DATA)


class Memory(Growing, Case):
    """All of it stays in memory."""

    OPTIONS = ["spool.memory_max=16M"]


class Disk(Growing, Case):
    """All of it goes to disk at once."""

    OPTIONS = ["spool.memory_max=0"]


class Crossing(Growing, Case):
    """It moves from memory to disk while it is read."""

    OPTIONS = ["spool.memory_max=128K"]


if __name__ == "__main__":
    main()
