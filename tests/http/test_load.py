# SPDX-License-Identifier: MIT
"""Thousands who keep a connection and want nothing, and hundreds who send a
byte now and then: an ordinary client must not notice.

    python3 tests/http/test_load.py build/server/spillwayd
    SPW_LOAD_IDLE=10000 SPW_LOAD_SLOW=500 python3 tests/http/test_load.py ...

The second is what `./dev load` does; it tells what it costs, beside nginx where
that is installed.
"""
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from daemon import die_with_parent
from harness import Case, Conn, main, until
from samples import content
from wire import encode_request

IDLE = int(os.environ.get("SPW_LOAD_IDLE", "300"))
SLOW = int(os.environ.get("SPW_LOAD_SLOW", "30"))
CYCLES = 300
DATA = content(10000, 91)
KIB = 1024

NGINX = """
worker_processes 1;
daemon off;
pid {dir}/pid;
error_log {dir}/error.log;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    keepalive_timeout 1h;
    server {{
        listen 127.0.0.1:{port};
        location / {{ return 200 "ok"; }}
    }}
}}
"""


def anonymous(pids):
    """Resident anonymous memory of processes."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            total += next(int(line.split()[1]) for line in file
                          if line.startswith("RssAnon:")) * KIB
    return total


def keep_open(address, target, count):
    """Connections on which one request was answered."""
    conns = []
    request = encode_request("GET", target, {"Host": "x"})
    for _ in range(count):
        sock = socket.create_connection(address, 60)
        sock.sendall(request)
        conns.append(sock)
        # Not more at a time than a backlog holds.
        if len(conns) % 100 == 0:
            for one in conns[-100:]:
                read_some(one)
    for one in conns[count - count % 100:]:
        read_some(one)
    return conns


def read_some(sock):
    """The answer, which comes at once."""
    if not sock.recv(4096).startswith(b"HTTP/1.1 200"):
        raise AssertionError("not served")


class Load(Case):
    """All of it at once."""

    OPTIONS = ["server.max_connections=20000", "server.idle_timeout=1h",
               "server.header_timeout=1h", "upload.max_active=20000",
               "spool.memory_budget=64M"]

    def setUp(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def latencies(self):
        """How long each of many small uploads and reads takes, in ms."""
        found = []
        with Conn(self.daemon.address) as conn:
            for _ in range(CYCLES):
                begun = time.perf_counter()
                answer = conn.request("PUT", "/files/mine", (), DATA)
                self.assertIn(answer.status, (200, 201))
                answer = conn.request("GET", "/files/mine")
                self.assertEqual(answer.body, DATA)
                found.append((time.perf_counter() - begun) * 1000)
        return sorted(found)

    def drip(self, conns):
        """A byte each, about twice a second; by a process of its own, whose work
        the ordinary client does not have to wait for."""
        pid = os.fork()
        if pid:
            self.addCleanup(os.waitpid, pid, 0)
            self.addCleanup(os.kill, pid, signal.SIGKILL)
            return
        die_with_parent()
        while True:
            for conn in conns:
                time.sleep(0.5 / len(conns))
                conn.sock.send(b"x")

    def begin_slow(self):
        """Uploads that are under way, and will be for long."""
        conns = []
        for number in range(SLOW):
            conn = self.conn()
            conn.send_request("PUT", f"/files/slow{number}",
                              {"Content-Length": "1000000"})
            conn.send(b"x")
            conns.append(conn)
        until(lambda: self.metric("uploads_active") == SLOW,
              "the slow ones to be under way")
        self.drip(conns)

    def tell(self, name, value):
        """A line of the table."""
        print(f"# {name:44} {value}", flush=True)

    def test_idle_and_slow(self):
        before = self.latencies()
        memory = anonymous([self.daemon.pid])
        idle = keep_open(self.daemon.address, "/healthz", IDLE)
        each = (anonymous([self.daemon.pid]) - memory) / IDLE
        self.begin_slow()
        after = self.latencies()
        until(lambda: self.metric("connections_open") == IDLE + SLOW + 1,
              "all of them, and none besides, to be there")
        self.tell("idle connections, slow uploads", f"{IDLE}, {SLOW}")
        for name, at in (("median", 0.5), ("99 of 100", 0.99)):
            alone, crowded = (row[int(len(row) * at)]
                              for row in (before, after))
            self.tell(f"upload and read, {name}",
                      f"{alone:.2f} ms alone, {crowded:.2f} ms among them, "
                      f"ratio {crowded / alone:.2f}")
        self.tell("memory per idle connection", f"{each / KIB:.2f} KiB")
        self.tell("memory in all", "%.1f MiB" % (
            anonymous([self.daemon.pid]) / KIB / KIB))
        # They are all still served.
        for sock in idle[::max(1, IDLE // 100)]:
            sock.sendall(encode_request("GET", "/healthz", {"Host": "x"}))
            read_some(sock)
        for sock in idle:
            sock.close()
        self.beside_nginx()

    def beside_nginx(self):
        """The same idle connections there, for comparison."""
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        if not os.path.exists(program):
            self.tell("nginx", "is not installed")
            return
        with tempfile.TemporaryDirectory() as folder:
            with socket.create_server(("127.0.0.1", 0)) as sock:
                port = sock.getsockname()[1]
            path = os.path.join(folder, "nginx.conf")
            with open(path, "w", encoding="ascii") as file:
                file.write(NGINX.format(dir=folder, port=port))
            nginx = subprocess.Popen(
                [program, "-c", path, "-p", folder],
                stderr=subprocess.DEVNULL)
            try:
                self.count_nginx(nginx, ("127.0.0.1", port))
            finally:
                nginx.terminate()
                nginx.wait()

    def count_nginx(self, nginx, address):
        """What its worker takes for each."""
        def listens():
            try:
                return keep_open(address, "/", 1)
            except ConnectionRefusedError:
                return None
        until(listens, "nginx")[0].close()
        with open(f"/proc/{nginx.pid}/task/{nginx.pid}/children",
                  encoding="ascii") as file:
            workers = file.read().split()
        memory = anonymous(workers)
        idle = keep_open(address, "/", IDLE)
        self.tell("the same of nginx", "%.2f KiB" % (
            (anonymous(workers) - memory) / IDLE / KIB))
        for sock in idle:
            sock.close()


main()
