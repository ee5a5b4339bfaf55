# SPDX-License-Identifier: MIT
"""curl, as people call it.

Uploads are taken up again, by the daemon that has them or, with
store.durability, by the next one.

Source: API.md sections 2, 3, 5; tus 1.0.0.
"""
import json
import os
import subprocess

from programs import (PATIENCE, ProgramCase, environment, main, need, table,
                      until)
from samples import ENTRIES, content, sample_zip

DATA = content(3000000, 31)
TUS = ["-H", "Tus-Resumable: 1.0.0"]


class Curl(ProgramCase):
    """Each transfer is looked at from the other side."""

    OPTIONS = ["spool.memory_max=1M", "store.durability=restart"]

    def setUp(self):
        super().setUp()
        self.upload(DATA, "/files/data.bin?name=data.bin")

    def curl(self, *args, code=0):
        """Run curl, without whatever the user has set up for it."""
        return self.run_tool("curl", "-q", "-sS", *args, code=code)

    def interrupt(self, condition, *args):
        """Start curl, and end it once this is so."""
        need("curl")
        with subprocess.Popen(["curl", "-q", "-sS", *args], cwd=self.dir,
                              env=environment()) as curl:
            try:
                until(condition)
                self.assertIsNone(curl.poll(), "it has come to an end")
            finally:
                curl.kill()

    # -- up ---------------------------------------------------------------

    @table(("small", 100), ("empty", 0), ("1025", 1025), ("large", 3000000))
    def test_data(self, size):
        # From 1025 bytes on, curl asks for 100 Continue.
        self.write("f", DATA[:size])
        made = json.loads(self.curl("--data-binary", "@f",
                                    self.url("/files")))
        self.assert_content(made["id"], DATA[:size])

    @table(("plain", []), ("with Expect", ["-H", "Expect: 100-continue"]),
           ("HTTP/1.0", ["--http1.0"]),
           ("chunked", ["-H", "Transfer-Encoding: chunked"]))
    def test_upload(self, more):
        self.write("f.bin", DATA)
        out = self.curl(*more, "-T", "f.bin", self.url("/files/"))
        self.assertEqual(json.loads(out)["id"], "f.bin")
        self.assert_content("f.bin", DATA)

    def test_upload_answers_a_link(self):
        self.write("f.bin", DATA)
        out = self.curl("-H", "Accept: text/plain", "-T", "f.bin",
                        self.url("/files/"))
        self.assertEqual(out.decode(), self.url("/files/f.bin") + "\n")
        self.assert_same(self.curl(out.decode().strip()), DATA)

    def test_upload_from_a_pipe(self):
        self.write("f.bin", DATA)
        need("curl")
        with open(self.path("f.bin"), "rb") as file:
            done = subprocess.run(
                ["curl", "-q", "-sS", "-T", "-", self.url("/files/piped")],
                stdin=file, stdout=subprocess.PIPE, timeout=PATIENCE,
                env=environment(), check=True)
        self.assertEqual(json.loads(done.stdout)["size"], len(DATA))
        self.assert_content("piped", DATA)

    def test_resume_of_an_upload(self):
        # A PUT knows no parts; curl asked to find out by itself sends all.
        self.write("f.bin", DATA)
        self.curl("-f", "-C", "-", "-T", "f.bin", self.url("/files/"))
        self.assert_stored("f.bin", DATA)
        self.curl("-f", "-C", "1000", "-T", "f.bin", self.url("/files/"),
                  code=22)
        self.assert_stored("f.bin", DATA)

    @table(("by the same daemon", False), ("by the next one", True))
    def test_resume_of_a_resumable_upload(self, killed):
        url = self.http("POST", "/files", {
            "Tus-Resumable": "1.0.0", "Upload-Length": str(len(DATA))
        }).get("Location")
        append = [*TUS, "-f", "-X", "PATCH", self.url(url), "-H",
                  "Content-Type: application/offset+octet-stream"]
        self.interrupt(
            lambda: self.info(url.split("/")[2])["received"], *append, "-H",
            "Upload-Offset: 0", "-T", self.write("f.bin", DATA),
            "--limit-rate", "100K")
        def ask():
            head = self.curl("-I", *TUS, self.url(url)).decode().lower()
            return int(head.split("upload-offset: ")[1].split()[0])
        offset = ask()
        if killed:
            self.restart()
            self.assertEqual(ask(), offset)
        self.assertTrue(0 < offset < len(DATA), offset)
        self.curl(*append, "-H", f"Upload-Offset: {offset}", "-T",
                  self.write("rest", DATA[offset:]))
        self.assert_stored(url, DATA)

    def test_form(self):
        self.write("a.txt", b"text")
        self.write("b c.bin", DATA)
        out = json.loads(self.curl("-F", "f=@a.txt", "-F", "ttl=100", "-F",
                                   "g=@b c.bin", self.url("/files")))
        self.assertEqual([(one["name"], one["size"]) for one in out["files"]],
                         [("a.txt", 4), ("b c.bin", len(DATA))])
        self.assert_content(out["files"][1]["id"], DATA)

    # -- down -------------------------------------------------------------

    @table(("first", "0-99", DATA[:100]), ("open", "2999990-", DATA[-10:]),
           ("suffix", "-10", DATA[-10:]))
    def test_range(self, span, want):
        self.assertEqual(self.curl("-r", span, self.url("/files/data.bin")),
                         want)

    @table(("from 0", 0), ("from the middle", 1234567),
           ("from the last byte", len(DATA) - 1))
    def test_resume(self, have):
        self.write("part", DATA[:have])
        self.curl("-C", "-", "-o", "part", self.url("/files/data.bin"))
        self.assert_same(self.read("part"), DATA)

    def test_resume_of_all(self):
        # curl takes the 416 for what it is: all is there.
        self.write("part", DATA)
        self.curl("-C", "-", "-o", "part", self.url("/files/data.bin"))
        self.assert_same(self.read("part"), DATA)

    def test_resume_after_a_cut(self):
        # While the file is not complete, nor can the download be.
        with self.conn() as feeder:
            feeder.send(b"PUT /files/slow HTTP/1.1\r\nHost: x\r\n"
                        b"Content-Length: %d\r\n\r\n" % len(DATA))
            feeder.send(DATA[:1000000])
            self.wait_received("slow", 1000000)
            self.interrupt(lambda: os.path.exists(self.path("part"))
                           and self.read("part"),
                           "-N", "-o", "part", self.url("/files/slow"))
            feeder.send(DATA[1000000:])
            self.assertEqual(feeder.read().status, 201)
        self.curl("--continue-at", "-", "-o", "part",
                  self.url("/files/slow"))
        self.assert_same(self.read("part"), DATA)

    def test_remote_name(self):
        self.upload(b"x", "/files/rn?name=their%20name.txt")
        self.curl("-OJ", self.url("/files/rn?download"))
        self.assertEqual(self.read("their name.txt"), b"x")

    def test_conditional(self):
        self.curl("--etag-save", "tag", "-o", "f",
                  self.url("/files/data.bin"))
        self.curl("--etag-compare", "tag", "-o", "g", "-w", "%{http_code}",
                  self.url("/files/data.bin"))
        self.assertFalse(os.path.exists(self.path("g")) and self.read("g"))

    def test_head_and_options(self):
        out = self.curl("-I", self.url("/files/data.bin")).decode().lower()
        self.assertIn(f"content-length: {len(DATA)}\r\n", out)
        self.curl("-f", "-X", "OPTIONS", self.url("/files/data.bin"))
        self.curl("-f", self.url("/files/none"), code=22)

    def test_parallel(self):
        urls = []
        for index in range(8):
            urls += ["-o", f"p{index}", self.url("/files/data.bin")]
        self.curl("-Z", *urls)
        for index in range(8):
            self.assert_same(self.read(f"p{index}"), DATA)

    # -- zip --------------------------------------------------------------

    def test_unzip(self):
        self.upload(sample_zip(pad=2000000), "/files/z.zip")
        self.curl("-O", self.url("/files/z.zip"))
        self.run_tool("unzip", "-tq", "z.zip")
        name, data, _ = ENTRIES[2]
        self.assertEqual(self.run_tool("unzip", "-p", "z.zip", name), data)
        self.assert_same(
            self.curl("--compressed", self.url(f"/files/z.zip/zip/{name}")),
            data)

    def test_entries(self):
        self.upload(sample_zip(), "/files/z.zip")
        names = self.curl("-H", "Accept: text/plain",
                          self.url("/files/z.zip/zip")).decode().split("\n")
        self.assertEqual(names[:-1], [name for name, *_ in ENTRIES])
        self.assertEqual(self.curl("-r", "100-199", self.url(
            "/files/z.zip/zip/deep/er/big.txt")), ENTRIES[2][1][100:200])


if __name__ == "__main__":
    main()
