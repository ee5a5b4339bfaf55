# SPDX-License-Identifier: MIT
"""Wrong values of every key of the configuration: the file, the line, what is
wrong and what is allowed. By a file, by -o, and by SIGHUP, which changes
nothing then.

The keys, and what each may be, are what --print-config tells of them.

Source: API.md section 8.
"""
import os
import re
import signal
import tempfile

from daemon import run_program
from harness import Case, Daemon, main, table, until

NAMED = ["processor x.command=true", "hook x.url=http://x.example/"]
TOLD = re.compile(r"# \((?P<allowed>.*); default: .*\)\n(?P<key>\w+) =(?P<value>.*)")
UNITS = {"K": 1024, "M": 1024 ** 2, "G": 1024 ** 3, "T": 1024 ** 4,
         "ms": 1, "s": 1000, "m": 60000, "h": 3600000, "d": 86400000, "": 1}
LISTS = {
    "listen": ("nowhere", "'nowhere'"),
    "cors_origins": ("example.org/path", "write SCHEME://HOST"),
    "trusted_proxies": ("10.0.0.0/33", "write 10.0.0.0/8"),
    "allow_networks": ("10.0.0.0/33", "write 10.0.0.0/8"),
    "deny_networks": ("everybody", "write 10.0.0.0/8"),
    "ports": ("0", "write 1 to 65535"),
    "events": ("gone", "write ready, failed or deleted"),
}


def number(text):
    """A number and its unit, as what it stands for."""
    digits, unit = re.fullmatch(r"(\d+)(\w*)", text).groups()
    return int(digits) * UNITS[unit]


def keys():
    """(section.key, what is allowed, what it is) of every key."""
    code, text, err = run_program(
        "-c", "/dev/null", "--print-config",
        *(word for one in NAMED for word in ("-o", one)))
    assert code == 0, err
    for section, body in re.findall(r"\[([\w ]+)\]\n(.*?)(?=\n\[|\Z)", text,
                                    re.S):
        for match in TOLD.finditer(body):
            yield f"{section}.{match['key']}", match["allowed"], match["value"]


def wrong_number(least, most):
    """(value, what is said) of a size, a duration or a count."""
    forms = ("write digits only" if least.isdigit() and most.isdigit()
             else "a number with K, M, G or T"
             if re.search("[KMGT]$|unlimited", most)
             else "a number with ms, s, m, h or d")
    for value in ("many", "5 parsecs", "-1", "1.5", ""):
        yield value, f"{forms}, from {least} to {most}"
    # Durations are in ms; of a bare number it is seconds.
    unit = "ms" if re.search(r"\d(ms|[smhd])$", most) else ""
    span = f"allowed is {least} to {most}"
    if number(least) > 0:
        yield f"{number(least) - 1}{unit}", span
    if most != "unlimited":
        yield f"{number(most) + 1}{unit}", span
    yield f"{2 ** 64}", span


def wrong(key, allowed):
    """(value, what is said) of whatever is wrong for a key."""
    name = key.partition(".")[2]
    if span := re.fullmatch(r"(\d+\w*) to (\w+)", allowed):
        yield from wrong_number(*span.groups())
    elif allowed == "yes, no":
        yield "maybe", "neither yes nor no"
        yield "", "neither yes nor no"
    elif name in LISTS:
        yield LISTS[name]
        if allowed.startswith("a list of 1"):
            yield "", "needs at least 1 item"
    elif allowed == "a command line":
        yield "/nonexistent/x", "write the path of one"
        yield "true 'x", "quote"
        yield "", "empty; write something"
    elif allowed.startswith("words"):
        yield "'/etc", "quote"
    elif allowed == "text":
        yield "x" * 3801, "allowed are"
    else:
        yield "sometimes", f"allowed is {allowed}"
        yield "", f"allowed is {allowed}"


