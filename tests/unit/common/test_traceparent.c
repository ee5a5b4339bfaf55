/* SPDX-License-Identifier: MIT */
#include "common/traceparent.h"

#include <string.h>

#include "check.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static bool parse(const char *text, struct traceparent *ret)
{
	return traceparent_parse(str_from(text), ret);
}

static void test_sound(void **state)
{
	static const char *const good[] = {
	    "00-" TRACE "-" PARENT "-01",
	    "00-" TRACE "-" PARENT "-00",
	    /* Of versions to come. */
	    "01-" TRACE "-" PARENT "-ff",
	    "cc-" TRACE "-" PARENT "-01-what-the-future-will-be-like",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct traceparent got;

		assert_true(parse(good[i], &got));
		assert_int_equal(got.trace_id.n, TRACE_ID_LEN);
		assert_ptr_equal(got.trace_id.p, good[i] + 3);
		assert_int_equal(got.parent_id.n, SPAN_ID_LEN);
		assert_ptr_equal(got.parent_id.p, good[i] + 36);
	}
}

/* What this version does not know is not passed on: §3.2.2.5, §4.3. */
static void test_format(void **state)
{
	struct traceparent got;
	char text[TRACEPARENT_SIZE];

	(void)state;
	assert_true(parse("cc-" TRACE "-" PARENT "-fd-future", &got));
	assert_int_equal(got.flags, 1);
	traceparent_format(
	    got.trace_id.p, "0123456789abcdef", got.flags, text);
	assert_string_equal(text, "00-" TRACE "-0123456789abcdef-01");
	assert_true(parse("00-" TRACE "-" PARENT "-02", &got));
	traceparent_format(got.trace_id.p, PARENT, got.flags, text);
	assert_string_equal(text, "00-" TRACE "-" PARENT "-02");
	traceparent_format(got.trace_id.p, PARENT, 0xffff, text);
	assert_string_equal(text, "00-" TRACE "-" PARENT "-03");
}

static void test_wrong(void **state)
{
	static const char *const bad[] = {
	    "", "0", "00", "00-", "00-" TRACE, "00-" TRACE "-" PARENT,
	    "00-" TRACE "-" PARENT "-0", "00-" TRACE "-" PARENT "-01-",
	    "00-" TRACE "-" PARENT "-01-x", "01-" TRACE "-" PARENT "-01.x",
	    "ff-" TRACE "-" PARENT "-01", "0x-" TRACE "-" PARENT "-01",
	    "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01",
	    "00-00000000000000000000000000000000-" PARENT "-01",
	    "00-" TRACE "-0000000000000000-01",
	    "00-" TRACE "_" PARENT "-01", "00_" TRACE "-" PARENT "-01",
	    "00-" TRACE "-" PARENT "_01", " 00-" TRACE "-" PARENT "-01",
	    "00-" TRACE "\n" PARENT "-01", "00-" TRACE "-" PARENT "-0\x1b",
	};
	char wide[TRACEPARENT_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct traceparent got = {.trace_id = {"kept", 4}};

		assert_false(parse(bad[i], &got));
		assert_int_equal(got.trace_id.n, 4);
	}

	memset(wide, 'x', sizeof(wide));
	memcpy(wide, "01-" TRACE "-" PARENT "-01-", 56);
	assert_true(traceparent_parse(
	    (struct str){wide, TRACEPARENT_MAX}, &(struct traceparent){0}));
	assert_false(traceparent_parse(
	    (struct str){wide, TRACEPARENT_MAX + 1},
	    &(struct traceparent){0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sound),
	    cmocka_unit_test(test_format),
	    cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
