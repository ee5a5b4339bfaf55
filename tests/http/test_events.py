# SPDX-License-Identifier: MIT
"""GET /files/{id}/events: progress as server-sent events.

Source: API.md section 3; HTML Living Standard section 9.2
"""
import json
import re

from fetching import ALLOW, Fetching
from growing import DATA, HAVE, TOTAL, Grows
from harness import Case, Worker, main, table, until
from origin import Gate, Page
from samples import content


def parse_events(text):
    """The events of a stream as (event, id, data); comments are None."""
    assert text.endswith("\n\n"), text
    for block in text[:-2].split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n")
                      if not line.startswith(":"))
        if fields:
            yield fields["event"], fields["id"], json.loads(fields["data"])
        else:
            yield None


class Stream:
    """One client of a file's events."""

    def __init__(self, case, path, headers=()):
        self.case = case
        self.conn = case.conn()
        self.conn.send_request("GET", f"{path}/events", headers)
        self.head = self.conn.read_head()
        case.assertEqual(
            (self.head.status, self.head.get("Content-Type"),
             self.head.get("Cache-Control"), self.head.framing),
            (200, "text/event-stream", "no-store", "chunked"))
        self.text = ""

    def next(self):
        """The next event; comments are passed over."""
        block = ""
        while True:
            while not block.endswith("\n\n"):
                block += self.conn.read_body(1).decode()
            found = next(parse_events(block))
            if found:
                return found
            block = ""

    def until(self, received):
        """The first event that tells as many bytes."""
        while True:
            found = self.next()
            if found[2]["received"] >= received:
                return found

    def rest(self):
        """All events to the end of the stream."""
        return list(parse_events(self.conn.read_body().decode()))


