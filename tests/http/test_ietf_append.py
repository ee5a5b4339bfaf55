# SPDX-License-Identifier: MIT
"""The IETF's resumable uploads, interop version 8: offset retrieval, append,
cancellation, digests, security.

Source: draft-ietf-httpbis-resumable-upload.
"""
import json

from harness import main, table, until
from resuming import INTEROP, PARTIAL_TYPE, IetfCase
from samples import content, differs, digest_field, sample_zip, sha256
from wire import encode_chunk, encode_request

CHUNKED = {"Transfer-Encoding": "chunked"}
IANA = "https://iana.org/assignments/http-problem-types#"


def chunks(*pieces):
    """A chunked body."""
    return b"".join(map(encode_chunk, pieces)) + encode_chunk(b"")


class Retrieval(IetfCase):
    """HEAD, and GET."""

    def test_2B25_head(self):
        url = self.create(b"abc", {"Upload-Length": "6"})
        self.assert_state(url, 3, length=6)
        answer = self.look(url)
        self.assertTrue(answer.get("Upload-Limit"))
        self.assertEqual(answer.get("Cache-Control"), "no-store")
        self.patch(url, 3, b"def", True)
        self.assert_state(url, 6, True, 6)

    def test_2B25_head_without_interop(self):
        url = self.create(b"abc", {"Upload-Length": "6"})
        answer = self.http("HEAD", url)
        self.assertIn(answer.status, (200, 204))
        self.assertEqual(answer.get("Upload-Offset"), "3")
        self.assertEqual(answer.get("Upload-Complete"), "?0")
        self.assertEqual(answer.get("Upload-Length"), "6")
        self.assertEqual(answer.get("Cache-Control"), "no-store")

    def test_2B26_get(self):
        url = self.create(b"abc", {"Upload-Length": "6"})
        conn = self.conn()
        conn.send_request("GET", url)
        answer = conn.read_head()
        self.assertEqual(answer.get("Upload-Offset"), "3")
        self.assertEqual(answer.get("Upload-Complete"), "?0")
        self.assertEqual(conn.read_body(3), b"abc")
        self.patch(url, 3, b"def", True)
        self.assertEqual(conn.read_body(), b"def")

    def test_2B27_no_redirects(self):
        url = self.create(b"abc")
        self.assertEqual(self.look(url).status, 204)
        self.assertEqual(self.http("DELETE", url).status, 204)

    def test_2B28_gone(self):
        url = self.create(b"abc")
        self.http("DELETE", url)
        for target, status in ((url, 410), ("/files/nosuch", 404)):
            answer = self.http("HEAD", target, INTEROP)
            self.assertEqual(answer.status, status)
            self.assertIsNone(answer.get("Upload-Offset"))

    def test_2B29_offset_is_the_next_one(self):
        data = content(60000)
        url = self.create(b"")
        stuck = self.begin_request("PATCH", url, {
            **PARTIAL_TYPE, "Upload-Offset": "0", "Upload-Complete": "?0",
            "Content-Length": "60000"}, data[:20000])
        self.wait_received(url[7:], 1)
        offset = int(self.look(url).get("Upload-Offset"))
        # What the older one still sends does not count any more.
        stuck.send_lossy(data[20000:])
        answer = self.patch(url, offset, data[offset:], True)
        self.assertEqual(answer.status, 201, answer)
        self.assert_cut(stuck)
        self.assert_file(url, data)


