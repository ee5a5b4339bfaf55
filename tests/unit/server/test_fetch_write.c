/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <stdlib.h>

#include <spillway/sparse.h>

#include "ingest/fetch_write.h"
#include "unit/lib/threads.h"

#define BLOCK FETCH_BLOCK_SIZE
#define SIZE (40 * BLOCK + 1)

/* A spool, its writer, a budget, and a pool whose threads can be held up. */
struct bed {
	struct spw_spool *spool;
	struct spw_pool *pool;
	struct spw_budget *budget;
	struct fetch_writer *w;
	struct flag told;
	struct spw_job plug;
	struct flag plugged, unplug;
};

static void told(void *user_data)
{
	flag_raise(&((struct bed *)user_data)->told);
}

static void stand(struct spw_job *job)
{
	struct bed *b = (struct bed *)(void *)((char *)job -
	    offsetof(struct bed, plug));

	flag_raise(&b->plugged);
	flag_take(&b->unplug);
}

/* Nothing is written until the next unplug(). */
static void plug(struct bed *b)
{
	b->plug.run = stand;
	spw_pool_submit(b->pool, &b->plug);
	flag_take(&b->plugged);
}

static void unplug(struct bed *b)
{
	flag_raise(&b->unplug);
}

static void open_bed(struct bed *b, unsigned threads, unsigned algs)
{
	*b = (struct bed){0};
	flag_init(&b->told);
	flag_init(&b->plugged);
	flag_init(&b->unplug);
	if (threads)
		assert_ok(spw_pool_new(threads, &b->pool));
	assert_ok(spw_spool_new(NULL, &b->spool));
	assert_ok(spw_spool_set_sparse(b->spool, SIZE));

	assert_ok(spw_budget_new(100 * BLOCK, &b->budget));

	const struct fetch_writer_opts opts = {
	    .spool = b->spool,
	    .pool = b->pool,
	    .budget = b->budget,
	    .algs = algs,
	    .told = told,
	    .user_data = b,
	};
	assert_ok(fetch_writer_new(&opts, &b->w));
}

static uint64_t charged(struct bed *b)
{
	struct spw_budget_stats st;

	spw_budget_stats(b->budget, &st);
	return st.charged;
}

static void close_bed(struct bed *b)
{
	fetch_writer_close(b->w);
	spw_pool_free(b->pool);
	assert_int_equal(charged(b), 0);
	spw_budget_unref(b->budget);
	spw_spool_unref(b->spool);
	flag_fini(&b->told);
	flag_fini(&b->plugged);
	flag_fini(&b->unplug);
}

static int put(struct bed *b, uint64_t off, size_t len)
{
	static uint8_t bytes[BLOCK];

	fill_content(bytes, len, off);
	return fetch_writer_put(b->w, bytes, len, off);
}

static void settle(struct bed *b)
{
	fetch_writer_flush(b->w);
	while (fetch_writer_settled(b->w) == 0)
		flag_take(&b->told);
	assert_int_equal(fetch_writer_settled(b->w), 1);
}

static void expect_content(struct bed *b, uint64_t off, size_t len)
{
	uint8_t *bytes = malloc(len);

	assert_non_null(bytes);
	assert_int_equal(spw_spool_pread(b->spool, bytes, len, off), len);
	assert_true(is_content(bytes, len, off));
	free(bytes);
}

static void test_places(void **state)
{
	static const unsigned threads[] = {0, 1, 2};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct bed b;

		open_bed(&b, threads[i], 0);
		assert_int_equal(fetch_writer_settled(b.w), 1);
		assert_ok(put(&b, 5, 10));
		assert_ok(put(&b, 10 * BLOCK, BLOCK));
		assert_ok(put(&b, 15, 1000));
		assert_ok(put(&b, SIZE - 1, 1));
		settle(&b);
		expect_content(&b, 5, 1010);
		expect_content(&b, 10 * BLOCK, BLOCK);
		expect_content(&b, SIZE - 1, 1);
		assert_int_equal(spw_spool_present(b.spool, 0), 0);
		assert_int_equal(spw_spool_present(b.spool, 1015), 0);
		close_bed(&b);
	}
}

static void test_pieces_gather_and_are_pending(void **state)
{
	struct fetch_pending p[FETCH_BLOCKS_MAX];
	struct bed b;

	(void)state;
	open_bed(&b, 1, 0);
	plug(&b);
	/* Until its turn comes what belongs to it is added. */
	assert_ok(put(&b, 0, 10));
	fetch_writer_flush(b.w);
	assert_ok(put(&b, 10, 10));
	assert_ok(put(&b, 20, BLOCK - 20));
	assert_ok(put(&b, 5 * BLOCK, 10));
	assert_ok(put(&b, BLOCK, 20));
	assert_int_equal(fetch_writer_settled(b.w), 0);
	assert_int_equal(fetch_writer_pending(b.w, p), 3);
	assert_int_equal(p[0].off, 0);
	assert_int_equal(p[0].end, BLOCK);
	assert_int_equal(p[1].off, 5 * BLOCK);
	assert_int_equal(p[2].end, BLOCK + 20);
	unplug(&b);
	settle(&b);
	assert_int_equal(fetch_writer_pending(b.w, p), 0);
	expect_content(&b, 0, BLOCK + 20);
	close_bed(&b);
}

