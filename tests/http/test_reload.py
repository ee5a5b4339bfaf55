# SPDX-License-Identifier: MIT
"""SIGHUP: the configuration read again while the daemon runs.

Source: API.md section 8.
"""
import configparser
import json
import os
import re
import shutil
import signal
import socket
import tempfile

from authority import Authority
from daemon import run_program
from fetching import ALLOW
from guarding import line_of
from harness import Case, Conn, Daemon, main, need, table, until
from origin import Origin, Page

CONF = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    "../../config/spillway.conf")

# A value other than the default for each key, where the rule below has none.
OTHER = {
    "server.listen": "127.0.0.1:1", "server.cors_origins": "*",
    "server.unix_mode": "600", "server.unix_owner": "root",
    "server.trusted_proxies": "unix", "server.proxy_fields": "forwarded",
    "spool.dir": "/var/tmp", "fetch.ports": "1", "zip.max_ratio": "7",
    "store.durability": "restart", "store.digest": "always",
    "fetch.allow_networks": "10.0.0.0/8", "fetch.deny_networks": "::/0",
    "auth.mode": "none",
    "sandbox.landlock": "require",
    "sandbox.seccomp": "require", "log.level": "debug", "log.format": "json",
    "log.journal": "/run/other",
    "upload.max_part_header": "4K", "server.max_connections_per_address": "9",
}

# Of two such keys none is right alone.
TOGETHER = {"tls_cert": "tls_key", "tls_key": "tls_cert"}


def defaults():
    """{section.key: value} of a daemon without a configuration."""
    code, text, err = run_program("-c", "/dev/null", "--print-config")
    assert code == 0, err
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    return {f"{section}.{key}": value for section in parser.sections()
            for key, value in parser.items(section)}


def other(key, value):
    """Another value that the key may have."""
    if key in OTHER:
        return OTHER[key]
    if value in ("yes", "no"):
        return {"yes": "no", "no": "yes"}[value]
    if value == "unlimited":
        return "1000000000"
    number, unit = re.fullmatch(r"(\d+)(\w*)", value).groups()
    return f"{int(number) + 1}{unit}"


def said_to_reload():
    """What the annotated configuration says can change."""
    with open(CONF, encoding="utf-8") as file:
        text = file.read()
    said, known = set(), defaults()
    for section, words in re.findall(
            r"(?m)^#   (server|store|upload|fetch|auth|log) +(.+(?:\n# {6,}.+)*)",
            text):
        words = words.replace("#", " ")
        keys = {key for key in known if key.startswith(f"{section}.")}
        if words.startswith("all"):
            but = words.partition("but")[2]
            said |= keys - {f"{section}.{key}"
                            for key in re.findall(r"\w+", but)}
        else:
            said |= {f"{section}.{key}" for key in re.findall(r"\w+", words)}
    return said


