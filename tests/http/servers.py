# SPDX-License-Identifier: MIT
"""Servers of others, on a port that was free: origins and proxies."""
import os
import shutil
import subprocess
import tempfile

from daemon import die_with_parent
from harness import until
from origin import dead_port

TREE = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


def find(program):
    """Where it is, or None; those for root may not be in everybody's path."""
    return shutil.which(program) or shutil.which(f"/usr/sbin/{program}")


def replace(text, changes):
    """Each word, which must be there once, by another."""
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def snippet(name, changes):
    """A file of config/, with some words replaced."""
    with open(os.path.join(TREE, "config", name), encoding="utf-8") as file:
        return replace(file.read(), changes)


class Server:
    """A running program with a directory `dir` of its own.

    COMMAND has {dir} and {conf}; it writes {dir}/pid once it serves. A
    subclass says what is configured (`config`) for self.port.
    """

    COMMAND = []

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="spw-", dir="/var/tmp")
        # What it runs as may not be who made it.
        os.chmod(self.dir, 0o755)
        # Somebody else may have taken the port meanwhile.
        for _ in range(5):
            self.port = dead_port()
            self._start()
            if until(self._state, f"{self.COMMAND[0]} to run") == "up":
                return
        said = self.log()
        self.stop()
        raise AssertionError(f"{self.COMMAND[0]} does not start: {said}")

    @classmethod
    def installed(cls):
        """Whether there is such a program here."""
        return bool(find(cls.COMMAND[0]))

    @property
    def address(self):
        """Where it listens."""
        return "127.0.0.1", self.port

    def config(self):
        """The text of its configuration."""
        raise NotImplementedError

    def log(self):
        """What it said."""
        with open(f"{self.dir}/log", encoding="utf-8",
                  errors="replace") as file:
            return file.read()[-4000:]

    def _start(self):
        conf = f"{self.dir}/conf"
        with open(conf, "w", encoding="utf-8") as file:
            file.write(self.config())
        words = [word.format(dir=self.dir, conf=conf)
                 for word in self.COMMAND[1:]]
        with open(f"{self.dir}/log", "w", encoding="ascii") as log:
            self.process = subprocess.Popen(
                [find(self.COMMAND[0]), *words], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, preexec_fn=die_with_parent,
                env={**os.environ, "HOME": self.dir,
                     "XDG_CONFIG_HOME": self.dir, "XDG_DATA_HOME": self.dir})

    def _state(self):
        if self.process.poll() is not None:
            return "down"
        try:
            return os.path.getsize(f"{self.dir}/pid") and "up"
        except FileNotFoundError:
            return None

    def stop(self):
        """End it, and remove its directory."""
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Nginx(Server):
    """nginx with SITES in its http section."""

    COMMAND = ["nginx", "-p", "{dir}", "-c", "{conf}", "-e", "{dir}/log"]
    CONFIG = """
daemon off; master_process off; pid %(dir)s/pid; error_log %(dir)s/log;
events { worker_connections 256; }
http {
    access_log off; client_body_temp_path %(dir)s/t1;
    proxy_temp_path %(dir)s/t2; fastcgi_temp_path %(dir)s/t3;
    uwsgi_temp_path %(dir)s/t4; scgi_temp_path %(dir)s/t5;
    default_type application/octet-stream;
    types { text/plain txt; application/zip zip; }
    %(sites)s
}
"""

    def sites(self):
        """What it serves."""
        raise NotImplementedError

    def config(self):
        return self.CONFIG % {"dir": self.dir, "sites": self.sites()}


class NginxProxy(Nginx):
    """config/nginx.conf in front of a unix socket."""

    def __init__(self, path):
        self.path = path
        super().__init__()

    def sites(self):
        return snippet("nginx.conf", {
            "unix:/run/spillway/http.sock": f"unix:{self.path}",
            "listen 80;": f"listen 127.0.0.1:{self.port};",
            "listen [::]:80;": ""})


class CaddyProxy(Server):
    """config/Caddyfile in front of a unix socket, without https."""

    COMMAND = ["caddy", "run", "--adapter", "caddyfile", "--config", "{conf}",
               "--pidfile", "{dir}/pid"]

    def __init__(self, path):
        self.path = path
        super().__init__()

    def config(self):
        return "{\n\tadmin off\n}\n" + snippet("Caddyfile", {
            "files.example.org {": f"http://:{self.port} {{\n"
            "\tbind 127.0.0.1",
            "unix//run/spillway/http.sock": f"unix/{self.path}"})
