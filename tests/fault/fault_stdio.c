/* SPDX-License-Identifier: MIT */
/*
 * A FILE over a spool, with every call below it failing in turn: once, and
 * for good. What failed changed nothing, what was flushed stays, the same
 * FILE works when the fault is gone, and in the end nothing is held.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spillway/stdio.h>

#include "fault/rounds.h"
#include "unit/lib/model.h"

#define OLD 90000

struct scenario {
	const char *name, *mode;
	uint64_t memory_max;
	/* Returns: 0 or a negative errno. */
	int (*op)(FILE *f);
};

static int result(bool ok)
{
	return ok ? 0 : -errno;
}

static int nothing(FILE *f)
{
	(void)f;
	return 0;
}

/* One buffer of stdio's, so one write: it happens or it does not. */
static int write_line(FILE *f)
{
	clearerr(f);
	if (fseek(f, 0, SEEK_END) || fputs("one more line\n", f) < 0)
		return -errno;

	return result(fflush(f) == 0);
}

static int write_far(FILE *f)
{
	clearerr(f);
	if (fseek(f, 200000, SEEK_SET) || fputs("one more line\n", f) < 0)
		return -errno;

	return result(fflush(f) == 0);
}

/* A reader who fails is where it was. */
static int read_all(FILE *f)
{
	static uint8_t buf[OLD + 1];

	clearerr(f);
	if (fseek(f, 0, SEEK_SET))
		return -errno;
	errno = 0;
	size_t n = fread(buf, 1, sizeof(buf), f);
	assert_true(ferror(f) ? !feof(f) : n == OLD && feof(f));
	return result(!ferror(f));
}

static const struct scenario scenarios[] = {
	{ "opening_to_read", "r", MIB, nothing },
	{ "opening_to_change", "r+", MIB, nothing },
	{ "opening_to_append", "a+", 0, nothing },
	{ "opening_to_replace", "w", MIB, nothing },
	{ "opening_to_replace_on_disk", "w+", 0, nothing },
	{ "appending", "a", MIB, write_line },
	{ "appending_on_disk", "a", 0, write_line },
	{ "appending_over_the_limit", "a", OLD, write_line },
	{ "extending", "r+", MIB, write_line },
	{ "extending_on_disk", "r+", 0, write_line },
	{ "extending_over_the_limit", "r+", OLD, write_line },
	{ "leaving_a_gap", "r+", MIB, write_far },
	{ "leaving_a_gap_on_disk", "r+", 0, write_far },
	{ "reading", "r", MIB, read_all },
	{ "reading_on_disk", "r", 0, read_all },
};
static void check_old(struct spw_spool *s)
{
	static uint8_t buf[OLD + 1];

	assert_int_equal(spw_spool_size(s), OLD);
	assert_int_equal(spw_spool_pread(s, buf, sizeof(buf), 0), OLD);
	for (size_t i = 0; i < OLD; i++)
		assert_int_equal(buf[i], (uint8_t)(i * 7));
}

static struct spw_spool *old_spool(struct world *w, uint64_t memory_max)
{
	static uint8_t buf[OLD];
	struct spw_spool *s;

	for (size_t i = 0; i < OLD; i++)
		buf[i] = (uint8_t)(i * 7);
	assert_ok(spw_spool_new(SPOOL_OPTS(w, .memory_max = memory_max), &s));
	assert_ok(spw_spool_append(s, buf, sizeof(buf)));
	return s;
}

/* Open and work, with call `n` failing. Returns: whether there was one. */
static bool run_once(const void *what, const struct round *how)
{
	const struct scenario *sc = what;
	struct world w;
	FILE *f = NULL;

	world_init(&w, &(struct world_opts){ 0 });
	struct spw_spool *s = old_spool(&w, sc->memory_max);
	round_arm(how);
	int r = spw_stdio_open(s, sc->mode, &f);
	assert_int_equal(f != NULL, r == 0);
	if (r == 0)
		r = sc->op(f);
	bool hit = fault_disarm();
	if (r < 0) {
		assert_true(hit);
		expect_fault(r);
		check_old(s);
		if (!f)
			assert_ok(spw_stdio_open(s, sc->mode, &f));
		assert_ok(sc->op(f));
	}
	assert_int_equal(fclose(f), 0);
	spw_spool_unref(s);
	world_fini(&w);
	assert_int_equal(fault_held(), 0);
	return hit;
}

static void test_scenario(void **state)
{
	assert_true(rounds(run_once, *state) > 1);
}

/* What only fclose() can tell, it tells; and lets go of everything. */
static void test_closing(void **state)
{
	struct world w;
	FILE *f;

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	struct spw_spool *s = old_spool(&w, OLD);
	assert_ok(spw_stdio_open(s, "a", &f));
	assert_true(fputs("lost", f) >= 0);
	fault_arm(1, true, FAULT_BROKEN);
	errno = 0;
	assert_int_equal(fclose(f), EOF);
	expect_fault(-errno);
	assert_true(fault_disarm());
	check_old(s);
	spw_spool_unref(s);
	world_fini(&w);
	assert_int_equal(fault_held(), 0);
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(scenarios) + 1] = {
		cmocka_unit_test(test_closing),
	};

	SCENARIO_TESTS(tests + 1, scenarios, test_scenario)
	return cmocka_run_group_tests(tests, NULL, NULL);
}
