#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The manuals of the libraries say what the headers say.

usage: manual.py --update

Each public header of lib/ has a page in lib/man/, and each of client/ and
server/ one in man/ there. Its names, its synopsis, the beginning of its
description, its types and the entry of each function are the header's own
words as mdoc; what is around them is written by hand.
The rule compares; --update writes those parts anew. What has no place in a
page yet, it puts at the end; move it where it fits. A header without a page
gets one to begin with.
"""
import pathlib
import re
import sys

import declare
import mdoc
import source

# Where headers are: where their pages are, what those begin with, and what of
# a header's name that stands for.
MANUALS = {
    "lib/include/spillway": ("lib/man", "spw_", ""),
    "client/include/spillway": ("client/man", "spwc_", "client_"),
    "server/include/spillway": ("server/man", "spw_", ""),
}
# A header whose page is the overview: it has macros only.
OVERVIEW = {"base.h": "spillway"}
# One whose page has another name, since there is a function of that name.
RENAMED = {"client_url.h": "spwc_read_url", **OVERVIEW}
DOCUMENTS = ("README.md", "docs/from-python.md")


def has_page(header):
    """Whether a public header is one of those with a page."""
    return header.under(*MANUALS)


def page_of(header):
    """The path of the page of a header."""
    pages, prefix, dropped = MANUALS[header.path.parent.as_posix()]
    stem = RENAMED.get(header.path.name,
                       prefix + header.path.stem.removeprefix(dropped))
    return f"{pages}/{stem}.3"


def find(lines, start, first):
    """The index of the first line from `start` on that begins so, or None."""
    for at in range(start, len(lines)):
        if lines[at].startswith(first):
            return at
    return None


def section(lines, head, end):
    """The lines (from, to) between two headings."""
    start = find(lines, 0, head)
    stop = None if start is None else find(lines, start + 1, end)
    return None if stop is None else (start + 1, stop)


def entry(lines, name):
    """The lines (from, to) of a function's entry, its head included."""
    start = next((at for at, line in enumerate(lines)
                  if line.split()[:3] == [".It", "Fn", name]), None)
    if start is None:
        return None
    depth, at = 0, start + 1
    while at < len(lines):
        if depth == 0 and lines[at].startswith((".It ", ".El")):
            break
        depth += lines[at].startswith(".Bl")
        depth -= lines[at].startswith(".El")
        at += 1
    return start, at


def names(functions):
    """The lines that name all functions."""
    last = functions[-1].name
    return [f".Nm {f.name}" + (" ," if f.name != last else "")
            for f in functions]


def wanted(header, page_lines):
    """(what, line of the header, (from, to), lines) for each part."""
    functions = list(declare.functions(header.text))
    if functions:
        yield ("names", 1, section(page_lines, ".Sh NAME", ".Nd"),
               names(functions))
    yield ("synopsis", 1,
           section(page_lines, ".Sh SYNOPSIS", ".Sh DESCRIPTION"),
           mdoc.synopsis(header.path.name, functions))
    yield ("description", 1, section(page_lines, ".Sh DESCRIPTION", ".S"),
           mdoc.paragraphs(declare.opening(header.text), subjects=True))
    types = declare.types(header.text)
    if types:
        yield ("types", 1, section(page_lines, ".Ss Types", ".S"),
               mdoc.types(types))
    for at, function in enumerate(functions):
        if not function.contract:
            continue
        body = mdoc.contract(function.contract)
        # Several under one comment: the last has the body.
        below = functions[at + 1:at + 2]
        if (below and below[0].contract
                and below[0].contract.start == function.contract.start):
            body = []
        yield (f"{function.name}()", function.line,
               entry(page_lines, function.name),
               [mdoc.head(function), *body])


