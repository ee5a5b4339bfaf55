# SPDX-License-Identifier: MIT
"""The IETF's resumable uploads, interop version 8: fields, discovery,
creation.

Source: draft-ietf-httpbis-resumable-upload.
"""
from harness import main, table
from resuming import INTEROP, PARTIAL_TYPE, IetfCase
from samples import content
from wire import encode_chunk, encode_request

CHUNKED = {"Transfer-Encoding": "chunked"}
LENGTHS = "https://iana.org/assignments/http-problem-types#inconsistent-upload-length"

# What this server has no use for.
NOT_APPLICABLE = {}


def chunks(*pieces):
    """A chunked body."""
    return b"".join(map(encode_chunk, pieces)) + encode_chunk(b"")


class Fields(IetfCase):
    """Structured fields."""

    @table(("negative", "-1"), ("decimal", "0.0"), ("string", '"0"'),
           ("list", "0, 0"), ("empty", ""), ("sign", "+0"),
           ("boolean", "?0"))
    def test_2B1_offset_that_is_none(self, value):
        url = self.create(b"abc")
        answer = self.patch(url, 3, b"x", headers={"Upload-Offset": value})
        self.assertEqual(answer.status, 400, answer)
        self.assert_state(url, 3)

    def test_2B1_parameters_are_overlooked(self):
        url = self.create(b"abc")
        answer = self.patch(url, "3;why=1", b"d", True)
        self.assertEqual(answer.status, 201, answer)

    @table(("word", "true"), ("number", "1"), ("two", "?1, ?1"),
           ("empty", ""), ("other", "?2"))
    def test_2B2_complete_that_is_none(self, value):
        answer = self.http("POST", "/files", {"Upload-Complete": value},
                           b"abc")
        made = self.json(answer, 201)
        self.assert_descriptor(made, state="ready", size=3)
        self.assertEqual(made["source"]["kind"], "upload")
        self.assertIsNone(answer.get("Upload-Complete"))

    @table(("word", "six"), ("negative", "-6"), ("decimal", "6.0"))
    def test_2B3_length_that_is_none(self, value):
        url = self.create(b"abc", {"Upload-Length": value})
        self.assert_state(url, 3)

    def test_2B4_limits_are_a_dictionary(self):
        answer = self.http("OPTIONS", "/files")
        for member in answer.get("Upload-Limit").split(","):
            self.assertRegex(member.strip(), r"^(max|min)-[a-z-]+=\d{1,15}$")

    @table(("fifteen", "999999999999999", True),
           ("sixteen", "1000000000000000", False))
    def test_2B5_digits(self, value, known):
        conn = self.conn()
        conn.send(encode_request("POST", "/files", {
            "Upload-Complete": "?0", "Upload-Length": value}))
        answer = conn.read()
        # So much there is no room for; what is no number is not weighed.
        self.assertEqual(answer.status, 507 if known else 201, answer)


class Discovery(IetfCase):
    """OPTIONS."""

    OPTIONS = ["store.max_file_size=5000", "upload.expire=2h"]

    def test_2B6_limits(self):
        answer = self.http("OPTIONS", "/files")
        self.assertIn(answer.status, (200, 204))
        self.assertEqual(answer.get("Upload-Limit"),
                         "max-size=5000, max-age=7200")

    def test_2B7_of_the_server(self):
        answer = self.http("OPTIONS", "*")
        self.assertEqual(answer.get("Upload-Limit"),
                         "max-size=5000, max-age=7200")

    def test_2B8_types_of_an_append(self):
        url = self.create(b"abc")
        for target in ("/files", url):
            answer = self.http("OPTIONS", target)
            self.assertIn("application/partial-upload",
                          answer.get("Accept-Patch").split(", "))
        self.assertIn("PATCH", answer.get("Allow").split(", "))

    def test_2B9_the_same_on_the_upload(self):
        told = self.http("OPTIONS", "/files").get("Upload-Limit")
        answer = self.begin(b"abc")
        self.assertEqual(answer.get("Upload-Limit"), told)
        for interim in answer.interim:
            self.assertEqual(interim.get("Upload-Limit"), told)
        url = answer.get("Location")
        self.assertEqual(self.look(url).get("Upload-Limit"), told)
        self.assertEqual(self.patch(url, 3, b"d").get("Upload-Limit"), told)

    @table(("length", {"Upload-Length": "5001"}, b"abc"),
           ("body", {}, b"x" * 5001),
           ("complete", {"Upload-Complete": "?1"}, b"x" * 5001))
    def test_2B16_over_the_limit(self, headers, body):
        with self.conn() as conn:
            conn.send_request("POST", "/files", {
                **INTEROP, "Upload-Complete": "?0", **headers,
                "Expect": "100-continue", "Content-Length": str(len(body))})
            answer = conn.read()
        self.assert_problem(answer, 413, "too-large")
        self.assertEqual(answer.interim, [])
        self.assertIn("max-size=5000", answer.get("Upload-Limit"))

    def test_2B16_over_the_limit_without_a_length(self):
        answer = self.begin(chunks(content(3000), content(3000)), False,
                            CHUNKED)
        self.assert_problem(answer, 413, "too-large")
        self.assertIn("max-size=5000", answer.get("Upload-Limit"))


