# SPDX-License-Identifier: MIT
"""Zip archives: listing them and reading their entries in place.

Source: API.md section 5; APPNOTE 4.3, 4.4; RFC 9110 sections 12.5.3, 14.
"""
import gzip
import io
import json
import zipfile
from urllib.parse import quote

from harness import Case, Worker, main, table, until
from samples import ENTRIES, content, many_zip, raw_zip, sample_zip
from zips import BY_NAME, FILES, Zips


def number(value, base):
    """A number that may be written as text."""
    return int(value, base) if isinstance(value, str) else value


class Entries(Zips):
    """The cases."""

    # -- listing ----------------------------------------------------------

    def test_list(self):
        page = self.json(self.http("GET", "/files/z/zip"))
        self.assertEqual((page["count"], page["comment"]),
                         (len(ENTRIES), "made for a test"))
        self.assertIsNone(page["next"])
        with zipfile.ZipFile(io.BytesIO(sample_zip())) as archive:
            infos = archive.infolist()
        self.assertEqual(len(page["entries"]), len(infos))
        for index, (entry, info) in enumerate(zip(page["entries"], infos)):
            self.assertEqual(
                (entry["index"], entry["name"], entry["size"],
                 entry["compressed_size"], entry["is_dir"],
                 entry["encrypted"]),
                (index, info.filename, info.file_size, info.compress_size,
                 info.is_dir(), False))
            self.assertEqual(number(entry["crc32"], 16), info.CRC)
            self.assertIn("2024-02-29", str(entry["modified"]))
            self.assertEqual(number(entry["mode"], 8) & 0o777,
                             info.external_attr >> 16 & 0o777)
            self.assertRegex(str(entry["method"]),
                             "^(8|deflated?)$" if info.compress_type
                             else "^(0|stored?)$")
            self.assertFalse(entry.get("unsafe", False))

    def test_plain_names(self):
        answer = self.http("GET", "/files/z/zip", {"Accept": "text/plain"})
        self.assertEqual(answer.status, 200)
        self.assertRegex(answer.get("Content-Type"), "^text/plain")
        self.assertEqual(answer.body.decode(),
                         "".join(f"{name}\n" for name, *_ in ENTRIES))

    def test_ndjson(self):
        answer = self.http("GET", "/files/z/zip",
                           {"Accept": "application/x-ndjson"})
        self.assertEqual(answer.status, 200)
        self.assertRegex(answer.get("Content-Type"), "^application/x-ndjson")
        entries = [json.loads(line) for line in answer.body.splitlines()]
        self.assertEqual(entries, self.list())

    @table(("1", 1), ("3", 3), ("all", len(ENTRIES)), ("more", 100))
    def test_pages(self, limit):
        first = self.json(self.http("GET", f"/files/z/zip?limit={limit}"))
        self.assertEqual(len(first["entries"]), min(limit, len(ENTRIES)))
        self.assertEqual([e["name"] for e in self.list(f"limit={limit}")],
                         [name for name, *_ in ENTRIES])

    @table(("deep/", "deep/", ["deep/er/big.txt", "deep/noise.bin"]),
           ("none", "nothing", []), ("exact", "empty", ["empty"]),
           ("non-ASCII", "Grüße/", ["Grüße/日本語.txt"]))
    def test_prefix(self, prefix, names):
        for extra in ("", "&limit=1"):
            found = self.list(f"prefix={quote(prefix, safe='')}{extra}")
            self.assertEqual([e["name"] for e in found], names)

    @table(("limit word", "limit=x"), ("limit negative", "limit=-1"))
    def test_bad_parameter(self, query):
        self.assert_problem(self.http("GET", f"/files/z/zip?{query}"), 400)

    def test_many(self):
        self.upload(many_zip(5000), "/files/many")
        names = [f"f/{i:05}" for i in range(5000)]
        self.assertEqual([e["name"] for e in self.list("", "many")], names)
        answer = self.http("GET", "/files/many/zip", {"Accept": "text/plain"})
        self.assertEqual(answer.body.decode().split("\n")[:-1], names)
        for index in (0, 2500, 4999):
            self.assertEqual(self.entry(names[index], of="many").body,
                             b"%d" % index)

    # -- entries ----------------------------------------------------------

    @table(*[(name, index, name, data) for index, name, data in FILES])
    def test_entry(self, index, name, data):
        targets = [quote(name, safe=""), quote(name), f"?index={index}"]
        tags = set()
        for target in targets:
            answer = self.http("GET", f"/files/z/zip/{target}")
            self.assertEqual(answer.status, 200, answer)
            self.assert_same(answer.body, data)
            self.assertEqual(answer.get("X-Content-Type-Options"), "nosniff")
            self.assertIsNone(answer.get("Content-Encoding"))
            tags.add(answer.get("ETag"))
        self.assertEqual(len(tags), 1)
        self.assertRegex(tags.pop(), '^"[!-~]+"$')

    def test_tags_differ(self):
        tags = {self.entry(name).get("ETag") for _, name, _ in FILES}
        self.assertEqual(len(tags), len(FILES))

    @table(("stored", "stored.bin"), ("deflated", "deep/er/big.txt"),
           ("empty", "empty"))
    def test_head(self, name):
        answer = self.entry(name, method="HEAD")
        self.assertEqual((answer.status, answer.get("Content-Length")),
                         (200, str(len(BY_NAME[name]))))
        self.assertEqual(answer.get("ETag"), self.entry(name).get("ETag"))
        self.assertEqual(answer.get("Accept-Ranges"), "bytes")

    @table(*[(f"{kind} {value}", name, value) for kind, name in (
        ("stored", "stored.bin"), ("deflated", "deep/er/big.txt"))
        for value in ("0-0", "0-99", "1000-1999", "49000-", "-1", "-100",
                      "32768-32768", "100-99999999")])
    def test_range(self, name, value):
        data = BY_NAME[name]
        answer = self.entry(name, {"Range": f"bytes={value}"})
        first, last = value.split("-")
        first = int(first) if first else len(data) - int(last)
        last = (min(int(last), len(data) - 1)
                if last and not value.startswith("-") else len(data) - 1)
        self.assertEqual(answer.status, 206, answer)
        self.assertEqual(answer.get("Content-Range"),
                         f"bytes {first}-{last}/{len(data)}")
        self.assert_same(answer.body, data[first:last + 1])

    @table(("stored", "stored.bin"), ("deflated", "deep/er/big.txt"))
    def test_range_past_the_end(self, name):
        size = len(BY_NAME[name])
        answer = self.entry(name, {"Range": f"bytes={size}-"})
        self.assert_problem(answer, 416)
        self.assertEqual(answer.get("Content-Range"), f"bytes */{size}")

    @table(("stored", "stored.bin"), ("deflated", "deep/er/big.txt"))
    def test_conditions(self, name):
        data = BY_NAME[name]
        tag = self.entry(name).get("ETag")
        answer = self.entry(name, {"If-None-Match": tag})
        self.assertEqual((answer.status, answer.get("ETag")), (304, tag))
        self.assert_problem(self.entry(name, {"If-Match": '"x"'}), 412)
        span = {"Range": "bytes=5-9"}
        self.assertEqual(self.entry(name, {**span, "If-Range": tag}).body,
                         data[5:10])
        self.assert_same(self.entry(name, {**span, "If-Range": '"x"'}).body,
                         data)

    @table(*[(f"{kind} {coding}", target, {"Accept-Encoding": coding})
             for kind, target in (("stored", "/stored.bin"),
                                  ("deflated", "/deep%2Fer%2Fbig.txt"))
             for coding in ("identity", "gzip")],
           *[(form, "", {"Accept": form}) for form in (
               "application/json", "application/x-ndjson", "text/plain")])
    def test_not_modified(self, target, headers):
        path = f"/files/z/zip{target}"
        whole = self.http("GET", path, headers)
        tag = whole.get("ETag")
        self.assertTrue(whole.get("Vary") or "stored" in target)
        for value in (tag, f'"x", {tag}', tag.removeprefix("W/"),
                      "W/" + tag.removeprefix("W/"), "*"):
            answer = self.http("GET", path,
                               {**headers, "If-None-Match": value})
            self.assertEqual((answer.status, answer.body), (304, b""), value)
            for name in ("ETag", "Cache-Control", "Vary", "Last-Modified"):
                self.assertEqual(answer.get(name), whole.get(name), name)
            self.assertIn(answer.get("Content-Length"),
                          (None, str(len(whole.body))))
            self.assertIsNone(answer.get("Accept-Ranges"))

    def test_listing_is_weak(self):
        # What is wrong with an entry may be found out later.
        tag = self.http("GET", "/files/z/zip").get("ETag")
        self.assertRegex(tag, '^W/"[!-~]+"$')
        for value in (tag, tag.removeprefix("W/")):
            self.assert_problem(self.http(
                "GET", "/files/z/zip", {"If-Match": value}), 412)
        self.assertEqual(self.http(
            "GET", "/files/z/zip", {"If-None-Match": '"x"'}).status, 200)

    @table(("JSON", "application/json", "limit=3000"),
           ("lines", "application/x-ndjson", ""), ("text", "text/plain", ""),
           ("a part", "application/json", "limit=1000&after=999"),
           ("a short part", "application/json", "limit=10"))
    def test_long_listing_told(self, accept, query):
        # Of several pieces, and as long as those together: who is told of it
        # alone can go on with the connection.
        self.upload(many_zip(3000), "/files/many")
        path, fields = f"/files/many/zip?{query}", {"Accept": accept}
        whole, conn = self.http("GET", path, fields), self.conn()
        for method, etag in (("GET", whole.get("ETag")), ("HEAD", '"x"'),
                             ("HEAD", whole.get("ETag"))):
            answer = conn.request(method, path, {
                **fields, "If-None-Match": etag})
            self.assertEqual((answer.status, answer.body),
                             (200 if etag == '"x"' else 304, b""))
            self.assertIsNone(answer.get("Connection"))
            self.assertEqual(answer.get("Content-Length"),
                             str(len(whole.body)))
            self.assertEqual(answer.get("ETag"), whole.get("ETag"))

    def test_gzip_accepted(self):
        # Coded or not: whoever decodes as told gets the entry.
        name = "deep/er/big.txt"
        plain = self.entry(name)
        answer = self.entry(name, {"Accept-Encoding": "gzip"})
        if answer.get("Content-Encoding") == "gzip":
            self.assert_same(gzip.decompress(answer.body), BY_NAME[name])
            self.assertLess(len(answer.body), len(BY_NAME[name]))
            self.assertNotEqual(answer.get("ETag"), plain.get("ETag"))
            self.assertIn("accept-encoding", answer.get("Vary", "").lower())
        else:
            self.assert_same(answer.body, BY_NAME[name])
        answer = self.entry(name, {"Accept-Encoding": "gzip",
                                   "Range": "bytes=0-9"})
        if answer.status == 206:
            self.assertIsNone(answer.get("Content-Encoding"))
            self.assertEqual(answer.body, BY_NAME[name][:10])

    @table(("no gzip", "identity"), ("q=0", "gzip;q=0"), ("other", "br"))
    def test_gzip_not_accepted(self, accept):
        answer = self.entry("deep/er/big.txt", {"Accept-Encoding": accept})
        self.assertIsNone(answer.get("Content-Encoding"))
        self.assert_same(answer.body, BY_NAME["deep/er/big.txt"])

    @table(("name", quote("no such")), ("index", "?index=8"),
           ("index huge", "?index=99999999999999999999"),
           ("prefix of a name", "deep"), ("case", "README.TXT"))
    def test_missing(self, target):
        self.assert_problem(self.http("GET", f"/files/z/zip/{target}"),
                            (400, 404) if "huge" in target or "9999" in target
                            else 404)

    @table(("index word", "?index=x"), ("index negative", "?index=-1"),
           ("bad escape", "a%4"))
    def test_bad_entry(self, target):
        self.assert_problem(self.http("GET", f"/files/z/zip/{target}"),
                            (400, 404))

    def test_missing_file(self):
        for target in ("zip", "zip/a"):
            self.assert_problem(self.http("GET", f"/files/none/{target}"),
                                404)

    def test_methods(self):
        for target in ("zip", "zip/readme.txt"):
            answer = self.http("DELETE", f"/files/z/{target}")
            self.assert_problem(answer, 405)
            self.assertIn("GET", answer.get("Allow"))

    def test_at_once(self):
        jobs = [Worker(self.entry, name) for _, name, _ in FILES * 5]
        for job, (_, _, data) in zip(jobs, FILES * 5):
            self.assert_same(job.result().body, data)

    def test_readers_that_leave(self):
        self.upload(sample_zip(pad=3000000), "/files/pad")
        for turn in range(10):
            conn = self.conn(rcvbuf=4096)
            conn.send_request("GET", "/files/pad/zip/pad")
            conn.read_head()
            conn.read_body(1000)
            if turn % 2:
                conn.reset()
            else:
                conn.close()
        self.assert_same(self.entry("pad", of="pad").body,
                         content(3000000, 7))

    def test_entry_of_a_deleted_archive(self):
        self.upload(sample_zip(pad=3000000), "/files/pad")
        conn = self.conn(rcvbuf=4096)
        conn.send_request("GET", "/files/pad/zip/pad")
        conn.read_head()
        self.assertEqual(self.http("DELETE", "/files/pad").status, 204)
        self.assert_same(conn.read_body(), content(3000000, 7))

    def test_replaced_archive(self):
        self.list()
        self.upload(raw_zip([{"name": b"new", "data": b"new"}]), "/files/z")
        self.assertEqual([e["name"] for e in self.list()], ["new"])
        self.assertEqual(self.entry("new").body, b"new")
        self.assert_problem(self.entry("readme.txt"), 404)

    def test_reading_writes_nothing(self):
        # Files of archives that were replaced are closed a little later.
        until(lambda: len(self.daemon.open_files()) <=
              len(self.pages("/files?", "files")), "replaced files to go")
        before = self.daemon.files(), self.daemon.open_files()
        self.list()
        for _, name, data in FILES:
            self.assert_same(self.entry(name).body, data)
            self.entry(name, {"Range": "bytes=-1"})
        self.assertEqual((self.daemon.files(), self.daemon.open_files()),
                         before)


class Memory(Entries, Case):
    """Archives in memory."""

    OPTIONS = ["spool.memory_max=16M"]


class Disk(Entries, Case):
    """Archives on disk."""

    OPTIONS = ["spool.memory_max=0"]


if __name__ == "__main__":
    main()
