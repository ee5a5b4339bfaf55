/* SPDX-License-Identifier: MIT */
#include <spillway/census.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <spillway/discard.h>

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

static uint64_t sum(const uint64_t *counts, size_t n)
{
	uint64_t all = 0;

	while (n--)
		all += *counts++;
	return all;
}

/* Every way to disk, each once; and one that does not get there. */
static void test_spills(void **state)
{
	static const char bytes[30000];
	struct spw_census *c;
	struct spw_spool *s[5];
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 64 * KIB });
	assert_ok(spw_census_new(&c));
	for (int i = 0; i < 5; i++)
		assert_ok(spw_spool_new(SPOOL_OPTS(&w, .census = c,
		    .memory_max = i == 0 ? 10 : MIB), &s[i]));
	assert_ok(spw_spool_append(s[0], bytes, 11));
	assert_int_equal(take(c).spills[SPW_SPILL_LIMIT], 0);
	assert_ok(spw_spool_flush(s[0]));
	assert_int_equal(take(c).spills[SPW_SPILL_LIMIT], 1);
	assert_ok(spw_spool_append(s[1], bytes, 100));
	assert_ok(spw_spool_rollover(s[1]));
	assert_ok(spw_spool_rollover(s[1]));
	spw_spool_unref(s[0]);
	spw_spool_unref(s[1]);

	/* One evicted alone, and one with others. */
	assert_ok(spw_spool_append(s[2], bytes, sizeof(bytes)));
	assert_ok(spw_spool_seal(s[2]));
	assert_ok(spw_spool_append(s[3], bytes, sizeof(bytes)));
	assert_ok(spw_spool_append(s[4], bytes, sizeof(bytes)));
	struct spw_census_stats stats = take(c);
	assert_int_equal(stats.spills[SPW_SPILL_NONE], 0);
	assert_int_equal(stats.spills[SPW_SPILL_LIMIT], 1);
	assert_int_equal(stats.spills[SPW_SPILL_BUDGET], 1);
	assert_int_equal(stats.spills[SPW_SPILL_FORCED], 1);
	assert_int_equal(sum(stats.spill_took, SPW_CENSUS_BUCKETS), 3);
	assert_int_equal(stats.spilled[SPW_SPILL_BUDGET], 1);
	assert_int_equal(stats.open, 2);

	assert_ok(spw_spool_discard(s[3], 0, 1000));
	spw_spool_fail(s[4], -EPROTO);
	stats = take(c);
	assert_int_equal(stats.open, 1);
	assert_int_equal(stats.discarded_bytes, 1000);
	assert_int_equal(stats.bytes, 89000);
	for (int i = 2; i < 5; i++)
		spw_spool_unref(s[i]);
	spw_census_unref(c);
	world_fini(&w);
}

static void test_the_oldest(void **state)
{
	struct spw_census *c;
	struct spw_spool *s[2];
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .no_dir = true });
	assert_ok(spw_census_new(&c));
	assert_int_equal(take(c).oldest_open_ms, 0);
	for (int i = 0; i < 2; i++) {
		assert_ok(spw_spool_new(SPOOL_OPTS(&w, .census = c), &s[i]));
		/* However long it takes until the clock has moved. */
		while (take(c).oldest_open_ms < 3)
			;
	}
	assert_ok(spw_spool_seal(s[0]));
	assert_ok(spw_spool_seal(s[1]));
	assert_int_equal(take(c).oldest_open_ms, 0);
	spw_spool_unref(s[0]);
	spw_spool_unref(s[1]);
	spw_census_unref(c);
	world_fini(&w);
}

static const struct spw_census_stats sample = {
	.made = 12, .live = 3, .peak = 5, .bytes = 300, .memory_bytes = 100,
	.disk_bytes = 200, .spilled = { 1, 2, 0, 0 }, .open = 2,
	.oldest_open_ms = 1005, .discarded_bytes = 7,
	.spills = { 0, 4, 3, 2 }, .spill_took = { 1, 2, 3, 0, 0, 0, 3 },
	.spill_us = 12000034,
};

static void expect_line(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	if (!at || (at > text && at[-1] != '\n'))
		fail_msg("no line \"%s\"", line);
}

static void test_text(void **state)
{
	char text[8192];

	(void)state;
	size_t n = spw_census_text(&sample, NULL, text, sizeof(text));
	assert_int_equal(n, strlen(text));
	assert_int_equal(text[n - 1], '\n');
	expect_line(text, "# TYPE spillway_spools_made_total counter\n"
	    "spillway_spools_made_total 12\n");
	expect_line(text, "spillway_spools_live 3\n");
	expect_line(text, "spillway_spools_live_peak 5\n");
	expect_line(text, "spillway_spools_oldest_open_seconds 1.005\n");
	expect_line(text, "spillway_spool_bytes{tier=\"memory\"} 100\n"
	    "spillway_spool_bytes{tier=\"disk\"} 200\n");
	expect_line(text, "spillway_spools_on_disk{reason=\"limit\"} 2\n");
	expect_line(text,
	    "spillway_spools_spilled_total{reason=\"budget\"} 3\n");
	/* Buckets count what is below, too; the last one all. */
	expect_line(text, "spillway_spill_seconds_bucket{le=\"0.0001\"} 1\n"
	    "spillway_spill_seconds_bucket{le=\"0.001\"} 3\n"
	    "spillway_spill_seconds_bucket{le=\"0.01\"} 6\n");
	expect_line(text, "spillway_spill_seconds_bucket{le=\"+Inf\"} 9\n"
	    "spillway_spill_seconds_sum 12.000034\n"
	    "spillway_spill_seconds_count 9\n");
	/* Every metric has its help and its type, in this order, once. */
	size_t helps = 0, types = 0;
	for (char *p = text; (p = strstr(p, "# HELP ")); p++)
		helps++;
	for (char *p = text; (p = strstr(p, "# TYPE ")); p++)
		types++;
	assert_int_equal(helps, types);
	spw_census_text(&sample, "my", text, sizeof(text));
	expect_line(text, "my_spools_live 3\n");
}

/* As much as fits, and never more; the length is that of all. */
static void test_text_in_a_small_buffer(void **state)
{
	char whole[8192];
	size_t n = spw_census_text(&sample, "p", whole, sizeof(whole));

	(void)state;
	assert_int_equal(spw_census_text(&sample, "p", NULL, 0), n);
	for (size_t size = 1; size <= n + 1; size++) {
		char *text = malloc(size);

		assert_non_null(text);
		assert_int_equal(spw_census_text(&sample, "p", text, size), n);
		assert_int_equal(strlen(text), size - 1);
		assert_memory_equal(text, whole, size - 1);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counting),
		cmocka_unit_test(test_counting_while_they_come_and_go),
		cmocka_unit_test(test_spills),
		cmocka_unit_test(test_the_oldest),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_in_a_small_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
