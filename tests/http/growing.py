# SPDX-License-Identifier: MIT
"""What the tests of reading a file that is still uploaded share.

The uploader is the test: it has sent `have` bytes and holds its hand, and
the daemon says that it has them, before a reader comes. So "at once" means:
without another byte from the uploader.
"""
import json

from samples import content

TOTAL = 300000
HAVE = 100000
DATA = content(TOTAL, 11)


class Upload:
    """An upload that is sent piece by piece."""

    def __init__(self, case, name, chunked):
        self.case, self.name, self.chunked = case, name, chunked
        self.conn = case.conn()
        self.sent = 0
        self.conn.send_request(
            "PUT", f"/files/{name}",
            {"Transfer-Encoding": "chunked"} if chunked
            else {"Content-Length": str(TOTAL)})

    def send(self, upto):
        """Send up to this place, and wait until the daemon has it."""
        data = DATA[self.sent:upto]
        if self.chunked:
            self.conn.send_chunk(data)
        else:
            self.conn.send(data)
        self.sent = upto
        self.case.wait_received(self.name, upto)

    def end(self):
        """Send what is missing and read the answer."""
        if self.sent < TOTAL:
            data = DATA[self.sent:]
            if self.chunked:
                self.conn.send_chunk(data)
            else:
                self.conn.send(data)
        if self.chunked:
            self.conn.send_chunk(b"")
        answer = self.conn.read()
        self.case.assertEqual(answer.status, 201, answer)
        return json.loads(answer.body)

    def abort(self, reset=False):
        """Break off."""
        if reset:
            self.conn.reset()
        else:
            self.conn.close()


class Grows:
    """A mixin: uploads that hold their hand, and readers of them."""

    count = 0

    def begin(self, chunked, have=HAVE):
        """An upload of which `have` bytes are there."""
        Grows.count += 1
        upload = Upload(self, f"g{Grows.count}", chunked)
        if have:
            upload.send(have)
        self.path = f"/files/{upload.name}"
        return upload

    def reader(self, headers=(), method="GET"):
        """Ask for the growing file: the connection, nothing read yet."""
        conn = self.conn()
        conn.send_request(method, self.path, headers)
        return conn

    def assert_part(self, answer, first, last, total):
        """A 206 with one range."""
        self.assertEqual(answer.status, 206, answer)
        self.assertEqual(answer.get("Content-Range"),
                         f"bytes {first}-{last}/{total}")
        self.assertEqual(answer.get("Content-Length"), str(last - first + 1))
        self.assert_same(answer.body, DATA[first:last + 1])
