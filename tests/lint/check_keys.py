#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every key of the configuration is seen at work by a test.

usage: check_keys.py SPILLWAYD TREE

tests/http/keys.tsv names a test of tests/http for each key of --print-config,
and none besides. The test is there, and it, or its class, or what of the file
these name, sets the key. TAP.
"""
import ast
import functools
import pathlib
import re
import sys

from check_config import NAMED, run, values
from tap import Tap

# Helpers take the keys of a section with a name as arguments; this by its
# place among them.
HELPERS = {"processor.command": r"\bprocessor\("}


def keys_of(daemon):
    """section.key of all keys, of [processor NAME] and such without NAME."""
    code, text = run(daemon, "-c", "/dev/null", "--print-config",
                     *(word for one in NAMED for word in ("-o", one)))
    assert not code, text
    return {f"{section.partition(' ')[0]}.{key}" for section, key
            in values(text)}


def rows(text):
    """{key: (file, test)} of the table."""
    return {key: (file, test) for key, file, test in (
        line.split("\t") for line in text.splitlines() if line[0] != "#")}


def source_of(node, lines):
    """The lines of a class or function, without decorators."""
    return "".join(lines[node.lineno - 1:node.end_lineno])


@functools.lru_cache(maxsize=None)
def parts(path):
    """{name: source} of what a file has at the top, and of the methods and
    the rest of its classes."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    found = {}
    for node in ast.parse(text).body:
        source = source_of(node, lines)
        if isinstance(node, ast.ClassDef):
            rest = source
            for one in node.body:
                if isinstance(one, ast.FunctionDef):
                    method = source_of(one, lines)
                    found[f"{node.name}.{one.name}"] = method
                    if one.name.startswith("test_"):
                        rest = rest.replace(method, "")
            found[node.name] = rest
        elif isinstance(node, ast.Assign):
            found[ast.unparse(node.targets[0])] = source
        elif isinstance(node, ast.FunctionDef):
            found[node.name] = source
    return found


def sets(key, test, found):
    """Whether a test, its class or what they name sets a key."""
    group, _, name = key.partition(".")
    pattern = HELPERS.get(key) or (
        rf"\b{name}\s?=|\"{name}\"" if group in ("processor", "hook")
        else rf"\b{re.escape(key)}\s?=")
    left = {word: source for word, source in found.items()
            if "." not in word}
    near = found[test] + found[test.partition(".")[0]]
    while near:
        if re.search(pattern, near):
            return True
        words = set(re.findall(r"\w+", near)) & left.keys()
        near = "".join(left.pop(word) for word in sorted(words))
    return False


def wrong(key, row, folder):
    """What is wrong with a row."""
    file, test = row
    if not (folder / file).exists():
        return [f"{key}: there is no {file}"]
    found = parts(folder / file)
    if test not in found or ".test_" not in test:
        return [f"{key}: there is no test {test} in {file}"]
    if not sets(key, test, found):
        return [f"{key}: {test} in {file} does not set it"]
    return []


def main():
    """Run the checks."""
    daemon, tree = sys.argv[1], pathlib.Path(sys.argv[2])
    folder = tree / "tests/http"
    table = rows((folder / "keys.tsv").read_text(encoding="utf-8"))
    known = keys_of(daemon)
    tap = Tap()
    tap.check("every key has a test", [
        f"{key} has none" for key in sorted(known - table.keys())])
    tap.check("every row is of a key", [
        f"{key} is none" for key in sorted(table.keys() - known)])
    tap.check("the tests set the keys", [
        line for key, row in table.items() for line in wrong(key, row, folder)])
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
