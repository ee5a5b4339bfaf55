# SPDX-License-Identifier: MIT
"""What the HTTP library takes and the server must not.

A number in a name is one of docs/conformance/framing.tsv; test_hostile.py has
many more of the kind.

Source: RFC 9112 sections 2.2, 3.2, 5.1, 5.2, 6.1, 6.3; RFC 9110 section 10.1.1
"""
from daemon import library_refuses
from harness import main, table
from hostile import CANARY, SMUGGLED, Hostile
from samples import content, raw_zip
from wire import encode_chunk

NOT_APPLICABLE = {}


def post(*fields, body=b""):
    """A POST with these field lines."""
    return b"".join([b"POST /files HTTP/1.1\r\nHost: x\r\n",
                     *(field + b"\r\n" for field in fields), b"\r\n", body])


class Framing(Hostile):
    """The cases."""

    DAEMON = True
    OPTIONS = [*Hostile.OPTIONS, "server.idle_timeout=1h",
               "server.header_timeout=1h", "store.max_file_size=100000"]

    def assert_refused(self, data, status):
        """One answer, and the connection is closed behind it."""
        answers = self.say(data)
        self.assert_not_smuggled(answers)
        statuses = [a.status for a in answers]
        if not library_refuses():
            self.assertEqual(statuses, [status])
        elif statuses:
            self.assertIn(statuses, [[400], [status]])

    def test_3A5_options_of_the_server(self):
        answer = self.http("OPTIONS", "*")
        self.assertIn(answer.status, (200, 204))
        self.assertEqual(answer.body, b"")

    def test_3A6_absolute_form(self):
        answer = self.http("GET", f"{self.daemon.url}/files/canary")
        self.assertEqual((answer.status, answer.body), (200, CANARY))
        answer = self.http("GET", "HTTP://other.example/files/canary")
        self.assertEqual((answer.status, answer.body), (200, CANARY))

    def test_3A7_escapes_in_the_path(self):
        self.upload(raw_zip([{"name": b"a/b\0c", "data": b"nul"},
                             {"name": b"a", "data": b"a"}]), "/files/z")
        answer = self.http("GET", "/files/z/zip/a%2fb%00c")
        self.assertEqual((answer.status, answer.body), (200, b"nul"))
        for target in ("/files/canary%00", "/files/canary%00x",
                       "/files%2Fcanary%00"):
            answer = self.http("GET", target)
            self.assertIn(answer.status, (400, 404), target)

    @table(("small first", b"3", b"4"), ("large first", b"999", b"3"),
           ("far apart", b"3", b"48"))
    def test_3A9_two_lengths(self, first, second):
        self.assert_refused(
            post(b"Content-Length: " + first, b"X: y",
                 b"Content-Length: " + second, body=b"abc" + SMUGGLED), 400)

    @table(("length first", True), ("coding first", False))
    def test_3A10_length_and_coding(self, first):
        fields = [b"Content-Length: 5", b"Transfer-Encoding: chunked"]
        self.assert_refused(
            post(*(fields if first else fields[::-1]),
                 body=b"0\r\n\r\n" + SMUGGLED), 400)

    @table(("gzip", b"gzip, chunked"), ("identity", b"identity"),
           ("chunked not last", b"chunked, gzip"))
    def test_3A11_other_codings(self, coding):
        self.assert_refused(
            post(b"Transfer-Encoding: " + coding,
                 body=encode_chunk(b"") + SMUGGLED), 501)

    @table(("none", b""), ("two", b"Host: a\r\nHost: b\r\n"),
           ("the same twice", b"Host: a\r\nHost: a\r\n"))
    def test_3A12_host(self, fields):
        self.assert_refused(
            b"GET /healthz HTTP/1.1\r\n" + fields + b"\r\n" + SMUGGLED, 400)

    @table(("length", b"Content-Length : 3"),
           ("coding", b"Transfer-Encoding\t: chunked"), ("any", b"X : y"))
    def test_3A13_space_before_the_colon(self, field):
        self.assert_refused(post(field, body=b"abc" + SMUGGLED), 400)

    @table(("folded value", b"X: a\r\n Content-Length: 5"),
           ("folded length", b"Content-Length:\r\n 48"),
           ("folded coding", b"Transfer-Encoding:\r\n chunked"),
           ("bare LF", b"X: a\nContent-Length: 5"),
           ("bare CR", b"X: a\rContent-Length: 5"))
    def test_3A13_doubtful_lines(self, field):
        # Two lengths, whatever this line is taken for, or none that counts:
        # there is never a second answer.
        answers = self.say(post(field, b"Content-Length: 3",
                                body=b"abc" + SMUGGLED))
        if len(answers) > 1:
            # It was taken for no length by us, and the other one counts.
            self.assertEqual([a.status for a in answers], [201, 200])
            self.assertEqual(answers[1].body, CANARY)
        else:
            self.assert_not_smuggled(answers)

    @table(("name of nothing", b": 5"), ("only a colon", b":"),
           ("NUL in a value", b"X: a\0b"), ("NUL behind a value", b"X: a\0"),
           ("NUL in a name", b"X\0Y: a"), ("bare LF", b"X: a\nY: b"),
           ("folded", b"X: a\r\n b"))
    def test_lines_that_others_read_otherwise(self, field):
        # As the first, in the middle, and as the last line.
        length, host = b"Content-Length: 3", b"Host: x"
        for lines in ((field, host, length), (host, field, length),
                      (host, length, field)):
            self.assert_refused(
                b"POST /files HTTP/1.1\r\n" + b"\r\n".join(lines)
                + b"\r\n\r\nabc" + SMUGGLED, 400)

    @table(("two", b"GET /files/canary /x HTTP/1.1"),
           ("behind", b"GET /files/canary  HTTP/1.1"),
           ("a tab", b"GET /files/\tcanary HTTP/1.1"))
    def test_target_with_a_space(self, line):
        self.assert_refused(line + b"\r\nHost: x\r\n\r\n" + SMUGGLED, 400)

    @table(("HTTP/1.0", b"GET /healthz HTTP/1.0\r\n\r\n"),
           ("1.0 with a field", b"GET /healthz HTTP/1.0\r\nX: y\r\n\r\n"),
           ("empty lines before",
            b"\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
           ("empty value", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX:\r\n\r\n"),
           ("spaces around",
            b"GET /healthz HTTP/1.1\r\nHost:  x \r\nX: \t y \t\r\n\r\n"))
    def test_sound_ones(self, data):
        self.assertEqual(self.statuses(data), [200])

    @table(("plus", b"+3"), ("minus", b"-3"), ("hex", b"0x3"),
           ("23 digits", b"9" * 23), ("2^64+3", b"18446744073709551619"))
    def test_3A14_odd_lengths(self, length):
        answers = self.say(post(b"Content-Length: " + length,
                                body=b"abc" + SMUGGLED))
        self.assert_not_smuggled(answers)
        self.assertEqual(len(answers), 1)
        self.assertIn(answers[0].status, (400, 413))

    def test_3A15_early_answer_is_read(self):
        # The client sends on without looking, and still gets its answer.
        for _ in range(5):
            conn = self.conn()
            conn.send_request("POST", "/files", {"Content-Length": "4000000"})
            for _ in range(40):
                if not conn.send_lossy(content(100000)):
                    break
            self.assert_problem(conn.read(), 413)
            self.assertEqual(conn.read_end(), b"")

    def test_3A16_early_answer_instead_of_100(self):
        conn = self.conn()
        conn.send_request("POST", "/files", {
            "Content-Length": "4000000", "Expect": "100-continue"})
        answer = conn.read()
        self.assertEqual(answer.interim, [])
        self.assert_problem(answer, 413)


if __name__ == "__main__":
    main()
