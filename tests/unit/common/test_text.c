/* SPDX-License-Identifier: MIT */
#include "common/text.h"

#include <errno.h>
#include <string.h>

#include "check.h"

static void comparisons(void **state)
{
	(void)state;
	assert_true(str_eq(str_from("abc"), "abc"));
	assert_false(str_eq(str_from("abc"), "abcd"));
	assert_false(str_eq(str_from("abcd"), "abc"));
	assert_true(str_eq(str_from(NULL), ""));
	assert_false(str_eq((struct str){"a\0b", 3}, "a"));
	assert_true(str_ieq(str_from("aBc"), "AbC"));
	assert_false(str_ieq(str_from("a[c"), "a{c"));
	assert_false(str_ieq(str_from("ab"), "abc"));
	assert_true(str_istarts(str_from("HTTP://x"), "http:"));
	assert_false(str_istarts(str_from("ht"), "http"));
	assert_true(str_istarts(str_from(NULL), ""));
	assert_true(str_iends(str_from("x.LOCAL"), ".local"));
	assert_false(str_iends(str_from("local"), ".local"));
}

static void trimming_rfc9110_5_6_3(void **state)
{
	(void)state;
	assert_true(str_eq(str_trim(str_from(" \ta b\t ")), "a b"));
	assert_true(str_eq(str_trim(str_from(" \t")), ""));
	assert_true(str_eq(str_trim(str_from("\r\na")), "\r\na"));
	assert_int_equal(str_trim(str_from(NULL)).n, 0);
}

static void tokens_rfc9110_5_6_2(void **state)
{
	(void)state;
	static const char all[] = "!#$%&'*+-.^_`|~09azAZ";

	assert_true(token_valid(all, strlen(all)));
	assert_false(token_valid("", 0));
	for (int c = 0; c < 256; c++) {
		char ch = (char)c;
		bool want = c != 0 &&
			    strchr("()<>@,;:\\\"/[]?={} \t", c) == NULL &&
			    c > 0x20 && c < 0x7F;
		assert_int_equal(token_valid(&ch, 1), want);
	}
}

static void lists_rfc9110_5_6_1(void **state)
{
	(void)state;
	struct str list = str_from(" a ,, \"b,\\\",c\" ;x=1,\t,d,\"e,f");
	struct str item;

	assert_true(str_list_next(&list, &item));
	assert_true(str_eq(item, "a"));
	assert_true(str_list_next(&list, &item));
	assert_true(str_eq(item, "\"b,\\\",c\" ;x=1"));
	assert_true(str_list_next(&list, &item));
	assert_true(str_eq(item, "d"));
	assert_true(str_list_next(&list, &item));
	assert_true(str_eq(item, "\"e,f"));
	assert_false(str_list_next(&list, &item));

	list = str_from(NULL);
	assert_false(str_list_next(&list, &item));
	list = str_from(" , ,");
	assert_false(str_list_next(&list, &item));
}

static void numbers(void **state)
{
	(void)state;
	uint64_t v = 7;

	assert_err(str_u64(str_from(""), &v), EINVAL);
	assert_err(str_u64(str_from("-1"), &v), EINVAL);
	assert_err(str_u64(str_from("+1"), &v), EINVAL);
	assert_err(str_u64(str_from(" 1"), &v), EINVAL);
	assert_err(str_u64(str_from("1 "), &v), EINVAL);
	assert_err(str_u64(str_from("0x1"), &v), EINVAL);
	assert_err(str_u64(str_from("18446744073709551616"), &v), ERANGE);
	assert_err(str_u64(str_from("99999999999999999999999"), &v), ERANGE);
	assert_err(str_u64(str_from("99999999999999999999999x"), &v), EINVAL);
	assert_int_equal(v, 7);
	assert_ok(str_u64(str_from("18446744073709551615"), &v));
	assert_true(v == UINT64_MAX);
	assert_ok(str_u64(str_from("000000000000000000000000012"), &v));
	assert_int_equal(v, 12);
}

static void acting(void **state)
{
	static const uint32_t yes[] = {0, 0x1b, 0x7f, 0x85, 0x9f, 0x61c,
	    0x200e, 0x200f, 0x2028, 0x2029, 0x202e, 0x2066, 0x2069};
	static const uint32_t no[] = {' ', '~', 0xa0, 0x61b, 0x200d, 0x2010,
	    0x2027, 0x202f, 0x2065, 0x206a, 0xfeff, 0x1f600};

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(utf8_is_acting(yes[i]));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(utf8_is_acting(no[i]));
}

