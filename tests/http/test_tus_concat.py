# SPDX-License-Identifier: MIT
"""tus 1.0.0: concatenation and concatenation-unfinished.

Source: tus 1.0.0.
"""
from urllib.parse import quote

from harness import main, table, until
from resuming import OFFSET_TYPE, TUS, TusCase, encode
from samples import ENTRIES, content, digest_field, sample_zip, sha256


class Concatenation(TusCase):
    """Uploads put together of parts."""

    def test_2A56_partial(self):
        before = self.file_count()
        url = self.create(6, Upload_Concat="partial")
        self.append(url, 0, b"abc")
        self.append(url, 3, b"def")
        # A part is found by its URL, and is not a file among others.
        self.assertEqual(self.file_count(), before)
        self.assert_upload(url, b"abcdef")

    @table(("relative", "{}"), ("absolute", "http://{host}{}"),
           ("scheme", "HTTP://{host}{}"))
    def test_2A57_final(self, form):
        host = "%s:%d" % self.daemon.address
        pieces = [content(5000, 1), content(1, 2), b"", content(90000, 3)]
        urls = [self.partial(piece) for piece in pieces]
        answer = self.final([form.format(url, host=host) for url in urls])
        self.assertEqual(answer.status, 201, answer)
        url = answer.get("Location")
        whole = b"".join(pieces)
        self.assert_upload(url, whole)
        self.assertEqual(self.head(url).get("Upload-Length"),
                         str(len(whole)))

    def test_2A57_relative_to_the_request(self):
        url = self.partial(b"abc")
        name = url.removeprefix("/files/")
        for target, reference in (("/files/", name),
                                  ("/files", f"files/{name}")):
            answer = self.tus("POST", target, {
                "Upload-Concat": f"final;{reference}"})
            self.assertEqual(answer.status, 201, answer)
            self.assert_upload(answer.get("Location"), b"abc")

    def test_2A57_larger_than_memory(self):
        pieces = [content(2500000, seed) for seed in range(3)]
        urls = [self.partial(piece) for piece in pieces]
        url = self.final(urls).get("Location")
        # Whoever reads it meanwhile gets all of it.
        self.assert_content(url[7:], b"".join(pieces))
        self.assert_upload(url, b"".join(pieces))

    def test_2A58_length_with_a_final_one(self):
        url = self.partial(b"abc")
        for field in ("Upload-Length", "Upload-Defer-Length"):
            answer = self.final([url], {field: "1"})
            self.assert_problem(answer, 400)

    @table(("none", ""), ("spaces", "   "), ("unknown", "/files/nosuch"),
           ("elsewhere", "http://other.example/files/x"),
           ("no file", "/healthz"), ("path", "/files/../healthz"),
           ("below", "/files/x/info"), ("whole", "{whole}"),
           ("plain", "{plain}"), ("second", "{part} /files/nosuch"),
           ("other host", "http://127.0.0.1.evil{part}"))
    def test_2A59_no_part(self, urls):
        before = self.file_count()
        whole = self.create(3)
        text = urls.format(whole=whole, part=self.partial(b"abc"),
                           plain=self.upload(b"x")["links"]["self"])
        answer = self.tus("POST", "/files",
                          {"Upload-Concat": f"final;{text}"})
        self.assert_problem(answer, (400, 404))
        self.assertEqual(self.file_count(), before + 2)

    def test_2A60_twice_and_in_several(self):
        a, b = self.partial(b"abc"), self.partial(b"xyz")
        first = self.final([a, b, a]).get("Location")
        second = self.final([b, b]).get("Location")
        self.assert_upload(first, b"abcxyzabc")
        self.assert_upload(second, b"xyzxyz")

    def test_2A61_complete_with_complete_parts(self):
        url = self.final([self.partial(b"abc"),
                          self.partial(b"de")]).get("Location")
        self.wait_state(url[7:], "ready")
        answer = self.head(url)
        self.assertEqual(answer.get("Upload-Length"), "5")
        self.assertEqual(answer.get("Upload-Offset"), "5")

    def test_2A62_before_its_parts(self):
        a = self.create(6, Upload_Concat="partial")
        b = self.create(Upload_Defer_Length="1", Upload_Concat="partial")
        answer = self.final([a, b])
        self.assertEqual(answer.status, 201)
        url = answer.get("Location")
        answer = self.head(url)
        self.assertIsNone(answer.get("Upload-Offset"))
        self.assertIsNone(answer.get("Upload-Length"))
        self.append(b, 0, b"ghi")
        self.append(a, 0, b"abc")
        self.append(b, 3, b"", {"Upload-Length": "3"})
        answer = self.head(url)
        self.assertIsNone(answer.get("Upload-Offset"))
        self.assertEqual(answer.get("Upload-Length"), "9")
        # What is there already can be read.
        self.wait_received(url[7:], 3)
        reader = self.conn()
        reader.send_request("GET", url)
        self.assertEqual(reader.read_head().get("Content-Length"), "9")
        self.assertEqual(reader.read_body(3), b"abc")
        self.append(a, 3, b"def")
        self.assertEqual(reader.read_body(), b"defghi")
        self.assert_upload(url, b"abcdefghi")
        self.assertEqual(self.head(url).get("Upload-Offset"), "9")

    def test_2A62_a_part_is_deleted(self):
        a = self.partial(b"abc")
        b = self.create(6, Upload_Concat="partial")
        url = self.final([a, b]).get("Location")
        self.wait_received(url[7:], 3)
        reader = self.conn()
        reader.send_request("GET", url)
        self.tus("DELETE", b)
        self.wait_state(url[7:], "failed")
        self.assert_cut(reader)
        self.assertEqual(self.tus("HEAD", url).status, 410)

    def test_2A62_deleted_while_it_waits(self):
        part = self.create(6, Upload_Concat="partial")
        url = self.final([part]).get("Location")
        self.assertEqual(self.tus("DELETE", url).status, 204)
        self.append(part, 0, b"abcdef")
        self.assertEqual(self.tus("HEAD", url).status, 410)
        self.assert_upload(part, b"abcdef")

    def test_2A63_patch_of_a_final_one(self):
        url = self.final([self.partial(b"abc")]).get("Location")
        self.wait_state(url[7:], "ready")
        for offset, data in ((3, b"x"), (3, b""), (0, b"abc")):
            self.assert_problem(self.patch(url, offset, data), 403)
        self.assert_content(url[7:], b"abc")
        waiting = self.final([self.create(3, Upload_Concat="partial")])
        self.assert_problem(
            self.patch(waiting.get("Location"), 0, b"abc"), 403)

    def test_2A64_head_tells_it_as_it_was_sent(self):
        part = self.partial(b"abc")
        answer = self.head(part)
        self.assertEqual(answer.get("Upload-Concat"), "partial")
        self.assertEqual(answer.get("Upload-Offset"), "3")
        url = self.final([part, part]).get("Location")
        self.assertEqual(self.head(url).get("Upload-Concat"),
                         f"final;{part} {part}")

    def test_2A65_metadata_is_not_inherited(self):
        part = self.create(3, Upload_Concat="partial",
                           Upload_Metadata="filename " + encode("part"))
        self.append(part, 0, b"abc")
        url = self.final([part]).get("Location")
        self.assertIsNone(self.head(url).get("Upload-Metadata"))
        self.assertIsNone(self.info(url[7:])["name"])
        own = "filename " + encode("whole")
        url = self.final([part], {"Upload-Metadata": own}).get("Location")
        self.assertEqual(self.head(url).get("Upload-Metadata"), own)
        self.assertEqual(self.info(url[7:])["name"], "whole")

    def test_2A66_parts_may_go_first(self):
        parts = [self.partial(content(40000, seed)) for seed in range(3)]
        url = self.final(parts).get("Location")
        for part in parts:
            self.assertEqual(self.tus("DELETE", part).status, 204)
        self.assert_upload(url, b"".join(content(40000, seed)
                                         for seed in range(3)))

    @table(("word", "whole"), ("case", "Partial"), ("no list", "final"),
           ("space", "final /files/x"), ("more", "partial;x"), ("empty", ""))
    def test_2A67_another_word(self, value):
        answer = self.tus("POST", "/files", {"Upload-Length": "1",
                                             "Upload-Concat": value})
        self.assert_problem(answer, 400)

    def test_2A69_repeated_with_a_key(self):
        key = {"Idempotency-Key": '"6e1c-concat"'}
        parts = [self.partial(b"abc"), self.partial(b"def")]
        before = self.file_count()
        first = self.final(parts, key)
        self.assertEqual(first.status, 201)
        again = self.final(parts, key)
        self.assertEqual(again.status, 201)
        self.assertEqual(again.get("Location"), first.get("Location"))
        self.assertEqual(self.file_count(), before + 1)
        self.assert_problem(self.final(parts[:1], key), 422)
        self.tus("DELETE", first.get("Location"))
        anew = self.final(parts, key)
        self.assertNotEqual(anew.get("Location"), first.get("Location"))

    def test_body_with_a_final_one(self):
        answer = self.tus("POST", "/files", {
            **OFFSET_TYPE, "Upload-Concat": "final;" + self.partial(b"a")},
            b"bytes")
        self.assert_problem(answer, 400)

    def test_many_parts(self):
        part = self.partial(b"ab")
        url = self.final([part] * 200).get("Location")
        self.assert_upload(url, b"ab" * 200)


