# SPDX-License-Identifier: MIT
"""If-Range and the preconditions: in memory, on disk, entries of archives.

A number in a name is one of docs/conformance/ranges.tsv.

Source: RFC 9110 sections 8.8.2.2, 13.1, 13.2.2, 14.2, 15.4.5
"""
import email.utils

from harness import Case, main, table, until
from origin import Origin, Page
from fetching import ALLOW, Fetching
from reading import (DATA, SIZE, Reading, ReadingEntry, ReadingLazily,
                     http_date, seconds_of)

NOT_APPLICABLE = {}


class Conditions(Reading):
    """The cases."""

    # -- If-Range: 36 to 44 -----------------------------------------------

    def with_range(self, if_range, span="bytes=0-9"):
        """A range under If-Range."""
        return self.get({"Range": span, "If-Range": if_range})

    def test_3_36_if_range_with_the_tag(self):
        answer = self.with_range(self.tag)
        self.assert_part(answer, 0, 9)
        self.assertEqual(answer.get("ETag"), self.tag)
        self.assertTrue(answer.get("Cache-Control"))
        self.assertTrue(answer.get("Date"))
        # What the client has already is not sent again.
        for name in ("Last-Modified", "Content-Disposition"):
            self.assertIsNone(answer.get(name), name)

    def test_3_37_if_range_with_another_tag(self):
        self.assert_whole(self.with_range('"other"'))

    def test_3_38_if_range_weak(self):
        self.assert_whole(self.with_range(f"W/{self.tag}"))

    def test_3_39_if_range_with_the_date(self):
        # Strong once it lies a second back: within that second the file
        # could have been replaced by another with the same date.
        modified = seconds_of(self.modified)

        def old_enough():
            answer = self.with_range(self.modified)
            return seconds_of(answer.get("Date")) >= modified + 2 and answer
        self.assert_part(until(old_enough, "the date to be strong"), 0, 9)

    def test_3_40_if_range_with_another_date(self):
        modified = seconds_of(self.modified)
        for shift in (-3600, -1, 1, 3600):
            self.assert_whole(self.with_range(http_date(modified + shift)))

    def test_3_41_if_range_with_a_date_of_just_now(self):
        def same_second():
            self.setUp()
            answer = self.with_range(self.modified)
            return answer.get("Date") == self.modified and answer
        self.assert_whole(until(same_second, "an answer in the same second"))

    @table(("word", "garbage"), ("empty", ""), ("star", "*"), ("quote", '"'),
           ("list", '"a", "b"'))
    def test_3_42_if_range_garbage(self, value):
        self.assert_whole(self.with_range(value))

    def test_3_42_if_range_unquoted(self):
        self.assert_whole(self.with_range(self.tag.strip('"')))

    def test_3_42_if_range_twice(self):
        self.assert_whole(self.get([("Range", "bytes=0-9"),
                                    ("If-Range", self.tag),
                                    ("If-Range", '"other"')]))

    def test_3_43_if_range_alone(self):
        self.assert_whole(self.get({"If-Range": self.tag}))
        self.assert_whole(self.get({"If-Range": '"other"'}))

    def test_3_44_if_range_true_but_out(self):
        self.assert_unsatisfiable(self.with_range(self.tag, "bytes=1000-"))

    def test_3_44_if_range_false_and_out(self):
        self.assert_whole(self.with_range('"other"', "bytes=1000-"))

    # -- preconditions: 47 to 58 ------------------------------------------

    def weigh(self, status, *rows):
        """Rows of fields that all lead to this status, for GET and HEAD.

        TAG stands for the tag, L, L-1, L+1 for dates around Last-Modified.
        """
        base = seconds_of(self.modified)
        for row in rows:
            headers = {}
            for name, value in row.items():
                value = value.replace("TAG", self.tag)
                if value in ("L", "L-1", "L+1"):
                    value = http_date(base + int(value[1:] or 0))
                headers[name] = value
            head = self.get(headers, "HEAD")
            self.assertEqual((head.status, head.body), (status, b""), row)
            answer = self.get(headers)
            self.assertEqual(answer.status, status, row)
            if status == 200:
                self.assert_whole(answer)
            elif status == 412:
                self.assert_problem(answer, 412)

    def test_3_47_if_match(self):
        self.weigh(200, {"If-Match": "TAG"}, {"If-Match": '"x", TAG ,"y"'},
                   {"If-Match": "*"})
        self.weigh(412, {"If-Match": '"other"'}, {"If-Match": "W/TAG"},
                   {"If-Match": '"a", "b"'}, {"If-Match": ""})

    def test_3_48_if_match_before_range(self):
        self.weigh(412, {"If-Match": '"other"', "Range": "bytes=0-9"},
                   {"If-Match": '"other"', "Range": "bytes=5000-"},
                   {"If-Match": '"other"', "Range": "bytes=x"})

    def test_3_49_if_unmodified_since(self):
        self.weigh(200, {"If-Unmodified-Since": "L"},
                   {"If-Unmodified-Since": "L+1"},
                   {"If-Unmodified-Since": "yesterday"},
                   {"If-Unmodified-Since": "L-1", "If-Match": "TAG"})
        self.weigh(412, {"If-Unmodified-Since": "L-1"})

    def test_3_50_if_none_match(self):
        self.weigh(304, {"If-None-Match": "TAG"}, {"If-None-Match": "W/TAG"},
                   {"If-None-Match": '"x",, W/TAG'}, {"If-None-Match": "*"})
        self.weigh(200, {"If-None-Match": '"other"'})

    def test_3_51_if_none_match_hides_modified_since(self):
        self.weigh(200,
                   {"If-None-Match": '"other"', "If-Modified-Since": "L"},
                   {"If-None-Match": '"other"', "If-Modified-Since": "L+1"})
        self.weigh(304, {"If-None-Match": "TAG", "If-Modified-Since": "L-1"})

    def test_3_52_if_modified_since(self):
        self.weigh(304, {"If-Modified-Since": "L"},
                   {"If-Modified-Since": "L+1"})
        self.weigh(200, {"If-Modified-Since": "L-1"},
                   {"If-Modified-Since": "last week"})
        post = self.http("POST", "/files",
                         {"If-Modified-Since": self.modified}, b"x")
        self.assertEqual(post.status, 201)

    @table(("obsolete", "%A, %d-%b-%y %H:%M:%S GMT"),
           ("asctime", "%a %b %e %H:%M:%S %Y"))
    def test_3_52_old_forms_of_dates(self, shape):
        then = email.utils.parsedate_to_datetime(self.modified)
        answer = self.get({"If-Modified-Since": then.strftime(shape)})
        self.assertEqual(answer.status, 304)

    def test_3_53_order(self):
        self.weigh(304, {"If-Match": "TAG", "If-None-Match": "TAG"},
                   {"If-Unmodified-Since": "L", "If-None-Match": "TAG"})
        self.weigh(200, {"If-Match": "TAG", "If-Unmodified-Since": "L-1"})
        self.weigh(412, {"If-Match": '"other"', "If-None-Match": "TAG"},
                   {"If-Unmodified-Since": "L-1", "If-None-Match": "TAG"})

    def test_3_54_304_before_range(self):
        self.weigh(304, {"If-None-Match": "TAG", "Range": "bytes=0-9"},
                   {"If-None-Match": "TAG", "Range": "bytes=5000-"},
                   {"If-None-Match": "TAG", "Range": "bytes=0-9",
                    "If-Range": '"other"'})

    def test_3_55_fields_of_304(self):
        whole = self.get()
        answer = self.get({"If-None-Match": self.tag})
        self.assertEqual(answer.status, 304)
        for name in ("ETag", "Cache-Control", "Vary", "Expires",
                     "Content-Location"):
            self.assertEqual(answer.get(name), whole.get(name), name)
        self.assertTrue(answer.get("Date"))
        self.assertIn(answer.get("Content-Length"), (None, str(SIZE)))

    def test_3_57_the_error_comes_first(self):
        for headers in ({"If-Match": "*"}, {"If-None-Match": "*"},
                        {"Range": "bytes=0-"},
                        {"If-Match": "*", "Range": "bytes=0-"}):
            self.assert_problem(self.get(headers, path="/files/none"), 404)
            self.assert_problem(
                self.get(headers, path=self.path + "/none"), 404)

    @table(("unquoted", "e1"), ("junk behind", '"e1"garbage'),
           ("star and tag", '*, "e1"'), ("half a tag", '"'),
           ("commas", ", ,"), ("W only", "W/"))
    def test_3_58_garbage_is_no_match(self, value):
        self.assert_whole(self.get({"If-None-Match": value}))
        self.assert_problem(self.get({"If-Match": value}), 412)


