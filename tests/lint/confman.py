#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The entries of spillway.conf(5), which nobody writes.

usage: confman.py --update SPILLWAYD

They are the comments of config/spillway.conf, and what --print-config and
conf_reload.c know of each key; in config/spillway.conf.5 they stand between
two marks, and what is around them is written by hand. check_config.py looks
that they are up to date.
"""
import pathlib
import re
import subprocess
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FILE = ROOT / "config/spillway.conf"
PAGE = ROOT / "config/spillway.conf.5"
MARKS = ('.\\" Written by tests/lint/confman.py, up to the next mark.\n',
         '.\\" By hand again.\n')
NAMED = [f"{section} NAME.{key}={value}" for section, key, value in (
    ("processor", "command", "true"), ("hook", "url", "http://x.example/"))]
REQUIRED = {("processor NAME", "command"), ("hook NAME", "url")}
SECTION = re.compile(r"#?\[([\w ]+)\]$")
KEY = re.compile(r"#(\w+) =(.*)$")
TOLD = re.compile(r"# (.*)\n# \((.*); default: (.*)\)\n(\w+) =")


def table(daemon):
    """{(section, key): (what it is, what is allowed, default)}."""
    text = subprocess.run(
        [daemon, "-c", "/dev/null", "--print-config",
         *(word for one in NAMED for word in ("-o", one))],
        text=True, stdout=subprocess.PIPE, check=True, timeout=120).stdout
    return {(section, key): (doc, allowed, preset)
            for section, body in re.findall(
                r"\[([\w ]+)\]\n(.*?)(?=\n\[|\Z)", text, re.S)
            for doc, allowed, preset, key in TOLD.findall(body)}


def reloads():
    """(section, key) of all that SIGHUP changes."""
    text = (ROOT / "server/base/conf_reload.c").read_text(encoding="utf-8")
    return set(re.findall(r"AT\((\w+), (\w+)\),", text))


def blocks(text):
    """(section, lines of the comment, keys) of the annotated file, from its
    first section on; a section begins with a block of no key."""
    section, lines, keys = None, [], []
    for line in [*text.splitlines(), ""]:
        if match := SECTION.match(line):
            section = match[1]
            yield section, [], []
            lines, keys = [], []
        elif section and (match := KEY.match(line)):
            keys.append(match[1])
        elif section and line.startswith("#"):
            lines.append(line[2:])
        elif section and keys:
            yield section, lines, keys
            lines, keys = [], []
        elif section and lines:
            lines.append("")


def escaped(text):
    """A line of text as mdoc takes it."""
    text = text.replace("\\", "\\e")
    text = re.sub(r"`([^`]+)`", r"\\(oq\1\\(cq", text)
    return "\\&" + text if text[:1] in ".'" else text


def wrapped(text):
    """A sentence, in lines."""
    return map(escaped, textwrap.wrap(text, 72, break_long_words=False,
                                      break_on_hyphens=False))


def sentences(lines):
    """Lines of prose, each sentence on its own; what is indented stays."""
    prose, code = [], []

    def flush():
        if prose:
            for sentence in re.split(r"(?<=[.]) (?=[A-Z(])",
                                     " ".join(prose)):
                yield from wrapped(sentence)
            prose.clear()
        if code:
            yield from [".Bd -literal -offset indent", *map(escaped, code),
                        ".Ed"]
            code.clear()

    for number, line in enumerate(lines):
        if line.startswith("  "):
            if prose:
                yield from flush()
            code.append(line[2:])
        elif line.strip():
            if code:
                yield from flush()
            prose.append(line)
        else:
            yield from flush()
            after = next(filter(str.strip, lines[number:]), None)
            if after and not after.startswith("  "):
                yield ".Pp"
    yield from flush()


def facts(section, keys, known, changing):
    """What is allowed of each key, and what it is by default."""
    yield ".Pp"
    for key in keys:
        _, allowed, preset = known[section, key]
        name = f"{key}: " if len(keys) > 1 else ""
        if (section, key) in REQUIRED:
            default = "has to be there"
        else:
            default = f"default {preset}".replace("t empty", "t: empty")
        tail = "; changes by SIGHUP" if (section, key) in changing else ""
        yield from wrapped(f"{name}{allowed}; {default}{tail}.")
        if key != keys[-1]:
            yield ".br"


def entries(daemon):
    """The lines between the marks."""
    known, changing = table(daemon), reloads()
    begun = False
    for section, lines, keys in blocks(FILE.read_text(encoding="utf-8")):
        if not keys:
            if begun:
                yield ".El"
            yield f".Ss [{section}]\\&"
            yield ".Bl -tag -width Ds"
            begun = True
            continue
        yield ".It Cm " + " , ".join(keys)
        yield from sentences(lines)
        yield from facts(section, keys, known, changing)
    yield ".El"


def filled(page, daemon):
    """The page with the entries as they should be."""
    head, _, rest = page.partition(MARKS[0])
    _, _, tail = rest.partition(MARKS[1])
    return (head + MARKS[0] + "".join(f"{line}\n" for line in entries(daemon))
            + MARKS[1] + tail)


def main():
    """Write the page."""
    if len(sys.argv) != 3 or sys.argv[1] != "--update":
        sys.exit(__doc__)
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), sys.argv[2]),
                    encoding="utf-8")


if __name__ == "__main__":
    main()
