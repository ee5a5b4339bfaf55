#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What docs/comparison.md says of us is shown by tests that exist.

usage: check_comparison.py TREE

Each row has a cell for every peer and one for us; what we have, at least in
part, names a test, a method of a class in Python and a function in C, and what
we have not names none. TAP.
"""
import pathlib
import re
import sys

from check_keys import parts
from check_limits import CELL, rows
from tap import Tap

PEERS = 8
MARKS = set("●◐○–?")


def has_test(path, name):
    """Whether a file has this test."""
    if not path.exists():
        return False
    if path.suffix == ".py":
        return name in parts(path)
    return bool(re.search(rf"^static void {re.escape(name)}\(",
                          path.read_text(encoding="utf-8"), re.M))


def wrong_in(cells, folder):
    """What is not as it should be in a row."""
    *marks, test = cells[1:]
    if len(marks) != PEERS + 1 or not set(marks) <= MARKS:
        return [f"{PEERS} peers and we have a mark each: {marks}"]
    named = CELL.findall(test)
    if marks[-1] == "○":
        return ["what is not there has a test"] if named else []
    if marks[-1] not in "●◐" or len(named) != 2:
        return ["we have it or not, and a test shows it"]
    if not has_test(folder / named[0], named[1]):
        return [f"there is no test {named[1]} in {named[0]}"]
    return []


def main():
    """Run the checks."""
    tree = pathlib.Path(sys.argv[1])
    text = (tree / "docs/comparison.md").read_text(encoding="utf-8")
    table = list(rows(text))
    tap = Tap()
    tap.check("there are tables",
              [] if len(table) > 100 else ["there are none"])
    tap.check("what we have is tested", [
        f"{cells[0]}: {what}" for cells in table
        for what in wrong_in(cells, tree / "tests")])
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
