# SPDX-License-Identifier: MIT
"""The examples do what they say: examples/embed.c, and each processor of
examples/processors.conf whose program is installed."""
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import tempfile
import zlib

import daemon
from harness import Case, Daemon, main
from processing import Processing
from samples import content
from wire import Conn, PATIENCE

TREE = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
# What each of them cannot do without.
NEEDS = {"report": "file", "csv-lines": "awk", "thumbnail": "/usr/bin/convert",
         "scan": "clamdscan"}


def sections():
    """{name: text} of the processors in the example."""
    with open(os.path.join(TREE, "examples/processors.conf"),
              encoding="utf-8") as file:
        parts = re.split(r"^\[processor ([\w-]+)\]\n", file.read(),
                         flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def png(width, height):
    """A picture."""
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))
    rows = b"".join(b"\0" + bytes((x * 7 + y) % 256 for x in range(width))
                    for y in range(height))
    return (b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0,
                                         0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class Processors(Processing, Case):
    """examples/processors.conf"""

    @classmethod
    def start(cls):
        cls.folder = tempfile.mkdtemp(dir="/var/tmp")
        path = os.path.join(cls.folder, "conf")
        with open(path, "w", encoding="utf-8") as file:
            for name, text in sections().items():
                if shutil.which(NEEDS[name]):
                    file.write(f"[processor {name}]\n{text}")
        cls.daemon = Daemon(config=path)

    @classmethod
    def finish(cls):
        super().finish()
        shutil.rmtree(cls.folder)

    def needed(self, name):
        if not shutil.which(NEEDS[name]):
            self.skipTest(f"{NEEDS[name]} is not installed")

    def test_all_are_known(self):
        self.assertEqual(sections().keys(), NEEDS.keys())

    def test_report(self):
        self.needed("report")
        for data, kind in ((png(3, 4), "image/png"),
                           (b"%PDF-1.4\n" + content(2000000), None)):
            report = json.loads(self.output("report", data))
            self.assertEqual(report["size"], len(data))
            self.assertEqual(report["sha256"],
                             hashlib.sha256(data).hexdigest())
            self.assertEqual(report["type"], kind or "application/pdf")

    def test_csv_lines(self):
        self.needed("csv-lines")
        self.assertEqual(self.output("csv-lines", b"a,b\n1,2\n3,4\n"), b"2\n")
        self.assertEqual(self.output("csv-lines", b""), b"0\n")

    def test_thumbnail(self):
        self.needed("thumbnail")
        small = self.output("thumbnail", png(800, 600))
        self.assertEqual(small[:3], b"\xff\xd8\xff")
        self.assertIn(struct.pack(">HH", 150, 200), small)
        answer = self.process("thumbnail", b"no picture")
        self.assert_problem(answer, 502, "processor-failed")

    def test_scan(self):
        self.needed("scan")
        self.assertIn(b"OK", self.output("scan", b"harmless"))


class Embed(Case):
    """examples/embed.c"""

    DAEMON = False

    def test_embed(self):
        build = os.path.dirname(os.path.dirname(daemon.program))
        with subprocess.Popen([os.path.join(build, "examples/embed")],
                              stdout=subprocess.PIPE, text=True) as process:
            self.addCleanup(process.kill)
            line = process.stdout.readline()
            found = re.fullmatch(r"listening on http://([0-9.]+):(\d+)\n",
                                 line)
            self.assertTrue(found, line)
            for data in (b"abc\xe9 1z", content(3000000, 1)):
                with Conn((found[1], int(found[2]))) as conn:
                    answer = conn.request("POST", "/process/upper", (), data)
                self.assertEqual(answer.status, 200)
                self.assertEqual(answer.get("Content-Type"), "text/plain")
                self.assert_same(answer.body, data.upper())
            process.terminate()
            self.assertEqual(process.wait(PATIENCE), 0)


if __name__ == "__main__":
    main()
