# SPDX-License-Identifier: MIT
"""spill, with archives that are somewhere else, and with URLs that the server
may not fetch.

Source: API.md section 8; spill(1).
"""
import io
import json
import re
import struct
import zipfile
import zlib

from programs import SpillCase, main, table
from origin import Origin, Page, Trap
from samples import content, raw_zip
from test_fetch_lazy import RemoteZip

ALLOW = ["fetch.allow_networks=127.0.0.1/32", "fetch.ports=1-65535"]


UTF8 = 1 << 11


def unicode_name(name, of):
    """The field with a name in UTF-8 for the name `of`: APPNOTE 4.6.9."""
    data = b"\1" + struct.pack("<L", zlib.crc32(of)) + name
    return struct.pack("<HH", 0x7075, len(data)) + data


class Names(SpillCase):
    """What entries are called here, and by the server."""

    DAEMON = True
    ENTRIES = [
        {"name": b"plain.txt"}, {"name": "ü".encode(), "flags": UTF8},
        {"name": "é".encode()}, {"name": b"\x81.txt"}, {"name": b"\xfb\xc3\xbc"},
        {"name": b"\x01\x81"}, {"name": b"\x01"}, {"name": b"\x7f\xe1/"},
        {"name": b"one", "extra": unicode_name("zwei ü".encode(), b"one")},
        {"name": b"\x84", "extra": unicode_name(b"three", b"another")},
        {"name": b"\x83", "extra": unicode_name(b"\xff", b"\x83")},
        {"name": "☺".encode(), "flags": UTF8},
        {"name": bytes(range(128, 256))}]

    def test_names(self):
        archive = raw_zip([{"data": b"%d" % i, **entry}
                           for i, entry in enumerate(self.ENTRIES)])
        self.upload(archive, "/files/names")
        path = self.write("names.zip", archive)
        there, here = ([json.loads(line)["name"] for line in
                        self.spill("--json", "ls", name).splitlines()]
                       for name in ("names", path))
        self.assertEqual(here, there)
        self.assertEqual(len(set(here)), len(self.ENTRIES))
        for number, name in enumerate(here):
            if not name.endswith("/"):
                self.assertEqual(self.spill("cat", path, name), str(number))


class Remote(SpillCase):
    """The zip of another server, by its URL."""

    DAEMON = True
    OPTIONS = ALLOW

    ZIP = RemoteZip.ZIP

    def setUp(self):
        super().setUp()
        self.origin = Origin()
        self.addCleanup(self.origin.close)
        self.page = Page(self.ZIP, etag='"1"', type="application/zip")
        self.url = self.origin.add("/dir/a.zip?x=1&y=2", self.page)

    @property
    def moved(self):
        """Bytes that the origin was asked for."""
        return sum(end - first for first, end in self.page.spans)

    def test_ls(self):
        lines = self.spill("ls", self.url).splitlines()
        with zipfile.ZipFile(io.BytesIO(self.ZIP)) as archive:
            self.assertEqual(len(lines), len(archive.namelist()))
        self.assertRegex(lines[1], r"^ +1 +4\.8 KiB store .* small\.bin$")
        self.assertLess(self.moved,
                        RemoteZip.DIRECTORY + 2 * 65536 + 4096)

    def test_ls_prefix(self):
        out = self.spill("--json", "ls", "--prefix", "many/0000", self.url)
        self.assertEqual([json.loads(line)["name"]
                          for line in out.splitlines()],
                         [f"many/0000{i}" for i in range(10)])

    @table(("stored", "small.bin", 1), ("deflated", "packed.txt", 40))
    def test_cat(self, name, times):
        out = self.run_spill("cat", self.url, name)[0]
        self.assert_same(out, RemoteZip.SMALL * times)
        self.assertLess(self.moved, len(self.ZIP) // 10)

    def test_cat_by_index(self):
        out = self.run_spill("cat", "--index", "1", self.url)[0]
        self.assert_same(out, RemoteZip.SMALL)

    def test_cat_all(self):
        out = self.run_spill("cat", self.url)[0]
        self.assert_same(out, self.ZIP)

    def test_cat_is_kept(self):
        # By the shared cache: nothing becomes a file.
        page = Page(content(200000, 5), etag='"2"',
                    fields=[("Cache-Control", "max-age=1000")])
        url = self.origin.add("/kept", page)
        before = self.file_count()
        for _ in range(3):
            out = self.run_spill("cat", url)[0]
            self.assert_same(out, page.data)
        self.assertEqual(len(self.origin.requests), 1)
        self.assertEqual(self.file_count(), before)

    def test_get(self):
        self.spill("get", "-o", "back", self.url)
        self.assert_same(self.read("back"), self.ZIP)

    @table(("cat", "cat"), ("get", "get"), ("ls", "ls"))
    def test_failure_is_told_of_the_url(self, command):
        url = self.origin.add("/gone", Page(status=404))
        self.assertRegex(self.errors(1, command, url),
                         f"^spill: (fetching )?{re.escape(url)}( failed)?: "
                         "The origin answered 404\n")

    def test_no_such_entry(self):
        self.spill("cat", self.url, "nothing", code=3)

    def test_not_a_zip(self):
        url = self.origin.add("/b", Page(content(200000, 5), etag='"2"'))
        self.spill("ls", url, code=1)

    def test_origin_without_ranges(self):
        # All of it comes, and it works all the same.
        self.page.ranges = self.page.say_ranges = False
        lines = self.spill("ls", "-n", "2", self.url).splitlines()
        self.assertEqual(len(lines), 2)

    def test_forbidden(self):
        trap = Trap("127.0.0.2")
        self.addCleanup(trap.close)
        self.spill("ls", trap.url + "/a.zip", code=1)
        trap.assert_untouched()


class CheckUrl(SpillCase):
    """spill check-url"""

    DAEMON = True
    OPTIONS = ALLOW

    def setUp(self):
        super().setUp()
        self.trap = Trap()
        self.addCleanup(self.trap.close)

    def test_allowed(self):
        url = self.trap.url + "/a"
        self.assertEqual(self.spill("check-url", url),
                         f"allowed 127.0.0.1\nallowed {url}\n")
        self.trap.assert_untouched()

    def test_name(self):
        url = f"http://localhost:{self.trap.port}/"
        lines = self.spill("check-url", url).splitlines()
        self.assertIn("allowed 127.0.0.1", lines)
        self.assertEqual(lines[-1], f"allowed {url}")
        self.trap.assert_untouched()

    @table(("address", "http://10.0.0.1/", "private"),
           ("text", "http://a@10.0.0.1/", "userinfo"),
           ("no http", "file:///etc/passwd", "scheme"))
    def test_denied(self, url, rule):
        line = self.spill("check-url", url, code=1).splitlines()[-1]
        self.assertTrue(line.startswith(f"denied  {url}  {rule}: "), line)

    def test_json(self):
        made = json.loads(self.spill("--json", "check-url",
                                     "http://10.0.0.1/", code=1))
        self.assertEqual((made["allowed"], made["rule"]), (False, "private"))


if __name__ == "__main__":
    main()
