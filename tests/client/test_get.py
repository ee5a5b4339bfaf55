# SPDX-License-Identifier: MIT
import fcntl
import json
import os
import signal
import subprocess
import unittest

import harness

DATA = bytes(range(256)) * 4096     # 1 MiB


class Get(harness.Case):
    def ranges(self):
        return [h.get("Range") for m, t, h in self.stub.requests
                if m == "GET" and not t.endswith("/info")]

    def mark(self, name, etag, fid):
        self.write(name + ".part.etag", ("%s\n%s/files/%s\n" % (
            etag, self.stub.url, fid)).encode())

    def test_names_that_are_printed(self):
        self.stub.add("f", b"x", "n")
        os.mkdir(self.path("d"))
        self.assertEqual(self.ok("get", "f"), b"n\n")
        self.assertEqual(self.ok("get", "-o", "d", "f"), b"d/n\n")
        self.assertEqual(self.ok("get", "-o", "x", "f"), b"")
        self.assertIn(b"A name that -o gives is not printed",
                      self.ok("get", "--help"))

    def test_whole(self):
        self.stub.add("f1", DATA, "report.bin")
        self.assertEqual(self.ok("get", "f1"), b"report.bin\n")
        self.assertEqual(self.read("report.bin"), DATA)
        self.assertEqual(self.names(), ["report.bin"])

    def test_forms_of_a_ref(self):
        self.stub.add("f1", b"x", "n")
        for ref in ("f1", "/files/f1", self.stub.url + "/files/f1",
                    self.stub.url.upper().replace("/FILES", "/files")
                    + "/files/f1", "/files/f1?signature=abc"):
            self.assertEqual(self.ok("get", "-f", ref), b"n\n")
        self.assertIn("/files/f1?signature=abc",
                      [t for _, t, _ in self.stub.requests])

    def test_empty(self):
        self.stub.add("f1", b"", "empty")
        self.ok("get", "f1")
        self.assertEqual(self.read("empty"), b"")

    def test_output(self):
        self.stub.add("f1", b"content", "n")
        self.assertEqual(self.ok("get", "f1", "-o", "other"), b"")
        self.assertEqual(self.names(), ["other"])
        self.assertEqual(self.ok("get", "-o", "-", "f1"), b"content")

    def test_output_is_a_device(self):
        self.stub.add("f1", b"content", "n")
        self.ok("get", "-o", "/dev/null", "f1")
        self.assertFalse(os.path.isfile("/dev/null"))
        self.assertEqual(
            self.run_spill("get", "-o", "/dev/stdout", "f1").out, b"content")

    def test_json(self):
        self.stub.add("f1", b"content", "n")
        self.assertEqual(json.loads(self.ok("get", "--json", "f1")),
                         {"id": "f1", "file": "n", "size": 7,
                          "verified": True})

    def test_refuses_to_overwrite(self):
        self.stub.add("f1", b"new", "n")
        self.write("n", b"old")
        err = self.fails(1, "get", "f1")
        self.assertIn("-f overwrites it", err)
        self.assertEqual(self.read("n"), b"old")
        self.assertEqual(self.names(), ["n"])
        self.ok("get", "-f", "f1")
        self.assertEqual(self.read("n"), b"new")

    def test_dangling_link_counts_as_there(self):
        self.stub.add("f1", b"new", "n")
        os.symlink("nowhere", self.path("n"))
        self.fails(1, "get", "f1")
        self.assertEqual(self.names(), ["n"])

    def test_appears_meanwhile(self):
        f = self.stub.add("f1", DATA, "n")
        f.pause_after = 1000
        process = self.start("get", "f1")
        self.until(lambda: os.path.exists(self.path("n.part")))
        self.write("n", b"somebody's")
        f.resume.set()
        result = self.finish(process)
        self.assertEqual(result.code, 1, result)
        self.assertIn("n.part", result.err)
        self.assertEqual(self.read("n"), b"somebody's")
        self.assertEqual(self.read("n.part"), DATA)

    def test_range(self):
        self.stub.add("f1", b"0123456789", "n")
        for text, want in (("2-4", b"234"), ("7-", b"789"), ("-3", b"789"),
                           ("0-0", b"0"), ("8-99", b"89"),
                           ("-99", b"0123456789")):
            self.assertEqual(
                self.ok("get", "--range", text, "-o", "-", "f1"), want, text)
            self.ok("get", "-f", "--range", text, "f1")
            self.assertEqual(self.read("n"), want)

    def test_bad_range(self):
        for text in ("", "-", "4-2", "-0", "a-b", "1-2,3-4", " 1-2", "1"):
            self.fails(2, "get", "--range", text, "f1")
        self.stub.add("f1", b"0123456789", "n")
        self.fails(1, "get", "--range", "10-", "f1")
        self.assertEqual(self.names(), [])

    def test_server_ignores_range(self):
        self.stub.add("f1", b"0123456789", "n")
        self.stub.canned = lambda h: h.answer(200, b"0123456789")
        result = self.run_spill("get", "--range", "2-3", "-o", "-", "f1")
        self.assertEqual(result.code, 1)
        self.assertEqual(result.out, b"")
        self.assertIn("ignored the range", result.err)

    def test_server_answers_another_range(self):
        for content_range in ("bytes 3-4/10", "bytes 2-99/100", "chunks 1-2",
                              "bytes 4-2/10", None):
            def canned(h):
                h.answer(206, b"xy", [("Content-Range", content_range)]
                         if content_range else [])
            self.stub.canned = canned
            result = self.run_spill("get", "--range", "2-3", "-o", "-", "f1")
            self.assertEqual(result.code, 1, result)
            self.assertEqual(result.out, b"")

    def test_not_found(self):
        self.assertEqual(self.fails(3, "get", "nope"),
                         "spill: nope: there is no file nope\n")
        self.fails(3, "get", "-o", "x", "nope")
        self.assertEqual(self.names(), [])

    def test_connection_breaks(self):
        f = self.stub.add("f1", DATA, "n")
        f.cut_after = 500000
        result = self.run_spill("get", "f1")
        self.assertEqual(result.code, 4, result)
        self.assertIn("488.2 KiB of it are in n.part", result.err)
        self.assertEqual(self.names(), ["n.part", "n.part.etag"])
        self.assertEqual(self.read("n.part"), DATA[:500000])

        f.cut_after = None
        self.assertEqual(self.ok("get", "f1"), b"n\n")
        self.assertEqual(self.read("n"), DATA)
        self.assertEqual(self.names(), ["n"])
        self.assertEqual(self.ranges()[-1], "bytes=500000-")

    def test_connection_breaks_without_etag(self):
        f = self.stub.add("f1", DATA, "n")
        f.etag = None
        f.cut_after = 500000
        result = self.run_spill("get", "f1")
        self.assertEqual(result.code, 4, result)
        self.assertEqual(self.names(), [])

    def test_weak_etag_is_no_mark(self):
        f = self.stub.add("f1", DATA, "n")
        f.etag = 'W/"x"'
        f.cut_after = 500000
        self.assertEqual(self.run_spill("get", "f1").code, 4)
        self.assertEqual(self.names(), [])

    def test_resume_of_another_version(self):
        self.stub.add("f1", DATA, "n")
        self.write("n.part", b"of an older version")
        self.mark("n", '"old"', "f1")
        self.ok("get", "f1")
        self.assertEqual(self.read("n"), DATA)
        self.assertEqual(self.ranges(), ["bytes=19-"])

    def test_resume_of_another_file(self):
        f = self.stub.add("f1", DATA, "n")
        self.write("n.part", b"of another file")
        self.mark("n", f.etag, "f2")
        self.ok("get", "f1")
        self.assertEqual(self.read("n"), DATA)
        self.assertEqual(self.ranges(), [None])

    def test_resume_with_damaged_mark(self):
        f = self.stub.add("f1", DATA, "n")
        for text in (b"", b"\n", b"\n\n", f.etag.encode(), b"x" * 70000,
                     b'"a\r\nX: y"\n' + self.stub.url.encode()
                     + b"/files/f1\n"):
            self.write("n.part", b"junk")
            self.write("n.part.etag", text)
            self.ok("get", "-f", "f1")
            self.assertEqual(self.read("n"), DATA)
        self.assertEqual(set(self.ranges()), {None})

    def test_resume_of_a_whole_part(self):
        f = self.stub.add("f1", DATA, "n")
        self.write("n.part", DATA)
        self.mark("n", f.etag, "f1")
        self.ok("get", "f1")
        self.assertEqual(self.read("n"), DATA)
        self.assertEqual(self.names(), ["n"])

    def test_resume_of_a_part_that_is_too_long(self):
        f = self.stub.add("f1", DATA, "n")
        self.write("n.part", DATA + b"more")
        self.mark("n", f.etag, "f1")
        self.ok("get", "f1")
        self.assertEqual(self.read("n"), DATA)

    def test_resume_without_a_part(self):
        self.stub.add("f1", DATA, "n")
        self.ok("get", "f1")
        self.assertEqual(self.read("n"), DATA)

    def test_resume_while_received(self):
        # No total is known: each range ends where the bytes do.
        f = self.stub.add("f1", DATA, "n")
        f.total_unknown = True
        f.available = 700000
        self.write("n.part", DATA[:500000])
        self.mark("n", f.etag, "f1")
        self.ok("get", "f1")
        self.assertEqual(self.read("n"), DATA)
        self.assertEqual(self.ranges(), [
            "bytes=500000-", "bytes=700000-", "bytes=1048576-"])

    def test_refused_resume_keeps_the_part(self):
        self.write("n.part", b"01234")
        self.mark("n", '"e"', "f1")
        self.fails(3, "get", "-o", "n", "f1")
        self.stub.close()
        self.addCleanup(setattr, self.stub, "close", lambda: None)
        self.stub.close = lambda: None
        self.fails(1, "get", "-o", "n", "f1")
        self.assertEqual(self.names(), ["n.part", "n.part.etag"])
        self.assertEqual(self.read("n.part"), b"01234")

    def test_wrong_version_in_a_range(self):
        f = self.stub.add("f1", DATA, "n")
        self.write("n.part", DATA[:1000])
        self.mark("n", f.etag, "f1")

        def canned(h):
            if h.path.endswith("/info"):
                h.answer(200, f.descriptor())
            else:
                h.answer(206, DATA[1000:], [
                    ("ETag", '"other"'), ("Content-Range",
                     "bytes 1000-%d/%d" % (len(DATA) - 1, len(DATA)))])
        self.stub.canned = canned
        self.assertIn("another version", self.fails(1, "get", "f1"))
        self.assertEqual(self.read("n.part"), DATA[:1000])

    def test_interrupt_and_continue(self):
        f = self.stub.add("f1", DATA, "n")
        f.pause_after = 300000
        process = self.start("get", "f1")
        self.until(lambda: os.path.exists(self.path("n.part")) and
                   os.path.getsize(self.path("n.part")) == 300000)
        process.send_signal(signal.SIGINT)
        result = self.finish(process)
        f.resume.set()
        self.assertEqual(result.code, 4, result)
        self.assertIn("interrupted", result.err)
        self.assertIn("the same command goes on", result.err)
        self.assertEqual(self.read("n.part"), DATA[:300000])
        f.pause_after = None
        self.ok("get", "f1")
        self.assertEqual(self.read("n"), DATA)

    def test_kill_and_continue(self):
        f = self.stub.add("f1", DATA, "n")
        f.pause_after = 300000
        process = self.start("get", "f1")
        self.until(lambda: os.path.exists(self.path("n.part")) and
                   os.path.getsize(self.path("n.part")) == 300000)
        process.kill()
        self.finish(process)
        f.resume.set()
        f.pause_after = None
        self.ok("get", "f1")
        self.assertEqual(self.read("n"), DATA)
        self.assertEqual(self.ranges()[-1], "bytes=300000-")

    def test_locked_part(self):
        self.stub.add("f1", DATA, "n")
        with open(self.write("n.part", b"busy"), "rb") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            err = self.fails(1, "get", "f1")
        self.assertIn("another spill", err)
        self.assertEqual(self.read("n.part"), b"busy")

    def test_part_is_a_link(self):
        self.stub.add("f1", DATA, "n")
        self.write("victim", b"victim")
        os.symlink("victim", self.path("n.part"))
        self.fails(1, "get", "f1")
        os.unlink(self.path("n.part"))
        os.link(self.path("victim"), self.path("n.part"))
        self.fails(1, "get", "f1")
        self.assertEqual(self.read("victim"), b"victim")

    def test_hostile_names(self):
        for said, saved in (
                ("../../etc/passwd", "passwd"), ("/etc/passwd", "passwd"),
                ("..\\..\\boot.ini", "boot.ini"), ("..", "f1"), (".", "f1"),
                ("", "f1"), (None, "f1"), ("dir/", "f1"),
                (".bashrc", "_bashrc"), ("-rf", "_rf"),
                ("a\nb\x1b[2Jc\x7f", "a_b_[2Jc_"),
                ("exe\u202egpj.x", "exe_gpj.x"), ("ünï.txt", "ünï.txt"),
                ("n" * 300, "n" * 240), ("ü" * 200, "ü" * 120)):
            self.stub.add("f1", b"x", said)
            out = self.ok("get", "f1").decode()
            self.assertEqual(out, saved + "\n", repr(said))
            self.assertEqual(self.names(), [saved])
            os.unlink(self.path(saved))

    def test_link_without_info(self):
        f = self.stub.add("f1", b"content", "n")
        f.hide_info = True
        self.assertEqual(self.ok("get", "/files/f1?signature=s"), b"f1\n")

    def test_reader_goes_away(self):
        self.stub.add("f1", DATA * 8, "n")
        for args in (("cat", "f1"), ("get", "-o", "-", "f1")):
            process = self.start(*args)
            process.stdout.read(10)
            process.stdout.close()
            process.stdout = None
            result = self.finish(process)
            self.assertEqual((result.code, result.err), (4, ""))

    def test_disk_is_full(self):
        self.stub.add("f1", DATA, "n")
        result = self.run_spill("get", "-o", "/dev/full", "f1")
        self.assertIn("No space left", result.err)
        self.assertNotEqual(result.code, 0)

    def test_nothing_in_the_way_of_bytes(self):
        self.stub.add("f1", DATA, "n")
        process = self.start("cat", "f1", stdout=subprocess.PIPE)
        self.assertEqual(self.finish(process).out, DATA)


if __name__ == "__main__":
    unittest.main()
