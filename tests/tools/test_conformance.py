#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""conformance.py finds what is missing, and never takes it for a pass. TAP."""
import json
import pathlib
import subprocess
import sys
import tempfile

TOOL = pathlib.Path(__file__).with_name("conformance.py")

TABLE = ("# Ranges\n# By the book.\ncase\twhat has to happen\twho fails it\n"
         "3.1\tall of it\t\n3.2\ta | b\tsomebody\n")
PROGRAM = ("NOT_APPLICABLE = {%s}\n\n\nclass A:\n"
           "    def test_3_1_all(self):\n        pass\n%s")
SECOND = "\n    def test_3_2_more(self):\n        pass\n"
BOTH = PROGRAM % ("", SECOND)

# (what, table, program, problems)
CHECKS = [
    ("all have tests", TABLE, BOTH, 0),
    ("one has none", TABLE, PROGRAM % ("", ""), 1),
    ("one has a reason", TABLE, PROGRAM % ('"3.2": "why"', ""), 0),
    ("one has both", TABLE, PROGRAM % ('"3.2": "why"', SECOND), 1),
    ("a test of no case", TABLE[:TABLE.index("3.2")], BOTH, 1),
    ("a reason of no case", TABLE, BOTH.replace("{}", '{"3.9": "why"}'), 1),
    ("a number twice", TABLE + "3.2\tagain\t\n", BOTH, 1),
    ("numbers out of order", TABLE + "3.0\tagain\t\n",
     BOTH + "\n    def test_3_0_x(self):\n        pass\n", 1),
]

GOOD = ("ok 1 - Memory.3_1_all\nok 2 - Disk.3_1_all: a row\n"
        "ok 3 - Memory.3_2_more\nok 4 - Memory.other\n1..4\n")

# (what, output, exit code, what the page must hold)
PAGES = [
    ("all pass", GOOD, 0, ["2 cases: 2 passes.", "passes (2)", "a \\| b"]),
    ("one fails", GOOD.replace("ok 2", "not ok 2"), 1,
     ["1 fails", "**fails** (1 of 2)"]),
    ("one did not run", GOOD.replace("3_2", "4_2"), 1, ["**not run**"]),
    ("one was skipped", GOOD.replace("3_2_more", "3_2_more # SKIP no disk"),
     1, ["**not run**"]),
    ("nothing ran", "1..0\n", 1, ["2 cases: 2 not run."]),
]


def run(table, program, *args, log=None):
    """Exit code and output of the tool on a small tree."""
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        (root / "docs/conformance").mkdir(parents=True)
        (root / "tests/http").mkdir(parents=True)
        (root / "docs/conformance/ranges.tsv").write_text(
            table, encoding="utf-8")
        (root / "tests/http/test_a.py").write_text(program, encoding="utf-8")
        if log is not None:
            (root / "log.json").write_text(json.dumps(
                {"name": "a", "stdout": log}) + "\n", encoding="utf-8")
            args = (*args, str(root / "log.json"))
        done = subprocess.run(
            [sys.executable, str(TOOL), "--root", name, *args], check=False,
            capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def main():
    """Run the cases."""
    number, failed = 0, 0
    for what, table, program, problems in CHECKS:
        number += 1
        code, said = run(table, program, "--check")
        good = (said.count("\n# ") == problems and code == (problems > 0))
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {what}")
        if not good:
            print("# " + said.replace("\n", "\n# "))
    for what, log, wanted, words in PAGES:
        number += 1
        code, said = run(TABLE, BOTH, log=log)
        good = code == wanted and all(word in said for word in words)
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {what}")
        if not good:
            print("# " + said.replace("\n", "\n# "))
    print(f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