class Events(Grows, Case):
    """The cases."""

    def assert_progress(self, found, received, size):
        """An event of a file that is still received."""
        name, mark, data = found
        self.assertEqual((name, mark), ("progress", str(received)))
        self.assertEqual(data.keys(), {"state", "received", "size", "rate"})
        self.assertEqual((data["state"], data["received"], data["size"]),
                         ("receiving", received, size))
        self.assertIsInstance(data["rate"], int)

    @table(("known", False), ("unknown", True))
    def test_from_within_to_the_end(self, chunked):
        size = None if chunked else TOTAL
        upload = self.begin(chunked)
        stream = Stream(self, self.path)
        self.assert_progress(stream.next(), HAVE, size)
        upload.send(200000)
        self.assert_progress(stream.until(200000), 200000, size)
        upload.send(200001)
        self.assert_progress(stream.until(200001), 200001, size)
        upload.end()
        *_, (name, mark, data) = stream.rest()
        self.assertEqual((name, mark), ("end", "end"))
        self.assertEqual((data["state"], data["received"], data["size"]),
                         ("ready", TOTAL, TOTAL))
        self.assertTrue(stream.conn.is_in_step())

    def test_numbers_only_grow(self):
        upload = self.begin(False, 0)
        until(lambda: self.info(upload.name), "the file to exist")
        stream = Stream(self, self.path)
        job = Worker(stream.rest)
        for at in range(1000, TOTAL, 7000):
            upload.send(at)
        upload.end()
        seen = [e[2]["received"] for e in job.result() if e]
        self.assertEqual(seen, sorted(seen))
        self.assertEqual((seen[0] <= 1000, seen[-1]), (True, TOTAL))

    def test_events_are_bounded_by_the_size(self):
        # Many small writes: an event for each hundredth, or 64 KiB, or second.
        data = content(3000000, 9)
        conn = self.conn()
        conn.send_request("PUT", "/files/steps", {
            "Content-Length": str(len(data))})
        until(lambda: self.info("steps"), "the file to exist")
        stream = Stream(self, "/files/steps")
        job = Worker(stream.rest)
        for at in range(0, len(data), 1000):
            conn.send(data[at:at + 1000])
        self.assertEqual(conn.read().status, 201)
        seen = job.result()
        steps = [b[2]["received"] - a[2]["received"]
                 for a, b in zip(seen[:-2], seen[1:-1])]
        self.assertLessEqual(
            len([step for step in steps if step >= 65536]), 46)

    def test_sealed_file_tells_its_end_at_once(self):
        made = self.upload(DATA)
        stream = Stream(self, made["links"]["self"])
        found = stream.rest()
        self.assertEqual(len(found), 1)
        self.assertEqual(found[0][2]["state"], "ready")
        self.assertTrue(stream.conn.is_in_step())

    def test_who_has_seen_the_end_is_sent_away(self):
        path = self.upload(DATA)["links"]["self"]
        answer = self.http("GET", f"{path}/events", {"Last-Event-ID": "end"})
        self.assertEqual((answer.status, answer.body), (204, b""))
        Stream(self, path, {"Last-Event-ID": "1000"}).rest()
        upload = self.begin(False)
        stream = Stream(self, self.path, {"Last-Event-ID": "end"})
        self.assert_progress(stream.next(), HAVE, TOTAL)
        upload.end()

    def test_abort(self):
        upload = self.begin(False)
        stream = Stream(self, self.path)
        stream.next()
        upload.abort()
        name, _, data = stream.rest()[-1]
        self.assertEqual(name, "end")
        self.assertIn(data["state"], ("failed", "deleted"))

    def test_stalled_upload_has_no_rate(self):
        upload = self.begin(False)
        stream = Stream(self, self.path)
        upload.send(200000)
        while stream.next()[2]["rate"]:
            pass
        upload.end()

    def test_head(self):
        upload = self.begin(False)
        answer = self.http("HEAD", f"{self.path}/events")
        self.assertEqual((answer.status, answer.get("Content-Type")),
                         (200, "text/event-stream"))
        upload.end()

    def test_missing_and_methods(self):
        self.assert_problem(self.http("GET", "/files/none/events"), 404)
        self.upload(DATA, "/files/e")
        for method in ("POST", "PUT", "DELETE"):
            answer = self.http(method, "/files/e/events")
            self.assert_problem(answer, 405)
            self.assertEqual(answer.get("Allow"), "GET, HEAD, OPTIONS")

    def gauge(self, name):
        """A value of /metrics."""
        text = self.http("GET", "/metrics").body.decode()
        return int(re.search(rf"^spillway_{name} (\d+)$", text, re.M)[1])

    @table(("FIN", False), ("RST", True))
    def test_clients_that_vanish(self, reset):
        upload = self.begin(False)
        for _ in range(50):
            stream = Stream(self, self.path)
            stream.next()
            if reset:
                stream.conn.reset()
            else:
                stream.conn.close()
        until(lambda: self.gauge("event_streams") == 0, "them to be forgotten")
        until(lambda: self.gauge("connections_open") <= 2, "them to be closed")
        self.assertEqual(upload.end()["state"], "ready")

    def test_many_at_once(self):
        upload = self.begin(True)
        streams = [Stream(self, self.path) for _ in range(50)]
        self.assertEqual(self.gauge("event_streams"), 50)
        upload.end()
        for stream in streams:
            self.assertEqual(stream.rest()[-1][2]["state"], "ready")


class Fetched(Fetching):
    """Of a fetch."""

    DAEMON = True
    OPTIONS = ALLOW

    def test_progress(self):
        gate = Gate()
        url = self.origin.add("/g", Page(DATA, gate=(HAVE, gate)))
        made = self.begin(url)
        self.wait_received(made["id"], HAVE)
        stream = Stream(self, made["links"]["self"])
        self.assertEqual(stream.next()[2]["received"], HAVE)
        gate.open()
        self.assertEqual(stream.rest()[-1][2]["state"], "ready")

    def test_failure(self):
        gate = Gate()
        url = self.origin.add("/c", Page(DATA, gate=(HAVE, gate), cut=150000,
                                         ranges=False))
        made = self.begin(url)
        stream = Stream(self, made["links"]["self"])
        gate.open()
        last = stream.rest()[-1]
        self.assertEqual((last[0], last[2]["state"]), ("end", "failed"))


if __name__ == "__main__":
    main()
