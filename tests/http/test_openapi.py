# SPDX-License-Identifier: MIT
"""docs/openapi.json is what is served, and what the server does. That each
answer of the other tests is in it, is seen by the harness.

Source: API.md section 7; OpenAPI Specification 3.1.0.
"""
import gzip
import json

import contract
from harness import Case, main, table
from wire import Response

DOCUMENT = contract.load()
# What stands for a parameter of a path.
FILLED = {"id": "ten", "entry": "a", "processor": "none", "version": "x",
          "file": "y", "problem": "gone"}
# What Allow does not say: only tus has a POST there, which stands for another
# method, and PATCH is of uploads alone.
HIDDEN = {("/files/{id}", "POST"), ("/files/{id}", "PATCH")}


def methods_of(path):
    """What the document says of a path, as Allow has it."""
    item = DOCUMENT.paths[path]
    return [m for m in contract.METHODS
            if m.lower() in item and (path, m) not in HIDDEN]


class Served(Case):
    """GET /openapi.json."""

    def test_is_the_file(self):
        answer = self.http("GET", "/openapi.json")
        self.assert_same(answer.body, contract.DOCUMENT.read_bytes())
        self.assertEqual(answer.get("Content-Type"), "application/json")

    def test_gzip(self):
        answer = self.http("GET", "/openapi.json",
                           {"Accept-Encoding": "gzip"})
        self.assertEqual(answer.get("Content-Encoding"), "gzip")
        self.assert_same(gzip.decompress(answer.body),
                         contract.DOCUMENT.read_bytes())

    def test_again(self):
        etag = self.http("GET", "/openapi.json").get("ETag")
        again = self.http("GET", "/openapi.json", {"If-None-Match": etag})
        self.assertEqual((again.status, again.body), (304, b""))

    @table(*((path, path) for path in DOCUMENT.paths
             if path not in ("/files/zip", "/page/{version}/{file}")))
    def test_methods(self, path):
        self.upload(b"0123456789", "/files/ten")
        conn = self.conn()
        answer = conn.request("OPTIONS", path.format(**FILLED))
        self.assertEqual(answer.get("Allow").split(", "), methods_of(path))


    @table(*((f"{method} {path}", method, path) for path in DOCUMENT.paths
             for method in methods_of(path) if method != "OPTIONS"))
    def test_no_such_version(self, method, path):
        """Whatever comes of a condition that cannot hold: the harness sees
        whether it is in the document."""
        self.upload(b"0123456789", "/files/ten")
        body = b"{}" if method in ("POST", "PATCH", "PUT") else None
        fields = {"If-Match": '"x"', "Content-Type": "application/json"}
        answer = self.http(method, path.format(**FILLED), fields, body)
        self.assertLess(answer.status, 500)


class Checked(Case):
    """What the harness finds."""

    DAEMON = False

    def answer(self, status, body=b"", **fields):
        """An answer that nobody gave."""
        made = Response(status, [(name.replace("_", "-"), value)
                                 for name, value in fields.items()])
        made.body = body
        return made

    def descriptor(self, **changed):
        """One that is good, but for what changed."""
        made = {"id": "a", "state": "ready", "name": None, "type": "a/b",
                "size": 1, "received": 1, "etag": '"x"', "digest": None,
                "created": "2026-11-21T06:00:00Z", "expires": None,
                "storage": {"tier": "memory", "memory_bytes": 1,
                            "disk_bytes": 0, "spilled": None},
                "source": {"kind": "upload", "url": None, "error": None},
                "links": {"self": "/files/a", "info": "/files/a/info",
                          "zip": "/files/a/zip"}}
        return json.dumps({**made, **changed}).encode()

    def info(self, status=200, body=None, **fields):
        """What is found wrong with an answer of /files/a/info."""
        fields = {"Content_Type": "application/json",
                  "Cache_Control": "no-store", **fields}
        answer = self.answer(status, body or self.descriptor(), **fields)
        answer.fields = [pair for pair in answer.fields if pair[1]]
        return DOCUMENT.faults("GET", "/files/a/info?wait=1", answer)

    def test_good(self):
        self.assertEqual(self.info(), [])

    def test_status(self):
        self.assertRegex(self.info(206)[0], "206|problem|type")

    def test_field_missing(self):
        self.assertEqual(self.info(Cache_Control=None),
                         ["the field cache-control is missing"])

    def test_field_unknown(self):
        self.assertEqual(self.info(X_Powered_By="coffee"),
                         ["the field x-powered-by is not in the document"])

    def test_type(self):
        self.assertEqual(self.info(Content_Type="text/html"),
                         ["a body of type 'text/html' is not in the document"])

    @table(("another state", {"state": "gone"}, "state"),
           ("another type", {"size": "1"}, "size"),
           ("a member too many", {"colour": "red"}, "colour"))
    def test_body(self, changed, word):
        self.assertIn(word, self.info(body=self.descriptor(**changed))[0])

    def test_member_missing(self):
        made = json.loads(self.descriptor())
        del made["etag"]
        self.assertIn("etag", self.info(body=json.dumps(made).encode())[0])

    def test_operation(self):
        self.assertEqual(
            DOCUMENT.faults("PUT", "/healthz", self.answer(200)),
            ["PUT /healthz is not in the document"])

    @table(("plain", "/files/zip", "/files/{id}"),
           ("alias", "/files/", "/files/"),
           ("absolute", "http://x:1/files/a?b", "/files/{id}"),
           ("escaped", "/%66iles/a%2Fb", "/files/{id}"),
           ("entry", "/files/a/zip/b/c%20d", "/files/{id}/zip/{entry}"),
           ("no entry", "/files/a/zip/?index=1", "/files/{id}/zip/{entry}"))
    def test_paths(self, target, path):
        self.assertEqual(DOCUMENT.operation("GET", target)[0], path)

    def test_own_path(self):
        """It comes before what is a pattern."""
        self.assertEqual(DOCUMENT.operation("POST", "/files/zip")[0],
                         "/files/zip")


if __name__ == "__main__":
    main()
