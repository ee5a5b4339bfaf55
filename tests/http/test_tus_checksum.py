# SPDX-License-Identifier: MIT
"""tus 1.0.0: expiration, checksum, checksum-trailer, termination.

Source: tus 1.0.0.
"""
import datetime
import email.utils

from harness import main, table, until
from resuming import OFFSET_TYPE, TUS, TusCase, checksum, encode
from samples import content, differs
from wire import encode_chunk

CHUNKED = {"Transfer-Encoding": "chunked"}
TRAILER = {**CHUNKED, "Trailer": "Upload-Checksum"}
SUM = "Upload-Checksum"
# As RFC 9530 has them.
KEYS = {"sha1": "sha", "sha256": "sha-256", "sha512": "sha-512", "md5": "md5"}


def when(answer):
    """The time of Upload-Expires."""
    return email.utils.parsedate_to_datetime(answer.get("Upload-Expires"))


def crc32c(data):
    """The value of Upload-Checksum with CRC-32C."""
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return "crc32c " + encode((crc ^ 0xffffffff).to_bytes(4, "big"))


class Expiration(TusCase):
    """Uploads that end."""

    OPTIONS = ["upload.expire=2h"]

    def test_2A40_expires_is_told(self):
        answer = self.tus("POST", "/files", {"Upload-Length": "6"})
        url = answer.get("Location")
        now = email.utils.parsedate_to_datetime(answer.get("Date"))
        for answer in (answer, self.append(url, 0, b"abc"), self.head(url)):
            life = when(answer) - now
            self.assertAlmostEqual(life.total_seconds(), 7200, delta=600)
        self.assertRegex(answer.get("Upload-Expires"),
                         r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")

    def test_2A41_never_sooner(self):
        answer = self.tus("POST", "/files", {"Upload-Length": "6"})
        url = answer.get("Location")
        for offset in range(5):
            later = self.append(url, offset, b"a")
            self.assertGreaterEqual(when(later), when(answer))
            answer = later

    def test_2A43_finished_has_a_life_of_its_own(self):
        url = self.create(3, "/files?ttl=86400")
        self.append(url, 0, b"abc")
        self.assertIsNone(self.head(url).get("Upload-Expires"))
        made = self.info(url[7:])
        life = (datetime.datetime.fromisoformat(made["expires"])
                - datetime.datetime.fromisoformat(made["created"]))
        self.assertAlmostEqual(life.total_seconds(), 86400, delta=600)


class Expired(TusCase):
    """An upload for which nothing comes."""

    OPTIONS = ["upload.expire=1s", "store.ttl=0"]

    def test_2A42_expired(self):
        url = self.create(10)
        self.append(url, 0, b"abc")
        reader = self.conn()
        reader.send_request("GET", url)
        reader.read_head()
        self.assertEqual(reader.read_body(3), b"abc")
        until(lambda: self.tus("HEAD", url).status == 410, "410")
        answer = self.tus("HEAD", url)
        self.assertIsNone(answer.get("Upload-Offset"))
        self.assertEqual(self.patch(url, 3, b"x").status, 410)
        # Who reads it is told that it ended, not that it is whole.
        self.assert_cut(reader)

    def test_2A43_finished_does_not_expire_with_it(self):
        url = self.create(3)
        self.append(url, 0, b"abc")
        self.assertIsNone(self.info(url[7:])["expires"])
        gone = self.create(3)
        until(lambda: self.tus("HEAD", gone).status == 410, "410")
        self.assert_upload(url, b"abc")


class Checksum(TusCase):
    """What is checked before it counts."""

    def test_2A44_algorithms(self):
        answer = self.http("OPTIONS", "/files")
        names = answer.get("Tus-Checksum-Algorithm").split(",")
        self.assertLessEqual(
            {"sha1", "sha256", "sha512", "md5", "crc32c"}, set(names))

    @table(*((name, name) for name in ("sha1", "sha256", "sha512", "md5")))
    def test_2A45_fits(self, name):
        data = content(200000)
        url = self.create(len(data))
        for at in (0, 100000):
            piece = data[at:at + 100000]
            self.append(url, at, piece, {SUM: checksum(piece, name)})
        self.assert_upload(url, data)

    def test_2A45_fits_crc32c(self):
        url = self.create(5)
        self.assertEqual(crc32c(b"123456789"), "crc32c 4waSgw==")
        self.append(url, 0, b"hello", {SUM: crc32c(b"hello")})
        self.assert_upload(url, b"hello")

    def test_2A45_of_nothing(self):
        url = self.create(5)
        self.append(url, 0, b"", {SUM: checksum(b"")})
        self.append(url, 0, b"hello")

    def test_2A45_larger_than_memory(self):
        data = content(3000000)
        url = self.create(len(data))
        self.append(url, 0, data, {SUM: checksum(data, "sha256")})
        self.assert_upload(url, data)

    @table(("unknown", "rot13 YQ=="), ("case", "SHA1 " + encode(b"x" * 20)),
           ("crc32", "crc32 AAAAAA=="))
    def test_2A46_unknown_algorithm(self, value):
        url = self.create(5)
        answer = self.patch(url, 0, b"hello", {SUM: value})
        self.assert_problem(answer, 400)
        self.assertEqual(self.offset(url), 0)
        self.append(url, 0, b"hello")

    @table(*((name, name) for name in ("sha1", "sha256", "sha512", "md5")))
    def test_2A47_does_not_fit(self, name):
        url = self.create(10)
        self.append(url, 0, b"hello")
        answer = self.patch(url, 5, b"wOrld", {SUM: checksum(b"world", name)})
        problem = self.assert_problem(answer, 460, "checksum-mismatch")
        self.assertEqual(
            problem["detail"], "The bytes' "
            f"{differs(b'wOrld', b'world', KEYS[name])}; none was kept. "
            "Send them again.")
        self.assertEqual(answer.get("Upload-Offset"), "5")
        self.assertEqual(self.offset(url), 5)
        self.append(url, 5, b"world", {SUM: checksum(b"world", name)})
        self.assert_upload(url, b"helloworld")

    def test_2A47_nobody_has_seen_the_bytes(self):
        good, bad = content(200000, 1), content(200000, 2)
        url = self.create(len(good))
        reader = self.conn()
        reader.send_request("GET", url)
        reader.read_head()
        answer = self.patch(url, 0, bad, {SUM: checksum(good)})
        self.assertEqual(answer.status, 460)
        self.assertEqual(self.info(url[7:])["received"], 0)
        self.append(url, 0, good, {SUM: checksum(good)})
        self.assert_same(reader.read_body(), good)

    @table(("no digest", "sha1"), ("no base64", "sha1 !!!"),
           ("short", "sha1 YQ=="), ("long", "md5 " + encode(b"x" * 20)),
           ("empty", ""), ("too long", "sha1 " + encode(b"x" * 99)))
    def test_2A48_checksum_that_is_none(self, value):
        url = self.create(5)
        answer = self.patch(url, 0, b"hello", {SUM: value})
        self.assert_problem(answer, 400)
        self.assertEqual(self.offset(url), 0)

    def test_2A49_broken_off(self):
        data = content(50000)
        url = self.create(len(data))
        conn = self.begin_request("PATCH", url, {
            **TUS, **OFFSET_TYPE, "Upload-Offset": "0", SUM: checksum(data),
            "Content-Length": str(len(data))}, data[:30000])
        conn.close()
        self.until_idle()
        self.assertEqual(self.offset(url), 0)
        self.append(url, 0, data, {SUM: checksum(data)})
        self.assert_upload(url, data)

    def trailed(self, url, offset, data, value, headers=()):
        """A PATCH with a checksum behind it."""
        body = (encode_chunk(data[:3]) + encode_chunk(data[3:]) + b"0\r\n"
                + (f"{SUM}: {value}\r\n".encode() if value else b"")
                + b"\r\n")
        return self.patch(url, offset, body, {**TRAILER, **dict(headers)})

    @table(*((name, name) for name in ("sha1", "sha512", "md5")))
    def test_2A50_trailer(self, name):
        url = self.create(5)
        answer = self.trailed(url, 0, b"hellO", checksum(b"hello", name))
        self.assert_problem(answer, 460)
        self.assertEqual(self.offset(url), 0)
        answer = self.trailed(url, 0, b"hello", checksum(b"hello", name))
        self.assertEqual(answer.status, 204, answer)
        self.assert_upload(url, b"hello")

    @table(("missing", None), ("malformed", "sha1 x"),
           ("unknown", "rot13 YQ=="),
           ("two", f"{checksum(b'hello')}\r\n{SUM}: {checksum(b'other')}"))
    def test_2A50_trailer_that_is_none(self, value):
        url = self.create(5)
        answer = self.trailed(url, 0, b"hello", value)
        self.assert_problem(answer, 400)
        self.assertEqual(self.offset(url), 0)

    def test_2A51_header_and_trailer(self):
        url = self.create(5)
        right, wrong = checksum(b"hello"), checksum(b"other")
        answer = self.trailed(url, 0, b"hello", wrong, {SUM: right})
        self.assert_problem(answer, 400)
        self.assertEqual(self.offset(url), 0)
        answer = self.trailed(url, 0, b"hello", right, {SUM: right})
        self.assertEqual(answer.status, 204)

    def test_2A52_with_creation(self):
        head = {**OFFSET_TYPE, "Upload-Length": "5"}
        answer = self.tus("POST", "/files", {
            **head, SUM: checksum(b"hello")}, b"hello")
        self.assertEqual(answer.status, 201)
        self.assertEqual(answer.get("Upload-Offset"), "5")
        self.assert_upload(answer.get("Location"), b"hello")
        answer = self.tus("POST", "/files", {
            **head, SUM: checksum(b"other")}, b"hello")
        self.assert_problem(answer, 460)
        self.assertEqual(answer.get("Upload-Offset"), "0")


class Termination(TusCase):
    """DELETE."""

    def test_2A53_delete(self):
        before = self.metric('spool_bytes{tier="memory"}')
        url = self.create(100000)
        self.append(url, 0, content(60000))
        self.assertGreater(self.metric('spool_bytes{tier="memory"}'), before)
        answer = self.tus("DELETE", url)
        self.assertEqual(answer.status, 204)
        self.assertEqual(self.tus("HEAD", url).status, 410)
        self.assertEqual(self.tus("DELETE", url).status, 410)
        self.assertEqual(self.patch(url, 60000, b"x").status, 410)
        until(lambda: self.metric('spool_bytes{tier="memory"}') <= before,
              "memory given back")

    def test_2A54_delete_cuts_a_patch(self):
        url = self.create(10)
        conn = self.begin_request("PATCH", url, {
            **TUS, **OFFSET_TYPE, "Upload-Offset": "0",
            "Content-Length": "10"}, b"abc")
        self.wait_received(url[7:], 3)
        self.assertEqual(self.tus("DELETE", url).status, 204)
        self.assert_cut(conn)
        self.until_idle()
        self.assertEqual(self.tus("HEAD", url).status, 410)

    def test_2A55_delete_a_finished_one(self):
        url = self.create(3)
        self.append(url, 0, b"abc")
        self.assertEqual(self.tus("DELETE", url).status, 204)
        self.assertEqual(self.http("GET", url).status, 410)


if __name__ == "__main__":
    main()
