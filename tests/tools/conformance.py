#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the server makes of each case of the standards' checklists.

usage: conformance.py --check              every case has a test or a reason
       conformance.py [-o FILE] LOG...     write docs/conformance.md

docs/conformance/NAME.tsv lists cases: number, what has to happen, who fails
it. A case is tested by the methods of tests/http/test_*.py that are called
after its number, `test_2A17_...` or, for 3.17, `test_3_17_...`. What does not
apply to this server stands in a dictionary NOT_APPLICABLE of such a program:
{"2A50": "the reason"}. LOG is meson-logs/testlog.json of a built tree, or the
TAP output of one program.

--check prints TAP; the other exits with 1 when a case failed or did not run.
"""
import argparse
import ast
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TABLES = ["ranges", "framing", "tus", "ietf"]
NUMBER = r"(?:2A|2B|3A)\d+|3_\d+"
METHOD = re.compile(rf"test_({NUMBER})_\w+")
LINE = re.compile(rf"^(not ok|ok) \d+ - \w+\.(({NUMBER})_\w+)(.*)$", re.M)


class Table:
    """One checklist: title, about, and [(case, statement, peers)]."""

    def __init__(self, path):
        remarks, self.cases = [], []
        lines = path.read_text(encoding="utf-8").splitlines()
        for line in lines:
            if line.startswith("#"):
                remarks.append(line[1:].strip())
            elif not line.startswith("case\t"):
                self.cases.append((line.split("\t") + ["", ""])[:3])
        self.name = path.stem
        self.title = remarks[0] if remarks else path.stem
        self.about = " ".join(remarks[1:])


class Tests:
    """What the test programs say about cases, by number."""

    def __init__(self, folder):
        self.methods = {}   # number: [program: method]
        self.reasons = {}   # number: (program, reason)
        self.twice = []
        for path in sorted(folder.glob("test_*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            self._read(path.stem, tree)

    def _read(self, program, tree):
        for node in ast.walk(tree):
            if (isinstance(node, ast.FunctionDef)
                    and (match := METHOD.fullmatch(node.name))):
                self.methods.setdefault(number_of(match[1]), []).append(
                    f"{program}: {node.name}")
        for node in tree.body:
            if (isinstance(node, ast.Assign)
                    and getattr(node.targets[0], "id", "")
                    == "NOT_APPLICABLE"):
                for number, why in ast.literal_eval(node.value).items():
                    if number in self.reasons:
                        self.twice.append(number)
                    self.reasons[number] = (program, why)


class Result:
    """How the tests of one case went."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.names = set()

    def add(self, verdict, name, rest):
        """One line of TAP."""
        self.names.add(name)
        if verdict == "not ok":
            self.failed += 1
        elif re.search(r"#\s*skip", rest, re.I):
            self.skipped += 1
        else:
            self.passed += 1


def number_of(text):
    """The number of a case, from a test's name."""
    return text.replace("_", ".")


def tables(root):
    """The checklists, in their order."""
    folder = root / "docs/conformance"
    return [Table(folder / f"{name}.tsv") for name in TABLES
            if (folder / f"{name}.tsv").exists()]


def read_logs(paths):
    """{number: Result} of logs of meson, or of plain TAP."""
    found = {}
    for path in paths:
        text = path.read_text(encoding="utf-8", errors="replace")
        if path.suffix == ".json":
            records = [json.loads(line) for line in text.splitlines()
                       if line.strip()]
            text = "\n".join(r.get("stdout") or "" for r in records)
        for verdict, name, number, rest in LINE.findall(text):
            found.setdefault(number_of(number), Result()).add(
                verdict, name, rest)
    return found


# -- the check ------------------------------------------------------------


def sequence(cases):
    """Problems with the numbers of a checklist."""
    numbers = [case for case, *_ in cases]
    place = [int(re.search(r"\d+$", number)[0]) for number in numbers]
    return ([f"{number} stands twice" for number in sorted(set(numbers))
             if numbers.count(number) > 1]
            + ["the numbers are not in order"] * (place != sorted(place)))


