/* SPDX-License-Identifier: MIT */
#include "common/percent.h"

#include <errno.h>
#include <string.h>

#include "check.h"

static void decode_rfc3986_2_1(void **state)
{
	(void)state;
	char out[64];

	assert_int_equal(percent_decode("a%20b%2fC+%e2%82%AC", 19, out), 9);
	assert_memory_equal(out, "a b/C+\xE2\x82\xAC", 9);
	assert_int_equal(percent_decode("%00x", 4, out), 2);
	assert_memory_equal(out, "\0x", 2);
	assert_int_equal(percent_decode("", 0, out), 0);
	assert_int_equal(percent_decode(NULL, 0, out), 0);
	assert_int_equal(percent_decode("%2525", 5, out), 3);
	assert_memory_equal(out, "%25", 3);
}

static void decode_in_place(void **state)
{
	(void)state;
	char buf[] = "%41%42c%44";

	assert_int_equal(percent_decode(buf, strlen(buf), buf), 4);
	assert_memory_equal(buf, "ABcD", 4);
}

static void decode_refuses_bad_escapes(void **state)
{
	(void)state;
	static const char *const bad[] = {"%", "%2", "a%", "%zz", "%2g", "%g2",
	    "%%41", "% 41", "%-1", "%u0041"};
	char out[16];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_err(percent_decode(bad[i], strlen(bad[i]), out), EINVAL);
	/* the byte behind the end is not looked at */
	assert_err(percent_decode("%41", 2, out), EINVAL);
}

static void encode_rfc3986_2_3(void **state)
{
	(void)state;
	char out[64];

	assert_int_equal(
	    percent_encode("aZ09-._~/ %\xC3\xA4\0", 14, out, sizeof(out)), 26);
	assert_string_equal(out, "aZ09-._~%2F%20%25%C3%A4%00");
}

static void encode_never_cuts_an_escape(void **state)
{
	(void)state;
	char out[16];

	assert_int_equal(percent_encode("ab c", 4, out, 7), 6);
	assert_string_equal(out, "ab%20c");
	assert_int_equal(percent_encode("ab c", 4, out, 6), 6);
	assert_string_equal(out, "ab%20");
	assert_int_equal(percent_encode("ab c", 4, out, 5), 6);
	assert_string_equal(out, "ab");
	assert_int_equal(percent_encode("ab c", 4, out, 1), 6);
	assert_string_equal(out, "");
	assert_int_equal(percent_encode("ab c", 4, NULL, 0), 6);
}

static void round_trip_of_all_bytes(void **state)
{
	(void)state;
	char in[256];
	char mid[3 * 256 + 1];
	char back[256];

	for (int i = 0; i < 256; i++)
		in[i] = (char)i;
	size_t n = percent_encode(in, sizeof(in), mid, sizeof(mid));
	assert_true(n < sizeof(mid));
	assert_int_equal(percent_decode(mid, n, mid), 256);
	memcpy(back, mid, sizeof(back));
	assert_memory_equal(back, in, sizeof(in));
}

static const char *get(const char *query, const char *key)
{
	static char out[32];
	size_t len;

	return query_get(query, strlen(query), key, out, sizeof(out), &len)
		   ? out
		   : NULL;
}

static void query_values(void **state)
{
	(void)state;
	assert_string_equal(get("a=1&b=2", "b"), "2");
	assert_string_equal(get("a=1&a=2", "a"), "1");
	assert_string_equal(get("download", "download"), "");
	assert_string_equal(get("download=", "download"), "");
	assert_string_equal(get("x&download&y", "download"), "");
	assert_string_equal(get("a=b=c", "a"), "b=c");
	assert_string_equal(get("&&a=1", "a"), "1");
	assert_string_equal(get("=v", ""), "v");
	assert_null(get("", "a"));
	assert_null(get("&", "a"));
	assert_null(get("ab=1", "a"));
	assert_null(get("a=1", "ab"));
	assert_null(get("A=1", "a"));
}

