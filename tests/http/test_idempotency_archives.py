# SPDX-License-Identifier: MIT
"""Idempotency-Key: what is saved of archives is saved once.

Source: API.md sections 2 and 5; draft-ietf-httpapi-idempotency-key-header.
"""
import json

from harness import Case, Worker, main, table, until
from samples import raw_zip
from test_idempotency import key


class Archives(Case):
    """What is saved of archives: POST /files/zip, and ?save of an entry."""

    ORDER = b'{"files":["a","b"],"name":"both.zip"}'
    ENTRY = "/files/z/zip/inner.txt?save"

    def setUp(self):
        self.upload(b"one", "/files/a")
        self.upload(b"two", "/files/b")
        self.upload(raw_zip([{"name": b"inner.txt", "data": b"in"}]),
                    "/files/z")

    def post(self, name, target="/files/zip?save", body=ORDER, headers=()):
        """A request with this key."""
        return self.http("POST", target, {**key(name), **dict(headers)}, body)

    @table(("archive", "/files/zip?save", ORDER),
           ("archive by its order", "/files/zip", ORDER[:-1] + b',"save":true}'),
           ("entry", ENTRY, b""))
    def test_again_is_the_same_file(self, target, body):
        name = f"again {target} {len(body)}".replace(" ", "-")
        first = self.json(self.post(name, target, body), 201)
        whole = self.wait_state(first["id"], "ready")
        before = self.file_count()
        for _ in range(3):
            again = self.json(self.post(name, target, body), 201)
            self.assertEqual(again["id"], first["id"])
            self.assertEqual(again["etag"], whole["etag"])
        self.assertEqual(self.file_count(), before)
        self.assertNotEqual(self.json(self.post(
            name + "2", target, body), 201)["id"], first["id"])

    @table(("order", "/files/zip?save", b'{"files":["a"]}'),
           ("query", "/files/zip?save&ttl=5", ORDER), ("path", ENTRY, b""))
    def test_different_request(self, target, body):
        self.json(self.post("other"), 201)
        before = self.file_count()
        self.assert_problem(self.post("other", target, body), 422,
                            "idempotency-key-reused")
        self.assertEqual(self.file_count(), before)

    @table(("archive", "/files/zip?save", ORDER), ("entry", ENTRY, b""))
    def test_key_lives_as_long_as_the_file(self, target, body):
        name = f"life-{len(body)}"
        first = self.json(self.post(name, target, body), 201)
        self.http("DELETE", first["links"]["self"])
        again = self.json(self.post(name, target, body), 201)
        self.assertNotEqual(again["id"], first["id"])

    @table(("archive", "/files/zip?save", b'{"files":["late"]}', "/files/late",
            b"x"),
           ("entry", "/files/late.zip/zip/inner.txt?save", b"",
            "/files/late.zip",
            raw_zip([{"name": b"inner.txt", "data": b"in"}])))
    def test_refused_frees_the_key(self, target, body, there, data):
        name = f"free-{len(body)}"
        self.assert_problem(self.post(name, target, body), 404)
        self.upload(data, there)
        until(lambda: self.post(name, target, body).status == 201,
              "the key to be free")

    def test_archive_that_is_only_answered(self):
        for _ in range(2):
            answer = self.post("sent", "/files/zip")
            self.assertEqual(answer.status, 200)
            self.assertTrue(answer.body.startswith(b"PK"))

    def test_bad_key(self):
        for target in ("/files/zip?save", self.ENTRY):
            body = b"" if target == self.ENTRY else self.ORDER
            self.assert_problem(self.http(
                "POST", target, {"Idempotency-Key": ""}, body), 400)

    def test_many_at_once_make_one(self):
        jobs = [Worker(self.post, "crowd") for _ in range(10)]
        answers = [job.result() for job in jobs]
        ids = {json.loads(a.body)["id"] for a in answers if a.status == 201}
        self.assertEqual(len(ids), 1)
        self.assertLessEqual({a.status for a in answers}, {201, 409})


if __name__ == "__main__":
    main()
