/* SPDX-License-Identifier: MIT */
/* Sparse spools that are filled on demand. */
#include <spillway/sparse.h>

#include <errno.h>

#include "unit/lib/model.h"
#include "unit/lib/threads.h"

#define PAGE 4096u
#define SIZE (100 * PAGE + 1)

/* ---- becoming sparse ---------------------------------------------------- */

static struct spw_spool *made(const struct world *w, uint64_t memory_max)
{
	struct spw_spool *s;

	assert_ok(spw_spool_new(SPOOL_OPTS(w, .memory_max = memory_max), &s));
	assert_ok(spw_spool_set_sparse(s, SIZE));
	return s;
}

static void put(struct spw_spool *s, uint64_t off, size_t len)
{
	uint8_t bytes[10 * PAGE];

	assert_true(len <= sizeof(bytes));
	fill_content(bytes, len, off);
	assert_ok(spw_spool_pwrite(s, bytes, len, off));
}

static void expect_content(struct spw_spool *s, uint64_t off, size_t len)
{
	uint8_t bytes[10 * PAGE];

	assert_int_equal(spw_spool_pread(s, bytes, len, off), len);
	assert_true(is_content(bytes, len, off));
}

static void test_it_is_as_one_born_sparse(void **state)
{
	static const uint64_t limits[] = {0, MIB};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct world w;
		char c;

		world_init(&w, &(struct world_opts){ .budget = MIB });
		struct spw_spool *s = made(&w, limits[i]);
		assert_int_equal(spw_spool_size(s), SIZE);
		assert_int_equal(spool_info(s).size, SIZE);
		assert_err(spw_spool_pread(s, &c, 1, 0), EAGAIN);
		put(s, 5000, 3000);
		assert_err(spw_spool_pread(s, &c, 1, 4999), EAGAIN);
		expect_content(s, 5000, 3000);
		assert_err(spw_spool_append(s, "x", 1), EINVAL);
		assert_err(spw_spool_truncate(s, 1), EINVAL);
		assert_err(spw_spool_pwrite(s, "xy", 2, SIZE - 1), EFBIG);
		assert_err(spw_spool_seal(s), EAGAIN);
		for (uint64_t at = 0; at < SIZE - 1; at += 10 * PAGE)
			put(s, at, 10 * PAGE);
		put(s, SIZE - 1, 1);
		assert_ok(spw_spool_seal(s));
		expect_content(s, 99 * PAGE, PAGE + 1);
		spw_spool_unref(s);
		world_fini(&w);
	}
}

static void test_what_cannot_become_sparse(void **state)
{
	struct world w;
	struct spw_spool *s;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	s = made(&w, MIB);
	assert_err(spw_spool_set_sparse(s, SIZE), EEXIST);
	spw_spool_unref(s);

	assert_ok(spw_spool_new(
	    SPOOL_OPTS(&w, .memory_max = MIB, .size_max = 1000), &s));
	assert_err(spw_spool_set_sparse(s, 0), EINVAL);
	assert_err(spw_spool_set_sparse(s, UINT64_MAX), EINVAL);
	assert_err(spw_spool_set_sparse(s, 1001), EFBIG);
	assert_ok(spw_spool_append(s, "x", 1));
	assert_err(spw_spool_set_sparse(s, 1000), EEXIST);
	assert_ok(spw_spool_seal(s));
	assert_err(spw_spool_set_sparse(s, 1000), EPERM);
	spw_spool_unref(s);

	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = MIB), &s));
	spw_spool_fail(s, -ETIMEDOUT);
	assert_err(spw_spool_set_sparse(s, 1000), ETIMEDOUT);
	spw_spool_unref(s);
	world_fini(&w);
}

/* ---- what is charged ---------------------------------------------------- */

static uint64_t charged(struct world *w)
{
	struct spw_dir_stats st;

	spw_dir_stats(w->dir, &st);
	return st.charged;
}

static void test_disk_is_charged_as_it_is_filled(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB,
	    .quota = 12 * PAGE });
	struct spw_spool *s = made(&w, 0);
	assert_int_equal(charged(&w), 0);
	put(s, 10, 10);
	assert_int_equal(charged(&w), PAGE);
	put(s, 50, 10);
	assert_int_equal(charged(&w), PAGE);
	put(s, 2 * PAGE - 1, 2);
	assert_int_equal(charged(&w), 3 * PAGE);
	/* The last page is there in part only. */
	put(s, SIZE - 1, 1);
	assert_int_equal(charged(&w), 3 * PAGE + 1);

	uint8_t bytes[9 * PAGE] = {0};
	assert_err(spw_spool_pwrite(s, bytes, sizeof(bytes), 10 * PAGE),
	    EDQUOT);
	assert_int_equal(charged(&w), 3 * PAGE + 1);
	put(s, 10 * PAGE, 8 * PAGE);
	spw_spool_unref(s);
	world_fini(&w);
}

static void test_a_spill_charges_what_is_there(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB,
	    .quota = 3 * PAGE });
	struct spw_spool *s = made(&w, MIB);
	put(s, 10, 10);
	put(s, 70 * PAGE, 10);
	assert_int_equal(charged(&w), 0);
	assert_ok(spw_spool_rollover(s));
	assert_int_equal(charged(&w), 2 * PAGE);
	expect_content(s, 70 * PAGE, 10);
	spw_spool_unref(s);
	world_fini(&w);
}

