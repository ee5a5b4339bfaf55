# SPDX-License-Identifier: MIT
"""tus 1.0.0: core, creation, creation-with-upload, creation-defer-length.

Source: tus 1.0.0.
"""
import datetime

from harness import main, table, until
from resuming import OFFSET_TYPE, TUS, TusCase, encode
from samples import content
from wire import encode_chunk, encode_request

CHUNKED = {"Transfer-Encoding": "chunked"}


class Core(TusCase):
    """The core protocol."""

    @table(("absent", {}), ("older", {"Tus-Resumable": "0.2.2"}),
           ("newer", {"Tus-Resumable": "2.0.0"}),
           ("empty", {"Tus-Resumable": ""}))
    def test_2A1_other_version(self, version):
        url = self.create(5)
        before = self.file_count()
        for method, target, headers, body in (
                ("POST", "/files", {"Upload-Length": "5"}, None),
                ("POST", "/files", {**OFFSET_TYPE, "Upload-Length": "5"},
                 b"hello"),
                ("PATCH", url, {**OFFSET_TYPE, "Upload-Offset": "0"},
                 b"hello")):
            answer = self.http(method, target, {**headers, **version}, body)
            self.assert_problem(answer, 412, "precondition-failed")
            self.assertEqual(answer.get("Tus-Version"), "1.0.0")
            self.assertEqual(answer.get("Tus-Resumable"), "1.0.0")
        for method in ("GET", "HEAD", "DELETE") if version else ():
            answer = self.http(method, url, version)
            self.assertEqual(answer.status, 412, method)
            self.assertEqual(answer.get("Tus-Version"), "1.0.0")
        self.assertEqual(self.offset(url), 0)
        self.assertEqual(self.file_count(), before)

    def test_2A2_every_answer_has_the_version(self):
        url = self.create(3)
        for method, target, headers, status in (
                ("HEAD", "/files/nosuch", {}, 404),
                ("PATCH", "/files/nosuch", OFFSET_TYPE, 404),
                ("DELETE", "/files/nosuch", {}, 404),
                ("POST", "/files?name=%", {"Upload-Length": "3"}, 400),
                ("PATCH", url, {}, 415), ("POST", "/files", {}, 400),
                ("PUT", "/files", {}, 405), ("DELETE", url, {}, 204),
                ("PATCH", url, OFFSET_TYPE, 410)):
            answer = self.tus(method, target, headers)
            self.assertEqual(answer.status, status, answer)

    @table(("none", {}), ("ours", TUS),
           ("another", {"Tus-Resumable": "9.9"}))
    def test_2A3_options(self, version):
        for target in ("/files", "/files/", "/files/nosuch"):
            answer = self.http("OPTIONS", target, version)
            self.assertIn(answer.status, (200, 204))
            self.assertEqual(answer.get("Tus-Version"), "1.0.0")
            self.assertEqual(set(answer.get("Tus-Extension").split(",")), {
                "creation", "creation-with-upload", "creation-defer-length",
                "expiration", "checksum", "checksum-trailer", "termination",
                "concatenation", "concatenation-unfinished"})

    def test_2A4_no_limit_none_told(self):
        self.assertIsNone(self.http("OPTIONS", "/files").get("Tus-Max-Size"))

    def test_2A5_method_override(self):
        url = self.create(10)
        over = "X-HTTP-Method-Override"
        answer = self.tus("POST", url, {**OFFSET_TYPE, over: "PATCH",
                                        "Upload-Offset": "0"}, b"hello")
        self.assertEqual(answer.status, 204, answer)
        self.assertEqual(answer.get("Upload-Offset"), "5")
        answer = self.tus("POST", url, {over: "HEAD"})
        self.assertEqual(answer.get("Upload-Offset"), "5")
        self.assert_problem(self.tus("POST", url, {over: "PUT"}), 405)
        self.assert_problem(self.tus("POST", url), 405)
        # Outside tus it says nothing.
        self.assert_problem(self.http("POST", url, {over: "DELETE"}), 405)
        self.assertEqual(self.offset(url), 5)
        answer = self.tus("POST", url, {over: "DELETE"})
        self.assertEqual(answer.status, 204)
        self.assertEqual(self.tus("HEAD", url).status, 410)

    def test_2A6_head(self):
        url = self.create(6)
        for offset, data in ((0, b"abc"), (3, b"def"), (6, b"")):
            answer = self.head(url)
            self.assertEqual(answer.get("Upload-Offset"), str(offset))
            self.assertEqual(answer.get("Upload-Length"), "6")
            if data:
                self.append(url, offset, data)
        self.assert_upload(url, b"abcdef")

    def test_2A7_head_is_not_stored(self):
        answer = self.head(self.create(1))
        self.assertEqual(answer.get("Cache-Control"), "no-store")

    def test_2A8_head_without_upload(self):
        url = self.create(1)
        self.tus("DELETE", url)
        for target, status in (("/files/nosuch", 404), (url, 410)):
            answer = self.tus("HEAD", target)
            self.assertEqual(answer.status, status)
            self.assertIsNone(answer.get("Upload-Offset"))

    @table(("none", {}), ("json", {"Content-Type": "application/json"}),
           ("octets", {"Content-Type": "application/octet-stream"}))
    def test_2A9_type_of_patch(self, headers):
        url = self.create(5)
        answer = self.tus("PATCH", url, {**headers, "Upload-Offset": "0"},
                          b"hello")
        self.assert_problem(answer, 415, "unsupported-type")
        self.assertEqual(answer.get("Accept-Patch"),
                         "application/offset+octet-stream")
        self.assertEqual(self.offset(url), 0)

    @table(("less", 2), ("more", 4), ("zero", 0), ("far", 1 << 62))
    def test_2A10_another_offset(self, offset):
        url = self.create(10)
        self.append(url, 0, b"abc")
        answer = self.patch(url, offset, b"xyz")
        self.assertEqual(answer.status, 409)
        self.assertEqual(answer.get("Upload-Offset"), "3")
        self.assertEqual(self.offset(url), 3)
        self.append(url, 3, b"defghij")
        self.assert_upload(url, b"abcdefghij")

    @table(("absent", None), ("negative", "-1"), ("sign", "+5"),
           ("decimal", "5.0"), ("empty", ""), ("hex", "0x0"),
           ("2^64", "18446744073709551616"), ("two", "0, 0"))
    def test_2A11_offset_that_is_none(self, value):
        url = self.create(5)
        headers = dict(OFFSET_TYPE)
        if value is not None:
            headers["Upload-Offset"] = value
        self.assert_problem(self.tus("PATCH", url, headers, b"hello"), 400)
        self.assertEqual(self.offset(url), 0)

    @table(("length", False), ("chunked", True))
    def test_2A12_patch(self, chunked):
        data = content(200000)
        url = self.create(len(data))
        for at in range(0, len(data), 50000):
            piece = data[at:at + 50000]
            if chunked:
                answer = self.patch(url, at, encode_chunk(piece[:999])
                                    + encode_chunk(piece[999:])
                                    + encode_chunk(b""), CHUNKED)
                self.assertEqual(answer.status, 204, answer)
                self.assertEqual(answer.get("Upload-Offset"),
                                 str(at + len(piece)))
            else:
                self.append(url, at, piece)
        self.assert_upload(url, data)
        made = self.info(url[7:])
        self.assert_descriptor(made, state="ready", size=len(data))
        self.assertEqual(made["source"]["kind"], "tus")

    def test_2A13_patch_without_upload(self):
        self.assert_problem(self.patch("/files/nosuch", 0, b"x"), 404)

    @table(("fin", False), ("reset", True))
    def test_2A14_client_vanishes(self, reset):
        data = content(100000)
        url = self.create(len(data))
        conn = self.begin_request("PATCH", url, {
            **TUS, **OFFSET_TYPE, "Upload-Offset": "0",
            "Content-Length": str(len(data))}, data[:30000])
        self.wait_received(url[7:], 30000)
        conn.reset() if reset else conn.close()
        self.until_idle()
        self.assertEqual(self.offset(url), 30000)
        answer = self.http("GET", url, {"Range": "bytes=0-29999"})
        self.assert_same(answer.body, data[:30000])
        self.append(url, 30000, data[30000:])
        self.assert_upload(url, data)

    def test_2A14_offset_is_what_can_be_read(self):
        data = content(50000, 3)
        url = self.create(len(data))
        conn = self.begin_request("PATCH", url, {
            **TUS, **OFFSET_TYPE, "Upload-Offset": "0",
            "Content-Length": str(len(data))}, data[:20000])
        self.wait_received(url[7:], 1)
        offset = self.offset(url)
        answer = self.http("GET", url, {"Range": f"bytes=0-{offset - 1}"})
        self.assertEqual(answer.status, 206)
        self.assert_same(answer.body, data[:offset])
        conn.send(data[20000:])
        self.assertEqual(conn.read().status, 204)
        self.assert_upload(url, data)

    def test_2A16_patch_of_nothing(self):
        url = self.create(5)
        self.append(url, 0, b"")
        self.append(url, 0, b"abc")
        self.append(url, 3, b"")
        self.assertEqual(self.offset(url), 3)

    def test_2A17_past_the_length_is_refused_early(self):
        url = self.create(5)
        answer = self.refused(413, "PATCH", url, {
            **TUS, **OFFSET_TYPE, "Upload-Offset": "0"}, b"too long")
        self.assertEqual(answer.get("Upload-Offset"), "0")
        self.assertEqual(self.offset(url), 0)

    def test_2A17_past_the_length_chunked(self):
        url = self.create(5)
        answer = self.patch(url, 0, encode_chunk(b"abc")
                            + encode_chunk(b"defgh") + encode_chunk(b""),
                            CHUNKED)
        self.assert_problem(answer, 413, "too-large")
        self.assertEqual(self.offset(url), 5)
        self.assert_upload(url, b"abcde")

    def test_2A18_patch_of_a_complete_one(self):
        url = self.create(5)
        self.append(url, 0, b"hello")
        self.assertEqual(self.patch(url, 5, b"").status, 204)
        self.assertEqual(self.patch(url, 2, b"").status, 409)
        self.assertEqual(self.patch(url, 0, b"hello").status, 409)
        self.assertIn(self.patch(url, 5, b"x").status, (409, 413))
        self.assert_upload(url, b"hello")

    def test_2A19_newer_patch_evicts_a_stuck_one(self):
        url = self.create(10)
        head = {**TUS, **OFFSET_TYPE, "Upload-Offset": "0",
                "Content-Length": "10"}
        stuck = self.begin_request("PATCH", url, head)
        self.append(url, 0, b"abcde")
        stuck.send_lossy(b"0123456789")
        self.assert_cut(stuck)
        self.append(url, 5, b"fghij")
        self.assert_upload(url, b"abcdefghij")

    def test_2A19_wrong_offset_evicts_nobody(self):
        url = self.create(10)
        conn = self.begin_request("PATCH", url, {
            **TUS, **OFFSET_TYPE, "Upload-Offset": "0",
            "Content-Length": "10"}, b"abc")
        self.wait_received(url[7:], 3)
        self.assertEqual(self.patch(url, 0, b"xyz").status, 409)
        conn.send(b"defghij")
        self.assertEqual(conn.read().status, 204)
        self.assert_upload(url, b"abcdefghij")

    def test_2A19_one_of_many_wins(self):
        url = self.create(4)
        conns = [self.conn() for _ in range(6)]
        for number, conn in enumerate(conns):
            conn.send(encode_request("PATCH", url, {
                **TUS, **OFFSET_TYPE, "Upload-Offset": "0"},
                b"%04d" % number))
        won = []
        for number, conn in enumerate(conns):
            try:
                if conn.read().status == 204:
                    won.append(number)
            except (AssertionError, OSError):
                pass
        self.assertEqual(len(won), 1)
        self.assert_upload(url, b"%04d" % won[0])