class Append(IetfCase):
    """PATCH."""

    @table(("none", {}), ("tus", {"Content-Type":
                                  "application/offset+octet-stream"}),
           ("octets", {"Content-Type": "application/octet-stream"}))
    def test_2B30_another_type(self, headers):
        url = self.create(b"abc")
        answer = self.http("PATCH", url, {
            "Upload-Offset": "3", "Upload-Complete": "?0", **headers}, b"def")
        if "offset" in str(headers):
            # Of the other protocol, which has a version.
            self.assertEqual(answer.status, 412)
        else:
            self.assert_problem(answer, 415)
            self.assertEqual(answer.get("Accept-Patch"),
                             "application/partial-upload")
        self.assert_state(url, 3)

    @table(("offset", "Upload-Offset"), ("completeness", "Upload-Complete"))
    def test_2B30_something_is_missing(self, name):
        url = self.create(b"abc")
        headers = {**PARTIAL_TYPE, "Upload-Offset": "3",
                   "Upload-Complete": "?0"}
        del headers[name]
        answer = self.http("PATCH", url, headers, b"def")
        self.assert_problem(answer, 400)
        self.assert_state(url, 3)

    @table(("less", 2), ("more", 4), ("far", 999999999999999))
    def test_2B31_another_offset(self, offset):
        url = self.create(b"abc")
        answer = self.patch(url, offset, b"xyz")
        self.assertEqual(answer.status, 409)
        self.assertEqual(answer.get("Upload-Complete"), "?0")
        self.assertEqual(answer.get("Upload-Offset"), "3")
        problem = json.loads(answer.body)
        self.assertEqual(problem["type"], IANA + "mismatching-upload-offset")
        self.assertEqual(problem["expected-offset"], 3)
        self.assertEqual(problem["provided-offset"], offset)
        self.assert_state(url, 3)

    @table(("length", {}, b"def"), ("chunked", CHUNKED, chunks(b"def")),
           ("empty", {}, b""))
    def test_2B32_incomplete(self, headers, body):
        url = self.create(b"abc")
        answer = self.patch(url, 3, body, False, headers)
        self.assertEqual(answer.status, 204, answer)
        self.assertEqual(answer.get("Upload-Complete"), "?0")
        self.assertEqual(answer.get("Upload-Offset"), "6" if body else "3")

    @table(("length", {}, b"def"), ("chunked", CHUNKED, chunks(b"def")))
    def test_2B33_completing(self, headers, body):
        url = self.create(b"abc")
        answer = self.patch(url, 3, body, True, headers)
        made = self.json(answer, 201)
        self.assertEqual(answer.get("Upload-Complete"), "?1")
        self.assertEqual(answer.get("Location"), url)
        self.assert_descriptor(made, state="ready", size=6)
        self.assert_file(url, b"abcdef")

    def test_2B34_completing_with_nothing(self):
        url = self.create(b"abc")
        answer = self.patch(url, 3, b"", True)
        self.assertEqual(answer.status, 201)
        self.assert_file(url, b"abc")
        url = self.create(b"abc", {"Upload-Length": "6"})
        for headers, body in (({}, b""), (CHUNKED, chunks()),
                              ({}, b"de"), (CHUNKED, chunks(b"de"))):
            offset = int(self.look(url).get("Upload-Offset"))
            answer = self.patch(url, offset, body, True, headers)
            self.assertEqual(answer.status, 400, answer)
            self.assertIn(IANA + "inconsistent-upload-length",
                          answer.body.decode())
            self.assertEqual(answer.get("Upload-Complete"), "?0")
        offset = int(self.look(url).get("Upload-Offset"))
        answer = self.patch(url, offset, b"def"[offset - 3:], True)
        self.assertEqual(answer.status, 201)
        self.assert_file(url, b"abcdef")

    def test_2B35_length_alone_does_not_complete(self):
        url = self.create(b"abc", {"Upload-Length": "6"})
        answer = self.patch(url, 3, b"def")
        self.assertEqual(answer.get("Upload-Complete"), "?0")
        self.assert_state(url, 6, length=6)
        self.assertEqual(self.info(url[7:])["state"], "receiving")
        self.assertEqual(self.patch(url, 6, b"", True).status, 201)
        self.assert_file(url, b"abcdef")

    def test_2B36_progress(self):
        url = self.create(b"")
        answer = self.patch(url, 0, content(20000000), True)
        self.assertEqual(answer.status, 201)
        self.assertTrue(answer.interim)
        for interim in answer.interim:
            self.assertEqual(interim.status, 104)
            self.assertIsNone(interim.get("Location"))
            self.assertTrue(interim.get("Upload-Offset"))
        answer = self.http("PATCH", self.create(b""), {
            **PARTIAL_TYPE, "Upload-Offset": "0", "Upload-Complete": "?1"},
            content(20000000))
        self.assertEqual(answer.interim, [])

    @table(("length", {}, b"defg"), ("chunked", CHUNKED,
                                     chunks(b"de", b"fg")))
    def test_2B37_past_the_length(self, headers, body):
        url = self.create(b"abc", {"Upload-Length": "6"})
        answer = self.patch(url, 3, body, False, headers)
        self.assertEqual(answer.status, 400, answer)
        self.assertIn(IANA + "inconsistent-upload-length",
                      answer.body.decode())
        self.assertEqual(self.http("HEAD", url, INTEROP).status, 410)
        self.assertEqual(self.patch(url, 3, b"def", True).status, 410)

    @table(("more", "7"), ("less", "5"), ("below the offset", "2"))
    def test_2B38_another_length(self, length):
        url = self.create(b"abc", {"Upload-Length": "6"})
        answer = self.patch(url, 3, b"d", False, {"Upload-Length": length})
        self.assertEqual(answer.status, 400, answer)
        self.assertIn(IANA + "inconsistent-upload-length",
                      answer.body.decode())
        self.assert_state(url, 3, length=6)
        answer = self.patch(url, 3, b"d", False, {"Upload-Length": "6"})
        self.assertEqual(answer.status, 204)

    def test_2B38_length_told_late(self):
        url = self.create(b"abc")
        self.patch(url, 3, b"d", False, {"Upload-Length": "6"})
        self.assert_state(url, 4, length=6)

    def test_2B39_repeat(self):
        url = self.create(b"abc")
        first = self.patch(url, 3, b"def", True)
        for _ in range(2):
            again = self.patch(url, 6, b"", True)
            self.assertEqual(again.status, first.status)
            self.assertEqual(again.get("Location"), first.get("Location"))
            self.assertEqual(again.get("Upload-Complete"), "?1")
            self.assertEqual(again.body, first.body)
        for offset, data in ((3, b"def"), (6, b"x"), (7, b"")):
            answer = self.patch(url, offset, data, True)
            self.assertEqual(answer.status, 409, answer)
            self.assertEqual(answer.get("Upload-Complete"), "?0")
        self.assert_file(url, b"abcdef")

    def test_2B40_broken_append(self):
        data = content(80000)
        url = self.create(data[:10000])
        conn = self.begin_request("PATCH", url, {
            **PARTIAL_TYPE, "Upload-Offset": "10000",
            "Upload-Complete": "?1", "Content-Length": "70000"},
            data[10000:40000])
        self.wait_received(url[7:], 40000)
        conn.reset()
        self.until_idle()
        self.assert_state(url, 40000)
        answer = self.patch(url, 40000, data[40000:], True)
        self.assertEqual(answer.status, 201)
        self.assert_file(url, data)


    def test_2B17_an_append_has_no_limits_of_its_own(self):
        # None is told, so one of any size is taken, whatever comes then.
        data = content(300000, 17)
        url = self.create()
        told = [self.http("OPTIONS", "/files"), self.http("OPTIONS", url),
                self.look(url)]
        for begin, end in ((0, 0), (0, 1), (1, 299998), (299998, 299998)):
            answer = self.patch(url, begin, data[begin:end])
            self.assertEqual(answer.status, 204, answer)
            told.append(self.look(url))
        told.append(self.patch(url, 299998, data[-2:], True))
        for answer in told:
            self.assertNotIn("append-size", answer.get("Upload-Limit"))
        self.assert_file(url, data)


