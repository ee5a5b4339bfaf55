# SPDX-License-Identifier: MIT
"""What the tests of this folder are written with.

A test file holds classes derived from Case, and ends with `main()`:

    class Upload(Case):
        OPTIONS = ["spool.memory_max=64K"]

        def test_empty(self):
            made = self.upload(b"")
            self.assertEqual(made["size"], 0)

Each class gets a daemon of its own (DAEMON = False: none), which has to live
through all its cases and to stop cleanly: that is one more case. A method
with @table(...) becomes one case for every row.

Order between client, daemon and origin is made with gates, not with sleeps:
until() waits for a state that the daemon reports. All deadlines are PATIENCE,
far longer than anything takes.

    python3 test_x.py PATH-OF-SPILLWAYD [WORD...]     cases whose name has WORD
"""
import faulthandler
import inspect
import json
import os
import re
import shutil
import sys
import threading
import time
import traceback
import unittest
from urllib.parse import quote

import daemon
import wire
from daemon import Daemon, SANITIZED
from wire import PATIENCE, Closed, Truncated, WireError

try:
    import contract
except ModuleNotFoundError:     # without python3-jsonschema
    contract = None

__all__ = ["Case", "Closed", "Conn", "Daemon", "PATIENCE", "SANITIZED",
           "Truncated", "WireError", "Worker", "main", "need", "table",
           "until"]

DESCRIPTOR = {"id", "state", "name", "type", "size", "received", "etag",
              "digest", "created", "expires", "storage", "source", "links"}
TIMESTAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


def table(*rows):
    """Make a case of each row: (words for its name, *arguments)."""
    def mark(function):
        function.rows = rows
        return function
    return mark


def need(*programs):
    """Skip the case when a program is not installed."""
    for name in programs:
        if not shutil.which(name):
            raise unittest.SkipTest(f"{name} is not installed")


def until(condition, what="a state", patience=PATIENCE):
    """Call until the result is true; it is returned."""
    deadline = time.monotonic() + patience
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.005)
    return result


class Conn(wire.Conn):
    """A connection to the daemon, whose answers are what the document of its
    API says."""

    def request(self, method, target, headers=(), body=None):
        answer = super().request(method, target, headers, body)
        if contract and target != "*":
            faults = contract.load().faults(method, target, answer)
            if faults:
                raise AssertionError("docs/openapi.json: "
                                     + "\n".join([*faults, repr(answer)]))
        return answer


class Worker(threading.Thread):
    """A call on a thread of its own; result() brings its value or error."""

    def __init__(self, function, *args, **kwargs):
        super().__init__(daemon=True)
        self.call = lambda: function(*args, **kwargs)
        self.value = self.error = None
        self.start()

    def run(self):
        try:
            self.value = self.call()
        except BaseException as error:  # handed to whoever asks
            self.error = error

    def result(self):
        """Wait for the end."""
        self.join(PATIENCE)
        if self.is_alive():
            raise AssertionError("the call does not end")
        if self.error:
            raise self.error
        return self.value


