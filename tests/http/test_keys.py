# SPDX-License-Identifier: MIT
"""Keys of the configuration that no other test shows at work: one value does
this, another that. keys.tsv has the test of every key, and tests/lint looks
that there is one.

Source: API.md section 8.
"""
import json
import os
import shutil
import socket
import tempfile
import zlib
from datetime import datetime

import faults
from faults import Faults
from fetching import ALLOW, Fetching
from harness import Case, Daemon, Worker, main, table, until
from origin import Gate, Page
from samples import content, many_zip, raw_zip
from test_hooks import Receiver, hook

DATA = content(1_000_000, 41)
TAG = '"v1"'


class Each(Case):
    """A mixin: each case has daemons of its own."""

    DAEMON = False

    def run_with(self, *options, **how):
        """Start a daemon."""
        self.daemon = Daemon(*options, **how)
        self.addCleanup(self.daemon.clean)
        self.addCleanup(self.daemon.kill)
        return self.daemon


class Threads(Each):
    """How many there are."""

    def grown(self, key, *options):
        """By how many there are more of them with `key`6 than with 1."""
        count = []
        for value in (1, 6):
            pid = self.run_with(f"{key}{value}", *options).pid
            if options:
                # One looks through the directory after a start, and ends.
                until(lambda: "there from before" in self.daemon.output(),
                      "it to be through")
                until(lambda: "restorer" not in self.names(pid), "its end")
            count.append(len(self.names(pid)))
        return count[1] - count[0]

    def names(self, pid):
        """What they are called."""
        found = []
        for task in os.listdir(f"/proc/{pid}/task"):
            try:
                with open(f"/proc/{pid}/task/{task}/comm",
                          encoding="ascii") as file:
                    found.append(file.read().strip())
            except FileNotFoundError:
                pass    # it has ended
        return found

    def test_loops(self):
        self.assertEqual(self.grown("server.threads="), 5)

    def test_disk(self):
        """Each is two: one writes, one reads."""
        self.assertEqual(self.grown("spool.io_threads="), 2 * 5)

    def test_keepers(self):
        self.assertEqual(self.grown("store.keep_threads=",
                                    "store.durability=restart"), 5)


class Store(Each):
    """[spool] and [store]."""

    def test_dir(self):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            self.run_with(f"spool.dir={folder}", "spool.memory_max=1K")
            self.upload(DATA, "/files/d")
            self.daemon.spool = folder
            self.assertTrue(self.daemon.open_files())
            self.daemon.kill()

    @table(("an hour", "1h", 3600), ("for ever", "0", None))
    def test_ttl(self, value, seconds):
        self.run_with(f"store.ttl={value}")
        made = self.upload(b"x")
        if seconds is None:
            self.assertIsNone(made["expires"])
            return
        begun, end = (datetime.fromisoformat(made[key].rstrip("Z"))
                      for key in ("created", "expires"))
        self.assertEqual((end - begun).total_seconds(), seconds)

    def test_digest_jobs(self):
        """The disk hangs, so the first does not end."""
        folder = tempfile.mkdtemp(prefix="spillway-fault-", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, folder, True)
        fault = Faults(folder)
        self.run_with("store.max_digest_jobs=1", "spool.memory_max=1K",
                      dir=folder, env=fault.env)
        for name in ("a", "b"):
            self.upload(DATA, f"/files/{name}")
        fault.cold()
        fault.fail(faults.READ, faults.HOLD)
        first = Worker(self.http, "GET", "/files/a/info?digest=sha-256")
        until(lambda: fault["waiting"], "the first")
        self.assert_problem(
            self.http("GET", "/files/b/info?digest=sha-256"), 503,
            "unavailable")
        fault.stop()
        self.assertEqual(first.result().status, 200)


