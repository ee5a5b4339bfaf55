# SPDX-License-Identifier: MIT
"""What shells complete."""

import os
import pty
import re
import select
import shutil
import subprocess
import threading
import time
import unittest

import harness


class Completion(harness.Case):
    def complete(self, line, breaks=None):
        """What bash completes the end of the line with, whose words it
        breaks in its own way."""
        breaks = "\"'><=;|&(:" if breaks is None else breaks
        words = [part for word in line.split(" ") for part in
                 re.findall("[%s]+|[^%s]+" % (breaks, breaks), word) or [""]]
        if words[-1] and words[-1][-1] in breaks:
            words.append("")
        done = subprocess.run(
            ["bash", "--norc", "-c", 'compopt() { '
             "[[ $2 != default ]] || COMPREPLY=('<file>'); }\n"
             f". {os.environ['COMPLETION_BASH']}\nspill=$1; shift\n"
             'COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDBREAKS=$2; shift 2\n'
             'COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))\n_spill "$spill"\n'
             'printf "%s\\n" "${COMPREPLY[@]}"',
             "bash", harness.SPILL, line, breaks, *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
            check=True, cwd=self.dir, env=self.env)
        self.assertEqual(done.stderr, b"")
        return done.stdout.decode().split()

    def test_bash(self):
        for line, want in (
                ("pu", ["put"]), ("ch", ["check-url"]),
                ("--serv", ["--server"]), ("--server x", []),
                ("--server x inf", ["info"]),
                ("put --res", ["--resume"]),
                ("-q get --ran", ["--range"]),
                ("get --js", ["--json"]),
                ("ls --state re", ["receiving", "ready"]),
                ("put x", ["<file>"]), ("get -o x", ["<file>"]),
                ("completion b", ["bash"]),
                # Words that bash takes apart.
                ("--server http://127.0.0.1:18070 pu", ["put"]),
                ("--server=http://127.0.0.1:18070 pu", ["put"]),
                ("--server http://h:1", []),
                ("--server=http://h:1", []),
                ("--server=http://h:1 ls --state=re", ["receiving", "ready"]),
                ("ls --state=", ["receiving", "ready", "failed"]),
                ("get --output=x", ["<file>"]),
                ("get x", []), ("get ", []), ("info x", [])):
            self.assertEqual(self.complete("spill " + line), want, line)
        self.assertEqual(self.complete("spill ls --state=re", " "),
                         ["--state=receiving", "--state=ready"])
        words = self.complete("spill ")
        self.assertIn("put", words)
        self.assertEqual([w for w in words if w.startswith("-")], [])

    def fill(self):
        """Files of the server and of this machine."""
        for name in ("fig-1", "fig-2", "plum", "$(touch x)", "`touch x`"):
            self.stub.add(name, b"x")
        self.write("figs.zip", b"")
        os.mkdir(self.path("figtree"))
        self.write("figtree/leaf", b"")

    def test_bash_names(self):
        self.fill()
        ids, files = ["fig-1", "fig-2"], ["./figs.zip", "./figtree"]
        for line, want in (
                *((f"{command} fi", ids)
                  for command in ("get", "rm", "info", "link")),
                *((f"{command} fi", ids + files)
                  for command in ("ls", "cat", "process up")),
                # The first argument is a processor.
                ("process fi", []), ("process --type a/b fi", []),
                ("process --type a/b up fi", ids + files),
                ("ls ./fi", files), ("cat figtree/", ["figtree/leaf"]),
                ("get fig-1 pl", ["plum"]), ("get -o fi pl", ["plum"]),
                ("put fi", ["<file>"])):
            self.assertEqual(sorted(self.complete("spill " + line)),
                             sorted(want), line)
        # Nothing that a shell would run.
        self.assertEqual(self.complete("spill get "), ids + ["plum"])
        self.assertNotIn("x", self.names())

    def test_bash_asks_who_is_meant(self):
        self.fill()
        self.env["SPILLWAY_URL"] = "http://127.0.0.1:1"
        for options in ("", "--server http://127.0.0.1:1 ",
                        "--config ./none "):
            self.assertEqual(self.complete(f"spill {options}get fig"), [])
        url = self.stub.url
        for line in (f"--server {url} get fig", f"--server={url} get fig",
                     f"get --server {url} fig"):
            self.assertEqual(self.complete("spill " + line),
                             ["fig-1", "fig-2"], line)

    def test_beyond_the_first_page(self):
        for number in range(2500):
            self.stub.add(f"fig-{number}", b"x")
        self.stub.add("plum", b"x")
        self.assertEqual(self.complete("spill get pl"), ["plum"])
        self.assertEqual(self.complete("spill get fig-2499"), ["fig-2499"])
        # As many as anybody looks at.
        self.assertEqual(len(self.complete("spill get fig")), 1000)

    def test_what_came_in_time(self):
        """A server that is slow to go on: what it said is whole words."""
        for number in range(1500):
            self.stub.add(f"fig-{number}", b"x")
        gate = threading.Event()
        self.addCleanup(gate.set)

        def wait(handler):
            """The first page, and then nothing."""
            if "after=" in handler.path:
                gate.wait(harness.DEADLINE_S)
            else:
                handler.list({})
        self.stub.canned = wait
        self.assertEqual(
            self.complete("spill get fig-99"),
            ["fig-99", *(f"fig-{number}" for number in range(990, 1000))])

    def test_server_that_does_not_answer(self):
        self.stub.canned = lambda h: time.sleep(5) or h.problem(500, "late")
        self.assertEqual(self.complete("spill get "), [])

    def type_in(self, shell, *steps):
        """Type lines into a shell; what it shows has to come after each."""
        master, slave = pty.openpty()
        env = {**self.env, "INPUTRC": "/dev/null", "TERM": "dumb", "PS1": "$ ",
               "PATH": self.search_path()}
        with subprocess.Popen(shell, stdin=slave, stdout=slave, stderr=slave,
                              env=env, cwd=self.dir,
                              start_new_session=True) as process:
            os.close(slave)
            try:
                for send, wait in steps:
                    self.type_line(master, send, wait)
            finally:
                process.kill()
        os.close(master)

    def type_line(self, master, send, wait):
        """One of them."""
        seen = b""
        os.write(master, send)
        while wait not in seen:
            ready, _, _ = select.select([master], [], [], harness.DEADLINE_S)
            self.assertTrue(ready, seen)
            seen += os.read(master, 4096)

    def search_path(self):
        """$PATH with this spill."""
        return os.path.dirname(harness.SPILL) + ":" + os.environ["PATH"]

    def need(self, shell):
        if not shutil.which(shell):
            self.skipTest(f"{shell} is not installed")

    def test_zsh_names(self):
        self.need("zsh")
        self.fill()
        folder = os.path.dirname(os.environ["COMPLETION_ZSH"])
        self.type_in(
            ["zsh", "-f", "-i"],
            (b"fpath=(%s $fpath); autoload -U compinit; compinit -u -D; "
             b"echo rea''dy\n" % os.fsencode(folder), b"ready"),
            (b"spill get pl\t", b"um "),
            (b"\x15spill ls figs\t", b"./figs.zip "),
            (b"\x15spill cat figt\t", b"./figtree/"),
            (b"\x15spill cat figtree/\t", b"leaf "),
            (b"\x15spill process figs\t", b"figs"),
            (b"\x15spill process up figs\t", b"./figs.zip "),
            (b"\x15SPILLWAY_URL=http://127.0.0.1:1\n", b"$ "),
            (b"spill --server %s info pl\t" % self.stub.url.encode(),
             b"um "))

    def test_fish_names(self):
        self.need("fish")
        self.fill()
        for line, want in (("get fi", ["fig-1", "fig-2"]),
                           ("rm pl", ["plum"]),
                           ("ls figs", [self.path("figs.zip")]),
                           ("cat figt", ["figtree/"]),
                           ("cat figtree/", ["figtree/leaf"]),
                           (f"--server {self.stub.url} link pl", ["plum"]),
                           ("--server http://127.0.0.1:1 link pl", [])):
            done = subprocess.run(
                ["fish", "--no-config", "-c", "source $argv[1]; "
                 "complete -C \"$argv[2]\"",
                 os.environ["COMPLETION_FISH"], "spill " + line],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
                check=True, cwd=self.dir,
                env={**self.env, "PATH": self.search_path()})
            self.assertEqual(done.stderr, b"")
            self.assertEqual([row.split("\t")[0] for row in
                              done.stdout.decode().splitlines()], want, line)

    def test_bash_itself(self):
        # As it is used: bash breaks the words, and puts in what it is told.
        self.fill()
        self.type_in(
            ["bash", "--norc", "--noprofile", "-i"],
            (b". %s\n" % os.fsencode(os.environ["COMPLETION_BASH"]), b"$ "),
            (b"spill --server http://127.0.0.1:18070 pu\t", b":18070 put "),
            (b"\x15spill ls --state=rec\t", b"--state=receiving"),
            (b"\x15spill rm pl\t", b"um "),
            (b"\x15spill ls figs\t", b"./figs.zip "),
            (b"\x15spill ls figt\t", b"./figtree/"))

    def test_apostrophes(self):
        for shell, quote in (("zsh", r"'\''"), ("fish", r"\'")):
            out = self.ok("completion", shell).decode()
            self.assertIn(f"FILE{quote}s own", out)
            self.assertIn(f"the server{quote}s digest", out)

    def test_installed_is_printed(self):
        for shell in ("bash", "zsh", "fish"):
            with open(os.environ["COMPLETION_" + shell.upper()], "rb") as f:
                self.assertEqual(self.ok("completion", shell), f.read())

    def test_every_option(self):
        out = {shell: self.ok("completion", shell).decode()
               for shell in ("bash", "zsh", "fish")}
        for command in ("put", "get", "top", "link"):
            text = self.ok(command, "--help").decode()
            for name in re.findall(r"^ +(?:-\w, )?--([\w-]+)", text, re.M):
                missing = [shell for shell, mark in (
                    ("bash", "--"), ("zsh", "--"), ("fish", "-l "))
                    if mark + name not in out[shell]]
                self.assertEqual(missing, [], name)

    def check_syntax(self, shell):
        self.need(shell)
        subprocess.run([shell, "-n", os.environ["COMPLETION_"
                                                + shell.upper()]],
                       check=True, timeout=60)

    def test_syntax_bash(self):
        self.check_syntax("bash")

    def test_syntax_zsh(self):
        self.check_syntax("zsh")

    def test_syntax_fish(self):
        self.check_syntax("fish")


if __name__ == "__main__":
    unittest.main()
