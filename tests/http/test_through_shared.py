# SPDX-License-Identifier: MIT
"""GET /fetch?url=: one transfer whoever asks, and room for what is kept.

Source: API.md section 4; RFC 9111 section 4; RFC 9211 section 2.
"""
from caching import Reading
from fetching import ALLOW, DATA
from harness import Worker, main, table, until
from origin import Gate


class Shared(Reading):
    """One transfer, whoever asks."""

    DAEMON = True
    OPTIONS = [*ALLOW, "spool.memory_max=64K"]

    def crowd(self, url, count=8, **fields):
        """So many requests at once."""
        return [Worker(self.get, url, **fields) for _ in range(count)]

    def waiting(self, count):
        """Wait until so many requests wait."""
        until(lambda: self.metric("requests_suspended") >= count,
              f"{count} requests to wait")

    def test_before_the_header(self):
        gate = Gate()
        url = self.page(hold=gate)
        crowd = self.crowd(url)
        gate.wait_reached()
        self.waiting(8)
        gate.open()
        answers = [one.result() for one in crowd]
        for answer in answers:
            self.assertEqual(answer.status, 200)
            self.assert_same(answer.body, DATA)
        self.assertEqual(self.asked(), 1)
        collapsed = [a for a in answers
                     if "; collapsed" in a.get("Cache-Status")]
        self.assertEqual(len(collapsed), 7)

    def test_while_it_comes(self):
        gate = Gate()
        url = self.page(gate=(100000, gate), ranges=False, cache=None)
        first = self.conn()
        first.send_request("GET", self.target(url))
        first.read_head()
        self.assert_same(first.read_body(100000), DATA[:100000])
        second = self.conn()
        second.send_request("GET", self.target(url))
        self.assertIn("collapsed", second.read_head().get("Cache-Status"))
        self.assert_same(second.read_body(100000), DATA[:100000])
        gate.open()
        for conn in (first, second):
            self.assert_same(conn.read_body(), DATA[100000:])
        self.assertEqual(self.asked(), 1)

    def test_who_was_first_leaves(self):
        gate = Gate()
        url = self.page(gate=(100000, gate), ranges=False)
        first = self.conn()
        first.send_request("GET", self.target(url))
        first.read_head()
        first.close()
        second = Worker(self.get, url)
        gate.open()
        self.assert_same(second.result().body, DATA)
        self.ready()
        self.got(url, "hit")
        self.assertEqual(self.asked(), 1)

    def test_nobody_waits_any_more(self):
        # It still comes, to be kept.
        gate = Gate()
        url = self.page(hold=gate)
        conn = self.conn()
        conn.send_request("GET", self.target(url))
        gate.wait_reached()
        conn.close()
        gate.open()
        until(lambda: self.metric("fetches_completed_total") > 0 and
              self.metric("fetches_active") == 0, "the end of the fetch")
        self.got(url, "hit")

    def test_validation_is_one_as_well(self):
        url = self.page(cache="max-age=0")
        self.got(url, "fwd=uri-miss")
        self.ready()
        gate = Gate()
        self.page(cache="max-age=1000", hold=gate)
        crowd = self.crowd(url)
        gate.wait_reached()
        self.waiting(8)
        gate.open()
        for one in crowd:
            self.assert_status(one.result(), "fwd=stale; fwd-status=304")
        self.assertEqual(self.asked(), 2)

    def test_failure_is_for_all(self):
        gate = Gate()
        url = self.page(b"no", status=404, hold=gate)
        crowd = self.crowd(url)
        gate.wait_reached()
        self.waiting(8)
        gate.open()
        for one in crowd:
            self.assert_problem(one.result(), 502)
        self.assertEqual(self.asked(), 1)

    @table(("private", "private"), ("no-store", "no-store"))
    def test_what_is_not_for_all(self, cache):
        gate = Gate()
        url = self.page(cache=cache, hold=gate)
        crowd = self.crowd(url, 4)
        gate.wait_reached()
        self.waiting(4)
        self.assertEqual(self.asked(), 1)
        gate.open()
        for one in crowd:
            answer = one.result()
            self.assert_same(answer.body, DATA)
            self.assertNotIn("collapsed", answer.get("Cache-Status"))
        self.assertEqual(self.asked(), 4)

    def test_what_is_for_nobody_else_ends_with_its_reader(self):
        gate = Gate()
        self.addCleanup(gate.open)
        url = self.page(cache="no-store", gate=(100000, gate), ranges=False)
        conn = self.conn()
        conn.send_request("GET", self.target(url))
        conn.read_head()
        conn.close()
        until(self.origin.hung_up.is_set, "the origin to see the end")

    def test_far_ahead(self):
        # A place far ahead gets a request of its own, into the same spool.
        gate = Gate()
        url = self.page(gate=(100000, gate))
        first = self.conn()
        first.send_request("GET", self.target(url))
        first.read_head()
        gate.wait_reached()
        answer = self.get(url, Range="bytes=450000-450099")
        self.assertEqual(answer.status, 206)
        self.assert_same(answer.body, DATA[450000:450100])
        gate.open()
        self.assert_same(first.read_body(), DATA)


