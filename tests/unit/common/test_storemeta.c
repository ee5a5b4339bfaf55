/* SPDX-License-Identifier: MIT */
#include "common/storemeta.h"

#include <errno.h>
#include <stdio.h>

#include "check.h"

#define ONE "11111111-1111-1111-1111-111111111111"
#define TWO "22222222-2222-2222-2222-222222222222"
#define THREE "33333333-3333-3333-3333-333333333333"
#define DOUBT(a, b) "doubt 000000000000000000" a "-000000000000000000" b "\n"
#define NONE DOUBT("00", "00")
#define NONES NONE NONE NONE NONE NONE NONE
#define COUNTS(a, b)                                                           \
	"checkpoint 000000000000000000" a "\nothers 000000000000000000" b "\n"
#define FIRST "spillway-store 4\nboot " ONE "\n"
#define LINES(a, b) COUNTS(a, b) NONES NONE NONE

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
	    text, "spillway-store 4\nboot " ONE "\n" LINES("12", "07"));
	assert_int_equal(n, strlen(text));
	assert_ok(storemeta_read(text, n, &got));
	assert_memory_equal(got.boot, m.boot, sizeof(m.boot));
	assert_int_equal(got.checkpoint, 12);
	assert_int_equal(got.others, 7);
	/* All are as long. */
	m = of(INT64_MAX, INT64_MAX);
	for (size_t i = 0; i < STOREMETA_DOUBTS; i++)
		m.doubts[i] = (struct storemeta_doubt){2 * i + 1, 2 * i + 2};
	m.doubts[STOREMETA_DOUBTS - 1].last = INT64_MAX;
	assert_int_equal(storemeta_write(&m, text), n);
	assert_ok(storemeta_read(text, n, &got));
	assert_true(got.others == INT64_MAX);
	assert_memory_equal(got.doubts, m.doubts, sizeof(m.doubts));
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
	    {"spillway-store 3\nboot " ONE "\n", ENOTSUP},
	    {"spillway-store 5\n", ENOTSUP},
	    {"spillway-store 4\n" LINES("12", "07"), EBADMSG},
	    {"spillway-store 4\nboot 1-1\n" LINES("12", "07"), EBADMSG},
	    {"spillway-store 4\nboot " ONE "1\n" LINES("12", "07"), EBADMSG},
	    {"spillway-store 4\nboot " ONE "\n" LINES("1x", "07"), EBADMSG},
	    {"spillway-store 4\nboot " ONE "\n" LINES("12", "-7"), EBADMSG},
	    /* More of the others than of all. */
	    {"spillway-store 4\nboot " ONE "\n" LINES("07", "12"), EBADMSG},
	    {"spillway-store 4\nboot " ONE "\n" LINES("12", "07") "x", EBADMSG},
	    {FIRST "checkpoint 9223372036854775808\nothers 0\n" NONES NONE NONE,
		EBADMSG},
	    {FIRST COUNTS("12", "07"), EBADMSG},
	    {FIRST COUNTS("12", "07") NONES NONE, EBADMSG},
	    {FIRST LINES("12", "07") NONE, EBADMSG},
	    {FIRST COUNTS("12", "07") DOUBT("09", "08") NONES NONE, EBADMSG},
	    {FIRST COUNTS("12", "07") DOUBT("00", "08") NONES NONE, EBADMSG},
	    {FIRST COUNTS("12", "07") DOUBT("08", "00") NONES NONE, EBADMSG},
	    /* Not in order, and behind the last. */
	    {FIRST COUNTS("12", "07") DOUBT("08", "09") DOUBT("09", "10") NONES,
		EBADMSG},
	    {FIRST COUNTS("12", "07") NONE DOUBT("09", "10") NONES, EBADMSG},
	    {FIRST COUNTS("12", "07") "doubt 1\n" NONES NONE, EBADMSG},
	    {FIRST COUNTS("12", "07") "doubt \n" NONES NONE, EBADMSG},
	    {FIRST COUNTS("12", "07") "doubt -\n" NONES NONE, EBADMSG},
	    {FIRST COUNTS(
		 "12", "07") "doubt 1-9223372036854775808\n" NONES NONE,
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
	text[strlen("spillway-store 4\nboot ") + 5] = '\0';
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
	m.doubts[0] = (struct storemeta_doubt){2, 3};
	m.doubts[1] = (struct storemeta_doubt){5, 9};
	for (uint64_t i = 1; i < 15; i++) {
		bool in_doubt = i == 2 || i == 3 || (i >= 5 && i <= 9);

		assert_true(storemeta_trusts(&m, ONE, str_from(ONE), i));
		assert_int_equal(storemeta_trusts(&m, TWO, str_from(ONE), i),
		    i <= 12 && !in_doubt);
		assert_int_equal(storemeta_trusts(&m, TWO, str_from(THREE), i),
		    i <= 7 && !in_doubt);
	}
	assert_true(storemeta_trusts(&m, TWO, str_from(""), 6));
}

static void expect_doubts(
    const struct storemeta *m, const struct storemeta_doubt *all, size_t n)
{
	struct storemeta want = {.checkpoint = 0};

	if (n)
		memcpy(want.doubts, all, n * sizeof(*all));
	assert_memory_equal(m->doubts, want.doubts, sizeof(want.doubts));
	assert_int_equal(storemeta_last_doubt(m), n ? all[n - 1].last : 0);
}

#define EXPECT_DOUBTS(m, ...) \
	do { \
		const struct storemeta_doubt all_[] = {__VA_ARGS__}; \
		expect_doubts(m, all_, sizeof(all_) / sizeof(all_[0])); \
	} while (0)

static void add(struct storemeta *m, uint64_t first, uint64_t last)
{
	storemeta_add_doubt(m, (struct storemeta_doubt){first, last});
}

/* What was between two of them is in none, for as long as there is room. */
static void test_doubts(void **state)
{
	struct storemeta m = of(12, 7);

	(void)state;
	expect_doubts(&m, NULL, 0);
	add(&m, 1, 2);
	/* It failed once more. */
	add(&m, 2, 3);
	EXPECT_DOUBTS(&m, {1, 3});
	add(&m, 4, 5);
	EXPECT_DOUBTS(&m, {1, 5});
	add(&m, 10, 11);
	add(&m, 20, 21);
	add(&m, 23, 24);
	for (uint64_t i = 30; i < 70; i += 10)
		add(&m, i, i + 1);
	EXPECT_DOUBTS(&m, {1, 5}, {10, 11}, {20, 21}, {23, 24}, {30, 31},
	    {40, 41}, {50, 51}, {60, 61});
	/* Those that are nearest to each other are one. */
	add(&m, 70, 71);
	EXPECT_DOUBTS(&m, {1, 5}, {10, 11}, {20, 24}, {30, 31}, {40, 41},
	    {50, 51}, {60, 61}, {70, 71});
	add(&m, 90, 91);
	EXPECT_DOUBTS(&m, {1, 11}, {20, 24}, {30, 31}, {40, 41}, {50, 51},
	    {60, 61}, {70, 71}, {90, 91});
	storemeta_end_doubts(&m, 10);
	assert_int_equal(m.doubts[0].first, 1);
	storemeta_end_doubts(&m, 51);
	EXPECT_DOUBTS(&m, {60, 61}, {70, 71}, {90, 91});
	storemeta_end_doubts(&m, 99);
	expect_doubts(&m, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_both_ways),
	    cmocka_unit_test(test_wrong),
	    cmocka_unit_test(test_trust),
	    cmocka_unit_test(test_doubt),
	    cmocka_unit_test(test_doubts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
