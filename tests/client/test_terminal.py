# SPDX-License-Identifier: MIT
"""What is drawn on a terminal, and what is not elsewhere."""

import json
import os
import signal
import unittest

import harness
from harness import EVIL, EVIL_SHOWN


class Progress(harness.Case):
    DATA = b"x" * (1 << 20)

    def test_none_without_a_terminal(self):
        self.write("a", self.DATA)
        self.ok("put", "--id", "f", "a")
        self.ok("get", "-o", "b", "f")
        self.ok("cat", "f")

    def check_drawn(self, result):
        self.assertEqual(result.code, 0, result)
        self.assertIn("%", result.err)
        self.assertIn("1.0 MiB", result.err)
        self.assertTrue(result.err.endswith("\r\x1b[K"), result)
        self.assertNotIn("\n", result.err)

    def test_put(self):
        self.write("a", self.DATA)
        result = self.on_pty("put", "a")
        self.check_drawn(result)
        self.assertEqual(len(result.out.splitlines()), 1)

    def test_get(self):
        self.stub.add("f", self.DATA, "n\x1b[31m")
        result = self.on_pty("get", "f")
        self.check_drawn(result)
        self.assertNotIn("\x1b[31m", result.err)

    def test_cat_to_a_pipe(self):
        self.stub.add("f", self.DATA)
        result = self.on_pty("cat", "f")
        self.check_drawn(result)
        self.assertEqual(result.out, self.DATA)

    def test_cat_to_the_terminal(self):
        self.stub.add("f", b"content")
        result = self.on_pty("cat", "f", stdout="pty")
        self.assertEqual((result.code, result.err), (0, "content"))

    def test_quiet(self):
        self.stub.add("f", self.DATA, "n")
        for args in (("-q", "get", "-f", "f"), ("get", "-f", "f", "--quiet")):
            result = self.on_pty(*args)
            self.assertEqual((result.code, result.err), (0, ""))

    def test_dumb_terminal(self):
        self.env["TERM"] = "dumb"
        self.stub.add("f", self.DATA, "n")
        self.assertEqual(self.on_pty("get", "f").err, "")

    def test_fetch(self):
        def on_wait(f, waits):
            f.data = self.DATA
            if waits == 3:
                f.state = "ready"
        self.stub.on_wait = on_wait
        result = self.on_pty("fetch", "--wait", "https://example.org/a")
        self.check_drawn(result)
        self.assertIn("wait=1", self.stub.requests[1][1])

    def progress(self, result):
        """All of standard error is objects, these of progress."""
        self.assertEqual(result.code, 0, result)
        self.assertTrue(result.err.isascii(), result)
        told = [json.loads(line) for line in result.err.splitlines()]
        self.assertTrue(told, result)
        self.assertEqual({tuple(o) for o in told}, {("progress",)})
        return [o["progress"] for o in told]

    def test_json_is_not_drawn_over(self):
        self.write("a", self.DATA)
        self.stub.add("f", self.DATA, "n")
        for args in (("--json", "put", "a"), ("put", "--json", "a"),
                     ("--js", "get", "f")):
            result = self.on_pty(*args)
            self.assertEqual((result.code, result.err), (0, ""), result)
            json.loads(result.out)

    def test_json_progress(self):
        self.stub.add("f", self.DATA, EVIL)
        for args in (("--json", "--progress", "get", "-fo", "ü", "f"),
                     ("--progress", "get", "-fo", "ü", "f", "--js")):
            for result in (self.run_spill(*args), self.on_pty(*args)):
                last = self.progress(result)[-1]
                self.assertIn(type(last.pop("rate")), (int, type(None)))
                self.assertEqual(last, {"name": "ü", "done": len(self.DATA),
                                        "total": len(self.DATA)})

    def test_json_progress_of_what_has_no_end(self):
        result = self.run_spill("--json", "--progress", "put", "-",
                                stdin=self.DATA)
        first = self.progress(result)[0]
        self.assertEqual((first["name"], first["total"]),
                         ("standard input", None))

    def test_json_and_quiet(self):
        self.stub.add("f", self.DATA, "n")
        self.assertEqual(self.run_spill(
            "--json", "--progress", "-q", "get", "f").err, "")

    def test_interrupt_leaves_the_line_empty(self):
        f = self.stub.add("f", self.DATA, "n")
        f.pause_after = 300000

        def act(process, seen):
            self.until(lambda: os.path.exists(self.path("n.part")) and
                       os.path.getsize(self.path("n.part")) == 300000)
            self.until(lambda: b"n  " in seen())
            process.send_signal(signal.SIGINT)
            process.wait(harness.DEADLINE_S)
            f.resume.set()
        result = self.on_pty("get", "f", act=act)
        self.assertEqual(result.code, 4, result)
        self.assertIn("\r\x1b[Kspill: n: interrupted\r\n", result.err)
        self.assertTrue(result.err.endswith("goes on there\r\n"), result)

    def test_titles_on_a_terminal(self):
        self.stub.add("f", b"", EVIL)
        result = self.on_pty("ls", stdout="pty")
        self.assertTrue(result.err.startswith("ID "), result)
        self.assertIn(EVIL_SHOWN, result.err)


if __name__ == "__main__":
    unittest.main()
