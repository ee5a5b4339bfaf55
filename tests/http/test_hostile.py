# SPDX-License-Identifier: MIT
"""Requests that no client in its right mind sends.

After each the daemon is well. Where it is doubtful where a request ends, it
gives at most one answer and closes: whatever follows is never taken for a
request of its own (request smuggling).

Source: RFC 9112 sections 2.2, 3, 5, 6, 7.1, 9.3, 11.2; RFC 9110 section 15.
"""
import json
import random

from daemon import library_refuses
from harness import main, table, until
from hostile import CANARY, SMUGGLED, Hostile
from samples import ENTRIES, content, sample_zip
from wire import Conn, encode_chunk, encode_request

TLS_HELLO = bytes.fromhex("16030100c8010000c40303") + content(189, 5)
H2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"


def post(head, body=b"", target="/files", version="1.1", host=True):
    """A POST whose head is written by hand."""
    lines = f"POST {target} HTTP/{version}\r\n".encode()
    if host:
        lines += b"Host: x\r\n"
    return lines + head + b"\r\n" + body


class Framing(Hostile):
    """Where does the body end?"""

    DAEMON = True
    # Nothing here ends because a clock has run out.
    OPTIONS = [*Hostile.OPTIONS, "server.idle_timeout=1h",
               "server.header_timeout=1h", "server.drain_timeout=1s"]

    @table(
        ("two lengths", b"Content-Length: 3\r\nContent-Length: 4\r\n"),
        ("two lengths, large first",
         b"Content-Length: 999\r\nContent-Length: 3\r\n"),
        ("list of lengths", b"Content-Length: 3, 4\r\n"),
        ("length and chunked",
         b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"),
        ("chunked and length",
         b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"),
        ("space before colon", b"Content-Length : 3\r\n"),
        ("tab before colon", b"Content-Length\t: 3\r\n"),
        ("coding with space before colon",
         b"Transfer-Encoding : chunked\r\nContent-Length: 3\r\n"),
        ("negative", b"Content-Length: -3\r\n"),
        ("plus", b"Content-Length: +3\r\n"),
        ("hex", b"Content-Length: 0x3\r\n"),
        ("fraction", b"Content-Length: 3.0\r\n"),
        ("exponent", b"Content-Length: 3e0\r\n"),
        ("letters behind", b"Content-Length: 3x\r\n"),
        ("two words", b"Content-Length: 3 3\r\n"),
        ("empty", b"Content-Length: \r\n"),
        ("2^64", b"Content-Length: 18446744073709551616\r\n"),
        ("2^64+3", b"Content-Length: 18446744073709551619\r\n"),
        ("23 digits", b"Content-Length: " + b"9" * 23 + b"\r\n"),
        ("gzip, chunked", b"Transfer-Encoding: gzip, chunked\r\n"),
        ("identity", b"Transfer-Encoding: identity\r\n"),
        ("xchunked", b"Transfer-Encoding: xchunked\r\n"),
        ("chunked twice", b"Transfer-Encoding: chunked, chunked\r\n"),
        ("chunked, then other", b"Transfer-Encoding: chunked, identity\r\n"),
        ("chunked;q", b"Transfer-Encoding: chunked;q=1\r\n"),
        ("quoted", b'Transfer-Encoding: "chunked"\r\n'),
        ("vertical tab", b"Transfer-Encoding: \x0bchunked\r\n"),
        ("two codings",
         b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
        ("two codings, other first",
         b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"),
        ("empty coding", b"Transfer-Encoding:\r\n"))
    def test_refused(self, head):
        # The body is right for one reading and a request for the other.
        for body in (b"abc" + SMUGGLED, b"0\r\n\r\n" + SMUGGLED):
            answers = self.say(post(head, body))
            self.assertLessEqual(len(answers), 1, answers)
            self.assert_not_smuggled(answers)
            for answer in answers:
                self.assertIn(answer.status, (400, 411, 413, 501), answer)

    @table(
        ("same length twice", b"Content-Length: 3\r\nContent-Length: 3\r\n"),
        ("list of the same", b"Content-Length: 3, 3\r\n"),
        ("leading zeros", b"Content-Length: 0003\r\n"))
    def test_refused_or_right(self, head):
        answers = self.say(post(head, b"abc" + SMUGGLED))
        if answers and answers[0].status == 201:
            self.assertEqual(json.loads(answers[0].body)["size"], 3)
            self.assertEqual(answers[1].body, CANARY)
            self.assertEqual(len(answers), 2)
        else:
            self.assertLessEqual(len(answers), 1)
            self.assert_not_smuggled(answers)

    @table(("CHUNKED", b"Transfer-Encoding: CHUNKED\r\n", False),
           ("spaces before", b"Transfer-Encoding: \t chunked\r\n", False),
           # The HTTP library does not take the space off, and would frame
           # the body as it pleases: refusing is the other right answer.
           ("spaces around", b"Transfer-Encoding: \t chunked \t\r\n", True))
    def test_chunked_all_the_same(self, head, may_refuse):
        answers = self.say(post(head, encode_chunk(b"abc") + encode_chunk(b"")
                                + SMUGGLED))
        if may_refuse and [a.status for a in answers] == [501]:
            return
        self.assertEqual([a.status for a in answers], [201, 200])
        self.assertEqual(json.loads(answers[0].body)["size"], 3)

    @table(
        ("empty", b"\r\nabc\r\n"), ("negative", b"-3\r\nabc\r\n"),
        ("plus", b"+3\r\nabc\r\n"), ("0x", b"0x3\r\nabc\r\n"),
        ("not hex", b"g\r\nabc\r\n"), ("space before", b" 3\r\nabc\r\n"),
        ("two words", b"3 3\r\nabc\r\n"), ("comma", b"3,3\r\nabc\r\n"),
        ("2^64", b"10000000000000000\r\nabc\r\n"),
        ("2^64+3", b"10000000000000003\r\nabc\r\n"),
        ("40 digits", b"f" * 40 + b"\r\nabc\r\n"),
        ("too short", b"2\r\nabc\r\n"), ("no CRLF behind", b"3\r\nabcdef\r\n"),
        ("NUL", b"3\0\r\nabc\r\n"))
    def test_bad_chunk(self, chunk):
        before = self.file_count()
        answers = self.say(post(b"Transfer-Encoding: chunked\r\n",
                                chunk + b"0\r\n\r\n" + SMUGGLED))
        self.assertLessEqual(len(answers), 1, answers)
        self.assert_not_smuggled(answers)
        for answer in answers:
            self.assertIn(answer.status, (400, 413), answer)
        until(lambda: self.file_count() == before, "nothing to be stored")

    def test_huge_chunk_never_sent(self):
        for size in (b"7fffffffffffffff", b"ffffffffffffffff", b"ffffffff"):
            answers = self.say(post(b"Transfer-Encoding: chunked\r\n",
                                    size + b"\r\nabc"))
            self.assertNotIn(201, [a.status for a in answers])

    def test_endless_chunk_line(self):
        answers = self.say(post(b"Transfer-Encoding: chunked\r\n",
                                b"3;" + b"x" * 1000000 + b"\r\nabc\r\n"
                                b"0\r\n\r\n"))
        self.assertNotIn(201, [a.status for a in answers])

    def test_chunked_in_http_1_0(self):
        answers = self.say(post(b"Transfer-Encoding: chunked\r\n",
                                b"0\r\n\r\n" + SMUGGLED, version="1.0"))
        self.assertLessEqual(len(answers), 1)
        self.assert_not_smuggled(answers)

    def test_early_refusal_closes_or_skips_the_body(self):
        # The body of a refused request is not the next request.
        body = SMUGGLED * 20
        for target in ("/files?ttl=bad", "/nowhere", "/files/.bad"):
            answers = self.say(encode_request("POST", target, (), body))
            self.assertEqual(len(answers), 1, answers)
            self.assert_not_smuggled(answers)

    def test_get_with_a_body(self):
        answers = self.say(encode_request("GET", "/healthz", (), SMUGGLED))
        self.assertEqual(len(answers), 1)
        self.assert_not_smuggled(answers)

    def test_every_prefix(self):
        whole = encode_request("PUT", "/files/prefix", {
            "Content-Type": "text/plain"}, b"0123456789")
        for cut in range(len(whole)):
            with Conn(self.daemon.address) as conn:
                conn.send(whole[:cut])
        self.assert_healthy()
        until(lambda: self.http("HEAD", "/files/prefix").status in (404, 410),
              "no file")


class Heads(Hostile):
    """Request lines and fields."""

    DAEMON = True

    @table(
        ("no Host", b"GET /healthz HTTP/1.1\r\n\r\n"),
        ("two Hosts", b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        ("same Host twice",
         b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"))
    def test_host(self, data):
        self.assertEqual(self.statuses(data), [400])

    def test_http_1_0_needs_no_host(self):
        with Conn(self.daemon.address) as conn:
            conn.send(b"GET /healthz HTTP/1.0\r\n\r\n")
            self.assertEqual(conn.read_head().status, 200)
            conn.read_body()
            self.assertEqual(conn.read_end(), b"")

    @table(
        ("empty", b""), ("line end", b"\r\n"), ("many line ends",
                                                b"\r\n" * 1000),
        ("NULs", b"\0" * 1000), ("noise", content(5000, 1)),
        ("TLS", TLS_HELLO), ("HTTP/2", H2_PREFACE), ("word", b"hello\r\n\r\n"),
        ("SMTP", b"EHLO example.com\r\nMAIL FROM:<a@b>\r\n\r\n"),
        ("HTTP/0.9", b"GET /files/canary\r\n\r\n"),
        ("HTTP/9.9", b"GET / HTTP/9.9\r\nHost: x\r\n\r\n"),
        ("HTTP/1", b"GET / HTTP/1\r\nHost: x\r\n\r\n"),
        ("http/1.1", b"GET / http/1.1\r\nHost: x\r\n\r\n"),
        ("no target", b"GET  HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("space in target", b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("endless line", b"G" * 200000),
        ("endless method", b"G" * 20000 + b" / HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("empty method", b" / HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("RTSP", b"OPTIONS rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"))
    def test_junk(self, data):
        answers = self.say(data)
        self.assertLessEqual(len(answers), 1)
        self.assert_not_smuggled(answers)
        for answer in answers:
            self.assertGreaterEqual(answer.status, 400, answer)

    def test_random_junk(self):
        rand = random.Random(7)
        good = encode_request("POST", "/files?name=x", {
            "Content-Type": "multipart/form-data; boundary=b",
            "Range": "bytes=0-1", "Expect": "100-continue"}, b"--b\r\n\r\nx")
        for _ in range(300):
            bad = bytearray(good)
            for _ in range(rand.randrange(1, 6)):
                bad[rand.randrange(len(bad))] = rand.randrange(256)
            with Conn(self.daemon.address) as conn:
                conn.send_lossy(bytes(bad))
                conn.end_sending()
                conn.read_end()
        self.assert_healthy()

    def test_empty_lines_before_a_request(self):
        self.assertEqual(self.statuses(
            b"\r\n" + encode_request("GET", "/healthz")), [200])

    @table(
        ("header of 64 KiB", b"X: " + b"y" * 65536 + b"\r\n", 431),
        ("header of 1 MB", b"X: " + b"y" * 1000000 + b"\r\n", 431),
        ("3000 fields", b"X: y\r\n" * 3000, 431),
        ("name of 64 KiB", b"X" * 65536 + b": y\r\n", 431),
        ("Range of 64 KiB", b"Range: bytes=" + b"0-0," * 16384 + b"\r\n",
         431),
        ("no end", b"X: y\r\n" * 100000, 431))
    def test_large_head(self, lines, status):
        answers = self.say(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + lines
                           + b"\r\n")
        self.assertLessEqual(len(answers), 1)
        for answer in answers:
            self.assertIn(answer.status, (status, 413, 400), answer)

    @table(("8 KB, within", 8000, (404, 414, 400)),
           ("64 KiB", 65536, (414, 431)), ("1 MB", 1000000, (414, 431)))
    def test_long_target(self, length, wanted):
        answers = self.say(b"GET /" + b"a" * length
                           + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertLessEqual(len(answers), 1)
        for answer in answers:
            self.assertIn(answer.status, wanted, answer)

    def test_many_query_arguments(self):
        query = "&".join(f"a{i}=b" for i in range(400))
        answers = self.say(encode_request("GET", f"/files/canary?{query}"))
        self.assertLessEqual(len(answers), 1)
        for answer in answers:
            self.assertIn(answer.status, (200, 400, 414, 431))

    @table(
        ("folded", b"X: a\r\n b\r\n"), ("NUL in value", b"X: a\0b\r\n"),
        ("bare LF", b"X: a\nY: b\r\n"), ("bare CR", b"X: a\rY: b\r\n"),
        ("no colon", b"hello\r\n"), ("no name", b": a\r\n"),
        ("space in name", b"X Y: a\r\n"), ("8 bit", b"X: \xff\xfe\r\n"),
        ("first folded", b" X: a\r\n"), ("unknown Expect", b"Expect: tea\r\n"),
        ("Upgrade", b"Upgrade: h2c\r\nConnection: Upgrade\r\n"),
        ("odd Connection", b"Connection: ,,x,\r\n"))
    def test_odd_field(self, line):
        # Answered as if it were not there, refused, or closed; not twice.
        answers = self.say(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + line
                           + b"\r\n")
        self.assertLessEqual(len(answers), 1)
        for answer in answers:
            self.assertIn(answer.status, (200, 400, 417), answer)

    def test_field_hidden_behind_a_bare_line_end(self):
        # Whatever it takes for the end of a line, framing is not hidden.
        for end in (b"\n", b"\r"):
            answers = self.say(post(
                b"X: a" + end + b"Transfer-Encoding: chunked\r\n"
                b"Content-Length: 5\r\n", b"0\r\n\r\n" + SMUGGLED))
            self.assertLessEqual(
                sum(CANARY in a.body for a in answers[:1]), 0)
            if len(answers) > 1:
                self.assertEqual(json.loads(answers[0].body)["size"], 5)

    @table(
        ("length folded away", b"Content-Length:\r\n 43\r\n"),
        ("length folded on", b"Content-Length: 3\r\n 4\r\n"),
        ("coding folded away", b"Transfer-Encoding:\r\n\tchunked\r\n"),
        ("folded behind", b"Content-Length: 43\r\nX: a\r\n b\r\n"),
        ("NUL in a length", b"Content-Length: 4\x003\r\n"),
        ("NUL in a coding", b"Transfer-Encoding: chunked\0, gzip\r\n"),
        ("NUL before a length", b"X: a\0b\r\nContent-Length: 43\r\n"),
        ("NULs", b"X: a\0\0b\r\nContent-Length: 43\r\n"))
    def test_line_that_others_read_otherwise(self, lines):
        # RFC 9112 5.2, RFC 9110 5.5: refused, and what follows is not run.
        for field in (lines, b"Y: y\r\n" + lines, lines + b"Y: y\r\n"):
            answers = self.say(b"PUT /files/x HTTP/1.1\r\nHost: x\r\n" + field
                               + b"\r\n" + encode_request("GET", "/healthz"))
            statuses = [a.status for a in answers]
            # A newer library may close without a word.
            self.assertIn(statuses, [[400], []] if library_refuses()
                          else [[400]])

    @table(("target", b"GET /healthz\0x HTTP/1.1\r\nHost: x\r\n\r\n"),
           ("id", b"PUT /files/nul\0b HTTP/1.1\r\nHost: x\r\n"
                  b"Content-Length: 1\r\n\r\nx"),
           ("Host", b"GET /healthz HTTP/1.1\r\nHost: a b/@\"<x>\r\n\r\n"),
           ("no Host", b"GET /healthz HTTP/1.1\r\nX: y\r\n\r\n"))
    def test_refused_by_a_problem(self, request):
        answers = self.say(request)
        if library_refuses():
            self.assertIn([a.status for a in answers], [[400], []])
            return
        self.assertEqual(len(answers), 1)
        self.assert_problem(answers[0], 400)

    def test_byte_by_byte(self):
        with Conn(self.daemon.address) as conn:
            conn.send_slowly(encode_request("GET", "/files/canary"))
            self.assertEqual(conn.read().body, CANARY)


class Connections(Hostile):
    """Many requests, many connections."""

    DAEMON = True

    def test_pipelined_mix(self):
        conn = self.conn()
        requests = [
            ("PUT", "/files/pipe", b"one", 201),
            ("GET", "/files/pipe", None, 200),
            ("HEAD", "/files/pipe", None, 200),
            ("GET", "/files/none", None, 404),
            ("PUT", "/files/pipe", b"two", 200),
            ("GET", "/files/pipe", None, 200),
            ("DELETE", "/files/pipe", None, 204),
            ("GET", "/files/pipe", None, (404, 410))] * 5
        conn.send(b"".join(encode_request(m, t, (), b)
                           for m, t, b, _ in requests))
        for turn, (method, target, _, status) in enumerate(requests):
            if turn % 8 == 0 and turn:
                status = (200, 201)
            answer = conn.read(method)
            self.assertIn(answer.status,
                          status if isinstance(status, tuple) else (status,),
                          (turn, method, target, answer))
        self.assertTrue(conn.is_in_step())

    def test_hundreds_of_silent_connections(self):
        silent = [Conn(self.daemon.address) for _ in range(300)]
        for turn, conn in enumerate(silent):
            if turn % 3:
                conn.send(b"GET /files/canary HTTP/1.1\r\nHos"[:turn % 37])
        for conn in silent[:10]:
            self.assertEqual(self.http("GET", "/files/canary").body, CANARY)
        for conn in silent:
            conn.close()
        self.assert_healthy()

    def test_answers_nobody_reads(self):
        self.upload(content(500000), "/files/large")
        for _ in range(20):
            conn = self.conn(rcvbuf=4096)
            conn.send(encode_request("GET", "/files/large") * 50)
        self.assert_healthy()

    def test_half_closed_client_is_answered(self):
        with Conn(self.daemon.address) as conn:
            conn.send_request("GET", "/files/canary")
            conn.end_sending()
            self.assertEqual(conn.read().body, CANARY)
            self.assertEqual(conn.read_end(), b"")

    def test_half_closed_client_of_an_archive(self):
        self.upload(sample_zip(), "/files/z")
        with Conn(self.daemon.address) as conn:
            for _ in range(3):
                conn.send_request("GET", "/files/z/zip")
                conn.send_request("GET", f"/files/z/zip/{ENTRIES[0][0]}")
            conn.end_sending()
            for _ in range(3):
                self.assertEqual(conn.read().status, 200)
                self.assertEqual(conn.read().body, ENTRIES[0][1])
            self.assertEqual(conn.read_end(), b"")

    def test_connection_close_is_heeded(self):
        with Conn(self.daemon.address) as conn:
            answer = conn.request("GET", "/healthz", {"Connection": "close"})
            self.assertEqual(answer.get("Connection"), "close")
            self.assertEqual(conn.read_end(), b"")

    def test_leaving_at_once(self):
        for turn in range(200):
            conn = Conn(self.daemon.address)
            conn.send(encode_request("GET", "/files/canary"))
            if turn % 2:
                conn.reset()
            else:
                conn.close()
        self.assert_healthy()


class Deadlines(Hostile):
    """Clients that drip are cut off."""

    DAEMON = True
    OPTIONS = ["server.header_timeout=1s", "server.idle_timeout=1s"]

    def setUp(self):
        """No canary needed."""

    @table(("nothing sent", b""), ("half a head", b"GET / HT"),
           ("half a body", b"PUT /files/x HTTP/1.1\r\nHost: x\r\n"
            b"Content-Length: 9\r\n\r\nabc"))
    def test_silence_is_ended(self, data):
        with Conn(self.daemon.address) as conn:
            conn.send(data)
            conn.read_end()     # comes, without a byte more from here
        self.assert_healthy()

    def test_dripping_head_is_ended(self):
        # Each byte keeps the connection alive, but not the head.
        with Conn(self.daemon.address) as conn:
            conn.send(b"GET / HTTP/1.1\r\nX: ")
            conn.sock.settimeout(0.2)

            def ended():
                conn.send_lossy(b"y")
                try:
                    return not conn.sock.recv(1000)
                except TimeoutError:
                    return False
                except ConnectionResetError:
                    return True
            until(ended, "the end of the connection")


if __name__ == "__main__":
    main()