static void utf8_rfc3629_4(void **state)
{
	(void)state;
	static const char *const good[] = {"", "plain ascii, long enough",
	    "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF",
	    "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80",
	    "\xF4\x8F\xBF\xBF", "12345678\xC3\xA4zyxwvuts"};
	static const char *const bad[] = {"\x80", "\xBF", "\xC0\x80",
	    "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x9F\xBF", "\xE0\xA0",
	    "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF0\x90\x80",
	    "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xFE",
	    "12345678\xC0", "1234567\xC3"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(utf8_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(utf8_valid(bad[i], strlen(bad[i])));
	assert_true(utf8_valid("a\0b", 3));
	assert_true(utf8_valid(NULL, 0));

	uint32_t cp;
	assert_int_equal(utf8_next("\xE2\x82\xAC", 3, &cp), 3);
	assert_int_equal(cp, 0x20AC);
}

static void hex(void **state)
{
	(void)state;
	char text[9];
	uint8_t bytes[4] = {0};

	assert_int_equal(
	    hex_encode((const uint8_t *)"\x00\x1f\xAB\xff", 4, text), 8);
	assert_string_equal(text, "001fabff");
	assert_int_equal(hex_decode("001FabFF", 8, bytes), 4);
	assert_memory_equal(bytes, "\x00\x1f\xAB\xff", 4);
	assert_int_equal(hex_encode(NULL, 0, text), 0);
	assert_string_equal(text, "");
	assert_err(hex_decode("abc", 3, bytes), EINVAL);
	assert_err(hex_decode("0g", 2, bytes), EINVAL);
}

static void base64_rfc4648_10(void **state)
{
	(void)state;
	static const struct {
		const char *raw, *text;
	} rows[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
	    {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="},
	    {"foobar", "Zm9vYmFy"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[BASE64_SIZE(6)];
		uint8_t raw[6];
		size_t n = strlen(rows[i].raw);
		size_t len =
		    base64_encode((const uint8_t *)rows[i].raw, n, text);
		assert_string_equal(text, rows[i].text);
		assert_int_equal(len, strlen(text));
		assert_int_equal(base64_decode(text, len, raw, 6), n);
		assert_memory_equal(raw, rows[i].raw, n);
		/* no padding at all is accepted too */
		while (len > 0 && text[len - 1] == '=')
			len--;
		assert_int_equal(base64_decode(text, len, raw, 6), n);
	}
}

static void base64_alphabets(void **state)
{
	(void)state;
	char text[BASE64_SIZE(4)];
	uint8_t raw[4];

	base64_encode((const uint8_t *)"\xFB\xEF\xFF\xFF", 4, text);
	assert_string_equal(text, "++///w==");
	assert_int_equal(base64_decode("++///w==", 8, raw, 4), 4);
	assert_memory_equal(raw, "\xFB\xEF\xFF\xFF", 4);
	assert_int_equal(
	    base64url_encode((const uint8_t *)"\xFB\xEF\xFF\xFF", 4, text), 6);
	assert_string_equal(text, "--___w");
}

static void base64_malformed(void **state)
{
	(void)state;
	static const char *const bad[] = {"Z", "Zm9vY",
	    "Zg=", "Z===", "====", "Zg==Zg==", "Zm 8", "Zm8\n", "Zm9v=", "--__",
	    "Zm=v", "Z\x80=="};
	uint8_t raw[8];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_err(
		    base64_decode(bad[i], strlen(bad[i]), raw, 8), EINVAL);
	assert_err(base64_decode("Zm9v", 4, raw, 2), E2BIG);
	assert_int_equal(base64_decode(NULL, 0, raw, 0), 0);
}

static void test_lines(void **state)
{
	static const char *const want[] = {"a", "", "b\r", "c"};
	struct str rest = str_from("a\n\r\nb\r\r\nc"), line;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_true(str_line_next(&rest, &line));
		assert_true(str_eq(line, want[i]));
	}
	assert_false(str_line_next(&rest, &line));
	/* Only what an end of line stands behind loses its CR. */
	rest = str_from("c\r");
	assert_true(str_line_next(&rest, &line));
	assert_true(str_eq(line, "c\r"));
	rest = (struct str){NULL, 0};
	assert_false(str_line_next(&rest, &line));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(comparisons),
	    cmocka_unit_test(trimming_rfc9110_5_6_3),
	    cmocka_unit_test(tokens_rfc9110_5_6_2),
	    cmocka_unit_test(lists_rfc9110_5_6_1),
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(utf8_rfc3629_4),
	    cmocka_unit_test(acting),
	    cmocka_unit_test(hex),
	    cmocka_unit_test(base64_rfc4648_10),
	    cmocka_unit_test(base64_alphabets),
	    cmocka_unit_test(base64_malformed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
