# SPDX-License-Identifier: MIT
"""Digests: given to check, wanted, kept, and computed later.

Source: API.md sections 1 to 3; RFC 9530; RFC 1864.
"""
import base64
import hashlib

from harness import Case, Conn, Worker, main, table, until
from samples import content, differs, digest_field, form, sha256
from wire import encode_chunk

MD5_OF_ABC = "kAFQmDzST7DWlj99KOF/cg=="
CRC32C_OF_ABC = ":Nks/tw==:"
TYPE = {"Content-Type": "multipart/form-data; boundary=frontier"}


def field(data, name="sha-256"):
    """A member of a digest field."""
    hash_name = {"sha": "sha1"}.get(name, name.replace("-", ""))
    return f"{name}={digest_field(data, hash_name)}"


class Checked(Case):
    """A digest that comes with the content: it is right, or nothing stays."""

    OPTIONS = ["spool.memory_max=64K"]

    def good(self, headers, data=b"abc", method="POST", target="/files"):
        """An upload that is taken: the answer and its descriptor."""
        answer = self.http(method, target, headers, data)
        made = self.json(answer, 201)
        self.assert_content(made["id"], data)
        return answer, made

    def bad(self, headers, status, name, data=b"abc"):
        """An upload that leaves nothing."""
        before = self.file_count()
        answer = self.http("POST", "/files", headers, data)
        problem = self.assert_problem(answer, status, name)
        self.assertEqual(self.file_count(), before)
        return answer, problem

    @table(*((f"{name} {alg}", name, alg)
             for name in ("Repr-Digest", "Content-Digest")
             for alg in ("sha-256", "sha-512", "sha", "md5")))
    def test_right(self, name, alg):
        answer, made = self.good({name: field(b"abc", alg)})
        self.assertEqual(made["digest"].keys(), {alg})
        self.assertEqual(answer.get("Repr-Digest"), field(b"abc", alg))

    @table(*((f"{name} {alg}", name, alg)
             for name in ("Repr-Digest", "Content-Digest")
             for alg in ("sha-256", "sha-512", "sha", "md5")))
    def test_wrong(self, name, alg):
        _, problem = self.bad(
            {name: field(b"abd", alg)}, 422, "digest-mismatch")
        self.assertEqual(
            problem["detail"], f"The content's {differs(b'abc', b'abd', alg)}"
            " as was said; nothing was kept.")

    def test_crc32c(self):
        self.good({"Repr-Digest": f"crc32c={CRC32C_OF_ABC}"})
        self.bad({"Repr-Digest": f"crc32c={CRC32C_OF_ABC}"}, 422,
                 "digest-mismatch", b"abd")

    def test_several(self):
        both = f"{field(b'abc')}, {field(b'abc', 'sha-512')}"
        _, made = self.good({"Content-Digest": both})
        self.assertEqual(made["digest"].keys(), {"sha-256", "sha-512"})
        self.bad({"Content-Digest":
                  f"{field(b'abc')}, {field(b'x', 'sha-512')}"}, 422,
                 "digest-mismatch")
        self.bad({"Content-Digest": field(b"abc"),
                  "Repr-Digest": field(b"x", "sha-512")}, 422,
                 "digest-mismatch")

    def test_several_lines(self):
        conn = self.conn()
        conn.send(b"POST /files HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
                  b"Repr-Digest: " + field(b"abc").encode() + b"\r\n"
                  b"Repr-Digest: " + field(b"x", "sha-512").encode()
                  + b"\r\n\r\nabc")
        self.assert_problem(conn.read(), 422, "digest-mismatch")

    @table(("right", MD5_OF_ABC, 201), ("wrong", "A" * 22 + "==", 422),
           ("no base64", "!!", 400), ("short", "AAAA", 400),
           ("empty", "", 400))
    def test_content_md5(self, value, status):
        headers = {"Content-MD5": value}
        if status == 201:
            self.good(headers)
        else:
            _, problem = self.bad(headers, status, None)
            if status == 422:
                self.assertIn(f"md5 is {MD5_OF_ABC}, not {value}",
                              problem["detail"])

    @table(("no colons", "sha-256=abc"), ("no value", "sha-256"),
           ("number", "sha-256=1"), ("short", "sha-256=:YWJj:"),
           ("no end", "sha-256=:YWJj"), ("comma", field(b"abc") + ","),
           ("list", "sha-256=(1 2)"), ("bytes", "\x80"))
    def test_malformed(self, value):
        self.bad({"Repr-Digest": value}, 400, "bad-request")

    @table(("unknown", "unixsum=:AAA=:"), ("upper case", "SHA-256=:AAA=:"),
           ("empty", ""))
    def test_what_cannot_be_checked_is_refused(self, value):
        answer, _ = self.bad({"Content-Digest": value}, 400, "bad-request")
        self.assertIn("sha-256=10", answer.get("Want-Repr-Digest"))
        self.assertIn("sha-256=10", answer.get("Want-Content-Digest"))

    def test_unknown_beside_a_known_one(self):
        self.good({"Repr-Digest": f"unixsum=:AAA=:, {field(b'abc')}"})

    def test_contradiction_is_refused_before_the_body(self):
        conn = self.conn()
        conn.send_request("POST", "/files", {
            "Expect": "100-continue", "Content-Length": "100000",
            "Repr-Digest": field(b"abc"), "Content-Digest": field(b"x")})
        answer = conn.read()
        self.assertEqual(answer.interim, [])
        self.assert_problem(answer, 400)

    @table(("memory", 1000), ("disk", 300000), ("empty", 0))
    def test_put_and_lengths(self, size):
        data = content(size)
        headers = {"Repr-Digest": field(data)}
        _, made = self.good(headers, data, "PUT", f"/files/put{size}")
        self.assertEqual(made["digest"], {"sha-256": sha256(data)})

    def test_chunked(self):
        data = content(200000, 3)
        body = b"".join(encode_chunk(data[at:at + 777])
                        for at in range(0, len(data), 777))
        for given, status in ((data, 201), (data[1:], 422)):
            answer = self.http("POST", "/files", {
                "Transfer-Encoding": "chunked",
                "Content-Digest": field(given)}, body + encode_chunk(b""))
            self.assertEqual(answer.status, status, answer)

    @table(("right", b"abc", 201), ("wrong", b"abd", 422),
           ("malformed", None, 400))
    def test_in_a_trailer(self, given, status):
        before = self.file_count()
        value = field(given) if given else "sha-256=1"
        for name in ("Content-Digest", "Repr-Digest"):
            answer = self.http(
                "POST", "/files", {"Transfer-Encoding": "chunked",
                                   "Trailer": f"X-Other, {name}"},
                encode_chunk(b"abc")
                + f"0\r\n{name}: {value}\r\n\r\n".encode())
            self.assertEqual(answer.status, status, answer)
        self.assertEqual(self.file_count(), before + 2 * (status == 201))

    @table(("announced in the second line",
            "X-Other\r\nTrailer: Content-Digest", (b"abd",), 422),
           ("the second line of two", "Content-Digest", (b"abc", b"abd"), 400),
           ("two that are one", "Content-Digest", (b"abc", b"abc"), 201),
           ("control character", "Content-Digest", None, 400))
    def test_trailers_in_lines(self, announced, given, status):
        lines = [f"Content-Digest: {field(data)}\r\n" for data in given or ()]
        conn = self.conn()
        conn.send(f"PUT /files/lines HTTP/1.1\r\nHost: a\r\n"
                  f"Trailer: {announced}\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n".encode()
                  + encode_chunk(b"abc") + b"0\r\n"
                  + "".join(lines or ["Content-Digest: \x01\r\n"]).encode()
                  + b"\r\n")
        self.assertEqual(conn.read().status, status)
        self.assertIn(self.http("DELETE", "/files/lines").status,
                      (204,) if status == 201 else (404, 410))

    def test_announced_trailer_that_does_not_come(self):
        answer = self.http("POST", "/files", {
            "Transfer-Encoding": "chunked", "Trailer": "Repr-Digest"},
            encode_chunk(b"abc") + encode_chunk(b""))
        self.json(answer, 201)

    def test_wrong_replacement_keeps_the_old(self):
        self.upload(b"old", "/files/r1")
        answer = self.http("PUT", "/files/r1", {
            "Repr-Digest": field(b"other")}, b"new")
        self.assert_problem(answer, 422, "digest-mismatch")
        self.assert_content("r1", b"old")

    def test_wrong_new_one_is_gone(self):
        answer = self.http("PUT", "/files/r2", {
            "Repr-Digest": field(b"other")}, b"new")
        self.assert_problem(answer, 422, "digest-mismatch")
        self.assertIn(self.http("GET", "/files/r2").status, (404, 410))

    def test_reader_of_a_wrong_one_is_cut(self):
        data = content(1000)
        writer, reader = self.conn(), self.conn()
        writer.send_request("PUT", "/files/r3", {
            "Content-Length": "1000", "Repr-Digest": field(b"other")})
        writer.send(data[:500])
        self.wait_received("r3", 500)
        reader.send_request("GET", "/files/r3")
        reader.read_head()
        self.assert_same(reader.read_body(500), data[:500])
        writer.send(data[500:])
        self.assert_problem(writer.read(), 422, "digest-mismatch")
        with self.assertRaises(Exception):
            reader.read_body(501)

    def test_counted(self):
        before = self.metric('uploads_failed_total{reason="digest"}')
        self.bad({"Repr-Digest": field(b"abd")}, 422, "digest-mismatch")
        until(lambda: self.metric('uploads_failed_total{reason="digest"}')
              == before + 1, "the failure to be counted")



