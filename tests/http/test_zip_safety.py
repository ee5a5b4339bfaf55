# SPDX-License-Identifier: MIT
"""Zip archives that are dangerous, and what is told and done about them.

Source: API.md section 5; APPNOTE 4.3, 4.4.
"""
import io
import struct
import zipfile
import zlib

from daemon import MemoryWatch, SANITIZED
from harness import Case, Truncated, main, table, until
from samples import content, many_zip, raw_zip, sample_zip, text
from zips import deflate

MIB = 1 << 20


def plain(**more):
    """An entry for raw_zip()."""
    return {"name": b"a", "data": b"hello", **more}


def patched(data, *changes):
    """Bytes with some of them changed: (offset, bytes)."""
    out = bytearray(data)
    for offset, new in changes:
        out[offset:offset + len(new)] = new
    return bytes(out)


def quine(count=250, size=20 * MIB):
    """Entries that are all the same bytes: a bomb without a high ratio."""
    packed = deflate(b"\0" * size)
    head = struct.pack("<HHHLLLLHH", 20, 0, 8, 0, zlib.crc32(b"\0" * size),
                       len(packed), size, 1, 0)
    body = b"PK\3\4" + head + b"n" + packed
    directory = b"".join(
        b"PK\1\2\x14\3" + head[:-2] + struct.pack("<HHHHLL", 0, 0, 0, 0, 0, 0)
        + b"n" for _ in range(count))
    return body + directory + b"PK\5\6" + struct.pack(
        "<HHHHLLH", 0, 0, count, count, len(directory), len(body), 0)


GOOD = raw_zip([plain(), plain(name=b"b")])
SECOND = GOOD.index(b"PK\3\4", 4)           # the second local header
DIRECTORY = GOOD.index(b"PK\1\2")
RECORD_2 = GOOD.index(b"PK\1\2", DIRECTORY + 4)

# What makes an archive dangerous, and how that is called.
HAZARDS = [
    ("parent", raw_zip([plain(name=b"../a")]), "unsafe-name"),
    ("absolute", raw_zip([plain(name=b"/etc/x")]), "unsafe-name"),
    ("twice", raw_zip([plain(), plain()]), "duplicate-name"),
    ("file and folder", raw_zip([plain(), plain(name=b"a/", data=b"")]),
     "duplicate-name"),
    ("link", patched(GOOD, (DIRECTORY + 40, b"\xff\xa1")), "special-file"),
    ("shared bytes", patched(GOOD, (RECORD_2 + 42, b"\0\0\0\0")), "overlap"),
    ("inside another", patched(GOOD, (RECORD_2 + 42, b"\5\0\0\0")),
     "overlap"),
    ("outside", patched(GOOD, (RECORD_2 + 42, b"\xff\xff\0\0")), "outside"),
    ("size lie", raw_zip([plain(size=6)]), "sizes"),
    ("impossible size", raw_zip([plain(
        method=8, packed=deflate(b"hello"), size=MIB)]), "sizes"),
    ("bomb", raw_zip([plain(data=b"\0" * 2 * MIB, method=8,
                            packed=deflate(b"\0" * 2 * MIB))]), "ratio"),
    ("other name", patched(GOOD, (SECOND + 30, b"c")), "local-header"),
    ("other crc", patched(GOOD, (SECOND + 14, b"\1\2\3\4")), "local-header"),
    ("other method", patched(GOOD, (SECOND + 8, b"\x0c")), "local-header"),
    ("no header", patched(GOOD, (SECOND, b"xx")), "local-header"),
    ("end in the comment", GOOD[:-2] + b"\x04\0PK\5\6", "several-ends"),
]

# What is odd, and no danger by itself.
ODDITIES = [
    ("device", raw_zip([plain(name=b"con.txt")]), "odd-name"),
    ("dot", raw_zip([plain(name=b"./a")]), "odd-name"),
    ("code page", raw_zip([plain(name=b"na\x8bve")]), "name-charset"),
    ("folder with bytes", raw_zip([plain(name=b"a/")]), "folder"),
    ("encrypted", raw_zip([plain(data=b"12 bytes and the content", flags=1,
                                 size=12)]), "encrypted"),
    ("program before it", b"#!/bin/sh\n" + GOOD, "prepended-data"),
    ("bytes behind it", GOOD + b"xyz", "trailing-data"),
    ("bytes in it", patched(
        GOOD[:SECOND] + b"gap" + GOOD[SECOND:],
        (RECORD_2 + 3 + 42, struct.pack("<L", SECOND + 3)),
        (len(GOOD) + 3 - 6, struct.pack("<L", DIRECTORY + 3))),
     "hidden-data"),
]


