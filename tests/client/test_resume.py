# SPDX-License-Identifier: MIT
"""Uploads that break off and go on, against a server that misbehaves."""

import json
import os
import signal
import subprocess
import unittest

import harness
import uploads

DATA = bytes(range(256)) * 4096     # 1 MiB
PARTS = ("put", "--parts", "1", "big")


class Resumable(harness.Case):
    def setUp(self):
        super().setUp()
        self.stub.tus = uploads.EXTENSIONS
        self.write("big", DATA)

    def stored(self):
        """The files that there are, but for parts."""
        return [f for f in self.stub.files.values()
                if f.upload is None or not f.upload.part]

    def assert_stored(self, out):
        """It is all there, once, and nothing is remembered."""
        (f,) = self.stored()
        self.assertEqual(out.decode(), f"{self.stub.url}/files/{f.id}\n")
        self.assertEqual(f.data, DATA)
        self.assertEqual(f.name, "big")
        self.assertEqual(self.ok("uploads"), b"")
        return f

    def retrying(self):
        self.retries = "3"


class Uploads(Resumable):
    def test_one(self):
        f = self.assert_stored(self.ok(
            *PARTS, "--ttl", "1h", "--type", "text/plain"))
        self.assertEqual(f.query, {"ttl": "3600"})
        self.assertEqual(f.type, "text/plain")

    def test_parts(self):
        for count in ("2", "3", "16"):
            self.stub.files.clear()
            self.stub.appends.clear()
            f = self.assert_stored(self.ok(
                "put", "--parts", count, "--ttl", "60", "big"))
            # The parts are gone, and only the whole has a time.
            self.assertEqual(list(self.stub.files), [f.id])
            self.assertEqual(len(self.stub.appends), int(count))

    def test_fewer_bytes_than_parts(self):
        self.write("big", b"ab")
        self.ok("put", "--parts", "4", "big")
        (f,) = self.stored()
        self.assertEqual(f.data, b"ab")

    def test_server_without(self):
        for extensions in (None, "termination"):
            self.stub.files.clear()
            self.stub.tus = extensions
            self.assert_stored(self.ok(*PARTS))
            self.assertEqual(self.stub.appends, [])
        # It can, but not in parts.
        self.stub.files.clear()
        self.stub.tus = "creation"
        self.assert_stored(self.ok("put", "--parts", "4", "big"))
        self.assertEqual(len(self.stub.appends), 1)

    def test_too_large(self):
        self.stub.tus_fields = [("Tus-Max-Size", str(len(DATA) - 1))]
        err = self.fails(1, *PARTS)
        self.assertIn("files of up to 1023.9 KiB", err)
        self.assertEqual(self.stub.files, {})
        self.assertEqual(self.ok("uploads"), b"")

    def test_several_of_different_size(self):
        self.write("small", b"x")
        out = self.ok("put", "--parts", "2", "big", "small", "big")
        self.assertEqual(len(out.splitlines()), 3)
        self.assertEqual([f.data for f in self.stored()],
                         [DATA, b"x", DATA])

    def test_changes_while_it_is_sent(self):
        self.stub.faults = [("stall", 1000)]
        self.retrying()
        process = self.start(*PARTS)
        self.stub.stalled.wait(harness.DEADLINE_S)
        os.utime(self.path("big"), (1, 1))
        self.stub.gate.set()
        result = self.finish(process)
        self.assertEqual(result.code, 1, result)
        self.assertIn("changed while it was sent", result.err)
        self.assertEqual(self.stub.files, {})
        self.assertEqual(self.ok("uploads"), b"")


