# SPDX-License-Identifier: MIT
"""Words for the tests of resumable uploads, in both protocols."""
import base64
import hashlib

from harness import Case, Conn, WireError, until
from wire import encode_request

TUS = {"Tus-Resumable": "1.0.0"}
OFFSET_TYPE = {"Content-Type": "application/offset+octet-stream"}
INTEROP = {"Upload-Draft-Interop-Version": "8"}
PARTIAL_TYPE = {"Content-Type": "application/partial-upload"}


def encode(text):
    """Base64, as the fields of tus have it."""
    raw = text if isinstance(text, bytes) else text.encode()
    return base64.b64encode(raw).decode()


def checksum(data, algorithm="sha1"):
    """The value of Upload-Checksum."""
    return f"{algorithm} {encode(hashlib.new(algorithm, data).digest())}"


class ResumingCase(Case):
    """What both protocols need."""

    def until_idle(self):
        """Wait until no request uploads any more: those that are cut get no
        answer to wait for."""
        until(lambda: self.metric("uploads_active") == 0, "idle uploads")

    def begin_request(self, method, target, headers, body=b"", wait=True):
        """A request whose header was looked at, and whose body may be
        unfinished: the connection. `wait` needs a body that follows."""
        conn = self.conn()
        head = {**headers, "Expect": "100-continue"} if wait else headers
        conn.send(encode_request(method, target, head))
        if wait:
            while conn.read_interim().status != 100:
                pass
        conn.send(body)
        return conn

    def assert_cut(self, conn):
        """The connection ends, and without saying that all is well."""
        try:
            answer = conn.read()
        except (WireError, OSError):
            return
        self.assertGreaterEqual(answer.status, 400, answer)


class TusCase(ResumingCase):
    """tus."""

    def tus(self, method, target, headers=(), body=None):
        """A request of tus; every answer says so."""
        answer = self.http(method, target, {**TUS, **dict(headers)}, body)
        if method != "OPTIONS":
            self.assertEqual(answer.all("Tus-Resumable"), ["1.0.0"], answer)
        return answer

    def create(self, length=None, target="/files", **headers):
        """Make an upload: its URL. Headers with _ for -."""
        fields = {name.replace("_", "-"): value
                  for name, value in headers.items()}
        if length is not None:
            fields["Upload-Length"] = str(length)
        answer = self.tus("POST", target, fields)
        self.assertEqual(answer.status, 201, answer)
        return answer.get("Location")

    def patch(self, url, offset, data, headers=()):
        """Append: the answer."""
        return self.tus("PATCH", url, {**OFFSET_TYPE, **dict(headers),
                                       "Upload-Offset": str(offset)}, data)

    def append(self, url, offset, data, headers=()):
        """Append, and demand that it is well."""
        answer = self.patch(url, offset, data, headers)
        self.assertEqual(answer.status, 204, answer)
        self.assertEqual(answer.get("Upload-Offset"), str(offset + len(data)))
        return answer

    def head(self, url):
        """The answer to HEAD."""
        answer = self.tus("HEAD", url)
        self.assertIn(answer.status, (200, 204), answer)
        return answer

    def offset(self, url):
        """What HEAD says of the offset."""
        return int(self.head(url).get("Upload-Offset"))

    def partial(self, data):
        """A complete part: its URL."""
        answer = self.tus("POST", "/files", {
            **OFFSET_TYPE, "Upload-Concat": "partial",
            "Upload-Length": str(len(data))}, data)
        self.assertEqual(answer.status, 201, answer)
        return answer.get("Location")

    def final(self, urls, headers=()):
        """Ask for parts to be put together: the answer."""
        return self.tus("POST", "/files", {
            **dict(headers), "Upload-Concat": "final;" + " ".join(urls)})

    def assert_upload(self, url, data):
        """It is a complete file with this content."""
        self.wait_state(url.removeprefix("/files/"), "ready")
        self.assert_content(url.removeprefix("/files/"), data)

    def refused(self, status, method, target, headers, body=None):
        """A refusal that comes although the client waits for 100."""
        with Conn(self.daemon.address) as conn:
            conn.send_request(method, target,
                              {**dict(headers), "Expect": "100-continue",
                               "Content-Length": str(len(body or b"x"))})
            answer = conn.read(method)
            self.assertEqual(answer.status, status, answer)
            self.assertEqual(answer.interim, [], "100 before a refusal")
        return answer


class IetfCase(ResumingCase):
    """The IETF's resumable uploads."""

    def begin(self, data=b"", complete=False, headers=(), target="/files",
              method="POST"):
        """Make an upload: the answer, its interim ones with it."""
        return self.http(method, target, {
            **INTEROP, "Upload-Complete": "?1" if complete else "?0",
            **dict(headers)}, data)

    def create(self, data=b"", headers=(), target="/files"):
        """Make one that goes on: its URL."""
        answer = self.begin(data, False, headers, target)
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(answer.get("Upload-Complete"), "?0")
        return answer.get("Location")

    def patch(self, url, offset, data, complete=False, headers=()):
        """Append: the answer."""
        return self.http("PATCH", url, {
            **INTEROP, **PARTIAL_TYPE, "Upload-Offset": str(offset),
            "Upload-Complete": "?1" if complete else "?0",
            **dict(headers)}, data)

    def look(self, url, headers=()):
        """The answer to HEAD."""
        answer = self.http("HEAD", url, {**INTEROP, **dict(headers)})
        self.assertEqual(answer.status, 204, answer)
        return answer

    def assert_state(self, url, offset, complete=False, length=None):
        """HEAD tells this."""
        answer = self.look(url)
        self.assertEqual(answer.get("Upload-Offset"), str(offset))
        self.assertEqual(answer.get("Upload-Complete"),
                         "?1" if complete else "?0")
        self.assertEqual(answer.get("Upload-Length"),
                         None if length is None else str(length))

    def assert_file(self, url, data):
        """It is a complete file with this content."""
        self.wait_state(url.removeprefix("/files/"), "ready")
        self.assert_content(url.removeprefix("/files/"), data)
