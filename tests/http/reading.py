# SPDX-License-Identifier: MIT
"""What the tests of reading sealed files share."""
import email.utils
import json
import re
import zlib

from fetching import ALLOW
from origin import Origin, Page
from samples import content, raw_zip

SIZE = 1000
DATA = content(SIZE)


def http_date(seconds):
    """An IMF-fixdate."""
    return email.utils.formatdate(seconds, usegmt=True)


def seconds_of(value):
    """The time of an IMF-fixdate."""
    return int(email.utils.parsedate_to_datetime(value).timestamp())


def parse_parts(answer):
    """The parts of multipart/byteranges as (Content-Range, fields, data)."""
    kind = answer.get("Content-Type")
    match = re.fullmatch(r"multipart/byteranges; boundary=([!-~]{1,70})", kind)
    assert match, kind
    boundary = match[1].encode()
    pieces = (b"\r\n" + answer.body.removeprefix(b"\r\n")).split(
        b"\r\n--" + boundary)
    assert pieces[0] == b"" and pieces[-1] in (b"--", b"--\r\n"), pieces
    parts = []
    for piece in pieces[1:-1]:
        head, _, data = piece.partition(b"\r\n\r\n")
        fields = dict(line.decode().split(": ", 1)
                      for line in head.split(b"\r\n")[1:])
        fields = {name.lower(): value for name, value in fields.items()}
        parts.append((fields["content-range"], fields, data))
    return parts


class Reading:
    """A mixin: SIZE bytes at self.path, and how to ask for them."""

    def setUp(self):
        made = self.upload(DATA, "/files/r", {"Content-Type": "text/x-r"})
        self.path = "/files/r"
        self.tag = made["etag"]
        self.modified = self.get().get("Last-Modified")

    def get(self, headers=(), method="GET", path=None):
        """One request for the file."""
        return self.http(method, path or self.path, headers)

    def assert_whole(self, answer):
        """A 200 with all of it."""
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.get("Content-Length"), str(SIZE))
        self.assertIsNone(answer.get("Content-Range"))
        self.assert_same(answer.body, DATA)

    def assert_part(self, answer, first, last):
        """A 206 with one range."""
        self.assertEqual(answer.status, 206, answer)
        self.assertEqual(answer.get("Content-Range"),
                         f"bytes {first}-{last}/{SIZE}")
        self.assertEqual(answer.get("Content-Length"), str(last - first + 1))
        self.assert_same(answer.body, DATA[first:last + 1])

    def assert_parts(self, answer, spans):
        """A 206 with these ranges, in this order."""
        self.assertEqual(answer.status, 206, answer)
        self.assertIsNone(answer.get("Content-Range"))
        self.assertEqual(answer.get("Content-Length"), str(len(answer.body)))
        parts = parse_parts(answer)
        self.assertEqual([p[0] for p in parts],
                         [f"bytes {a}-{b}/{SIZE}" for a, b in spans])
        kind = self.get().get("Content-Type")
        for (_, fields, data), (first, last) in zip(parts, spans):
            self.assertEqual(fields["content-type"], kind)
            self.assert_same(data, DATA[first:last + 1])

    def assert_unsatisfiable(self, answer):
        """A 416 that tells the size."""
        self.assert_problem(answer, 416)
        self.assertEqual(answer.get("Content-Range"), f"bytes */{SIZE}")


class Lazily:
    """A mixin: what is read is fetched in pieces as it is read."""

    OPTIONS = [*ALLOW, "fetch.block_size=16", "fetch.probe_size=1"]

    def fetch_lazily(self, data, **how):
        """The descriptor of a file of which next to nothing is there."""
        origin = Origin()
        self.addCleanup(origin.close)
        url = origin.add("/r", Page(data, etag='"v1"', **how))
        answer = self.http("POST", "/fetch", {
            "Content-Type": "application/json", "Prefer": "wait=60",
        }, json.dumps({"url": url, "mode": "lazy"}).encode())
        made = self.json(answer, 202)
        self.assertEqual(made["storage"]["tier"], "remote")
        self.assertLess(made["received"], 32)
        return made


class ReadingLazily(Lazily, Reading):
    """The same bytes, far away."""

    def setUp(self):
        made = self.fetch_lazily(DATA, type="text/x-r")
        self.path = made["links"]["self"]
        self.tag = made["etag"]
        self.modified = self.get(method="HEAD").get("Last-Modified")


def zip_of(method):
    """An archive whose one entry `e.txt` is DATA, by this method."""
    if not method:
        return raw_zip([{"name": b"e.txt", "data": DATA}])
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(DATA) + packer.flush()
    return raw_zip([{"name": b"e.txt", "data": DATA, "method": method,
                     "packed": packed}])


class ReadingEntry(Reading):
    """The same bytes as an entry of an archive."""

    METHOD = 0

    def setUp(self):
        self.upload(zip_of(self.METHOD), "/files/a")
        self.read_entry("/files/a")

    def read_entry(self, archive):
        """The cases are about the entry of this one."""
        self.path = archive + "/zip/e.txt"
        answer = self.get(method="HEAD")
        self.tag = answer.get("ETag")
        self.modified = answer.get("Last-Modified")


class ReadingEntryLazily(Lazily, ReadingEntry):
    """As an entry of an archive that is far away."""

    def setUp(self):
        made = self.fetch_lazily(zip_of(self.METHOD))
        self.read_entry(made["links"]["self"])