def gaps(table, tests):
    """Cases with neither test nor reason, or with both."""
    for case, statement, _ in table.cases:
        tested, excused = case in tests.methods, case in tests.reasons
        if not tested and not excused:
            yield f"{case} has neither test nor reason: {statement}"
        elif tested and excused:
            yield f"{case} has a test, and a reason why it has none"


def strangers(found, tests):
    """Tests and reasons of cases that are in no checklist."""
    known = {case for table in found for case, *_ in table.cases}
    return ([f"{name} is of no case" for number, names in
             sorted(tests.methods.items()) if number not in known
             for name in names]
            + [f"{program}: the reason for {number} is of no case"
               for number, (program, _) in sorted(tests.reasons.items())
               if number not in known]
            + [f"{number} has two reasons" for number in tests.twice])


def check(root):
    """Print TAP; returns the exit code."""
    sys.path.insert(0, str(ROOT / "tests/lint"))
    from tap import Tap
    tap, found = Tap(), tables(root)
    tests = Tests(root / "tests/http")
    tap.check("there are checklists", ["none"] * (not found))
    for table in found:
        tap.check(f"{table.name}: numbers", sequence(table.cases))
        tap.check(f"{table.name}: each case has a test or a reason",
                  list(gaps(table, tests)))
    tap.check("each numbered test is of a case", strangers(found, tests))
    return tap.finish()


# -- the page -------------------------------------------------------------


def verdict_of(case, result, tests):
    """(word, how it is shown) of a case."""
    if case in tests.reasons:
        return "does not apply", f"does not apply: {tests.reasons[case][1]}"
    if result is None or not result.passed + result.failed:
        return "not run", "**not run**"
    if result.failed:
        return "fails", (f"**fails** ({result.failed} of "
                         f"{result.failed + result.passed})")
    return "passes", f"passes ({result.passed})"


def cell(text):
    """Text for a cell of a table."""
    return text.replace("|", "\\|") or " "


def section(table, results, tests):
    """The lines of a checklist and the count of each verdict."""
    counts, rows = {}, []
    for case, statement, peers in table.cases:
        result = results.get(case)
        word, shown = verdict_of(case, result, tests)
        counts[word] = counts.get(word, 0) + 1
        names = sorted(result.names) if result else []
        rows.append("| " + " | ".join(cell(text) for text in (
            case, statement, shown,
            "<br>".join(f"`test_{name}`" for name in names), peers)) + " |")
    total = ", ".join(f"{n} {word}" for word, n in sorted(
        counts.items(), key=lambda item: -item[1]))
    return [f"## {table.title}", "", table.about, "",
            f"{len(table.cases)} cases: {total}.", "",
            "| case | what has to happen | here | tests | who fails it |",
            "|---|---|---|---|---|", *rows, ""], counts


def page(root, logs):
    """The whole page as text, and whether all is well."""
    tests, results = Tests(root / "tests/http"), read_logs(logs)
    out = ["# Conformance", "",
           "Each case of the checklists in `docs/conformance/`, with what the "
           "black-box tests", "of `tests/http/` found in one run. The number "
           "behind a verdict is how many tests", "ran: most cases are tried on "
           "content in memory, on disk and in archives. The last", "column "
           "names servers whose source, or answer, does otherwise.", "",
           "Made by `tests/tools/conformance.py`; do not edit.", ""]
    good = True
    for table in tables(root):
        lines, counts = section(table, results, tests)
        good &= not counts.keys() & {"fails", "not run"}
        out += lines
    return "\n".join(out).rstrip() + "\n", good


def main():
    """Check, or write the page."""
    parser = argparse.ArgumentParser(description="conformance by case")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--root", type=pathlib.Path, default=ROOT)
    parser.add_argument("-o", type=pathlib.Path)
    parser.add_argument("logs", nargs="*", type=pathlib.Path)
    args = parser.parse_args()
    if args.check:
        return check(args.root)
    if not args.logs:
        parser.error("no logs")

    text, good = page(args.root, args.logs)
    if args.o:
        args.o.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