class Unlimited(IetfCase):
    """Nothing to tell."""

    OPTIONS = ["upload.expire=0"]

    def test_2B6_no_limits(self):
        answer = self.http("OPTIONS", "/files")
        self.assertEqual(answer.get("Upload-Limit"), "min-size=0")


class Creation(IetfCase):
    """The first request."""

    @table(("incomplete", False), ("complete", True))
    def test_2B10_location_at_once(self, complete):
        conn = self.conn()
        conn.send(encode_request("POST", "/files", {
            **INTEROP, "Upload-Complete": "?1" if complete else "?0",
            "Content-Length": "6"}))
        interim = conn.read_interim()
        self.assertEqual(interim.status, 104)
        self.assertRegex(interim.get("Location"), "^/files/[^/]+$")
        self.assertEqual(interim.get("Upload-Draft-Interop-Version"), "8")
        self.assertTrue(interim.get("Upload-Limit"))
        conn.send(b"abcdef")
        answer = conn.read()
        self.assertEqual(answer.status, 201)
        self.assertEqual(answer.get("Location"), interim.get("Location"))

    @table(("none", {}), ("older", {"Upload-Draft-Interop-Version": "6"}),
           ("twice", {"Upload-Draft-Interop-Version": "8, 8"}))
    def test_2B10_not_unasked(self, headers):
        answer = self.http("POST", "/files", {
            **headers, "Upload-Complete": "?0"}, b"abc")
        self.assertEqual(answer.status, 201)
        self.assertEqual(answer.interim, [])

    def test_2B10_not_to_http_1_0(self):
        conn = self.conn()
        conn.send(b"POST /files HTTP/1.0\r\nUpload-Complete: ?0\r\n"
                  b"Upload-Draft-Interop-Version: 8\r\n"
                  b"Content-Length: 3\r\n\r\nabc")
        answer = conn.read()
        self.assertEqual(answer.status, 201)
        self.assertEqual(answer.interim, [])

    def test_2B11_beside_100(self):
        conn = self.conn()
        conn.send(encode_request("POST", "/files", {
            **INTEROP, "Upload-Complete": "?0", "Expect": "100-continue",
            "Content-Length": "3"}))
        self.assertEqual(sorted([conn.read_interim().status,
                                 conn.read_interim().status]), [100, 104])
        conn.send(b"abc")
        self.assertEqual(conn.read().status, 201)

    @table(("length", {}, b"abcdef"),
           ("chunked", CHUNKED, chunks(b"abc", b"def")))
    def test_2B12_complete_at_once(self, headers, body):
        answer = self.begin(body, True, headers)
        made = self.json(answer, 201)
        self.assertEqual(answer.get("Upload-Complete"), "?1")
        self.assert_descriptor(made, state="ready", size=6)
        self.assertEqual(made["source"]["kind"], "ietf")
        self.assertEqual(answer.get("ETag"), made["etag"])
        self.assert_file(answer.get("Location"), b"abcdef")

    @table(("length", {}, b"abc"), ("chunked", CHUNKED, chunks(b"abc")))
    def test_2B13_incomplete(self, headers, body):
        answer = self.begin(body, False, headers)
        self.assertEqual(answer.status, 201)
        self.assertTrue(answer.get("Location"))
        self.assertTrue(answer.get("Upload-Limit"))
        self.assertEqual(answer.get("Upload-Complete"), "?0")
        self.assertEqual(answer.get("Upload-Offset"), "3")
        self.assert_state(answer.get("Location"), 3)

    def test_2B14_careful(self):
        url = self.create(b"")
        self.assert_state(url, 0)
        answer = self.patch(url, 0, b"abc", True)
        self.assertEqual(answer.status, 201)
        self.assert_file(url, b"abc")
        answer = self.begin(b"", True)
        self.assertEqual(answer.get("Upload-Complete"), "?1")
        self.assert_file(answer.get("Location"), b"")

    def test_2B15_length(self):
        url = self.create(b"abc", {"Upload-Length": "6"})
        self.assert_state(url, 3, length=6)
        answer = self.begin(b"abc", True)
        self.assert_state(answer.get("Location"), 3, True, 3)

    @table(("complete", "?1", "6", {}, b"abc"),
           ("less", "?0", "2", {}, b"abc"),
           ("late", "?1", "6", CHUNKED, chunks(b"abc")))
    def test_2B15_lengths_that_differ(self, complete, length, headers, body):
        answer = self.http("POST", "/files", {
            **headers, "Upload-Complete": complete, "Upload-Length": length},
            body)
        self.assertEqual(answer.status, 400, answer)
        self.assertIn(LENGTHS, answer.body.decode())
        self.assertEqual(answer.get("Upload-Complete"), "?0")

    def test_2B18_progress(self):
        data = content(20000000)
        answer = self.begin(data)
        offsets = [int(i.get("Upload-Offset")) for i in answer.interim
                   if i.get("Upload-Offset")]
        self.assertGreater(len(offsets), 0)
        self.assertEqual(offsets, sorted(offsets))
        self.assertLessEqual(offsets[-1], len(data))
        for interim in answer.interim:
            self.assertEqual(interim.status, 104)
            self.assertEqual(interim.get("Upload-Draft-Interop-Version"), "8")

    def test_2B19_location_is_the_same(self):
        answer = self.begin(b"abc")
        told = {a.get("Location") for a in [answer, *answer.interim]}
        self.assertEqual(len(told), 1)

    def test_2B20_broken_body(self):
        data = content(50000)
        conn = self.begin_request("POST", "/files", {
            **INTEROP, "Upload-Complete": "?1", "Content-Length": "50000"},
            wait=False)
        url = conn.read_interim().get("Location")
        conn.send(data[:20000])
        self.wait_received(url[7:], 20000)
        conn.close()
        self.until_idle()
        self.assert_state(url, 20000, length=50000)
        answer = self.patch(url, 20000, data[20000:], True)
        self.assertEqual(answer.status, 201)
        self.assert_file(url, data)

    def test_2B22_a_form_is_an_ordinary_upload(self):
        body = (b'--x\r\nContent-Disposition: form-data; name="f"; '
                b'filename="a"\r\n\r\nabc\r\n--x--\r\n')
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        answer = self.begin(body, True, kind)
        self.assertEqual(self.json(answer, 201)["files"][0]["size"], 3)
        self.assertIsNone(answer.get("Upload-Complete"))
        # In pieces it would not be understood, and would be kept wrongly.
        self.assert_problem(self.begin(body, False, kind), 415)

    def test_2B22_replacing_is_an_ordinary_upload(self):
        self.upload(b"old", "/files/ietf-old", method="PUT")
        answer = self.begin(b"new", True, (), "/files/ietf-old", "PUT")
        self.assertEqual(answer.status, 200, answer)
        self.assert_content("ietf-old", b"new")
        answer = self.begin(b"part", False, (), "/files/ietf-old", "PUT")
        self.assert_problem(answer, 409)
        self.assert_content("ietf-old", b"new")

    def test_put_under_a_free_name(self):
        answer = self.begin(b"abc", False, (), "/files/ietf-free", "PUT")
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(answer.get("Location"), "/files/ietf-free")
        answer = self.patch("/files/ietf-free", 3, b"def", True)
        self.assertEqual(answer.status, 201)
        self.assert_content("ietf-free", b"abcdef")
        answer = self.begin(b"x", True, {"If-Match": '"a"'},
                            "/files/ietf-none", "PUT")
        self.assert_problem(answer, 412)

    def test_2B23_name_and_type(self):
        url = self.create(b"abc", {
            "Content-Type": "text/x-y",
            "Content-Disposition": 'inline; filename="../a b.txt"'})
        self.patch(url, 3, b"def", True)
        made = self.info(url[7:])
        self.assertEqual(made["name"], "a b.txt")
        self.assertEqual(made["type"], "text/x-y")

    def test_2B24_coding_is_kept(self):
        data = b"\x1f\x8b" + content(500)
        url = self.create(data[:200], {"Content-Encoding": "gzip"})
        self.assert_state(url, 200)
        answer = self.patch(url, 200, chunks(data[200:]), True, CHUNKED)
        self.assertEqual(answer.status, 201)
        answer = self.http("GET", url)
        self.assertEqual(answer.get("Content-Encoding"), "gzip")
        self.assert_same(answer.body, data)

    @table(("tus and ietf", {"Tus-Resumable": "1.0.0",
                             "Upload-Length": "3"}))
    def test_two_protocols_at_once(self, headers):
        answer = self.begin(b"abc", False, headers)
        self.assert_problem(answer, 400)

    def test_one_protocol_after_the_other(self):
        url = self.create(b"abc", {"Upload-Length": "6"})
        tus = {"Tus-Resumable": "1.0.0"}
        answer = self.http("HEAD", url, tus)
        self.assertEqual(answer.get("Upload-Offset"), "3")
        self.assertEqual(answer.get("Upload-Length"), "6")
        answer = self.http("PATCH", url, {
            **tus, "Content-Type": "application/offset+octet-stream",
            "Upload-Offset": "3"}, b"de")
        self.assertEqual(answer.status, 204, answer)
        self.assertEqual(self.patch(url, 5, b"f", True).status, 201)
        self.assert_file(url, b"abcdef")

    def test_patch_of_what_is_no_upload(self):
        url = self.upload(b"abc")["links"]["self"]
        answer = self.patch(url, 3, b"d")
        problem = self.assert_problem(answer, 405)
        self.assertNotIn("PATCH", problem["allow"])
        answer = self.http("PATCH", "/files/nosuch", PARTIAL_TYPE, b"x")
        self.assert_problem(answer, 404)


if __name__ == "__main__":
    main()
