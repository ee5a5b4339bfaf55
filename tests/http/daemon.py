# SPDX-License-Identifier: MIT
"""A spillwayd of our own: started on a free port with a private directory,
watched from outside through /proc, and stopped by its pid."""
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

from wire import PATIENCE

SANITIZED = os.environ.get("SPW_SANITIZED") == "1"

LISTENING = re.compile(r"listening on http://([0-9.]+):([0-9]+)")

# What a sanitizer prints, in whatever process.
ALARM = re.compile(r"(AddressSanitizer|ThreadSanitizer|LeakSanitizer"
                   r"|MemorySanitizer|runtime error:).*")


def named_program():
    """Path of spillwayd: what a test was told first, else $SPILLWAYD."""
    if sys.argv[1:] and os.path.isfile(sys.argv[1]):
        return os.path.abspath(sys.argv[1])
    return os.environ.get("SPILLWAYD")


program = named_program()

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def die_with_parent():
    """In the child: no daemon outlives a test that was killed."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def need_namespaces():
    """Skip the case where nobody may have a user namespace."""
    if subprocess.run(["unshare", "--user", "--map-root-user", "--mount",
                       "true"], check=False, capture_output=True).returncode:
        raise unittest.SkipTest("no user namespaces here")


def preloaded(name, **env):
    """The environment of a daemon with a library of this folder in it."""
    build = os.path.dirname(os.path.dirname(program))
    library = os.path.join(build, "tests", "http", f"{name}.so")
    return {"LD_PRELOAD": library, **env,
            "ASAN_OPTIONS": "verify_asan_link_order=0:"
                            + os.environ.get("ASAN_OPTIONS", "")}


# Puts descriptors where sd_listen_fds(3) has them, and becomes the program.
HAND_OVER = r"""
import os, sys
at = sys.argv.index("--")
fds = [int(word) for word in sys.argv[2:at]]
for number, fd in enumerate(fds):
    os.dup2(fd, 100 + number, inheritable=False)
    os.close(fd)
fds = [100 + number for number in range(len(fds))]
for number, fd in enumerate(fds):
    os.dup2(fd, 3 + number)
os.environ.update(LISTEN_FDS=str(len(fds)), LISTEN_PID=str(os.getpid()),
                  LISTEN_FDNAMES=":".join([sys.argv[1]] * len(fds)))
