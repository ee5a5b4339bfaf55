/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <spillway/sparse.h>

#include "ingest/fetch_plan.h"

#define BLOCK 1000u
#define SIZE 100500u
#define NONE FETCH_PLAN_NONE

struct bed {
	struct spw_spool *spool;
	struct fetch_run runs[8];
	struct fetch_plan plan;
};

static int setup(void **state)
{
	static struct bed bed;

	bed = (struct bed){0};
	assert_ok(spw_spool_new(NULL, &bed.spool));
	assert_ok(spw_spool_set_sparse(bed.spool, SIZE));
	bed.plan = (struct fetch_plan){
	    .spool = bed.spool,
	    .block = BLOCK,
	    .segment = 10 * BLOCK,
	    .latency_ms = 40,
	    .runs = bed.runs,
	};
	*state = &bed;
	return 0;
}

static int teardown(void **state)
{
	struct bed *b = *state;

	spw_spool_unref(b->spool);
	return 0;
}

static void fill(struct bed *b, uint64_t off, uint64_t end)
{
	static const char zeros[SIZE];

	assert_ok(
	    spw_spool_pwrite(b->spool, zeros, (size_t)(end - off), off));
}

static void add_run(struct bed *b, uint64_t pos, uint64_t end, uint64_t rate)
{
	b->runs[b->plan.count++] =
	    (struct fetch_run){.pos = pos, .end = end, .rate = rate};
}

static void expect_ask(const struct fetch_step *s, uint64_t off, uint64_t end,
    size_t cut)
{
	assert_int_equal(s->wait, NONE);
	assert_int_equal(s->off, off);
	assert_int_equal(s->end, end);
	assert_int_equal(s->cut, cut);
}

static void place(struct bed *b, uint64_t off, uint64_t end, uint64_t want_off,
    uint64_t want_end)
{
	struct fetch_step s = fetch_plan_place(&b->plan, off, end);

	expect_ask(&s, want_off, want_end, NONE);
}

/* ---- places -------------------------------------------------------------- */

static void test_whole_blocks(void **state)
{
	struct bed *b = *state;

	place(b, 0, 1, 0, BLOCK);
	place(b, 999, 1000, 0, BLOCK);
	place(b, 1000, 1001, BLOCK, 2 * BLOCK);
	place(b, 1500, 2500, BLOCK, 3 * BLOCK);
	/* The last one is short. */
	place(b, SIZE - 1, SIZE, 100 * BLOCK, SIZE);
	place(b, 5000, UINT64_MAX, 5 * BLOCK, SIZE);
}

static void test_the_hole_alone(void **state)
{
	struct bed *b = *state;

	fill(b, 1200, 1300);
	fill(b, 1700, 1800);
	fill(b, 4100, 4200);
	place(b, 1500, 1501, 1300, 1700);
	place(b, 1100, 5000, BLOCK, 1200);
	place(b, 1900, 9000, 1800, 4100);
	place(b, 4500, 4501, 4200, 5 * BLOCK);
}

static void test_what_is_on_its_way_is_not_asked_for(void **state)
{
	struct bed *b = *state;

	add_run(b, 1200, 1300, 0);
	add_run(b, 1700, 1800, 0);
	place(b, 1500, 9000, 1300, 1700);
	place(b, 1900, 9000, 1800, 9 * BLOCK);
}

static void test_what_has_come_meanwhile(void **state)
{
	struct bed *b = *state;

	fill(b, 1200, 1300);
	struct fetch_step s = fetch_plan_place(&b->plan, 1250, 9000);
	assert_int_equal(s.wait, NONE);
	assert_true(s.off >= s.end);
}

