# SPDX-License-Identifier: MIT
"""Zip archives that are real, strange, broken or bad on purpose.

Source: API.md section 5; APPNOTE 4.3, 4.4, 6.1.
"""
import io
import os
import re
import subprocess
import tempfile
import zipfile
import zlib

from harness import Case, WireError, main, need, table
from samples import content, many_zip, raw_zip, sample_zip, text
from zips import BY_NAME, Zips, deflate


class Archives(Zips):
    """The cases."""

    def test_made_by_zip(self):
        need("zip")
        with tempfile.TemporaryDirectory() as folder:
            os.makedirs(f"{folder}/in/sub")
            for name, data in (("a.txt", text(50000)), ("sub/b", b"b"),
                               ("sub/empty", b"")):
                with open(f"{folder}/in/{name}", "wb") as file:
                    file.write(data)
            subprocess.run(["zip", "-q", "-r", "-z", "../out.zip", "."],
                           cwd=f"{folder}/in", input=b"comment here\n",
                           check=True, timeout=60)
            with open(f"{folder}/out.zip", "rb") as file:
                self.upload(file.read(), "/files/real")
        entries = {e["name"]: e for e in self.list("", "real")}
        self.assertEqual(set(entries), {"a.txt", "sub/", "sub/b",
                                        "sub/empty"})
        self.assertTrue(entries["sub/"]["is_dir"])
        self.assert_same(self.entry("a.txt", of="real").body, text(50000))
        self.assertEqual(self.entry("sub/b", of="real").body, b"b")
        self.assertEqual(self.entry("sub/empty", of="real").body, b"")

    def test_zip64(self):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            with archive.open("big", "w", force_zip64=True) as entry:
                entry.write(content(1000))
        self.upload(out.getvalue(), "/files/z64")
        self.assert_same(self.entry("big", of="z64").body, content(1000))

    def test_empty_archive(self):
        self.upload(raw_zip([]), "/files/none-in-it")
        self.assertEqual(self.list("", "none-in-it"), [])

    def test_data_before_the_archive(self):
        # As in a self-extracting program: places are counted from its head.
        self.upload(b"#!/bin/sh\n" * 100 + sample_zip(), "/files/sfx")
        answer = self.http("GET", "/files/sfx/zip")
        if answer.status == 200:
            self.assert_same(self.entry("stored.bin", of="sfx").body,
                             BY_NAME["stored.bin"])
        else:
            self.assert_problem(answer, 422)

    @table(("empty", b""), ("text", text(5000)), ("noise", content(70000)),
           ("cut", sample_zip()[:-30]), ("only the end", sample_zip()[-22:]),
           ("half", sample_zip()[:50000]), ("PK", b"PK\3\4" + b"\0" * 100))
    def test_not_a_zip(self, data):
        self.upload(data, "/files/no")
        for target in ("zip", "zip/a"):
            problem = self.assert_problem(
                self.http("GET", f"/files/no/{target}"), 422)
            self.assertIn(problem["type"], ("/problems/not-a-zip",
                                            "/problems/corrupt-zip"))

    def test_bytes_behind_a_stream(self):
        # As they lie there, gzip's CRC would be looked for in them.
        data = text(5000)
        self.upload(raw_zip([{
            "name": b"a", "data": data, "method": 8,
            "packed": deflate(data) + b"behind it"}]), "/files/more")
        for _ in range(2):
            answer = self.entry("a", {"Accept-Encoding": "gzip"}, of="more")
            self.assertEqual(answer.status, 200)
            self.assertIsNone(answer.get("Content-Encoding"))
            self.assertEqual(answer.body, data)
        one, = self.list("", "more")
        self.assertIn("sizes", one["warnings"])

    def test_damaged_stream_is_not_passed_on(self):
        data = text(5000)
        self.upload(raw_zip([{
            "name": b"a", "data": data, "method": 8,
            "packed": deflate(data), "crc": 1}]), "/files/wrong")
        self.assert_problem(
            self.entry("a", {"Accept-Encoding": "gzip"}, of="wrong"), 422,
            "corrupt-zip")

    def assert_never_clean(self, target, wrong):
        """An entry that cannot be right is cut or refused."""
        conn = self.conn()
        conn.send_request("GET", target)
        try:
            answer = conn.read()
        except WireError:
            return
        problem = self.assert_problem(answer, 422)
        self.assertEqual(problem["type"], "/problems/corrupt-zip", wrong)

    @table(("stored", 0, 100), ("stored, large", 0, 1000000),
           ("deflated", 8, 100), ("deflated, large", 8, 1000000))
    def test_wrong_crc(self, method, size):
        data = text(size)
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packer.compress(data) + packer.flush() if method else data
        bad = {"name": b"bad", "data": data, "packed": packed,
               "method": method, "crc": 12345}
        good = {"name": b"good", "data": b"fine"}
        self.upload(raw_zip([bad, good]), "/files/crc")
        self.assert_never_clean("/files/crc/zip/bad", "crc")
        self.assertEqual(self.entry("good", of="crc").body, b"fine")

    @table(("in the middle", 0.5), ("at the start", 0.0),
           ("near the end", 0.98))
    def test_damaged_deflate(self, where):
        data = bytearray(sample_zip())
        with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
            info = archive.getinfo("deep/er/big.txt")
        at = (info.header_offset + 30 + len(info.filename)
              + int(info.compress_size * where))
        for index in range(at, at + 8):
            data[index] ^= 0xFF
        self.upload(bytes(data), "/files/dam")
        self.assert_never_clean("/files/dam/zip/deep%2Fer%2Fbig.txt", "data")
        self.assertEqual(self.entry("stored.bin", of="dam").status, 200)

    @table(("size too large", {"size": 200}), ("size too small", {"size": 3}),
           ("unknown method", {"method": 99}),
           ("deflate of nothing", {"method": 8, "packed": b""}))
    def test_lying_entry(self, how):
        self.upload(raw_zip([{"name": b"lie", "data": b"hello", **how}]),
                    "/files/lie")
        conn = self.conn()
        conn.send_request("GET", "/files/lie/zip/lie")
        try:
            answer = conn.read()
        except WireError:
            return
        self.assert_problem(answer, 422)

    def test_encrypted(self):
        need("zip")
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/s.txt", "wb") as file:
                file.write(b"secret")
            subprocess.run(["zip", "-q", "-P", "pw", "e.zip", "s.txt"],
                           cwd=folder, check=True, timeout=60)
            with open(f"{folder}/e.zip", "rb") as file:
                self.upload(file.read(), "/files/enc")
        one, = self.list("", "enc")
        self.assertTrue(one["encrypted"])
        self.assert_problem(self.entry("s.txt", of="enc"), 422,
                            "encrypted-entry")

    @table(("parent", b"../../etc/passwd"), ("absolute", b"/etc/passwd"),
           ("backslash", b"..\\evil.exe"), ("dots", b".."),
           ("drive", b"C:\\x"))
    def test_unsafe_name(self, name):
        self.upload(raw_zip([{"name": name, "data": b"data"},
                             {"name": b"safe", "data": b"s"}]), "/files/uns")
        before = self.daemon.files()
        unsafe, safe = self.list("", "uns")
        self.assertEqual(unsafe["name"], name.decode())
        self.assertTrue(unsafe["unsafe"])
        self.assertFalse(safe.get("unsafe", False))
        answer = self.http("GET", "/files/uns/zip/?index=0")
        self.assertEqual(answer.body, b"data")
        self.assertNotRegex(answer.get("Content-Disposition", ""), r"\.\./")
        self.assertEqual(self.daemon.files(), before)

    @table(("control", b"a\x1b[2Jb\r\nX: y"), ("quote", b'a"b'),
           ("not UTF-8", b"a\xff\xfeb"), ("long", b"n" * 60000))
    def test_odd_name(self, name):
        self.upload(raw_zip([{"name": name, "data": b"data"}]), "/files/odd")
        one, = self.list("", "odd")
        self.assertEqual(one["size"], 4)
        answer = self.http("GET", "/files/odd/zip/?index=0")
        self.assertEqual((answer.status, answer.body), (200, b"data"))
        self.assertIsNone(answer.get("X"))
        plain = self.http("GET", "/files/odd/zip", {"Accept": "text/plain"})
        self.assertEqual(plain.body.count(b"\n"), 1)

    def test_duplicate_names(self):
        self.upload(raw_zip([{"name": b"d", "data": b"one"},
                             {"name": b"d", "data": b"two"}]), "/files/dup")
        self.assertEqual([e["name"] for e in self.list("", "dup")],
                         ["d", "d"])
        self.assertEqual(
            [self.http("GET", f"/files/dup/zip/?index={i}").body
             for i in (0, 1)], [b"one", b"two"])
        self.assertIn(self.entry("d", of="dup").body, (b"one", b"two"))