class Case(unittest.TestCase):
    """A test case with a daemon and the words to talk to it."""

    OPTIONS = []
    DAEMON = True
    maxDiff = 2000
    daemon = None

    @classmethod
    def start(cls):
        """Before the first case of the class."""
        if cls.DAEMON:
            cls.daemon = Daemon(*cls.OPTIONS)

    @classmethod
    def finish(cls):
        """After its last case."""
        if cls.daemon:
            cls.daemon.stop()

    # -- requests ---------------------------------------------------------

    def conn(self, **kwargs):
        """A connection, closed at the end of the case."""
        conn = Conn(self.daemon.address, **kwargs)
        self.addCleanup(conn.close)
        return conn

    def http(self, method, target, headers=(), body=None):
        """One request on a connection of its own.

        The answer must leave the connection in step, or say that it closes.
        """
        with Conn(self.daemon.address) as conn:
            answer = conn.request(method, target, headers, body)
            if (answer.get("Connection") or "").lower() == "close":
                extra = conn.read_end()
                self.assertEqual(extra, b"", "bytes after the answer")
            else:
                health = conn.request("GET", "/healthz")
                # 503 while it drains.
                self.assertIn(health.status, (200, 503), "out of step")
        return answer

    def json(self, answer, status=200):
        """The JSON value of an answer."""
        self.assertEqual(answer.status, status, answer)
        self.assertRegex(answer.get("Content-Type", ""), "^application/json")
        return json.loads(answer.body)

    def upload(self, data, target="/files", headers=(), method=None):
        """Store bytes: the descriptor."""
        method = method or ("POST" if target.startswith("/files?")
                            or target == "/files" else "PUT")
        answer = self.http(method, target, headers, data)
        self.assertIn(answer.status, (200, 201), answer)
        made = json.loads(answer.body)
        self.assertEqual(made["size"], len(data))
        return made

    def info(self, name, query=""):
        """The descriptor of a file; None when it is not there."""
        answer = self.http("GET", f"/files/{name}/info{query}")
        if answer.status in (404, 410):
            return None
        return self.json(answer)

    def wait_received(self, name, count):
        """Wait until the daemon has this many bytes of an upload."""
        def there():
            made = self.info(name)
            return made and made["received"] >= count and made
        return until(there, f"{count} bytes of {name}")

    def wait_state(self, name, state):
        """Wait until a file is in this state: its descriptor."""
        def there():
            made = self.info(name)
            return made and made["state"] == state and made
        return until(there, f"{name} to be {state}")

    def pages(self, target, key):
        """All members of a paged answer; `next` is a target, or the value
        of `after`."""
        base, _, query = target.partition("?")
        found = []
        while target:
            page = self.json(self.http("GET", target))
            found += page[key]
            mark = page.get("next")
            if mark is None:
                break
            target = mark if str(mark).startswith("/") else (
                f"{base}?{query}&after={quote(str(mark), safe='')}")
        return found

    def file_count(self):
        """How many files the daemon lists."""
        return len(self.pages("/files?limit=1000", "files"))

    def metric(self, name):
        """A metric's value; `name` with its label, without the prefix."""
        text = self.http("GET", "/metrics").body.decode()
        match = re.search(rf"^spillway_{re.escape(name)} (\S+)$", text, re.M)
        self.assertTrue(match, name)
        return float(match[1])

    def refusals(self, reason):
        """How many requests were refused for a reason."""
        return self.metric(f'requests_refused_total{{reason="{reason}"}}')

    # -- checks -----------------------------------------------------------

    def assert_content(self, name, data):
        """The file has this content."""
        answer = self.http("GET", f"/files/{name}")
        self.assertEqual(answer.status, 200, answer)
        self.assert_same(answer.body, data)

    def assert_same(self, got, want):
        """Equal bytes; says where they differ, not all of them."""
        if got == want:
            return
        at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b),
                  min(len(got), len(want)))
        self.fail(f"{len(got)} bytes, not {len(want)}; differ at {at}: "
                  f"{got[at:at + 20]!r}, not {want[at:at + 20]!r}")

    def assert_problem(self, answer, status, name=None):
        """An error answer as RFC 9457 and the contract want it."""
        wanted = status if isinstance(status, tuple) else (status,)
        self.assertIn(answer.status, wanted, answer)
        self.assertEqual(answer.get("Content-Type"),
                         "application/problem+json", answer)
        problem = json.loads(answer.body)
        self.assertEqual(problem["status"], answer.status)
        self.assertRegex(problem["type"], r"^/problems/[a-z0-9-]+$")
        self.assertTrue(problem["title"])
        self.assertTrue(problem["detail"], problem)
        if name:
            self.assertEqual(problem["type"], f"/problems/{name}")
        if answer.status == 413:
            # Too large for what: for people and for programs.
            self.assertIn(str(problem.get("limit")), problem["detail"])
        return problem

    def assert_descriptor(self, made, **wanted):
        """A descriptor has all its members, of the right kind, and these."""
        self.assertLessEqual(DESCRIPTOR, made.keys())
        self.assertIn(made["state"], ("receiving", "ready", "failed"))
        self.assertRegex(made["created"], f"^{TIMESTAMP}$")
        if made["expires"] is not None:
            self.assertRegex(made["expires"], f"^{TIMESTAMP}$")
        self.assertLessEqual({"tier", "memory_bytes", "disk_bytes",
                              "spilled"}, made["storage"].keys())
        self.assertLessEqual({"kind", "url", "error"}, made["source"].keys())
        self.assertEqual(made["links"]["self"], f"/files/{made['id']}")
        self.assertEqual(made["links"]["info"], f"/files/{made['id']}/info")
        if made["state"] == "ready":
            self.assertEqual(made["received"], made["size"])
            self.assertRegex(made["etag"], r'^"[\x21\x23-\x7e]+"$')
        for key, value in wanted.items():
            self.assertEqual(made[key], value, key)

    def assert_logged(self, *words):
        """A line with all of these was printed: what is printed comes later
        than an answer."""
        until(lambda: any(all(word in line for word in words)
                          for line in self.daemon.lines),
              f"a line with {words} in\n{self.daemon.output()}")

    def assert_healthy(self):
        """The daemon still answers."""
        self.assertTrue(self.daemon.is_alive(), self.daemon.output())
        self.assertEqual(self.http("GET", "/healthz").status, 200)


