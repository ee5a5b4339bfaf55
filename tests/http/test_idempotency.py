# SPDX-License-Identifier: MIT
"""Idempotency-Key: an upload that is sent again makes nothing new.

Source: API.md section 2; draft-ietf-httpapi-idempotency-key-header.
"""
import json

from fetching import ALLOW, Fetching
from harness import Case, Conn, Worker, main, table, until
from origin import Gate, Page
from resuming import INTEROP, OFFSET_TYPE, IetfCase, TusCase, checksum
from samples import content, form
from wire import encode_chunk, encode_request


def key(name):
    """The field."""
    return {"Idempotency-Key": f'"{name}"'}


class Key(Case):
    """Uploads with a key."""

    def post(self, name, body=b"abc", target="/files", headers=()):
        """An upload with this key."""
        return self.http("POST", target, {**key(name), **dict(headers)}, body)

    def test_again_is_the_same_file(self):
        first = self.post("k1")
        made = self.json(first, 201)
        before = self.file_count()
        for _ in range(3):
            again = self.post("k1")
            self.assertEqual(self.json(again, 201), made)
            self.assertEqual(again.get("Location"), first.get("Location"))
            self.assertEqual(again.get("ETag"), first.get("ETag"))
        self.assertEqual(self.file_count(), before)

    def test_another_key_is_another_file(self):
        self.assertNotEqual(self.json(self.post("k2"), 201)["id"],
                            self.json(self.post("k3"), 201)["id"])

    def test_bare_key_is_the_same(self):
        made = self.json(self.post("k4"), 201)
        again = self.http("POST", "/files", {"Idempotency-Key": "k4"}, b"abc")
        self.assertEqual(self.json(again, 201)["id"], made["id"])

    @table(("length", b"abcd", "/files", {}),
           ("query", b"abc", "/files?ttl=5", {}),
           ("path", b"abc", "/files/", {}),
           ("type", b"abc", "/files", {"Content-Type": "text/x"}),
           ("disposition", b"abc", "/files",
            {"Content-Disposition": "inline; filename=x"}),
           ("digest", b"abc", "/files",
            {"Content-MD5": "kAFQmDzST7DWlj99KOF/cg=="}))
    def test_different_request(self, body, target, headers):
        self.json(self.post("k5"), 201)
        before = self.file_count()
        answer = self.post("k5", body, target, headers)
        self.assert_problem(answer, 422, "idempotency-key-reused")
        self.assertEqual(self.file_count(), before)

    def test_different_credentials_have_their_own_keys(self):
        one = self.post("k6", headers={"Authorization": "Bearer one"})
        two = self.post("k6", headers={"Authorization": "Bearer two"})
        if one.status == 201:
            self.assertNotEqual(one.get("Location"), two.get("Location"))

    def test_while_the_first_runs(self):
        first = self.conn()
        first.send_request("POST", "/files", {
            **key("k7"), "Content-Length": "6"})
        first.send(b"abc")
        until(lambda: any(
            f["state"] == "receiving"
            for f in self.pages("/files?limit=1000", "files")), "the upload")
        second = self.conn()
        second.send_request("POST", "/files", {
            **key("k7"), "Content-Length": "6", "Expect": "100-continue"})
        answer = second.read()
        self.assertEqual(answer.interim, [])
        self.assert_problem(answer, 409, "conflict")
        self.assertTrue(answer.get("Retry-After").isdecimal())
        first.send(b"def")
        made = self.json(first.read(), 201)
        again = self.json(self.post("k7", b"abcdef"), 201)
        self.assertEqual(again["id"], made["id"])

    def test_many_at_once_make_one(self):
        jobs = [Worker(self.post, "k8", content(50000)) for _ in range(10)]
        answers = [job.result() for job in jobs]
        ids = {json.loads(a.body)["id"] for a in answers if a.status == 201}
        self.assertEqual(len(ids), 1)
        self.assertLessEqual({a.status for a in answers}, {201, 409})

    def test_broken_off_frees_the_key(self):
        with Conn(self.daemon.address) as conn:
            conn.send_request("POST", "/files", {
                **key("k9"), "Content-Length": "6"})
            conn.send(b"abc")

        def done():
            answer = self.post("k9", b"abcdef")
            return answer.status == 201 and self.json(answer, 201)
        made = until(done, "the key to be free")
        self.assert_content(made["id"], b"abcdef")

    def test_refused_frees_the_key(self):
        answer = self.post("k10", headers={"Content-MD5": "A" * 22 + "=="})
        self.assert_problem(answer, 422, "digest-mismatch")
        until(lambda: self.post("k10").status == 201, "the key to be free")

    def test_key_lives_as_long_as_the_file(self):
        made = self.json(self.post("k11"), 201)
        self.assertEqual(
            self.http("DELETE", made["links"]["self"]).status, 204)
        again = self.json(self.post("k11"), 201)
        self.assertNotEqual(again["id"], made["id"])
        self.assertEqual(self.json(self.post("k11"), 201)["id"], again["id"])

    def test_before_the_body_is_sent(self):
        made = self.json(self.post("k12", content(100000)), 201)
        conn = self.conn()
        conn.send_request("POST", "/files", {
            **key("k12"), "Content-Length": "100000",
            "Expect": "100-continue"})
        answer = conn.read()
        self.assertEqual(answer.interim, [])
        self.assertEqual(self.json(answer, 201)["id"], made["id"])

    @table(("length", False), ("chunked", True))
    def test_large_body_is_read_first(self, chunked):
        # A client that never looks before it has sent all must see it.
        data = content(20 << 20)
        headers = key(f"k13{chunked}")
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
            body = encode_chunk(data) + encode_chunk(b"")
        else:
            body = data
        whole = encode_request("POST", "/files", headers, body)
        ids = set()
        conn = self.conn()
        for _ in range(2):
            conn.send(whole)
            ids.add(self.json(conn.read(), 201)["id"])
        self.assertEqual(len(ids), 1)
        self.assertTrue(conn.is_in_step())

    def test_put(self):
        headers = {**key("k14"), "If-None-Match": "*"}
        made = self.json(self.http("PUT", "/files/put", headers, b"a"), 201)
        # Its condition held then; now it is not asked again.
        again = self.json(self.http("PUT", "/files/put", headers, b"a"), 201)
        self.assertEqual(again["etag"], made["etag"])

    def test_put_that_was_replaced_since(self):
        self.json(self.http("PUT", "/files/r", key("k15"), b"a"), 201)
        self.json(self.http("PUT", "/files/r", (), b"b"), 200)
        self.json(self.http("PUT", "/files/r", key("k15"), b"a"), 200)
        self.assert_content("r", b"a")

    def test_replacement_is_told_again_as_such(self):
        self.upload(b"old", "/files/q")
        for _ in range(2):
            self.json(self.http("PUT", "/files/q", key("k16"), b"new"), 200)

    def test_form(self):
        answers = []
        for boundary in ("frontier", "anotherfrontier"):
            body = form([("f", b"abc", "a"), ("g", b"de", "b")], boundary)
            answers.append(self.json(self.http("POST", "/files", {
                **key("k17"), "Content-Type":
                f"multipart/form-data; boundary={boundary}"}, body), 201))
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(len(answers[0]["files"]), 2)

    def test_text(self):
        answers = {self.post("k18", headers={"Accept": "text/plain"}).body
                   for _ in range(2)}
        self.assertEqual(len(answers), 1)

    def test_digest_is_told_again(self):
        target = "/files?digest=sha-256"
        fields = {self.post("k19", target=target).get("Repr-Digest")
                  for _ in range(2)}
        self.assertEqual(len(fields), 1)
        self.assertTrue(fields.pop().startswith("sha-256=:"))

    @table(("empty", ""), ("empty string", '""'), ("no end", '"abc'),
           ("quote inside", '"a"b"'), ("long", "k" * 300),
           ("not ASCII", '"\xc3\xbc"'))
    def test_malformed(self, value):
        before = self.file_count()
        self.assert_problem(self.http(
            "POST", "/files", {"Idempotency-Key": value}, b"abc"), 400)
        self.assertEqual(self.file_count(), before)

    def test_two_keys(self):
        conn = self.conn()
        conn.send(b"POST /files HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
                  b"Idempotency-Key: a\r\nIdempotency-Key: b\r\n\r\nx")
        self.assert_problem(conn.read(), 400)