class Memory(Archives, Case):
    """Archives in memory."""

    OPTIONS = ["spool.memory_max=16M"]


class Disk(Archives, Case):
    """Archives on disk."""

    OPTIONS = ["spool.memory_max=0"]


class Limits(Case):
    """[zip] limits."""

    OPTIONS = ["zip.max_entries=100", "zip.max_entry_size=100000",
               "zip.max_ratio=50"]

    def test_entries(self):
        self.upload(many_zip(100), "/files/z")
        self.assertEqual(self.http("GET", "/files/z/zip").status, 200)
        self.upload(many_zip(101), "/files/z")
        self.assert_problem(self.http("GET", "/files/z/zip"), 422,
                            "zip-limit")

    def zip_of(self, data):
        """An archive with one deflated entry."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("e", data)
        self.upload(out.getvalue(), "/files/z")
        return self.http("GET", "/files/z/zip/e")

    def test_entry_size(self):
        self.assertEqual(self.zip_of(content(100000)).status, 200)
        self.assert_problem(self.zip_of(content(100001)), 422, "zip-limit")

    def test_ratio(self):
        self.assertEqual(self.zip_of(text(90000)).status, 200)
        self.assert_problem(self.zip_of(b"\0" * 90000), 422, "zip-limit")

    def test_entry_that_lies_about_its_size(self):
        # It says 10 bytes and unpacks to 10 MB: never more than it said.
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packer.compress(b"\0" * 10000000) + packer.flush()
        self.upload(raw_zip([{
            "name": b"bomb", "data": b"\0" * 10, "method": 8,
            "packed": packed}]), "/files/z")
        conn = self.conn()
        conn.send_request("GET", "/files/z/zip/bomb")
        try:
            answer = conn.read()
        except WireError as cut:
            self.assertLessEqual(len(getattr(cut, "body", b"")), 10)
            return
        self.assert_problem(answer, 422)
        self.assertFalse(re.search(rb"\0", answer.body))


if __name__ == "__main__":
    main()
