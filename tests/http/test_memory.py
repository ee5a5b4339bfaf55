# SPDX-License-Identifier: MIT
"""The promise of the spool: memory stays bounded, whatever comes in.

Under a sanitizer resident memory says nothing (SPW_SANITIZED=1): then the
same flows run with small sizes, for their content.

Source: API.md section 8, spool.memory_max and spool.memory_budget.
"""
import json
import os
import tempfile
import threading

from daemon import MemoryWatch, SANITIZED
from harness import (Case, Conn, Daemon, PATIENCE, Worker, main, table,
                     until)
from resuming import TUS, encode
from samples import content, form, pieces, sha256, slow_zip
from wire import encode_chunk, encode_request

MIB = 1 << 20


class Bounded(Case):
    """What they share."""

    DAEMON = False

    def put(self, name, size, seed, chunked=False, meet=None):
        """Upload in writes of 64 KiB; half way everybody meets."""
        conn = self.conn()
        conn.send_request("PUT", f"/files/{name}",
                          {"Transfer-Encoding": "chunked"} if chunked
                          else {"Content-Length": str(size)})
        sent = 0
        for piece in pieces(size, seed):
            if meet and sent >= size // 2:
                meet.wait(PATIENCE)
                meet = None
            conn.send(encode_chunk(piece) if chunked else piece)
            sent += len(piece)
        if chunked:
            conn.send(encode_chunk(b""))
        answer = conn.read()
        conn.close()
        self.assertEqual(answer.status, 201, answer)

    def digest(self, name, size):
        """Read a file whole: its SHA-256."""
        conn = self.conn()
        conn.send_request("GET", f"/files/{name}")
        head = conn.read_head()
        self.assertEqual((head.status, head.get("Content-Length")),
                         (200, str(size)))

        def parts():
            left = size
            while left:
                part = conn.read_body(min(left, 4 * MIB))
                left -= len(part)
                yield part
        found = sha256(parts())
        self.assertTrue(conn.is_in_step())
        conn.close()
        return found

    def assert_below(self, value, limit):
        """A reading of memory is below the limit, where it has meaning."""
        if not SANITIZED:
            self.assertLess(value / MIB, limit / MIB, "MiB")


class Large(Bounded):
    """One file, far larger than memory_max."""

    DAEMON = True
    OPTIONS = ["spool.memory_max=1M"]
    SIZE = (32 if SANITIZED else 1024) * MIB

    def test_length(self):
        with MemoryWatch(self.daemon) as watch:
            self.put("a", self.SIZE, 1)
            self.assertEqual(self.digest("a", self.SIZE),
                             sha256(pieces(self.SIZE, 1)))
        self.assert_below(watch.grown, 16 * MIB)
        self.assertEqual(self.http("DELETE", "/files/a").status, 204)

    def test_chunked(self):
        size = self.SIZE // 4
        with MemoryWatch(self.daemon) as watch:
            self.put("b", size, 2, chunked=True)
            self.assertEqual(self.digest("b", size), sha256(pieces(size, 2)))
        self.assert_below(watch.grown, 16 * MIB)
        self.assertEqual(self.http("DELETE", "/files/b").status, 204)

    def test_readers_that_do_not_read(self):
        size = self.SIZE // 16
        self.put("c", size, 3)
        with MemoryWatch(self.daemon) as watch:
            conns = []
            for _ in range(100):
                conn = self.conn(rcvbuf=4096)
                conn.send_request("GET", "/files/c")
                conn.read_head()
                conns.append(conn)
            self.assertEqual(self.digest("c", size), sha256(pieces(size, 3)))
        self.assert_below(watch.grown, 32 * MIB)


class Many(Bounded):
    """Many files at once, together far larger than memory_budget."""

    DAEMON = True
    OPTIONS = ["spool.memory_max=16M", "spool.memory_budget=64M"]
    COUNT = 40 if SANITIZED else 200
    SIZE = (1 if SANITIZED else 8) * MIB

    def test_uploads(self):
        meet = threading.Barrier(self.COUNT)
        with MemoryWatch(self.daemon) as watch:
            jobs = [Worker(self.put, f"m{i}", self.SIZE, i, i % 2 == 1, meet)
                    for i in range(self.COUNT)]
            for job in jobs:
                job.result()
        self.assert_below(watch.peak, (64 + 64) * MIB)
        held = 0
        for index in range(self.COUNT):
            self.assertEqual(self.digest(f"m{index}", self.SIZE),
                             sha256(pieces(self.SIZE, index)))
            held += self.info(f"m{index}")["storage"]["memory_bytes"]
        self.assertLessEqual(held, 64 * MIB)

    def test_memory_comes_back(self):
        # What was deleted is there for the next: small files stay in memory.
        for index in range(self.COUNT):
            self.http("DELETE", f"/files/m{index}")
        made = self.upload(content(MIB), "/files/after")
        self.assertEqual(made["storage"]["tier"], "memory")


