#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The tables of faults are true.

usage: check_reliability.py TREE

Each log line that docs/reliability.md quotes is in the source, each metric is
one of metrics.h, each test exists. TAP.
"""
import pathlib
import re
import sys

from check_limits import CELL, metrics_of, rows, tests_of
from tap import Tap


def said_by(tree):
    """All that the server can log, strings put together."""
    text = "".join(path.read_text(encoding="utf-8")
                   for path in sorted((tree / "server").rglob("*.c")))
    return re.sub(r'"\s*"', "", text)


def wrong_in(row, said, metrics, tests):
    """What is not so of a row."""
    _, _, log, metric, test = row
    found = [f"nobody logs '{text}'" for text in CELL.findall(log)
             if text not in said]
    found += [f"there is no metric {name}" for name in CELL.findall(metric)
              if name not in metrics]
    names = CELL.findall(test)
    if not names or len(names) % 2:
        found.append(f"a file and a test each, not {test}")
    found += [f"there is no test {name} in {file}" for file, name
              in zip(names[::2], names[1::2]) if (file, name) not in tests]
    return found


def main():
    """Run the checks."""
    tree = pathlib.Path(sys.argv[1])
    text = (tree / "docs/reliability.md").read_text(encoding="utf-8")
    table = [row for row in rows(text) if len(row) == 5]
    metrics = metrics_of(
        (tree / "server/base/metrics.h").read_text(encoding="utf-8"))
    said, tests = said_by(tree), tests_of(tree)
    tap = Tap()
    tap.check("there are tables", [] if len(table) > 20 else ["there are none"])
    for row in table:
        tap.check(row[0], wrong_in(row, said, metrics, tests))
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
