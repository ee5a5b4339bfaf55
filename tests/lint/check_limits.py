#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The table of limits is true.

usage: check_limits.py SPILLWAYD TREE

Each key that docs/limits.md names has that default, each metric is one of
metrics.h, each test exists; and no key of [server], [spool], [store] or
[upload] that is a maximum or a time is missing. TAP.
"""
import pathlib
import re
import sys

from check_config import run, values
from tap import Tap

CELL = re.compile(r"`([^`]+)`")
# Keys of those sections that limit nothing a client controls.
NO_LIMITS = {"confidential", "cors_origins", "dir", "digest",
             "drain_timeout", "durability", "hand_over", "io_threads",
             "keep_threads", "listen", "page", "proxy_fields", "threads",
             "timing", "tls_cert", "tls_key", "trusted_proxies", "ttl",
             "unix_mode", "unix_owner"}


def rows(text):
    """The cells of each row of the table."""
    for line in text.splitlines():
        if line.startswith("| ") and not line.startswith("| what"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def metrics_of(text):
    """Names with their label, as in GET /metrics without the prefix."""
    found = re.findall(r'\w+, (?:COUNTER|GAUGE|SECONDS), "(\w+)",\s*\\?\s*'
                       r'(?:NULL|"((?:[^"\\]|\\.)*)")', text)
    return {name + (f"{{{label}}}".replace('\\"', '"') if label else "")
            for name, label in found}


def tests_of(tree):
    """(file name, class or function) of all tests."""
    found = set()
    for path in (tree / "tests").rglob("*_*"):
        if (path.name.startswith(("test_", "fault_"))
                and path.suffix in (".py", ".c")):
            words = re.findall(r"^(?:class|\s*def|static void) (\w+)",
                               path.read_text(encoding="utf-8"), re.M)
            found |= {(path.name, word) for word in words}
    return found


def main():
    """Run the checks."""
    daemon, tree = sys.argv[1], pathlib.Path(sys.argv[2])
    table = list(rows((tree / "docs/limits.md").read_text(encoding="utf-8")))
    metrics = metrics_of(
        (tree / "server/base/metrics.h").read_text(encoding="utf-8"))
    tests = tests_of(tree)
    code, said = run(daemon, "-c", "/dev/null", "--print-config")
    defaults = {f"{section}.{key}": value
                for (section, key), value in values(said).items()}
    tap = Tap()
    tap.check("--print-config works", [said] if code else [])
    tap.check("there is a table", [] if len(table) > 10 else ["there is none"])
    named = set()
    for what, key, default, _, metric, test in table:
        key, default = CELL.search(key)[1], CELL.search(default)[1]
        named.add(key)
        wrong = []
        if defaults.get(key) != default:
            wrong.append(f"{key} is {defaults.get(key)}, not {default}")
        if CELL.search(metric)[1] not in metrics:
            wrong.append(f"there is no metric {metric}")
        if tuple(CELL.findall(test)) not in tests:
            wrong.append(f"there is no test {test}")
        tap.check(what, wrong)
    tap.check("no limit is missing", [
        f"{key} is not in the table" for key in sorted(defaults)
        if key.partition(".")[0] in ("server", "spool", "store", "upload")
        and key.partition(".")[2] not in NO_LIMITS and key not in named])
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
