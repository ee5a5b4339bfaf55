#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Is every numbered behaviour of the known spools a test, or has a reason?

usage: check_behaviours.py DIR...

A test's name begins with the number, `B07_truncate_...`, or several; a behaviour that
cannot apply in C has a comment line `N/A B9: why` (also `N/A X1 to X3, X7:
why`). One TAP line a family.
"""
import pathlib
import re
import sys

# Family: what it is, and how many there are.
FAMILIES = {
    "B": ("spools of bytes and of text", 24),
    "BB": ("spools of bytes", 11),
    "BT": ("spools of text", 28),
    "BM": ("concatenation", 10),
    "P": ("spooled temporary files", 25),
    "PN": ("temporary files, names and directories", 38),
    "S": ("streams that are not finished", 17),
    "R": ("buffers over a source", 12),
    "A": ("asynchronous files", 17),
    "X": ("what the known ones do differently in their two phases", 24),
    "Q": ("what is worth taking from others", 18),
}

TEST = re.compile(r"^(?:static )?void ((?:[A-Z]+\d+[a-z]?_)+)\w+\(", re.M)
REASON = re.compile(r"N/A ([^:]+):\s*\S")
ITEM = re.compile(r"([A-Z]+)(\d+)(?: to [A-Z]+(\d+))?")


def numbers_of(text):
    """The numbers that a source file tests, and those it gives a reason."""
    tested = {(family, int(n)) for name in TEST.findall(text)
              for family, n, _ in ITEM.findall(name)}
    excused = set()
    for listed in REASON.findall(text):
        for family, first, last in ITEM.findall(listed):
            excused |= {(family, n)
                        for n in range(int(first), int(last or first) + 1)}
    return tested, excused


def main():
    """Print TAP."""
    tested, excused = set(), set()
    for path in sorted(path for folder in sys.argv[1:]
                       for path in pathlib.Path(folder).glob("*.c")):
        found = numbers_of(path.read_text())
        tested |= found[0]
        excused |= found[1]

    print(f"1..{len(FAMILIES)}")
    failed = False
    for at, (family, (what, count)) in enumerate(FAMILIES.items(), 1):
        missing = [f"{family}{n}" for n in range(1, count + 1)
                   if (family, n) not in tested | excused]
        failed |= bool(missing)
        print(f"{'not ' if missing else ''}ok {at} - {family}: {what}")
        if missing:
            print(f"# neither test nor reason: {' '.join(missing)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
