#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tally.py counts what ran, and never a death as a pass. TAP."""
import json
import pathlib
import subprocess
import sys
import tempfile

TALLY = pathlib.Path(__file__).with_name("tally.py")

TAP_OK = "1..3\nok 1 - a\nok 2 - b # SKIP no c\nok 3 - d\n"
TAP_BAD = "1..3\nok 1 - a\nnot ok 2 - b\nok 3 - c # todo\n"
TAP_DIED = "1..3\nok 1 - a\n"
CMOCKA_OK = ("[==========] Running 2 test(s).\n[ RUN      ] a\n"
             "[       OK ] a\n[ RUN      ] b\n[       OK ] b\n"
             "[==========] 2 test(s) run.\n[  PASSED  ] 2 test(s).\n")
CMOCKA_BAD = ("[==========] Running 2 test(s).\n[ RUN      ] a\n"
              "[       OK ] a\n[ RUN      ] b\n[  FAILED  ] b\n"
              "[==========] 2 test(s) run.\n[  PASSED  ] 1 test(s).\n"
              "[  FAILED  ] tests: 1 test(s), listed below:\n"
              "[  FAILED  ] b\n")

# (what, [(result, stdout)], the last line)
CASES = [
    ("TAP, skipped cases apart", [("OK", TAP_OK)], "2 passed, 0 failed"),
    ("TAP with a failure", [("FAIL", TAP_BAD)], "2 passed, 1 failed"),
    ("TAP that ends early", [("ERROR", TAP_DIED)], "1 passed, 1 failed"),
    ("TAP that hangs", [("TIMEOUT", TAP_DIED)], "1 passed, 1 failed"),
    ("TAP with a good end and a bad exit code", [("FAIL", TAP_OK)],
     "2 passed, 1 failed"),
    ("cmocka", [("OK", CMOCKA_OK)], "2 passed, 0 failed"),
    ("cmocka with a failure", [("FAIL", CMOCKA_BAD)], "1 passed, 1 failed"),
    ("cmocka that died", [("FAIL", CMOCKA_OK[:60])], "0 passed, 1 failed"),
    ("an exit code alone", [("OK", "done\n"), ("FAIL", "no\n")],
     "1 passed, 1 failed"),
    ("a test that skips itself", [("SKIP", ""), ("OK", "")],
     "1 passed, 0 failed"),
    ("nothing ran", [], "0 passed, 1 failed"),
]


def tally(records, steps=None):
    """The last line and the exit code of tally.py."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "run.json").write_text("".join(
            json.dumps({"name": "test", "result": result, "stdout": stdout,
                        "returncode": 0 if result == "OK" else 1}) + "\n"
            for result, stdout in records), encoding="utf-8")
        if steps:
            (folder / "steps").write_text(steps, encoding="utf-8")
        done = subprocess.run([sys.executable, str(TALLY), name], text=True,
                              capture_output=True, check=False)
    return done.stdout.splitlines()[-1:], done.returncode


def main():
    """Run the cases."""
    cases = [(what, records, None, last) for what, records, last in CASES]
    cases.append(("steps count as one each", [("OK", "")],
                  "ok a\nnot ok b\n", "2 passed, 1 failed"))
    bad = 0
    print(f"1..{len(cases)}")
    for number, (what, records, steps, last) in enumerate(cases, 1):
        wanted = ([last], 0 if last.endswith(" 0 failed") else 1)
        got = tally(records, steps)
        bad += got != wanted
        print(f"{'ok' if got == wanted else 'not ok'} {number} - {what}")
        if got != wanted:
            print(f"# got {got}, not {wanted}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
