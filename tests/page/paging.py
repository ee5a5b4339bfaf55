# SPDX-License-Identifier: MIT
"""What the tests of this folder are written with: those of tests/clients, and
Chromium, which browser.mjs drives.

SPW_SHOTS=FOLDER python3 tests/page/test_access.py build/server/spillwayd look
leaves pictures of the page in FOLDER.
"""
import io
import pathlib
import struct
import sys
import zipfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "clients"))

from programs import BrowserCase, main, need, table, until  # noqa: E402
from fetching import ALLOW  # noqa: E402
from origin import Gate, Origin, Page  # noqa: E402
from samples import content, many_zip, text  # noqa: E402

__all__ = ["ALLOW", "Gate", "Origin", "Page", "PageCase", "README", "content",
           "main", "many_zip", "need", "png", "sample_archive", "table",
           "until", "zipped"]

README = "# Read me\n\nNaïve, and plain.\n"


def png(width, height):
    """A picture of one colour."""
    def chunk(kind, data):
        body = kind + data
        return (struct.pack(">I", len(data)) + body
                + struct.pack(">I", zlib.crc32(body)))
    rows = (b"\0" + b"\x0b\x6b\x69" * width) * height
    return (b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2,
                                         0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def zipped(entries):
    """An archive of {name: bytes}, the same whenever it is made."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(name), data,
                             zipfile.ZIP_DEFLATED)
    return out.getvalue()


def sample_archive():
    """One with something of each kind, and a name that leads elsewhere."""
    return zipped({
        "docs/readme.md": README, "docs/more/long.txt": text(200000, 3),
        "images/dot.png": png(24, 16), "images/old.svg":
        '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="9"/>',
        "data.bin": b"\0\1\2" * 1000, "page.html": "<b>not bold</b>",
        "inner.zip": zipped({"within.txt": "deep"}), "../up.txt": "up",
        "empty.txt": "", "img10.txt": "10", "img9.txt": "9"})


class PageCase(BrowserCase):
    """Each class has a browser."""

    DRIVER = HERE / "browser.mjs"

    def files(self, files):
        """Make local files of {name: bytes}: their paths."""
        return [self.write(name, data) for name, data in files.items()]

    def run_flow(self, flow, meanwhile=None, **job):
        """Have the browser do it: all that it reports."""
        return self.drive_browser(
            {"flow": flow, "url": self.daemon.url, **job}, meanwhile)

    def flow(self, flow, meanwhile=None, **job):
        """The same where nothing may go wrong: (result, requests)."""
        done = self.run_flow(flow, meanwhile, **job)
        self.assertEqual(done["faults"], [])
        return done["result"], done["requests"]