/* ---- what is wanted ----------------------------------------------------- */

struct counted {
	unsigned wanted;
};

static void count(struct spw_spool *s, void *user_data)
{
	struct counted *c = user_data;

	(void)s;
	c->wanted++;
}

static void ignore(struct spw_watch *w)
{
	(void)w;
}

static void watch(struct spw_spool *s, struct spw_watch *w, uint64_t off,
    uint64_t end)
{
	*w = (struct spw_watch){ .fn = ignore, .end = end };
	assert_int_equal(spw_spool_watch(s, w, off), 0);
}

static void expect_wanted(struct spw_spool *s, uint64_t from, uint64_t off,
    uint64_t end)
{
	uint64_t got_off, got_end;

	assert_ok(spw_spool_next_wanted(s, from, &got_off, &got_end));
	assert_int_equal(got_off, off);
	assert_int_equal(got_end, end);
}

static void expect_nothing_wanted(struct spw_spool *s, uint64_t from)
{
	uint64_t off, end;

	assert_err(spw_spool_next_wanted(s, from, &off, &end), ENXIO);
}

static void test_wanted(void **state)
{
	struct counted c = {0};
	struct spw_spool *s;
	struct spw_watch w[4];

	(void)state;
	assert_ok(spw_spool_new(&(struct spw_spool_opts){ .size = sizeof(
	    struct spw_spool_opts), .memory_max = MIB, .on_wanted = count,
	    .user_data = &c }, &s));
	/* Who comes before it is sparse calls nobody. */
	watch(s, &w[0], 3000, UINT64_MAX);
	assert_int_equal(c.wanted, 0);
	expect_wanted(s, 0, 3000, UINT64_MAX);
	/* Everybody has to look anew. */
	assert_ok(spw_spool_set_sparse(s, SIZE));
	assert_null(w[0].prev);
	expect_nothing_wanted(s, 0);
	watch(s, &w[0], 3000, UINT64_MAX);
	assert_int_equal(c.wanted, 1);
	expect_wanted(s, 0, 3000, SIZE);
	/* Who only looks on wants nothing. */
	watch(s, &w[1], 2000, 0);
	assert_int_equal(c.wanted, 1);
	watch(s, &w[2], 5000, 6000);
	watch(s, &w[3], 5000, 7000);
	assert_int_equal(c.wanted, 3);

	expect_wanted(s, 3001, 5000, 7000);
	expect_nothing_wanted(s, 5001);
	spw_spool_unwatch(s, &w[3]);
	expect_wanted(s, 3001, 5000, 6000);
	put(s, 5000, 1);
	expect_wanted(s, 0, 3000, SIZE);
	expect_nothing_wanted(s, 3001);
	/* What is there is not waited for. */
	assert_int_equal(spw_spool_watch(s, &w[2], 5000), 1);
	assert_int_equal(c.wanted, 3);

	spw_spool_detach(s);
	watch(s, &w[2], 6000, 7000);
	assert_int_equal(c.wanted, 3);
	for (size_t i = 0; i < 3; i++)
		spw_spool_unwatch(s, &w[i]);
	expect_nothing_wanted(s, 0);
	spw_spool_unref(s);
}

static void test_nothing_is_wanted_past_the_end(void **state)
{
	struct spw_spool *s;
	struct spw_watch w;

	(void)state;
	assert_ok(spw_spool_new(NULL, &s));
	assert_ok(spw_spool_set_sparse(s, SIZE));
	watch(s, &w, SIZE, SIZE + 1);
	expect_nothing_wanted(s, 0);
	spw_spool_unwatch(s, &w);
	spw_spool_unref(s);
}

/* A source that brings the byte that is wanted. */
struct source {
	struct spw_spool *s;
	struct flag asked;
};

static void ask(struct spw_spool *s, void *user_data)
{
	(void)s;
	flag_raise(&((struct source *)user_data)->asked);
}

static void *bring(void *arg)
{
	struct source *src = arg;
	uint64_t off, end;

	flag_take(&src->asked);
	/* Who waits has its watch there before the source is called. */
	require(spw_spool_next_wanted(src->s, 0, &off, &end) == 0);
	require(off == 70000 && end == 70001);
	require(spw_spool_pwrite(src->s, "x", 1, off) == 0);
	return NULL;
}

static void test_a_blocking_wait_is_a_want(void **state)
{
	struct source src = {0};

	(void)state;
	flag_init(&src.asked);
	assert_ok(spw_spool_new(&(struct spw_spool_opts){ .size = sizeof(
	    struct spw_spool_opts), .memory_max = MIB, .on_wanted = ask,
	    .user_data = &src }, &src.s));
	assert_ok(spw_spool_set_sparse(src.s, SIZE));
	pthread_t thread = start_thread(bring, &src);
	assert_int_equal(
	    spw_spool_wait(src.s, 70000, SPW_NO_DEADLINE, NULL), 1);
	join_thread(thread);
	spw_spool_unref(src.s);
	flag_fini(&src.asked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_as_one_born_sparse),
		cmocka_unit_test(test_what_cannot_become_sparse),
		cmocka_unit_test(test_disk_is_charged_as_it_is_filled),
		cmocka_unit_test(test_a_spill_charges_what_is_there),
		cmocka_unit_test(test_wanted),
		cmocka_unit_test(test_nothing_is_wanted_past_the_end),
		cmocka_unit_test(test_a_blocking_wait_is_a_want),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