class Forms(Case):
    """Digests and multipart/form-data."""

    def post(self, body, headers=(), query=""):
        """Send a form."""
        return self.http("POST", "/files" + query, {**TYPE, **dict(headers)},
                         body)

    def test_of_the_whole_body(self):
        body = form([("f", content(5000), "a"), ("g", b"x", "b")])
        self.json(self.post(body, {"Content-Digest": field(body)}), 201)
        before = self.file_count()
        answer = self.post(body, {"Content-Digest": field(b"other")})
        problem = self.assert_problem(answer, 422, "digest-mismatch")
        self.assertIn(differs(body, b"other"), problem["detail"])
        self.assertEqual(self.file_count(), before)

    def test_asked_of_each_file(self):
        bodies = [content(5000), b"", b"abc"]
        answer = self.post(
            form([("f", body, "a") for body in bodies]), (),
            "?digest=sha-256,md5")
        for one, body in zip(self.json(answer, 201)["files"], bodies):
            self.assertEqual(one["digest"], {
                "sha-256": sha256(body),
                "md5": hashlib.md5(body).hexdigest()})

    def test_one_file_is_told_in_the_field(self):
        answer = self.post(form([("f", b"abc", "a")]),
                           {"Want-Repr-Digest": "sha-256=1"})
        self.assertEqual(answer.get("Repr-Digest"), field(b"abc"))


