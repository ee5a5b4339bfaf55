#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What compiler and linker were told to harden is hard.

usage: check_hardening.py [--fortified] PROGRAM|LIBRARY...

Asks readelf and objdump of the files as they were built: position-independent
code, tables that are read-only once the program runs (full RELRO), no memory
that can be written and run, stack canaries, probes of large stack frames,
checked copies (--fortified: built with optimisation), and landing pads for
indirect jumps where the processor knows them. TAP.
"""
import pathlib
import platform
import re
import shutil
import subprocess
import sys

from tap import Tap


def output(*command):
    """What a command prints."""
    return subprocess.run(command, text=True, stdout=subprocess.PIPE,
                          check=True, timeout=120).stdout


def check_file(path, fortified):
    """(what, problems) of one file."""
    header = output("readelf", "-W", "-h", path)
    segments = output("readelf", "-W", "-l", path)
    dynamic = output("readelf", "-W", "-d", path)
    symbols = output("readelf", "-W", "--dyn-syms", path)
    program = "INTERP" in segments
    yield "position-independent", [
        line for line in [header]
        if not re.search(r"Type: +DYN", line)
        or program and not re.search(r"FLAGS_1.*\bPIE\b", dynamic)]
    yield "full RELRO", [what for what, there in (
        ("no GNU_RELRO", "GNU_RELRO" in segments),
        ("not bound at the start", re.search(r"BIND_NOW|\bNOW\b", dynamic)),
        ("relocations of code", "TEXTREL" not in dynamic)) if not there]
    yield "nothing is written and run", [
        line for line in segments.splitlines()
        if re.match(r" +(LOAD|GNU_STACK) ", line)
        and re.search(r" RWE | R?WE ", line)]
    yield "stack canaries", (
        [] if "__stack_chk_fail" in symbols else ["no __stack_chk_fail"])
    if fortified and program:
        yield "checked copies", (
            [] if re.search(r" __\w+_chk(@|$)", symbols, re.M)
            else ["no __..._chk"])


def check_code(path):
    """(what, problems) of the instructions of a program, on x86-64."""
    code = output("objdump", "-d", "--no-show-raw-insn", path)
    yield "large stack frames are probed", (
        [] if re.search(r"\bor[a-z]? +\$0x0,(0x\w+)?\(%rsp", code)
        else ["no probe"])
    # The property of the whole depends on the C library's objects, too.
    main = re.search(r"<main>:\n +\w+:\s+(\w+)", code)
    yield "landing pads", (
        [] if main and main[1] == "endbr64" else ["main has no endbr64"])


def main():
    """Run the checks."""
    args = sys.argv[1:]
    fortified = "--fortified" in args
    tap = Tap()
    for path in (arg for arg in args if not arg.startswith("--")):
        name = pathlib.Path(path).name
        if not shutil.which("readelf") or not shutil.which("objdump"):
            tap.skip(name, "binutils are not installed")
            continue
        for what, problems in check_file(path, fortified):
            tap.check(f"{name}: {what}", problems)
        if ".so" not in name and platform.machine() == "x86_64":
            for what, problems in check_code(path):
                tap.check(f"{name}: {what}", problems)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
