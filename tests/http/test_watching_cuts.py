# SPDX-License-Identifier: MIT
"""What an operator sees of requests that end before their answer does, and of
what had left by then; and of what is tried again."""
from urllib.parse import quote

from fetching import ALLOW, Fetching
from harness import Conn, main, table, until
from origin import Page, dead_port
from samples import content
from watching import Watched
from wire import encode_chunk


class Cuts(Watched, Fetching):
    """Requests that end before their answer does."""

    DAEMON = True
    OPTIONS = [*ALLOW, "fetch.max_retries=1", "fetch.retry_delay=1ms",
               "log.access=yes", "store.max_file_size=20M",
               "spool.memory_max=10M"]

    def access(self, words, begin=0):
        """What the access log says went out for a request like this."""
        line = until(lambda: next(
            (line for line in self.daemon.lines[begin:]
             if " access " in line and words in line), None), "a line")
        return int(line.partition(" out=")[2].split()[0])

    def test_upload(self):
        def leave():
            with Conn(self.daemon.address) as conn:
                conn.send_request("PUT", "/files/u", {"Content-Length": "9"})
                conn.send(b"abc")
                self.wait_received("u", 3)
        self.told('requests_cut_total{reason="client"}', leave,
                  r"\] cut: PUT /files/u from .* went away, after 3 bytes")

    def test_download(self):
        self.upload(content(16000000), "/files/d")

        def leave():
            conn = Conn(self.daemon.address, rcvbuf=4096)
            conn.send_request("GET", "/files/d")
            conn.read_head()
            conn.reset()
        self.told('requests_cut_total{reason="client"}', leave,
                  r"\] cut: GET /files/d from .* and a status of 200")

    @table(("from disk", 16000000, False), ("from memory", 8000000, False),
           ("from disk, later", 16000000, True),
           ("from memory, later", 8000000, True))
    def test_what_had_left(self, size, later, part=2000000):
        """A client that takes a part is counted as that, give or take what
        was under way."""
        self.upload(content(size), "/files/part")
        begin, before = len(self.daemon.lines), 0

        def leave():
            nonlocal before
            conn = Conn(self.daemon.address, rcvbuf=4096)
            for _ in range(20 if later else 0):
                conn.request("GET", "/healthz")
            before = self.metric("sent_bytes_total")
            conn.send_request("GET", "/files/part")
            conn.read_head()
            conn.read_body(part)
            conn.reset()
        _, line = self.told('requests_cut_total{reason="client"}', leave,
                            r"\] cut: GET /files/part from")
        told = int(line.partition(" after ")[2].split()[0])
        self.assertIn(" bytes of its answer and a status of 200", line)
        # Beside the body nothing is known of heads, but for some bytes.
        self.assertGreater(told, part - 1000)
        self.assertLess(told, part + 400000)
        self.assertEqual(self.access('"GET /files/part" 200', begin), told)
        # The answers to who asks for the metric have a place in it, too.
        self.assertGreaterEqual(self.metric("sent_bytes_total"),
                                before + told)

    def test_what_had_left_of_a_stream(self):
        up = self.conn()
        up.send_request("PUT", "/files/grows",
                        {"Transfer-Encoding": "chunked"})
        up.send(encode_chunk(b"x" * 1000))
        self.wait_received("grows", 1000)
        down = self.conn()
        down.send_request("GET", "/files/grows")
        down.read_head()
        self.assertEqual(len(down.read_body(1000)), 1000)
        _, line = self.told('requests_cut_total{reason="client"}',
                            down.close, r"\] cut: GET /files/grows from")
        self.assertIn(" after 1000 bytes of its answer", line)
        self.assertEqual(self.access('"GET /files/grows" 200'), 1000)
        up.send(encode_chunk(b""))
        up.read()
        # One that ends well says how long it was after all.
        self.assertEqual(len(self.http("GET", "/files/grows").body), 1000)

    @table(("before its body", {"Content-Length": "30000000"}, b""),
           ("in its body", {"Transfer-Encoding": "chunked"},
            encode_chunk(b"x" * 21500000)))
    def test_early_answer(self, headers, body):
        before = self.metric('requests_cut_total{reason="client"}')
        with Conn(self.daemon.address) as conn:
            conn.send_request("PUT", "/files/e", headers)
            conn.send_lossy(body)
            answer = conn.read()
        self.assertEqual(answer.status, 413)
        name = answer.get("X-Request-Id")
        self.assertEqual(self.access(name), len(answer.body))
        self.assertEqual(
            self.metric('requests_cut_total{reason="client"}'), before)

    def test_source(self):
        up = self.conn()
        up.send_request("PUT", "/files/s", {"Transfer-Encoding": "chunked"})
        up.send(encode_chunk(b"abc"))
        self.wait_received("s", 3)
        down = self.conn()
        down.send_request("GET", "/files/s")
        down.read_head()
        self.told('requests_cut_total{reason="source"}', up.close,
                  r"\] cut: GET /files/s from")

    @table(("incomplete", "incomplete", {"cut": 5, "cuts": 1}),
           ("status", "status", {"status": 503}))
    def test_tried_again(self, reason, how):
        url = self.origin.add("/a", Page(
            content(1000), etag='"v"', **how))
        answer, line = self.told(
            f'fetch_retries_total{{reason="{reason}"}}',
            lambda: self.fetch(url, "wait=20"), "fetch of .* tried again")
        # The fetch is on a thread of its own, and the line all the same its
        # request's.
        if answer.get("X-Request-Id"):
            self.assertIn(f"[{answer.get('X-Request-Id')}]", line)
        self.assertRegex(line, r"\[[A-Za-z0-9_-]{22}\]")

    def test_fetch_fails(self):
        url = f"http://127.0.0.1:{dead_port()}/a?token=geheim"
        answer, line = self.told('fetches_failed_total{reason="connect"}',
                                 lambda: self.fetch(url, "wait=20"),
                                 "fetch of .* failed")
        self.assertIn(f"[{answer.get('X-Request-Id')}]", line)
        # Read through, it is the same.
        answer, line = self.told(
            'fetches_failed_total{reason="connect"}',
            lambda: self.http("GET", f"/fetch?url={quote(url, safe='')}"),
            "fetch of .* failed")
        self.assertIn(f"[{answer.get('X-Request-Id')}]", line)
        # What a URL's query holds may be a key to it.
        self.assertNotIn("geheim", self.daemon.output())


if __name__ == "__main__":
    main()