class Wanted(Case):
    """Wishes: with an upload, with a read, and by parameter."""

    OPTIONS = ["spool.memory_max=64K"]

    def test_upload_wants(self):
        answer = self.http("POST", "/files",
                           {"Want-Repr-Digest": "sha-512=3, sha-256=10"},
                           b"abc")
        made = self.json(answer, 201)
        self.assertEqual(answer.get("Repr-Digest"), field(b"abc"))
        self.assertEqual(made["digest"], {"sha-256": sha256(b"abc")})
        self.assertEqual(self.info(made["id"])["digest"], made["digest"])

    @table(("not wanted", "sha-256=0"), ("unknown", "unixsum=10"),
           ("malformed", "sha-256=x=y"), ("too heavy", "sha-256=11"))
    def test_wish_that_cannot_be_met(self, wish):
        answer = self.http("POST", "/files", {"Want-Repr-Digest": wish},
                           b"abc")
        self.assertIsNone(self.json(answer, 201)["digest"])
        self.assertIsNone(answer.get("Repr-Digest"))

    @table(("one", "sha-256", {"sha-256"}),
           ("two", "sha-512,%20md5", {"sha-512", "md5"}),
           ("other spelling", "SHA1", {"sha"}),
           ("all", "sha-256,sha-512,sha,md5,crc32c",
            {"sha-256", "sha-512", "sha", "md5", "crc32c"}))
    def test_upload_asks(self, query, names):
        answer = self.http("POST", f"/files?digest={query}", (), b"abc")
        made = self.json(answer, 201)
        self.assertEqual(made["digest"].keys(), names)
        for name in names:
            self.assertIn(f"{name}=:", answer.get("Repr-Digest"))

    @table(("unknown", "sha-3"), ("empty", ""), ("long", "x" * 2000))
    def test_upload_asks_for_none_there_is(self, query):
        conn = self.conn()
        conn.send_request("POST", f"/files?digest={query}", {
            "Expect": "100-continue", "Content-Length": "100000"})
        answer = conn.read()
        self.assertEqual(answer.interim, [])
        self.assert_problem(answer, 400)

    @table(("GET", "GET"), ("HEAD", "HEAD"))
    def test_read_wants(self, method):
        made = self.upload(content(200000, 5))
        answer = self.http(method, made["links"]["self"],
                           {"Want-Repr-Digest": "sha-256=10, md5=0"})
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.get("Repr-Digest"), field(content(200000, 5)))
        # It is kept.
        self.assertEqual(self.info(made["id"])["digest"],
                         {"sha-256": sha256(content(200000, 5))})

    def test_old_algorithms_only_when_asked(self):
        made = self.upload(b"abc", "/files?digest=md5,sha-256")
        path = made["links"]["self"]
        self.assertEqual(self.http("GET", path).get("Repr-Digest"),
                         field(b"abc"))
        answer = self.http("GET", path, {"Want-Repr-Digest": "md5=1"})
        self.assertEqual(answer.get("Repr-Digest"), field(b"abc", "md5"))
        answer = self.http("GET", path, {"Want-Repr-Digest": "md5=0"})
        self.assertEqual(answer.get("Repr-Digest"), field(b"abc"))

    def test_of_a_range_it_is_the_whole_files(self):
        data = content(1000, 7)
        made = self.upload(data, "/files?digest=sha-256")
        path = made["links"]["self"]
        for headers, status in (
                ({"Range": "bytes=0-9"}, 206),
                ({"Range": "bytes=0-9,500-509"}, 206), ({}, 200)):
            answer = self.http("GET", path, headers)
            self.assertEqual(answer.status, status)
            self.assertEqual(answer.get("Repr-Digest"), field(data))
            # What this message holds is another thing.
            sent = answer.get("Content-Digest")
            if sent is not None:
                self.assertEqual(sent, field(answer.body))

    def test_head_has_no_content_digest(self):
        made = self.upload(b"abc", "/files?digest=sha-256")
        answer = self.http("HEAD", made["links"]["self"],
                           {"Want-Content-Digest": "sha-256=1"})
        self.assertIsNone(answer.get("Content-Digest"))
        self.assertEqual(answer.get("Repr-Digest"), field(b"abc"))

    def test_content_digest(self):
        data = content(100000, 13)
        path = self.upload(data)["links"]["self"]
        wants = {"Want-Content-Digest": "sha-256=1, sha-512=5"}
        answer = self.http("GET", path, wants)
        self.assertEqual(answer.get("Content-Digest"),
                         field(data, "sha-512"))
        # Of a part it would cost as much as all of it: a wish, no more.
        answer = self.http("GET", path, {**wants, "Range": "bytes=0-9"})
        self.assertEqual(answer.status, 206)
        self.assertIn(answer.get("Content-Digest"),
                      (None, field(answer.body, "sha-512")))
        answer = self.http("GET", path, {
            **wants, "Range": "bytes=0-9", "If-Range": '"other"'})
        self.assertEqual((answer.status, answer.get("Content-Digest")),
                         (200, field(data, "sha-512")))

    def test_range_wants(self):
        made = self.upload(content(100000, 8))
        answer = self.http("GET", made["links"]["self"], {
            "Range": "bytes=5-9", "Want-Repr-Digest": "sha-512=1"})
        self.assertEqual(answer.status, 206)
        self.assertEqual(answer.get("Repr-Digest"),
                         field(content(100000, 8), "sha-512"))

    def test_nothing_known_nothing_told(self):
        made = self.upload(b"abc")
        answer = self.http("GET", made["links"]["self"])
        self.assertIsNone(answer.get("Repr-Digest"))

    def test_not_while_it_comes_in(self):
        writer, reader = self.conn(), self.conn()
        writer.send_request("PUT", "/files/w1", {"Content-Length": "6"})
        writer.send(b"abc")
        self.wait_received("w1", 3)
        reader.send_request("GET", "/files/w1",
                            {"Want-Repr-Digest": "sha-256=1"})
        self.assertIsNone(reader.read_head().get("Repr-Digest"))
        writer.send(b"def")
        self.assertEqual(writer.read().status, 201)
        self.assertEqual(reader.read_body(), b"abcdef")