class Files(Conditions):
    """What is about files, not about what is in them."""

    def test_3_45_if_range_where_there_are_no_ranges(self):
        for path in ("/files/r/info", "/healthz", "/files"):
            plain = self.get(path=path)
            answer = self.get({"Range": "bytes=0-0", "If-Range": self.tag},
                              path=path)
            self.assertEqual(answer.status, plain.status)
            self.assertEqual(answer.body[:20], plain.body[:20])

    @table(("PUT", "PUT", b"new"), ("DELETE", "DELETE", None))
    def test_3_49_if_unmodified_since_on_changes(self, method, body):
        modified = seconds_of(self.modified)
        before = {"If-Unmodified-Since": http_date(modified - 1)}
        answer = self.http(method, "/files/r", before, body)
        self.assert_problem(answer, 412)
        self.assert_whole(self.get())
        # Nothing that could have been modified.
        self.http("DELETE", "/files/u")
        self.assertEqual(
            self.http("PUT", "/files/u", before, b"x").status, 201)
        for since, more in ((lambda: "yesterday", {}),
                            (lambda: http_date(modified - 1),
                             {"If-Match": "*"}),
                            (lambda: self.get().get("Last-Modified"), {})):
            self.upload(DATA, "/files/r")
            headers = {"If-Unmodified-Since": since(), **more}
            answer = self.http(method, "/files/r", headers, body)
            self.assertIn(answer.status, (200, 204), headers)

    def test_3_50_if_none_match_on_changes(self):
        self.assert_problem(self.http("PUT", "/files/r", {
            "If-None-Match": self.tag}, b"x"), 412)
        self.assert_problem(self.get({"If-None-Match": f"W/{self.tag}"},
                                     "DELETE"), 412)
        self.assert_whole(self.get())

    def test_3_56_put_under_conditions(self):
        none = {"If-None-Match": "*"}
        self.get(method="DELETE", path="/files/n")
        self.json(self.http("PUT", "/files/n", none, b"a"), 201)
        self.assert_problem(self.http("PUT", "/files/n", none, b"b"), 412)
        old = self.info("n")["etag"]
        new = self.json(self.http("PUT", "/files/n", {"If-Match": old},
                                  b"c"))["etag"]
        self.assertNotEqual(new, old)
        # Refused with nothing of the body read.
        conn = self.conn()
        conn.send_request("PUT", "/files/n", {
            "If-Match": old, "Expect": "100-continue",
            "Content-Length": "100000"})
        answer = conn.read()
        self.assertEqual(answer.interim, [])
        self.assert_problem(answer, 412)
        self.assert_content("n", b"c")

    def test_3_57_deleted_and_if_match(self):
        self.upload(DATA, "/files/gone")
        self.get(method="DELETE", path="/files/gone")
        self.assert_problem(self.get({"If-Match": "*"}, path="/files/gone"),
                            (404, 410))

    def test_3_59_put_of_a_range(self):
        self.assert_problem(self.http("PUT", "/files/part", {
            "Content-Range": "bytes 0-2/10"}, b"abc"), 400)
        self.assertIsNone(self.info("part"))
        self.assert_problem(self.http("PUT", "/files/r", {
            "Content-Range": "bytes 0-2/1000"}, b"abc"), 400)
        self.assert_whole(self.get())


