# SPDX-License-Identifier: MIT
"""Zip archives that are still arriving: entries by their local headers.

The uploader is the test, as in growing.py: what is asked for is asked for
when the daemon has just so many bytes.

Source: API.md section 5; APPNOTE 4.3.7, 4.3.9, 4.4.4 bit 3.
"""
import io
import itertools
import json
import zipfile
from urllib.parse import quote

from fetching import ALLOW, Fetching
from harness import Case, main, table
from origin import Page
from samples import content, raw_zip, text
from zips import deflate


class Streamed(io.RawIOBase):
    """A file that cannot be sought in: sizes come behind the bytes."""

    def __init__(self):
        super().__init__()
        self.data = b""

    def writable(self):
        return True

    def write(self, data):
        self.data += bytes(data)
        return len(data)


MEMBERS = [("a.txt", text(3000, 1)), ("empty", b""),
           ("folder/b", content(70000, 2)), ("zeros", bytes(300000)),
           ("\xfc", text(100000, 3))]


def archive(method, streamed):
    """An archive of MEMBERS, and where each of them ends."""
    out = Streamed() if streamed else io.BytesIO()
    ends = []
    with zipfile.ZipFile(out, "w", method) as made:
        for name, data in MEMBERS:
            made.writestr(name, data)
            ends.append(len(out.data) if streamed else out.tell())
    return (out.data if streamed else out.getvalue()), ends


class Arriving:
    """The cases."""

    # What replaces a file is not seen before it is complete: each is new.
    names = (f"late{i}" for i in itertools.count())

    def begin(self, data, upto):
        """Send the beginning of an upload."""
        self.name = next(self.names)
        self.late = self.conn()
        self.late.send_request("PUT", f"/files/{self.name}",
                               {"Content-Length": str(len(data))})
        self.more(data, 0, upto)

    def more(self, data, since, upto):
        """Send more of it, and wait until the daemon has it."""
        self.late.send(data[since:upto])
        self.wait_received(self.name, upto)

    def get(self, what="", headers=()):
        """One request for what is in it."""
        return self.http("GET", f"/files/{self.name}/zip{what}", headers)

    def complete(self, data, since):
        """Send the rest."""
        self.late.send(data[since:])
        self.assertIn(self.late.read().status, (200, 201))

    def page(self):
        """The listing."""
        answer = self.get()
        page = self.json(answer)
        self.assertIsNone(answer.get("ETag"))
        self.assertEqual(answer.get("Cache-Control"), "no-store")
        return page

    @table(("stored", zipfile.ZIP_STORED, False),
           ("deflated", zipfile.ZIP_DEFLATED, False),
           ("streamed", zipfile.ZIP_DEFLATED, True))
    def test_entry_by_entry(self, method, streamed):
        data, ends = archive(method, streamed)
        sent = ends[0]
        self.begin(data, sent)
        for count, end in enumerate(ends, 1):
            # A descriptor could be longer: what follows tells it is not.
            upto = min(end + (8 if streamed else 0), len(data))
            self.more(data, sent, upto)
            sent = upto
            page = self.page()
            self.assertTrue(page["provisional"])
            self.assertEqual([e["name"] for e in page["entries"]],
                             [name for name, _ in MEMBERS[:count]])
            for index, (name, want) in enumerate(MEMBERS[:count]):
                self.assertEqual(page["entries"][index]["size"], len(want))
                for target in (quote(name, safe=""), f"?index={index}"):
                    answer = self.get(f"/{target}")
                    self.assertEqual(answer.status, 200, answer)
                    self.assert_same(answer.body, want)
                    self.assertIsNone(answer.get("ETag"))
        self.complete(data, sent)
        page = self.json(self.get())
        self.assertFalse(page["provisional"])
        self.assertEqual(page["count"], len(MEMBERS))

    def test_not_whole_yet(self):
        # The header tells where it ends: it is listed, and not readable.
        data = raw_zip([{"name": b"a", "data": content(100000)}])
        self.begin(data, 50000)
        self.assertEqual([e["name"] for e in self.page()["entries"]], ["a"])
        self.assert_problem(self.get("/a"), 409)
        self.more(data, 50000, 100031)
        self.assert_same(self.get("/a").body,
                         content(100000))
        self.complete(data, 100031)

    def test_not_seen_yet(self):
        data, ends = archive(zipfile.ZIP_STORED, False)
        self.begin(data, ends[0])
        for what in ("/folder%2Fb", "/none", "/?index=2", "/?index=99"):
            problem = self.assert_problem(self.get(what), 409)
            self.assertIn("/info?wait=", problem["detail"])
        self.complete(data, ends[0])
        self.assert_same(self.get("/folder%2Fb").body, MEMBERS[2][1])
        for what in ("/none", "/?index=99"):
            self.assert_problem(self.get(what), 404)

    def test_end_not_told(self):
        # It begins like an archive, and shall not be told that it does not.
        data, ends = archive(zipfile.ZIP_STORED, True)
        self.begin(data, ends[0])
        for what in ("", "/a.txt"):
            problem = self.assert_problem(self.get(what), 409)
            self.assertNotIn("begin", problem["detail"])
            self.assertIn("ends", problem["detail"])
            self.assertIn("/info?wait=", problem["detail"])
        self.complete(data, ends[0])

    def test_ranges(self):
        data, ends = archive(zipfile.ZIP_DEFLATED, False)
        self.begin(data, ends[3])
        answer = self.get("/zeros", {"Range": "bytes=1000-1999"})
        self.assertEqual((answer.status, answer.body), (206, bytes(1000)))
        self.complete(data, ends[3])

    @table(("nothing", b""), ("text", text(5000)),
           ("a program before it", b"#!/bin/sh\n" * 10 + archive(0, False)[0]))
    def test_cannot_be_seen(self, data):
        data += bytes(1000)
        self.begin(data, len(data) - 1000)
        answer = self.get()
        if len(data) > 1000:
            self.assert_problem(answer, 409)
        else:
            self.assertEqual(self.json(answer)["entries"], [])
        self.complete(data, len(data) - 1000)

    def test_dead_end(self):
        # Stored, and its length comes behind it: nobody can see its end.
        data = raw_zip([{"name": b"a", "data": b"hello"},
                        {"name": b"b", "data": b"x" * 100, "flags": 8},
                        {"name": b"c", "data": b"hello"}])
        self.begin(data, len(data) - 1)
        self.assertEqual([e["name"] for e in self.page()["entries"]], ["a"])
        self.complete(data, len(data) - 1)
        self.assertEqual(self.json(
            self.get())["count"], 3)

    def test_lying_header(self):
        # What the header says of the bytes is checked when they are read.
        data = raw_zip([{"name": b"a", "data": b"hello", "crc": 1},
                        {"name": b"b", "data": b"hello", "size": 3,
                         "method": 8, "packed": deflate(b"hello")}])
        self.begin(data, data.index(b"PK\1\2"))
        self.assertEqual(len(self.page()["entries"]), 2)
        for name in "ab":
            self.assert_problem(
                self.get(f"/{name}"), 422,
                "corrupt-zip")
        self.complete(data, data.index(b"PK\1\2"))

    @table(("json", "application/json"), ("ndjson", "application/x-ndjson"),
           ("text", "text/plain"))
    def test_forms(self, form):
        data, ends = archive(zipfile.ZIP_STORED, False)
        self.begin(data, ends[2])
        answer = self.get("", {"Accept": form})
        self.assertEqual(answer.status, 200)
        if form == "text/plain":
            names = answer.body.decode().splitlines()
        elif form == "application/json":
            names = [e["name"] for e in json.loads(answer.body)["entries"]]
        else:
            names = [json.loads(line)["name"]
                     for line in answer.body.splitlines()]
        # The next header has not come.
        self.assertEqual(names, [name for name, _ in MEMBERS[:3]])
        self.complete(data, ends[2])

    def test_many_looks(self):
        data, ends = archive(zipfile.ZIP_DEFLATED, True)
        self.begin(data, 100)
        sent = 100
        for upto in range(1000, ends[-1], 7919):
            self.more(data, sent, upto)
            sent = upto
            count = sum(end + 8 <= upto for end in ends)
            seen = [e["name"] for e in self.page()["entries"]]
            self.assertIn(len(seen), (count, count + 1))
        self.complete(data, sent)


