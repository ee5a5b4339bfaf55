#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The house rules that a program can check.

usage: lint.py [--build DIR] [--tap] [--format] [RULE...]

Prints `file:line: what` for each breach and ends with exit code 1 if there
was one. --build names a built tree, for the rules about objects; --tap
prints one TAP line a rule, for meson; --format adds what clang-format would
change, as a hint that fails nothing. RULE is a name as --list prints them.
"""
import argparse
import pathlib
import sys

import layers
import manual
import quoted
import source
import text
import tools

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

RULES = {
    "ranks": layers.check_ranks,
    "doors": layers.check_doors,
    "system-calls": layers.check_system_calls,
    "banned": text.check_banned,
    "spdx": text.check_spdx,
    "file-length": text.check_file_length,
    "columns": text.check_columns,
    "white-space": text.check_white_space,
    "comments": text.check_comments,
    "functions": tools.check_functions,
    "public-headers": tools.check_public_headers,
    "private-headers": tools.check_private_headers,
    "globals": tools.check_globals,
    "man": tools.check_man,
    "manual": manual.check_manual,
    "manual-names": manual.check_manual_names,
    "quoted-code": quoted.check_quoted_code,
}


def findings(name, rule, tree, build):
    """The breaches of a rule as lines of text."""
    found = rule(tree, build) if name == "globals" else rule(tree)
    return [f"{src.path}:{line}: {what}" for src, line, what in found]


def main():
    """Run the rules asked for."""
    parser = argparse.ArgumentParser(description="check the house rules")
    parser.add_argument("--build", type=pathlib.Path)
    parser.add_argument("--tap", action="store_true")
    parser.add_argument("--format", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("rules", nargs="*", choices=[[], *RULES])
    args = parser.parse_args()
    if args.list:
        print("\n".join(RULES))
        return 0

    tree = source.Tree(ROOT)
    build = args.build.resolve() if args.build else None
    names = args.rules or list(RULES)
    mark = "# " if args.tap else ""
    broken = 0
    if args.tap:
        print(f"1..{len(names)}")
    for number, name in enumerate(names, 1):
        skipped = ""
        found = []
        try:
            found = findings(name, RULES[name], tree, build)
        except tools.Skip as why:
            skipped = f" # SKIP {why}"
        broken += len(found)
        if args.tap:
            print(f"{'not ok' if found else 'ok'} {number} - {name}{skipped}")
        elif skipped:
            print(f"{name}:{skipped}", file=sys.stderr)
        for line in found:
            print(mark + line)
    if args.format:
        for line in findings("format", tools.check_format, tree, None):
            print(f"{mark}hint: {line}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
