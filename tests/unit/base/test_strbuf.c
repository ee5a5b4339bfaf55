/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"

static void assert_sane(const struct strbuf *b)
{
	assert_true(b->len <= b->max);
	if (b->data) {
		assert_true(b->len < b->cap);
		assert_int_equal(b->data[b->len], '\0');
	} else {
		assert_int_equal(b->len, 0);
	}
}

static void test_grows_and_stays_terminated(void **state)
{
	struct strbuf b;
	char expected[301] = "";

	(void)state;
	strbuf_init(&b, 1000);
	assert_sane(&b);
	for (size_t i = 0; i < 100; i++) {
		strbuf_adds(&b, "ab");
		strbuf_addc(&b, 'c');
		strbuf_add(&b, "ignored", 0);
		memcpy(expected + 3 * i, "abc", 4);
		assert_sane(&b);
		assert_string_equal(b.data, expected);
	}
	assert_false(b.failed);
	strbuf_fini(&b);
	assert_null(b.data);
	strbuf_fini(&b);
	strbuf_fini(NULL);
}

static void test_takes_bytes_with_nul(void **state)
{
	struct strbuf b;

	(void)state;
	strbuf_init(&b, 10);
	strbuf_add(&b, "a\0b", 3);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "a\0b\0", 4);
	strbuf_fini(&b);
}

static void test_maximum_is_exact(void **state)
{
	for (size_t max = 0; max < 200; max++) {
		struct strbuf b;

		(void)state;
		strbuf_init(&b, max);
		for (size_t i = 0; i < max; i++)
			strbuf_addc(&b, 'x');
		assert_false(b.failed);
		assert_int_equal(b.len, max);
		strbuf_addc(&b, 'y');
		assert_true(b.failed);
		assert_int_equal(b.len, max);
		assert_sane(&b);
		strbuf_fini(&b);
	}
}

static void test_overflow_adds_nothing_and_sticks(void **state)
{
	struct strbuf b;

	(void)state;
	strbuf_init(&b, 5);
	strbuf_adds(&b, "abc");
	strbuf_adds(&b, "defg");
	assert_true(b.failed);
	assert_string_equal(b.data, "abc");

	strbuf_addc(&b, 'd');
	strbuf_adds(&b, "d");
	strbuf_addf(&b, "d");
	strbuf_addu(&b, 1);
	strbuf_addi(&b, -1);
	assert_false(strbuf_reserve(&b, 1));
	assert_string_equal(b.data, "abc");
	assert_sane(&b);

	strbuf_reset(&b);
	assert_false(b.failed);
	strbuf_adds(&b, "12345");
	assert_string_equal(b.data, "12345");
	strbuf_fini(&b);
}

static void test_huge_request_does_not_wrap(void **state)
{
	struct strbuf b;

	(void)state;
	strbuf_init(&b, SIZE_MAX);
	strbuf_adds(&b, "abc");
	assert_false(strbuf_reserve(&b, SIZE_MAX));
	assert_true(b.failed);
	strbuf_reset(&b);
	assert_false(strbuf_reserve(&b, SIZE_MAX - 2));
	strbuf_fini(&b);
}

static void test_borrowed_memory_never_grows(void **state)
{
	char mem[8];
	struct strbuf b;

	(void)state;
	memset(mem, 'z', sizeof mem);
	strbuf_init_fixed(&b, mem, 6);
	assert_string_equal(mem, "");
	strbuf_adds(&b, "12345");
	assert_false(b.failed);
	assert_ptr_equal(b.data, mem);
	strbuf_addc(&b, '6');
	assert_true(b.failed);
	assert_string_equal(mem, "12345");
	assert_memory_equal(mem + 6, "zz", 2);
	strbuf_fini(&b);

	strbuf_init_fixed(&b, mem, 1);
	strbuf_addc(&b, 'x');
	assert_true(b.failed);
	strbuf_fini(&b);
}

static void test_printf(void **state)
{
	struct strbuf b;
	char wide[500];

	(void)state;
	memset(wide, 'w', sizeof wide - 1);
	wide[sizeof wide - 1] = '\0';
	strbuf_init(&b, 600);
	strbuf_addf(&b, "%s", "");
	assert_int_equal(b.len, 0);
	strbuf_addf(&b, "%d-%s", 42, "x");
	strbuf_addf(&b, "%s", wide);
	assert_false(b.failed);
	assert_int_equal(b.len, 4 + 499);
	assert_sane(&b);

	strbuf_addf(&b, "%s", wide);
	assert_true(b.failed);
	assert_int_equal(b.len, 4 + 499);
	assert_sane(&b);
	strbuf_fini(&b);
}

static void test_numbers(void **state)
{
	struct strbuf b;

	(void)state;
	strbuf_init(&b, 200);
	strbuf_addu(&b, 0);
	strbuf_addc(&b, ' ');
	strbuf_addu(&b, 9);
	strbuf_addc(&b, ' ');
	strbuf_addu(&b, 10);
	strbuf_addc(&b, ' ');
	strbuf_addu(&b, UINT64_MAX);
	strbuf_addc(&b, ' ');
	strbuf_addi(&b, INT64_MIN);
	strbuf_addc(&b, ' ');
	strbuf_addi(&b, INT64_MAX);
	strbuf_addc(&b, ' ');
	strbuf_addi(&b, -1);
	assert_string_equal(b.data,
	    "0 9 10 18446744073709551615 -9223372036854775808 "
	    "9223372036854775807 -1");
	strbuf_fini(&b);
}

static void test_take(void **state)
{
	struct strbuf b;
	size_t len = 99;

	(void)state;
	strbuf_init(&b, 3);
	char *s = strbuf_take(&b, &len);
	assert_string_equal(s, "");
	assert_int_equal(len, 0);
	free(s);

	strbuf_adds(&b, "abc");
	s = strbuf_take(&b, &len);
	assert_string_equal(s, "abc");
	assert_int_equal(len, 3);
	assert_null(b.data);
	free(s);

	strbuf_adds(&b, "abcd");
	assert_null(strbuf_take(&b, &len));
	assert_int_equal(len, 3);
	assert_false(b.failed);
	strbuf_adds(&b, "xyz");
	s = strbuf_take(&b, NULL);
	assert_string_equal(s, "xyz");
	free(s);
	strbuf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_grows_and_stays_terminated),
	    cmocka_unit_test(test_takes_bytes_with_nul),
	    cmocka_unit_test(test_maximum_is_exact),
	    cmocka_unit_test(test_overflow_adds_nothing_and_sticks),
	    cmocka_unit_test(test_huge_request_does_not_wrap),
	    cmocka_unit_test(test_borrowed_memory_never_grows),
	    cmocka_unit_test(test_printf),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