class Scanning(IetfCase):
    """Archives that look dangerous are refused, when they are looked at."""

    OPTIONS = ["zip.deny=yes"]

    def test_2B51_content_is_looked_at_when_it_is_complete(self):
        # Two entries whose bytes are the same ones.
        data = bytearray(sample_zip())
        second = data.index(b"PK\1\2", data.index(b"PK\1\2") + 4)
        data[second + 42:second + 46] = bytes(4)
        url = self.create(bytes(data[:100]))
        for at in range(100, len(data), 20000):
            piece = bytes(data[at:at + 20000])
            last = at + 20000 >= len(data)
            answer = self.patch(url, at, piece, last)
            self.assertEqual(answer.status, 201 if last else 204, answer)
        self.assert_file(url, bytes(data))
        self.assert_problem(self.http("GET", url + "/zip"), 422)


class Together(IetfCase):
    """Cancellation, and several requests at once."""

    def test_2B41_delete(self):
        url = self.create(b"abc")
        conn = self.begin_request("PATCH", url, {
            **PARTIAL_TYPE, "Upload-Offset": "3", "Upload-Complete": "?1",
            "Content-Length": "10"}, b"def")
        self.wait_received(url[7:], 6)
        self.assertEqual(self.http("DELETE", url).status, 204)
        self.assert_cut(conn)
        self.assertEqual(self.http("HEAD", url, INTEROP).status, 410)

    @table(("right offset", 6, 204), ("wrong offset", 3, 409))
    def test_2B42_a_newer_one_cuts_an_older(self, offset, status):
        url = self.create(b"abc")
        stuck = self.begin_request("PATCH", url, {
            **PARTIAL_TYPE, "Upload-Offset": "3", "Upload-Complete": "?0",
            "Content-Length": "100"}, b"def")
        self.wait_received(url[7:], 6)
        answer = self.patch(url, offset, b"ghi")
        self.assertEqual(answer.status, status, answer)
        stuck.send_lossy(b"x" * 97)
        self.assert_cut(stuck)
        self.assert_state(url, 9 if status == 204 else 6)

    def test_2B43_never_down(self):
        url = self.create(b"abc")
        last = 3
        for offset, data in ((3, b"de"), (0, b"x"), (5, b"f"), (1, b""),
                             (6, b"ghi")):
            self.patch(url, offset, data)
            now = int(self.look(url).get("Upload-Offset"))
            self.assertGreaterEqual(now, last)
            last = now
        self.assertEqual(last, 9)


