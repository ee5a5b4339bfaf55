/* SPDX-License-Identifier: MIT */
#include <spillway/census.h>

#include <errno.h>

#include "unit/lib/model.h"
#include "unit/lib/threads.h"

static struct spw_census_stats take(struct spw_census *c)
{
	struct spw_census_stats stats;

	spw_census_take(c, &stats);
	return stats;
}

static void test_counting(void **state)
{
	struct spw_census *c;
	struct spw_spool *s[3];
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	assert_err(spw_census_new(NULL), EINVAL);
	assert_ok(spw_census_new(&c));
	for (int i = 0; i < 3; i++) {
		assert_ok(spw_spool_new(SPOOL_OPTS(&w, .census = c,
		    .memory_max = 1000, .flags = i == 2 ? SPW_SPOOL_SPARSE : 0,
		    .size_hint = i == 2 ? 500 : 0), &s[i]));
		assert_ok(spw_spool_append(s[0], "0123456789", 10));
	}
	assert_ok(spw_spool_rollover(s[0]));
	assert_ok(spw_spool_append(s[1], "abc", 3));
	assert_ok(spw_spool_pwrite(s[2], "abc", 3, 7));
	struct spw_census_stats stats = take(c);
	assert_int_equal(stats.made, 3);
	assert_int_equal(stats.live, 3);
	assert_int_equal(stats.peak, 3);
	assert_int_equal(stats.bytes, 36);
	assert_int_equal(stats.memory_bytes, 6);
	assert_int_equal(stats.disk_bytes, 30);
	assert_int_equal(stats.spilled[SPW_SPILL_NONE], 2);
	assert_int_equal(stats.spilled[SPW_SPILL_FORCED], 1);

	/* It lives as long as somebody is counted. */
	spw_spool_unref(s[1]);
	spw_spool_unref(s[0]);
	stats = take(c);
	assert_int_equal(stats.live, 1);
	assert_int_equal(stats.peak, 3);
	spw_census_unref(spw_census_ref(c));
	spw_census_unrefp(&c);
	spw_spool_unref(s[2]);
	spw_census_unref(NULL);
	world_fini(&w);
}

static void *come_and_go(void *arg)
{
	const struct spw_spool_opts opts = { .size = sizeof(opts),
		.memory_max = 1000, .census = arg };

	for (int i = 0; i < 1000; i++) {
		struct spw_spool *s;

		require(spw_spool_new(&opts, &s) == 0);
		require(spw_spool_append(s, "abc", 3) == 0);
		spw_spool_unref(s);
	}
	return NULL;
}

static void test_counting_while_they_come_and_go(void **state)
{
	struct spw_census *c;
	pthread_t ids[2];

	(void)state;
	assert_ok(spw_census_new(&c));
	for (int i = 0; i < 2; i++)
		ids[i] = start_thread(come_and_go, c);
	for (int i = 0; i < 200; i++)
		assert_true(take(c).bytes <= 6);
	for (int i = 0; i < 2; i++)
		join_thread(ids[i]);
	assert_int_equal(take(c).live, 0);
	assert_int_equal(take(c).made, 2000);
	spw_census_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counting),
		cmocka_unit_test(test_counting_while_they_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
