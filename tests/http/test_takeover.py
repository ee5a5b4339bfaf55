# SPDX-License-Identifier: MIT
"""One daemon ends and the next begins, and no client is refused.

Only one daemon may have a directory of kept files, so the two cannot run side
by side; what passes from one to the other is the listening socket, with the
connections that nobody has accepted yet. Source: sd_notify(3), "FDSTORE".
"""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

from daemon import HAND_OVER, program
from harness import Case, Conn, Daemon, PATIENCE, main, table, until
from restarting import HOW
from resuming import OFFSET_TYPE, TUS
from samples import content


class Manager:
    """What a service manager does: it hears, and keeps sockets."""

    def __init__(self, case):
        self.folder = tempfile.mkdtemp(prefix="spw-", dir="/var/tmp")
        case.addCleanup(shutil.rmtree, self.folder, True)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        case.addCleanup(self.notify.close)
        self.notify.settimeout(PATIENCE)
        self.path = os.path.join(self.folder, "notify")
        self.notify.bind(self.path)
        self.heard = []
        self.kept = []
        case.addCleanup(self.forget)

    def forget(self):
        """Close what is kept."""
        while self.kept:
            self.kept.pop().close()

    def listen(self, wanted):
        """Hear until this is said."""
        while True:
            data, fds, _, _ = socket.recv_fds(self.notify, 4096, 64)
            lines = data.decode().splitlines()
            self.heard += lines
            if "FDSTOREREMOVE=1" in lines:
                self.forget()
            for fd in fds:
                assert {"FDSTORE=1", "FDNAME=listen"} <= set(lines)
                self.kept.append(socket.socket(fileno=fd))
            if wanted in lines:
                return


class Clients:
    """They ask all the time: most on new connections, and one on a connection
    that it keeps for as long as it is let."""

    COUNT = 4

    def __init__(self, address):
        self.address = address
        self.answers = 0
        self.wrong = []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._ask, args=(n,))
                        for n in range(self.COUNT)]
        for thread in self.threads:
            thread.start()

    def _ask(self, number):
        data = content(3000, number)
        turn, conn = 0, None
        while not self.over.is_set() and not self.wrong:
            turn += 1
            try:
                conn = conn or Conn(self.address)
                answer = (conn.request("GET", "/files/kept") if turn % 2 else
                          conn.request("PUT", f"/files/c{number}", (), data))
                if answer.status not in (200, 201):
                    self.wrong.append(answer)
                if number or answer.get("Connection") == "close":
                    conn.close()
                    conn = None
            except (OSError, AssertionError) as error:
                self.wrong.append(error)
            self.answers += 1
        if conn:
            conn.close()

    def more(self, count):
        """Wait for so many answers more."""
        before = self.answers
        until(lambda: self.answers >= before + count or self.wrong, "answers")

    def finish(self):
        """Let them end: what went wrong."""
        self.over.set()
        for thread in self.threads:
            thread.join(PATIENCE)
        return self.wrong


