# SPDX-License-Identifier: MIT
"""What the tests of this folder are written with: the harness of tests/http,
and programs that people use, run in a directory of each case's own.

Packages of npm go into the build directory that the daemon was built in. The
first test that needs them installs them, others wait; without them no case
passes.
"""
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "http"))

import daemon  # noqa: E402
from harness import (Case, Daemon, PATIENCE, Worker,  # noqa: E402
                     main, need, table, until)

__all__ = ["BrowserCase", "Case", "HERE", "NodeCase", "PATIENCE", "ProgramCase", "SPILL",
           "SpillCase", "Worker", "environment", "main", "need", "table", "until"]

LOCK = "package-lock.json"
SPILL = os.environ.get("SPILL", "spill")


def environment(**more):
    """Ours, without proxies: everything asked for is on this machine."""
    clean = {name: value for name, value in os.environ.items()
             if not name.lower().endswith("_proxy")}
    return {**clean, **more}


def packages():
    """The folder that has node_modules; made when it is not there."""
    built = pathlib.Path(daemon.program).parent.parent
    folder = built / "tests" / "clients" / "npm"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = hashlib.sha256((HERE / LOCK).read_bytes()).hexdigest()
    stamp = folder / "installed"
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text("ascii") != wanted:
            install(folder)
            stamp.write_text(wanted, "ascii")
    return folder


def install(folder):
    """Install exactly what the lock file names; no script of theirs runs."""
    for name in ("package.json", LOCK):
        shutil.copy(HERE / name, folder)
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise AssertionError("npm ci FAILED, so that no client of npm was "
                             f"tried:\n{done.stdout[-2000:]}")


class ProgramCase(Case):
    """Each case works in a directory of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = folder.name

    def run_tool(self, *command, code=0, env=None):
        """Run a program: its output."""
        need(command[0])
        done = subprocess.run(
            command, cwd=self.dir, env=env or environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, code, done.stderr[-1000:])
        return done.stdout

    def restart(self):
        """Kill the daemon, and start another on its directory and, since
        programs remember URLs, where it was."""
        old = type(self).daemon
        old.kill()
        made = Daemon(*self.OPTIONS, "server.listen=%s:%d" % old.address,
                      dir=old.dir)
        made.own_dir = True
        type(self).daemon = made

    def url(self, path):
        """An absolute URL."""
        return self.daemon.url + path

    def path(self, name):
        """A local file's path."""
        return os.path.join(self.dir, name)

    def write(self, name, data):
        """Make a local file: its path."""
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def read(self, name):
        """Read a local file."""
        with open(self.path(name), "rb") as file:
            return file.read()

    def assert_stored(self, where, data):
        """What stands at this URL, path or id is complete, and this."""
        name = where.rsplit("/", 1)[-1]
        made = self.wait_state(name, "ready")
        self.assertEqual(made["size"], len(data))
        body = self.http("GET", f"/files/{name}").body
        self.assertEqual(hashlib.sha256(body).hexdigest(),
                         hashlib.sha256(data).hexdigest())
        return made


class SpillCase(ProgramCase):
    """Runs spill against the daemon, in a home of its own."""

    DAEMON = False      # of this class itself: it has no cases

    def setUp(self):
        super().setUp()
        self.env = environment(SPILLWAY_URL=self.daemon.url, HOME=self.dir,
                               XDG_STATE_HOME=self.path("state"))

    def run_spill(self, *args, code=0, stdin=b"", **env):
        """Run it: its output, and what it wrote on standard error."""
        need(SPILL)
        done = subprocess.run(
            [SPILL, *args], cwd=self.dir, env={**self.env, **env},
            input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout, done.stderr.decode()

    def spill(self, *args, **how):
        """Run it: its output, which is text."""
        return self.run_spill(*args, **how)[0].decode()

    def errors(self, code, *args, **how):
        """Run it in vain: what it complained of."""
        out, err = self.run_spill(*args, code=code, **how)
        self.assertEqual(out, b"")
        return err


class NodeCase(ProgramCase):
    """Runs programs of this folder that need packages of npm."""

    @classmethod
    def start(cls):
        cls.modules = packages() / "node_modules"
        cls.node = {"env": environment(NODE_PATH=str(cls.modules))}
        super().start()


class BrowserCase(NodeCase):
    """Each class has a Chromium, which the program DRIVER drives: a line of
    its input is a job, a line of its output what came of it."""

    @classmethod
    def start(cls):
        super().start()
        cls.browser = subprocess.Popen(
            ["node", str(cls.DRIVER), shutil.which("chromium")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            **cls.node)

    @classmethod
    def finish(cls):
        with cls.browser:
            cls.browser.stdin.close()
        super().finish()

    def drive_browser(self, job, meanwhile=None):
        """Have it do a job: what it reports."""
        print(json.dumps(job), file=self.browser.stdin, flush=True)
        answer = Worker(self.browser.stdout.readline)
        if meanwhile:
            meanwhile(answer)
        return json.loads(answer.result())
