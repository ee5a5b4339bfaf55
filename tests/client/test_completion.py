# SPDX-License-Identifier: MIT
"""What shells complete."""

import os
import pty
import re
import select
import shutil
import subprocess
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
            ["bash", "--norc", "-c", "compopt() { COMPREPLY=('<file>'); }\n"
             f". {os.environ['COMPLETION_BASH']}\n"
             'COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDBREAKS=$2; shift 2\n'
             'COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))\n_spill\n'
             'printf "%s\\n" "${COMPREPLY[@]}"',
             "bash", line, breaks, *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
            check=True)
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
                # What takes ids is not completed with files.
                ("get x", []), ("get ", []), ("info x", [])):
            self.assertEqual(self.complete("spill " + line), want, line)
        self.assertEqual(self.complete("spill ls --state=re", " "),
                         ["--state=receiving", "--state=ready"])
        words = self.complete("spill ")
        self.assertIn("put", words)
        self.assertEqual([w for w in words if w.startswith("-")], [])

    def test_bash_itself(self):
        # As it is used: bash breaks the words, and puts in what it is told.
        env = {**self.env, "INPUTRC": "/dev/null", "PS1": "$ "}
        master, slave = pty.openpty()
        with subprocess.Popen(["bash", "--norc", "--noprofile", "-i"],
                              stdin=slave, stdout=slave, stderr=slave,
                              env=env, start_new_session=True) as bash:
            os.close(slave)
            seen = b""
            for send, wait in (
                    (b". %s\n" % os.fsencode(os.environ["COMPLETION_BASH"]),
                     b"$ "),
                    (b"spill --server http://127.0.0.1:18070 pu\t",
                     b":18070 put "),
                    (b"\x15spill ls --state=rec\t", b"--state=receiving")):
                seen = b""
                os.write(master, send)
                while wait not in seen:
                    ready, _, _ = select.select([master], [], [],
                                                harness.DEADLINE_S)
                    self.assertTrue(ready, seen)
                    seen += os.read(master, 4096)
            bash.kill()
        os.close(master)

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
        if not shutil.which(shell):
            self.skipTest(f"{shell} is not installed")
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
