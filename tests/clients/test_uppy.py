# SPDX-License-Identifier: MIT
"""Uppy in Chromium, on a page of another origin than the daemon's.

Uploads are cut and taken up again, by the daemon that has them or by the next
one.

Source: API.md sections 2 and 7; tus 1.0.0; RFC 7578; the CORS protocol of the
Fetch standard.
"""
import http.server
import os
import threading

from programs import BrowserCase, HERE, main, table, until
from samples import content

MIB = 1 << 20
# More than one piece of what tus sends at a time, and an empty one.
FILES = {"a plain name.txt": content(100000, 71), "naïve.bin": content(1, 72),
         "empty.dat": b"", "large.bin": content(6 * MIB, 73)}
LARGE = content(8 * MIB, 74)


class Page(http.server.BaseHTTPRequestHandler):
    """Serves the page and Uppy as it comes for pages without a bundler."""

    protocol_version = "HTTP/1.1"
    files = {}

    def do_GET(self):
        path, kind = self.files.get(self.path, (None, None))
        body = path.read_bytes() if path else b""
        self.send_response(200 if path else 404)
        self.send_header("Content-Length", str(len(body)))
        if kind:
            self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Say nothing."""


class Uppy(BrowserCase):
    """Files that are looked at after the browser has sent them."""

    DRIVER = HERE / "uppy.js"

    @classmethod
    def start(cls):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cls.page = f"http://127.0.0.1:{server.server_port}"
        cls.OPTIONS = [f"server.cors_origins={cls.page}",
                       "spool.memory_max=1M", "store.durability=restart"]
        super().start()
        dist = cls.modules / "uppy" / "dist"
        Page.files = {
            "/": (HERE / "uppy.html", "text/html"),
            "/uppy.min.css": (dist / "uppy.min.css", "text/css"),
            "/uppy.min.mjs": (dist / "uppy.min.mjs", "text/javascript")}

    def setUp(self):
        super().setUp()
        self.before = self.file_count()

    def drive(self, files, plugin, options=None, meanwhile=None, **more):
        """Have these files uploaded: what Uppy says of them."""
        job = {"page": self.page, "plugin": plugin,
               "files": [self.write(name, data)
                         for name, data in files.items()],
               "options": {"endpoint": self.url("/files"),
                           **(options or {})}, **more}
        done = self.drive_browser(job, meanwhile)
        self.assertEqual(done["failed"], [])
        self.assertEqual({file["name"] for file in done["files"]},
                         files.keys())
        # What was cut goes when the daemon sees that it was.
        until(lambda: self.file_count() == self.before + len(files))
        return done

    @table(("whole", {}), ("in chunks", {"chunkSize": MIB}),
           ("in parallel parts", {"parallelUploads": 3}),
           ("with data in the creation", {"uploadDataDuringCreation": True}))
    def test_tus(self, options):
        done = self.drive(FILES, "Tus", options)
        for file in done["files"]:
            made = self.assert_stored(file["url"], FILES[file["name"]])
            self.assertEqual(made["name"], file["name"])

    @table(("pause, in a request", "pause", {}),
           ("pause, between requests", "pause", {"chunkSize": MIB}),
           ("lost network", "offline", {"chunkSize": MIB}),
           ("reload", "reload", {"chunkSize": MIB}))
    def test_tus_resumes(self, then, options):
        done = self.drive({"f.bin": LARGE}, "Tus", options, at=MIB, then=then)
        self.assertEqual(done["requests"].count("POST 201"), 1)
        self.assertIn("HEAD 204", done["requests"])
        self.assert_stored(done["files"][0]["url"], LARGE)

    @table(("in a request", {}, 1), ("between requests", {"chunkSize": MIB}, 1),
           ("parallel parts", {"parallelUploads": 3}, 4))
    def test_tus_daemon_crashes_under_it(self, options, creations):
        mark = self.path("mark")

        def crash(answer):
            until(lambda: os.path.exists(mark) or not answer.is_alive(),
                  "the middle of it")
            self.restart()
            os.unlink(mark)

        done = self.drive({"f.bin": LARGE}, "Tus",
                          {**options, "retryDelays": 1000 * [50]}, crash,
                          at=MIB, then="wait", mark=mark)
        # The browser may repeat a request by itself, without a HEAD.
        self.assertEqual(done["requests"].count("POST 201"), creations)
        self.assert_stored(done["files"][0]["url"], LARGE)

    def test_tus_cancel(self):
        # The file is chosen again: the first upload is taken back.
        done = self.drive({"f.bin": LARGE}, "Tus", at=MIB, then="cancel")
        self.assertEqual(done["requests"].count("POST 201"), 2)
        self.assertIn("DELETE 204", done["requests"])
        self.assert_stored(done["files"][0]["url"], LARGE)

    def test_forms(self):
        done = self.drive(FILES, "XHRUpload")
        self.assertEqual(done["requests"], len(FILES) * ["POST 201"])
        for file in done["files"]:
            made, = file["body"]["files"]
            self.assertEqual(made["name"], file["name"])
            self.assert_stored(made["id"], FILES[file["name"]])

    def test_one_form_of_several_files(self):
        done = self.drive(FILES, "XHRUpload", {"bundle": True})
        self.assertEqual(done["requests"], ["POST 201"])
        for file in done["files"]:
            made = {one["name"]: one["id"] for one in file["body"]["files"]}
            self.assertEqual(made.keys(), FILES.keys())
            self.assert_stored(made[file["name"]], FILES[file["name"]])

    def test_raw_bodies(self):
        done = self.drive(FILES, "XHRUpload", {"formData": False})
        for file in done["files"]:
            self.assert_stored(file["body"]["id"], FILES[file["name"]])

    def test_form_cancel(self):
        # What was cut leaves nothing behind, and the next one is whole.
        done = self.drive({"f.bin": LARGE}, "XHRUpload", at=MIB,
                          then="cancel")
        made, = done["files"][0]["body"]["files"]
        self.assert_stored(made["id"], LARGE)


if __name__ == "__main__":
    main()
