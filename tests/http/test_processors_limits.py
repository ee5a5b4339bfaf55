# SPDX-License-Identifier: MIT
"""The limits of a processor's run as a whole, over all that it starts: memory,
processor time, and what is in its directory. Where one process or one file
would not be over, only who adds up sees it."""
import errno
import shutil
import tempfile

import denied
from harness import Case, Daemon, main, table, until
from processing import Gates, Processing, processor, py, script

TEMP = {"temp_max": "1M"}
FILES = {"temp_files_max": 50}
FOREVER = "sleep 1000"
ZEROS = "head -c 400000 /dev/zero"


def forks(count, *lines):
    """So many processes that do this, and sleep."""
    return py("import os, time", f"for i in range({count}):",
              "    if os.fork() == 0:", *(f"        {one}" for one in lines),
              "        time.sleep(1000)", "time.sleep(1000)")


def maps(count, size, length, *lines):
    """So many deleted files that are mapped as far as that, and not open."""
    return py("import ctypes, os, time", "libc = ctypes.CDLL(None)",
              "libc.mmap.restype = ctypes.c_void_p", f"for i in range({count}):",
              "    with open('f', 'w+b', 0) as f:", "        os.unlink('f')",
              f"        f.write(bytes({size}))",
              f"        libc.mmap(None, {length}, 1, 1, f.fileno(), "
              "ctypes.c_long(0))", *lines)


def pieces(count, *lines):
    """So many pieces of shared memory of which a page is left."""
    return py("import ctypes, time", "libc = ctypes.CDLL(None)",
              "libc.mmap.restype = ctypes.c_void_p", "at = ctypes.c_void_p",
              f"for i in range({count}):",
              "    p = libc.mmap(None, 1000000, 3, 0x21, -1, ctypes.c_long(0))",
              "    ctypes.memset(p, 1, 1000000)",
              "    libc.munmap(at(p + 4096), 995904)", *lines)


def becomes(mode, *args):
    """A program with this mode."""
    return py("import os", f"name = '/bin/{args[0]}'",
              "fd = os.memfd_create('program')", "with open(name, 'rb') as f:",
              "    os.write(fd, f.read())", f"os.fchmod(fd, {mode})",
              "path = os.open('/proc/self/fd/%d' % fd, os.O_PATH)",
              "os.close(fd)",
              f"os.execv('/proc/self/fd/%d' % path, {list(args)})")


# Longer than until they are looked at, if at most 200 ms are between.
STAY = ("end = time.process_time() + 0.5",
        "while time.process_time() < end: pass", "print('done')")

RUNS = [
    *processor("files-sum", script(
        f"for i in 1 2 3 4; do {ZEROS} >$i; done; {FOREVER}"), **TEMP),
    *processor("one-file", script(
        "exec head -c 2000000 /dev/zero >f"), **TEMP),
    *processor("unnamed", py(
        "import os, time", "held = []", "for i in range(4):",
        "    held.append(open('f', 'wb', 0))", "    os.unlink('f')",
        "    held[-1].write(bytes(400000))", "time.sleep(1000)"), **TEMP),
    *processor("locked-up", script(
        f"mkdir d; for i in 1 2 3 4; do {ZEROS} >d/$i; done; chmod 0 d; "
        f"{FOREVER}"), **TEMP),
    *processor("many", script(
        "mkdir -p a/b; for i in $(seq 30); do >a/$i; >a/b/$i; done; "
        f"{FOREVER}"), **FILES),
    *processor("many-unnamed", py(
        "import os, time",
        "held = [os.open('.', os.O_TMPFILE | os.O_WRONLY) "
        "for i in range(60)]", "time.sleep(1000)"), **FILES),
    *processor("mapped", maps(3, 400000, 400000, "time.sleep(1000)"), **TEMP),
    *processor("many-mapped", maps(65, 60000, 4096, "time.sleep(1000)"),
               **TEMP),
    *processor("some-mapped", maps(64, 4096, 4096, *STAY), **TEMP),
    *processor("many-pieces", pieces(65, "time.sleep(1000)")),
    *processor("some-pieces", pieces(64, *STAY)),
    *processor("unreadable", becomes("0o111", "sleep", "1000")),
    *processor("readable", becomes("0o555", "sleep", "0.5")),
    *processor("in-flight", py(
        "import array, os, socket",
        "a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
        "fd = array.array('i', [os.memfd_create('x')])", "for call in (",
        "    lambda: a.sendmsg([b'x'], [(socket.SOL_SOCKET, "
        "socket.SCM_RIGHTS, fd)]),",
        "    lambda: a.sendto(b'x', '/run/systemd/notify'),",
        "    lambda: a.connect('/run/systemd/notify'),",
        "    lambda: a.send(b'abc')):",
        "    try: print(call())", "    except OSError as e: print(e.errno)",
        "print(b.recv(9))")),
    *processor("deep", py(
        "import os, time", "for i in range(100):",
        "    os.mkdir('d')", "    os.chdir('d')", "time.sleep(1000)")),
    *processor("fits", script(
        f"for i in 1 2; do {ZEROS} >$i; done; ls"), **TEMP),
    *processor("forks", forks(4, "held = bytearray(b'x') * 70000000"),
               memory="200M"),
    *processor("memory-files", py(
        "import os, time", "for i in range(5):",
        "    os.write(os.memfd_create('x'), bytes(50000000))",
        "time.sleep(1000)"), memory="200M"),
    *processor("hides", py(
        "import ctypes, errno", "libc = ctypes.CDLL(None, use_errno=True)",
        "for r in (libc.prctl(4, 0), libc.shmget(0, 4096, 0o600), "
        "libc.msgget(0, 0o600)):",
        "    print(r)", "print(errno.errorcode[ctypes.get_errno()])")),
    *processor("blinds", py(
        "import os, resource",
        "try: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (0, 0))",
        "except OSError as e: print(e.errno)",
        "print(resource.getrlimit(resource.RLIMIT_CORE))")),
    *processor("spinners", script(
        "for i in 1 2 3 4; do (while :; do :; done) & done; wait"), cpu="1s"),
    *processor("relay", script(
        "while :; do sh -c \"i=0; while [ \\$i -lt 30000 ]; do "
        "i=\\$((i + 1)); done\"; done"), cpu="1s"),
]