class Shared(TusCase):
    """What is put together holds no bytes of its own."""

    OPTIONS = ["spool.memory_max=64K", "spool.disk_quota=16M"]

    def used(self):
        """Bytes in memory and on disk, of all files."""
        return [self.metric(f'spool_bytes{{tier="{tier}"}}')
                for tier in ("memory", "disk")]

    def assert_used(self, before):
        """No more than then, but for the key of what is confidential."""
        memory, disk = self.used()
        self.assertIn(memory - before[0], (0, 512))
        self.assertEqual(disk, before[1])

    def whole(self, pieces, headers=()):
        """The id of a file put together of `pieces`, that is complete."""
        made = self.json(self.final(map(self.partial, pieces), headers), 201)
        self.assert_descriptor(made, state="ready",
                               size=sum(map(len, pieces)))
        return made["id"]

    def test_at_once_and_nothing_moves(self):
        pieces = [content(3000000, 1), content(2000000, 2), content(40000, 3)]
        parts = [self.partial(piece) for piece in pieces]
        before = self.used()
        made = self.json(self.final(parts + parts[:1]), 201)
        self.assert_descriptor(made, state="ready", size=8040000)
        self.assert_used(before)
        # Where the bytes are, not what they cost.
        self.assertEqual(made["storage"]["memory_bytes"], 40000)
        self.assertEqual(made["storage"]["disk_bytes"], 8000000)
        self.assertEqual(made["storage"]["tier"], "disk")
        for part in parts:
            self.assertEqual(self.tus("DELETE", part).status, 204)
        self.assert_used(before)
        self.assert_content(made["id"], b"".join(pieces) + pieces[0])
        self.tus("DELETE", made["links"]["self"])
        # The disk's threads close files.
        until(lambda: self.used()[1] < before[1] - 4999999, "a free disk")

    def test_more_than_the_disk_has_room_for(self):
        part = self.partial(content(6000000))
        url = self.final([part] * 3).get("Location")
        self.assert_upload(url, content(6000000) * 3)
        for target in (url, part):
            self.tus("DELETE", target)

    def test_ranges(self):
        pieces = [content(100000, 1), content(500, 2), content(200000, 3)]
        name, data = self.whole(pieces), b"".join(pieces)
        for first, last in ((0, 99999), (0, 300499), (99999, 100500),
                            (99990, 100010), (100500, 300499), (5, 5),
                            (120000, 220000), (100000, 100499)):
            answer = self.http("GET", f"/files/{name}",
                               {"Range": f"bytes={first}-{last}"})
            self.assertEqual(answer.status, 206, answer)
            self.assert_same(answer.body, data[first:last + 1])
        answer = self.http("GET", f"/files/{name}", {
            "Range": "bytes=99990-100009,0-9,100400-100600,-7"})
        self.assertEqual(answer.status, 206)
        for first, last in ((99990, 100009), (0, 9), (100400, 100600),
                            (300493, 300499)):
            self.assertIn(f"bytes {first}-{last}/300500".encode()
                          + b"\r\n\r\n" + data[first:last + 1] + b"\r\n--",
                          answer.body)
        answer = self.http("GET", f"/files/{name}",
                           {"Range": "bytes=300500-"})
        self.assert_problem(answer, 416)

    def test_archive(self):
        data = sample_zip()
        third = len(data) // 3
        name = self.whole([data[:third], data[third:2 * third],
                           data[2 * third:]])
        listed = self.pages(f"/files/{name}/zip", "entries")
        self.assertEqual([e["name"] for e in listed],
                         [e[0] for e in ENTRIES])
        for entry, wanted, _ in ENTRIES:
            if entry.endswith("/"):
                continue
            answer = self.http(
                "GET", f"/files/{name}/zip/{quote(entry, safe='')}")
            self.assertEqual(answer.status, 200, answer)
            self.assert_same(answer.body, wanted)

    def test_digests(self):
        pieces = [content(100000, 1), content(1500000, 2)]
        data = b"".join(pieces)
        name = self.whole(pieces)
        made = self.info(name, "?digest=sha-256")
        self.assertEqual(made["digest"]["sha-256"], sha256(data))
        urls = [self.partial(piece) for piece in pieces]
        good = self.final(urls, {"Repr-Digest":
                                 f"sha-256={digest_field(data)}"})
        self.assert_upload(good.get("Location"), data)
        made = self.info(good.get("Location")[7:])
        self.assertEqual(made["digest"]["sha-256"], sha256(data))
        bad = self.final(urls, {"Repr-Digest":
                                f"sha-256={digest_field(data[1:])}"})
        until(lambda: self.info(bad.get("Location")[7:]) is None,
              "the wrong one to go")

    def test_by_the_growth_of_a_part(self):
        data = content(1000000)
        part = self.create(len(data), Upload_Concat="partial")
        url = self.final([part, part]).get("Location")
        reader = self.conn()
        reader.send_request("GET", url)
        self.assertEqual(reader.read_head().get("Content-Length"),
                         str(2 * len(data)))
        for at in range(0, len(data), 100000):
            self.append(part, at, data[at:at + 100000])
            self.assert_same(reader.read_body(100000), data[at:at + 100000])
        self.assert_same(reader.read_body(), data)
        self.assert_upload(url, 2 * data)


