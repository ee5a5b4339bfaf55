# SPDX-License-Identifier: MIT
"""The programs that people use: curl, wget, unzip, aria2c.

Source: API.md sections 2, 3, 5.
"""
import json
import os
import subprocess
import tempfile

from harness import Case, PATIENCE, main, need, table
from samples import ENTRIES, content, sample_zip

DATA = content(3000000, 31)


class Clients(Case):
    """Each case works in a directory of its own."""

    OPTIONS = ["spool.memory_max=1M"]

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = folder.name
        self.upload(DATA, "/files/data.bin?name=data.bin")

    def run_tool(self, *command, code=0):
        """Run a program: its output."""
        need(command[0])
        env = {k: v for k, v in os.environ.items()
               if not k.lower().endswith("_proxy")}
        done = subprocess.run(
            command, cwd=self.dir, env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, code, done.stderr[-1000:])
        return done.stdout

    def curl(self, *args, code=0):
        """Run curl, without whatever the user has set up for it."""
        return self.run_tool("curl", "-q", "-sS", *args, code=code)

    def url(self, path):
        """An absolute URL."""
        return self.daemon.url + path

    def write(self, name, data):
        """Make a local file."""
        with open(os.path.join(self.dir, name), "wb") as file:
            file.write(data)

    def read(self, name):
        """Read a local file."""
        with open(os.path.join(self.dir, name), "rb") as file:
            return file.read()

    # -- up ---------------------------------------------------------------

    @table(("small", 100), ("empty", 0), ("1025", 1025), ("large", 3000000))
    def test_curl_data(self, size):
        # From 1025 bytes on, curl asks for 100 Continue.
        self.write("f", DATA[:size])
        made = json.loads(self.curl("--data-binary", "@f",
                                    self.url("/files")))
        self.assert_content(made["id"], DATA[:size])

    @table(("plain", []), ("with Expect", ["-H", "Expect: 100-continue"]),
           ("HTTP/1.0", ["--http1.0"]),
           ("chunked", ["-H", "Transfer-Encoding: chunked"]))
    def test_curl_upload(self, more):
        self.write("f.bin", DATA)
        out = self.curl(*more, "-T", "f.bin", self.url("/files/"))
        self.assertEqual(json.loads(out)["id"], "f.bin")
        self.assert_content("f.bin", DATA)

    def test_curl_upload_answers_a_link(self):
        self.write("f.bin", DATA)
        out = self.curl("-H", "Accept: text/plain", "-T", "f.bin",
                        self.url("/files/"))
        self.assertEqual(out.decode(), self.url("/files/f.bin") + "\n")
        self.assert_same(self.curl(out.decode().strip()), DATA)

    def test_curl_upload_from_a_pipe(self):
        self.write("f.bin", DATA)
        need("curl")
        with open(os.path.join(self.dir, "f.bin"), "rb") as file:
            done = subprocess.run(
                ["curl", "-q", "-sS", "-T", "-", self.url("/files/piped")],
                stdin=file, stdout=subprocess.PIPE, timeout=PATIENCE,
                check=True)
        self.assertEqual(json.loads(done.stdout)["size"], len(DATA))
        self.assert_content("piped", DATA)

    def test_curl_form(self):
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
    def test_curl_range(self, span, want):
        self.assertEqual(self.curl("-r", span, self.url("/files/data.bin")),
                         want)

    @table(("from 0", 0), ("from the middle", 1234567),
           ("from the last byte", len(DATA) - 1))
    def test_curl_resume(self, have):
        self.write("part", DATA[:have])
        self.curl("-C", "-", "-o", "part", self.url("/files/data.bin"))
        self.assert_same(self.read("part"), DATA)

    def test_curl_resume_of_all(self):
        # curl takes the 416 for what it is: all is there.
        self.write("part", DATA)
        self.curl("-C", "-", "-o", "part", self.url("/files/data.bin"))
        self.assert_same(self.read("part"), DATA)

    def test_curl_remote_name(self):
        self.upload(b"x", "/files/rn?name=their%20name.txt")
        self.curl("-OJ", self.url("/files/rn?download"))
        self.assertEqual(self.read("their name.txt"), b"x")

    def test_curl_conditional(self):
        self.curl("--etag-save", "tag", "-o", "f",
                  self.url("/files/data.bin"))
        self.curl("--etag-compare", "tag", "-o", "g", "-w", "%{http_code}",
                  self.url("/files/data.bin"))
        self.assertFalse(os.path.exists(os.path.join(self.dir, "g"))
                         and self.read("g"))

    def test_curl_head_and_options(self):
        out = self.curl("-I", self.url("/files/data.bin")).decode().lower()
        self.assertIn(f"content-length: {len(DATA)}\r\n", out)
        self.curl("-f", "-X", "OPTIONS", self.url("/files/data.bin"))
        self.curl("-f", self.url("/files/none"), code=22)

    def test_curl_parallel(self):
        urls = []
        for index in range(8):
            urls += ["-o", f"p{index}", self.url("/files/data.bin")]
        self.curl("-Z", *urls)
        for index in range(8):
            self.assert_same(self.read(f"p{index}"), DATA)

    def test_wget(self):
        self.run_tool("wget", "--no-config", "-q", "-O", "w",
                      self.url("/files/data.bin"))
        self.assert_same(self.read("w"), DATA)

    def test_wget_resume(self):
        self.write("data.bin", DATA[:1000000])
        self.run_tool("wget", "--no-config", "-q", "-c",
                      self.url("/files/data.bin"))
        self.assert_same(self.read("data.bin"), DATA)

    def test_aria2_in_parallel(self):
        self.run_tool("aria2c", "--no-conf", "-q", "-x4", "-s4", "-k1M",
                      "--file-allocation=none", "-o", "ar",
                      self.url("/files/data.bin"))
        self.assert_same(self.read("ar"), DATA)

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

    def test_curl_entries(self):
        self.upload(sample_zip(), "/files/z.zip")
        names = self.curl("-H", "Accept: text/plain",
                          self.url("/files/z.zip/zip")).decode().split("\n")
        self.assertEqual(names[:-1], [name for name, *_ in ENTRIES])
        self.assertEqual(self.curl("-r", "100-199", self.url(
            "/files/z.zip/zip/deep/er/big.txt")), ENTRIES[2][1][100:200])


if __name__ == "__main__":
    main()