class Takeover(Case):
    """Restarts under the eyes of clients."""

    DAEMON = False
    RESTARTS = 3

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="spillway-test-", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.manager = Manager(self)

    def run_daemon(self, *options, given=()):
        """The next one, when it is ready; it has what is kept, or is given
        others."""
        self.daemon = Daemon(
            HOW, *options, dir=self.dir,
            sockets=list(given or self.manager.kept),
            sockets_name="spillwayd.socket" if given else "listen",
            env={"NOTIFY_SOCKET": self.manager.path})
        self.addCleanup(self.daemon.kill)
        self.manager.listen("READY=1")
        return self.daemon

    def restarts(self, start):
        """Clients that ask through some restarts: none is refused."""
        one = start()
        address, data = one.address, content(200000, 9)
        self.upload(data, "/files/kept")
        clients = Clients(address)
        self.addCleanup(clients.finish)
        for _ in range(self.RESTARTS):
            clients.more(20)
            one.terminate()
            self.assertEqual(one.wait(), 0, one.output())
            one = start()
            self.assertEqual(one.address, address)
            clients.more(20)
        self.assertEqual(clients.finish(), [])
        self.assert_content("kept", data)
        one.stop()

    def test_sockets_kept_by_the_manager(self):
        self.restarts(lambda: self.run_daemon("server.hand_over=yes"))
        self.assertEqual(len(self.manager.kept), 1)

    def test_socket_activation(self):
        with socket.create_server(("127.0.0.1", 0), backlog=4096) as sock:
            self.restarts(lambda: self.run_daemon(
                "server.listen=systemd", "server.hand_over=yes", given=[sock]))
            # It is the manager's own already.
            self.assertEqual(self.manager.kept, [])

    def test_unix_socket(self):
        path = os.path.join(self.manager.folder, "http")
        listen = f"server.listen=127.0.0.1:0, unix:{path}"
        one = self.run_daemon(listen, "server.hand_over=yes")
        one.terminate()
        self.assertEqual(one.wait(), 0)
        # It is there, and takes connections for the next one.
        with Conn(path) as conn:
            one = self.run_daemon(listen, "server.hand_over=yes")
            self.assertEqual(conn.request("GET", "/healthz").status, 200)
        one.stop()

    def test_running_transfer_ends_with_the_old_one(self):
        one = self.run_daemon("server.hand_over=yes",
                              "server.drain_timeout=1h")
        data = content(8000000, 4)
        self.upload(data, "/files/down")
        down = self.conn(rcvbuf=4096)
        down.send_request("GET", "/files/down")
        down.read_head()
        idle = self.conn()
        idle.request("GET", "/healthz")
        one.terminate()
        until(lambda: "finishing what runs" in one.output(), "the drain")
        # Who has a connection is told at once.
        self.assertEqual(idle.request("GET", "/readyz").status, 503)
        late = self.conn()
        late.send_request("GET", "/files/down", {"Range": "bytes=0-9"})
        self.assert_same(down.read_body(), data)
        down.close()
        self.assertEqual(one.wait(), 0)
        self.run_daemon("server.hand_over=yes")
        self.assertEqual(late.read().body, data[:10])
        self.daemon.stop()

    def test_socket_that_nobody_wants(self):
        one = self.run_daemon("server.hand_over=yes")
        old = one.address
        one.stop()
        self.assertEqual(len(self.manager.kept), 1)
        two = self.run_daemon("server.hand_over=yes",
                              "server.listen=127.0.0.2:0")
        # The new one is kept in its place, and nobody has the old one.
        self.assertEqual([sock.getsockname() for sock in self.manager.kept],
                         [two.address])
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(old)
        two.stop()

    def test_without_a_manager(self):
        one = Daemon("server.hand_over=yes", dir=self.dir)
        self.addCleanup(one.kill)
        self.daemon = one
        self.assertIn("there is no service manager", one.output())
        self.assertEqual(self.http("GET", "/readyz").status, 200)
        one.stop()


class Useless(Case):
    """Sockets that are handed over, but that nobody could be served by."""

    DAEMON = False

    @table(("datagrams", socket.SOCK_DGRAM, True, "ListenStream="),
           ("not listening", socket.SOCK_STREAM, True, "does not listen"),
           ("no socket", None, False, "is no socket"))
    def test_refused(self, kind, binds, words):
        one = (socket.socket(socket.AF_INET, kind) if kind
               else open(os.devnull, "rb"))
        self.addCleanup(one.close)
        if binds:
            one.bind(("127.0.0.1", 0))
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            done = subprocess.run(
                [sys.executable, "-c", HAND_OVER, "s", str(one.fileno()),
                 "--", program, "-c", "/dev/null", "-o",
                 "server.listen=systemd", "-o", f"spool.dir={folder}"],
                pass_fds=[one.fileno()], capture_output=True, text=True,
                check=False, timeout=PATIENCE)
        self.assertEqual(done.returncode, 2, done)
        self.assertIn(words, done.stderr)
        self.assertNotIn("listening on", done.stdout)