class Limited(TusCase):
    """With a largest size."""

    OPTIONS = ["store.max_file_size=1000"]

    def test_2A68_sum_over_the_limit(self):
        parts = [self.partial(content(600, seed)) for seed in range(2)]
        self.assert_problem(self.final(parts), 413, "too-large")
        self.assertEqual(self.final(parts[:1]).status, 201)

    def test_2A68_sum_that_is_known_late(self):
        part = self.create(Upload_Defer_Length="1", Upload_Concat="partial")
        url = self.final([self.partial(content(600)), part]).get("Location")
        self.append(part, 0, content(600))
        self.wait_state(url[7:], "failed")

    def test_2A68_the_answer_does_not_wait_for_the_bytes(self):
        # Parts that are not there yet take for ever, and so nothing can
        # have been moved when the answer comes.
        part = self.create(1000, Upload_Concat="partial")
        answer = self.final([part])
        self.assertEqual(answer.status, 201)
        self.assertEqual(self.json(answer, 201)["received"], 0)


class Ending(TusCase):
    """The daemon stops while things wait."""

    def test_stop_with_everything_open(self):
        part = self.create(10, Upload_Concat="partial")
        self.final([part])
        self.final([self.partial(b"abc"), part])
        self.create(10)
        conn = self.begin_request("PATCH", part, {
            **TUS, **OFFSET_TYPE, "Upload-Offset": "0",
            "Content-Length": "10"}, b"abc")
        self.wait_received(part[7:], 3)
        conn.close()
        until(lambda: self.metric("uploads_open") == 4, "open uploads")


if __name__ == "__main__":
    main()
