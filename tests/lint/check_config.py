#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The installed configuration agrees with the daemon.

usage: check_config.py SPILLWAYD spillway.conf

The file passes --check-config; it has every key of --print-config and no
other, in the same sections; each key is commented out at its default; and
with all of them in force the daemon runs on the very same values. The comment
above a key has every word that it may be, what its 0 means if that is another
thing than none, and no bounds but its own. spillway.conf(5) is made of that
file and that table, and is up to date. TAP.
"""
import configparser
import re
import subprocess
import sys
import tempfile

import confman
from confman import NAMED
from tap import Tap

# `#key = value`: a key that is not in force. Prose has a space after the `#`.
DISABLED = re.compile(r"^#(\w+ =.*|\[\w+ NAME\])$", re.M)
# What has no default: something has to stand there.
NO_DEFAULT = {("processor NAME", "command"), ("hook NAME", "url")}


def run(*command):
    """Run a command: its exit code, and all that it printed."""
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, timeout=120)
    return done.returncode, done.stdout


def values(text):
    """{(section, key): value} of INI text."""
    parser = configparser.ConfigParser(interpolation=None, delimiters="=",
                                       comment_prefixes=("#", ";"))
    parser.read_string(text)
    return {(section, key): " ".join(value.split())
            for section in parser.sections()
            for key, value in parser.items(section)}


def comment_faults(section, key, comment, known):
    """What a comment does not say of a key that it is for, or says wrongly."""
    doc, allowed, _ = known
    words = set(re.findall(r"[\w-]+", comment))
    span = re.fullmatch(r"(\w+) to (\w+)", allowed)
    if re.fullmatch(r"[\w-]+(, [\w-]+)+", allowed) and allowed != "yes, no":
        for word in set(allowed.split(", ")) - words:
            yield f"[{section}] {key} may be {word}, which is not told"
    if "0 is" in doc and "0" not in words:
        yield f"[{section}] {key} may be 0, and it is not told what that is"
    for bounds in re.findall(r"\b(\d+\w*) to (\d+\w*)\b", comment):
        if span and bounds != span.groups():
            yield f"[{section}] {key}: {' to '.join(bounds)} is not {allowed}"


def comments_of(text, daemon):
    """All of that."""
    table = confman.table(daemon)
    for section, lines, keys in confman.blocks(text):
        comment = " ".join(lines)
        for key in keys:
            if not comment.strip():
                yield f"[{section}] {key} has no comment"
            if (section, key) in table:
                yield from comment_faults(
                    section, key, comment, table[section, key])


def main():
    """Run the checks."""
    daemon, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        text = file.read()
    in_force = DISABLED.sub(r"\1", text)
    tap = Tap()

    code, said = run(daemon, "-c", path, "--check-config")
    tap.check("--check-config accepts it", [said] if code else [])

    code, said = run(daemon, "-c", "/dev/null", "--print-config",
                     *(word for one in NAMED for word in ("-o", one)))
    tap.check("--print-config works", [said] if code else [])
    daemon_has = values(said)
    file_has = values(in_force)
    tap.check("every key of the daemon is in the file", [
        f"[{section}] {key} is not in {path}"
        for section, key in sorted(daemon_has.keys() - file_has.keys())])
    tap.check("every key of the file is one of the daemon's", [
        f"[{section}] {key} is unknown to the daemon"
        for section, key in sorted(file_has.keys() - daemon_has.keys())])
    tap.check("no key is in force", [
        f"[{section}] {key} is" for section, key in values(text)])

    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(in_force)
        file.flush()
        code, said = run(daemon, "-c", file.name, "--print-config")
    tap.check("the values in the file load", [said] if code else [])
    loaded = values(said) if not code else {}
    tap.check("the values in the file are the defaults", [
        f"[{name[0]}] {name[1]} = {loaded[name]}, by default "
        f"{daemon_has[name]}"
        for name in sorted(loaded.keys() & daemon_has.keys() - NO_DEFAULT)
        if loaded[name] != daemon_has[name]])
    tap.check("the comments are true", list(comments_of(text, daemon)))
    page = confman.PAGE.read_text(encoding="utf-8")
    tap.check("spillway.conf(5) is up to date", [
        "python3 tests/lint/confman.py --update SPILLWAYD writes it"]
              if page != confman.filled(page, daemon) else [])
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
