# SPDX-License-Identifier: MIT
"""Ranges of content that is known: in memory, on disk, far away, entries of
archives.

The same cases run on all of them: nothing that a reader can see may tell
which it is. A number in a name is one of docs/conformance/ranges.tsv.

Source: RFC 9110 sections 14, 15.3.7, 15.5.17
"""
import re

from harness import Case, main, table
from reading import (DATA, SIZE, Reading, ReadingEntry, ReadingEntryLazily,
                     ReadingLazily, parse_parts)
from wire import encode_request

HUGE = "9" * 23

NOT_APPLICABLE = {}


class Ranges(Reading):
    """The cases."""

    MULTI = True    # several ranges are answered as such, not whole

    def span(self, value):
        """The answer to one Range."""
        return self.get({"Range": value})

    # -- one range: 1 to 15 -----------------------------------------------

    def test_3_1_no_range(self):
        answer = self.get()
        self.assert_whole(answer)
        self.assertEqual(answer.get("Accept-Ranges"), "bytes")
        self.assertEqual(answer.get("ETag"), self.tag)
        self.assertTrue(answer.get("Last-Modified"))

    def test_3_2_first_byte(self):
        self.assert_part(self.span("bytes=0-0"), 0, 0)

    def test_3_3_first_half(self):
        self.assert_part(self.span("bytes=0-499"), 0, 499)

    def test_3_4_open_end(self):
        self.assert_part(self.span("bytes=500-"), 500, 999)

    @table(("open", "bytes=999-"), ("closed", "bytes=999-999"))
    def test_3_5_last_byte(self, value):
        self.assert_part(self.span(value), 999, 999)

    def test_3_6_end_past_the_length(self):
        self.assert_part(self.span("bytes=990-1990"), 990, 999)

    @table(("open", "bytes=0-"), ("closed", "bytes=0-999"))
    def test_3_7_all_is_still_206(self, value):
        self.assert_part(self.span(value), 0, 999)

    @table(("ten", "bytes=-10", 990), ("one", "bytes=-1", 999))
    def test_3_8_suffix(self, value, first):
        self.assert_part(self.span(value), first, 999)

    @table(("all", "bytes=-1000"), ("more", "bytes=-5000"))
    def test_3_9_suffix_of_all_or_more(self, value):
        self.assert_part(self.span(value), 0, 999)

    def test_3_10_suffix_of_nothing(self):
        self.assert_unsatisfiable(self.span("bytes=-0"))

    @table(("at the end", "bytes=1000-"), ("far out", "bytes=5000-6000"))
    def test_3_11_past_the_end(self, value):
        self.assert_unsatisfiable(self.span(value))

    @table(("first", f"bytes={HUGE}-", False),
           ("first 2^64-1", "bytes=18446744073709551615-", False),
           ("first 2^63",
            "bytes=9223372036854775808-9223372036854775809", False),
           ("last", f"bytes=0-{HUGE}", True),
           ("last 2^63", "bytes=0-9223372036854775808", True),
           ("last 2^64-1", "bytes=0-18446744073709551615", True))
    def test_3_12_numbers_past_2_64(self, value, whole):
        answer = self.span(value)
        if whole:
            self.assert_part(answer, 0, 999)
        else:
            self.assert_unsatisfiable(answer)

    def test_3_13_suffix_past_2_64(self):
        self.assert_part(self.span(f"bytes=-{HUGE}"), 0, 999)

    @table(("Bytes", "Bytes=0-1"), ("BYTES", "BYTES=0-1"))
    def test_3_14_unit_in_any_case(self, value):
        self.assert_part(self.span(value), 0, 1)

    @table(("spaces", "bytes= 0-1 ", 0, 1), ("tabs", "bytes=\t0-1\t", 0, 1),
           ("empty members", "bytes=,0-1,,", 0, 1),
           ("two members", "bytes= 0-1 , 4-5", 0, 5),
           ("leading zeros", "bytes=0005-0009", 5, 9))
    def test_3_15_white_space_and_empty_members(self, value, first, last):
        self.assert_part(self.span(value), first, last)

    # -- malformed, or not for us: 16 to 22 -------------------------------

    @table(("alone", "bytes=5-2"), ("one of two", "bytes=0-1,5-2"))
    def test_3_16_last_before_first(self, value):
        self.assert_unsatisfiable(self.span(value))

    @table(("letters", "abc-xyz"), ("dash", "-"), ("no dash", "5"),
           ("nothing", ""), ("two dashes", "1-2-3"), ("hex", "0x1-5"),
           ("plus", "+1-5"), ("fraction", "1.0-5"), ("negative", "--5"),
           ("space in suffix", "- 5"), ("space in first", "1 -5"),
           ("only commas", ",,,"), ("other digits", "\u0663-\u0664"))
    def test_3_17_garbage(self, value):
        self.assert_unsatisfiable(self.span(f"bytes={value}"))

    @table(("no =", "bytes 0-5"), ("only the unit", "bytes"))
    def test_3_17_no_set(self, value):
        self.assert_unsatisfiable(self.span(value))

    def test_3_18_no_comma(self):
        self.assert_unsatisfiable(self.span("bytes=10-11 12-"))

    @table(("items", "items=0-5"), ("seconds", "seconds=1-2"),
           ("no unit", "0-5"), ("byte", "byte=0-5"), ("empty", ""))
    def test_3_19_unknown_unit(self, value):
        self.assert_whole(self.span(value))

    def test_3_20_two_fields(self):
        self.assert_whole(self.get([("Range", "bytes=0-1"),
                                    ("Range", "bytes=4-5")]))

    @table(("satisfiable", "bytes=0-9"), ("not", "bytes=5000-"),
           ("malformed", "bytes=x"))
    def test_3_22_head(self, value):
        answer = self.get({"Range": value}, "HEAD")
        self.assertEqual((answer.status, answer.get("Content-Length"),
                          answer.get("Content-Range")),
                         (200, str(SIZE), None))

    # -- many ranges: 23 to 33 --------------------------------------------

    def assert_multi(self, value, spans):
        """These ranges, or the whole where there is no multipart."""
        answer = self.span(value)
        if self.MULTI:
            self.assert_parts(answer, spans)
        else:
            self.assert_whole(answer)

    def test_3_23_three(self):
        self.assert_multi("bytes=0-9,200-209,-10",
                          [(0, 9), (200, 209), (990, 999)])

    @table(("one is left", "bytes=0-9,5000-", [(0, 9)]),
           ("two are", "bytes=0-9,200-209,5000-", [(0, 9), (200, 209)]))
    def test_3_24_one_is_out(self, value, spans):
        if len(spans) == 1:
            self.assert_part(self.span(value), *spans[0])
        else:
            self.assert_multi(value, spans)

    def test_3_25_all_are_out(self):
        self.assert_unsatisfiable(self.span("bytes=1000-,2000-3000,-0"))

    def test_3_26_one_is_never_multipart(self):
        for value in ("bytes=0-9", "bytes=,,0-9", "bytes=0-9,7000-"):
            self.assert_part(self.span(value), 0, 9)

    @table(
        ("overlapping", "bytes=0-9,5-19", 0, 19),
        ("adjacent", "bytes=0-9,10-19", 0, 19),
        ("same twice", "bytes=3-7,3-7", 3, 7),
        ("one in another", "bytes=0-99,20-29", 0, 99),
        ("backwards", "bytes=10-19,0-9", 0, 19),
        ("two halves", "bytes=0-499,500-999", 0, 999))
    def test_3_27_overlap_is_one(self, value, first, last):
        self.assert_part(self.span(value), first, last)

    def test_3_28_small_gap_is_closed(self):
        self.assert_part(self.span("bytes=0-9,40-49"), 0, 49)

    def test_3_29_order_is_kept(self):
        self.assert_multi("bytes=500-600,0-10", [(500, 600), (0, 10)])

    @table(
        ("all in small ones",
         "bytes=" + ",".join(f"{i}-{i}" for i in range(0, 1000, 2))),
        ("small ones backwards",
         "bytes=" + ",".join(f"{i}-{i}" for i in range(990, 0, -90))),
        ("larger than the whole", "bytes=0-489,590-999"))
    def test_3_30_too_many_or_too_much(self, value):
        # 200, or right parts that take no more than the whole.
        answer = self.span(value)
        if answer.status == 200:
            self.assert_whole(answer)
        elif answer.get("Content-Range"):
            self.assertLessEqual(len(answer.body), SIZE)
        else:
            self.assertLess(len(answer.body), SIZE)
            for name, _, data in parse_parts(answer):
                first, last = re.fullmatch(r"bytes (\d+)-(\d+)/1000",
                                           name).groups()
                self.assert_same(data, DATA[int(first):int(last) + 1])

    @table(("open", "0-"), ("suffix", "-1000"))
    def test_3_31_thousand_times_the_whole(self, member):
        answer = self.span("bytes=" + ",".join([member] * 1000))
        if answer.status == 206:
            self.assert_part(answer, 0, 999)
        else:
            self.assert_whole(answer)

    def test_3_32_boundary(self):
        seen = set()
        for _ in range(3):
            answer = self.span("bytes=0-9,200-209")
            if not self.MULTI:
                # A server may ignore Range (RFC 9110 section 14.2): to
                # unpack an entry once for each part would be dear. There is
                # no boundary then, and nothing that is taken for one.
                self.assert_whole(answer)
                self.assertNotIn("boundary", answer.get("Content-Type"))
                continue
            boundary = answer.get("Content-Type").partition("boundary=")[2]
            self.assertGreaterEqual(len(boundary), 16)
            self.assertNotIn(boundary.encode(), DATA)
            seen.add(boundary)
        self.assertEqual(len(seen), 3 if self.MULTI else 0)

    @table(("12 KB", 3000), ("16 KB", 4096), ("64 KB", 16384))
    def test_3_33_long_field(self, members):
        conn = self.conn()
        conn.send_request("GET", self.path, {
            "Range": "bytes=" + "0-0," * members})
        answer = conn.read(strict=False)
        self.assertIn(answer.status, (200, 206, 400, 413, 431), answer)
        self.assert_healthy()

    def test_3_76_errors_keep_the_connection(self):
        conn = self.conn()
        for headers, status in (
                ({"Range": "bytes=5000-"}, 416),
                ({"If-Match": '"other"'}, 412),
                ({"If-None-Match": "*"}, 304),
                ({"Range": "bytes=7-8"}, 206),
                ({"Range": "bytes=x"}, 416), ({}, 200)):
            answer = conn.request("GET", self.path, headers)
            self.assertEqual(answer.status, status, answer)
            if status != 304:
                self.assertEqual(answer.get("Content-Length"),
                                 str(len(answer.body)))
        self.assertTrue(conn.is_in_step())

    def test_pipelined(self):
        conn = self.conn()
        spans = [(i, i + 37) for i in range(0, 900, 25)]
        conn.send(b"".join(
            encode_request("GET", self.path, {"Range": f"bytes={a}-{b}"})
            for a, b in spans))
        for first, last in spans:
            self.assert_part(conn.read(), first, last)
        self.assertTrue(conn.is_in_step())