class Later(Case):
    """GET /files/{id}/info?digest="""

    OPTIONS = ["spool.memory_max=64K"]

    @table(("empty", 0), ("memory", 1000), ("disk", 300000),
           ("several turns", 9 << 20))
    def test_computed(self, size):
        data = content(size, 9)
        made = self.upload(data)
        self.assertIsNone(made["digest"])
        info = self.info(made["id"], "?digest=sha-256")
        self.assertEqual(info["digest"], {"sha-256": sha256(data)})
        answer = self.http("GET", made["links"]["self"])
        self.assertEqual(answer.get("Repr-Digest"), field(data))

    def test_more_are_added(self):
        made = self.upload(b"abc")
        self.info(made["id"], "?digest=md5")
        info = self.info(made["id"], "?digest=sha-256,crc32c")
        self.assertEqual(info["digest"], {
            "md5": hashlib.md5(b"abc").hexdigest(), "crc32c": "364b3fb7",
            "sha-256": sha256(b"abc")})

    def test_once_for_all_who_ask(self):
        data = content(8 << 20, 10)
        made = self.upload(data)
        name = 'spillway_digests_computed_total{when="later"}'

        def computed():
            text = self.http("GET", "/metrics").body.decode()
            return next(float(line.split()[-1]) for line in text.splitlines()
                        if line.startswith(name))
        before = computed()
        jobs = [Worker(self.info, made["id"], "?digest=sha-256")
                for _ in range(8)]
        for job in jobs:
            self.assertEqual(job.result()["digest"],
                             {"sha-256": sha256(data)})
        # Who comes when one has ended finds its result.
        self.assertEqual(computed(), before + 1)

    @table(("unknown", "sha-3"), ("empty", ""))
    def test_unknown(self, name):
        made = self.upload(b"abc")
        self.assert_problem(
            self.http("GET", f"/files/{made['id']}/info?digest={name}"), 400)

    def test_not_complete_yet(self):
        conn = self.conn()
        conn.send_request("PUT", "/files/l1", {"Content-Length": "6"})
        conn.send(b"abc")
        self.wait_received("l1", 3)
        info = self.info("l1", "?digest=sha-256")
        self.assertEqual((info["state"], info["digest"]), ("receiving", None))
        job = Worker(self.info, "l1", "?digest=sha-256&wait=60")
        conn.send(b"def")
        self.assertEqual(conn.read().status, 201)
        self.assertEqual(job.result()["digest"],
                         {"sha-256": sha256(b"abcdef")})

    def test_client_leaves(self):
        data = content(8 << 20, 11)
        made = self.upload(data)
        for _ in range(5):
            with Conn(self.daemon.address) as conn:
                conn.send_request(
                    "GET", f"/files/{made['id']}/info?digest=sha-512")
        info = self.info(made["id"], "?digest=sha-512")
        self.assertEqual(info["digest"], {
            "sha-512": hashlib.sha512(data).hexdigest()})

    def test_file_goes_meanwhile(self):
        made = self.upload(content(8 << 20, 12))
        job = Worker(self.http, "GET",
                     f"/files/{made['id']}/info?digest=sha-512")
        self.assertEqual(
            self.http("DELETE", made["links"]["self"]).status, 204)
        self.assertIn(job.result().status, (200, 404, 410))
        self.assert_healthy()


class Always(Case):
    """store.digest = always"""

    OPTIONS = ["store.digest=always"]

    def test_every_upload(self):
        answer = self.http("POST", "/files", (), b"abc")
        made = self.json(answer, 201)
        self.assertEqual(made["digest"], {"sha-256": sha256(b"abc")})
        # Nobody wanted it in the answer's field.
        self.assertIsNone(answer.get("Repr-Digest"))
        self.assertEqual(
            self.http("GET", made["links"]["self"]).get("Repr-Digest"),
            field(b"abc"))

    def test_forms(self):
        answer = self.http("POST", "/files", TYPE,
                           form([("f", b"abc", "a"), ("g", b"", "b")]))
        self.assertEqual(
            [one["digest"] for one in self.json(answer, 201)["files"]],
            [{"sha-256": sha256(b"abc")}, {"sha-256": sha256(b"")}])

    def test_values_agree(self):
        made = self.upload(b"abc")
        text = base64.b64encode(bytes.fromhex(made["digest"]["sha-256"]))
        self.assertEqual(f"sha-256=:{text.decode()}:", field(b"abc"))


if __name__ == "__main__":
    main()
