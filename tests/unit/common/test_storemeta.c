/* SPDX-License-Identifier: MIT */
#include "common/storemeta.h"

#include <errno.h>
#include <stdio.h>

#include "check.h"

#define ONE "11111111-1111-1111-1111-111111111111"
#define TWO "22222222-2222-2222-2222-222222222222"
#define THREE "33333333-3333-3333-3333-333333333333"
#define DOUBT(a, b)                                                            \
	"doubt 000000000000000000" a "\nto 000000000000000000" b "\n"
#define COUNTS(a, b)                                                           \
	"checkpoint 000000000000000000" a "\nothers 000000000000000000" b "\n"
#define LINES(a, b) COUNTS(a, b) DOUBT("00", "00")

static struct storemeta of(uint64_t checkpoint, uint64_t others)
{
	struct storemeta m = {.checkpoint = checkpoint, .others = others};

	memcpy(m.boot, ONE, sizeof(m.boot));
	return m;
}

static void test_both_ways(void **state)
{
	struct storemeta m = of(12, 7), got;
	char text[STOREMETA_SIZE];

	(void)state;
	size_t n = storemeta_write(&m, text);
	assert_string_equal(
	    text, "spillway-store 3\nboot " ONE "\n" LINES("12", "07"));
	assert_int_equal(n, strlen(text));
	assert_ok(storemeta_read(text, n, &got));
	assert_memory_equal(got.boot, m.boot, sizeof(m.boot));
	assert_int_equal(got.checkpoint, 12);
	assert_int_equal(got.others, 7);
	/* All are as long. */
	m = of(INT64_MAX, INT64_MAX);
	m.doubt_first = 1;
	m.doubt_last = INT64_MAX;
	assert_int_equal(storemeta_write(&m, text), n);
	assert_ok(storemeta_read(text, n, &got));
	assert_true(got.others == INT64_MAX);
	assert_int_equal(got.doubt_first, 1);
	assert_true(got.doubt_last == INT64_MAX);
	/* No part of it is one. */
	while (n-- > 0)
		assert_err(storemeta_read(text, n, &got), EBADMSG);
}

static void test_wrong(void **state)
{
	static const struct {
		const char *text;
		int err;
	} cases[] = {
	    {"notes of mine\n", EBADMSG},
	    {"spillway-store \n", EBADMSG},
	    {"spillway-store x\n", EBADMSG},
	    {"spillway-store 1\nflushed 00000001763700000000\n", ENOTSUP},
	    {"spillway-store 2\nboot " ONE "\n", ENOTSUP},
	    {"spillway-store 4\n", ENOTSUP},
	    {"spillway-store 3\n" LINES("12", "07"), EBADMSG},
	    {"spillway-store 3\nboot 1-1\n" LINES("12", "07"), EBADMSG},
	    {"spillway-store 3\nboot " ONE "1\n" LINES("12", "07"), EBADMSG},
	    {"spillway-store 3\nboot " ONE "\n" LINES("1x", "07"), EBADMSG},
	    {"spillway-store 3\nboot " ONE "\n" LINES("12", "-7"), EBADMSG},
	    /* More of the others than of all. */
	    {"spillway-store 3\nboot " ONE "\n" LINES("07", "12"), EBADMSG},
	    {"spillway-store 3\nboot " ONE "\n" LINES("12", "07") "x", EBADMSG},
	    {"spillway-store 3\nboot " ONE
	     "\ncheckpoint 9223372036854775808\nothers 0\n" DOUBT("00", "00"),
		EBADMSG},
	    {"spillway-store 3\nboot " ONE "\n" COUNTS("12", "07"), EBADMSG},
	    {"spillway-store 3\nboot " ONE
	     "\n" COUNTS("12", "07") DOUBT("09", "08"),
		EBADMSG},
	    {"spillway-store 3\nboot " ONE "\n" COUNTS("12", "07")
	     "doubt 1\nto 9223372036854775808\n",
		EBADMSG},
	};
	struct storemeta got = {.checkpoint = 77};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text = cases[i].text;

		assert_err(
		    storemeta_read(text, strlen(text), &got), cases[i].err);
	}
	assert_int_equal(got.checkpoint, 77);

	struct storemeta m = of(12, 7);
	char text[STOREMETA_SIZE];
	size_t n = storemeta_write(&m, text);
	text[strlen("spillway-store 3\nboot ") + 5] = '\0';
	assert_err(storemeta_read(text, n, &got), EBADMSG);
}

static bool trusts(const char *boot, uint64_t checkpoint, const char *now)
{
	struct storemeta m = of(12, 7);

	return storemeta_trusts(&m, now, str_from(boot), checkpoint);
}

static void test_trust(void **state)
{
	(void)state;
	/* Nothing is lost while the machine is up, or was waited for. */
	assert_true(trusts(ONE, 99, ONE));
	assert_true(trusts(TWO, 99, TWO));
	assert_true(trusts("", 99, TWO));
	assert_true(trusts(NULL, 0, TWO));
	/* Of the start that it tells of. */
	assert_true(trusts(ONE, 12, TWO));
	assert_false(trusts(ONE, 13, TWO));
	/* Of one before: the numbers went on after it, and are others'. */
	assert_true(trusts(THREE, 7, TWO));
	assert_false(trusts(THREE, 8, TWO));
	assert_true(trusts(THREE, 7, ONE));
	assert_false(trusts(THREE, 8, ONE));
	/* Not one that anybody wrote. */
	assert_false(trusts("1111", 12, TWO));
}

/* Of any start but the one that is. */
static void test_doubt(void **state)
{
	struct storemeta m = of(12, 7);

	(void)state;
	m.doubt_first = 5;
	m.doubt_last = 9;
	for (uint64_t i = 1; i < 15; i++) {
		bool in_doubt = i >= 5 && i <= 9;

		assert_true(storemeta_trusts(&m, ONE, str_from(ONE), i));
		assert_int_equal(storemeta_trusts(&m, TWO, str_from(ONE), i),
		    i <= 12 && !in_doubt);
		assert_int_equal(storemeta_trusts(&m, TWO, str_from(THREE), i),
		    i <= 7 && !in_doubt);
	}
	assert_true(storemeta_trusts(&m, TWO, str_from(""), 6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_both_ways),
	    cmocka_unit_test(test_wrong),
	    cmocka_unit_test(test_trust),
	    cmocka_unit_test(test_doubt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