class Memory(Ranges, Case):
    """All content stays in memory."""

    OPTIONS = ["spool.memory_max=16M"]

    def test_is_in_memory(self):
        self.assertEqual(self.info("r")["storage"]["tier"], "memory")


class Disk(Ranges, Case):
    """All content goes to disk."""

    OPTIONS = ["spool.memory_max=500"]

    def test_is_on_disk(self):
        self.assertEqual(self.info("r")["storage"]["tier"], "disk")


class Stored(ReadingEntry, Ranges, Case):
    """An entry that lies in its archive as it is."""


class StoredOnDisk(ReadingEntry, Ranges, Case):
    """The same, the archive being on disk."""

    OPTIONS = ["spool.memory_max=0"]


class Deflated(ReadingEntry, Ranges, Case):
    """An entry that is unpacked on its way."""

    METHOD = 8
    MULTI = False


class Lazy(ReadingLazily, Ranges, Case):
    """Content that comes from far away as it is read."""


class LazyOnDisk(ReadingLazily, Ranges, Case):
    """The same, kept on disk."""

    OPTIONS = [*ReadingLazily.OPTIONS, "spool.memory_max=0"]


class LazyStored(ReadingEntryLazily, Ranges, Case):
    """An entry of an archive that comes as it is read."""


class LazyDeflated(ReadingEntryLazily, Ranges, Case):
    """One that is unpacked as it comes."""

    METHOD = 8
    MULTI = False


if __name__ == "__main__":
    main()