class Drain(Case):
    """What becomes of work when the time is up."""

    DAEMON = False

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="spillway-test-", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, self.dir, True)

    def run_daemon(self, *options):
        """The next one on the directory."""
        self.daemon = Daemon(HOW, *options, dir=self.dir)
        self.addCleanup(self.daemon.kill)
        return self.daemon

    def test_no_new_work(self):
        one = self.run_daemon("server.drain_timeout=1h")
        data = content(8000000, 4)
        self.upload(data, "/files/down")
        down = self.conn(rcvbuf=4096)
        down.send_request("GET", "/files/down")
        down.read_head()
        one.terminate()
        until(lambda: self.http("GET", "/readyz").status == 503, "the drain")
        for method, target in (("PUT", "/files/x"), ("POST", "/files"),
                               ("POST", "/fetch"), ("PATCH", "/files/down"),
                               ("POST", "/files/zip")):
            answer = self.http(method, target, (), b"{}")
            self.assert_problem(answer, 503, "draining")
            self.assertTrue(answer.get("Retry-After"))
            self.assertEqual(answer.get("Connection"), "close")
        self.assertGreater(self.refusals("draining"), 4)
        self.assert_same(down.read_body(), data)
        down.close()
        self.assertEqual(one.wait(), 0)

    def test_resumable_upload_keeps_its_prefix(self):
        one = self.run_daemon("server.drain_timeout=1s",
                              "spool.memory_max=64K")
        data = content(500000, 5)
        made = self.http("POST", "/files",
                         {**TUS, "Upload-Length": str(len(data))})
        url = made.get("Location")
        conn = self.conn()
        conn.send_request("PATCH", url, {
            **TUS, **OFFSET_TYPE, "Upload-Offset": "0",
            "Content-Length": str(len(data))})
        conn.send(data[:300000])
        self.wait_received(url.rpartition("/")[2], 300000)
        one.terminate()
        self.assertEqual(one.wait(), 0)
        self.assertIn("cutting what still runs", one.output())
        self.assertRegex(one.output(), "cut: PATCH .*the server stops")
        one = self.run_daemon()
        answer = self.http("HEAD", url, TUS)
        self.assertEqual(answer.get("Upload-Offset"), "300000")
        answer = self.http("PATCH", url, {
            **TUS, **OFFSET_TYPE, "Upload-Offset": "300000"}, data[300000:])
        self.assertEqual(answer.status, 204)
        self.assert_content(url.rpartition("/")[2], data)
        one.stop()

    def test_who_waits_for_news_is_told(self):
        """Whoever waits to be told of something holds up nobody: it is told
        what is known."""
        one = self.run_daemon("server.drain_timeout=1h")
        up = self.conn()
        up.send_request("PUT", "/files/up", {"Content-Length": "100"})
        up.send(b"abc")
        self.wait_received("up", 3)
        news = self.conn()
        news.send_request("GET", "/files/up/events")
        self.assertEqual(news.read_head().status, 200)
        first = news.read_body(20)
        info = self.conn()
        info.send_request("GET", "/files/up/info?wait=60")
        until(lambda: self.metric("requests_suspended") >= 2, "both to wait")
        one.terminate()
        answer = info.read()
        self.assertEqual(self.json(answer)["received"], 3)
        rest = (first + news.read_body()).decode()
        self.assertIn('"state":"receiving","received":3', rest)
        self.assertTrue(rest.endswith("}\n\n"), rest)
        # What was begun goes on to its end.
        self.assertTrue(one.is_alive())
        up.send(b"x" * 97)
        self.assertEqual(up.read().status, 201)
        self.assertEqual(one.wait(), 0)

    def test_second_signal_cuts(self):
        one = self.run_daemon("server.drain_timeout=1h")
        up = self.conn()
        up.send_request("PUT", "/files/up", {"Content-Length": "100"})
        up.send(b"abc")
        self.wait_received("up", 3)
        one.terminate()
        until(lambda: "finishing what runs" in one.output(), "the drain")
        os.kill(one.pid, signal.SIGTERM)
        self.assertEqual(one.wait(), 0)


if __name__ == "__main__":
    main()
