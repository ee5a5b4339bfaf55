# SPDX-License-Identifier: MIT
"""Nobody waits for all the work of another client: disk and fetches are shared
out among those who want them; and what hangs holds up only itself.

A disk whose reads are held, and let go one by one, shows whose turn it is.
"""
import errno
import json
from urllib.parse import quote

import faults
from fetching import ALLOW, Fetching
from harness import Case, Conn, Daemon, Worker, main, table, until
from origin import Gate, Page
from samples import content, slow_zip

GREEDY, MODEST, THIRD = "127.0.0.2", "127.0.0.3", "127.0.0.4"
DATA = content(300000, 85)


class Disk(Case):
    """One disk thread, and one client with many downloads or uploads."""

    DAEMON = False
    OPTIONS = ["spool.memory_max=64K", "spool.io_threads=1",
               "store.max_digest_jobs=4"]
    MANY = 20

    def setUp(self):
        faults.prepare(self)
        faults.run_daemon(self)

    def begin(self, source, *request):
        """Send a request from an address: its answer will come."""
        conn = Conn(self.daemon.address, source=source)
        self.addCleanup(conn.close)
        conn.send_request(*request)
        return Worker(conn.read)

    def passes_until(self, job):
        """Let calls go on one at a time until a job is over: how many."""
        count = 0
        while job.is_alive():
            until(lambda: self.faults["waiting"] or not job.is_alive(),
                  "the next one")
            if job.is_alive():
                waiting = self.faults["seen"]
                self.faults.let_pass()
                count += 1
                until(lambda n=waiting: self.faults["seen"] > n
                      or not job.is_alive() or not self.faults["passes"],
                      "it to go on")
        return count

    def test_reading(self):
        self.upload(DATA, "/files/d")
        self.faults.cold()
        self.faults.fail(faults.READ, faults.HOLD)
        part = {"Range": "bytes=0-9"}
        many = [self.begin(GREEDY, "GET", "/files/d", part)
                for _ in range(self.MANY)]
        until(lambda: self.metric("disk_reads_total") >= self.MANY,
              "all of them to wait")
        one = self.begin(MODEST, "GET", "/files/d", part)
        until(lambda: self.metric("disk_reads_total") > self.MANY,
              "one more to wait")
        # The one that is being read, its own, and not one of each.
        self.assertLess(self.passes_until(one), self.MANY)
        self.assertEqual(one.result().body, DATA[:10])
        self.assertGreater(sum(job.is_alive() for job in many),
                           self.MANY // 2)
        self.faults.stop()
        for job in many:
            self.assertEqual(job.result().body, DATA[:10])

    def test_writing(self):
        self.faults.fail(faults.WRITE, faults.HOLD)
        many = [self.begin(GREEDY, "PUT", f"/files/m{i}", (), DATA)
                for i in range(self.MANY)]
        sent = self.MANY * len(DATA)
        until(lambda: self.metric("received_bytes_total") == sent,
              "all of them to wait for the disk")
        one = self.begin(MODEST, "PUT", "/files/one", (), DATA[:70000])
        until(lambda: self.metric("received_bytes_total") == sent + 70000,
              "one more to wait")
        until(lambda: self.metric("disk_queue") == self.MANY + 1,
              "it to be in the queue")
        # Its blocks, what is written with one of the other's before each,
        # and not one of each.
        self.assertLess(self.passes_until(one), self.MANY)
        self.assertEqual(one.result().status, 201)
        self.assertGreater(sum(job.is_alive() for job in many),
                           self.MANY // 2)
        self.faults.stop()
        for job in many:
            self.assertEqual(job.result().status, 201)

    def test_digests(self):
        for i in range(5):
            self.upload(DATA, f"/files/{i}")
        self.faults.cold()
        self.faults.fail(faults.READ, faults.HOLD)
        jobs = []
        for i in range(3):
            jobs.append(self.begin(GREEDY, "GET", f"/files/{i}/info?digest"
                                                  "=sha-256"))
            until(lambda n=i + 1: self.metric("digest_jobs") == n, "its place")
        before = self.refusals("client")
        answer = self.begin(GREEDY, "GET",
                            "/files/3/info?digest=sha-256").result()
        self.assert_problem(answer, 429, "too-many-requests")
        self.assertTrue(answer.get("Retry-After").isdecimal())
        self.assertEqual(self.refusals("client"), before + 1)
        # Others have the last place; then it is nobody's fault.
        jobs.append(self.begin(MODEST, "GET", "/files/3/info?digest=sha-256"))
        until(lambda: self.metric("digest_jobs") == 4, "its place")
        self.assert_problem(self.begin(
            THIRD, "GET", "/files/4/info?digest=sha-256").result(), 503)
        self.faults.stop()
        for job in jobs:
            self.assertEqual(job.result().status, 200)

    def test_a_disk_that_hangs(self):
        # What is in memory is served meanwhile, and the rest waits for it.
        self.upload(b"small", "/files/small")
        self.faults.fail(faults.WRITE | faults.READ, faults.HOLD)
        job = self.begin(GREEDY, "PUT", "/files/large", (), DATA)
        until(lambda: self.faults["waiting"], "the disk to hang")
        for _ in range(20):
            self.assert_content("small", b"small")
            self.assertEqual(self.http("GET", "/healthz").status, 200)
        self.assertTrue(job.is_alive())
        self.faults.stop()
        self.assertEqual(job.result().status, 201)
        self.assert_content("large", DATA)

    def test_a_disk_that_hangs_and_fails(self):
        self.faults.fail(faults.WRITE, errno.EIO)
        job = self.begin(GREEDY, "PUT", "/files/large", (), DATA)
        self.assert_problem(job.result(), 507)
        self.faults.stop()
        self.upload(DATA, "/files/large")


class Behind(Fetching):
    """A disk that is behind what is fetched, and little memory."""

    DAEMON = False
    SIZE = 32 << 20
    BUDGET = 1 << 20
    OPTIONS = [*ALLOW, f"spool.memory_budget={BUDGET}",
               "spool.memory_max=256K"]

    def setUp(self):
        super().setUp()
        faults.prepare(self)
        faults.run_daemon(self)

    def wait_still(self):
        """Until no more is fetched."""
        seen = [-1]

        def still():
            seen.append(self.metric("fetched_bytes_total"))
            return seen[-1] > 0 and len(set(seen[-20:])) == 1
        until(still, "the fetch to pause")

    @table(("in order", {"framing": "chunked", "ranges": False}),
           ("in places", {"etag": '"v"'}))
    def test_fetch_pauses(self, how):
        data = content(self.SIZE, 3)
        # What sockets hold is not ours.
        gate = Gate()
        gate.open()
        url = self.origin.add("/large", Page(
            data, gate=(self.SIZE // 2, gate), **how))
        self.faults.fail(faults.WRITE, faults.HOLD)
        name = self.begin(url, connections=1)["id"]
        until(lambda: self.faults["waiting"], "the disk to hang")
        self.wait_still()
        self.assertFalse(gate.reached.is_set())
        self.assertLessEqual(
            self.metric('spool_bytes{tier="memory"}'), self.BUDGET)
        self.assertEqual(self.info(name)["state"], "receiving")
        self.faults.stop()
        self.wait_state(name, "ready")
        self.assert_content(name, data)


class Broken(Fetching):
    """A disk that is behind what is fetched when the origin breaks off."""

    DAEMON = False
    CUT = 900_000
    OPTIONS = [*ALLOW, "spool.memory_max=256K", "fetch.max_retries=0"]

    def setUp(self):
        super().setUp()
        faults.prepare(self)
        faults.run_daemon(self)

    def test_what_came_stays(self):
        data = content(2 * self.CUT, 4)
        url = self.origin.add("/a", Page(data, etag='"v"', cut=self.CUT))
        self.faults.fail(faults.WRITE, faults.HOLD)
        name = self.begin(url, connections=1)["id"]
        until(lambda: self.faults["waiting"], "the disk to hang")
        until(lambda: self.metric("fetched_bytes_total") >= self.CUT and
              self.metric("fetch_transfers") == 0, "the origin to be gone")
        self.faults.stop()
        self.wait_state(name, "failed")
        answer = self.http("GET", f"/files/{name}",
                           {"Range": f"bytes=0-{self.CUT - 1}"})
        self.assert_same(answer.body, data[:self.CUT])

    def test_deleted_meanwhile(self):
        url = self.origin.add("/a", Page(
            content(2 * self.CUT, 5), etag='"v"', cut=self.CUT))
        self.faults.fail(faults.WRITE, faults.HOLD)
        name = self.begin(url, connections=1)["id"]
        until(lambda: self.faults["waiting"], "the disk to hang")
        until(lambda: self.metric("fetch_transfers") == 0,
              "the origin to be gone")
        self.assertEqual(self.http("DELETE", f"/files/{name}").status, 204)
        until(lambda: self.metric("fetches_active") == 0, "it to be over")
        self.faults.stop()


class Origins(Fetching):
    """One fetch at a time, and one client with many."""

    DAEMON = True
    OPTIONS = [*ALLOW, "fetch.max_active=1"]

    def begin_from(self, source, url):
        """Start a fetch from an address: the name of the file."""
        with Conn(self.daemon.address, source=source) as conn:
            answer = conn.request(
                "POST", "/fetch", {"Content-Type": "application/json"},
                b'{"url": "%s"}' % url.encode())
        return self.json(answer, 202)["id"]

    def test_clients_take_turns(self):
        gates = [Gate() for _ in range(10)]
        many = [self.begin_from(GREEDY, self.origin.add(
            f"/many{i}", Page(DATA, gate=(0, gate))))
            for i, gate in enumerate(gates)]
        gates[0].wait_reached()
        one = self.begin_from(MODEST, self.origin.add("/one", Page(DATA)))
        # An origin that hangs holds up those who wait behind it...
        self.assertEqual(self.info(one)["state"], "receiving")
        self.assertEqual(self.metric("fetches_queued"), 10)
        gates[0].open()
        # ...and then it is the other's turn.
        self.wait_state(one, "ready")
        self.assertEqual(self.wait_state(many[0], "ready")["size"], len(DATA))
        self.assertIn("receiving", self.info(many[-1])["state"])
        for gate in gates:
            gate.open()
        for name in many:
            self.wait_state(name, "ready")


class Asking(Fetching):
    """Requests from several addresses."""

    def ask(self, source, method, path, body=b""):
        conn = self.enterContext(Conn(self.daemon.address, source=source))
        conn.send_request(method, path, {
            "Content-Type": "application/json",
            "Content-Length": str(len(body))}, body)
        return conn


class Lazy(Asking):
    """fetch.max_lazy_per_client: what is fetched as it is read."""

    DAEMON = True
    OPTIONS = [*ALLOW, "fetch.max_lazy_per_client=2"]

    def lazy(self, source, path):
        url = self.origin.add(path, Page(DATA, etag='"v"'))
        return self.ask(source, "POST", "/fetch", json.dumps(
            {"url": url, "mode": "lazy"}).encode()).read()

    def test_third_is_refused(self):
        made = [self.json(self.lazy(GREEDY, path), 202)
                for path in ("/a", "/b")]
        before = self.refusals("client")
        self.assert_problem(self.lazy(GREEDY, "/c"), 429, "too-many-requests")
        self.assertEqual(self.refusals("client"), before + 1)
        self.assertEqual(self.lazy(MODEST, "/c").status, 202)
        # One that is whole, and one that is gone, make room.
        self.assert_content(made[0]["id"], DATA)
        self.wait_state(made[0]["id"], "ready")
        self.http("DELETE", made[1]["links"]["self"])
        until(lambda: self.metric("fetches_lazy") == 1, "it to be gone")
        for path in ("/d", "/e"):
            self.assertEqual(self.lazy(GREEDY, path).status, 202)
        self.assert_problem(self.lazy(GREEDY, "/f"), 429)


class Queue(Asking):
    """fetch.max_queued_per_client: nobody takes the place of all."""

    DAEMON = True
    OPTIONS = [*ALLOW, "fetch.max_active=1", "fetch.max_queued_per_client=2"]

    def wait_queued(self, count):
        until(lambda: self.metric("fetches_queued") == count, "the queue")

    def fetch(self, source, url):
        return self.ask(source, "POST", "/fetch",
                        b'{"url": "%s"}' % url.encode())

    def through(self, source, url):
        return self.ask(source, "GET", f"/fetch?url={quote(url, safe='')}")

    def test_third_is_refused(self):
        gate = Gate()
        running = self.origin.add("/gate", Page(DATA, gate=(0, gate)))
        page = self.origin.add("/page", Page(DATA))
        self.assertEqual(self.fetch(GREEDY, running).read().status, 202)
        gate.wait_reached()
        # Whatever it is that waits, it counts.
        self.assertEqual(self.fetch(GREEDY, page).read().status, 202)
        waits = self.through(GREEDY, page)
        self.wait_queued(2)
        before = self.refusals("client")
        check = self.ask(GREEDY, "POST", "/fetch/check",
                         b'{"url": "%s"}' % page.encode().replace(
                             b"127.0.0.1", b"localhost"))
        for conn in (self.fetch(GREEDY, page), check,
                     self.through(GREEDY, page + "?other")):
            answer = conn.read()
            self.assert_problem(answer, 429, "too-many-requests")
            self.assertTrue(answer.get("Retry-After").isdecimal())
        self.assertEqual(self.refusals("client"), before + 3)
        # Another client is none of it.
        other = self.json(self.fetch(MODEST, page).read(), 202)["id"]
        gate.open()
        self.wait_state(other, "ready")
        self.assertEqual(waits.read().body, DATA)
        # Who waits no more has given its place back.
        for _ in range(5):
            self.wait_queued(0)
            self.assertEqual(self.fetch(GREEDY, page).read().status, 202)


class Places(Asking):
    """Of what runs at a time one client has three quarters at most."""

    DAEMON = False

    def run_with(self, *options):
        """The daemon of this case."""
        self.daemon = Daemon(*ALLOW, *options)
        self.addCleanup(self.daemon.clean)
        self.addCleanup(self.daemon.kill)

    def fetch(self, source, path, page, **order):
        """Begin a fetch from an address: the name of the file."""
        url = self.origin.add(path, page)
        answer = self.ask(source, "POST", "/fetch",
                          json.dumps({"url": url, **order}).encode()).read()
        return self.json(answer, 202)["id"]

    @table(("fetches", "fetch.max_active=4"),
           ("connections", "fetch.max_transfers=4"))
    def test_fetches(self, option):
        self.run_with(option)
        gate = Gate()
        self.addCleanup(gate.open)
        held = [self.fetch(GREEDY, f"/held{i}", Page(DATA, hold=gate))
                for i in range(6)]
        until(lambda: self.origin.connections == 3, "three of them")
        for i in range(3):
            one = self.fetch(MODEST, f"/one{i}", Page(DATA))
            self.wait_state(one, "ready")
        self.assertEqual(self.metric("fetch_transfers"), 3)
        gate.open()
        for name in held:
            self.wait_state(name, "ready")

    def test_what_is_read_of_lazy_ones(self):
        self.run_with("fetch.max_active=4")
        gate = Gate()
        self.addCleanup(gate.open)
        pages = [Page(DATA, etag='"v"') for _ in range(6)]
        names = [self.fetch(GREEDY, f"/lazy{i}", page, mode="lazy")
                 for i, page in enumerate(pages)]
        for name in names:
            until(lambda n=name: self.info(n)["received"], "its end")
        until(lambda: self.metric("fetches_active") == 0, "all of them")
        for name, page in zip(names, pages):
            page.hold = gate
            self.ask(GREEDY, "GET", f"/files/{name}")
        until(lambda: self.metric("fetches_active") == 6, "the readers")
        self.wait_state(self.fetch(MODEST, "/one", Page(DATA)), "ready")
        # And of its own that wait none begins.
        waits = self.fetch(GREEDY, "/more", Page(DATA))
        self.wait_state(self.fetch(MODEST, "/two", Page(DATA)), "ready")
        self.assertEqual(self.info(waits)["state"], "receiving")
        gate.open()
        self.wait_state(waits, "ready")

    def read_slowly(self, source, active):
        """Take a place in which an entry is unpacked, and do not read."""
        conn = Conn(self.daemon.address, rcvbuf=4096, source=source)
        self.addCleanup(conn.close)
        conn.send_request("GET", "/files/z/zip/a")
        self.assertEqual(conn.read_head().status, 200)
        until(lambda: self.metric("zip_active") == active, "its place")
        return conn

    def test_archives(self):
        self.run_with("zip.max_active=4")
        self.upload(slow_zip(), "/files/z")
        slow = [self.read_slowly(GREEDY, i + 1) for i in range(3)]
        before = self.refusals("client")
        answer = self.ask(GREEDY, "GET", "/files/z/zip/a").read()
        self.assert_problem(answer, 429, "too-many-requests")
        self.assertTrue(answer.get("Retry-After").isdecimal())
        self.assertEqual(self.refusals("client"), before + 1)
        order = json.dumps({"files": ["z"]}).encode()
        self.assertEqual(self.ask(
            GREEDY, "POST", "/files/zip", order).read_head().status, 429)
        for _ in range(3):
            answer = self.ask(MODEST, "GET", "/files/z/zip/b").read()
            self.assertEqual((answer.status, answer.body), (200, b"b" * 100))
            until(lambda: self.metric("zip_active") == 3, "its end")
        # When all are taken it is nobody's fault.
        self.read_slowly(MODEST, 4)
        self.assert_problem(self.ask(
            THIRD, "GET", "/files/z/zip/b").read(), 503, "unavailable")
        # One that is over makes room.
        slow[0].close()
        until(lambda: self.ask(GREEDY, "GET", "/files/z/zip/b").read().status
              == 200, "its place")


main()
