# SPDX-License-Identifier: MIT
"""Looking into archives by the page, in Chromium.

Source: API.md section 5; ARIA Authoring Practices Guide, tree view.
"""
from paging import (ALLOW, Origin, Page, PageCase, README, content, main,
                    many_zip, png, sample_archive, zipped)


class Archives(PageCase):
    """Uploaded ones, and one that stays where it is."""

    OPTIONS = ALLOW

    def browse(self, flow, data=None, name="a.zip", **more):
        """A flow of one archive."""
        paths = self.files({name: data or sample_archive()})
        return self.flow(flow, files=paths, name=name, **more)[0]

    def test_previews(self):
        shown = self.browse("entries", paths=[
            "docs/readme.md", "images/dot.png", "images/old.svg", "data.bin",
            "page.html", "empty.txt", "docs/more/long.txt"])
        self.assertEqual(shown["docs/readme.md"], README)
        self.assertEqual(shown["images/dot.png"], "24x16")
        self.assertEqual(shown["images/old.svg"], "8x9")
        self.assertEqual(shown["data.bin"], "There is no preview of this.")
        self.assertEqual(shown["page.html"], "<b>not bold</b>")
        self.assertEqual(shown["empty.txt"], "")
        self.assertTrue(1 << 15 < len(shown["docs/more/long.txt"]) <= 1 << 16)

    def test_text(self):
        texts = {"latin.txt": "Größe: 5 €\n".encode("cp1252"),
                 "wide.txt": "Größe\n".encode("utf-16")}
        shown = self.browse("entries", zipped(texts), paths=list(texts))
        self.assertEqual(shown, {"latin.txt": "Größe: 5 €\n",
                                 "wide.txt": "Größe\n"})

    def test_name_that_turns_text_around(self):
        shown = self.browse("entries", zipped({"in\u202etxt.exe": "x"}),
                            paths=["in\\u202etxt.exe"])
        self.assertEqual(shown, {"in\\u202etxt.exe": "x"})

    def test_name_of_blanks(self):
        shown = self.browse("entries", zipped({" ": "x"}), paths=["\\x20"])
        self.assertEqual(shown, {"\\x20": "x"})

    def test_keys(self):
        focused = self.browse("treeKeys", keys=[
            "ArrowDown", "ArrowRight", "ArrowDown", "ArrowUp", "ArrowRight",
            "ArrowRight", "ArrowLeft", "ArrowLeft", "End", "Home", "Enter",
            "ArrowDown"])
        self.assertEqual(focused, [
            "images", "images", "dot.png", "images", "dot.png",
            "dot.png", "images", "images", "page.html", "docs", "docs",
            "more"])

    def test_announced(self):
        self.assertEqual(self.browse("previewSaid", entry="data.bin"),
                         "Preview of data.bin")

    def test_download(self):
        self.browse("entryDownload", path="data.bin", to=self.path("got"))
        self.assertEqual(self.read("got"), b"\0\1\2" * 1000)

    def test_keep(self):
        kept = self.browse("entryKeep", path="inner.zip")
        self.assert_stored(kept["id"], zipped({"within.txt": "deep"}))

    def test_keep_picture(self):
        kept = self.browse("entryKeep", zipped({"dot.png": png(8, 8)}),
                           path="dot.png")
        self.assertEqual(kept["told"], "dot.png is among your files now.")
        self.assert_stored(kept["id"], png(8, 8))

    def test_keep_of_what_is_gone(self):
        told = self.browse("entryKeepGone", zipped({"dot.png": png(8, 8)}),
                           path="dot.png")
        self.assertEqual(
            told, "dot.png: The file was deleted or has expired.")

    def test_long(self):
        told = self.browse("paged", many_zip(2500))
        self.assertEqual(told["told"], [
            "1,000 of 2,500 entries", "2,000 of 2,500 entries",
            "2,500 entries"])
        self.assertEqual(told["items"], 2501)

    def test_not_one(self):
        told = self.browse("broken", content(5000, 96))
        self.assertIn("no end record of a zip", told)

    def test_remote(self):
        origin = Origin()
        self.addCleanup(origin.close)
        data = zipped({"filler.bin": content(3_000_000, 95),
                       "readme.txt": README})
        page = Page(data, etag='"v1"', type="application/zip")
        source = origin.add("/far.zip", page)
        shown, _ = self.flow("remote", source=source, name="far.zip",
                             path="readme.txt")
        self.assertEqual(shown, README)
        brought = sum(end - first for first, end in page.spans)
        self.assertLess(brought, len(data) / 2)


if __name__ == "__main__":
    main()
