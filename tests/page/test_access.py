# SPDX-License-Identifier: MIT
"""Who uses the page, and who may not, in Chromium.

Source: WCAG 2.2, levels A and AA, by axe-core; Content Security Policy Level 3;
API.md section 7.
"""
import io
import wave

from paging import (ALLOW, Origin, Page, PageCase, content, main, png,
                    sample_archive, table)

ARCHIVE = "archive with a rather long name, as people have them.zip"
TOKEN = "sesame"


def sound():
    """A tenth of a second of silence."""
    out = io.BytesIO()
    with wave.open(out, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(8000)
        made.writeframes(bytes(1600))
    return out.getvalue()


class Everybody(PageCase):
    """By mouse, keyboard, ear; in the dark, on a phone."""

    OPTIONS = ["spool.memory_max=256K", *ALLOW]

    @table(("light", {}), ("dark", {"dark": True}), ("phone", {"phone": True}),
           ("phone in the dark", {"phone": True, "dark": True}))
    def test_look(self, kind):
        files = {"notes.txt": b"n" * 3000, "photo.png": png(64, 48),
                 "large.csv": content(400000, 98), ARCHIVE: sample_archive()}
        paths = self.files(files)
        large = self.files({"holiday film.mp4": content(4 << 20, 97)})
        origin = Origin()
        self.addCleanup(origin.close)
        failing = origin.add("/gone.bin", Page(status=404))
        found, _ = self.flow("look", files=paths, names=list(files),
                             archive=ARCHIVE, large=large,
                             largeName="holiday film.mp4", failing=failing,
                             failingName="gone.bin", **kind)
        self.assertEqual(found["found"], [])
        self.assertEqual(found["wide"], [])

    def test_tab(self):
        paths = self.files({"a.zip": sample_archive()})
        came, _ = self.flow("tabs", files=paths, name="a.zip", count=12)
        wanted = ["pick", "ttl", "url", "fetch-button", "lazy",
                  "Copy link of a.zip", "QR code: a.zip", "Browse: a.zip",
                  "Download: a.zip", "Delete: a.zip"]
        self.assertEqual(came[:len(wanted)], wanted)

    def test_focus(self):
        paths = self.files({"a.txt": b"a"})
        focus, _ = self.flow("focusReturns", files=paths, name="a.txt")
        self.assertEqual(focus, ["Cancel", "Delete"])

    def test_announced(self):
        paths = self.files({"a.txt": b"a"})
        told, _ = self.flow("announced", files=paths, name="a.txt")
        self.assertEqual(told, "a.txt was uploaded.")


class Tokens(PageCase):
    """Somebody in front of the server wants one."""

    def test_entered(self):
        paths = self.files({"a.txt": b"abc"})
        done, _ = self.flow("token", files=paths, name="a.txt", right=TOKEN)
        first, second = done["asked"]
        self.assertIn("asks who you are", first)
        self.assertIn("does not take", second)
        self.assert_stored(done["id"], b"abc")
        session, local = done["kept"]
        self.assertEqual(session, {"spillway.token": TOKEN})
        self.assertNotIn(TOKEN, local)
        self.assertEqual(done["after"], {})

    def test_field(self):
        paths = self.files({"a.txt": b"abc"})
        seen, _ = self.flow("tokenField", files=paths, phone=True)
        self.assertEqual(seen, {"found": [], "share": 1})

    def test_none(self):
        paths = self.files({"a.txt": b"abc"})
        told, _ = self.flow("tokenDenied", files=paths, name="a.txt")
        self.assertEqual(told, "Credentials are needed")


class Policy(PageCase):
    """What is stored, or got into the page, runs nowhere."""

    def test_page(self):
        refused = ["base-uri", "frame-src", "img-src",
                   "require-trusted-types-for", "style-src-elem"]
        done = self.run_flow("injected", count=len(refused))["result"]
        self.assertEqual(done["refused"], refused)
        self.assertFalse(done["ran"])

    @table(("HTML", "text/html"), ("XHTML", "application/xhtml+xml"),
           ("SVG", "image/svg+xml"), ("XML", "text/xml"))
    def test_stored(self, kind):
        # What could read the token would put it into the title.
        script = "document.title = sessionStorage.getItem('secret')"
        space = ('xmlns="http://www.w3.org/1999/xhtml"' if "svg" not in kind
                 else 'xmlns="http://www.w3.org/2000/svg"')
        root = "svg" if "svg" in kind else "html"
        page = (f"<{root} {space}><title>still</title><body>"
                f"<script>{script}</script></body></{root}>")
        self.upload(page.encode(), "/files/evil", {"Content-Type": kind})
        done = self.run_flow("open", path="/files/evil")
        self.assertEqual(done["result"]["origin"], "null")
        self.assertEqual(done["result"]["title"], "still")
        self.assertTrue(any("sandbox" in fault or "Content Security" in fault
                            for fault in done["faults"]), done)

    def test_stored_picture(self):
        self.upload(png(20, 10), "/files/dot", {"Content-Type": "image/png"})
        done = self.run_flow("open", path="/files/dot")
        self.assertEqual(done["result"]["image"], 20)

    def test_stored_sound(self):
        self.upload(sound(), "/files/s", {"Content-Type": "audio/wav"})
        done = self.run_flow("open", path="/files/s")
        self.assertTrue(done["result"]["media"], done)

    def test_stored_text(self):
        self.upload(b"<script>x</script>", "/files/t",
                    {"Content-Type": "text/plain"})
        done, _ = self.flow("open", path="/files/t")
        self.assertEqual(done["origin"], "null")


if __name__ == "__main__":
    main()
