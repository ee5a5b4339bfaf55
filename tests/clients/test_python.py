# SPDX-License-Identifier: MIT
"""What Python programs use: requests and urllib.

Source: API.md sections 2 and 3.
"""
import hashlib
import io
import urllib.error
import urllib.request

import requests

from programs import ProgramCase, main, table
from samples import content

DATA = content(3000000, 41)


class Python(ProgramCase):
    """Both are told of no proxy."""

    OPTIONS = ["spool.memory_max=1M"]


class Requests(Python):
    """requests, with a session that keeps its connections."""

    def setUp(self):
        super().setUp()
        self.session = requests.Session()
        self.session.trust_env = False
        self.addCleanup(self.session.close)

    def made(self, answer):
        """The descriptor of what was created."""
        self.assertEqual(answer.status_code, 201, answer.text)
        return answer.json()

    @table(("bytes", DATA), ("a file", io.BytesIO(DATA)),
           ("chunks", iter([DATA[:1000000], DATA[1000000:]])))
    def test_upload(self, data):
        made = self.made(self.session.post(self.url("/files"), data=data))
        self.assert_stored(made["id"], DATA)

    def test_put_and_delete(self):
        url = self.url("/files/named.bin")
        self.made(self.session.put(url, data=DATA))
        self.assert_stored(url, DATA)
        self.assertEqual(self.session.delete(url).status_code, 204)
        self.assertIn(self.session.get(url).status_code, (404, 410))

    def test_form(self):
        made = self.made(self.session.post(
            self.url("/files"), data={"ttl": "100"},
            files=[("a", ("naïve.bin", DATA, "application/x-thing")),
                   ("b", ("empty.txt", b""))]))
        self.assertEqual([(one["name"], one["size"], one["type"])
                          for one in made["files"]],
                         [("naïve.bin", len(DATA), "application/x-thing"),
                          ("empty.txt", 0, "application/octet-stream")])
        self.assert_stored(made["files"][0]["id"], DATA)

    def test_streamed_download(self):
        self.upload(DATA, "/files/data")
        digest = hashlib.sha256()
        with self.session.get(self.url("/files/data"), stream=True) as got:
            for piece in got.iter_content(10007):
                digest.update(piece)
        self.assertEqual(digest.hexdigest(),
                         hashlib.sha256(DATA).hexdigest())

    def test_range_and_condition(self):
        self.upload(DATA, "/files/data")
        url = self.url("/files/data")
        part = self.session.get(url, headers={"Range": "bytes=-10"})
        self.assertEqual((part.status_code, part.content), (206, DATA[-10:]))
        again = self.session.get(
            url, headers={"If-None-Match": part.headers["ETag"]})
        self.assertEqual((again.status_code, again.content), (304, b""))

    def test_refusals_leave_the_connection_in_step(self):
        for _ in range(3):
            answer = self.session.post(self.url("/files/none"), data=DATA)
            self.assertEqual(answer.status_code, 404)
            self.assertEqual(answer.json()["status"], 404)
        self.assertEqual(self.session.get(self.url("/healthz")).status_code,
                         200)


class Urllib(Python):
    """urllib of the standard library."""

    def open(self, method, path, data=None, **headers):
        """One request: the answer, open; refusals are raised."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        return opener.open(urllib.request.Request(
            self.url(path), data, headers, method=method))

    @table(("bytes", DATA, {}),
           ("a file", io.BytesIO(DATA), {"Content-Length": str(len(DATA))}),
           ("chunks", [DATA[:1000000], DATA[1000000:]], {}))
    def test_upload(self, data, headers):
        with self.open("PUT", "/files/u", data, **headers) as answer:
            self.assertIn(answer.status, (200, 201))
        self.assert_stored("u", DATA)

    def test_download(self):
        self.upload(DATA, "/files/d")
        with self.open("GET", "/files/d") as answer:
            self.assert_same(answer.read(), DATA)
        with self.open("GET", "/files/d", Range="bytes=5-9") as answer:
            self.assertEqual((answer.status, answer.read()),
                             (206, DATA[5:10]))

    def test_refusal(self):
        with self.assertRaises(urllib.error.HTTPError) as caught:
            self.open("GET", "/files/none")
        with caught.exception as answer:
            self.assertEqual(answer.code, 404)


if __name__ == "__main__":
    main()
