# SPDX-License-Identifier: MIT
"""The log as entries of the systemd journal; the journal is a socket of the
test's own.

Source: systemd's "Native Journal Protocol"; systemd.exec(5), JOURNAL_STREAM.
"""
import fcntl
import glob
import os
import re
import shutil
import signal
import socket
import tempfile

from harness import PATIENCE, Case, Conn, Daemon, main, table, until

# Who is a service has the identity of its standard error in the environment.
AS_SERVICE = ["sh", "-c", "JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2) "
              'exec "$@"', "sh"]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Journal:
    """Takes entries."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="spw-", dir="/var/tmp")
        self.path = os.path.join(self.folder, "socket")
        self.entries = []
        self.open()

    def open(self):
        """Listen; who sends finds it by its path."""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(PATIENCE)
        self.socket.bind(self.path)

    def close(self):
        """As if it ended."""
        self.socket.close()
        os.unlink(self.path)

    def clean(self):
        """Leave nothing."""
        self.socket.close()
        shutil.rmtree(self.folder)

    def take(self):
        """The next entry: {field: value}."""
        data = self.socket.recv(1 << 18).decode()
        assert data.endswith("\n"), data
        pairs = [line.partition("=") for line in data[:-1].split("\n")]
        entry = {name: value for name, _, value in pairs}
        assert len(entry) == len(pairs), data
        assert all(re.fullmatch("[A-Z][A-Z0-9_]*", name) for name in entry), \
            data
        self.entries.append(entry)
        return entry

    def find(self, **wanted):
        """The first entry, of those to come, with these fields."""
        while not wanted.items() <= (entry := self.take()).items():
            pass
        return entry


class Journaled(Case):
    """Each case has a journal and a daemon of its own."""

    DAEMON = False

    def begin(self, *options, **how):
        """Both."""
        journal = Journal()
        self.addCleanup(journal.clean)
        self.daemon = Daemon(f"log.journal={journal.path}",
                             "log.access=yes", *options, **how)
        self.addCleanup(self.daemon.clean)
        self.addCleanup(self.daemon.kill)
        return journal

    def test_fields(self):
        journal = self.begin("log.format=journal")
        self.http("GET", "/files/none?token=geheim", {
            "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01",
            "User-Agent": "a\tb"})
        entry = journal.find(STATUS="404")
        self.assertEqual(entry.keys(), {
            "PRIORITY", "SYSLOG_IDENTIFIER", "MESSAGE", "CLIENT", "METHOD",
            "TARGET", "STATUS", "BYTES_IN", "BYTES_OUT", "DURATION_US",
            "REQUEST_ID", "TRACE_ID", "SPAN_ID", "USER_AGENT"})
        self.assertEqual(entry["SYSLOG_IDENTIFIER"], "spillwayd")
        self.assertEqual(entry["PRIORITY"], "6")
        self.assertEqual(entry["CLIENT"], "127.0.0.1")
        self.assertEqual(entry["METHOD"], "GET")
        self.assertEqual(entry["TARGET"], "/files/none?token=")
        self.assertEqual(entry["TRACE_ID"], TRACE)
        self.assertEqual(entry["USER_AGENT"], "a\\tb")
        self.assertGreater(int(entry["DURATION_US"]), 0)
        self.assertIn('127.0.0.1 "GET /files/none?token=" 404 ',
                      entry["MESSAGE"])

    def test_request_id(self):
        """What a problem names finds all lines about it."""
        journal = self.begin("log.format=journal")
        answer = self.http("DELETE", "/files")
        name = answer.get("X-Request-Id")
        told = journal.find(REQUEST_ID=name)
        self.assertRegex(told["MESSAGE"], "^refused: 405 ")
        self.assertEqual(journal.find(REQUEST_ID=name)["STATUS"], "405")
        # None of it is on standard error.
        self.assertNotIn(name, self.daemon.output())

    @table(("as a service", AS_SERVICE, True), ("elsewhere", (), False))
    def test_auto(self, wrapper, entries):
        journal = self.begin(wrapper=wrapper)
        self.http("GET", "/files/none")
        if entries:
            journal.find(STATUS="404")
            self.assertNotIn(" 404 ", self.daemon.output())
        else:
            until(lambda: any(' access 127.0.0.1 "GET /files/none" 404 '
                              in line for line in self.daemon.lines),
                  "a line of text")
            journal.socket.setblocking(False)
            with self.assertRaises(BlockingIOError):
                journal.take()

    def test_a_service_that_wants_text(self):
        self.begin("log.format=text", wrapper=AS_SERVICE)
        self.http("GET", "/files/none")
        until(lambda: any(" access 127.0.0.1 " in line
                          for line in self.daemon.lines), "a line of text")

    def test_reload(self):
        """Its socket can be opened in the sandbox, too."""
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as conf:
            conf.write("[log]\nformat = text\n")
            conf.flush()
            journal = self.begin(config=conf.name)
            self.assertIn("sandbox: seccomp", self.daemon.output())
            conf.seek(0)
            conf.write("[log]\nformat = journal\n")
            conf.flush()
            os.kill(self.daemon.pid, signal.SIGHUP)
            journal.find(MESSAGE="reload: the configuration was read again")

    def test_starts_anew(self):
        """Without a journal lines go to standard error; one that comes back
        is used again."""
        journal = self.begin("log.format=journal")
        self.http("DELETE", "/files")
        journal.find(STATUS="405")
        journal.close()
        answer = self.http("DELETE", "/files")
        line = until(lambda: next(
            (line for line in self.daemon.lines
             if answer.get("X-Request-Id") in line and "refused" in line),
            None), "the line")
        self.assertRegex(line, r"^<6>\[\S+\] refused: 405 ")
        until(lambda: any(line.startswith("<6>127.0.0.1 ")
                          for line in self.daemon.lines), "the access line")
        journal.open()
        answer = self.http("DELETE", "/files")
        journal.find(REQUEST_ID=answer.get("X-Request-Id"), STATUS="405")

    def test_nobody_reads(self):
        """A journal that is stuck holds up nobody."""
        self.begin("log.format=journal")
        with Conn(self.daemon.address) as conn:
            for _ in range(3000):
                self.assertEqual(conn.request("GET", "/files/x").status, 404)
        until(lambda: any(line.startswith("<6>127.0.0.1 ")
                          for line in self.daemon.lines), "a line instead")
        self.assertEqual(self.metric("log_lines_lost_total"), 0)

    @table(("text", "text"), ("journal", "journal"))
    def test_nobody_reads_anything(self, kind):
        """Nor does a log that nobody reads at all: lines are lost, and that
        is told when somebody reads again."""
        folder = tempfile.mkdtemp(prefix="spw-", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, "pipe")
        os.mkfifo(path)
        pipe = open(os.open(path, os.O_RDWR | os.O_NONBLOCK), "rb",
                    buffering=0)
        self.addCleanup(pipe.close)
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 8192)
        self.begin(f"log.format={kind}", "log.max_incidents=0",
                   wrapper=["sh", "-c", f'exec "$@" 2>{path}', "sh"])
        with Conn(self.daemon.address) as conn:
            for _ in range(3000):
                self.assertEqual(conn.request("DELETE", "/files").status, 405)
            until(lambda: self.metric("log_lines_lost_total") > 1000,
                  "lines to be lost")
            os.kill(self.daemon.pid, signal.SIGHUP)
            self.assertEqual(conn.request("GET", "/healthz").status, 200)
        # It may be told as soon as there is room.
        text = b""
        while some := pipe.read(65536):
            text += some

        def told():
            nonlocal text
            self.http("DELETE", "/files")
            text += pipe.read(65536) or b""
            return re.search(rb"\d+ lines were lost\n", text)
        until(told, "what was lost")
        # Nobody reads it any more, and it stops all the same.
        self.daemon.stop()

    def test_file(self):
        """A file is written by a thread of the log's own: in order, and to
        the last line."""
        folder = tempfile.mkdtemp(prefix="spw-", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, "log")
        self.begin("log.format=text", "log.max_incidents=0",
                   wrapper=["sh", "-c", f'exec "$@" 2>{path}', "sh"])
        with Conn(self.daemon.address) as conn:
            told = [conn.request("DELETE", "/files").get("X-Request-Id")
                    for _ in range(1000)]
        names = []
        for task in glob.glob(f"/proc/{self.daemon.pid}/task/*/comm"):
            with open(task, encoding="ascii") as file:
                names.append(file.read())
        self.assertIn("log\n", names)
        self.assertEqual(self.metric("log_lines_lost_total"), 0)
        self.daemon.stop()
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(re.findall(r"\[(\S+)\] refused: 405 ", text), told)
        # What loops have collected, too.
        self.assertEqual(text.count('"DELETE /files" 405 '), 1000)

    def test_forgery(self):
        """No client begins a field."""
        journal = self.begin("log.format=journal")
        with Conn(self.daemon.address) as conn:
            conn.send(b"GET /x HTTP/1.1\r\nHost: x\r\n"
                      b"User-Agent: a\x0bPRIORITY=0\r\n\r\n")
            conn.read(strict=False)
        entry = journal.find(TARGET="/x")
        self.assertEqual(entry["PRIORITY"], "6")


if __name__ == "__main__":
    main()