class Stalled(TusCase):
    """A connection on which nothing moves."""

    OPTIONS = ["server.idle_timeout=1s"]

    def test_2A15_stalled_patch(self):
        url = self.create(5000)
        conn = self.begin_request("PATCH", url, {
            **TUS, **OFFSET_TYPE, "Upload-Offset": "0",
            "Content-Length": "5000"}, content(1000))
        conn.read_end()
        self.assertEqual(self.offset(url), 1000)


class Creation(TusCase):
    """POST /files."""

    @table(("/files", "/files"), ("/files/", "/files/"))
    def test_2A20_create(self, target):
        answer = self.tus("POST", target, {"Upload-Length": "7"})
        made = self.json(answer, 201)
        self.assertRegex(answer.get("Location"), "^/files/[^/]+$")
        self.assert_descriptor(made, state="receiving", size=7, received=0)
        self.assertEqual(self.offset(answer.get("Location")), 0)

    @table(("neither", {}), ("both", {"Upload-Length": "1",
                                      "Upload-Defer-Length": "1"}))
    def test_2A21_length_or_promise(self, headers):
        self.assert_problem(self.tus("POST", "/files", headers), 400)

    def test_2A23_of_length_zero(self):
        url = self.create(0)
        answer = self.head(url)
        self.assertEqual(answer.get("Upload-Offset"), "0")
        self.assertEqual(answer.get("Upload-Length"), "0")
        self.assert_upload(url, b"")

    @table(("negative", "-1"), ("word", "ten"), ("decimal", "1.0"),
           ("empty", ""), ("sign", "+1"), ("list", "1, 2"))
    def test_2A24_length_that_is_no_number(self, value):
        answer = self.tus("POST", "/files", {"Upload-Length": value})
        self.assert_problem(answer, 400)

    @table(("empty key", ",a"), ("twice", "a YQ==,a YQ=="),
           ("no base64", "a !"), ("half a padding", "a YQ="),
           ("trailing comma", "a YQ==,"), ("three words", "a YQ== YQ=="))
    def test_2A25_bad_metadata(self, value):
        answer = self.tus("POST", "/files", {"Upload-Length": "1",
                                             "Upload-Metadata": value})
        self.assert_problem(answer, 400)

    @table(("name", "filename " + encode("Größe.txt"), "Größe.txt", None),
           ("uppy", f"name {encode('a.b')},type {encode('text/css')}",
            "a.b", "text/css"),
           ("path", "filename " + encode("../../etc/passwd"), "passwd",
            None),
           ("control", "filename " + encode("a\r\nX: y"), "aX: y", None),
           ("type", "filetype " + encode("a/b\r\nX: y"), None,
            "application/octet-stream"))
    def test_2A25_values_are_checked(self, value, name, kind):
        url = self.create(1, Upload_Metadata=value)
        made = self.info(url[7:])
        self.assertEqual(made["name"], name)
        if kind:
            self.assertEqual(made["type"], kind)

    @table(("one", "filename d29ybGQ="), ("no value", "is_secret"),
           ("empty value", "is_secret ,b YQ=="), ("order", "z YQ,a Yg,m"))
    def test_2A26_metadata_is_told_as_it_came(self, value):
        url = self.create(1, Upload_Metadata=value)
        self.assertEqual(self.head(url).get("Upload-Metadata"), value)
        self.append(url, 0, b"x")
        self.assertEqual(self.head(url).get("Upload-Metadata"), value)

    def test_2A27_without_metadata(self):
        self.assertIsNone(self.head(self.create(1)).get("Upload-Metadata"))
        url = self.create(1, Upload_Metadata="")
        self.append(url, 0, b"x")

    @table(("0", "0"), ("2", "2"), ("word", "yes"), ("empty", ""))
    def test_2A28_defer_length(self, value):
        self.create(Upload_Defer_Length="1")
        answer = self.tus("POST", "/files", {"Upload-Defer-Length": value})
        self.assert_problem(answer, 400)

    def test_2A29_head_while_the_length_is_unknown(self):
        url = self.create(Upload_Defer_Length="1")
        self.append(url, 0, b"abc")
        answer = self.head(url)
        self.assertEqual(answer.get("Upload-Defer-Length"), "1")
        self.assertIsNone(answer.get("Upload-Length"))
        self.assertEqual(answer.get("Upload-Offset"), "3")

    @table(("empty", b""), ("with bytes", b"def"))
    def test_2A30_length_comes_later(self, data):
        url = self.create(Upload_Defer_Length="1")
        self.append(url, 0, b"abc")
        self.append(url, 3, data, {"Upload-Length": "6"})
        answer = self.head(url)
        self.assertEqual(answer.get("Upload-Length"), "6")
        self.assertIsNone(answer.get("Upload-Defer-Length"))
        self.append(url, 3 + len(data), b"def"[len(data):])
        self.assert_upload(url, b"abcdef")

    def test_2A30_length_with_the_last_bytes(self):
        url = self.create(Upload_Defer_Length="1")
        self.append(url, 0, b"abc")
        self.append(url, 3, b"", {"Upload-Length": "3"})
        self.assert_upload(url, b"abc")

    def test_2A31_length_never_changes(self):
        url = self.create(Upload_Defer_Length="1")
        self.append(url, 0, b"a", {"Upload-Length": "6"})
        for length in ("5", "7"):
            answer = self.patch(url, 1, b"b", {"Upload-Length": length})
            self.assert_problem(answer, 400)
        self.append(url, 1, b"b", {"Upload-Length": "6"})
        self.assertEqual(self.head(url).get("Upload-Length"), "6")

    def test_2A34_offered_together(self):
        offered = self.http("OPTIONS", "/files").get("Tus-Extension")
        self.assertIn("creation", offered.split(","))

    @table(("some", 10, False), ("all", 5, False), ("chunked", 10, True))
    def test_2A35_with_upload(self, length, chunked):
        head = {**OFFSET_TYPE, "Upload-Length": str(length)}
        body = b"hello"
        if chunked:
            head.update(CHUNKED)
            body = encode_chunk(body) + encode_chunk(b"")
        answer = self.tus("POST", "/files", head, body)
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(answer.get("Upload-Offset"), "5")
        url = answer.get("Location")
        if length > 5:
            self.append(url, 5, b"world")
        self.assert_upload(url, b"helloworld"[:length])

    def test_2A36_body_of_another_type(self):
        answer = self.tus("POST", "/files", {
            "Upload-Length": "5", "Content-Type": "text/plain"}, b"hello")
        self.assert_problem(answer, 415)

    @table(("412", 412, {"Upload-Length": "5"}, OFFSET_TYPE),
           ("400", 400, {**TUS, "Upload-Length": "x"}, OFFSET_TYPE),
           ("415", 415, {**TUS, "Upload-Length": "5"}, {}),
           ("checksum", 400, {**TUS, "Upload-Length": "5",
                              "Upload-Checksum": "rot13 YQ=="}, OFFSET_TYPE))
    def test_2A37_refused_before_100(self, status, headers, kind):
        before = self.file_count()
        self.refused(status, "POST", "/files", {**headers, **kind}, b"hello")
        self.assertEqual(self.file_count(), before)

    def test_2A38_broken_creation_expires_soon(self):
        conn = self.begin_request("POST", "/files?name=orphan", {
            **TUS, **OFFSET_TYPE, "Upload-Length": "1000",
            "Content-Length": "1000"}, content(300))

        def find():
            return next((f for f in self.pages("/files", "files")
                         if f["name"] == "orphan" and f["received"] == 300),
                        None)
        made = until(find, "the upload")
        conn.close()
        self.until_idle()
        made = self.info(made["id"])
        life = (datetime.datetime.fromisoformat(made["expires"])
                - datetime.datetime.fromisoformat(made["created"]))
        self.assertLess(life.total_seconds(), 600)

    def test_2A39_more_than_its_length(self):
        self.refused(413, "POST", "/files", {
            **TUS, **OFFSET_TYPE, "Upload-Length": "3"}, b"hello")
        answer = self.tus("POST", "/files", {
            **OFFSET_TYPE, **CHUNKED, "Upload-Length": "3"},
            encode_chunk(b"hello") + encode_chunk(b""))
        self.assert_problem(answer, 413)


