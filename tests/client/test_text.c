/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "common/text.h"
#include "spill/text.h"

static void expect_size(uint64_t bytes, const char *want)
{
	char text[TEXT_NUMBER_SIZE];

	text_size(text, bytes);
	assert_string_equal(text, want);
}

static void test_size(void **state)
{
	(void)state;
	expect_size(0, "0 B");
	expect_size(1023, "1023 B");
	expect_size(1024, "1.0 KiB");
	expect_size(1536, "1.5 KiB");
	expect_size(1048575, "1023.9 KiB");
	expect_size(1048576, "1.0 MiB");
	expect_size(UINT64_C(5) << 30, "5.0 GiB");
	expect_size(UINT64_C(5) << 40, "5.0 TiB");
	expect_size(UINT64_MAX - 1, "15.9 EiB");
	expect_size(SPWC_UNKNOWN, "-");
}

static void expect_age(uint64_t seconds, const char *want)
{
	char text[TEXT_NUMBER_SIZE];

	text_age(text, seconds);
	assert_string_equal(text, want);
}

static void test_times(void **state)
{
	char text[TEXT_NUMBER_SIZE];

	(void)state;
	expect_age(0, "0s");
	expect_age(59, "59s");
	expect_age(60, "1m");
	expect_age(3599, "59m");
	expect_age(3600, "1h");
	expect_age(47 * 3600, "47h");
	expect_age(48 * 3600, "2d");
	expect_age(UINT64_MAX, "213503982334601d");

	text_time(text, 1795240800);
	assert_string_equal(text, "2026-11-21T06:00:00Z");
	text_time(text, SPWC_UNKNOWN);
	assert_string_equal(text, "-");
	text_time(text, INT64_MAX);
	assert_string_equal(text, "9999-12-31T23:59:59Z");
}

static void expect_escape(const char *text, const char *want)
{
	char shown[200];

	text_escape(shown, sizeof(shown), text);
	assert_string_equal(shown, want);
}

