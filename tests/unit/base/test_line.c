/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <string.h>

#include "base/line.h"

static char buf[256];

static const char *ended(char *end)
{
	*end = '\0';
	return buf;
}

static void test_numbers(void **state)
{
	(void)state;
	assert_string_equal(ended(line_putu(buf, 0)), "0");
	assert_string_equal(ended(line_putu(buf, 1203)), "1203");
	assert_string_equal(
	    ended(line_putu(buf, UINT64_MAX)), "18446744073709551615");
}

static void test_text(void **state)
{
	static const char in[] = "a\"\\\n\r\t\x1b\x7f\xc2\x9b\xc3\xa9\xff"
				 "\xe2\x80\xa8\xe2\x80\xa7";

	(void)state;
	assert_string_equal(ended(line_text(buf, in, sizeof(in) - 1, false)),
	    "a\"\\\\\\n\\r\\t\\x1b\\x7f\\xc2\\x9b\xc3\xa9\\xff"
	    "\\xe2\\x80\\xa8\xe2\x80\xa7");
	assert_string_equal(ended(line_text(buf, "\"", 1, true)), "\\\"");
	assert_string_equal(ended(line_text(buf, "\0", 1, false)), "\\x00");
	/* No byte takes more room than is said. */
	for (int c = 0; c < 256; c++) {
		char one = (char)c;

		assert_in_range(line_text(buf, &one, 1, true) - buf, 1,
		    LINE_ESCAPE_MAX);
	}
}

static void test_stamp(void **state)
{
	(void)state;
	assert_string_equal(
	    ended(line_stamp(buf, "2026-11-21T06:00:00Z", 7)),
	    "2026-11-21T06:00:00.007Z");
	assert_string_equal(
	    ended(line_stamp(buf, "2026-11-21T06:00:00Z", 999)),
	    "2026-11-21T06:00:00.999Z");
}

static void test_cut(void **state)
{
	(void)state;
	assert_int_equal(line_cut("abc", 3, 3), 3);
	assert_int_equal(line_cut("abcd", 4, 3), 3);
	/* Not in the middle of a character. */
	assert_int_equal(line_cut("ab\xc3\xa9", 4, 3), 2);
	assert_int_equal(line_cut("a\xf0\x9f\x98\x80", 5, 4), 1);
	/* Bytes that are no character are nobody's middle. */
	assert_int_equal(line_cut("\x80\x80\x80\x80\x80\x80", 6, 5), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_stamp),
	    cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