class Resumable:
    """A mixin: uploads that go on, when they are made."""

    def assert_one(self, call):
        """The call makes a file once and tells of it twice: its id."""
        before = self.file_count()
        answers = [call() for _ in range(3)]
        for answer in answers:
            self.assertEqual(answer.status, 201, answer)
            for name in ("Location", "Upload-Offset", "Upload-Complete"):
                self.assertEqual(answer.get(name), answers[0].get(name))
        self.assertEqual(self.file_count(), before + 1)
        return answers[0].get("Location").removeprefix("/files/")


class Ietf(Resumable, IetfCase):
    """The IETF's resumable uploads."""

    @table(("to go on", False), ("complete", True))
    def test_again_is_the_same_file(self, complete):
        name = self.assert_one(lambda: self.begin(
            b"abc", complete, key(f"i{complete}")))
        if complete:
            self.assert_content(name, b"abc")
        else:
            self.assertEqual(self.info(name)["received"], 3)

    def test_tells_how_far_it_is(self):
        url = self.create(b"abc", key("i2"))
        self.assertEqual(self.patch(url, 3, b"de").status, 204)
        again = self.begin(b"abc", False, key("i2"))
        self.assertEqual((again.get("Location"), again.get("Upload-Offset"),
                          again.get("Upload-Complete")), (url, "5", "?0"))

    def test_another_request(self):
        self.assertEqual(self.begin(b"abc", True, key("i3")).status, 201)
        before = self.file_count()
        for data, complete, more in (
                (b"abcd", True, {}), (b"abc", False, {}),
                (b"abc", True, {"Repr-Digest": "md5=:" + "A" * 22 + "==:"})):
            answer = self.begin(data, complete, {**key("i3"), **more})
            self.assertEqual(answer.status, 422, answer)
        self.assert_problem(self.http("POST", "/files", key("i3"), b"abc"),
                            422, "idempotency-key-reused")
        self.assertEqual(self.file_count(), before)

    @table(("by itself", "?0"), ("in the middle", "?1"))
    def test_broken_off_frees_the_key(self, complete):
        headers = {**key(f"i4{complete}"), "Upload-Complete": complete}
        with Conn(self.daemon.address) as conn:
            conn.send_request("POST", "/files", {
                **headers, "Content-Length": "6"})
            conn.send(b"abc")

        def done():
            return self.http("POST", "/files", headers,
                             b"abcdef").status == 201
        until(done, "the key to be free")

    def test_before_the_body_is_sent(self):
        data = content(100000)
        first = self.begin(data, True, key("i5"))
        conn = self.conn()
        conn.send_request("POST", "/files", {
            **INTEROP, **key("i5"), "Upload-Complete": "?1",
            "Content-Length": "100000", "Expect": "100-continue"})
        answer = conn.read()
        self.assertEqual(answer.interim, [])
        self.assertEqual((answer.status, answer.get("Location")),
                         (201, first.get("Location")))

    def test_while_the_first_runs(self):
        first = self.begin_request("POST", "/files", {
            **key("i6"), "Upload-Complete": "?1", "Content-Length": "6"},
            b"abc")
        answer = self.http("POST", "/files", {
            **key("i6"), "Upload-Complete": "?1"}, b"abcdef")
        self.assert_problem(answer, 409, "conflict")
        self.assertTrue(answer.get("Retry-After").isdecimal())
        first.send(b"def")
        self.assertEqual(first.read().status, 201)

    def test_deleted_since(self):
        first = self.begin(b"abc", True, key("i7")).get("Location")
        self.assertEqual(self.http("DELETE", first).status, 204)
        again = self.begin(b"abc", True, key("i7")).get("Location")
        self.assertNotEqual(again, first)


