#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What fetching costs, and how soon what is remote can be read.

usage: remote.py SPILLWAYD [ROUNDS]

The origin is an nginx of our own on loopback, with 1 GiB of content and an
archive of 1 GiB. Prints medians of the rounds (5):

  fetch     CPU of the daemon for 1 GiB, next to that of the command curl
  places    a range near the beginning of a fetch that runs (at 100 MiB/s), and
            one at its end, where nothing is yet, next to one round trip to the
            origin: the same range asked of it
  archive   what listing it from the origin moves: requests and bytes

Needs nginx, curl and 3 GiB on the disk (TMPDIR, else /var/tmp).
"""
import http.client
import json
import os
import pathlib
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile

HTTP = pathlib.Path(__file__).resolve().parent.parent / "http"
sys.path.insert(0, str(HTTP))
import daemon as program  # noqa: E402

GIB = 1 << 30
TICK = os.sysconf("SC_CLK_TCK")
CONFIG = """
daemon off; pid {dir}/pid; error_log {dir}/error; worker_processes 1;
events {{ }}
http {{
  log_format sent "$uri $body_bytes_sent";
  access_log {dir}/access sent;
  sendfile on; default_type application/octet-stream;
  client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2;
  fastcgi_temp_path {dir}/t3; uwsgi_temp_path {dir}/t4;
  scgi_temp_path {dir}/t5;
  server {{
    listen 127.0.0.1:{port};
    root {dir}/www;
    location /slow/ {{ alias {dir}/www/; limit_rate 100m; }}
  }}
}}
"""


class Origin:
    """nginx, with something to fetch."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(
            prefix="spillway-bench-", dir=os.environ.get("TMPDIR", "/var/tmp"))
        # Its workers are nobody.
        os.chmod(self.dir, 0o755)
        www = f"{self.dir}/www"
        os.mkdir(www)
        piece = os.urandom(1 << 20)
        with open(f"{www}/1g", "wb") as file:
            for _ in range(GIB >> 20):
                file.write(piece)
        with zipfile.ZipFile(f"{www}/1g.zip", "w") as archive:
            for index in range(10000):
                archive.writestr(f"small/{index:04}.txt", b"a few bytes\n")
            with archive.open("large.bin", "w", force_zip64=True) as entry:
                for _ in range(GIB >> 20):
                    entry.write(piece)
        with socket.create_server(("127.0.0.1", 0)) as sock:
            self.port = sock.getsockname()[1]
        with open(f"{self.dir}/conf", "w", encoding="ascii") as file:
            file.write(CONFIG.format(dir=self.dir, port=self.port))
        self.process = subprocess.Popen(
            [shutil.which("nginx") or "/usr/sbin/nginx", "-p", self.dir,
             "-c", f"{self.dir}/conf"], preexec_fn=program.die_with_parent)
        while not os.path.exists(f"{self.dir}/pid"):
            if self.process.poll() is not None:
                sys.exit("nginx does not start")
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{self.port}"

    def sent(self, path):
        """What it sent of a path so far: bytes of each answer."""
        time.sleep(0.2)
        with open(f"{self.dir}/access", encoding="ascii") as file:
            lines = [line.split() for line in file]
        return [int(size) for uri, size in lines if uri == path]

    def close(self):
        """Leave nothing."""
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.dir)


def ask(url, method, target, headers=(), body=None):
    """One request on a connection of its own: answer, its body."""
    conn = http.client.HTTPConnection(url.removeprefix("http://"))
    conn.request(method, target, body, dict(headers))
    answer = conn.getresponse()
    data = answer.read()
    conn.close()
    return answer, data


def took_ms(url, target, span):
    """How long a range takes."""
    begun = time.perf_counter()
    answer, data = ask(url, "GET", target, {"Range": f"bytes={span}"})
    ended = time.perf_counter()
    assert answer.status == 206 and len(data) == 65536, answer.status
    return (ended - begun) * 1000


def fetch(daemon, url, **how):
    """Begin to fetch: the descriptor."""
    _, data = ask(daemon.url, "POST", "/fetch", {
        "Content-Type": "application/json", "Prefer": "wait=60",
    } if how.pop("wait", False) else {"Content-Type": "application/json"},
        json.dumps({"url": url, **how}))
    return json.loads(data)


def cpu_s(pid):
    """CPU of a process so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def measure_cpu(daemon, origin):
    """Of the daemon, and of curl."""
    before = cpu_s(daemon.pid)
    made = fetch(daemon, f"{origin.url}/1g", wait=True)
    assert made["state"] == "ready", made
    ours = cpu_s(daemon.pid) - before
    ask(daemon.url, "DELETE", made["links"]["self"])

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["curl", "-s", "-o", f"{daemon.dir}/out",
                    f"{origin.url}/1g"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    os.unlink(f"{daemon.dir}/out")
    return {"fetch 1 GiB, CPU s": ours,
            "curl 1 GiB, CPU s": after.ru_utime + after.ru_stime
                                 - before.ru_utime - before.ru_stime}


def measure_places(daemon, origin):
    """While it is fetched."""
    made = fetch(daemon, f"{origin.url}/slow/1g")
    where = made["links"]["self"]
    time.sleep(1)
    near = took_ms(daemon.url, where, "65536-131071")
    far = took_ms(daemon.url, where, "-65536")
    trip = took_ms(origin.url, "/slow/1g", "-65536")
    _, data = ask(daemon.url, "GET", made["links"]["info"])
    assert json.loads(data)["state"] == "receiving"
    ask(daemon.url, "DELETE", where)
    return {"range near the beginning, ms": near,
            "range at the end, ms": far, "round trip to the origin, ms": trip}


def measure_archive(daemon, origin):
    """What a listing moves."""
    before = len(origin.sent("/1g.zip"))
    begun = time.perf_counter()
    made = fetch(daemon, f"{origin.url}/1g.zip", mode="lazy", wait=True)
    answer, data = ask(daemon.url, "GET",
                       f"{made['links']['zip']}?limit=100000")
    ms = (time.perf_counter() - begun) * 1000
    assert answer.status == 200 and json.loads(data)["count"] == 10001
    sent = origin.sent("/1g.zip")[before:]
    ask(daemon.url, "DELETE", made["links"]["self"])
    with zipfile.ZipFile(f"{origin.dir}/www/1g.zip") as archive:
        end = os.path.getsize(f"{origin.dir}/www/1g.zip")
        directory = end - archive.start_dir
    return {"remote listing, ms": ms, "remote listing, requests": len(sent),
            "remote listing, KiB": sum(sent) / 1024,
            "its directory, KiB": directory / 1024}


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    program.program = sys.argv[1]
    origin = Origin()
    daemon = program.Daemon("fetch.allow_networks=127.0.0.1",
                            "fetch.ports=1-65535")
    figures = {}
    try:
        for _ in range(int(sys.argv[2]) if len(sys.argv) == 3 else 5):
            for measure in (measure_cpu, measure_places, measure_archive):
                for name, value in measure(daemon, origin).items():
                    figures.setdefault(name, []).append(value)
    finally:
        daemon.stop()
        origin.close()
    for name, values in figures.items():
        print(f"{name:32} {statistics.median(values):10.2f}"
              f"   {min(values):.2f} to {max(values):.2f}")


if __name__ == "__main__":
    main()
