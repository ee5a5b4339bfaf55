# SPDX-License-Identifier: MIT
"""What the tests of reading sealed files share."""
import email.utils

from samples import content

SIZE = 1000
DATA = content(SIZE)


def http_date(seconds):
    """An IMF-fixdate."""
    return email.utils.formatdate(seconds, usegmt=True)


def seconds_of(value):
    """The time of an IMF-fixdate."""
    return int(email.utils.parsedate_to_datetime(value).timestamp())


class Reading:
    """A mixin: SIZE bytes at self.path, and how to ask for them."""

    def setUp(self):
        made = self.upload(DATA, "/files/r", {"Content-Type": "text/x-r"})
        self.path = "/files/r"
        self.tag = made["etag"]
        self.modified = self.get().get("Last-Modified")

    def get(self, headers=(), method="GET", path=None):
        """One request for the file."""
        return self.http(method, path or self.path, headers)

    def assert_whole(self, answer):
        """A 200 with all of it."""
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.get("Content-Length"), str(SIZE))
        self.assertIsNone(answer.get("Content-Range"))
        self.assert_same(answer.body, DATA)

    def assert_part(self, answer, first, last):
        """A 206 with one range."""
        self.assertEqual(answer.status, 206, answer)
        self.assertEqual(answer.get("Content-Range"),
                         f"bytes {first}-{last}/{SIZE}")
        self.assertEqual(answer.get("Content-Length"), str(last - first + 1))
        self.assert_same(answer.body, DATA[first:last + 1])

    def assert_unsatisfiable(self, answer):
        """A 416 that tells the size."""
        self.assert_problem(answer, 416)
        self.assertEqual(answer.get("Content-Range"), f"bytes */{SIZE}")
