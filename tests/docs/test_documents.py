#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: test_documents.py SPILLWAYD FILE.md...

Each block of commands in these documents does what they say it does; see
documents.py. SPILL has the place of spill.
"""
import sys

from documents import TREE, run

# What those who try README have before them.
LINKS = {name: TREE / name for name in ("README.md", "LICENSE")}


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    count = failed = 0
    for name in sys.argv[2:]:
        before = count
        for case, wrong in run(sys.argv[1], name, links=LINKS):
            count += 1
            failed += wrong is not None
            print(f"{'not ok' if wrong else 'ok'} {count} - {case}")
            for line in (wrong or "").splitlines():
                print(f"# {line}")
        if count == before:
            count, failed = count + 1, failed + 1
            print(f"not ok {count} - {name} has commands")
    print(f"1..{count}")
    return failed > 0


sys.exit(main())