class Memory(Arriving, Case):
    """Archives in memory."""

    OPTIONS = ["spool.memory_max=16M"]


class Disk(Arriving, Case):
    """Archives on disk."""

    OPTIONS = ["spool.memory_max=0"]


class Failed(Fetching):
    """An archive whose source broke: why is told, not to wait for it."""

    DAEMON = True
    OPTIONS = [*ALLOW, "fetch.max_retries=0"]

    def broken(self, data, cut):
        """Fetch the beginning: the file, and the problem it has."""
        page = Page(data, cut=cut, type="application/zip", ranges=False)
        made = self.fetched(self.origin.add("/a.zip", page))
        self.assertEqual((made["state"], made["received"]), ("failed", cut))
        answer = self.http("GET", f"/files/{made['id']}",
                           {"Range": f"bytes={len(data) - 1}-"})
        return made["id"], self.assert_problem(answer, 502, "fetch-failed")

    def test_entries(self):
        data, ends = archive(zipfile.ZIP_STORED, False)
        name, want = self.broken(data, ends[2] - 100)
        page = self.json(self.http("GET", f"/files/{name}/zip"))
        self.assertTrue(page["provisional"])
        self.assert_same(self.http("GET", f"/files/{name}/zip/a.txt").body,
                         MEMBERS[0][1])
        for method, what in (("GET", "folder%2Fb"), ("GET", "zeros"),
                             ("GET", "?index=3"), ("POST", "zeros?save")):
            answer = self.http(method, f"/files/{name}/zip/{what}")
            self.assertEqual(self.assert_problem(answer, 502), want)
            self.assertEqual(answer.get("Proxy-Status"),
                             f"spillway; error={want['error']}"
                             "; received-status=200")

    @table(("text", text(5000)), ("stored", archive(0, True)[0]))
    def test_nothing_to_be_seen(self, data):
        name, want = self.broken(data, 3100)
        for what in ("zip", "zip/a.txt"):
            answer = self.http("GET", f"/files/{name}/{what}")
            self.assertEqual(self.assert_problem(answer, 502), want)

    def test_archive_of_it(self):
        name, want = self.broken(content(5000), 1000)
        answer = self.http("POST", "/files/zip",
                           body=json.dumps({"files": [name]}).encode())
        self.assertEqual(self.assert_problem(answer, 502), want)


if __name__ == "__main__":
    main()
