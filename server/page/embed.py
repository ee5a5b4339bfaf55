#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write the files of the page, and the description of the API, as constants
of C.

usage: embed.py OPENAPI.json INDEX.html FILE... > page_assets.c

Files are served as /page/VERSION/NAME, where VERSION is of the content of all
of them: what is kept by a browser never meets what it does not go with.
INDEX.html, the first of them, names the others through two words that are replaced:
`@page@` by the folder, `<!-- @modules@ -->` by a line for each module, so that
none waits until another that imports it has come.
"""
import gzip
import hashlib
import pathlib
import sys

TYPES = {".html": "text/html; charset=utf-8",
         ".css": "text/css; charset=utf-8",
         ".json": "application/json",
         ".mjs": "text/javascript; charset=utf-8",
         ".svg": "image/svg+xml"}

HEAD = """\
/* SPDX-License-Identifier: MIT */
/* Written by server/page/embed.py. */
#include "front/page_assets.h"

"""


def fill_in(index, version, names):
    """INDEX.html with what only this program knows."""
    folder = f"/page/{version}"
    modules = "\n".join(f'<link rel="modulepreload" href="{folder}/{name}">'
                        for name in names if name.endswith(".mjs"))
    return (index.replace("<!-- @modules@ -->", modules)
            .replace("@page@", folder))


def form(name, data):
    """One form of a file: its array, and the text of its struct."""
    tag = hashlib.sha256(data).hexdigest()[:32]
    lines = [",".join(map(str, data[at:at + 32])) + ",\n"
             for at in range(0, len(data), 32)]
    return (f"static const unsigned char {name}[] = {{\n{''.join(lines)}}};\n",
            f'{{{name}, sizeof({name}), "\\"{tag}\\""}}')


def asset(number, path, data):
    """One file: its two arrays, and the text of its struct."""
    plain, plain_row = form(f"plain_{number}", data)
    small, small_row = form(f"gzip_{number}", gzip.compress(data, mtime=0))
    kind = TYPES[pathlib.Path(path).suffix]
    return (plain + small,
            f'{{"{path}", "{kind}",\n\t{plain_row},\n\t{small_row}}}')


def main():
    """Read the files, write the C."""
    openapi, index, *others = map(pathlib.Path, sys.argv[1:])
    contents = {path.name: path.read_bytes() for path in others}
    first = index.read_text(encoding="utf-8")
    version = hashlib.sha256(
        repr((first, sorted(contents.items()))).encode()).hexdigest()[:16]
    page = fill_in(first, version, sorted(contents))
    arrays, rows = zip(*(
        asset(number, f"{version}/{name}", data)
        for number, (name, data) in enumerate(
            [(index.name, page.encode()), *sorted(contents.items())])))
    array, row = asset("api", openapi.name, openapi.read_bytes())
    sys.stdout.write(
        f"{HEAD}{''.join(arrays)}{array}\n"
        f"const struct page_asset openapi_asset = {row};\n"
        "const struct page_asset page_assets[] = {\n"
        f"{''.join(f'    {one},' + chr(10) for one in rows)}}};\n"
        "const size_t page_asset_count =\n"
        "    sizeof(page_assets) / sizeof(page_assets[0]);\n")


if __name__ == "__main__":
    main()
