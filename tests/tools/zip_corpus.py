#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A corpus of zip archives through a running daemon, row by row.

usage: zip_corpus.py SPILLWAYD FOLDER [REGEX]

FOLDER holds manifest.tsv (file, split, verdict, entries_expected, flags ...)
and entries.tsv (file, index, method, libzip_result, sha256, python_agrees
...); rows of another split than `public` are left out. What a verdict asks
for:

  list         listed, with so many entries; their bytes have these digests
  list+warn    the same, and the listing says that something is wrong
  reject       an answer of 4xx
  reject|warn  an answer of 4xx, or listed and said that something is wrong
  any          no crash, no 5xx

Everywhere: the same answer twice, and an entry that is damaged is never
answered as if it were whole. Archives that python's zipfile, unzip and 7-Zip
all accept are compared with what those list. Prints TAP.
"""
import collections
import csv
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import zipfile

HTTP = pathlib.Path(__file__).resolve().parent.parent / "http"
sys.path.insert(0, str(HTTP))
import daemon as program  # noqa: E402
from harness import Tap  # noqa: E402
from wire import Conn, WireError  # noqa: E402

ENTRY_MAX = 64 << 20
BROKEN = re.compile("CRC|ZLIB|EOF|NOPASSWD|COMPRESSED_DATA")


def rows(path):
    """The rows of a table."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        yield from csv.DictReader(file, delimiter="\t",
                                  quoting=csv.QUOTE_NONE)


class Archive:
    """One archive, in the daemon."""

    def __init__(self, daemon, folder, row, entries):
        self.daemon, self.row, self.entries = daemon, row, entries
        self.path = folder / row["file"]
        self.why = []

    def http(self, method, target, body=None):
        """One request on a connection of its own. None: it was cut."""
        with Conn(self.daemon.address) as conn:
            try:
                return conn.request(method, target, {}, body)
            except WireError:
                return None

    def check(self):
        """Returns: what is wrong."""
        self.http("PUT", "/files/z", self.path.read_bytes())
        first, again = (self.http("GET", "/files/z/zip?limit=1000000")
                        for _ in range(2))
        if first.status != again.status or first.body != again.body:
            self.why.append("two answers")
        self.verdict(first)
        if first.status == 200:
            for entry in self.entries:
                self.entry(entry)
        return self.why

    def verdict(self, answer):
        """Is the listing what is asked for?"""
        verdict, status = self.row["verdict"], answer.status
        if status not in (200, 422):
            self.why.append(f"answered {status}")
        if status == 422:
            if verdict in ("list", "list+warn"):
                self.why.append(f"refused: {answer.body[:200]}")
            return
        page = json.loads(answer.body)
        if verdict == "reject":
            self.why.append("listed")
        if verdict in ("list+warn", "reject|warn") and not page["warnings"]:
            self.why.append("nothing was said against it")
        if verdict in ("list", "list+warn"):
            want = int(self.row["entries_expected"])
            if len(page["entries"]) != want:
                self.why.append(f"{len(page['entries'])} entries, not {want}")
            self.compare(page["entries"], page["warnings"])

    def compare(self, entries, warnings):
        """What others list, where all of them list it."""
        counts = {self.row[f"n_{who}"]
                  for who in ("libzip", "python", "unzip", "7z")}
        ends = any(w["kind"] == "several-ends" for w in warnings)
        if counts != {str(len(entries))} or self.row["hazards"] or ends:
            return
        with zipfile.ZipFile(self.path) as archive:
            for ours, info in zip(entries, archive.infolist()):
                if (ours["size"], ours["compressed_size"],
                        int(ours["crc32"], 16)) != (
                            info.file_size, info.compress_size, info.CRC):
                    self.why.append(f"python differs in {info.filename!r}")
        run = subprocess.run(["unzip", "-Z1", str(self.path)],
                             capture_output=True, timeout=60, check=False)
        if run.returncode == 0 and len(run.stdout.splitlines()) != len(
                entries):
            self.why.append("unzip differs")

    def entry(self, row):
        """One entry: the digest that is known, or never a whole answer."""
        if not row["size"].isdigit() or int(row["size"]) > ENTRY_MAX:
            return
        answer = self.http("GET", f"/files/z/zip/?index={row['index']}")
        status = answer.status if answer else 0
        verdict, agrees = self.row["verdict"], row["python_agrees"]
        if status >= 500:
            self.why.append(f"entry {row['index']}: {status}")
        if row["libzip_result"] == "ok" and agrees in ("yes", "na"):
            if verdict == "list" and status != 200:
                self.why.append(f"entry {row['index']}: {status}")
            if (status == 200 and verdict in ("list", "list+warn")
                    and hashlib.sha256(answer.body).hexdigest()
                    != row["sha256"]):
                self.why.append(f"entry {row['index']}: other bytes")
        elif (status == 200 and BROKEN.search(row["libzip_result"])
              and verdict != "any" and not agrees.startswith("py:ok")):
            self.why.append(f"entry {row['index']}: whole, and is not")


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[2])
    program.program = sys.argv[1]
    entries = collections.defaultdict(list)
    for row in rows(folder / "entries.tsv"):
        entries[row["file"]].append(row)
    daemon, tap = program.Daemon(), Tap()
    for row in rows(folder / "manifest.tsv"):
        if row["split"] != "public" or (
                len(sys.argv) == 4 and not re.search(sys.argv[3],
                                                     row["file"])):
            continue
        why = Archive(daemon, folder, row, entries[row["file"]]).check()
        tap.line(not why, f"{row['file']} {row['verdict']}",
                 "; ".join(why[:4]))
        if not daemon.is_alive():
            sys.exit("the daemon died")
    daemon.stop()
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