static void test_escape(void **state)
{
	char small[8];

	(void)state;
	expect_escape("", "");
	expect_escape("plain \xc3\xbc \xf0\x9f\x98\x80",
	    "plain \xc3\xbc \xf0\x9f\x98\x80");
	expect_escape("\x1b[2J\r\n\t\a\x7f", "\\x1b[2J\\x0d\\n\\t\\x07\\x7f");
	expect_escape("a\\b", "a\\\\b");
	/* C1: CSI as one character, and as a bare byte. */
	expect_escape("\xc2\x9b"
		      "2J\x9b",
	    "\\u009b2J\\x9b");
	/* Overlong, surrogate, too large, cut off. */
	expect_escape("\xc0\x9b", "\\xc0\\x9b");
	expect_escape("\xed\xa0\x80", "\\xed\\xa0\\x80");
	expect_escape("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	expect_escape("\xe2\x80", "\\xe2\\x80");
	expect_escape("\xe2\x80\xae", "\\u202e");
	expect_escape("\xe2\x80\xa8", "\\u2028");

	/* Only whole characters, and whole escapes. */
	text_escape(small, sizeof(small), "123456\xc3\xbc");
	assert_string_equal(small, "123456");
	text_escape(small, sizeof(small), "1234\x1b");
	assert_string_equal(small, "1234");
	text_escape(small, 1, "x");
	assert_string_equal(small, "");
}

static void expect_name(const char *name, const char *want)
{
	char text[TEXT_NAME_MAX + 1];

	text_file_name(text, name, "id");
	assert_string_equal(text, want);
}

static void test_file_name(void **state)
{
	char long_name[1000];
	char text[TEXT_NAME_MAX + 1];

	(void)state;
	expect_name("report.zip", "report.zip");
	expect_name("../../etc/passwd", "passwd");
	expect_name("c:\\dir\\a.txt", "a.txt");
	expect_name("a/b\\c/d", "d");
	expect_name(NULL, "id");
	expect_name("", "id");
	expect_name("/", "id");
	expect_name(".", "id");
	expect_name("..", "id");
	expect_name("a/..", "id");
	expect_name(". .", "id");
	expect_name(".profile", "_profile");
	expect_name("...x", "_..x");
	expect_name("-rf", "_rf");
	expect_name("a\nb\x1b"
		    "c\xff",
	    "a_b_c_");
	expect_name("\xe2\x80\xaegpj.exe", "_gpj.exe");
	expect_name("\xc3\xbc", "\xc3\xbc");
	expect_name("a b", "a b");
	/* An id may begin with a dash. */
	text_file_name(text, "", "-id");
	assert_string_equal(text, "_id");

	memset(long_name, 'x', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = '\0';
	text_file_name(text, long_name, "id");
	assert_int_equal(strlen(text), TEXT_NAME_MAX);
	for (size_t i = 1; i + 1 < sizeof(long_name); i += 2)
		memcpy(long_name + i, "\xc3\xbc", 2);
	text_file_name(text, long_name, "id");
	assert_int_equal(strlen(text), TEXT_NAME_MAX - 1);
}

static void test_parse_seconds(void **state)
{
	static const char *const bad[] = {
	    "", "s", "-1", "+1", "1x", "1 s", "1.5h", "1500ms", "1sm"};
	uint64_t s = 0;

	(void)state;
	assert_true(text_parse_seconds("90", &s) && s == 90);
	assert_true(text_parse_seconds("90s", &s) && s == 90);
	assert_true(text_parse_seconds("15m", &s) && s == 900);
	assert_true(text_parse_seconds("2h", &s) && s == 7200);
	assert_true(text_parse_seconds("7d", &s) && s == 604800);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(text_parse_seconds(bad[i], &s));
	assert_int_equal(s, 604800);
	/* It is one, if a long one. */
	assert_true(
	    text_parse_seconds("999999999999999d", &s) && s > INT32_MAX);
	assert_true(
	    text_parse_seconds("99999999999999999999", &s) && s > INT32_MAX);
}

static void expect_range(
    const char *text, uint64_t offset, uint64_t length, uint64_t suffix)
{
	struct spwc_get_opts o = {.if_range = "x"};

	assert_true(text_parse_range(text, &o));
	assert_true(o.offset == offset);
	assert_true(o.length == length);
	assert_true(o.suffix == suffix);
}

static void test_parse_range(void **state)
{
	static const char *const bad[] = {"", "-", "1", "-0", "5-4", "a-b",
	    " 1-2", "1-2 ", "1-2,3-4", "--1", "1--2", "+1-2",
	    "0-18446744073709551616", "0-18446744073709551615"};
	struct spwc_get_opts o = {0};

	(void)state;
	expect_range("0-0", 0, 1, 0);
	expect_range("5-14", 5, 10, 0);
	expect_range("5-", 5, 0, 0);
	expect_range("0-", 0, 0, 0);
	expect_range("-7", 0, 0, 7);
	expect_range("1-18446744073709551615", 1, UINT64_MAX, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(text_parse_range(bad[i], &o));
}

/* Whatever comes in, what comes out is UTF-8 without anything that moves a
 * cursor, or a name that stays in its directory. */
static void test_noise(void **state)
{
	unsigned int seed = 1;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		char text[40];
		char shown[200];
		char name[TEXT_NAME_MAX + 1];
		size_t len = (size_t)rand_r(&seed) % sizeof(text);

		for (size_t n = 0; n < len; n++)
			text[n] = (char)(rand_r(&seed) % 255 + 1);
		text[len == sizeof(text) ? len - 1 : len] = '\0';
		text_escape(shown, sizeof(shown), text);
		assert_true(utf8_valid(shown, strlen(shown)));
		text_file_name(name, text, "id");
		assert_true(utf8_valid(name, strlen(name)));
		assert_null(strpbrk(name, "/\\"));
		assert_true(name[0] != '\0' && name[0] != '.');
		for (const char *p = shown; *p != '\0'; p++)
			assert_true((unsigned char)*p >= ' ' && *p != 127);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_size),
	    cmocka_unit_test(test_times),
	    cmocka_unit_test(test_escape),
	    cmocka_unit_test(test_file_name),
	    cmocka_unit_test(test_parse_seconds),
	    cmocka_unit_test(test_parse_range),
	    cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
