# SPDX-License-Identifier: MIT
"""The process: command line, configuration, signals, its directory.

Source: API.md section 8.
"""
import os
import re
import resource
import signal
import socket
import tempfile

from daemon import run_program
from harness import Case, Conn, Daemon, Worker, main, table, until
from samples import content
from wire import encode_chunk


class CommandLine(Case):
    """Options that end at once, and what is refused."""

    DAEMON = False

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = os.path.join(folder.name, "spillway.conf")

    def config(self, text):
        """Write a configuration: its path."""
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(text)
        return self.file

    @table(("--help", "--help", "--check-config"),
           ("--version", "--version", r"spillwayd \d+\.\d+\.\d+\n"
            r"libmicrohttpd/\S+ libzip/\S+ libcurl/.*"))
    def test_informs(self, option, pattern):
        code, out, err = run_program(option)
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, pattern)

    def test_check_config(self):
        path = self.config("[server]\nlisten = 127.0.0.1:0\n"
                           "[spool]\nmemory_max = 2M ; a comment\n")
        code, _, err = run_program("-c", path, "--check-config")
        self.assertEqual(code, 0, err)

    def test_print_config_loads_back(self):
        code, out, _ = run_program("-c", "/dev/null", "-o",
                                   "spool.memory_max=3M", "--print-config")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"(?m)^memory_max *= *3(M|145728)$")
        code, again, err = run_program("-c", self.config(out),
                                       "--print-config")
        self.assertEqual((code, again), (0, out), err)

    @table(
        ("unknown key", "[server]\n\nlissten = x\n", 3, "listen"),
        ("unknown section", "[sever]\nlisten = x\n", (1, 2), "sever"),
        ("size", "[spool]\nmemory_max = 12Q\n", 2, "12Q"),
        ("duration", "[server]\nidle_timeout = soon\n", 2, "soon"),
        ("word", "[log]\nlevel = loud\n", 2, "debug"),
        ("boolean", "[fetch]\nenabled = maybe\n", 2, "maybe"),
        ("network", "[fetch]\nallow_networks = 10.0.0.0/99\n", 2, "10.0.0.0"),
        ("port", "[fetch]\nports = 80, 70000\n", 2, "70000"),
        ("address", "[server]\nlisten = nowhere:99999\n", 2, "99999"),
        ("twice", "[spool]\nmemory_max = 1M\nmemory_max = 2M\n", 3, ""),
        ("no section", "memory_max = 1M\n", 1, ""),
        ("no value", "[spool]\nhello\n", 2, ""),
        ("out of range", "[server]\nconnection_memory = 1\n", 2, ""))
    def test_bad_config(self, text, line, word):
        path = self.config(text)
        lines = line if isinstance(line, tuple) else (line,)
        for how in (["--check-config"], []):
            code, _, err = run_program("-c", path, *how)
            self.assertEqual(code, 2, err)
            match = re.search(re.escape(path) + r":(\d+): .+", err)
            self.assertTrue(match, err)
            self.assertIn(int(match[1]), lines)
            self.assertIn(word, err)

    @table(
        ("unknown option", ["--no-such-option"]),
        ("option without value", ["-o"]), ("no key", ["-o", "x"]),
        ("unknown key", ["-o", "spool.nothing=1"]),
        ("bad value", ["-o", "spool.memory_max=12Q"]),
        ("missing file", ["-c", "/does/not/exist.conf"]),
        ("a directory", ["-c", "/"]), ("stray word", ["hello"]),
        ("all addresses without auth", ["-o", "server.listen=0.0.0.0:0"]),
        ("relative spool", ["-o", "spool.dir=here"]))
    def test_bad_usage(self, args):
        # A port of its own choice, should it start after all.
        config = self.config("[server]\nlisten = 127.0.0.1:0\n")
        code, _, err = run_program(
            *([] if args[0] == "-c" else ["-c", config]), *args)
        self.assertEqual(code, 2, err)
        self.assertTrue(err.strip())

    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as sock:
            code, _, err = run_program(
                "-c", "/dev/null", "-o",
                f"server.listen=127.0.0.1:{sock.getsockname()[1]}")
        self.assertEqual(code, 1, err)
        self.assertIn("127.0.0.1", err)

    def test_no_spool_directory(self):
        code, _, err = run_program(
            "-c", "/dev/null", "-o", "server.listen=127.0.0.1:0",
            "-o", "spool.dir=/does/not/exist")
        self.assertIn(code, (1, 2), err)
        self.assertIn("/does/not/exist", err)


