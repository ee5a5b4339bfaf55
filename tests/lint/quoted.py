# SPDX-License-Identifier: MIT
"""Code in documents is code that is compiled and run."""
import pathlib
import re

import source

EXAMPLES = ("lib/examples", "client/examples", "examples")
PAGES = ("lib/man", "client/man", "server/man")
FENCED = re.compile(r"^```c\n(.*?)^```$", re.M | re.S)
SHOWN = re.compile(r"^\.Bd -literal\n(.*?)^\.Ed$", re.M | re.S)


def quotes_of_markdown(text):
    """(offset, code) for each block of C."""
    for match in FENCED.finditer(text):
        yield match.start(1), match.group(1)


def quotes_of_page(text):
    """(offset, code) for each display in the examples of a page."""
    start = text.find("\n.Sh EXAMPLES\n")
    stop = text.find("\n.Sh ", start + 1)
    if start < 0:
        return
    for match in SHOWN.finditer(text, start, stop + 1 or len(text)):
        code = re.sub(r"^\\&", "", match.group(1), flags=re.M)
        yield match.start(1), code.replace("\\e", "\\")


def documents(root):
    """The documents with code in them, and how it is found there."""
    for path in [root / "README.md", *sorted(root.glob("docs/*.md"))]:
        if path.exists():
            yield path.relative_to(root), quotes_of_markdown
    for folder in PAGES:
        for path in sorted(root.glob(f"{folder}/*.3")):
            yield path.relative_to(root), quotes_of_page


def check_quoted_code(tree):
    """Code in documents stands word for word in an example"""
    programs = ["\n" + f.text for f in tree.c_files(*EXAMPLES)]
    for path, quotes_of in documents(tree.root):
        document = source.Source(tree.root, pathlib.Path(path))
        for offset, code in quotes_of(document.text):
            if not any("\n" + code in program for program in programs):
                yield (document, document.line_of(offset),
                       f"this code is in no program of {', '.join(EXAMPLES)}")
