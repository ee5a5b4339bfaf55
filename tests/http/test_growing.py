# SPDX-License-Identifier: MIT
"""Reading a file while it is still being uploaded.

The uploader is this test: it has sent `have` bytes and holds its hand, and
the daemon says that it has them, before a reader comes. So "at once" means:
without another byte from the uploader.

Source: API.md section 3; RFC 9110 sections 14.4, 15.3.7; checklist 60 to 71.
"""
import json
import re
import socket

from harness import Case, Truncated, WireError, Worker, main, table, until
from samples import content

TOTAL = 300000
HAVE = 100000
DATA = content(TOTAL, 11)


class Upload:
    """An upload that is sent piece by piece."""

    def __init__(self, case, name, chunked):
        self.case, self.name, self.chunked = case, name, chunked
        self.conn = case.conn()
        self.sent = 0
        self.conn.send_request(
            "PUT", f"/files/{name}",
            {"Transfer-Encoding": "chunked"} if chunked
            else {"Content-Length": str(TOTAL)})

    def send(self, upto):
        """Send up to this place, and wait until the daemon has it."""
        data = DATA[self.sent:upto]
        if self.chunked:
            self.conn.send_chunk(data)
        else:
            self.conn.send(data)
        self.sent = upto
        self.case.wait_received(self.name, upto)

    def end(self):
        """Send what is missing and read the answer."""
        if self.sent < TOTAL:
            data = DATA[self.sent:]
            if self.chunked:
                self.conn.send_chunk(data)
            else:
                self.conn.send(data)
        if self.chunked:
            self.conn.send_chunk(b"")
        answer = self.conn.read()
        self.case.assertEqual(answer.status, 201, answer)
        return json.loads(answer.body)

    def abort(self, reset=False):
        """Break off."""
        if reset:
            self.conn.reset()
        else:
            self.conn.close()


class Growing:
    """The cases, for one place where bytes are kept."""

    count = 0

    def begin(self, chunked, have=HAVE):
        """An upload of which `have` bytes are there."""
        Growing.count += 1
        upload = Upload(self, f"g{Growing.count}", chunked)
        if have:
            upload.send(have)
        self.path = f"/files/{upload.name}"
        return upload

    def reader(self, headers=(), method="GET"):
        """Ask for the growing file: the connection, nothing read yet."""
        conn = self.conn()
        conn.send_request(method, self.path, headers)
        return conn

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

    # -- ranges: checklist 60 to 65 ---------------------------------------

    def assert_part(self, answer, first, last, total):
        """A 206 with one range."""
        self.assertEqual(answer.status, 206, answer)
        self.assertEqual(answer.get("Content-Range"),
                         f"bytes {first}-{last}/{total}")
        self.assertEqual(answer.get("Content-Length"), str(last - first + 1))
        self.assert_same(answer.body, DATA[first:last + 1])

    @table(("known first", False, 0, 99), ("known all", False, 0, HAVE - 1),
           ("known middle", False, 70000, 70009),
           ("known last there", False, HAVE - 1, HAVE - 1),
           ("unknown first", True, 0, 99), ("unknown all", True, 0, HAVE - 1),
           ("unknown middle", True, 70000, 70009),
           ("unknown last there", True, HAVE - 1, HAVE - 1))
    def test_range_that_is_there(self, chunked, first, last):
        upload = self.begin(chunked)
        answer = self.reader({"Range": f"bytes={first}-{last}"}).read()
        self.assert_part(answer, first, last, "*" if chunked else TOTAL)
        upload.end()

    def test_known_range_half_there(self):
        upload = self.begin(False)
        conn = self.reader({"Range": "bytes=99000-149999"})
        head = conn.read_head()
        self.assertEqual((head.status, head.get("Content-Range")),
                         (206, f"bytes 99000-149999/{TOTAL}"))
        self.assert_same(conn.read_body(1000), DATA[99000:HAVE])
        upload.send(150000)
        self.assert_same(conn.read_body(), DATA[HAVE:150000])
        self.assertTrue(conn.is_in_step())
        upload.end()

    @table(("open", "bytes=250000-", 250000, TOTAL - 1),
           ("closed", "bytes=250000-250009", 250000, 250009),
           ("suffix", "bytes=-10", TOTAL - 10, TOTAL - 1))
    def test_far_reader_delays_nobody(self, value, first, last):
        upload = self.begin(False)
        far = self.reader({"Range": value})
        near = self.conn()
        for at in range(0, HAVE, 20000):
            answer = near.request("GET", self.path, {
                "Range": f"bytes={at}-{at + 99}"})
            self.assert_part(answer, at, at + 99, TOTAL)
        upload.end()
        self.assert_part(far.read(), first, last, TOTAL)

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

    def test_known_range_past_the_end(self):
        upload = self.begin(False)
        answer = self.reader({"Range": f"bytes={TOTAL}-"}).read()
        self.assert_problem(answer, 416)
        self.assertEqual(answer.get("Content-Range"), f"bytes */{TOTAL}")
        upload.end()

    def test_unknown_open_range(self):
        # A snapshot, or a live range that follows; never other bytes.
        upload = self.begin(True)
        conn = self.reader({"Range": "bytes=500-"})
        head = conn.read_head()
        self.assertEqual(head.status, 206, head)
        match = re.fullmatch(r"bytes 500-(\d+)/\*", head.get("Content-Range"))
        self.assertTrue(match, head)
        if head.framing == "length":
            self.assert_same(conn.read_body(), DATA[500:int(match[1]) + 1])
            upload.end()
        else:
            upload.end()
            self.assert_same(conn.read_body(), DATA[500:])

    @table(("suffix", "bytes=-100", -100, None),
           ("behind", "bytes=150000-150009", 150000, 150010),
           ("at the edge", f"bytes={HAVE}-", HAVE, None))
    def test_unknown_range_not_there(self, value, start, end):
        # Waits for the end or says 416 with the length so far.
        upload = self.begin(True)
        conn = self.reader({"Range": value})
        upload.end()
        answer = conn.read()
        if answer.status == 416:
            self.assertRegex(answer.get("Content-Range"), r"^bytes \*/\d+$")
        elif answer.status == 200:
            self.assert_same(answer.body, DATA)
        else:
            self.assertEqual(answer.status, 206, answer)
            first, last = re.fullmatch(
                r"bytes (\d+)-(\d+)/(?:\*|300000)",
                answer.get("Content-Range")).groups()
            self.assertEqual(int(first), start % TOTAL)
            self.assertLess(int(last), end or TOTAL)
            self.assert_same(answer.body, DATA[int(first):int(last) + 1])

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