class Tus(Resumable, TusCase):
    """tus."""

    def test_with_bytes(self):
        name = self.assert_one(lambda: self.tus("POST", "/files", {
            **OFFSET_TYPE, **key("t1"), "Upload-Length": "6"}, b"abc"))
        self.append(f"/files/{name}", 3, b"def")
        self.assert_content(name, b"abcdef")

    def test_without(self):
        self.assert_one(lambda: self.tus("POST", "/files", {
            **key("t2"), "Upload-Length": "6"}))

    def test_another_request(self):
        self.create(6, Idempotency_Key='"t3"')
        for headers in ({"Upload-Length": "7"}, {
                "Upload-Length": "6", "Upload-Metadata": "a"}):
            self.assert_problem(self.tus("POST", "/files", {
                **key("t3"), **headers}), 422, "idempotency-key-reused")

    def test_refused_frees_the_key(self):
        headers = {**OFFSET_TYPE, **key("t4"), "Upload-Length": "3"}
        answer = self.tus("POST", "/files", {
            **headers, "Upload-Checksum": checksum(b"xyz")}, b"abc")
        self.assertEqual(answer.status, 460)
        self.assertEqual(
            self.tus("POST", "/files", headers, b"abc").status, 201)


class Fetched(Fetching):
    """POST /fetch"""

    DAEMON = True
    OPTIONS = ALLOW

    def ask(self, name, url, prefer=None, **how):
        """A fetch with this key."""
        headers = {**key(name), "Content-Type": "application/json"}
        if prefer:
            headers["Prefer"] = prefer
        return self.http("POST", "/fetch", headers,
                         json.dumps({"url": url, **how}).encode())

    def test_again_is_the_same_file(self):
        url = self.origin.add("/a", Page(b"abc"))
        first = self.json(self.ask("f1", url, "wait=100"), 201)
        for prefer, status in ((None, 202), ("wait=100", 201)):
            again = self.json(self.ask("f1", url, prefer), status)
            self.assertEqual(again, first)
        self.assertEqual(len(self.origin.requests), 1)

    def test_while_it_runs(self):
        gate = Gate()
        url = self.origin.add("/g", Page(b"abc", gate=(1, gate)))
        made = self.json(self.ask("f2", url), 202)
        again = self.json(self.ask("f2", url), 202)
        self.assertEqual(again["id"], made["id"])
        waiting = Worker(self.ask, "f2", url, "wait=100")
        gate.open()
        self.assertEqual(self.json(waiting.result(), 201)["id"], made["id"])
        self.assertEqual(len(self.origin.requests), 1)

    def test_another_request(self):
        url = self.origin.add("/a", Page(b"abc"))
        self.json(self.ask("f3", url), 202)
        self.assert_problem(self.ask("f3", url + "?b"), 422,
                            "idempotency-key-reused")
        self.assert_problem(self.ask("f3", url, ttl=5), 422,
                            "idempotency-key-reused")

    def test_a_failure_stays_one(self):
        url = self.origin.add("/none", Page(b"", status=404))
        first = self.ask("f4", url, "wait=100")
        self.assertEqual(self.ask("f4", url, "wait=100").body, first.body)
        self.assertEqual(len(self.origin.requests), 1)

    def test_refused_frees_the_key(self):
        self.assertEqual(self.ask("f5", "ftp://127.0.0.1/a").status, 400)
        url = self.origin.add("/a", Page(b"abc"))
        self.json(self.ask("f5", url), 202)

    def test_malformed(self):
        self.assert_problem(self.ask('a"b', "http://127.0.0.1/a"), 400)


