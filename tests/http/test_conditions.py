# SPDX-License-Identifier: MIT
"""If-Range and the preconditions, in memory and on disk.

Source: RFC 9110 sections 13.1, 13.2.2, 14.2, 15.4.5; checklist 36 to 58.
"""
import email.utils
import time

from harness import Case, main, table, until
from reading import SIZE, Reading, http_date, seconds_of


class Conditions(Reading):
    """The cases."""

    # -- If-Range: 36 to 45 -----------------------------------------------

    def with_range(self, if_range, span="bytes=0-9"):
        """A range under If-Range."""
        return self.get({"Range": span, "If-Range": if_range})

    def test_if_range_tag(self):
        answer = self.with_range(self.tag)
        self.assert_part(answer, 0, 9)
        self.assertEqual(answer.get("ETag"), self.tag)
        self.assertTrue(answer.get("Cache-Control"))

    @table(("other", '"other"'), ("garbage", "garbage"), ("empty", ""),
           ("star", "*"), ("list", '"a", "b"'), ("half", '"'))
    def test_if_range_false(self, value):
        self.assert_whole(self.with_range(value))

    def test_if_range_weak(self):
        self.assert_whole(self.with_range(f"W/{self.tag}"))

    def test_if_range_unquoted(self):
        self.assert_whole(self.with_range(self.tag.strip('"')))

    def test_if_range_date(self):
        # Strong once it lies a second back: within that second the file could
        # have been replaced by another with the same date.
        modified = seconds_of(self.modified)

        def old_enough():
            before = int(time.time())
            answer = self.with_range(self.modified)
            if int(time.time()) <= modified:
                self.assertEqual(answer.status, 200)
            return before >= modified + 2 and answer
        self.assert_part(until(old_enough, "the date to be strong"), 0, 9)
        for shift in (-1, 1, 3600):
            self.assert_whole(self.with_range(http_date(modified + shift)))

    def test_if_range_alone(self):
        self.assert_whole(self.get({"If-Range": self.tag}))
        self.assert_whole(self.get({"If-Range": '"other"'}))

    def test_if_range_true_but_out(self):
        self.assert_unsatisfiable(self.with_range(self.tag, "bytes=1000-"))

    def test_if_range_false_and_out(self):
        self.assert_whole(self.with_range('"other"', "bytes=1000-"))

    # -- preconditions: 47 to 58 ------------------------------------------

    def conditional(self, **fields):
        """Fields by name; TAG stands for the tag, L, L-1, L+1 for dates."""
        base = seconds_of(self.modified)
        headers = {}
        for name, value in fields.items():
            value = value.replace("TAG", self.tag)
            if value in ("L", "L-1", "L+1"):
                value = http_date(base + int(value[1:] or 0))
            headers[name.replace("_", "-")] = value
        return headers

    @table(
        ("match", 200, {"If_Match": "TAG"}),
        ("match in a list", 200, {"If_Match": '"x", TAG ,"y"'}),
        ("match star", 200, {"If_Match": "*"}),
        ("match other", 412, {"If_Match": '"other"'}),
        ("match weak", 412, {"If_Match": "W/TAG"}),
        ("match fails before range", 412,
         {"If_Match": '"other"', "Range": "bytes=5000-"}),
        ("unmodified at L", 200, {"If_Unmodified_Since": "L"}),
        ("unmodified after L", 200, {"If_Unmodified_Since": "L+1"}),
        ("unmodified before L", 412, {"If_Unmodified_Since": "L-1"}),
        ("unmodified no date", 200, {"If_Unmodified_Since": "yesterday"}),
        ("match hides unmodified", 200,
         {"If_Match": "TAG", "If_Unmodified_Since": "L-1"}),
        ("none-match", 304, {"If_None_Match": "TAG"}),
        ("none-match weak", 304, {"If_None_Match": "W/TAG"}),
        ("none-match list", 304, {"If_None_Match": '"x",, W/TAG'}),
        ("none-match star", 304, {"If_None_Match": "*"}),
        ("none-match other", 200, {"If_None_Match": '"other"'}),
        ("none-match hides modified", 200,
         {"If_None_Match": '"other"', "If_Modified_Since": "L+1"}),
        ("none-match with modified before", 304,
         {"If_None_Match": "TAG", "If_Modified_Since": "L-1"}),
        ("modified at L", 304, {"If_Modified_Since": "L"}),
        ("modified after L", 304, {"If_Modified_Since": "L+1"}),
        ("modified before L", 200, {"If_Modified_Since": "L-1"}),
        ("modified no date", 200, {"If_Modified_Since": "last week"}),
        ("match and none-match", 304,
         {"If_Match": "TAG", "If_None_Match": "TAG"}),
        ("match fails, none-match", 412,
         {"If_Match": '"other"', "If_None_Match": "TAG"}),
        ("304 before range", 304,
         {"If_None_Match": "TAG", "Range": "bytes=0-9"}),
        ("304 before bad range", 304,
         {"If_None_Match": "TAG", "Range": "bytes=5000-"}),
        ("unquoted", 200, {"If_None_Match": "e1"}),
        ("junk behind", 200, {"If_None_Match": '"e1"garbage'}),
        ("half a tag", 200, {"If_None_Match": '"'}),
        ("only commas", 200, {"If_None_Match": ", ,"}))
    def test_condition(self, status, fields):
        headers = self.conditional(**fields)
        for method in ("GET", "HEAD"):
            answer = self.get(headers, method)
            self.assertEqual(answer.status, status, (method, answer))
        answer = self.get(headers)
        if status == 200:
            self.assert_whole(answer)
        elif status == 412:
            self.assert_problem(answer, 412)
        else:
            self.assertEqual(answer.get("ETag"), self.tag)
            self.assertTrue(answer.get("Cache-Control"))
            self.assertIn(answer.get("Content-Length"), (None, str(SIZE)))

    @table(("obsolete", "%A, %d-%b-%y %H:%M:%S GMT"),
           ("asctime", "%a %b %e %H:%M:%S %Y"))
    def test_old_dates(self, shape):
        # RFC 9110 section 5.6.7: recipients take all three forms.
        then = email.utils.parsedate_to_datetime(self.modified)
        answer = self.get({"If-Modified-Since": then.strftime(shape)})
        self.assertEqual(answer.status, 304)

    def test_missing_file_before_conditions(self):
        for headers in ({"If-Match": "*"}, {"If-None-Match": "*"},
                        {"Range": "bytes=0-"}):
            self.assert_problem(self.get(headers, path="/files/none"), 404)

    @table(("304", {"If-None-Match": "*"}, 304),
           ("412", {"If-Match": '"other"'}, 412),
           ("416", {"Range": "bytes=5000-"}, 416),
           ("206", {"Range": "bytes=0-0"}, 206))
    def test_connection_lives_on(self, headers, status):
        conn = self.conn()
        for _ in range(3):
            self.assertEqual(
                conn.request("GET", self.path, headers).status, status)
            self.assertTrue(conn.is_in_step())


class Memory(Conditions, Case):
    """All content stays in memory."""

    OPTIONS = ["spool.memory_max=16M"]


class Disk(Conditions, Case):
    """All content goes to disk."""

    OPTIONS = ["spool.memory_max=500"]


if __name__ == "__main__":
    main()
