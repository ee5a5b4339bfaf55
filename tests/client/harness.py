# SPDX-License-Identifier: MIT
"""Running spill against a stub, in a directory of its own."""

import os
import pty
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

import stub

SPILL = os.environ["SPILL"]
DEADLINE_S = 60

# A name made to do harm to a terminal, and how it has to look there.
EVIL = "evil\x1b]0;title\x07\r\n\u202egnp.exe\u0085\\"
EVIL_SHOWN = r"evil\x1b]0;title\x07\x0d\n\u202egnp.exe\u0085\\"


class Result:
    def __init__(self, code, out, err):
        self.code = code
        self.out = out
        self.err = err
        # What UBSan says changes no exit code.
        assert "runtime error" not in err and "Sanitizer" not in err, err

    def __repr__(self):
        return "exit %d\nout: %r\nerr: %r" % (self.code, self.out, self.err)


class Case(unittest.TestCase):
    retries = "0"       # how often what fails is tried again

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="spill-test-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.home = tempfile.mkdtemp(prefix="spill-home-")
        self.addCleanup(shutil.rmtree, self.home)
        self.stub = stub.Stub()
        self.addCleanup(self.stub.close)
        self.env = dict(os.environ, SPILLWAY_URL=self.stub.url, TERM="xterm",
                        HOME=self.home)
        for name in ("SPILLWAY_TOKEN", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            self.env.pop(name, None)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def names(self):
        return sorted(os.listdir(self.dir))

    def start(self, *args, **kwargs):
        return subprocess.Popen(
            [SPILL, "--retries", self.retries, *args], cwd=self.dir,
            env=self.env,
            stdin=kwargs.pop("stdin", subprocess.DEVNULL),
            stdout=kwargs.pop("stdout", subprocess.PIPE),
            stderr=kwargs.pop("stderr", subprocess.PIPE), **kwargs)

    def finish(self, process):
        out, err = process.communicate(timeout=DEADLINE_S)
        return Result(process.returncode, out, (err or b"").decode())

    def run_spill(self, *args, stdin=b""):
        process = self.start(*args, stdin=subprocess.PIPE)
        out, err = process.communicate(stdin, timeout=DEADLINE_S)
        return Result(process.returncode, out, err.decode())

    def ok(self, *args, stdin=b""):
        result = self.run_spill(*args, stdin=stdin)
        self.assertEqual(result.code, 0, result)
        self.assertEqual(result.err, "", result)
        return result.out

    def fails(self, code, *args, stdin=b""):
        result = self.run_spill(*args, stdin=stdin)
        self.assertEqual(result.code, code, result)
        self.assertTrue(result.err.startswith("spill: "), result)
        return result.err

    def until(self, condition):
        """Wait for something that has to happen."""
        end = time.monotonic() + DEADLINE_S
        while not condition():
            self.assertLess(time.monotonic(), end, "it never happened")
            time.sleep(0.01)

    def on_pty(self, *args, stdout=subprocess.PIPE, act=None):
        """Run with standard error on a terminal; "pty" puts stdout there
        too. `act(process, seen)` runs meanwhile, seen() being the output."""
        master, slave = pty.openpty()
        seen = bytearray()
        process = self.start(
            *args, stderr=slave, stdout=slave if stdout == "pty" else stdout)
        os.close(slave)

        def drain():
            while True:
                try:
                    data = os.read(master, 65536)
                except OSError:     # EIO: the other side is closed
                    return
                if not data:
                    return
                seen.extend(data)

        reader = threading.Thread(target=drain)
        reader.start()
        try:
            if act is not None:
                act(process, lambda: bytes(seen))
            out, _ = process.communicate(timeout=DEADLINE_S)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            reader.join()
            os.close(master)
        return Result(process.returncode, out, bytes(seen).decode())