class Bounded(Case):
    """upload.max_idempotency_keys: the oldest is forgotten."""

    OPTIONS = ["upload.max_idempotency_keys=2"]

    def post(self, name):
        """The id of what the key makes, or has made."""
        return self.json(self.http("POST", "/files", key(name), b"x"),
                         201)["id"]

    def test_oldest_goes(self):
        ids = [self.post(name) for name in "abc"]
        self.assertEqual(self.post("b"), ids[1])
        self.assertEqual(self.post("c"), ids[2])
        self.assertNotEqual(self.post("a"), ids[0])

    def test_running_ones_stay(self):
        held = []
        for name in "de":
            conn = self.conn()
            conn.send_request("POST", "/files", {
                **key(name), "Content-Length": "2"})
            conn.send(b"x")
            held.append(conn)
        until(lambda: self.file_count() >= 2 and sum(
            f["state"] == "receiving"
            for f in self.pages("/files?limit=1000", "files")) == 2,
            "both uploads")
        answer = self.http("POST", "/files", key("f"), b"x")
        self.assert_problem(answer, 503)
        self.assertTrue(answer.get("Retry-After").isdecimal())
        for conn in held:
            conn.send(b"y")
            self.assertEqual(conn.read().status, 201)


class Off(Case):
    """upload.max_idempotency_keys=0"""

    OPTIONS = ["upload.max_idempotency_keys=0"]

    def test_overlooked(self):
        ids = {self.json(self.http("POST", "/files", key("a"), b"x"),
                         201)["id"] for _ in range(2)}
        self.assertEqual(len(ids), 2)


if __name__ == "__main__":
    main()
