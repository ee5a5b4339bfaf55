/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <string.h>

#include <jansson.h>

#include "base/json.h"

/** What json_string_n() makes of some bytes. */
static void assert_escaped(const char *in, size_t n, const char *expected)
{
	struct strbuf b;
	struct json j;
	char flat[64 * JSON_ESCAPE_MAX];

	strbuf_init(&b, 1000);
	json_init(&j, &b);
	json_string_n(&j, NULL, in, n);
	assert_false(b.failed);
	assert_string_equal(b.data, expected);

	/* The other way in: json_escape() alone. */
	size_t len = json_escape(flat, in, n);
	assert_int_equal(len, b.len - 2);
	assert_memory_equal(flat, b.data + 1, len);
	strbuf_fini(&b);
}

static void test_nesting_and_commas(void **state)
{
	struct strbuf b;
	struct json j;

	(void)state;
	strbuf_init(&b, 1000);
	json_init(&j, &b);
	json_object_begin(&j, NULL);
	json_string(&j, "s", "x");
	json_string(&j, "none", NULL);
	json_object_begin(&j, "empty");
	json_object_end(&j);
	json_array_begin(&j, "list");
	json_uint(&j, NULL, UINT64_MAX);
	json_int(&j, NULL, INT64_MIN);
	json_array_begin(&j, NULL);
	json_array_end(&j);
	json_object_begin(&j, NULL);
	json_bool(&j, "t", true);
	json_bool(&j, "f", false);
	json_object_end(&j);
	json_null(&j, NULL);
	json_array_end(&j);
	json_raw(&j, "raw", "[1,2]");
	json_null(&j, "end");
	json_object_end(&j);
	assert_false(b.failed);
	assert_string_equal(b.data,
	    "{\"s\":\"x\",\"none\":null,\"empty\":{},"
	    "\"list\":[18446744073709551615,-9223372036854775808,[],"
	    "{\"t\":true,\"f\":false},null],\"raw\":[1,2],\"end\":null}");
	strbuf_fini(&b);
}

static void test_deepest_nesting(void **state)
{
	struct strbuf b;
	struct json j;

	(void)state;
	strbuf_init(&b, 1000);
	json_init(&j, &b);
	for (int i = 0; i < JSON_DEPTH_MAX; i++) {
		if (i % 2)
			json_array_begin(&j, "k");
		else
			json_object_begin(&j, NULL);
	}
	for (int i = JSON_DEPTH_MAX - 1; i >= 0; i--) {
		if (i % 2)
			json_array_end(&j);
		else
			json_object_end(&j);
	}
	json_t *parsed = json_loads(b.data, 0, NULL);
	assert_non_null(parsed);
	json_decref(parsed);
	strbuf_fini(&b);
}

/* RFC 8259 §7 */
static void test_escapes(void **state)
{
	(void)state;
	assert_escaped("", 0, "\"\"");
	assert_escaped("plain /", 7, "\"plain /\"");
	assert_escaped("\"\\", 2, "\"\\\"\\\\\"");
	assert_escaped("\b\t\n\f\r", 5, "\"\\b\\t\\n\\f\\r\"");
	assert_escaped("\0\1\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\\u007f\"");
	assert_escaped("\x0b\x0e", 2, "\"\\u000b\\u000e\"");
}

/* Bytes are looked at eight at a time; none is missed wherever it stands. */
static void test_every_byte_at_every_place(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		for (size_t at = 0; at < 20; at++) {
			char in[20];
			char alone[JSON_ESCAPE_MAX];
			char out[sizeof in * JSON_ESCAPE_MAX];
			char byte = (char)c;

			memset(in, 'a', sizeof in);
			in[at] = byte;
			size_t width = json_escape(alone, &byte, 1);
			size_t n = json_escape(out, in, sizeof in);
			assert_int_equal(n, sizeof in - 1 + width);
			assert_memory_equal(out, in, at);
			assert_memory_equal(out + at, alone, width);
			assert_memory_equal(
			    out + at + width, in + at + 1, n - at - width);
		}
	}
}