# -- the runner -----------------------------------------------------------


class Tap:
    """Prints one TAP line a case."""

    def __init__(self):
        self.count = self.failed = 0

    def line(self, good, name, why="", skip=None):
        """One case."""
        self.count += 1
        self.failed += not good
        name = re.sub(r"[#\n]", "_", name)
        tail = f" # SKIP {skip}" if skip else ""
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}{tail}")
        for text in why.splitlines():
            print(f"# {text}")
        sys.stdout.flush()

    def finish(self):
        """The plan; returns the exit code."""
        print(f"1..{self.count}", flush=True)
        return 1 if self.failed or not self.count else 0


def cases_of(cls):
    """(name, call) of the cases of a class, in the order of the source."""
    found = {}
    for base in reversed(cls.__mro__):
        for name, function in vars(base).items():
            if name.startswith("test_") and inspect.isfunction(function):
                found[name] = function
    for name, function in found.items():
        rows = getattr(function, "rows", None)
        label = f"{cls.__name__}.{name.removeprefix('test_')}"
        if rows is None:
            yield label, lambda case, f=function: f(case)
            continue
        for word, *args in rows:
            yield (f"{label}: {word}",
                   lambda case, f=function, a=args: f(case, *a))


def explain(error):
    """An error with the places of the test that led to it, one line each."""
    places = [f"{os.path.basename(at.filename)}:{at.lineno}: {at.line}"
              for at in traceback.extract_tb(error.__traceback__)
              if "/unittest/" not in at.filename
              and at.name not in ("run_case", "run_class", "<lambda>")]
    return "\n".join([*places, f"{type(error).__name__}: {error}", ""])


def last_words(case):
    """What the daemon said before it ended by itself, if it did."""
    if not case.daemon or case.daemon.is_alive():
        return ""
    return f"the daemon ended:\n{case.daemon.output()}"


def run_case(tap, cls, name, call):
    """Run one case and print its line."""
    case = cls("id")    # any attribute will do: the call is made here
    said = ""
    try:
        try:
            case.setUp()
            call(case)
        except Exception:
            said = last_words(case)     # before the cleaning ends it
            raise
        finally:
            case.doCleanups()
        if cls.daemon and not cls.daemon.is_alive():
            raise AssertionError("the daemon ended")
        tap.line(True, name)
    except unittest.SkipTest as skip:
        tap.line(True, name, skip=str(skip))
    except Exception as error:
        tap.line(False, name, explain(error) + (said or last_words(cls)))


def run_class(tap, cls, words):
    """Run the cases of a class around its daemon."""
    cases = [(name, call) for name, call in cases_of(cls)
             if not words or any(word in name for word in words)]
    if not cases:
        return
    try:
        cls.start()
    except Exception as error:
        tap.line(False, f"{cls.__name__}: starts", explain(error))
        return
    for name, call in cases:
        if cls.daemon and not cls.daemon.is_alive():
            # What it died of has been told; the other cases get a new one.
            cls.daemon.clean()
            cls.start()
        begun = time.monotonic()
        run_case(tap, cls, name, call)
        if (took := time.monotonic() - begun) > 3:
            print(f"# took {took:.1f} s", flush=True)
    try:
        cls.finish()
        if cls.daemon:
            tap.line(True, f"{cls.__name__}: ends cleanly")
    except Exception as error:
        tap.line(False, f"{cls.__name__}: ends cleanly", explain(error))


def main():
    """Run the classes of the calling file; exits."""
    args = sys.argv[1:]
    if args and os.path.isfile(args[0]):
        args.pop(0)
    # A hang is told with the place of every thread, before meson's timeout.
    faulthandler.dump_traceback_later(
        int(os.environ.get("SPW_TEST_DEADLINE", "280")), exit=True)
    tap = Tap()
    for cls in list(vars(sys.modules["__main__"]).values()):
        if (inspect.isclass(cls) and issubclass(cls, Case)
                and cls.__module__ == "__main__"):
            if cls.DAEMON and not daemon.program:
                sys.exit("usage: test_NAME.py SPILLWAYD [WORD...]")
            run_class(tap, cls, args)
    sys.exit(tap.finish())