class Faults(Resumable):
    def setUp(self):
        super().setUp()
        self.retrying()

    def offsets(self):
        return [offset for _, offset, _ in self.stub.appends]

    def test_breaks(self):
        self.stub.faults = [("cut", 1000), ("cut", 70000), ("lose", 5000)]
        self.assert_stored(self.ok(*PARTS))
        self.assertEqual(self.offsets(), [0, 1000, 71000, 71000])

    def test_parts_break(self):
        self.stub.faults = [("cut", 1000), ("lose", 10), ("status", 503),
                            ("cut", 1)]
        self.assert_stored(self.ok("put", "--parts", "4", "big"))

    def test_busy(self):
        self.stub.faults = [("status", 503), ("status", 429)]
        self.assert_stored(self.ok(*PARTS))
        self.assertEqual(self.offsets(), [0, 0, 0])

    def test_wrong_place(self):
        # As if somebody else had appended: it asks, and goes on there.
        self.stub.faults = [("status", 409)]
        self.assert_stored(self.ok(*PARTS))

    def test_never_moves(self):
        self.stub.faults = [("lose", 10)] * 100
        result = self.run_spill(*PARTS)
        self.assertEqual(result.code, 4, result)
        self.assertIn("the same command goes on", result.err)
        self.assertEqual(len(self.stub.appends), 4)
        self.assertEqual(len(self.ok("uploads").splitlines()), 1)

    def test_moves_a_little_each_time(self):
        # What moves counts anew: more breaks than tries.
        self.stub.faults = [("cut", 1000)] * 6
        self.assert_stored(self.ok(*PARTS))

    def test_refused(self):
        for status in (403, 507):
            self.stub.faults = [("status", status)]
            self.stub.appends.clear()
            self.assertIn("not now", self.fails(1, *PARTS))
            self.assertEqual(len(self.stub.appends), 1)

    def test_gone(self):
        self.stub.faults = [("cut", 1000), ("gone",)]
        self.ok(*PARTS)
        f = self.stored()[-1]
        self.assertEqual(f.data, DATA)
        self.assertEqual(self.ok("uploads"), b"")

    def test_plain_upload_is_stored_once(self):
        self.write("small", b"content")
        self.stub.lose_answers = 2
        out = self.ok("put", "small").decode()
        (f,) = self.stub.files.values()
        self.assertEqual(out, f"{self.stub.url}/files/{f.id}\n")

    def test_pipe_is_not_sent_twice(self):
        self.stub.lose_answers = 1
        result = self.run_spill("put", "-", stdin=b"content")
        self.assertEqual(result.code, 1, result)

    def test_retry_after(self):
        seen = []

        def canned(handler):
            seen.append(handler.path)
            if len(seen) == 1:
                handler.problem(503, "busy", "not now", [("Retry-After", "1")])
            else:
                handler.answer(200, {"files": [], "next": None})
        self.stub.canned = canned
        self.ok("ls")
        self.assertEqual(len(seen), 2)

    def test_too_much_patience(self):
        self.stub.canned = lambda h: h.problem(
            503, "busy", "not now", [("Retry-After", "3600")])
        self.assertIn("try again in 3600 s", self.fails(1, "ls"))
        self.assertEqual(len(self.stub.requests), 1)

    def test_nobody_listens_at_first(self):
        # A wrong address is no reason to wait.
        self.stub.close()
        self.stub.close = lambda: None
        self.assertIn("is spillwayd running?", self.fails(1, "ls"))


