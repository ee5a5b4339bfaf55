#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The table of metrics in docs/monitoring.md is that of the code.

usage: metrics.py [--update]

Made from metrics.h, histogram.h and procstat.h of server/base; --update writes it. TAP.
"""
import pathlib
import re
import sys

from tap import Tap

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs/monitoring.md"
BEGIN, END = "<!-- metrics -->\n", "<!-- end of metrics -->\n"
TEXT = r'(NULL|"(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*)'
METRIC = re.compile(rf"X\(\w+,\s*(COUNTER|GAUGE|SECONDS),\s*{TEXT},\s*{TEXT},"
                    rf"\s*{TEXT}\)")
PROCESS = re.compile(rf"X\(\w+,\s*(GAUGE|SECONDS),\s*{TEXT},\s*{TEXT}\)")
HISTOGRAM = re.compile(rf"X\(\w+,\s*{TEXT},\s*{TEXT}\)")
ROUTE = re.compile(r'X\(\w+, "(\w+)"\)')
CLASSES = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"]


def header(name):
    """A header without the ends of lines that go on."""
    text = (ROOT / "server/base" / name).read_text(encoding="utf-8")
    return re.sub(r"\s*\\\n", "\n", text)


def unquote(text):
    """The string that C literals are; None for NULL."""
    if text == "NULL":
        return None
    parts = re.findall(r'"((?:[^"\\]|\\.)*)"', text)
    return "".join(parts).replace('\\"', '"')


def kind_of(kind):
    """The type of a row."""
    return "gauge" if kind == "GAUGE" else "counter"


def families():
    """(name, type, {label: values}, help) of each, in order."""
    found = [("spillway_build_info", "gauge", {"version": []},
              "What is running.")]
    for match in METRIC.finditer(header("metrics.h")):
        kind, name, label, about = match[1], *map(unquote, match.groups()[1:])
        if about:
            found.append((f"spillway_{name}", kind_of(kind), {}, about))
        if label:
            key, value = re.fullmatch(r'(\w+)="(.+)"', label).groups()
            found[-1][2].setdefault(key, []).append(value)
    text = header("histogram.h")
    routes = sorted(ROUTE.findall(text))
    found += [(f"spillway_{unquote(name)}", "histogram",
               {"route": routes, "class": CLASSES}, unquote(about))
              for name, about in HISTOGRAM.findall(text)]
    found += [(f"process_{unquote(name)}", kind_of(kind), {}, unquote(about))
              for kind, name, about in PROCESS.findall(header("procstat.h"))]
    return found


def table():
    """The lines of the table."""
    lines = ["| metric | type | labels | what |\n", "|---|---|---|---|\n"]
    for name, kind, labels, about in families():
        told = "; ".join(
            f"`{key}`" + (f": {', '.join(v)}" if v else "")
            for key, v in labels.items())
        lines.append(f"| `{name}` | {kind} | {told} | {about} |\n")
    return "".join(lines)


def main():
    """Check, or write."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    old, after = rest.split(END)
    if sys.argv[1:] == ["--update"]:
        PAGE.write_text(before + BEGIN + table() + END + after,
                        encoding="utf-8")
        return 0
    tap = Tap()
    tap.check("there are metrics", [] if len(families()) > 50 else ["few"])
    tap.check("docs/monitoring.md has all metrics as they are", [
        f"not there, or otherwise: {line}"
        for line in table().splitlines() if line not in old.splitlines()] + [
            f"of no metric: {line}" for line in old.splitlines()
            if line not in table().splitlines()])
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