class Running(Case):
    """Daemons that each case starts itself."""

    DAEMON = False

    def run_daemon(self, *options, **how):
        """A daemon; whatever happens, it does not outlive the case."""
        self.daemon = Daemon(*options, **how)
        one = self.daemon
        self.addCleanup(one.clean)
        self.addCleanup(one.kill)
        return one

    def test_config_file(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write("[store]\nmax_file_size = 10\n")
            file.flush()
            one = self.run_daemon(config=file.name)
        self.assertEqual(self.http("POST", "/files", (), b"x" * 10).status,
                         201)
        self.assertEqual(self.http("POST", "/files", (), b"x" * 11).status,
                         413)
        one.stop()

    def test_several_addresses(self):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/sock"
            one = self.run_daemon(f"server.listen=127.0.0.1:0, unix:{path}")
            self.upload(b"abc", "/files/u")
            with Conn(path) as conn:
                answer = conn.request("GET", "/files/u")
                self.assertEqual(answer.body, b"abc")
            one.stop()
            self.assertFalse(os.path.exists(path), "the socket is left")

    def test_stale_unix_socket(self):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/sock"
            first = self.run_daemon(f"server.listen=127.0.0.1:0, unix:{path}")
            first.kill()
            second = self.run_daemon(
                f"server.listen=127.0.0.1:0, unix:{path}")
            with Conn(path) as conn:
                self.assertTrue(conn.is_in_step())
            second.stop()

    def test_access_log(self):
        one = self.run_daemon("log.access=yes")
        self.http("GET", "/files/none?x=%0a", {"User-Agent": 'a"b\tc'})
        with Conn(one.address) as conn:
            conn.send(b"GET /files/none?\x1b[2J HTTP/1.1\r\nHost: x\r\n"
                      b"User-Agent: \x1b[2Jx\r\n\r\n")
            conn.end_sending()
            conn.read_end()
        one.stop()
        found = [line for line in one.lines if 'GET /files/none?x=" ' in line]
        self.assertEqual(len(found), 1, one.output())
        self.assertIn("404", found[0])
        self.assertNotIn("\x1b", one.output())
        self.assertNotIn("\t", one.output())

    def test_hangup_does_not_end_it(self):
        one = self.run_daemon()
        self.upload(b"abc", "/files/h")
        os.kill(one.pid, signal.SIGHUP)
        self.assert_content("h", b"abc")
        one.stop()

    def test_spool_directory_removed_and_made_again(self):
        one = self.run_daemon("spool.memory_max=64K")
        os.rmdir(one.spool)
        until(lambda: self.http("GET", "/readyz").status == 503,
              "the daemon to notice")
        answer = self.http("PUT", "/files/d", body=content(300000))
        self.assertGreaterEqual(answer.status, 500)
        self.upload(content(1000), "/files/small")
        os.mkdir(one.spool, 0o700)
        until(lambda: self.http("GET", "/readyz").status == 200,
              "the daemon to notice")
        self.upload(content(300000), "/files/d")
        self.assert_content("d", content(300000))
        one.stop()

    def test_file_size_limit_does_not_end_it(self):
        one = self.run_daemon("spool.memory_max=64K")
        old = resource.prlimit(one.pid, resource.RLIMIT_FSIZE,
                               (100000, resource.RLIM_INFINITY))
        answer = self.http("PUT", "/files/f", body=content(300000))
        self.assert_problem(answer, 507)
        resource.prlimit(one.pid, resource.RLIMIT_FSIZE, old)
        self.upload(content(300000), "/files/f")
        self.assert_content("f", content(300000))
        one.stop()

    @table(("TERM", signal.SIGTERM), ("INT", signal.SIGINT))
    def test_idle_connections_do_not_hold_it(self, number):
        one = self.run_daemon("server.drain_timeout=1h",
                              "server.idle_timeout=1h")
        idle = [self.conn() for _ in range(10)]
        for conn in idle[:5]:
            conn.request("GET", "/healthz")
        os.kill(one.pid, number)
        self.assertEqual(one.wait(), 0)
        for conn in idle:
            self.assertEqual(conn.read_end(), b"")

    def test_drain(self):
        one = self.run_daemon("server.drain_timeout=1h",
                              "spool.memory_max=64K")
        data, more = content(8000000, 1), content(300000, 2)
        self.upload(data, "/files/down")
        down = self.conn(rcvbuf=4096)
        down.send_request("GET", "/files/down")
        down.read_head()
        up = self.conn()
        up.send_request("PUT", "/files/up", {"Transfer-Encoding": "chunked"})
        up.send_chunk(more[:100000])
        self.wait_received("up", 100000)
        follow = self.conn()
        follow.send_request("GET", "/files/up")
        follow.read_head()
        one.terminate()

        def red():
            try:
                answer = self.http("GET", "/readyz")
            except OSError as error:
                raise AssertionError(f"readiness cannot be asked: {error}")
            return answer.status == 503 and answer
        self.assertTrue(until(red, "readiness to be red").get("Retry-After"))
        self.assert_same(down.read_body(), data)
        up.send_chunk(more[100000:])
        up.send(encode_chunk(b""))
        self.assertEqual(up.read().status, 201)
        self.assert_same(follow.read_body(), more)
        for conn in (down, up, follow):
            conn.close()
        self.assertEqual(one.wait(), 0)

    def test_drain_timeout(self):
        one = self.run_daemon("server.drain_timeout=1s",
                              "server.idle_timeout=1h")
        self.upload(content(8000000, 1), "/files/down")
        down = self.conn(rcvbuf=4096)
        down.send_request("GET", "/files/down")
        down.read_head()
        up = self.conn()
        up.send_request("PUT", "/files/up", {"Content-Length": "100"})
        up.send(b"abc")
        self.wait_received("up", 3)
        one.terminate()
        self.assertEqual(one.wait(), 0)

    def test_second_run_on_the_same_directory(self):
        first = self.run_daemon("spool.memory_max=0")
        self.upload(content(300000), "/files/a")
        first.terminate()
        self.assertEqual(first.wait(), 0)
        second = self.run_daemon("spool.memory_max=0", dir=first.dir)
        self.assertEqual(second.baseline, first.baseline)
        self.assert_problem(self.http("GET", "/files/a"), 404)
        self.upload(content(300000, 2), "/files/a")
        self.assert_content("a", content(300000, 2))
        self.assertEqual(second.stop(), [])

    def test_killed_during_uploads(self):
        first = self.run_daemon("spool.memory_max=0")
        self.upload(content(300000), "/files/whole")
        for turn in range(20):
            conn = self.conn()
            conn.send_request("PUT", f"/files/k{turn}",
                              {"Content-Length": "1000000"})
            conn.send(content(200000, turn))
            self.wait_received(f"k{turn}", 200000)
        first.kill()
        self.assertEqual(first.files(), first.baseline)
        second = self.run_daemon("spool.memory_max=0", dir=first.dir)
        self.assertEqual([name for name, *_ in second.files()],
                         [name for name, *_ in first.baseline])
        self.upload(content(300000, 2), "/files/k1")
        self.assert_content("k1", content(300000, 2))
        second.stop()

    def test_stopping_under_load(self):
        one = self.run_daemon("server.drain_timeout=2s")

        def work(seed):
            data = content(50000, seed)
            try:
                for turn in range(1000000):
                    with Conn(one.address) as conn:
                        answer = conn.request("PUT", f"/files/{seed}", (),
                                              data)
                        if answer.status not in (200, 201):
                            return turn
            except (OSError, AssertionError):
                return turn
        jobs = [Worker(work, seed) for seed in range(6)]
        until(lambda: self.file_count() == 6, "all to be at work")
        one.terminate()
        self.assertEqual(one.wait(), 0)
        self.assertGreater(sum(job.result() for job in jobs), 0)


if __name__ == "__main__":
    main()