class Texts(Case):
    """What is said of files is memory, too, whatever they hold."""

    OPTIONS = ["spool.memory_budget=4M"]
    LONG = {"Upload-Metadata": f"filename {encode('n' * 6000)}"}
    SHORT = {"Upload-Metadata": f"filename {encode('n' * 60)}"}

    def make(self, metadata):
        """An upload of tus, of nothing; it is complete."""
        with Conn(self.daemon.address) as conn:
            return conn.request("POST", "/files", {
                **TUS, "Upload-Length": "0", **metadata}, b"")

    def test_bounded(self):
        before = self.metric('spool_bytes{tier="memory"}')
        made = []
        answer = self.make(self.LONG)
        while answer.status == 201 and len(made) < 1000:
            made.append(answer.get("Location"))
            answer = self.make(self.LONG)
        # They may have a quarter.
        self.assertTrue(100 <= len(made) <= 150, len(made))
        taken = self.metric('spool_bytes{tier="memory"}') - before
        self.assertTrue(MIB - 8500 <= taken <= MIB + 8500, taken)
        # Who says little does not suffer for it.
        self.assertEqual(self.make(self.SHORT).status, 201)
        self.assert_problem(answer, 503, "unavailable")
        self.assertIsNotNone(answer.get("Retry-After"))
        self.http("DELETE", made[0])
        self.assertEqual(self.make(self.LONG).status, 201)


