# SPDX-License-Identifier: MIT
"""What the tests of zip archives share."""
import zlib
from urllib.parse import quote

from samples import ENTRIES, sample_zip

BY_NAME = {name: data for name, data, _ in ENTRIES}
FILES = [(i, n, d) for i, (n, d, _) in enumerate(ENTRIES)
         if not n.endswith("/")]


def deflate(data, level=9):
    """A raw deflate stream."""
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


class Zips:
    """A mixin: an archive at /files/z, and how to ask for what is in it."""

    def setUp(self):
        self.upload(sample_zip(), "/files/z",
                    {"Content-Type": "application/zip"})

    def list(self, query="", name="z"):
        """The entries, all pages."""
        return self.pages(f"/files/{name}/zip?{query}", "entries")

    def entry(self, name, headers=(), method="GET", of="z"):
        """One request for an entry."""
        return self.http(method, f"/files/{of}/zip/{quote(name, safe='')}",
                         headers)