class Told(Case):
    """By default what is wrong is told, and what can be read is."""

    def warnings(self, data):
        """The words of an archive."""
        self.upload(data, "/files/z")
        page = self.json(self.http("GET", "/files/z/zip"))
        again = self.json(self.http("GET", "/files/z/zip"))
        self.assertEqual(page, again)
        return page, {w["kind"]: w for w in page["warnings"]}

    @table(("small", GOOD), ("sample", sample_zip()), ("many", many_zip(3000)),
           ("empty", raw_zip([])))
    def test_nothing(self, data):
        page, words = self.warnings(data)
        # A name of the sample is odd on purpose.
        self.assertLessEqual(set(words), {"odd-name"})
        self.assertTrue(page["headers_checked"])

    @table(*HAZARDS)
    def test_hazard(self, data, word):
        page, words = self.warnings(data)
        self.assertIn(word, words)
        self.assertTrue(words[word]["hazard"])
        if word == "several-ends":
            return
        self.assertGreaterEqual(words[word]["count"], 1)
        entry = page["entries"][words[word]["first"]]
        self.assertTrue(word in entry["warnings"] or entry["unsafe"], entry)
        told = sum(word in e["warnings"] or
                   (word == "unsafe-name" and e["unsafe"])
                   for e in page["entries"])
        self.assertEqual(told, words[word]["count"])

    @table(*ODDITIES)
    def test_oddity(self, data, word):
        page, words = self.warnings(data)
        self.assertIn(word, words)
        self.assertFalse(words[word]["hazard"])
        if word == "prepended-data":
            for index, name in enumerate(("a", "b")):
                answer = self.http("GET", f"/files/z/zip/{name}")
                self.assertEqual(answer.body, b"hello")
                self.assertEqual(page["entries"][index]["name"], name)

    def test_zip64(self):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            with archive.open("big", "w", force_zip64=True) as entry:
                entry.write(b"hello")
        # zipfile says so in the local header alone: the end does not.
        _, words = self.warnings(out.getvalue())
        self.assertEqual(words, {})

    @table(("offsets as written", 0), ("offsets moved", 1))
    def test_program_before_it(self, moved):
        stub = b"MZ" + content(5000)
        data = GOOD
        if moved:
            data = patched(
                data, (DIRECTORY + 42, struct.pack("<L", len(stub))),
                (RECORD_2 + 42, struct.pack("<L", len(stub) + SECOND)),
                (len(GOOD) - 6, struct.pack("<L", len(stub) + DIRECTORY)))
        page, words = self.warnings(stub + data)
        self.assertEqual(set(words), {"prepended-data"})
        self.assertEqual([e["offset"] for e in page["entries"]],
                         [len(stub), len(stub) + SECOND])
        self.assertEqual(self.http("GET", "/files/z/zip/b").body, b"hello")

    def test_two_directories(self):
        # The end fits the directory of either: nobody shall guess.
        self.upload(GOOD + GOOD, "/files/z")
        self.assert_problem(self.http("GET", "/files/z/zip"), 422,
                            "unsafe-zip")

    @table(("shared bytes", HAZARDS[5][1]), ("inside another", HAZARDS[6][1]))
    def test_overlapping_entry(self, data):
        self.upload(data, "/files/z")
        for index in (0, 1):
            self.assert_problem(
                self.http("GET", f"/files/z/zip/?index={index}"), 422,
                "zip-limit")

    def test_damage_is_remembered(self):
        data = raw_zip([plain(crc=1), plain(name=b"b")])
        _, words = self.warnings(data)
        self.assertNotIn("damaged", words)
        self.assert_problem(self.http("GET", "/files/z/zip/a"), 422,
                            "corrupt-zip")
        page = self.json(self.http("GET", "/files/z/zip"))
        self.assertEqual([e["warnings"] for e in page["entries"]],
                         [["damaged"], []])


    @table(("stored", 0), ("deflated", 8))
    def test_large_damaged_entry(self, method):
        # The first is told by breaking off; from then on it is known.
        data = content(20 * MIB)
        packed = zlib.compress(data, 0)[2:-4] if method else data
        self.upload(raw_zip([plain(data=data, method=method, packed=packed,
                                   crc=1)]), "/files/z")
        with self.assertRaises(Truncated):
            self.http("GET", "/files/z/zip/a")
        for kind, headers in (("GET", {}), ("GET", {"Range": "bytes=0-9"}),
                              ("GET", {"Range": "bytes=-9"}), ("POST", {}),
                              ("GET", {"Accept-Encoding": "gzip"})):
            what = "?save" if kind == "POST" else ""
            self.assert_problem(self.http(
                kind, "/files/z/zip/a" + what, headers), 422, "corrupt-zip")


