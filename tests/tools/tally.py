#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sum up test runs: tally.py DIR

DIR holds NAME.json, one for each run, as meson writes it to
meson-logs/testlog.json, and `steps`, lines of `ok WHAT` or `not ok WHAT`.
Counts what really ran: the lines of a TAP test, the cases of a cmocka
program, else the test itself. A test that died counts as failed whatever it
had printed until then. Prints each failure and the sums; the last line is
`N passed, N failed`, and the exit code is 0 only if all passed.
"""
import json
import pathlib
import re
import sys

TAP_PLAN = re.compile(r"^1\.\.(\d+)", re.M)
TAP_LINE = re.compile(r"^(not )?ok\b(.*)$((?:\n#.*$)*)", re.M)
CMOCKA = re.compile(r"^\[\s*(OK|FAILED|SKIPPED)\s*\] (\w+)$", re.M)
CMOCKA_END = re.compile(r"^\[\s*(PASSED|FAILED|SKIPPED)\s*\] (\d+) test", re.M)

# Of what a failed case said, this much is shown.
REMARKS_MAX = 25
REMARK_LENGTH_MAX = 240


class Counts:
    """How many cases passed, failed (by name) and were skipped."""

    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []
        # What a failed TAP case said below its line.
        self.remarks = {}

    def add(self, other):
        """Take the cases of `other` as well."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.remarks.update(other.remarks)


def count_tap(text, test, counts):
    """Count the TAP lines in `text`; False when it is no TAP."""
    if not TAP_PLAN.search(text):
        return False
    for bad, rest, remarks in TAP_LINE.findall(text):
        what = f"{test}: {rest.strip(' -')}"
        if re.search(r"#\s*skip", rest, re.I):
            counts.skipped.append(what)
        elif bad and not re.search(r"#\s*todo", rest, re.I):
            counts.failed.append(what)
            counts.remarks[what] = remarks.split("\n")[1:][:REMARKS_MAX]
        else:
            counts.passed += 1
    return True


def count_cmocka(text, test, counts):
    """Count cmocka's own report in `text`; False when it is none."""
    if not CMOCKA_END.search(text):
        return False
    # A group's failures are named again below the sum: count each once.
    verdicts = {}
    for verdict, case in CMOCKA.findall(text):
        verdicts[case] = verdict
    for case, verdict in verdicts.items():
        if verdict == "OK":
            counts.passed += 1
        elif verdict == "SKIPPED":
            counts.skipped.append(f"{test}: {case}")
        else:
            counts.failed.append(f"{test}: {case}")
    return True


def count_test(record, label):
    """The cases of one of meson's records."""
    counts = Counts()
    test = f"{label}: {record['name']}"
    text = (record.get("stdout") or "") + "\n" + (record.get("stderr") or "")
    result = record["result"]
    if result == "SKIP":
        counts.skipped.append(test)
        return counts

    known = count_tap(text, test, counts) or count_cmocka(text, test, counts)
    if result in ("OK", "EXPECTEDFAIL"):
        if not known:
            counts.passed += 1
    elif not counts.failed:
        counts.failed.append(f"{test} ({result}, "
                             f"exit code {record['returncode']})")
    return counts


def read_run(path):
    """The cases of one run."""
    counts = Counts()
    for line in path.read_text(errors="replace").splitlines():
        if line.strip():
            counts.add(count_test(json.loads(line), path.stem))
    if not counts.passed and not counts.failed:
        counts.failed.append(f"{path.stem}: ran no test")
    return counts


def read_steps(path):
    """The steps outside Meson."""
    counts = Counts()
    for line in path.read_text().splitlines():
        if line.startswith("ok "):
            counts.passed += 1
        else:
            counts.failed.append(f"step: {line.removeprefix('not ok ')}")
    return counts


def main():
    """Read the runs and print their sums."""
    results = pathlib.Path(sys.argv[1])
    total = Counts()
    rows = []
    for path in sorted(results.glob("*.json")):
        counts = read_run(path)
        rows.append((path.stem, counts))
        total.add(counts)
    if (results / "steps").exists():
        counts = read_steps(results / "steps")
        rows.append(("steps", counts))
        total.add(counts)

    for name, counts in rows:
        print(f"{name:10} {counts.passed:6} passed {len(counts.failed):4} "
              f"failed {len(counts.skipped):4} skipped")
    for what in total.skipped:
        print(f"SKIPPED {what}")
    for what in total.failed:
        print(f"FAILED  {what}")
        for remark in total.remarks.get(what, []):
            print(f"        {remark[:REMARK_LENGTH_MAX]}")
    print(f"{total.passed} passed, {len(total.failed)} failed")
    return 0 if total.passed and not total.failed else 1


if __name__ == "__main__":
    sys.exit(main())