class Together(Processing, Case):
    """With namespaces, where the kernel has them."""

    OPTIONS = RUNS

    def fails(self, name, status, kind, reason):
        """A run that fails, and leaves nothing; what is said of it."""
        metric = f'processor_runs_failed_total{{reason="{reason}"}}'
        before = self.metric(metric)
        problem = self.assert_problem(self.process(name, b"x"), status, kind)
        # Counted and told behind the answer.
        until(lambda: self.metric(metric) == before + 1, metric)
        until(lambda: problem["detail"] in self.daemon.output(), "the log")
        self.assert_nobody_left()
        return problem["detail"]

    @table(("files that fit alone", "files-sum"), ("one file", "one-file"),
           ("files without a name", "unnamed"),
           ("files that are only mapped", "mapped"),
           ("where it cannot read itself", "locked-up"))
    def test_bytes(self, name):
        said = self.fails(name, 507, "processor-temp", "temp")
        self.assertIn("1048576 bytes", said)

    @table(("in directories", "many"), ("without a name", "many-unnamed"))
    def test_files(self, name):
        said = self.fails(name, 507, "processor-temp", "temp")
        self.assertIn("more than the 50 files", said)

    def test_mapped_files(self):
        """Those of which nobody knows the size."""
        said = self.fails("many-mapped", 507, "processor-temp", "temp")
        self.assertIn("more than 64 deleted files", said)
        self.assertEqual(self.output("some-mapped", b"x"), b"done\n")

    def test_depth(self):
        said = self.fails("deep", 507, "processor-temp", "temp")
        self.assertIn("more than 64 deep", said)

    def test_what_fits(self):
        self.assertEqual(self.output("fits", b"x"), b"1\n2\n")

    @table(("of processes that fit alone", "forks"),
           ("that is mapped nowhere", "memory-files"))
    def test_memory(self, name):
        said = self.fails(name, 502, "processor-memory", "memory")
        self.assertIn("209715200 bytes", said)

    def test_pieces_of_memory(self):
        said = self.fails("many-pieces", 502, "processor-memory", "memory")
        self.assertIn("more than 64 pieces of shared memory", said)
        self.assertEqual(self.output("some-pieces", b"x"), b"done\n")

    def test_unreadable_program(self):
        """What it has the kernel tells nobody."""
        said = self.fails("unreadable", 502, "processor-memory", "memory")
        self.assertIn("may not be looked at", said)
        self.assertEqual(self.output("readable", b"x"), b"")

    def test_nobody_hides(self):
        """Neither itself, nor memory that is no process's."""
        self.assertEqual(self.output("hides", b"x"),
                         b"-1\n-1\n-1\nENOSYS\n")

    def test_nobody_blinds(self):
        """Who is not to open anything sees nothing."""
        self.assertEqual(self.output("blinds", b"x"),
                         b"%d\n(0, 0)\n" % errno.EPERM)

    def test_nothing_is_in_flight(self):
        """A pair of sockets carries bytes, no descriptors; nor does it reach
        anybody else."""
        self.assertEqual(self.output("in-flight", b"x").split(),
                         [b"%d" % errno.EACCES] * 3 + [b"3", b"b'abc'"])

    @table(("at the same time", "spinners"), ("one after the other", "relay"))
    def test_processor_time(self, name):
        said = self.fails(name, 504, "processor-timeout", "timeout")
        self.assertIn("processor time of 1000 ms", said)


class Elsewhere(Together):
    """Where nobody may have a namespace: as in many containers."""

    @classmethod
    def start(cls):
        cls.daemon = Daemon(*cls.OPTIONS,
                            wrapper=denied.command("unshare", errno.EPERM))


class Disk(Processing, Case):
    """One that has less than is to be left free."""

    gates = Gates()
    OPTIONS = ["spool.keep_free=1T",
               *processor("writes", script(f"{ZEROS} >f; {FOREVER}")),
               *processor("does-not", script(
                   f"{gates.wait('go')}; echo done"))]

    @classmethod
    def start(cls):
        # It is a part of the machine's memory.
        cls.dir = tempfile.mkdtemp(prefix="spillway-test-", dir="/dev/shm")
        cls.daemon = Daemon(*cls.OPTIONS, dir=cls.dir)

    @classmethod
    def finish(cls):
        super().finish()
        shutil.rmtree(cls.dir)

    def test_who_writes_ends(self):
        other = self.begin("does-not", b"x")
        self.wait_running()
        problem = self.assert_problem(
            self.process("writes", b"x"), 507, "insufficient-storage")
        self.assertIn("1099511627776 bytes of the disk",
                      problem["detail"])
        self.gates.open("go")
        self.assertEqual(other.read().body, b"done\n")


if __name__ == "__main__":
    main()