class Digests(IetfCase):
    """RFC 9530."""

    def test_2B44_repr_digest(self):
        right = {"Repr-Digest": f"sha-256={digest_field(b'abcdef')}"}
        url = self.create(b"abc", right)
        answer = self.patch(url, 3, b"def", True)
        self.assertEqual(answer.status, 201, answer)
        self.assert_file(url, b"abcdef")
        url = self.create(b"abc", right)
        answer = self.patch(url, 3, b"dEf", True)
        problem = self.assert_problem(answer, 422, "digest-mismatch")
        self.assertIn(differs(b"abcdEf", b"abcdef"), problem["detail"])
        self.assertEqual(answer.get("Upload-Complete"), "?1")
        self.assertEqual(self.http("GET", url).status, 410)

    def test_2B21_refusal_at_the_end(self):
        answer = self.begin(b"abc", True, {
            "Repr-Digest": f"sha-256={digest_field(b'xyz')}"})
        self.assert_problem(answer, 422)
        self.assertEqual(answer.get("Upload-Complete"), "?1")

    def test_2B44_repr_digest_that_is_none(self):
        answer = self.begin(b"abc", False, {"Repr-Digest": "sha-256=5"})
        self.assert_problem(answer, 400)

    def test_2B45_want_repr_digest(self):
        url = self.create(b"abc", {"Want-Repr-Digest": "sha-256=1"})
        answer = self.patch(url, 3, b"def", True)
        self.assertEqual(answer.get("Repr-Digest"),
                         f"sha-256={digest_field(b'abcdef')}")
        self.assertEqual(self.info(url[7:])["digest"],
                         {"sha-256": sha256(b"abcdef")})

    def test_2B46_content_digest(self):
        right = {"Content-Digest": f"sha-256={digest_field(b'def')}"}
        url = self.create(b"abc", {
            "Content-Digest": f"sha-256={digest_field(b'abc')}"})
        answer = self.patch(url, 3, b"dEf", True, right)
        problem = self.assert_problem(answer, 422, "digest-mismatch")
        self.assertIn(differs(b"dEf", b"def"), problem["detail"])
        self.assertEqual(answer.get("Upload-Complete"), "?0")
        self.assertEqual(answer.get("Upload-Offset"), "3")
        self.assert_state(url, 3)
        answer = self.patch(url, 3, b"def", True, right)
        self.assertEqual(answer.status, 201)
        self.assert_file(url, b"abcdef")

    def test_2B46_large(self):
        data = content(3000000)
        url = self.create(b"")
        head = {"Content-Digest": f"sha-512={digest_field(data, 'sha512')}"}
        answer = self.patch(url, 0, data[:-1] + b"!", True, head)
        self.assertEqual(answer.status, 422)
        self.assert_state(url, 0)
        self.assertEqual(self.patch(url, 0, data, True, head).status, 201)
        self.assert_file(url, data)