class Wrong(Case):
    """Nothing starts with a wrong value."""

    DAEMON = False

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "spillway.conf")

    def check(self, text, *options):
        """What --check-config says of a file that it must refuse."""
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)
        code, out, err = run_program(
            "-c", self.path, "--check-config",
            *(word for one in options for word in ("-o", one)))
        self.assertEqual((code, out), (2, ""), (text, options, err))
        self.assertEqual(err.count("\n"), 1, err)
        return err.removeprefix("spillwayd: ").rstrip("\n")

    def refused(self, section, name, value, said):
        """By a file, with its line, and by -o."""
        shown = f"{section.partition(' ')[0]}.{name}: "
        text = f"# one\n[{section}]\n{name} = {value}\n"
        told = self.check(text)
        self.assertTrue(told.startswith(f"{self.path}:3: {shown}"), told)
        self.assertIn(said, told)
        told = self.check("", f"{section}.{name}={value}")
        self.assertTrue(told.startswith(shown), told)
        self.assertIn(said, told)

    @table(*((key, key, allowed) for key, allowed, _ in keys()))
    def test_value(self, key, allowed):
        section, _, name = key.partition(".")
        for value, said in wrong(key, allowed):
            self.refused(section, name, value, said)

    @table(*((key, key, value) for key, _, value in keys()))
    def test_names(self, key, value):
        """A key that is mistyped, and one that stands twice."""
        section, _, name = key.partition(".")
        kind = section.partition(" ")[0]
        odd = name + "x"
        told = self.check(f"[{section}]\n{odd} = 1\n")
        self.assertEqual(told, f"{self.path}:2: {kind}.{odd} is not a known "
                         f"key; did you mean {kind}.{name}?")
        told = self.check("", f"{section}.{odd}=1")
        self.assertEqual(told, f"{kind}.{odd} is not a known key; did you "
                         f"mean {kind}.{name}?")
        line = f"{name} ={value}\n"
        told = self.check(f"[{section}]\n{line}# again\n{line}")
        self.assertTrue(told.startswith(f"{self.path}:4: "), told)
        self.assertIn(f".{name} is set on line 2 already", told)

    @table(
        ("no directory", "[spool]\ndir = /nonexistent\n", 2, "spool.dir: "),
        ("a file", "\n[spool]\ndir = /etc/passwd\n", 3, "Not a directory"),
        ("no authorities", "[fetch]\nca_file = /nonexistent\n", 2,
         "fetch.ca_file: "),
        ("none in it", "[fetch]\nca_file = /etc/passwd\n", 2,
         "there is no certificate"),
        ("no tokens", "[auth]\ntokens = /nonexistent\n", 2,
         "auth.tokens: /nonexistent: No such file"),
        ("no key for links", "[auth]\n\nlink_key = /nonexistent\n", 3,
         "auth.link_key: /nonexistent: No such file"),
        ("no certificate", "[server]\ntls_cert = /nonexistent\n"
         "tls_key = /nonexistent2\n", 2, "server.tls_cert: /nonexistent: "),
        ("bad certificate", "[server]\ntls_cert = /etc/passwd\n"
         "tls_key = /etc/passwd\n", 2, "server.tls_cert: /etc/passwd: this "),
        ("bad URL", "[hook h]\nurl = ftp://x\n", 2, "[hook h] url: "),
        ("refused address", "[hook h]\nurl = http://10.0.0.1/\n", 2,
         "[hook h] url: "),
        ("no secret", "[hook h]\nurl = http://x.example\nsecret = /nonexistent\n",
         3, "[hook h] secret: "),
        ("no path", "[processor a]\ncommand = cat\nread = x y\n", 3,
         "'x' is not an absolute path"),
        ("no path after one", "[processor a]\ncommand = cat\nread = /x y\n",
         3, "'y' is not an absolute path"),
        ("no type", "[processor a]\ncommand = cat\ntype = foo\n", 3,
         "is no media type"))
    def test_what_a_start_would_fail_of(self, text, line, said):
        told = self.check(text)
        self.assertTrue(told.startswith(f"{self.path}:{line}: "), told)
        self.assertIn(said, told)

    @table(("section", "[sever]\n", 1, "did you mean [server]?"),
           ("far section", "\n[x]\n", 2, "known are server spool"),
           ("far key", "[spool]\nwombats = 1\n", 2, "--print-config lists"),
           ("other section", "[spool]\nttl = 1\n", 2, "did you mean store.ttl"),
           ("no section", "ttl = 1\n", 1, "before the first section"),
           ("no name", "[processor]\n", 1, "write [processor NAME]"),
           ("open section", "[store\n", 1, "without its ]"),
           ("no value", "[store]\nttl\n", 2, "key = value"),
           ("unix_mode", "[server]\nunix_mode = 999\n", 2, "octal"),
           ("spool.dir", "[spool]\n\ndir = spool\n", 3, "begins with /"),
           ("together", "[server]\ntls_cert = /x\n", 2, "write both"),
           ("open to all", "[server]\nlisten = *:80\n", 2, "auth.mode = none"),
           ("no tokens", "[auth]\nmode = token\n", 2, "auth.tokens"),
           ("no command", "[processor x]\n", 1, "has no command"),
           ("no url", "# x\n[hook x]\nevents = ready\n", 2, "has no url"))
    def test_file(self, text, line, said):
        told = self.check(text)
        self.assertTrue(told.startswith(f"{self.path}:{line}: "), told)
        self.assertIn(said, told)

    @table(("nothing", "", "write section.key=value"),
           ("no value", "store.ttl", "write section.key=value"),
           ("no section", "ttl=1", "write section.key=value"),
           ("section", "stor.ttl=1", "did you mean [store]?"))
    def test_option(self, option, said):
        self.assertIn(said, self.check("", option))


class Reload(Case):
    """A wrong value changes nothing of a daemon that runs."""

    OLD = "[store]\nmax_file_size = 1000\n"

    @classmethod
    def start(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = os.path.join(cls.folder.name, "spillway.conf")
        cls.write(cls.OLD)
        cls.daemon = Daemon(config=cls.path)

    @classmethod
    def finish(cls):
        super().finish()
        cls.folder.cleanup()

    @classmethod
    def write(cls, text):
        """Another file."""
        with open(cls.path, "w", encoding="utf-8") as file:
            file.write(text)

    def refused_reloads(self):
        """How often it was told to read what is wrong."""
        return self.metric('reloads_total{result="refused"}')

    @table(*((key, key, allowed) for key, allowed, _ in keys()))
    def test_value(self, key, allowed):
        section, _, name = key.partition(".")
        value, said = next(wrong(key, allowed))
        if section == "store":
            text, line = f"[store]\nmax_file_size = 9\n{name} = {value}\n", 3
        else:
            text = f"[store]\nmax_file_size = 9\n[{section}]\n{name} = {value}\n"
            line = 4
        if key == "store.max_file_size":
            text, line = f"[store]\n{name} = {value}\n", 2
        self.write(text)
        before = self.refused_reloads()
        os.kill(self.daemon.pid, signal.SIGHUP)
        until(lambda: self.refused_reloads() > before,
              "it to be read")
        told = until(lambda: [one for one in self.daemon.lines
                              if f"reload: {self.path}:{line}: " in one
                              and f".{name}: " in one], "a line")[-1]
        self.assertIn(said, told)
        self.assertIn("; the configuration stays as it was", told)
        self.upload(b"x" * 500, "/files/within")
        self.assert_problem(self.http("PUT", "/files/over", (), b"x" * 1001),
                            413, "too-large")


if __name__ == "__main__":
    main()
