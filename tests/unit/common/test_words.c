/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <string.h>

#include "common/words.h"

/* All words of a line between bars; "!" and the reason for one that is none. */
static void expect(const char *line, const char *wanted)
{
	struct str rest = str_from(line);
	const char *why = NULL;
	char all[256] = "", word[64];
	ssize_t n;

	while ((n = words_next(&rest, word, sizeof word, &why)) >= 0) {
		assert_int_equal(n, strlen(word));
		strcat(strcat(all, word), "|");
	}
	if (n == -EINVAL)
		strcat(strcat(all, "!"), why);
	else
		assert_int_equal(n, -ENOENT);
	assert_string_equal(all, wanted);
}

static void test_words(void **state)
{
	(void)state;
	expect("", "");
	expect(" \t ", "");
	expect("wc", "wc|");
	expect("  wc\t-l  ", "wc|-l|");
	expect("a=b {} x@y:z,% +^!", "a=b|{}|x@y:z,%|+^!|");
	expect("a#b c~", "a#b|c~|");
}

static void test_quotes(void **state)
{
	(void)state;
	expect("'b  c' \"d \\\"e\\\"\" f\\ g", "b  c|d \"e\"|f g|");
	expect("a'b'\"c\"d", "abcd|");
	expect("'' \"\"", "||");
	expect("'\\' \"\\n\\\\\\$\\`\"", "\\|\\n\\$`|");
	expect("'|&;<>()$`*?[#~' \\; \\#", "|&;<>()$`*?[#~|;|#|");
	expect("\"'\" '\"'", "'|\"|");
}

#define SHELL \
	"there is no shell: one of | & ; < > ( ) $ ` * ? [ # ~ has to stand " \
	"in quotes, where it means itself"

static void test_what_is_no_line(void **state)
{
	static const char *const bare[] = {
	    "a | b", "a|b", "a &", "a; b", "a > b", "a < b", "$HOME", "a$(b)",
	    "`b`", "*.c", "a?", "[a]", "(a)", "# a", "~/a"};

	(void)state;
	for (size_t i = 0; i < sizeof bare / sizeof bare[0]; i++) {
		struct str rest = str_from(bare[i]);
		const char *why;
		char word[8];
		ssize_t n;

		while ((n = words_next(&rest, word, sizeof word, &why)) >= 0)
			;
		assert_int_equal(n, -EINVAL);
		assert_string_equal(why, SHELL);
	}
	expect("a 'b", "a|!a quote is not closed");
	expect("\"b\\", "!a quote is not closed");
	expect("\"b\\\"", "!a quote is not closed");
	expect("a\\", "!it ends with a backslash");
}

static void test_room(void **state)
{
	struct str rest = str_from("abc de");
	const char *why;
	char word[4];

	(void)state;
	assert_err(words_next(&rest, word, 3, &why), E2BIG);
	assert_int_equal(rest.n, 6);
	assert_int_equal(words_next(&rest, NULL, 0, &why), 3);
	assert_int_equal(words_next(&rest, word, 3, &why), 2);
	assert_string_equal(word, "de");
	assert_err(words_next(&rest, word, 3, &why), ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_quotes),
	    cmocka_unit_test(test_what_is_no_line),
	    cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
