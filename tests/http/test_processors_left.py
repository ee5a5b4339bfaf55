# SPDX-License-Identifier: MIT
"""What runs of processors leave in their directories: it is deleted behind
their answers, by a process of its own, which a case may stop."""
import os
import shutil
import signal
import tempfile

from harness import Case, Daemon, main, until
from processing import Gates, Processing, processor, script

# Directories that wait, and the most that anything here waits for.
PLACES = 16
LITTER = script("mkdir d; for i in 1 2 3; do echo >d/$i; done; chmod 0 d; "
                "echo done")


class Left(Processing, Case):
    """Each case has a daemon of its own."""

    DAEMON = False

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="spillway-test-",
                                    dir=os.environ.get("TMPDIR", "/var/tmp"))
        self.addCleanup(shutil.rmtree, self.dir)

    def started(self, *options):
        """A daemon in the directory of the case."""
        one = Daemon(*processor("litter", LITTER), *options, dir=self.dir)
        self.addCleanup(one.kill)
        return one

    def keeper(self, daemon):
        """What starts processors for it, and has what deletes."""
        return until(lambda: self.children(
            parent=daemon.pid, name="zygote-keeper"), "a keeper")[0]

    def sweeper(self, daemon=None, states="SDRT", but=None):
        """What deletes; in one of these states."""
        keeper = self.keeper(daemon or self.daemon)
        return until(lambda: [pid for pid in self.children(
            states, keeper, "zygote-sweeper") if pid != but], "a sweeper")[0]

    def stop_sweeper(self):
        """As if what it deletes had no end."""
        pid = self.sweeper()
        os.kill(pid, signal.SIGSTOP)
        self.sweeper(states="T")
        return pid

    def litter(self):
        self.assertEqual(self.output("litter", b"x"), b"done\n")

    def test_answer_does_not_wait(self):
        self.daemon = self.started(*processor("next", "cat", concurrency=1))
        stopped = self.stop_sweeper()
        self.litter()
        self.assertEqual(self.metric("processors_running"), 0)
        self.assertEqual(self.output("next", b"x"), b"x")
        self.assertEqual(self.run_directories(), ["gone-0"])
        os.kill(stopped, signal.SIGCONT)
        self.assert_nobody_left()
        self.daemon.stop()

    def test_so_many_wait(self):
        self.daemon = self.started()
        stopped = self.stop_sweeper()
        for _ in range(PLACES + 2):
            self.litter()
        self.assertEqual(sorted(self.run_directories()),
                         sorted(f"gone-{i}" for i in range(PLACES)))
        os.kill(stopped, signal.SIGCONT)
        self.assert_nobody_left()
        self.daemon.stop()

    def test_what_is_empty_does_not_wait(self):
        self.daemon = self.started(*processor("same", "cat"))
        stopped = self.stop_sweeper()
        self.assertEqual(self.output("same", b"x"), b"x")
        self.assertEqual(self.run_directories(), [])
        os.kill(stopped, signal.SIGCONT)
        self.daemon.stop()

    def test_end_does_not_wait(self):
        """What is left then goes with the next start, behind readiness."""
        self.daemon = self.started()
        self.stop_sweeper()
        self.litter()
        self.daemon.stop()
        self.assertEqual(self.run_directories(), ["gone-0"])
        self.daemon = self.started()
        until(lambda: len(os.listdir(self.daemon.spool)) == 1, "it to go")
        self.litter()
        self.daemon.stop()
        self.assertEqual(os.listdir(self.daemon.spool), [])

    def test_killed_with_all_its_own(self):
        """As systemd does with what is left of a service."""
        self.daemon = self.started()
        stopped = self.stop_sweeper()
        keeper = self.keeper(self.daemon)
        self.litter()
        before = os.listdir(self.daemon.spool)
        for pid in (keeper, stopped, *self.children(parent=keeper)):
            os.kill(pid, signal.SIGKILL)
        self.daemon.kill()
        self.assertEqual(os.listdir(self.daemon.spool), before)
        self.daemon = self.started()
        until(lambda: not set(before) & set(os.listdir(self.daemon.spool)),
              "it to go")
        self.daemon.stop()

    def test_sweeper_is_killed(self):
        """There is another one, and it knows what waits."""
        self.daemon = self.started()
        stopped = self.stop_sweeper()
        self.litter()
        os.kill(stopped, signal.SIGKILL)
        self.sweeper(but=stopped)
        self.assert_nobody_left()
        self.daemon.stop()

    def test_others_directories_stay(self):
        """Of a daemon that lives, and what is no daemon's."""
        gates = Gates()
        self.daemon = self.started(*processor(
            "one", script(f"echo mine >f; {gates.wait('go')}; cat f")))
        conn = self.begin("one", b"x")
        until(lambda: any(os.listdir(self.path(name))
                          for name in self.run_directories()), "its file")
        strangers = [os.path.join(self.daemon.spool, name)
                     for name in ("process-x", "process-UPPERCAS")]
        for path in strangers:
            os.mkdir(path)
        other = self.started()
        # It has looked around when it sleeps.
        self.sweeper(other, "S")
        gates.open("go")
        self.assertEqual(conn.read().body, b"mine\n")
        other.stop()
        self.daemon.stop()
        self.assertEqual(sorted(os.listdir(self.daemon.spool)),
                         ["process-UPPERCAS", "process-x"])

    def path(self, name):
        """Where the directory of a run is."""
        base, = (one for one in os.listdir(self.daemon.spool)
                 if one.startswith("process-"))
        return os.path.join(self.daemon.spool, base, name)


if __name__ == "__main__":
    main()
