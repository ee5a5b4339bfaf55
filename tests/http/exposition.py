# SPDX-License-Identifier: MIT
"""What a scraper sees of GET /metrics: both formats are read as strictly as
they are written down, and names are judged as `promtool check metrics` does.

Source: Prometheus text exposition format 0.0.4; OpenMetrics 1.0.0; the
conventions of prometheus.io/docs/practices/naming.
"""
import math
import re
from dataclasses import dataclass, field

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"')
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)")
META = re.compile(rf"# (HELP|TYPE|UNIT) ({NAME}) (.+)")
NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|Inf)|NaN")
# How OpenMetrics writes the bounds of buckets.
CANONICAL = re.compile(r"\d+\.\d+|\+Inf")

SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
TYPES = ("counter", "gauge", "histogram")
ABBREVIATED = {"s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb",
               "pb", "m", "h", "d"}
NOT_BASE = {"milliseconds", "microseconds", "nanoseconds", "minutes", "hours",
            "days", "bits", "kilobytes", "kibibytes", "megabytes",
            "mebibytes", "gigabytes", "gibibytes", "percent"}


class Bad(AssertionError):
    """It is no exposition, or not a good one."""


def check(good, what):
    """It has to be so."""
    if not good:
        raise Bad(what)


@dataclass
class Family:
    """Samples of one name, and what is said of them."""

    name: str
    meta: dict = field(default_factory=dict)
    samples: dict = field(default_factory=dict)

    @property
    def type(self):
        """counter, gauge or histogram"""
        return self.meta.get("TYPE")


def parse_labels(text):
    """{name: value} of what stands in braces."""
    labels = {}
    while text:
        match = LABEL.match(text)
        check(match, f"labels: {text}")
        check(match[1] not in labels, f"{match[1]} twice")
        labels[match[1]] = re.sub(
            r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], match[2])
        text = text[match.end():]
        check(not text or re.match(r",.", text), f"behind a label: {text}")
        text = text[1:]
    return labels


class Reader:
    """Reads one exposition."""

    def __init__(self, text, openmetrics):
        self.open = openmetrics
        self.families = {}
        self.current = None
        lines = text.split("\n")
        check(lines.pop() == "", "no line break at the end")
        if openmetrics:
            check(lines and lines.pop() == "# EOF", "no # EOF at the end")
        for line in lines:
            if line.startswith("#"):
                self.comment(line)
            else:
                self.sample(line)
        for family in self.families.values():
            check(family.samples or family.type == "histogram",
                  f"no samples of {family.name}")
            if family.type == "histogram":
                check_histogram(family, openmetrics)

    def comment(self, line):
        """HELP, TYPE or UNIT: once, before the samples."""
        match = META.fullmatch(line)
        check(match, line)
        key, name, text = match.groups()
        if not self.current or self.current.name != name:
            check(name not in self.families, f"{name} comes again")
            self.current = self.families[name] = Family(name)
        meta = self.current.meta
        check(not self.current.samples, f"{key} behind samples of {name}")
        check(key not in meta, f"{key} of {name} twice")
        check(key != "TYPE" or text in TYPES, line)
        check(key != "UNIT" or self.open and name.endswith(f"_{text}"), line)
        check(key != "HELP" or not re.search(r"\\[^\\n\"]", text), line)
        meta[key] = text

    def suffixes(self):
        """What a sample's name has behind its family's."""
        if self.current.type == "counter":
            return ("_total",) if self.open else ("",)
        return SUFFIXES[self.current.type]

    def sample(self, line):
        """A value of the family that was named last."""
        match = SAMPLE.fullmatch(line)
        check(match, line)
        name, labels, value = match.groups()
        check(self.current and self.current.type, f"{line}: no TYPE before")
        check(name in [self.current.name + s for s in self.suffixes()],
              f"{line}: not of {self.current.name}")
        check(NUMBER.fullmatch(value), line)
        key = (name, tuple(sorted(parse_labels(labels or "").items())))
        check(key not in self.current.samples, f"{line}: twice")
        number = float(value)
        check(self.current.type == "gauge" or number >= 0, line)
        self.current.samples[key] = number


def check_histogram(family, openmetrics):
    """Each of its series has buckets up to +Inf that agree with the count."""
    series = {}
    for (name, labels), value in family.samples.items():
        labels = dict(labels)
        le = labels.pop("le", None)
        parts = series.setdefault(tuple(sorted(labels.items())), {})
        if name.endswith("_bucket"):
            check(le is not None, f"{name} without le")
            check(not openmetrics or CANONICAL.fullmatch(le), f"le={le}")
            parts.setdefault("buckets", []).append((float(le), value))
        else:
            check(le is None, f"{name} with le")
            parts[name.removeprefix(family.name)] = value
    for labels, parts in series.items():
        where = f"{family.name}{labels}"
        check(parts.keys() == {"buckets", "_sum", "_count"}, where)
        bounds = [le for le, _ in parts["buckets"]]
        counts = [count for _, count in parts["buckets"]]
        check(bounds == sorted(set(bounds)), f"{where}: bounds")
        check(bounds[-1] == math.inf, f"{where}: no +Inf")
        check(counts == sorted(counts), f"{where}: counts")
        check(counts[-1] == parts["_count"], f"{where}: the count")
        check(parts["_count"] or not parts["_sum"], f"{where}: the sum")


def lint(family):
    """As promtool does; names as in the text format."""
    name, words = family.name, family.name.split("_")
    check(family.meta.get("HELP"), f"{name}: no help")
    check((family.type == "counter") == name.endswith("_total"),
          f"{name}: _total is for counters, and for each of them")
    check(not name.endswith(("_bucket", "_sum", "_count")),
          f"{name}: ends as those of histograms")
    check(not set(words) & set(TYPES), f"{name}: a type in the name")
    check(":" not in name and name == name.lower(), f"{name}: letters")
    check(not set(words) & ABBREVIATED, f"{name}: a short unit")
    check(not set(words) & NOT_BASE, f"{name}: not a base unit")
    for _, labels in family.samples:
        for label, _ in labels:
            check(label == label.lower(), f"{name}: {label}")


def read(text, openmetrics=False):
    """{name: Family}; raises Bad."""
    families = Reader(text, openmetrics).families
    if not openmetrics:
        for family in families.values():
            lint(family)
    return families


def values(families):
    """{(sample name, labels): value} of all."""
    return {key: value for family in families.values()
            for key, value in family.samples.items()}


def rising(families):
    """The same of what never falls."""
    return values({name: family for name, family in families.items()
                   if family.type != "gauge"})