class Fetches(Each, Fetching):
    """[fetch]."""

    def begin_with(self, *options):
        """A daemon that may fetch from here."""
        return self.run_with(*ALLOW, *options)

    def lazy(self, path="/a", **how):
        """Begin a lazy fetch: the page, and the answer."""
        page = Page(DATA, etag=TAG, **how)
        url = self.origin.add(path, page)
        return page, self.fetch(url, "wait=60", mode="lazy")

    def test_ports(self):
        url = self.origin.add("/a", Page(b"x"))
        self.run_with(ALLOW[0], f"fetch.ports={self.origin.port}")
        self.assertEqual(self.fetched(url)["state"], "ready")
        self.run_with(ALLOW[0], "fetch.ports=1")
        self.assert_problem(self.fetch(url), 400, "bad-url")

    @table(("fits", 1000, "ready"), ("does not", 999, "failed"))
    def test_max_size(self, size, state):
        self.begin_with(f"fetch.max_size={size}")
        url = self.origin.add("/a", Page(DATA[:1000]))
        self.assertEqual(self.fetched(url)["state"], state)

    def test_max_lazy(self):
        self.begin_with("fetch.max_lazy=1")
        self.assertEqual(self.lazy("/a")[1].status, 202)
        self.assert_problem(self.lazy("/b")[1], 503, "unavailable")

    @table(("64K", 65536), ("16K", 16384))
    def test_block_size(self, size):
        self.begin_with(f"fetch.block_size={size}", "fetch.probe_size=16")
        page, answer = self.lazy()
        at = json.loads(answer.body)["links"]["self"]
        self.http("GET", at, {"Range": "bytes=200000-200000"})
        first = 200000 // size * size
        self.assertEqual(page.spans[-1], (first, first + size))

    @table(("100", 100), ("10000", 10000))
    def test_probe_size(self, size):
        self.begin_with(f"fetch.probe_size={size}")
        page, _ = self.lazy()
        self.assertEqual(page.spans[0], (len(DATA) - size, len(DATA)))

    def test_read_ahead(self):
        """Of a reader that does not go on; sockets hold less than this."""
        self.begin_with("fetch.read_ahead=40M")
        url = self.origin.add("/a", Page(bytes(64 << 20), etag=TAG))
        made = json.loads(self.fetch(url, "wait=60", mode="lazy").body)
        conn = self.conn(rcvbuf=4096)
        conn.send_request("GET", made["links"]["self"])
        conn.read_head()
        self.wait_received(made["id"], 40 << 20)

    def held(self, *options, count=2):
        """Begin fetches of which the origin sends nothing: the gate."""
        self.begin_with(*options)
        gate = Gate()
        self.addCleanup(gate.open)
        for i in range(count):
            self.begin(self.origin.add(f"/{i}", Page(b"x", hold=gate)))
        until(lambda: self.metric("fetches_active") == count, "all of them")
        gate.wait_reached()
        return gate

    def test_max_transfers(self):
        gate = self.held("fetch.max_transfers=1")
        # They all run, but one alone has a connection.
        self.http("GET", "/healthz")
        self.assertEqual(self.origin.connections, 1)
        gate.open()
        until(lambda: self.metric("fetches_completed_total") == 2, "the end")

    def test_lazy_waits_for_a_connection(self):
        gate = self.held("fetch.max_transfers=1", count=1)
        job = Worker(self.lazy, "/lazy")
        until(lambda: self.metric("fetches_lazy") == 1, "it to wait")
        # Long enough for it to be looked at, and found without anything.
        until(lambda: self.metric("fetches_queued") == 0, "it to begin")
        self.http("GET", "/files/none/info?wait=1")
        gate.open()
        self.assertEqual(job.result()[1].status, 202)

    def test_max_transfers_enough(self):
        self.held("fetch.max_transfers=3")
        until(lambda: self.origin.connections == 2, "both")

    @table(("one", 1, 1), ("three", 3, 3))
    def test_max_connections(self, most, wanted):
        self.begin_with("fetch.connections=3", "fetch.segment_size=64K",
                        f"fetch.max_connections={most}")
        gate = Gate()
        self.addCleanup(gate.open)
        page = Page(DATA, etag=TAG, gate=(1000, gate))
        made = self.begin(self.origin.add("/a", page))
        gate.wait_reached()
        until(lambda: len(self.origin.requests) >= wanted, "connections")
        # Who waits for a place far away gets no more than that.
        reader = Worker(self.http, "GET", f"/files/{made['id']}",
                        {"Range": "bytes=999990-999999"})
        until(lambda: self.metric("readers_following") == 1
              or not reader.is_alive(), "the reader")
        if most == 1:
            self.assertEqual(self.origin.connections, 1)
        gate.open()
        self.assert_same(reader.result().body, DATA[-10:])

    @table(("within", 2, "ready"), ("past", 1, "failed"))
    def test_max_redirects(self, most, state):
        self.begin_with(f"fetch.max_redirects={most}")
        self.origin.add("/c", Page(b"x"))
        self.origin.redirect("/b", "/c")
        url = self.origin.redirect("/a", "/b")
        made = self.fetched(url)
        self.assertEqual(made["state"], state)
        if state == "failed":
            self.assertIn("more than 1 times",
                          made["source"]["error"]["detail"])

    def test_connect_timeout(self):
        """What says how long it waited: nobody takes the connection."""
        full = socket.socket()
        self.addCleanup(full.close)
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            self.addCleanup(one.close)
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        self.begin_with("fetch.connect_timeout=120ms", "fetch.max_retries=0")
        error = self.failed("http://127.0.0.1:%d/" % full.getsockname()[1],
                            "connection_timeout")
        self.assertRegex(error["detail"], r"\b1[2-9][0-9] m")

    def test_response_timeout(self):
        gate = Gate()
        self.addCleanup(gate.open)
        self.begin_with("fetch.response_timeout=130ms", "fetch.max_retries=0")
        url = self.origin.add("/a", Page(b"x", hold=gate))
        self.assertIn("130 ms", self.failed(
            url, "http_response_timeout")["detail"])

    def test_stall_timeout(self):
        gate = Gate()
        self.addCleanup(gate.open)
        self.begin_with("fetch.stall_timeout=140ms", "fetch.max_retries=0",
                        "fetch.min_rate=0")
        url = self.origin.add("/a", Page(DATA, gate=(1000, gate)))
        self.assertIn("140 ms", self.failed(
            url, "connection_read_timeout")["detail"])

    @table(("never", 0), ("twice", 2))
    def test_max_retries(self, count):
        self.begin_with(f"fetch.max_retries={count}", "fetch.retry_delay=1ms")
        self.failed(self.origin.add("/a", Page(DATA, etag=TAG, cut=0)))
        self.assertEqual(len(self.origin.requests), 1 + count)

    def test_retry_delay(self):
        """It is long enough for a stop to come first."""
        self.begin_with("fetch.retry_delay=1h", "fetch.max_retries=9")
        self.begin(self.origin.add("/a", Page(DATA, etag=TAG, cut=0)))
        until(lambda: any(": tried again (1) " in line
                          for line in self.daemon.lines), "a line")
        self.assertEqual(self.metric("fetches_active"), 1)
        self.assertEqual(len(self.origin.requests), 1)