class Security(IetfCase):
    """What a client may and may not."""

    OPTIONS = ["upload.max_open_per_client=3", "spool.memory_max=64K",
               "spool.disk_quota=1M"]

    def test_2B47_urls_cannot_be_guessed(self):
        urls = set()
        for _ in range(20):
            urls.add(self.begin(b"x", True).get("Location"))
        self.assertEqual(len(urls), 20)
        for url in urls:
            self.assertGreaterEqual(len(url), len("/files/") + 22)

    @table(("path", "attachment; filename=../../etc/passwd", "passwd"),
           ("control", "attachment; filename*=UTF-8''a%0d%0ab", "ab"),
           ("none", "attachment; filename=\"..\"", None))
    def test_2B48_names(self, value, name):
        answer = self.begin(b"x", True, {"Content-Disposition": value})
        self.assertEqual(self.info(answer.get("Location")[7:])["name"], name)

    def test_2B49_quota_counts_at_the_end(self):
        answer = self.begin(chunks(*[content(100000)] * 20), True, CHUNKED)
        self.assert_problem(answer, 507)
        self.assertEqual(answer.get("Upload-Complete"), "?0")
        url = answer.interim[0].get("Location")
        offset = int(self.look(url).get("Upload-Offset"))
        self.assertLess(offset, 1100000)
        self.http("DELETE", url)

    def test_2B50_open_uploads_of_a_client(self):
        urls = [self.create(b"") for _ in range(3)]
        answer = self.begin(b"")
        self.assert_problem(answer, 429, "too-many-requests")
        self.assertTrue(answer.get("Retry-After"))
        # Going on is no beginning.
        self.assertEqual(self.patch(urls[0], 0, b"a", True).status, 201)
        urls[0] = self.create(b"")
        self.assert_problem(self.begin(b""), 429)
        for url in urls:
            self.http("DELETE", url)
        self.http("DELETE", self.create(b""))


class Life(IetfCase):
    """How long an upload lives, and how slow it may be."""

    OPTIONS = ["upload.expire=1s", "upload.min_rate=1M"]

    def test_2B50_life(self):
        answer = self.begin(b"abc")
        self.assertIn("max-age=1", answer.get("Upload-Limit"))
        url = answer.get("Location")
        until(lambda: self.http("HEAD", url, INTEROP).status == 410, "410")
        line = f"upload {url.split('/')[-1]} expired before it was complete"
        until(lambda: any(line in said for said in self.daemon.lines), line)

    def test_2B50_speed(self):
        conn = self.conn()
        conn.send(encode_request("POST", "/files", {
            **INTEROP, "Upload-Complete": "?0",
            "Content-Length": "100000000"}, b"abc"))
        self.assertEqual(conn.read_interim().status, 104)
        self.assert_cut(conn)


if __name__ == "__main__":
    main()
