# SPDX-License-Identifier: MIT
import json
import os
import signal
import subprocess
import unittest

import harness
import stub
import uploads


class Put(harness.Case):
    def test_file(self):
        self.write("report.zip", b"content")
        out = self.ok("put", "report.zip")
        (f,) = self.stub.files.values()
        self.assertEqual(
            out.decode(), "%s/files/%s\n" % (self.stub.url, f.id))
        self.assertEqual(f.data, b"content")
        self.assertEqual(f.name, "report.zip")
        self.assertEqual(f.type, "application/octet-stream")
        headers = self.stub.requests[0][2]
        self.assertEqual(headers["Content-Length"], "7")
        # Nothing to wait for.
        self.assertNotIn("Expect", headers)

    def test_large_file(self):
        data = os.urandom(3 << 20)
        self.write("big", data)
        self.ok("put", "big")
        (f,) = self.stub.files.values()
        self.assertEqual(f.data, data)
        self.assertEqual(self.stub.requests[0][2]["Expect"],
                         "100-continue")

    def test_empty_file(self):
        self.write("empty", b"")
        self.ok("put", "empty")
        (f,) = self.stub.files.values()
        self.assertEqual(f.data, b"")

    def test_stdin(self):
        self.ok("put", "-", stdin=b"from a pipe")
        (f,) = self.stub.files.values()
        self.assertEqual(f.data, b"from a pipe")
        self.assertIsNone(f.name)
        self.assertIn("chunked",
                      self.stub.requests[0][2]["Transfer-Encoding"])

    def test_stdin_from_the_middle_of_a_file(self):
        self.write("x", b"0123456789")
        with open(self.path("x"), "rb") as f:
            os.lseek(f.fileno(), 4, os.SEEK_SET)
            result = self.finish(self.start("put", "-", stdin=f))
        self.assertEqual(result.code, 0, result)
        (f,) = self.stub.files.values()
        self.assertEqual(f.data, b"456789")

    def test_several(self):
        for name in ("a", "b", "c"):
            self.write(name, name.encode())
        out = self.ok("put", "a", "b", "c")
        self.assertEqual(len(out.splitlines()), 3)
        self.assertEqual([f.name for f in self.stub.files.values()],
                         ["a", "b", "c"])

    def test_one_of_several_is_missing(self):
        self.write("a", b"a")
        self.write("c", b"c")
        result = self.run_spill("put", "a", "b", "c")
        self.assertEqual(result.code, 1)
        self.assertEqual(len(result.out.splitlines()), 2)
        self.assertEqual(
            result.err, "spill: b: No such file or directory\n")

    def test_directory(self):
        os.mkdir(self.path("d"))
        self.assertIn(
            "d is a directory; 'tar c DIR | spill put --name DIR.tar -'",
            self.fails(1, "put", "d"))
        self.assertEqual(self.stub.requests, [])

    def test_empty_name(self):
        self.write("a", b"a")
        self.assertIn("the name of a file is empty",
                      self.fails(2, "put", "a", ""))
        self.assertEqual(self.stub.requests, [])

    def test_numbers_out_of_range(self):
        for args, why in (
                (("--ttl", "99999999d"), "'99999999d' is too long; 2147483647 "
                                         "seconds, or 24855d, is the longest"),
                (("--ttl", "999999999999999d"), "is too long"),
                (("--ttl", "soon"), "'soon' is no time"),
                (("--reads", "9999999999"), "is no number from 1 to "
                                            "2147483647"),
                (("--limit-rate", "0"), "no number of bytes from 1 to "),
                (("--limit-rate", "8388608T"), "from 1 to 8388607T")):
            self.assertIn(why, self.fails(2, "put", *args, "x"))
        self.write("x", b"x")
        self.ok("--limit-rate", "8388607T", "put", "--ttl", "24855d", "x")

    def test_options(self):
        self.write("x", b"x")
        self.ok("put", "--name", "ä b&c.txt", "--type", "text/plain",
                "--ttl", "2h", "--reads", "3", "--id", "my-id", "x")
        f = self.stub.files["my-id"]
        self.assertEqual(f.name, "ä b&c.txt")
        self.assertEqual(f.type, "text/plain")
        self.assertEqual(f.query["ttl"], "7200")
        self.assertEqual(f.query["reads"], "3")
        self.assertEqual(self.stub.requests[0][0], "PUT")

    def test_for_ever(self):
        self.write("big", b"x" * 1000)
        for tus, args in ((None, ("big",)), (None, ("-",)),
                          (uploads.EXTENSIONS, ("--parts", "2", "big"))):
            self.stub.tus = tus
            self.stub.files.clear()
            self.ok("put", "--ttl", "0", *args)
            ttls = [f.query.get("ttl") for f in self.stub.files.values()]
            self.assertIn("0", ttls)

    def test_replace(self):
        self.stub.add("mine", b"old")
        self.ok("put", "--id", "mine", "-", stdin=b"new")
        self.assertEqual(self.stub.files["mine"].data, b"new")

    def test_bad_id(self):
        self.assertIn("cannot be an id",
                      self.fails(2, "put", "--id", "../x", "-"))
        self.assertEqual(self.stub.requests, [])

    def test_header_injection(self):
        self.fails(2, "put", "--type", "text/plain\r\nX-Evil: 1", "-")
        self.assertEqual(self.stub.requests, [])

    def test_json(self):
        self.write("a", b"a")
        self.write("b", b"bb")
        out = self.ok("--json", "put", "a", "b")
        one, two = [json.loads(line) for line in out.splitlines()]
        self.assertEqual((one["size"], two["size"]), (1, 2))
        self.assertEqual(one["state"], "ready")

    def test_early_refusal(self):
        self.stub.max_size = 1
        self.write("big", b"x" * (4 << 20))
        err = self.fails(1, "put", "big")
        self.assertEqual(err, "spill: big: the file is too large\n")
        self.assertEqual(self.stub.files, {})

    def test_file_shrinks(self):
        # A file of /proc says 0 bytes; one of /sys says 4096 and has few.
        sysfs = "/sys/kernel/mm/transparent_hugepage/enabled"
        if os.path.exists(sysfs):
            self.assertIn("shorter", self.fails(1, "put", sysfs))
        self.ok("put", "/proc/self/status")

    def test_interrupt_while_the_pipe_is_silent(self):
        process = self.start("put", "-", stdin=subprocess.PIPE)
        process.stdin.write(b"some")
        process.stdin.flush()
        self.until(lambda: self.stub.requests or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        process.wait(harness.DEADLINE_S)
        process.stdin.close()
        process.stdin = None
        result = self.finish(process)
        self.assertEqual(result.code, 4, result)
        self.assertEqual(result.err, "spill: -: interrupted\n")
        self.assertEqual(self.stub.files, {})

    def test_unix_socket(self):
        unix = stub.Stub(self.path("s"))
        self.addCleanup(unix.close)
        out = self.ok("--server", unix.url, "put", "-", stdin=b"x").decode()
        (fid,) = unix.files
        self.assertEqual(out, "/files/%s\n" % fid)
        self.assertEqual(
            self.ok("--server", unix.url, "cat", out.strip()), b"x")

    def test_unix_socket_missing(self):
        err = self.fails(1, "--server", "unix:" + self.path("no"), "put", "-")
        self.assertIn("is spillwayd running?", err)


if __name__ == "__main__":
    unittest.main()
