#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""CPython's SpooledTemporaryFile under the workloads of bench_spool.

usage: bench_spool.py [-d DIR] [-t TMPFS_DIR] [-s] [WORKLOAD]

Arguments and output are those of bench_spool.c; fewer repetitions, as each
operation takes longer.
"""
import argparse
import mmap
import os
import random
import sys
import tempfile
import time

KIB = 1024
MIB = 1024 * KIB
NEVER = 0  # SpooledTemporaryFile's word for it
PEER = "SpooledTemporaryFile"
PATTERN = bytes(32 + i * i % 89 for i in range(64 * KIB))
UNIT = "the quick brown fox, caf\u00e9, \u043f\u0440\u0438" \
       "\u0432\u0435\u0442, \u4e00\u4e01\u4e02\n"
UNITS = 65536
READ_CPS = 8

# name, bytes of an append, bytes of an object, objects, limit in memory
APPENDS = [
    ("new-4k", 4 * KIB, 4 * KIB, 5000, MIB),
    ("append-16", 16, 16000, 300, MIB),
    ("append-100", 100, 100000, 200, MIB),
    ("append-1000", 1000, 1000000, 100, MIB),
    ("ram-64k", 64 * KIB, MIB, 1000, MIB),
    ("ram-64k-long", 64 * KIB, 64 * MIB, 5, NEVER),
    ("disk-100-short", 100, 100000, 100, KIB),
    ("disk-100", 100, 20000000, 1, KIB),
    ("spill-64k", 64 * KIB, 256 * MIB, 1, MIB),
    ("spill-64k-tmpfs", 64 * KIB, 256 * MIB, 1, MIB),
]
# name, bytes of a read, bytes of the object, reads, limit in memory
READS = [
    ("seek-ram-4k", 4 * KIB, MIB, 50000, MIB),
    ("seek-ram-64k", 64 * KIB, MIB, 10000, MIB),
    ("seek-disk-4k", 4 * KIB, 256 * MIB, 20000, MIB),
    ("seek-disk-64k", 64 * KIB, 256 * MIB, 10000, MIB),
]


def need(good, what):
    """End the program unless `good`."""
    if not good:
        sys.exit(f"bench_spool.py: {what}")


def tell(workload, unit, size, wall, cpu):
    """Print one measurement."""
    print(f"{workload}\t{PEER}\t{unit}\t{size}\t{wall:.2f}\t{cpu:.2f}",
          flush=True)


class Watch:
    """Time since it was made, in ns."""

    def __init__(self):
        self.wall = time.perf_counter_ns()
        self.cpu = time.process_time_ns()

    def tell(self, workload, size, count):
        """Print the time for each of `count` operations."""
        cpu = time.process_time_ns() - self.cpu
        wall = time.perf_counter_ns() - self.wall
        tell(workload, "ns", size, wall / count, cpu / count)


def warm_up(size):
    """As warm_up() of bench.h."""
    with mmap.mmap(-1, size) as memory:
        for offset in range(0, size, 4096):
            memory[offset] = 1


class Bench:
    """What the command line said, and the workloads."""

    def __init__(self, args):
        self.dir = args.dir
        self.tmpfs = args.tmpfs if os.access(args.tmpfs, os.W_OK) else None
        self.smoke = args.smoke
        self.only = args.workload

    def wanted(self, name):
        """Whether the workload is asked for."""
        if self.only and self.only[0] == "=":
            return self.only[1:] == name
        return not self.only or self.only in name

    def times(self, count):
        """How often to do what takes long."""
        return max(1, count // 100) if self.smoke else count

    def total(self, size):
        """How long an object to make."""
        if not self.smoke or size <= 4 * MIB:
            return size
        return size // 64 // (64 * KIB) * 64 * KIB

    def open(self, limit, where=None, **options):
        """A new spool."""
        return tempfile.SpooledTemporaryFile(
            max_size=limit, dir=where or self.dir, **options)

    def append(self, name, chunk, total, count, limit):
        """Objects that are made, filled and closed."""
        where = self.tmpfs if name.endswith("tmpfs") else self.dir
        if not where:
            return
        piece = PATTERN[:chunk]
        writes = self.total(total) // chunk
        warm_up(2 * total + MIB)
        watch = Watch()
        for _ in range(self.times(count)):
            with self.open(limit, where) as spool:
                write = spool.write
                for _ in range(writes):
                    write(piece)
        watch.tell(name, chunk, self.times(count) * writes)

    def read(self, name, size, total, count, limit):
        """Random seek and read."""
        total = self.total(total)
        warm_up(total + MIB)
        with self.open(limit) as spool:
            for _ in range(total // len(PATTERN)):
                spool.write(PATTERN)
            numbers = random.Random(1)
            at = [numbers.randrange(total - size)
                  for _ in range(self.times(count))]
            watch = Watch()
            for offset in at:
                spool.seek(offset)
                data = spool.read(size)
            watch.tell(name, size, len(at))
            need(len(data) == size and
                 data[0] == PATTERN[at[-1] % len(PATTERN)], "other bytes")

    def lines(self, name, limit):
        """Read by lines."""
        lines = [PATTERN[:i * 7 % 160] + b"\n" for i in range(400)]
        times = self.times(250)
        warm_up(9 * MIB)
        with self.open(limit) as spool:
            for _ in range(times):
                spool.writelines(lines)
            spool.seek(0)
            count = 0
            watch = Watch()
            for _ in spool:
                count += 1
            watch.tell(name, sum(map(len, lines)) // 400, count)
            need(count == 400 * times, "other lines")

    def codepoints(self, name, limit):
        """Seek to codepoints, which for CPython is to read up to them."""
        total = len(UNIT) * UNITS
        with self.open(limit, mode="w+", encoding="utf-8",
                       newline="\n") as spool:
            spool.write(UNIT * UNITS)
            numbers = random.Random(1)
            at = [numbers.randrange(total - READ_CPS)
                  for _ in range(2 if self.smoke else 20)]
            watch = Watch()
            for where in at:
                spool.seek(0)
                spool.read(where)
                text = spool.read(READ_CPS)
            watch.tell(name, 0, len(at))
            first = where % len(UNIT)
            need(text == (UNIT * 2)[first:first + READ_CPS], "other text")

    def count(self):
        """Count codepoints, which is to decode them."""
        with self.open(NEVER) as spool:
            spool.write((UNIT * UNITS).encode())
            watch = Watch()
            spool.seek(0)
            count = len(spool.read().decode())
            watch.tell("codepoints-count", 1, count)
            need(count == len(UNIT) * UNITS, "other text")

    def run(self):
        """Run what is asked for."""
        for work in APPENDS:
            if self.wanted(work[0]):
                self.append(*work)
        for work in READS:
            if self.wanted(work[0]):
                self.read(*work)
        for name, limit in (("lines-ram", NEVER), ("lines-disk", KIB)):
            if self.wanted(name):
                self.lines(name, limit)
        if self.wanted("codepoints-count"):
            self.count()
        for name, limit in (("codepoints-ram", NEVER),
                            ("codepoints-disk", KIB)):
            if self.wanted(name):
                self.codepoints(name, limit)
        if self.wanted("peak"):
            in_a_child(self.hold_and_spill)
            in_a_child(self.stream_through)

    def fill(self, spool):
        """Write 200 MiB."""
        for _ in range((4 if self.smoke else 200) * MIB // len(PATTERN)):
            spool.write(PATTERN)

    def rehearse(self):
        """Have all code in memory, so that only content is counted."""
        with self.open(NEVER) as spool:
            spool.write(PATTERN)
            spool.rollover()

    def hold_and_spill(self):
        """All in memory, then to disk."""
        self.rehearse()
        start = peak_reset()
        with self.open(NEVER) as spool:
            self.fill(spool)
            tell_kib("peak-fill", peak_since(start))
            full = peak_reset()
            tell_kib("peak-hold", full - start)
            spool.rollover()
            tell_kib("peak-spill", peak_since(full))

    def stream_through(self):
        """To disk with 1 MiB in memory."""
        self.rehearse()
        start = peak_reset()
        with self.open(MIB) as spool:
            self.fill(spool)
            tell_kib("peak-stream", peak_since(start))


def in_a_child(run):
    """Run in a process of its own."""
    pid = os.fork()
    if pid == 0:
        run()
        sys.stdout.flush()
        os._exit(0)
    need(os.waitpid(pid, 0)[1] == 0, "child failed")


def status_kib(field):
    """A line of /proc/self/status."""
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    return 0


def peak_reset():
    """From here on the peak counts. What is in use now."""
    with open("/proc/self/clear_refs", "w", encoding="ascii") as refs:
        refs.write("5")
    return status_kib("VmRSS")


def peak_since(start):
    """The peak over what was in use."""
    return max(0, status_kib("VmHWM") - start)


def tell_kib(name, kib):
    """Print memory."""
    tell(name, "KiB", 0, kib, kib)


def main():
    """Read the command line and run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-d", dest="dir", default="/var/tmp")
    parser.add_argument("-t", dest="tmpfs", default="/dev/shm")
    parser.add_argument("-s", dest="smoke", action="store_true")
    parser.add_argument("workload", nargs="?")
    Bench(parser.parse_args()).run()


main()