class Interrupted(Resumable):
    """spill ends in the middle, and is run again."""

    def cut_off(self, how, *args):
        """Run it, end it when the server has 300000 bytes."""
        self.stub.faults = [("stall", 300000)]
        process = self.start(*args)
        self.assertTrue(self.stub.stalled.wait(harness.DEADLINE_S))
        process.send_signal(how)
        result = self.finish(process)
        self.stub.gate.set()
        self.stub.gate.clear()
        self.stub.stalled.clear()
        self.stub.appends.clear()
        return result

    def test_killed(self):
        self.cut_off(signal.SIGKILL, *PARTS)
        line = self.ok("uploads").decode()
        self.assertRegex(line, r"^[0-9a-f]{16}\.json +1\.0 MiB +\d+s waiting "
                         f"{self.path('big')} to {self.stub.url}\n$")
        self.assert_stored(self.ok(*PARTS))
        self.assertEqual(self.stub.appends[0][1:], (300000, len(DATA) - 300000))

    def test_interrupted(self):
        result = self.cut_off(signal.SIGINT, *PARTS)
        self.assertEqual(result.code, 4, result)
        self.assertIn("big: interrupted", result.err)
        self.assertIn("the same command goes on", result.err)
        self.assert_stored(self.ok("put", "--parts", "1", "./big"))
        self.assertEqual(self.stub.appends[0][1], 300000)

    def test_resume_all(self):
        self.cut_off(signal.SIGKILL, "put", "--parts", "1", "--name", "other",
                     "big")
        out = self.ok("put", "--resume").decode()
        (f,) = self.stored()
        self.assertEqual((f.data, f.name), (DATA, "other"))
        self.assertEqual(out, f"{self.stub.url}/files/{f.id}\n")
        self.assertEqual(self.ok("put", "--resume"), b"")

    def test_nothing_to_resume(self):
        self.assertIn("no interrupted upload",
                      self.fails(1, "put", "--resume", "big"))
        self.assertEqual(self.stub.files, {})

    def test_other_options_are_another_upload(self):
        self.cut_off(signal.SIGKILL, *PARTS)
        self.ok("put", "--parts", "1", "--type", "text/plain", "big")
        self.assertEqual(self.stub.appends[0][1], 0)
        self.assertEqual(len(self.ok("uploads").splitlines()), 1)

    def test_no_resume(self):
        self.cut_off(signal.SIGKILL, *PARTS)
        self.ok("put", "--parts", "1", "--no-resume", "big")
        self.assertEqual(self.stub.appends[0][1], 0)

    def test_file_changed(self):
        self.cut_off(signal.SIGKILL, *PARTS)
        self.write("big", DATA[::-1])
        self.ok(*PARTS)
        self.assertEqual(self.stub.appends[0][1], 0)
        self.assertEqual(self.stored()[-1].data, DATA[::-1])

    def test_expired(self):
        self.cut_off(signal.SIGKILL, *PARTS)
        self.stub.files.clear()
        self.assert_stored(self.ok(*PARTS))

    def test_two_at_once(self):
        self.stub.faults = [("stall", 1000)]
        process = self.start(*PARTS)
        self.stub.stalled.wait(harness.DEADLINE_S)
        self.assertIn("another spill", self.fails(1, *PARTS))
        (line,) = self.ok("--json", "uploads").splitlines()
        self.assertIs(json.loads(line)["running"], True)
        self.assertIn("another spill", self.fails(1, "uploads", "--forget"))
        process.kill()
        self.finish(process)

    def test_forget(self):
        self.cut_off(signal.SIGKILL, *PARTS)
        self.fails(3, "uploads", "nothing")
        (line,) = self.ok("uploads", "big").splitlines()
        self.ok("uploads", "--forget", line.split()[0].decode())
        self.assertEqual(self.ok("uploads"), b"")
        # Its part is gone from the server, too.
        self.assertEqual(self.stub.files, {})

    def test_state_is_private(self):
        self.cut_off(signal.SIGKILL, *PARTS)
        folder = os.path.join(self.home, ".local/state/spillway/uploads")
        (name,) = os.listdir(folder)
        self.assertEqual(os.stat(folder).st_mode & 0o777, 0o700)
        self.assertEqual(
            os.stat(os.path.join(folder, name)).st_mode & 0o777, 0o600)

    def test_no_place_for_state(self):
        self.env["XDG_STATE_HOME"] = "/proc/nothing"
        self.assert_stored(self.ok(*PARTS))
        del self.env["XDG_STATE_HOME"], self.env["HOME"]
        self.stub.files.clear()
        self.ok(*PARTS)
        self.assertEqual(len(self.stored()), 1)


class Slow(Resumable):
    def test_limited_rate(self):
        result = self.on_pty("--limit-rate", "8M", "put", "--parts", "2",
                             "big")
        self.assertEqual(result.code, 0, result)
        self.assertIn("100%  1.0 MiB of 1.0 MiB", result.err)

    def test_plain_progress(self):
        result = self.run_spill("--progress", *PARTS)
        self.assertEqual(result.code, 0, result)
        self.assertIn("big  100%  1.0 MiB of 1.0 MiB", result.err)
        self.assertNotIn("\x1b", result.err)
        self.assertTrue(result.err.endswith("\n"))

    def test_quiet_wins(self):
        result = self.run_spill("--progress", "-q", *PARTS)
        self.assertEqual((result.code, result.err), (0, ""))


if __name__ == "__main__":
    unittest.main()