class Room(Reading):
    """fetch.cache_size: what was not used for the longest time goes."""

    DAEMON = True
    OPTIONS = [*ALLOW, "fetch.cache_size=1200K", "spool.memory_max=64K"]

    def keep(self, path):
        """Have one more there: its URL."""
        url = self.page(path=path)
        self.got(url, "fwd=uri-miss")
        self.ready()
        return url

    def test_least_recently_used(self):
        first, second = self.keep("/1"), self.keep("/2")
        self.got(first, "hit")
        self.keep("/3")
        until(lambda: self.metric("cache_evicted_total") > 0, "one to go")
        self.assertLessEqual(self.metric("cache_bytes"), 1200 * 1024)
        self.got(first, "hit")
        self.got(second, "fwd=uri-miss")

    def test_too_large(self):
        small = self.keep("/small")
        large = DATA * 3
        url = self.page(large, path="/large")
        self.got(url, "fwd=uri-miss", large)
        self.ready()
        until(lambda: self.metric("cache_entries") <= 2, "it to go")
        self.got(url, "fwd=uri-miss", large)
        self.got(small, "hit")

    def test_endless(self):
        # Nobody reads it, and it will not be kept: it ends.
        def answer(conn, _):
            conn.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                conn.sendall(bytes(65536))
        self.origin._answer = answer
        conn = self.conn()
        conn.send_request("GET", self.target(self.origin.url + "/endless"))
        conn.read_head()
        conn.close()
        until(self.origin.hung_up.is_set, "the origin to see the end")


class Nothing(Reading):
    """fetch.cache_size=0: shared while it comes, and not kept."""

    DAEMON = True
    OPTIONS = [*ALLOW, "fetch.cache_size=0"]

    def test_shared_only(self):
        gate = Gate()
        url = self.page(hold=gate)
        crowd = [Worker(self.get, url) for _ in range(4)]
        gate.wait_reached()
        until(lambda: self.metric("requests_suspended") >= 4, "all to wait")
        gate.open()
        for one in crowd:
            self.assert_same(one.result().body, DATA)
        self.assertEqual(self.asked(), 1)
        until(lambda: self.metric("cache_entries") == 0, "it to go")
        self.got(url, "fwd=uri-miss")


class Space(Reading):
    """What is kept is no reason to refuse an upload."""

    DAEMON = True
    OPTIONS = [*ALLOW, "spool.memory_max=64K", "spool.disk_quota=20M"]

    def test_makes_room(self):
        data = DATA * 20
        url = self.page(data)
        self.got(url, "fwd=uri-miss", data)
        self.ready()

        def fits():
            conn = self.conn()
            conn.send_request("POST", "/files",
                              {"Content-Length": "12000000"})
            conn.send_lossy(bytes(12_000_000))
            answer = conn.read()
            self.assertIn(answer.status, (201, 507))
            return answer.status == 201
        until(fits, "room for an upload")
        self.assertEqual(self.metric("cache_evicted_total"), 1)


class Disabled(Reading):
    """fetch.enabled=no"""

    DAEMON = True
    OPTIONS = [*ALLOW, "fetch.enabled=no"]

    def test_refused(self):
        self.assert_problem(self.get(self.page()), 403)
        self.assertEqual(self.origin.connections, 0)


if __name__ == "__main__":
    main()
