#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: analyze.py BUILD [TOOL...]

(By ./dev analyze, which installs what is needed.)

Static analysis of lib/, server/ and client/, compiled as BUILD compiles them:
gcc -fanalyzer, clang-tidy (.clang-tidy) and cppcheck. Fails on what is not in
analyze.known, and on what is there and not found any more. With TOOLs, only
these: gcc, clang-tidy, cppcheck.
"""
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
KNOWN = os.path.join(HERE, "analyze.known")
TOOLS = ("gcc", "clang-tidy", "cppcheck")
FOLDERS = ("lib", "server", "client")

# PATH:LINE:[COLUMN:] KIND: TEXT [CHECK]; gcc has no place for some.
FINDING = re.compile(r"^(?:(?P<path>[^\s:]+):(?P<line>\d+):(?:\d+:)?|cc1:) "
                     r"(?:warning|error|portability|performance): "
                     r"(?P<text>.*) \[(?P<check>[-\w.,=+]+)\]$")


def commands(build):
    """Of each source file: its path and how it is compiled."""
    with open(os.path.join(build, "compile_commands.json"),
              encoding="utf-8") as file:
        entries = json.load(file)
    found = {}
    for entry in entries:
        path = os.path.realpath(os.path.join(build, entry["file"]))
        name = os.path.relpath(path, ROOT)
        if name.split(os.sep)[0] in FOLDERS:
            found[name] = shlex.split(entry["command"])
    return found


def run(command, cwd):
    """What a tool says, or why there is no such tool."""
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, check=False,
                          env={**os.environ, "LC_ALL": "C"})
    return done.returncode, done.stdout


def findings(text, cwd, source, build=None):
    """What it found: {(path, check, line, text)}. Some paths may be as BUILD
    has them."""
    found = set()
    for line in text.splitlines():
        match = FINDING.match(line)
        if not match:
            continue
        path = source
        if match["path"]:
            base = build if build and match["path"].startswith("..") else cwd
            path = os.path.relpath(os.path.realpath(
                os.path.join(base, match["path"])), ROOT)
        found.add((path, match["check"], match["line"] or "?", match["text"]))
    return found


def gcc(build, name, command, scratch):
    """Compile one file once more, with the analyzer."""
    words = [word for word in command if word not in ("ccache", "-MD")]
    for option in ("-MQ", "-MF", "-o"):
        if option in words:
            del words[words.index(option):words.index(option) + 2]
    out = os.path.join(scratch, name.replace("/", "_") + ".o")
    code, text = run([*words, "-o", out, "-fanalyzer",
                      "-fdiagnostics-color=never",
                      "-fdiagnostics-path-format=none"], build)
    if code:
        sys.exit(text)
    os.unlink(out)
    return findings(text, build, name)


def clang_tidy(build, name):
    """Its checks are in .clang-tidy."""
    _, text = run(["clang-tidy", "-p", build, "--quiet",
                   "--extra-arg=-Wno-unknown-warning-option",
                   os.path.join(ROOT, name)], ROOT)
    if "clang-diagnostic-error" in text:
        sys.exit(text)
    return findings(text, ROOT, name, build)


def cppcheck(names):
    """All at once: it looks across files as well."""
    code, text = run(
        ["cppcheck", "-q", "--std=c11", "--library=posix", "-D_GNU_SOURCE",
         "--enable=warning,portability,performance", "--inline-suppr",
         "--template={file}:{line}: {severity}: {message} [{id}]",
         *(f"-I{folder}" for folder in (
             "lib", "lib/include", "server", "server/include", "client",
             "client/include")), *names], ROOT)
    if code:
        sys.exit(text)
    return findings(text, ROOT, "?")


def all_findings(build, tools):
    """{tool: findings}"""
    sources = commands(build)
    found = {tool: set() for tool in tools}
    jobs = []
    with tempfile.TemporaryDirectory() as scratch, \
            ThreadPoolExecutor(os.cpu_count()) as pool:
        if "cppcheck" in tools:
            jobs.append(("cppcheck", pool.submit(cppcheck, sorted(sources))))
        if "gcc" in tools:
            jobs += [("gcc", pool.submit(gcc, build, name, command, scratch))
                     for name, command in sources.items()]
        if "clang-tidy" in tools:
            jobs += [("clang-tidy", pool.submit(clang_tidy, build, name))
                     for name in sources]
        try:
            for tool, job in jobs:
                found[tool] |= job.result()
        except SystemExit:
            pool.shutdown(cancel_futures=True)
            raise
    return found


def known():
    """{(tool, path, check): how many}; each line ends with a reason."""
    counts = {}
    with open(KNOWN, encoding="utf-8") as file:
        for line in file:
            words = line.split(None, 4)
            if not words or words[0] == "#":
                continue
            tool, path, check, count, _ = words
            counts[tool, path, check] = int(count)
    return counts


def main():
    tools = sys.argv[2:] or TOOLS
    if len(sys.argv) < 2 or not set(tools) <= set(TOOLS):
        sys.exit(__doc__)
    groups = defaultdict(list)
    build = os.path.abspath(sys.argv[1])
    for tool, found in all_findings(build, tools).items():
        for path, check, line, text in sorted(found):
            groups[tool, path, check].append(f"{path}:{line}: {text}")
    wanted = {key: count for key, count in known().items()
              if key[0] in tools}
    bad = 0
    for key, lines in sorted(groups.items()):
        count = wanted.pop(key, 0)
        if len(lines) == count:
            continue
        bad += 1
        print(f"{' '.join(key)}: {len(lines)}, and {count} known")
        print("".join(f"    {line}\n" for line in lines), end="")
    for key, count in sorted(wanted.items()):
        bad += 1
        print(f"{' '.join(key)}: none, and {count} known")
    total = sum(map(len, groups.values()))
    print(f"{total} findings, {bad} groups that are not as analyze.known "
          "has them")
    sys.exit(bad > 0)


main()