class Memory(Files, Case):
    """All content stays in memory."""

    OPTIONS = ["spool.memory_max=16M"]


class Disk(Files, Case):
    """All content goes to disk."""

    OPTIONS = ["spool.memory_max=500"]


class Stored(ReadingEntry, Conditions, Case):
    """An entry that lies in its archive as it is."""


class Deflated(ReadingEntry, Conditions, Case):
    """An entry that is unpacked on its way."""

    METHOD = 8


class Lazy(ReadingLazily, Conditions, Case):
    """Content that comes from far away as it is read."""


class Fetched(Fetching):
    """What an origin says about the age of its content."""

    DAEMON = True
    OPTIONS = ALLOW

    def test_3_77_origin_from_the_future(self):
        origin = Origin()
        self.addCleanup(origin.close)
        url = origin.add("/f", Page(DATA, fields=[
            ("Last-Modified", "Fri, 01 Jan 2100 00:00:00 GMT")]))
        made = self.fetched(url)
        for method in ("GET", "HEAD"):
            answer = self.http(method, made["links"]["self"])
            self.assertEqual(answer.status, 200)
            if answer.get("Last-Modified"):
                self.assertLessEqual(
                    seconds_of(answer.get("Last-Modified")),
                    seconds_of(answer.get("Date")))


if __name__ == "__main__":
    main()