os.execv(sys.argv[at + 1], sys.argv[at + 1:])
"""


class DaemonError(AssertionError):
    """The daemon did not start, stop or stay alive as it has to."""


def run_program(*args, timeout=PATIENCE, cwd=None, env=()):
    """Run spillwayd to its end: exit code, output, error output."""
    done = subprocess.run([program, *args], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=timeout, cwd=cwd, check=False, text=True,
                          errors="replace", env={**os.environ, **dict(env)})
    return done.returncode, done.stdout, done.stderr


def library():
    """The version of the HTTP library: [0, 9, 75]."""
    _, text, _ = run_program("--version")
    found = re.search(r"libmicrohttpd/([0-9.]+)", text)
    return [int(part) for part in found[1].split(".")]


def library_refuses():
    """Does the library itself answer, in its words, what it does not take?
    Newer ones do; the older leave that to the daemon."""
    return library() >= [0, 9, 77]


class Daemon:
    """A running spillwayd.

    options are the values of -o, after those in the variable SPW_OPTIONS; dir
    keeps the spool of an earlier one. The directory is on a disk (TMPDIR, else
    /var/tmp): /tmp is often memory.
    mount is the command that mounts something at SPOOL (`$1`), seen by this
    daemon alone. wrapper is a command that becomes it. sockets are handed over as a service manager does it, under
    that name.
    """

    def __init__(self, *options, dir=None, env=None, config=None, mount=None,
                 wrapper=(), sockets=(), sockets_name="spillwayd.socket"):
        self.own_dir = dir is None
        self.dir = dir or tempfile.mkdtemp(
            prefix="spillway-test-", dir=os.environ.get("TMPDIR", "/var/tmp"))
        self.spool = os.path.join(self.dir, "spool")
        os.makedirs(self.spool, mode=0o700, exist_ok=True)
        self.lines = []
        self.ready = threading.Event()
        self.address = None
        self.watcher = None
        command = [*wrapper, program, "-c", config or "/dev/null"]
        if mount:
            need_namespaces()
            command = ["unshare", "--user", "--map-root-user", "--mount",
                       "sh", "-ec", f'{mount}; shift; exec "$@"', "sh",
                       self.spool, *command]
        # What cannot be dumped is root's in /proc.
        visible = [] if os.geteuid() == 0 else ["sandbox.core_dumps=yes"]
        for option in ("server.listen=127.0.0.1:0", f"spool.dir={self.spool}",
                       *visible, *os.environ.get("SPW_OPTIONS", "").split(),
                       *options):
            command += ["-o", option]
        if sockets:
            command = [sys.executable, "-c", HAND_OVER, sockets_name,
                       *(str(one.fileno()) for one in sockets), "--", *command]
        self.process = subprocess.Popen(
            command, pass_fds=[one.fileno() for one in sockets],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env={**os.environ, **(env or {})},
            text=True, errors="replace", preexec_fn=die_with_parent)
        self.pid = self.process.pid
        self.reader = threading.Thread(target=self._collect, daemon=True)
        self.reader.start()
        if not self.ready.wait(PATIENCE) or not self.address:
            self.kill()
            self.clean()
            raise DaemonError(f"no `listening on` line: {self.output()}")
        if mount:
            self.spool = f"/proc/{self.pid}/root{self.spool}"
        self.baseline = self.files()

    def _collect(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if match := LISTENING.search(line):
                self.address = (match[1], int(match[2]))
                self.ready.set()
        self.ready.set()

    def output(self):
        """The last lines it printed."""
        return "\n".join(self.lines[-60:])

    @property
    def url(self):
        """http://HOST:PORT"""
        return "http://%s:%d" % self.address

    def is_alive(self):
        """Whether it has not ended."""
        return self.process.poll() is None

    # -- the end ----------------------------------------------------------

    def terminate(self):
        """Ask it to stop; wait() then waits."""
        os.kill(self.pid, signal.SIGTERM)

    def wait(self, timeout=PATIENCE):
        """Wait for its end: the exit code."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise DaemonError(f"did not stop: {self.output()}") from None
        self.reader.join(PATIENCE)
        return code

    def stop(self):
        """Stop it as a service manager does, and demand a clean end."""
        if self.is_alive():
            self.terminate()
        code = self.wait()
        alarm = next(filter(ALARM.search, self.lines), None)
        left = sorted(set(self.files()) - set(self.baseline))
        self.clean()
        if code != 0 or alarm:
            raise DaemonError(f"exit code {code}: {alarm}\n{self.output()}")
        return left

    def kill(self):
        """Kill it as a crash would."""
        if self.is_alive():
            os.kill(self.pid, signal.SIGKILL)
        self.process.wait()
        self.reader.join(PATIENCE)

    def clean(self):
        """Remove the directory, when it was made here."""
        if self.own_dir:
            shutil.rmtree(self.dir, ignore_errors=True)

    def remount(self, how):
        """Change how its own file system is mounted."""
        subprocess.run(
            ["nsenter", f"--target={self.pid}", "--user", "--mount", "mount",
             "-o", f"remount,{how}", os.path.join(self.dir, "spool")],
            check=True)

    # -- watching ---------------------------------------------------------

    def files(self):
        """(path, size, mtime) of all that is in the spool directory."""
        found = []
        for folder, _, names in os.walk(self.spool):
            for name in names:
                path = os.path.join(folder, name)
                try:
                    status = os.lstat(path)
                except FileNotFoundError:
                    continue    # it was deleted meanwhile
                found.append((os.path.relpath(path, self.spool),
                              status.st_size, status.st_mtime_ns))
        return sorted(found)

    def open_files(self):
        """(inode, size, mtime) of files it holds open in the spool
        directory, those without a name too."""
        found = set()
        folder = f"/proc/{self.pid}/fd"
        for fd in os.listdir(folder):
            try:
                if os.readlink(f"{folder}/{fd}").startswith(self.spool + "/"):
                    status = os.stat(f"{folder}/{fd}")
                    found.add((status.st_ino, status.st_size,
                               status.st_mtime_ns))
            except FileNotFoundError:
                pass
        return sorted(found)

    def anonymous_memory(self):
        """Resident anonymous memory, in bytes."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) * 1024
        raise DaemonError("no RssAnon")


class MemoryWatch:
    """Takes the highest reading of a daemon's memory while it is open."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.start = self.peak = daemon.anonymous_memory()
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self):
        while not self.done.wait(0.005):
            self.peak = max(self.peak, self.daemon.anonymous_memory())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.done.set()
        self.thread.join()

    @property
    def grown(self):
        """By how many bytes it had grown at the peak."""
        return self.peak - self.start
