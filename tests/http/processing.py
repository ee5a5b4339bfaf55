# SPDX-License-Identifier: MIT
"""What the tests of processors share: gates that a program waits for, and who
is left of those that were started."""
import atexit
import os
import shutil
import tempfile

from harness import Conn, until


def processor(name, command, **keys):
    """The -o values of a processor."""
    return [f"processor {name}.command={command}",
            *(f"processor {name}.{key}={value}"
              for key, value in keys.items())]


def script(text):
    """A command line that has sh run this, with the content as $1."""
    return "sh -c '{}' sh {{}}".format(text.replace("'", "'\\''"))


def python(text):
    """The same with the system's Python, the content as sys.argv[1]."""
    return "/usr/bin/python3 -c '{}' {{}}".format(text.replace("'", "'\\''"))


def py(*lines):
    """Lines for Python as one argument."""
    code = "\\n".join(lines).replace('"', '\\"')
    return python(f'exec("{code}")')


class Gates:
    """A directory that everybody can look into; `wait` is for a script."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="spillway-gates-",
                                       dir="/var/tmp")
        os.chmod(self.folder, 0o755)
        # Also of a class that is not run.
        atexit.register(shutil.rmtree, self.folder)

    def wait(self, name):
        """Words that wait until the gate is open."""
        return f"until test -e {self.folder}/{name}; do sleep 0.02; done"

    def open(self, name):
        """Let them go on."""
        with open(os.path.join(self.folder, name), "w", encoding="ascii"):
            pass


def running(daemon):
    """Processes that work below the daemon's spool directory."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/cwd").startswith(daemon.spool + "/"):
                found.append(int(pid))
        except OSError:
            pass    # it has ended, or is not ours to look at
    return found


class Processing:
    """A mixin for cases."""

    def process(self, name, data=b"", headers=(), query=""):
        """POST /process/NAME."""
        return self.http("POST", f"/process/{name}{query}", headers, data)

    def output(self, name, data=b"", headers=()):
        """What a processor makes of it."""
        answer = self.process(name, data, headers)
        self.assertEqual(answer.status, 200, answer)
        return answer.body

    def process_async(self, name, data=b"", query=""):
        """The descriptor of an output that is to be."""
        answer = self.process(name, data, {"Prefer": "respond-async"}, query)
        made = self.json(answer, 202)
        self.assertEqual(answer.get("Location"), made["links"]["self"])
        self.assertEqual(answer.get("Preference-Applied"), "respond-async")
        return made

    def begin(self, name, data=b"", headers=(), **kwargs):
        """A connection on which a run was asked for."""
        conn = Conn(self.daemon.address, **kwargs)
        self.addCleanup(conn.close)
        conn.send_request("POST", f"/process/{name}", headers, data)
        return conn

    def wait_running(self, count=1):
        """Wait until so many runs are under way."""
        until(lambda: self.metric("processors_running") == count,
              f"{count} runs")

    def assert_nobody_left(self):
        """No process of any run is there any more, nor what they made."""
        until(lambda: not running(self.daemon), "processes to end")
        until(lambda: not self.run_directories(), "directories to go")

    def run_directories(self):
        """Those of runs."""
        found = []
        for name in os.listdir(self.daemon.spool):
            if name.startswith("process-"):
                found += os.listdir(os.path.join(self.daemon.spool, name))
        return found

    def children(self, states="SDRZ", parent=None, name=""):
        """Those of the daemon, or another, that are in one of these states
        and are called so."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat", encoding="ascii",
                          errors="replace") as file:
                    called, _, rest = file.read().rpartition(")")
            except OSError:
                continue    # it has ended
            state, its_parent = rest.split()[:2]
            if (int(its_parent) == (parent or self.daemon.pid)
                    and state in states and called.endswith(name)):
                found.append(int(pid))
        return found