class Bombs(Case):
    """What would unpack to gigabytes costs next to nothing."""

    OPTIONS = ["spool.memory_max=16M", "zip.max_ratio=100"]

    def unpacked(self):
        """Entries that were unpacked."""
        return self.metric('zip_entries_total{how="unpacked"}')

    @table(("shared bytes", quine()), ("one entry", raw_zip([plain(
        data=b"", method=8, packed=deflate(b"\0" * 64 * MIB),
        size=64 * MIB, crc=0)])))
    def test_refused(self, data):
        self.upload(data, "/files/z")
        with MemoryWatch(self.daemon) as memory:
            page = self.json(self.http("GET", "/files/z/zip"))
            self.assertTrue(any(w["hazard"] for w in page["warnings"]))
            for entry in page["entries"]:
                self.assert_problem(self.http(
                    "GET", f"/files/z/zip/?index={entry['index']}"), 422,
                    "zip-limit")
        if not SANITIZED:
            self.assertLess(memory.grown, 4 * MIB)
        self.assertEqual(self.unpacked(), 0)

    def test_of_no_ratio_is_streamed(self):
        data = text(8 * MIB)
        self.upload(raw_zip([plain(data=data, method=8,
                                   packed=deflate(data))]), "/files/z")
        with MemoryWatch(self.daemon) as memory:
            self.assert_same(self.http("GET", "/files/z/zip/a").body, data)
        if not SANITIZED:
            self.assertLess(memory.grown, 4 * MIB)
        self.assertEqual(self.unpacked(), 1)


class Denied(Case):
    """Or it is refused altogether."""

    OPTIONS = ["zip.deny=yes"]

    @table(*[row[:2] for row in HAZARDS])
    def test_hazard(self, data):
        self.upload(data, "/files/z")
        for target in ("zip", "zip/?index=0", "zip/a"):
            self.assert_problem(self.http("GET", f"/files/z/{target}"), 422,
                                "unsafe-zip")

    @table(*[row[:2] for row in ODDITIES])
    def test_oddity(self, data):
        self.upload(data, "/files/z")
        self.json(self.http("GET", "/files/z/zip"))

    def test_headers_of_many(self):
        # However many there are, each header is compared.
        data = many_zip(20000)
        self.upload(data, "/files/z")
        self.assertTrue(self.json(
            self.http("GET", "/files/z/zip"))["headers_checked"])
        last = data.rindex(b"PK\3\4")
        self.upload(patched(data, (last + 30, b"X")), "/files/z")
        self.assert_problem(self.http("GET", "/files/z/zip"), 422,
                            "unsafe-zip")


class Memory(Case):
    """What is kept of archives is bounded."""

    OPTIONS = ["zip.cache_size=1M"]

    def index_bytes(self):
        """What the metrics say."""
        return self.metric("zip_index_bytes")

    def test_bounded(self):
        data = many_zip(3000)
        for number in range(8):
            self.upload(data, f"/files/z{number}")
            answer = self.json(self.http("GET", f"/files/z{number}/zip"))
            self.assertEqual(answer["count"], 3000)
            self.assertLessEqual(self.index_bytes(), MIB)
        self.assertGreater(self.index_bytes(), MIB // 4)
        for number in range(8):
            answer = self.http("GET", f"/files/z{number}/zip/f%2F02999")
            self.assertEqual(answer.body, b"2999")
            self.http("DELETE", f"/files/z{number}")
        until(lambda: self.index_bytes() == 0, "all to go")


if __name__ == "__main__":
    main()