def check_manual(tree):
    """The manuals say what the headers say"""
    for header in tree.public_headers():
        if not has_page(header):
            continue
        path = tree.root / page_of(header)
        if not path.exists():
            yield header, 1, f"has no page {page_of(header)}"
            continue
        page = source.Source(tree.root, pathlib.Path(page_of(header)))
        if header.path.name in OVERVIEW:
            for name in declare.identifiers(header.text) | set(
                    re.findall(r"-E[A-Z]+", header.text)):
                if name not in page.text and not name.endswith("_"):
                    yield header, 1, f"{name}: not in {page.path}"
            continue
        for what, line, place, lines in wanted(header, page.lines):
            if not place:
                yield (header, line, f"{what}: has no place in {page.path}; "
                       "see tests/lint/manual.py --update")
            elif page.lines[place[0]:place[1]] != lines:
                yield (page, place[0] + 1, f"{what}: not as in {header.path}; "
                       "see tests/lint/manual.py --update")


def check_manual_names(tree):
    """Documents name no function or constant that does not exist"""
    known = {"spw_free"}
    for header in tree.public_headers():
        known |= declare.identifiers(header.text)
        if has_page(header):
            known.add(pathlib.Path(page_of(header)).stem)
    pages = [f for f in tree.named(".3")
             if f.under(*(pages for pages, _, _ in MANUALS.values()))]
    # In capitals in their first lines.
    titles = {f.path.stem for f in pages}
    texts = [source.Source(tree.root, pathlib.Path(name))
             for name in DOCUMENTS if (tree.root / name).exists()]
    for text in pages + texts:
        for match in declare.IDENTIFIER.finditer(text.text):
            name = match.group()
            if name.lower() in titles and name.isupper():
                continue
            # A family: SPW_SAVE_..., spw_aio_prep_...
            family = name.endswith("_") and any(
                other.startswith(name) for other in known)
            if name not in known and not family:
                yield (text, text.line_of(match.start()),
                       f"there is no {name}")


def skeleton(header):
    """The lines of a page to begin with."""
    stem = pathlib.Path(page_of(header)).stem
    first = declare.opening(header.text)[0].split(".")[0]
    what = declare.words(re.sub(r"`|\(\)", "", first))
    lines = ['.\\" SPDX-License-Identifier: MIT', ".Dd November 21, 2026",
             f".Dt {stem.upper()} 3", ".Os", ".Sh NAME",
             f".Nd {what[0].lower()}{what[1:]}", ".Sh SYNOPSIS",
             ".Sh DESCRIPTION", ".Sh SEE ALSO",
             f".Xr {'spwc_client' if stem.startswith('spwc_') else 'spillway'} 3", ""]
    if any(declare.functions(header.text)):
        lines[8:8] = [".Ss Functions", ".Bl -tag -width Ds", ".El"]
    else:
        lines.insert(5, f".Nm {stem}")
    return lines


def make_places(header, lines):
    """Give a place to what has none."""
    start = find(lines, 0, ".Sh DESCRIPTION")
    if declare.types(header.text) and ".Ss Types" not in lines:
        lines.insert(find(lines, start + 1, ".S"), ".Ss Types")
    for function in declare.functions(header.text):
        if function.contract and not entry(lines, function.name):
            end = find(lines, start + 1, ".Sh")
            last = max(at for at in range(start, end) if lines[at] == ".El")
            lines.insert(last, f".It Fn {function.name}")


def update(tree):
    """Write the parts of all pages anew."""
    for header in tree.public_headers():
        if not has_page(header) or header.path.name in OVERVIEW:
            continue
        path = tree.root / page_of(header)
        lines = (path.read_text(encoding="utf-8").split("\n")
                 if path.exists() else skeleton(header))
        make_places(header, lines)
        # From the end, so that the places of the others stay.
        parts = sorted((part for part in wanted(header, lines)),
                       key=lambda part: part[2], reverse=True)
        for _, _, (start, end), new in parts:
            lines[start:end] = new
        path.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["--update"]:
        sys.exit(__doc__)
    update(source.Tree(pathlib.Path(__file__).resolve().parents[2]))
