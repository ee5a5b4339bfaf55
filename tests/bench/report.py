#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tables of what run.sh measured.

usage: report.py DIR

Reads DIR/samples.tsv (round, then the fields that bench.h tells of), writes
table.tsv and table.json (each workload and peer: medians and spread) and
table.md (one row a workload), and prints the last.

Ratios are of CPU time, taken within each round and then the median of them:
a round that ran while others loaded the machine compares like with like. A
ratio is marked ~ when the middle half of its rounds is wider than a fifth of
it.
"""
import collections
import json
import pathlib
import statistics
import sys

OURS = "spillway"
LIMIT = "limit:"
FLOOR = "floor:"
CPYTHON = "SpooledTemporaryFile"
# Work on larger pieces is told as a rate.
RATE_BYTES = 64 * 1024
NOISY = 0.2

Sample = collections.namedtuple("Sample", "unit bytes wall cpu")


def read_samples(path):
    """{workload: {peer: {round: Sample}}}, in the order of the file."""
    works = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        number, work, peer, unit, size, wall, cpu = line.split("\t")
        works.setdefault(work, {}).setdefault(peer, {})[int(number)] = Sample(
            unit, int(size), float(wall), float(cpu))
    return works


def median(rounds, field="cpu"):
    """The median of a field over all rounds."""
    return statistics.median(getattr(s, field) for s in rounds.values())


def spread(values):
    """Width of the middle half, as a part of the median."""
    if len(values) < 2 or not statistics.median(values):
        return 0.0
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / statistics.median(values)


def is_other(peer):
    """Whether it is a C or Go peer: what the goals are measured by."""
    return not peer.startswith((OURS, LIMIT, FLOOR)) and peer != CPYTHON


def best(peers, wanted):
    """The name of the one that takes least, None if there is none."""
    names = [name for name in peers if wanted(name)]
    return min(names, key=lambda name: median(peers[name]), default=None)


def ratio(ours, other):
    """The ratio as text."""
    values = [s.cpu / other[n].cpu for n, s in ours.items()
              if n in other and other[n].cpu]
    if not values:
        return "–"
    mark = "~" if spread(values) > NOISY else ""
    return f"{mark}{statistics.median(values):.2f}"


def human(rounds):
    """The median as text, with its unit."""
    sample = next(iter(rounds.values()))
    value = median(rounds)
    if sample.unit == "KiB":
        return f"{value / 1024:.1f} MiB"
    if sample.bytes >= RATE_BYTES:
        return f"{sample.bytes / value * 1e9 / 2**30:.1f} GiB/s"
    if value >= 1e5:
        return f"{value / 1e6:.2f} ms"
    return f"{value:.0f} ns" if value >= 100 else f"{value:.1f} ns"


def row(work, peers):
    """One row of the table for people."""
    other, limit = best(peers, is_other), best(
        peers, lambda name: name.startswith(LIMIT))
    cells = [work]
    for name in ("spillway", "spillway+budget"):
        cells.append(human(peers[name]) if name in peers else "–")
    more = [name for name in peers
            if name.startswith(OURS) and name not in
            ("spillway", "spillway+budget")]
    cells.append("; ".join(f"{name[len(OURS):].strip()} "
                           f"{human(peers[name])}" for name in more) or "–")
    cells.append(f"{human(peers[other])} {other}" if other else "–")
    for name in (CPYTHON, "floor: realloc", limit):
        cells.append(human(peers[name]) if name in peers else "–")
    ours = [name for name in peers if name.startswith(OURS)]
    for name in (other, limit):
        cells.append(" / ".join(ratio(peers[n], peers[name]) for n in ours)
                     if name else "–")
    return "| " + " | ".join(cells) + " |"


def table(works):
    """The table for people."""
    head = ("workload", "alone", "with a budget", "other ways",
            "best C or Go", "CPython", "realloc", "limit", "to best",
            "to limit")
    return "\n".join([
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
        *(row(work, peers) for work, peers in works.items())]) + "\n"


def records(works):
    """Each workload and peer as a dictionary."""
    for work, peers in works.items():
        for peer, rounds in peers.items():
            sample = next(iter(rounds.values()))
            yield {
                "workload": work, "peer": peer, "unit": sample.unit,
                "bytes": sample.bytes, "rounds": len(rounds),
                "cpu": round(median(rounds), 2),
                "cpu_min": min(s.cpu for s in rounds.values()),
                "cpu_max": max(s.cpu for s in rounds.values()),
                "wall": round(median(rounds, "wall"), 2),
                "spread": round(spread([s.cpu for s in rounds.values()]), 3),
            }


def main():
    """Make the tables."""
    out = pathlib.Path(sys.argv[1])
    works = read_samples(out / "samples.tsv")
    rows = list(records(works))
    if not rows:
        sys.exit("report.py: nothing was measured")
    with open(out / "table.tsv", "w", encoding="utf-8") as file:
        print(*rows[0], sep="\t", file=file)
        for record in rows:
            print(*record.values(), sep="\t", file=file)
    (out / "table.json").write_text(json.dumps(rows, indent=1) + "\n",
                                    encoding="utf-8")
    (out / "table.md").write_text(table(works), encoding="utf-8")
    print(table(works), end="")


main()