class Archives(Each):
    """[zip]."""

    def listing(self, count=50):
        """The listing of an archive."""
        self.upload(many_zip(count), "/files/z")
        return self.http("GET", "/files/z/zip")

    @table(("fits", "64K", 200), ("does not", "1K", 422))
    def test_max_directory(self, size, status):
        self.run_with(f"zip.max_directory={size}")
        self.assertEqual(self.listing().status, status)

    @table(("none", 0, False), ("enough", 1000, True))
    def test_check_reads(self, count, checked):
        self.run_with(f"zip.check_reads={count}")
        listed = self.json(self.listing())
        self.assertEqual(listed["headers_checked"], checked)

    @table(("one", 1, 429), ("three", 3, 206))
    def test_max_active(self, most, status):
        """Who does not read holds his place."""
        self.run_with(f"zip.max_active={most}")
        data = bytes(64 << 20)
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        packed = packer.compress(data) + packer.flush()
        self.upload(raw_zip([{"name": b"a", "data": data, "method": 8,
                              "packed": packed}]), "/files/z")
        slow = self.conn(rcvbuf=4096)
        slow.send_request("GET", "/files/z/zip/a")
        slow.read_head()
        until(lambda: self.metric("zip_active") == 1, "the first")
        answer = self.http("GET", "/files/z/zip/a", {"Range": "bytes=0-9"})
        self.assertEqual(answer.status, status)


class Log(Each):
    """[log]."""

    def lines(self, *options):
        """What a refused request leaves."""
        self.run_with(*options)
        self.http("GET", "/files/../x%ZZ?%")
        self.daemon.terminate()
        self.daemon.wait()
        return [line for line in self.daemon.lines if "listening" not in line]

    def test_level(self):
        self.assertTrue(any("refused: " in line
                            for line in self.lines("log.level=info")))
        self.assertFalse(any("refused: " in line
                             for line in self.lines("log.level=error")))

    def test_format_json(self):
        for line in self.lines("log.format=json"):
            self.assertIn("level", json.loads(line))

    def test_format_journal(self):
        for line in self.lines("log.format=journal"):
            self.assertRegex(line, r"^<[3-7]>")

    def test_format_text(self):
        for line in self.lines("log.format=text"):
            self.assertRegex(line, r"^\d{4}-\d\d-\d\d")


class Hook(Each):
    """[hook NAME]."""

    def calls(self, count):
        """Two files, of which the calls are held: how many are made."""
        receiver = Receiver("hold", "hold")
        self.addCleanup(receiver.close)
        self.run_with(*hook("one", receiver, concurrency=count))
        for name in ("a", "b"):
            self.upload(b"x", f"/files/{name}")
        until(lambda: receiver.count == count, "the calls")
        self.assertEqual(self.metric("hook_calls_queued"), 2)
        return receiver

    def test_concurrency_one(self):
        receiver = self.calls(1)
        self.assertEqual(receiver.count, 1)
        receiver.release.set()
        until(lambda: receiver.count == 2, "the other")

    def test_concurrency_two(self):
        self.calls(2)


if __name__ == "__main__":
    main()
