# SPDX-License-Identifier: MIT
"""The page's list of files, in Chromium.

Source: API.md sections 1, 3 and 7.
"""
import re

from paging import PageCase, content, main, need

DATA = content(70000, 94)


class Listed(PageCase):
    """What can be done with a file."""

    OPTIONS = ["store.ttl=5h"]

    def use(self, flow, name="some file.bin", **more):
        """A flow of one file."""
        paths = self.files({name: DATA})
        return self.flow(flow, files=paths, name=name, **more)

    def assert_link(self, link):
        """An absolute URL of the file."""
        self.assertTrue(link.startswith(self.daemon.url), link)
        self.assert_stored(link, DATA)

    def test_copy_link(self):
        link, _ = self.use("copyLink")
        self.assert_link(link)

    def test_qr_code(self):
        need("zbarimg")
        shot = self.path("qr.png")
        link, _ = self.use("qr", shot=shot)
        read = self.run_tool("zbarimg", "--quiet", "--raw", shot)
        self.assertEqual(read.decode().strip(), link)
        self.assert_link(link)

    def test_download(self):
        name, _ = self.use("download", to=self.path("got"))
        self.assertEqual(name, "some file.bin")
        self.assertEqual(self.read("got"), DATA)

    def test_delete(self):
        result, _ = self.use("remove")
        self.assertEqual(result["kept"], 1)
        self.assertIsNone(self.info(result["id"]))

    def test_description(self):
        told, _ = self.use("described")
        self.assertEqual(told, "68.3 KiB · in memory · expires in 5 hours")

    def test_remembered(self):
        files = {name: DATA for name in ("a.bin", "b.bin", "c.bin")}
        left, _ = self.flow("remembered", files=self.files(files),
                            names=list(files), gone="b.bin")
        self.assertEqual(sorted(left), ["a.bin", "c.bin"])

    def test_no_room(self):
        files = {f"f{number}.txt": b"x" for number in range(12)}
        found, _ = self.flow("noRoom", files=self.files(files),
                             names=list(files))
        self.assertIn(f"forgotten {12 - found['left']} older files",
                      found["told"])
        self.assertTrue(0 < found["left"] < 12, found)
        self.assertTrue(found["dismissed"])

    def test_server(self):
        told, _ = self.use("gauge")
        memory, disk, transfers = told
        self.assertTrue(re.match(r"Memory[\d.]+ KiBof 256\.0 MiB", memory), told)
        self.assertTrue(re.match(r"Disk\d.*free", disk), told)
        self.assertTrue(re.match(r"Transfers\d active.*in .*out", transfers),
                        told)


class Long(PageCase):
    """More files than anybody sees at once."""

    def test_list(self):
        ids = [f"long{number}" for number in range(1200)]
        for name in ids:
            self.upload(b"x", f"/files/{name}")
        found, _ = self.flow("longList", ids=ids)
        self.assertEqual((found["rows"], found["kept"]), (1200, 1200))
        self.assertLess(found["first"], 100)
        self.assertEqual(found["name"], "long0")


if __name__ == "__main__":
    main()
