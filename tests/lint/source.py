# SPDX-License-Identifier: MIT
"""The files that the lint reads, and C text without its comments."""
import functools
import os
import pathlib
import re

SKIPPED_DIRS = {".git", ".cache", ".ci", "__pycache__", "corpus"}
C_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(match):
    """What replaces a token: as many lines, and quotes that stay empty."""
    token = match.group()
    if token[0] in "\"'":
        return token[0] * 2
    return "\n" * token.count("\n") or " "


def strip_c(text):
    """C text without comments and without what stands in quotes."""
    return C_TOKEN.sub(blank, text)


class Source:
    """One text file, by its path from the top of the tree."""

    def __init__(self, root, path):
        self.path = path
        self.full = root / path
        self.text = self.full.read_text(encoding="utf-8", errors="replace")
        self.lines = self.text.split("\n")
        self.suffix = path.suffix

    @functools.cached_property
    def code(self):
        """The C text without comments and literals, line for line."""
        return strip_c(self.text)

    def under(self, *folders):
        """Whether the file is in one of these folders, at any depth."""
        name = self.path.as_posix()
        return any(name.startswith(folder + "/") for folder in folders)

    def line_of(self, offset):
        """The line number of an offset in `code` or `text`."""
        return self.text.count("\n", 0, offset) + 1

    def code_line_of(self, offset):
        """The line number of an offset in `code`."""
        return self.code.count("\n", 0, offset) + 1


class Tree:
    """The source tree, without what is built and without test data."""

    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self.files = []
        for folder, dirs, names in os.walk(self.root):
            here = pathlib.Path(folder)
            dirs[:] = sorted(
                d for d in dirs
                if d not in SKIPPED_DIRS
                and not (here == self.root and d.startswith("build")))
            for name in sorted(names):
                if wanted(name):
                    path = (here / name).relative_to(self.root)
                    self.files.append(Source(self.root, path))
        self.paths = {f.path.as_posix() for f in self.files}

    def named(self, *suffixes):
        """The files whose names end so."""
        return [f for f in self.files if f.path.name.endswith(suffixes)]

    def c_files(self, *folders):
        """The C sources and headers, of these folders or of all."""
        files = self.named(".c", ".h")
        return [f for f in files if not folders or f.under(*folders)]

    def public_headers(self):
        """The headers that are installed, as <spillway/NAME>."""
        return [f for f in self.named(".h")
                if f.path.as_posix().split("/")[-3:-1]
                == ["include", "spillway"]]


def wanted(name):
    """Whether the lint has a rule for files of this name."""
    return name in ("dev", "Dockerfile", "meson.build") or name.endswith(
        (".c", ".h", ".py", ".sh", ".in", ".conf", ".1", ".3", ".5", ".8"))