static void test_near_is_waited_for(void **state)
{
	struct bed *b = *state;

	add_run(b, 0, SIZE, 0);
	/* Fewer than FETCH_PLAN_NEAR_BLOCKS blocks, however slow. */
	assert_int_equal(fetch_plan_place(&b->plan, 0, 1).wait, 0);
	assert_int_equal(fetch_plan_place(&b->plan, 3999, 4000).wait, 0);

	struct fetch_step s = fetch_plan_place(&b->plan, 4000, 4001);
	expect_ask(&s, 4 * BLOCK, 5 * BLOCK, 0);
}

/* 2 * 40 + 20 ms at 200,000 bytes a second are 20,000 bytes. */
static void test_the_rate_decides(void **state)
{
	struct bed *b = *state;

	add_run(b, 0, SIZE, 200000);
	assert_int_equal(fetch_plan_place(&b->plan, 19000, 19001).wait, 0);

	struct fetch_step s = fetch_plan_place(&b->plan, 21000, 30000);
	expect_ask(&s, 21 * BLOCK, 30 * BLOCK, 0);
	/* Not past where the run would have ended. */
	b->runs[0].end = 25000;
	s = fetch_plan_place(&b->plan, 21000, 30000);
	expect_ask(&s, 21 * BLOCK, 25000, 0);
}

static void test_what_has_arrived_is_waited_for(void **state)
{
	struct bed *b = *state;

	add_run(b, 0, SIZE, 0);
	b->runs[0].fixed = true;
	assert_int_equal(fetch_plan_place(&b->plan, 90000, 90001).wait, 0);
}

/* ---- pulling ------------------------------------------------------------- */

static void pull(struct bed *b, uint64_t off, uint64_t end, size_t cut)
{
	struct fetch_step s;

	assert_true(fetch_plan_pull(&b->plan, &s));
	expect_ask(&s, off, end, cut);
}

static void pull_nothing(struct bed *b)
{
	struct fetch_step s;

	assert_false(fetch_plan_pull(&b->plan, &s));
}

static void test_holes_in_turn(void **state)
{
	struct bed *b = *state;

	pull(b, 0, SIZE, NONE);
	fill(b, 0, 10);
	fill(b, 5000, 6000);
	pull(b, 10, 5000, NONE);
	add_run(b, 10, 5000, 0);
	pull(b, 6000, SIZE, NONE);
	add_run(b, 7000, 8000, 0);
	pull(b, 6000, 7000, NONE);
	add_run(b, 6000, 7000, 0);
	pull(b, 8000, SIZE, NONE);
}

static void test_halves(void **state)
{
	struct bed *b = *state;

	add_run(b, 500, 60000, 0);
	add_run(b, 60000, SIZE, 0);
	fill(b, 0, 500);
	pull(b, 31 * BLOCK, 60000, 0);
	/* Each must be worth a connection. */
	b->runs[0].pos = 60000 - 20 * BLOCK + 1;
	b->runs[1].pos = SIZE - 20 * BLOCK;
	fill(b, 500, b->runs[0].pos);
	fill(b, 60000, b->runs[1].pos);
	pull(b, 91 * BLOCK, SIZE, 1);
	b->runs[1].pos++;
	fill(b, b->runs[1].pos - 1, b->runs[1].pos);
	pull_nothing(b);
}

static void test_what_cannot_be_cut(void **state)
{
	struct bed *b = *state;

	add_run(b, 0, SIZE, 0);
	b->runs[0].fixed = true;
	pull_nothing(b);
}

static void test_nothing_is_left(void **state)
{
	struct bed *b = *state;

	fill(b, 0, SIZE);
	pull_nothing(b);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_whole_blocks),
	    TEST(test_the_hole_alone),
	    TEST(test_what_is_on_its_way_is_not_asked_for),
	    TEST(test_what_has_come_meanwhile),
	    TEST(test_near_is_waited_for),
	    TEST(test_the_rate_decides),
	    TEST(test_what_has_arrived_is_waited_for),
	    TEST(test_holes_in_turn),
	    TEST(test_halves),
	    TEST(test_what_cannot_be_cut),
	    TEST(test_nothing_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