static void test_a_few_blocks_go_at_once(void **state)
{
	struct bed b;
	uint64_t n = 0;

	(void)state;
	open_bed(&b, 0, 0);
	while (spw_spool_present(b.spool, 0) == 0) {
		assert_ok(put(&b, n * BLOCK, BLOCK));
		n++;
	}
	assert_in_range(n, 2, FETCH_BLOCKS_MAX - 1);
	/* But for the last, which might have grown. */
	assert_int_equal(spw_spool_present(b.spool, 0), (n - 1) * BLOCK);
	/* Less does not, until it is asked for. */
	assert_ok(put(&b, 20 * BLOCK, BLOCK));
	assert_int_equal(spw_spool_present(b.spool, 20 * BLOCK), 0);
	fetch_writer_flush(b.w);
	assert_int_equal(spw_spool_present(b.spool, 0), n * BLOCK);
	assert_int_equal(spw_spool_present(b.spool, 20 * BLOCK), BLOCK);
	expect_content(&b, 0, n * BLOCK);
	expect_content(&b, 20 * BLOCK, BLOCK);
	close_bed(&b);
}

static void test_all_or_nothing_when_it_is_full(void **state)
{
	struct bed b;
	unsigned n = 0;

	(void)state;
	open_bed(&b, 1, 0);
	plug(&b);
	while (put(&b, n * BLOCK, BLOCK - 10) == 0)
		n++;
	assert_int_equal(n, FETCH_BLOCKS_MAX);
	/* Half of it would fit behind the last one. */
	assert_err(put(&b, n * BLOCK - 10, 20), EAGAIN);
	assert_ok(put(&b, n * BLOCK - 10, 5));
	unplug(&b);
	flag_take(&b.told);
	assert_ok(put(&b, n * BLOCK, 20));
	settle(&b);
	expect_content(&b, (n - 1) * BLOCK, BLOCK - 5);
	expect_content(&b, n * BLOCK, 20);
	close_bed(&b);
}

static void test_one_block_at_a_time_when_memory_is_short(void **state)
{
	struct bed b;

	(void)state;
	open_bed(&b, 1, 0);
	spw_budget_charge(b.budget, 90 * BLOCK);
	plug(&b);
	assert_ok(put(&b, 0, BLOCK));
	assert_true(charged(&b) > 91 * BLOCK);
	assert_err(put(&b, BLOCK, 10), EAGAIN);
	unplug(&b);
	flag_take(&b.told);
	assert_ok(put(&b, BLOCK, 10));
	/* What fits into it is taken. */
	assert_ok(put(&b, BLOCK + 10, 10));
	assert_err(put(&b, 5 * BLOCK, 10), EAGAIN);
	settle(&b);
	spw_budget_uncharge(b.budget, 90 * BLOCK);
	expect_content(&b, 0, BLOCK + 20);
	close_bed(&b);
}

static void test_an_error_is_told(void **state)
{
	struct bed b;

	(void)state;
	open_bed(&b, 1, 0);
	plug(&b);
	assert_ok(put(&b, 0, 10));
	assert_ok(put(&b, 5 * BLOCK, 10));
	fetch_writer_flush(b.w);
	assert_int_equal(fetch_writer_settled(b.w), 0);
	spw_spool_fail(b.spool, -ENOSPC);
	unplug(&b);
	flag_take(&b.told);
	assert_err(fetch_writer_settled(b.w), ENOSPC);
	assert_err(put(&b, 100, 10), ENOSPC);
	close_bed(&b);
}

static void test_closed_while_it_writes(void **state)
{
	struct bed b;

	(void)state;
	open_bed(&b, 1, 0);
	plug(&b);
	assert_ok(put(&b, 0, 10));
	assert_ok(put(&b, 5 * BLOCK, 10));
	fetch_writer_flush(b.w);
	fetch_writer_close(b.w);
	b.w = NULL;
	unplug(&b);
	spw_pool_free(b.pool);
	b.pool = NULL;
	assert_int_equal(b.told.raised, 0);
	/* What waited was dropped. */
	assert_int_equal(spw_spool_present(b.spool, 5 * BLOCK), 0);
	close_bed(&b);
}

/* The digest of the whole, from pieces in the order of `step`. */
static void digest_in_steps(unsigned threads, uint64_t step)
{
	uint8_t *all = malloc(SIZE);
	struct digest_set want, got;
	struct bed b;

	assert_non_null(all);
	fill_content(all, SIZE, 0);
	assert_ok(digest_once(DIGEST_BIT(DIGEST_SHA256), all, SIZE, &want));
	free(all);
	open_bed(&b, threads, DIGEST_BIT(DIGEST_SHA256));
	for (uint64_t i = 0, at = 0; i < 41; i++, at = (at + step) % 41) {
		size_t len = at == 40 ? 1 : BLOCK;
		while (put(&b, at * BLOCK, len) == -EAGAIN)
			flag_take(&b.told);
	}
	settle(&b);
	assert_ok(fetch_writer_digests(b.w, &got));
	assert_int_equal(digest_differs(&got, &want), 0);
	assert_int_equal(got.have, want.have);
	close_bed(&b);
}

static void test_digests(void **state)
{
	(void)state;
	digest_in_steps(0, 1);
	digest_in_steps(1, 1);
	digest_in_steps(1, 40);
	digest_in_steps(2, 17);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_places),
	    cmocka_unit_test(test_pieces_gather_and_are_pending),
	    cmocka_unit_test(test_a_few_blocks_go_at_once),
	    cmocka_unit_test(test_all_or_nothing_when_it_is_full),
	    cmocka_unit_test(test_one_block_at_a_time_when_memory_is_short),
	    cmocka_unit_test(test_an_error_is_told),
	    cmocka_unit_test(test_closed_while_it_writes),
	    cmocka_unit_test(test_digests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
