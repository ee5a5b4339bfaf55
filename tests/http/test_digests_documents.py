# SPDX-License-Identifier: MIT
"""Digests of what describes a request: content like any other.

Source: API.md section 2; RFC 9530 sections 2, 3 and 6.5; RFC 1864.
"""
import base64
import hashlib

from harness import Case, main, table
from samples import differs, raw_zip
from test_digests import MD5_OF_ABC, field
from wire import encode_chunk


class Documents(Case):
    """Requests that are no uploads."""

    OPTIONS = ["processor lines.command=wc -l"]

    @table(*((row[0] + " " + name, row[1], row[2], name)
             for row in (("links", "/links", b'{"ttl":9}'),
                         ("links of a file", "/files/d1/links", b""),
                         ("archive", "/files/zip", b'{"files":["d1"]}'),
                         ("saved archive", "/files/zip?save",
                          b'{"files":["d1"]}'),
                         ("saved entry", "/files/d2/zip/a?save", b""),
                         ("fetch", "/fetch", b'{"url":"http://10.0.0.1/"}'),
                         ("check", "/fetch/check",
                          b'{"url":"http://10.0.0.1/"}'),
                         ("processor", "/process/lines", b"a\nb"))
             for name in ("Content-Digest", "Repr-Digest", "Content-MD5")))
    def test_checked(self, target, body, name):
        self.upload(b"abc", "/files/d1")
        self.upload(raw_zip([{"name": b"a", "data": b"x"}]), "/files/d2")
        before = self.file_count()
        for status, value in ((422, field(b"other")), (400, "sha-256=1")):
            if name == "Content-MD5":
                value = {422: MD5_OF_ABC, 400: "AAAA"}[status]
            answer = self.http("POST", target, {name: value}, body)
            problem = self.assert_problem(answer, status)
            if status == 422 and name != "Content-MD5":
                self.assertIn(differs(body, b"other"), problem["detail"])
            self.assertEqual(self.file_count(), before)
        value = base64.b64encode(hashlib.md5(body).digest()).decode()
        if name != "Content-MD5":
            value = field(body)
        plain = self.http("POST", target, (), body)
        told = self.http("POST", target, {name: value}, body)
        self.assertEqual(told.status, plain.status, told)
        self.assertNotIn(plain.status, (400, 422))

    @table(("right", b'{"ttl":9}', 201), ("wrong", b"{}", 422))
    def test_trailer(self, said, status):
        answer = self.http("POST", "/links", {
            "Transfer-Encoding": "chunked", "Trailer": "Content-Digest"},
            encode_chunk(b'{"ttl":9}')
            + b"0\r\nContent-Digest: " + field(said).encode() + b"\r\n\r\n")
        self.assertEqual(answer.status, status, answer)


if __name__ == "__main__":
    main()