class Parts(Case):
    """Several ranges in one answer are put together while there is memory,
    else as they are sent."""

    BUDGET = 2 * MIB
    RANGES = {"Range": "bytes=0-127999,300000-427999"}

    @classmethod
    def start(cls):
        # What is sent and not read a Unix socket does not take much of.
        cls.folder = tempfile.TemporaryDirectory(dir="/var/tmp")
        cls.path = os.path.join(cls.folder.name, "http.sock")
        cls.daemon = Daemon(f"server.listen=127.0.0.1:0, unix:{cls.path}",
                            f"spool.memory_budget={cls.BUDGET}")

    @classmethod
    def finish(cls):
        super().finish()
        cls.folder.cleanup()

    def test_bounded(self):
        data = content(500000)
        self.upload(data, "/files/p")
        want = self.http("GET", "/files/p", self.RANGES)
        self.assertEqual(want.status, 206)
        before = self.metric('spool_bytes{tier="memory"}')
        conns = []
        for _ in range(30):
            conn = Conn(self.path)
            self.addCleanup(conn.close)
            conn.send_request("GET", "/files/p", self.RANGES)
            conns.append(conn)

        def taken():
            return self.metric('spool_bytes{tier="memory"}') - before
        until(lambda: self.metric("requests_active") > 30, "all of them")
        # Answers that are put together, and blocks of those that are not.
        self.assertTrue(200000 <= taken() <= self.BUDGET // 2, taken())
        for conn in conns:
            answer = conn.read()
            self.assertEqual(answer.status, 206)
            self.assertEqual(len(answer.body), len(want.body))
            conn.close()
        until(lambda: self.metric('spool_bytes{tier="memory"}') == before,
              "the memory to be given back")


class Forms(Case):
    """The answer to a form tells of each of its files."""

    COUNT = 1000
    TYPE = {"Content-Type": "multipart/form-data; boundary=frontier"}
    BODY = form([(f"f{i}", b"x", "n" * 240) for i in range(1000)])

    @classmethod
    def start(cls):
        # What is sent and not read a Unix socket does not take much of.
        cls.folder = tempfile.TemporaryDirectory(dir="/var/tmp")
        cls.path = os.path.join(cls.folder.name, "http.sock")
        cls.daemon = Daemon(f"server.listen=127.0.0.1:0, unix:{cls.path}",
                            "spool.memory_budget=16M")

    @classmethod
    def finish(cls):
        super().finish()
        cls.folder.cleanup()

    def begin(self, headers=()):
        """A form whose answer is not read any further than its head."""
        conn = Conn(self.path)
        self.addCleanup(conn.close)
        conn.send_request("POST", "/files", {**self.TYPE, **dict(headers)},
                          self.BODY)
        return conn, conn.read_head()

    def test_answers_that_are_not_read(self):
        held = []
        conn, head = self.begin({"Idempotency-Key": '"once"'})
        while head.status == 201 and len(held) < 50:
            held.append(conn)
            conn, head = self.begin()
        # A quarter of the memory is for them.
        self.assertTrue(3 <= len(held) <= 10, len(held))
        head.body = conn.read_body()
        self.assert_problem(head, 503, "unavailable")
        self.assertIsNotNone(head.get("Retry-After"))
        # Nothing is left of that form, and small ones are answered.
        count = self.metric('files{state="ready"}')
        self.assertEqual(count, len(held) * self.COUNT)
        small = form([("f", b"x", "n")])
        self.assertEqual(self.http("POST", "/files", self.TYPE, small).status,
                         201)
        # Nor is what was made before told again without end.
        heads = []
        while len(heads) < 20 and 503 not in heads:
            conn, head = self.begin({"Idempotency-Key": '"once"'})
            heads.append(head.status)
        self.assertIn(503, heads)
        for conn in held:
            self.assertEqual(len(json.loads(conn.read_body())["files"]), self.COUNT)
        self.assertEqual(self.begin()[1].status, 201)


class Told(Case):
    """Answers of the server about itself, while nobody reads them."""

    PROCESSORS = [f"processor {'p' * 29}{i}.command=/bin/true"
                  for i in range(40)]
    OPTIONS = ["spool.memory_budget=1M", *PROCESSORS]

    def taken(self):
        """What is charged to the budget."""
        return self.metric('spool_bytes{tier="memory"}')

    def ask(self, count, target, headers):
        """Clients that ask for so much that the system does not take what
        is not read."""
        asked = encode_request("GET", target, headers) * 300
        for _ in range(count):
            conn = self.conn(rcvbuf=4096)
            self.addCleanup(conn.close)
            conn.send(asked)

    @table(("metrics", "/metrics", {}), ("processors", "/processors", {}),
           ("text", "/", {"Host": "h" * 1000}))
    def test_counted(self, target, headers):
        size = len(self.http("GET", target, headers).body)
        self.assertGreater(size, 4096)
        until(lambda: self.taken() == 0, "nobody else")
        self.ask(10, target, headers)
        until(lambda: self.taken() >= 10 * size, "all of them")

    def test_metrics_are_always_told(self):
        long = {"Host": "h" * 9000}
        self.ask(1, "/", long)
        until(lambda: self.http("GET", "/", long).status == 503, "no room")
        self.ask(10, "/metrics", {})
        until(lambda: self.taken() > MIB // 4, "all of them")


class Sending(Case):
    """What it takes to send is memory, too, while nobody reads it."""

    OPTIONS = ["spool.memory_budget=4M"]

    def taken(self):
        """What is charged to the budget."""
        return self.metric('spool_bytes{tier="memory"}')

    def slow(self, path):
        """A client that asks for something and does not read."""
        conn = self.conn(rcvbuf=4096)
        self.addCleanup(conn.close)
        conn.send_request("GET", path)
        return conn

    def test_blocks(self):
        # They have a quarter; who comes then is sent less at a time.
        size = 2 * MIB
        data = b"".join(pieces(size, 1))
        upload = self.conn()
        self.addCleanup(upload.close)
        upload.send_request("PUT", "/files/g", {"Content-Length": str(size)})
        upload.send(data[:size - 1])
        until(lambda: (self.info("g") or {}).get("received") == size - 1,
              "the bytes")
        before = self.taken()
        readers = [self.slow("/files/g") for _ in range(40)]
        until(lambda: self.metric("requests_active") > 40, "all of them")
        taken = self.taken() - before
        self.assertEqual(taken, MIB)
        upload.send(data[size - 1:])
        self.assertEqual(upload.read().status, 201)
        for reader in readers:
            self.assertEqual(reader.read().body, data)
            reader.close()
        until(lambda: self.taken() <= before, "the memory to be given back")

    def test_unpacking(self):
        self.upload(slow_zip(), "/files/z")
        # What is known of the archive is there before.
        self.assertEqual(self.http("GET", "/files/z/zip/b").status, 200)
        before = self.taken()
        readers = []
        refused = None
        while not refused and len(readers) < 10:
            reader = self.slow("/files/z/zip/a")
            head = reader.read_head()
            if head.status == 200:
                readers.append(reader)
            else:
                refused = head
        # A ring, a window and what is read ahead, for each.
        self.assertEqual((refused.status, len(readers)), (503, 2))
        self.assertIsNotNone(refused.get("Retry-After"))
        self.assertGreater(self.taken() - before, 2 * 300 * 1024)
        # What takes little has room.
        self.assertEqual(self.http("GET", "/files/z/zip/b").body, b"b" * 100)
        for reader in readers:
            reader.close()
        until(lambda: self.metric("zip_active") == 0, "their ends")
        until(lambda: self.taken() <= before, "the memory to be given back")
        order = json.dumps({"files": ["z"]}).encode()
        self.assertEqual(self.http("POST", "/files/zip", {}, order).status, 200)


if __name__ == "__main__":
    main()