/* RFC 3629 §3, §4 */
static void test_utf8(void **state)
{
	(void)state;
	assert_escaped("\xc3\xa9", 2, "\"\xc3\xa9\"");
	assert_escaped("\xe2\x82\xac", 3, "\"\xe2\x82\xac\"");
	assert_escaped("\xf0\x9f\x98\x80", 4, "\"\xf0\x9f\x98\x80\"");

	/* C1 controls; U+00A0 is text. */
	assert_escaped("\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", 8,
	    "\"\\u0080\\u009b\\u009f\xc2\xa0\"");
	/* Ends of lines to some programs, and what turns text around. */
	assert_escaped("\xc2\x85\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xae", 11,
	    "\"\\u0085\\u2028\\u2029\\u202e\"");

	/* One replacement for each byte that is not part of a sequence. */
	assert_escaped("\xff", 1, "\"\xef\xbf\xbd\"");
	assert_escaped("a\x80z", 3, "\"a\xef\xbf\xbdz\"");
	assert_escaped("\xc3", 1, "\"\xef\xbf\xbd\"");
	assert_escaped("\xc0\xaf", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"");
	assert_escaped(
	    "\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	assert_escaped("\xe2\x82\"", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\\\"\"");
}

static void test_string_length_is_honoured(void **state)
{
	struct strbuf b;
	struct json j;

	(void)state;
	strbuf_init(&b, 100);
	json_init(&j, &b);
	json_array_begin(&j, NULL);
	json_string_n(&j, NULL, "abcdef", 3);
	json_string_n(&j, NULL, NULL, 3);
	json_string_n(&j, NULL, "", 0);
	json_array_end(&j);
	assert_string_equal(b.data, "[\"abc\",null,\"\"]");
	strbuf_fini(&b);
}

/* The maximum is judged by what is written, not by the worst case. */
static void test_fits_exactly(void **state)
{
	static const char whole[] = "{\"key\":\"value \\n\",\"n\":12}";

	(void)state;
	for (size_t max = 0; max < sizeof whole + 2; max++) {
		struct strbuf b;
		struct json j;

		strbuf_init(&b, max);
		json_init(&j, &b);
		json_object_begin(&j, NULL);
		json_string(&j, "key", "value \n");
		json_uint(&j, "n", 12);
		json_object_end(&j);
		assert_int_equal(b.failed, max < sizeof whole - 1);
		assert_true(b.len <= max);
		if (b.data)
			assert_memory_equal(b.data, whole, b.len);
		strbuf_fini(&b);
	}
}

/** A small generator, so that a failure can be repeated. */
static uint32_t next_random(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

/* Whatever the bytes, another implementation reads the output. */
static void test_any_bytes_make_valid_json(void **state)
{
	uint32_t seed = 0x5eed5eed;

	(void)state;
	for (int round = 0; round < 5000; round++) {
		char in[48];
		size_t n = next_random(&seed) % sizeof in;
		struct strbuf b;
		struct json j;

		for (size_t i = 0; i < n; i++) {
			uint32_t r = next_random(&seed);
			char special = "\xe2\x82\"\\"[r & 3];
			in[i] = r & 0x300 ? (char)(r >> 16) : special;
		}
		strbuf_init(&b, 1000);
		json_init(&j, &b);
		json_array_begin(&j, NULL);
		json_string_n(&j, NULL, in, n);
		json_array_end(&j);

		json_t *parsed =
		    json_loadb(b.data, b.len, JSON_ALLOW_NUL, NULL);
		assert_non_null(parsed);
		assert_int_equal(json_array_size(parsed), 1);
		json_decref(parsed);
		strbuf_fini(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nesting_and_commas),
	    cmocka_unit_test(test_deepest_nesting),
	    cmocka_unit_test(test_escapes),
	    cmocka_unit_test(test_every_byte_at_every_place),
	    cmocka_unit_test(test_utf8),
	    cmocka_unit_test(test_string_length_is_honoured),
	    cmocka_unit_test(test_fits_exactly),
	    cmocka_unit_test(test_any_bytes_make_valid_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
