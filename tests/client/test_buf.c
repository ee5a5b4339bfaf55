/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core/buf.h"

static void test_maximum(void **state)
{
	struct spwc__buf b;

	(void)state;
	spwc__buf_init(&b, 5);
	spwc__buf_puts(&b, "abcd");
	assert_ok(spwc__buf_add(&b, "e", 1));
	assert_err(spwc__buf_add(&b, "f", 1), EFBIG);
	assert_string_equal(b.data, "abcde");
	/* It sticks. */
	assert_err(spwc__buf_add(&b, "", 0), EFBIG);
	spwc__buf_fini(&b);
	assert_int_equal(b.error, 0);
}

static void test_text(void **state)
{
	struct spwc__buf b;
	char *text = NULL;

	(void)state;
	spwc__buf_init(&b, 1000);
	assert_ok(spwc__buf_take(&b, &text));
	assert_string_equal(text, "");
	free(text);

	spwc__buf_put_u64(&b, UINT64_MAX);
	spwc__buf_puts(&b, " ");
	spwc__buf_put_escaped(&b, "a/b c\0\xff~", 8, "/");
	spwc__buf_put_escaped(&b, "/", 1, "");
	assert_ok(spwc__buf_take(&b, &text));
	assert_string_equal(text, "18446744073709551615 a/b%20c%00%FF~%2F");
	assert_int_equal(b.len, 0);
	free(text);
	spwc__buf_fini(&b);
}

static void test_growth(void **state)
{
	struct spwc__buf b;

	(void)state;
	spwc__buf_init(&b, 100000);
	for (int i = 0; i < 100000; i++)
		assert_ok(spwc__buf_add(&b, "x", 1));
	assert_int_equal(strlen(b.data), 100000);
	assert_err(spwc__buf_add(&b, "x", 1), EFBIG);
	spwc__buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_maximum),
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