class Limited(TusCase):
    """With a largest size."""

    OPTIONS = ["store.max_file_size=1000"]

    def test_2A4_limit_is_told(self):
        answer = self.http("OPTIONS", "/files")
        self.assertEqual(answer.get("Tus-Max-Size"), "1000")

    @table(("1001", "1001"), ("2^64", "18446744073709551616"))
    def test_2A22_length_over_the_limit(self, length):
        answer = self.tus("POST", "/files", {"Upload-Length": length})
        problem = self.assert_problem(answer, 413, "too-large")
        self.assertEqual(problem["limit"], 1000)
        self.create(1000)

    def test_2A32_length_told_later(self):
        url = self.create(Upload_Defer_Length="1")
        self.append(url, 0, b"abcdef")
        answer = self.patch(url, 6, b"", {"Upload-Length": "5"})
        self.assert_problem(answer, 400)
        answer = self.patch(url, 6, b"", {"Upload-Length": "1001"})
        self.assert_problem(answer, 413)
        self.assertEqual(self.head(url).get("Upload-Defer-Length"), "1")

    @table(("length", False), ("chunked", True))
    def test_2A33_unknown_length_stops_at_the_limit(self, chunked):
        url = self.create(Upload_Defer_Length="1")
        data = content(1200)
        if chunked:
            answer = self.patch(url, 0, encode_chunk(data)
                                + encode_chunk(b""), CHUNKED)
        else:
            answer = self.patch(url, 0, data)
        self.assert_problem(answer, 413)
        offset = self.offset(url)
        self.assertLessEqual(offset, 1000)
        self.assertEqual(self.info(url[7:])["received"], offset)


if __name__ == "__main__":
    main()
