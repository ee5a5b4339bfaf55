/* SPDX-License-Identifier: MIT */
#include "common/etag.h"

#include <string.h>

#include "check.h"

#define TAG "\"e1\""

static bool match(const char *field, const char *etag, bool weak)
{
	return etag_list_match(field, strlen(field), etag, weak);
}

static void star_rfc9110_13_1_1(void **state)
{
	(void)state;
	assert_true(match("*", TAG, false));
	assert_true(match(" *\t", TAG, true));
	assert_true(match("*", NULL, false));
	assert_false(match("*, \"e1\"", TAG, true));
	assert_false(match("**", TAG, true));
}

static void lists_rfc9110_13_1_2(void **state)
{
	(void)state;
	static const char *const good[] = {"\"e1\"", "\"a\", \"e1\"",
	    "\"e1\",\"a\"", ", ,\"a\" , \"e1\",,", "\"a,b\", \"e1\"",
	    "  \"e1\"  ", "W/\"e1\", \"e1\"", "\"a\\\",\"e1\"", "\"\",\"e1\"",
	    "\"\xC3\xA4\", \"e1\""};
	static const char *const none[] = {"", ",", "\"a\"", "\"E1\"",
	    "\"e11\"", "\"e\"", "\"x,\"", "\"a\", \"b\""};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(match(good[i], TAG, false));
		assert_true(match(good[i], TAG, true));
		assert_false(match(good[i], NULL, true));
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(match(none[i], TAG, true));
}

static void weak_and_strong_rfc9110_8_8_3_2(void **state)
{
	(void)state;
	assert_true(match("W/\"e1\"", TAG, true));
	assert_false(match("W/\"e1\"", TAG, false));
	assert_true(match("\"x\", W/\"e1\"", TAG, true));
	assert_false(match("w/\"e1\"", TAG, true));
}

static void weak_of_ours_rfc9110_8_8_3_2(void **state)
{
	(void)state;
	static const char ours[] = "W/" TAG;
	static const char *const names[] = {
	    "W/\"e1\"", "\"e1\"", "\"x\", W/\"e1\"", "W/\"x\",\"e1\""};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_true(match(names[i], ours, true));
		assert_false(match(names[i], ours, false));
	}
	assert_false(match("W/\"e2\"", ours, true));
	assert_true(match("*", ours, false));
	assert_false(etag_equal_strong(ours, strlen(ours), ours));
	assert_false(etag_equal_strong(TAG, strlen(TAG), ours));
}

static void malformed_matches_nothing_rfc9110_8_8_3(void **state)
{
	(void)state;
	static const char *const bad[] = {"e1", "\"e1", "e1\"", "\"e1\" \"a\"",
	    "\"e1\"a", "\"e1\";", "W/ \"e1\"", "W\"e1\"", "W/", "W/e1",
	    "\"a b\", \"e1\"", "\"e1\", x", "\"e1\", \"a", "\"\x7F\",\"e1\"",
	    "'e1'"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(match(bad[i], TAG, false));
		assert_false(match(bad[i], TAG, true));
	}
	assert_false(etag_list_match(NULL, 0, TAG, true));
}

static bool equal(const char *field)
{
	return etag_equal_strong(field, strlen(field), TAG);
}

static void if_range_rfc9110_13_1_5(void **state)
{
	(void)state;
	assert_true(equal("\"e1\""));
	assert_true(equal(" \"e1\" "));
	assert_false(equal("W/\"e1\""));
	assert_false(equal("\"e2\""));
	assert_false(equal("\"e1\", \"e2\""));
	assert_false(equal("*"));
	assert_false(equal(""));
	assert_false(equal("e1"));
	assert_false(equal("Sun, 06 Nov 1994 08:49:37 GMT"));
	assert_false(etag_equal_strong(TAG, strlen(TAG), NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(star_rfc9110_13_1_1),
	    cmocka_unit_test(lists_rfc9110_13_1_2),
	    cmocka_unit_test(weak_and_strong_rfc9110_8_8_3_2),
	    cmocka_unit_test(weak_of_ours_rfc9110_8_8_3_2),
	    cmocka_unit_test(malformed_matches_nothing_rfc9110_8_8_3),
	    cmocka_unit_test(if_range_rfc9110_13_1_5),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
