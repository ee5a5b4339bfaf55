# SPDX-License-Identifier: MIT
"""Processors that mean no good, or fail: each ends at its limit, with nothing
left of it, and takes nobody along."""
import errno

import denied
from harness import SANITIZED, Case, Daemon, Truncated, main, table
from processing import Processing, processor, py, running, script

SECOND = {"timeout": "1s"}
BOMB = script("bomb() { bomb | bomb & }; bomb; sleep 1000")
AWAY = script("setsid sh -c \"sleep 1000 & exec sleep 1000\" "
              ">/dev/null 2>&1 & echo done")

HOSTS = [
    *processor("bomb", BOMB, processes=20, **SECOND),
    *processor("hoarder", py("held = []", "while True:",
                             "    held.append(bytearray(1000000))"),
               memory="200M"),
    *processor("threads", py(
        "import threading, time", "for i in range(100):",
        "    threading.Thread(target=time.sleep, args=(100,)).start()"),
        processes=10, **SECOND),
    *processor("endless", "yes", max_output="1M"),
    *processor("sleeper", "sleep 1000", **SECOND),
    *processor("deaf", script("trap \"\" TERM INT HUP; sleep 1000; sleep 9"),
               **SECOND),
    *processor("spinner", script("while :; do :; done"), cpu="1s"),
    *processor("large-file", script("yes >f"), temp_max="100K"),
    *processor("away", AWAY),
    *processor("daemon", py(
        "import os, time", "if os.fork(): os._exit(0)", "os.setsid()",
        "if os.fork(): os._exit(0)", "time.sleep(1000)")),
    *processor("stopped", script("kill -STOP 0"), **SECOND),
    *processor("signal", script("kill -SEGV $$")),
    *processor("talker", script("yes complaint | head -c 1000000 >&2; "
                                "exit 1")),
    *processor("binary", script("printf \"a\\033[1mb\\0c\\377\" >&2; exit 1")),
    *processor("litter", script(
        "mkdir -p a/b/c; for i in 1 2 3 4 5; do echo >a/b/$i; done; "
        "chmod 0 a/b; ln -s / root; exit 1")),
    *processor("holds-pipes", script("sleep 1000 & echo done")),
    # Of its content, and of a file of its own.
    *processor("marks", py(
        "import os", "open('f', 'w').close()",
        "for what in (0, 'f', '/proc/self/fd/0'):",
        " for call in ((os.setxattr, what, 'user.spillway', b''),",
        "              (os.removexattr, what, 'user.spillway')):",
        "  try: call[0](*call[1:]); print('done')",
        "  except OSError as e: print(e.errno)")),
    *processor("same", "cat"),
]


class Hostile(Processing, Case):
    """With namespaces, where the kernel has them."""

    OPTIONS = HOSTS

    def fails(self, name, status, kind, data=b"x"):
        """A run that fails, and leaves nothing; its problem."""
        problem = self.assert_problem(
            self.process(name, data), status, kind)
        self.assert_nobody_left()
        self.assertEqual(self.metric("processors_running"), 0)
        self.assertEqual(self.output("same", b"after"), b"after")
        return problem

    def test_memory(self):
        problem = self.fails("hoarder", 502, "processor-failed")
        self.assertIn("MemoryError", problem["stderr"])

    def test_threads(self):
        # A thread too many is an error that it does not survive.
        problem = self.fails("threads", (502, 504), None)
        self.assertIn("start new thread", problem["stderr"])

    @table(("sleeper", "sleeper"), ("deaf to signals", "deaf"),
           ("stopped", "stopped"))
    def test_time(self, name):
        problem = self.fails(name, 504, "processor-timeout")
        self.assertIn("1000 ms", problem["detail"])

    def test_fork_bomb(self):
        self.fails("bomb", (502, 504), None)

    def test_fork_bomb_is_bounded(self):
        conn = self.begin("bomb", b"x")
        self.wait_running()
        most = 0
        while self.metric("processors_running"):
            most = max(most, len(running(self.daemon)))
        # The supervisor is none of its own.
        self.assertLessEqual(most, self.bound())
        conn.close()
        self.assert_nobody_left()

    # The thread sanitizer has a thread of its own, and so no namespace.
    ISOLATED = not SANITIZED or None

    def isolated(self):
        """Whether the daemon says so."""
        return any("in namespaces of its own" in line
                   for line in self.daemon.lines)

    def test_told(self):
        self.assertIn(self.ISOLATED, (self.isolated(), None))

    def bound(self):
        """The most processes that a bomb with 20 comes to."""
        return 22 if self.isolated() else 1022

    def test_processor_time(self):
        problem = self.fails("spinner", 504, "processor-timeout")
        self.assertIn("processor time", problem["detail"])

    def test_output(self):
        conn = self.begin("endless")
        self.assertEqual(conn.read_head().status, 200)
        with self.assertRaises(Truncated) as caught:
            conn.read_body()
        self.assertLessEqual(len(caught.exception.body), 1 << 20)
        self.assert_nobody_left()
        made = self.process_async("endless")
        made = self.wait_state(made["id"], "failed")
        self.assertEqual(made["source"]["error"]["type"],
                         "/problems/processor-output")
        self.assertLessEqual(made["received"], 1 << 20)
        self.http("DELETE", made["links"]["self"])

    def test_large_file(self):
        problem = self.fails("large-file", 502, "processor-failed")
        self.assertIn("File size limit exceeded",
                      problem["detail"] + problem.get("stderr", ""))

    @table(("another session", "away", b"done\n"),
           ("a daemon", "daemon", b""),
           ("with the pipe in its hand", "holds-pipes", b"done\n"))
    def test_left_behind(self, name, wanted):
        self.assertEqual(self.output(name, b"x"), wanted)
        self.assert_nobody_left()

    def test_signal(self):
        problem = self.fails("signal", 502, "processor-failed")
        self.assertIn("signal 11", problem["detail"])

    def test_complaints_are_cut(self):
        problem = self.fails("talker", 502, "processor-failed")
        self.assertTrue(problem["stderr"].startswith("complaint\n"))
        self.assertLess(len(problem["stderr"]), 1024)

    def test_complaints_are_harmless(self):
        problem = self.fails("binary", 502, "processor-failed")
        self.assertEqual(problem["stderr"], "a\x1b[1mb")
        self.assertNotIn("\x1b", self.daemon.output())

    def test_attributes(self):
        self.assertEqual(self.output("marks", b"x").split(),
                         [b"%d" % errno.EOPNOTSUPP] * 6)

    def test_litter(self):
        self.fails("litter", 502, "processor-failed")

    def test_all_at_once(self):
        conns = [self.begin(name, b"x") for name in
                 ("bomb", "hoarder", "sleeper", "deaf", "away", "litter")]
        self.assertEqual(self.output("same", b"meanwhile"), b"meanwhile")
        for conn in conns:
            self.assertIn(conn.read().status, (200, 502, 504))
        self.assert_nobody_left()
        self.assert_healthy()


class Elsewhere(Hostile):
    """Where nobody may have a namespace: as in many containers."""

    @classmethod
    def start(cls):
        cls.daemon = Daemon(*cls.OPTIONS,
                            wrapper=denied.command("unshare", errno.EPERM))

    ISOLATED = False


if __name__ == "__main__":
    main()