class Reload(Case):
    """Each case has a daemon with a file that it changes."""

    DAEMON = False

    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir="/var/tmp")
        self.addCleanup(folder.cleanup)
        self.file = os.path.join(folder.name, "spillway.conf")

    def write(self, text):
        """As editors do: a new file in the place of the old one."""
        with open(self.file + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(self.file + ".new", self.file)

    def run_daemon(self, text, *options):
        """A daemon with this configuration."""
        self.write(text)
        self.daemon = Daemon(*options, config=self.file)
        self.addCleanup(self.daemon.clean)
        self.addCleanup(self.daemon.kill)
        return self.daemon

    def reload(self, text=None, result="taken"):
        """Change the file and say so: the lines that come of it."""
        if text is not None:
            self.write(text)
        name = f'reloads_total{{result="{result}"}}'
        before, begin = self.metric(name), len(self.daemon.lines)
        os.kill(self.daemon.pid, signal.SIGHUP)
        # Its last line.
        until(lambda: any(re.search("was read again|stays as it was", line)
                          for line in self.daemon.lines[begin:]), "the line")
        self.assertEqual(self.metric(name), before + 1)
        return "\n".join(self.daemon.lines[begin:])

    def test_nothing_changed(self):
        one = self.run_daemon("[store]\nttl = 1h\n")
        self.assertNotIn("has changed", self.reload())
        self.assertNotIn("differs", one.output())
        one.stop()

    def test_limit(self):
        one = self.run_daemon("[store]\nmax_file_size = 10\n")
        self.assert_problem(self.http("POST", "/files", (), b"x" * 11), 413)
        text = self.reload("[store]\nmax_file_size = 20\nttl = 1h\n")
        self.assertIn("reload: store.max_file_size has changed", text)
        self.assertIn("reload: store.ttl has changed", text)
        self.upload(b"x" * 20)
        problem = self.assert_problem(
            self.http("POST", "/files", (), b"x" * 21), 413)
        self.assertEqual(problem["limit"], 20)
        one.stop()

    def test_command_line_stays_over_the_file(self):
        one = self.run_daemon("", "store.max_file_size=10")
        self.assertNotIn("max_file_size",
                         self.reload("[store]\nmax_file_size = 20\n"))
        self.assert_problem(self.http("POST", "/files", (), b"x" * 11), 413)
        one.stop()

    def test_log(self):
        one = self.run_daemon("[log]\naccess = no\n")
        self.http("GET", "/files/before")
        self.reload("[log]\naccess = yes\nformat = json\nlevel = debug\n")
        self.http("GET", "/files/after")
        one.stop()
        self.assertNotIn("/files/before", one.output())
        lines = [json.loads(line) for line in one.lines
                 if line.startswith("{") and "/files/after" in line]
        self.assertIn("access", [line["level"] for line in lines])

    def test_connections(self):
        one = self.run_daemon("[server]\nmax_connections = 2\n")
        with Conn(one.address) as a, Conn(one.address) as b:
            a.request("GET", "/healthz")
            b.request("GET", "/healthz")
            with Conn(one.address) as third:
                self.assertEqual(third.read().status, 503)
            self.write("[server]\nmax_connections = 9\n")
            os.kill(one.pid, signal.SIGHUP)
            until(lambda: "max_connections has changed" in one.output(),
                  "the reload")
            with Conn(one.address) as third:
                self.assertEqual(third.request("GET", "/healthz").status, 200)
        one.stop()

    def fetch(self, url):
        """What comes of it."""
        return self.http(
            "POST", "/fetch", {"Prefer": "wait=20"},
            json.dumps({"url": url}).encode())

    def test_networks_and_ports(self):
        origin = Origin()
        self.addCleanup(origin.close)
        url = origin.add("/a", Page(b"abc"))
        one = self.run_daemon("[fetch]\nports = 1-65535\n")
        self.assert_problem(self.fetch(url), 403, "address-forbidden")
        text = self.reload("[fetch]\nports = 1-65535\n"
                           "allow_networks = 127.0.0.0/8\n")
        self.assertIn("fetch.allow_networks has changed", text)
        self.assertEqual(self.fetch(url).status, 201)
        self.reload("[fetch]\nports = 1-65535\nallow_networks = 127.0.0.0/8\n"
                    "deny_networks = 127.0.0.1/32\n")
        self.assert_problem(self.fetch(url), 403)
        self.reload("[fetch]\nallow_networks = 127.0.0.0/8\n")
        self.assert_problem(self.fetch(url), 400, "bad-url")
        one.stop()

    def test_cors(self):
        one = self.run_daemon("")
        page = {"Origin": "http://page.example"}
        self.assertIsNone(self.http("GET", "/healthz", page).get(
            "Access-Control-Allow-Origin"))
        self.reload("[server]\ncors_origins = http://page.example\n")
        self.assertEqual(
            self.http("GET", "/healthz", page).get(
                "Access-Control-Allow-Origin"), "http://page.example")
        one.stop()

    @table(
        ("unknown key", "[store]\nmax_file_size = 99\nnothing = 1\n", ":3: "),
        ("bad value", "[store]\nmax_file_size = 99\nttl = soon\n", ":3: "),
        ("keys that disagree", "[store]\nmax_file_size = 99\n[server]\n"
         "max_connections = 2\nmax_connections_per_address = 3\n",
         "max_connections_per_address: 3 is more"),
        ("no text", "\0", ":1: "))
    def test_broken_file_changes_nothing(self, text, why):
        one = self.run_daemon("[store]\nmax_file_size = 10\n")
        said = self.reload(text, "refused")
        self.assertIn(why, said)
        self.assertIn("the configuration stays as it was", said)
        self.assert_problem(self.http("POST", "/files", (), b"x" * 11), 413)
        self.upload(b"x" * 10)
        # And the next one that is right is taken.
        self.reload("[store]\nmax_file_size = 11\n")
        self.upload(b"x" * 11)
        one.stop()

    @table(("left as it is", ""), ("that a start would open",
                                  "[server]\nlisten = 127.0.0.1:8080\n"))
    def test_nobody_is_let_in(self, text):
        tokens = os.path.join(os.path.dirname(self.file), "tokens")
        with open(tokens, "w", encoding="ascii") as file:
            file.write(line_of("reader", "read"))
        keyed = f"[auth]\ntokens = {tokens}\n"
        # An address that others could connect to, if there were others.
        with socket.create_server(("0.0.0.0", 0)) as sock:
            self.write(keyed)
            one = Daemon("server.listen=systemd", config=self.file,
                         sockets=[sock])
            self.daemon = one
            self.addCleanup(one.clean)
            self.addCleanup(one.kill)
        os.kill(one.pid, signal.SIGHUP)
        until(lambda: "was read again" in one.output(), "the reload")
        self.write(text)
        os.kill(one.pid, signal.SIGHUP)
        until(lambda: "other machines can connect" in one.output(), "the line")
        self.assert_problem(self.http("GET", "/files"), 401)
        one.stop()

    def test_no_file(self):
        one = self.run_daemon("[store]\nmax_file_size = 10\n")
        os.unlink(self.file)
        said = self.reload(result="refused")
        self.assertIn(f"{self.file}: No such file or directory", said)
        self.assert_problem(self.http("POST", "/files", (), b"x" * 11), 413)
        one.stop()

    def test_file_elsewhere_is_out_of_reach(self):
        # Whoever may write where the file lies gets no other file read.
        one = self.run_daemon("")
        with tempfile.NamedTemporaryFile("w", dir="/var/tmp") as secret:
            secret.write("[store]\nmax_file_size = 10\n")
            secret.flush()
            os.unlink(self.file)
            os.symlink(secret.name, self.file)
            landlock = "without landlock" not in one.output()
            said = self.reload(result="refused" if landlock else "taken")
        if landlock:
            self.assertIn("Permission denied", said)
        one.stop()

    def make_files(self):
        """{key: path} of files that keys name, where the daemon may look."""
        folder = os.path.dirname(self.file)
        authority = Authority("ours")
        self.addCleanup(authority.remove)
        names = {"auth.link_key": "key", "server.tls_cert": "o.pem",
                 "server.tls_key": "o.key", "fetch.ca_file": "o.pem"}
        for path in authority.issue("DNS:localhost"):
            shutil.copy(path, folder)
        with open(os.path.join(folder, "key"), "w", encoding="ascii") as file:
            file.write("ab" * 32 + "\n")
        return {key: os.path.join(folder, name) for key, name in names.items()}

    def test_tokens(self):
        one = self.run_daemon("")
        path = os.path.join(os.path.dirname(self.file), "tokens")
        with open(path, "w", encoding="ascii") as file:
            file.write(line_of("all", "list"))
        for text, status in ((f"[auth]\ntokens = {path}\n", 401), ("", 200)):
            self.write(text)
            os.kill(one.pid, signal.SIGHUP)
            until(lambda s=status: self.http("GET", "/files").status == s,
                  "the reload")
        one.stop()

    def test_every_key(self):
        """Each is taken, or said to take a restart, as documented."""
        need("openssl")
        known = defaults()
        files = self.make_files()
        one = self.run_daemon("")
        taken = set()
        for key, value in known.items():
            if key in ("log.level", "auth.tokens"):
                # Else what is told would be told less, or not to us.
                taken.add(key)
                continue
            section, name = key.split(".")
            text = f"[{section}]\n{name} = {files.get(key) or other(key, value)}\n"
            if name in TOGETHER:
                self.reload("")
                text += f"{TOGETHER[name]} = {files[f'server.{TOGETHER[name]}']}\n"
            said = self.reload(text)
            code, _, err = run_program("-c", self.file, "--check-config")
            self.assertEqual(code, 0, err)
            if f"reload: {key} has changed" in said:
                taken.add(key)
            elif key not in ("server.listen", "spool.dir"):
                # Those two the command line has.
                self.assertIn(f"reload: {key} differs, which takes a restart",
                              said)
        self.assertEqual(taken, said_to_reload())
        one.stop()

    def test_under_load(self):
        """Lists that change while fetches look at them."""
        origin = Origin()
        self.addCleanup(origin.close)
        url = origin.add("/a", Page(b"abc"))
        self.run_daemon("", *ALLOW)
        for turn in range(20):
            self.write(f"[fetch]\ndeny_networks = 10.{turn}.0.0/16\n"
                       f"[server]\ncors_origins = http://h{turn}.example\n")
            os.kill(self.daemon.pid, signal.SIGHUP)
            self.assertEqual(self.fetch(url).status, 201)
        self.daemon.stop()


if __name__ == "__main__":
    main()