static void query_decoding(void **state)
{
	(void)state;
	assert_string_equal(get("n=a+b%20c%2B", "n"), "a b c+");
	assert_string_equal(get("%6E=1", "n"), "1");
	assert_string_equal(get("a+b=1", "a b"), "1");
	assert_string_equal(get("n=100%", "n"), "100%");
	assert_string_equal(get("n=%zz%4", "n"), "%zz%4");
	assert_string_equal(get("n=a%26b", "n"), "a&b");
	/* a NUL in a key does not end it */
	assert_null(get("n%00x=1", "n"));
}

static void query_lengths(void **state)
{
	(void)state;
	char out[4] = "zzz";
	size_t len = 99;

	assert_false(query_get("a=1", 3, "b", out, sizeof(out), &len));
	assert_int_equal(len, 99);
	assert_string_equal(out, "zzz");
	assert_true(query_get("a=12%0034", 9, "a", out, sizeof(out), &len));
	assert_int_equal(len, 5);
	assert_memory_equal(out, "12\0", 4);
	assert_true(query_get("a=123", 5, "a", out, sizeof(out), &len));
	assert_int_equal(len, 3);
	assert_string_equal(out, "123");
	assert_true(query_get("a=123", 5, "a", NULL, 0, &len));
	assert_int_equal(len, 3);
	assert_false(query_get(NULL, 0, "a", out, sizeof(out), &len));
}

static void query_iteration(void **state)
{
	(void)state;
	static const char query[] = "&a=1&&b&c=%20&";
	const char *cursor = query;
	const char *end = query + strlen(query);
	struct str k;
	struct str v;

	assert_true(query_next(&cursor, end, &k, &v));
	assert_true(str_eq(k, "a") && str_eq(v, "1"));
	assert_true(query_next(&cursor, end, &k, &v));
	assert_true(str_eq(k, "b") && str_eq(v, ""));
	assert_true(query_next(&cursor, end, &k, &v));
	assert_true(str_eq(k, "c") && str_eq(v, "%20"));
	assert_false(query_next(&cursor, end, &k, &v));
	assert_false(query_next(&cursor, end, &k, &v));
}

static void urls_without_secrets(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"", ""},
	    {"/a", "/a"},
	    {"/a?", "/a"},
	    {"/a?b", "/a"},
	    {"/a?b=", "/a?b="},
	    {"/a?b=c", "/a?b="},
	    {"/a?b=c&d&e=f?g=h&&i=", "/a?b=&e=&i="},
	    {"/a?url=http%3A%2F%2Fx%3Fy=z", "/a?url="},
	    {"?=x", "?="},
	    {"/a#b", "/a"},
	    {"/a#b?c=d", "/a"},
	    {"/a?b=c#d", "/a?b="},
	    {"http://a/b", "http://a/b"},
	    {"http://me@a", "http://a"},
	    {"http://me:pw@a/b?c=d", "http://a/b?c="},
	    {"http://me:p@w@a:8/b", "http://a:8/b"},
	    {"http://me:pw@", "http://"},
	    {"//me@a/b", "//a/b"},
	    {"http://a/b@c", "http://a/b@c"},
	    {"http://a?b@c=d", "http://a?b@c="},
	    {"/a/b@c//d@e", "/a/b@c//d@e"},
	    {"/?a=//b@c", "/?a="},
	    {"a?b//c@d", "a"},
	    {"/", "/"},
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strcpy(text, cases[i].text);
		text[url_redact(text, strlen(text))] = '\0';
		assert_string_equal(text, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decode_rfc3986_2_1),
	    cmocka_unit_test(decode_in_place),
	    cmocka_unit_test(decode_refuses_bad_escapes),
	    cmocka_unit_test(encode_rfc3986_2_3),
	    cmocka_unit_test(encode_never_cuts_an_escape),
	    cmocka_unit_test(round_trip_of_all_bytes),
	    cmocka_unit_test(query_values),
	    cmocka_unit_test(query_decoding),
	    cmocka_unit_test(query_lengths),
	    cmocka_unit_test(query_iteration),
	    cmocka_unit_test(urls_without_secrets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
