/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <string.h>

#include "common/fileid.h"

static void assert_valid(const char *s, bool expected)
{
	assert_int_equal(id_valid(s, strlen(s)), expected);
}

static void test_valid(void **state)
{
	char longest[ID_LEN_MAX + 2];

	(void)state;
	assert_valid("a", true);
	assert_valid("report-2026_v1.2~final", true);
	assert_valid("-", true);
	assert_valid("~", true);
	assert_valid("a..b", true);
	assert_valid("a.", true);
	assert_valid("0", true);

	assert_valid("", false);
	assert_valid(".", false);
	assert_valid("..", false);
	assert_valid(".hidden", false);
	assert_valid("a/b", false);
	assert_valid("a b", false);
	assert_valid("a%2F", false);
	assert_valid("a\\b", false);
	assert_valid("a\n", false);
	assert_valid("a:b", false);
	assert_valid("caf\xc3\xa9", false);
	assert_false(id_valid("a\0b", 3));

	memset(longest, 'x', sizeof longest);
	assert_true(id_valid(longest, ID_LEN_MAX));
	assert_false(id_valid(longest, ID_LEN_MAX + 1));
	assert_false(id_valid(longest, 0));
}

/* Exactly the characters of the contract, at both places. */
static void test_valid_alphabet(void **state)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz"
				      "0123456789._~-";

	(void)state;
	for (int c = 0; c < 256; c++) {
		char second[2] = {'a', (char)c};
		bool expected = c != 0 && strchr(allowed, c) != NULL;

		assert_int_equal(id_valid(second, 2), expected);
		assert_int_equal(id_valid(second + 1, 1), expected && c != '.');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_valid),
	    cmocka_unit_test(test_valid_alphabet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
