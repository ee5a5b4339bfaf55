/* SPDX-License-Identifier: MIT */
#include "extent.h"

#include <string.h>

#include "unit/lib/model.h"

static void add(struct spw__extents *set, uint64_t first, uint64_t end)
{
	assert_ok(spw__extents_reserve(set));
	spw__extents_add(set, first, end);
}

static void test_an_empty_set(void **state)
{
	struct spw__extents set = { 0 };

	(void)state;
	assert_int_equal(spw__extents_run(&set, 0), 0);
	assert_int_equal(spw__extents_run(&set, UINT64_MAX), 0);
	spw__extents_add(&set, 5, 5);
	assert_int_equal(set.count, 0);
	spw__extents_fini(&set);
}

static void test_runs_end_where_the_range_does(void **state)
{
	struct spw__extents set = { 0 };

	(void)state;
	add(&set, 10, 20);
	assert_int_equal(spw__extents_run(&set, 9), 0);
	assert_int_equal(spw__extents_run(&set, 10), 10);
	assert_int_equal(spw__extents_run(&set, 19), 1);
	assert_int_equal(spw__extents_run(&set, 20), 0);
	assert_int_equal(set.bytes, 10);
	spw__extents_fini(&set);
}

static void test_ranges_that_touch_merge(void **state)
{
	struct spw__extents set = { 0 };

	(void)state;
	add(&set, 10, 20);
	add(&set, 30, 40);
	add(&set, 50, 60);
	assert_int_equal(set.count, 3);
	add(&set, 20, 30);
	assert_int_equal(set.count, 2);
	assert_int_equal(spw__extents_run(&set, 10), 30);
	add(&set, 0, 100);
	assert_int_equal(set.count, 1);
	assert_int_equal(set.bytes, 100);
	add(&set, 40, 41);
	assert_int_equal(set.count, 1);
	assert_int_equal(set.bytes, 100);
	spw__extents_fini(&set);
}

static void test_a_full_set_merges_without_room(void **state)
{
	struct spw__extents set = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 8; i++)
		add(&set, 10 * i, 10 * i + 5);
	assert_int_equal(set.count, set.cap);
	/* Needs no more room: it replaces what it covers. */
	spw__extents_add(&set, 5, 10);
	assert_int_equal(set.count, 7);
	assert_int_equal(spw__extents_run(&set, 0), 15);
	spw__extents_fini(&set);
}

static void test_offsets_at_the_end_of_the_world(void **state)
{
	struct spw__extents set = { 0 };

	(void)state;
	add(&set, UINT64_MAX - 1, UINT64_MAX);
	add(&set, 0, 1);
	assert_int_equal(spw__extents_run(&set, UINT64_MAX - 1), 1);
	assert_int_equal(spw__extents_run(&set, UINT64_MAX), 0);
	add(&set, 1, UINT64_MAX - 1);
	assert_int_equal(set.count, 1);
	assert_int_equal(set.bytes, UINT64_MAX);
	spw__extents_fini(&set);
}

static void test_taking_out(void **state)
{
	struct spw__extents set = { 0 };

	(void)state;
	spw__extents_remove(&set, 0, UINT64_MAX);
	assert_int_equal(set.count, 0);
	add(&set, 10, 20);
	/* Nothing of nothing, outside, and where it only touches. */
	spw__extents_remove(&set, 15, 15);
	spw__extents_remove(&set, 0, 10);
	spw__extents_remove(&set, 20, 30);
	assert_int_equal(set.count, 1);
	assert_int_equal(set.bytes, 10);
	/* A hole in the middle makes two of one. */
	spw__extents_remove(&set, 12, 15);
	assert_int_equal(set.count, 2);
	assert_int_equal(spw__extents_run(&set, 10), 2);
	assert_int_equal(spw__extents_run(&set, 12), 0);
	assert_int_equal(spw__extents_run(&set, 15), 5);
	assert_int_equal(spw__extents_overlap(&set, 11, 16), 2);
	spw__extents_remove(&set, 0, UINT64_MAX);
	assert_int_equal(set.count, 0);
	assert_int_equal(set.bytes, 0);
	spw__extents_fini(&set);
}

#define CELLS 300

static void compare(const struct spw__extents *set, const bool *there)
{
	size_t bytes = 0, ranges = 0, gaps = 0;

	for (size_t i = CELLS, run = 0; i-- > 0;) {
		run = there[i] ? run + 1 : 0;
		bytes += there[i];
		ranges += there[i] && (i == 0 || !there[i - 1]);
		gaps += !there[i] && (i == 0 || there[i - 1]);
		assert_int_equal(spw__extents_run(set, i), run);
	}
	assert_int_equal(set->bytes, bytes);
	assert_int_equal(set->count, ranges);
	assert_int_equal(spw__extents_gaps(set, CELLS), gaps);
}

/* A part, and the range around its first byte. */
static void compare_part(const struct spw__extents *set, const bool *there,
    size_t first, size_t end)
{
	size_t bytes = 0, from = first, to = first;

	for (size_t i = first; i < end; i++)
		bytes += there[i];
	assert_int_equal(spw__extents_overlap(set, first, end), bytes);
	while (from > 0 && there[first] && there[from - 1])
		from--;
	while (to < CELLS && there[to])
		to++;
	struct spw__extent e = spw__extents_at(set, first);
	assert_int_equal(e.first, from);
	assert_int_equal(e.end, to);
}

static void test_against_an_array(void **state)
{
	uint64_t random = 42;

	(void)state;
	for (int round = 0; round < 50; round++) {
		struct spw__extents set = { 0 };
		bool there[CELLS] = { false };

		for (int i = 0; i < 100; i++) {
			size_t first = next_random(&random) % CELLS;
			size_t len = next_random(&random) % 12;
			if (len > CELLS - first)
				len = CELLS - first;

			bool more = next_random(&random) % 3;
			if (more) {
				add(&set, first, first + len);
			} else {
				assert_ok(spw__extents_reserve(&set));
				spw__extents_remove(&set, first, first + len);
			}
			memset(there + first, more, len);
			compare(&set, there);
			first = next_random(&random) % CELLS;
			len = next_random(&random) % (CELLS - first);
			compare_part(&set, there, first, first + len);
		}
		spw__extents_fini(&set);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_empty_set),
		cmocka_unit_test(test_runs_end_where_the_range_does),
		cmocka_unit_test(test_ranges_that_touch_merge),
		cmocka_unit_test(test_a_full_set_merges_without_room),
		cmocka_unit_test(test_offsets_at_the_end_of_the_world),
		cmocka_unit_test(test_taking_out),
		cmocka_unit_test(test_against_an_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
