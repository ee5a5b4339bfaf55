/* SPDX-License-Identifier: MIT */
/*
 * The limit of a budget holds for spools that are on disk, too: for what is
 * gathered there until it is worth a write, and for what waits for the disk.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/lib/model.h"
#include "unit/lib/threads.h"

#define SPOOLS 100
#define LIMIT (512 * KIB)
#define PIECE 1000

static void raise_flag(struct spw_spool *s, void *user_data)
{
	(void)s;
	flag_raise(user_data);
}

/* Many spools on disk, written to in turn by small pieces. */
struct crowd {
	struct world w;
	struct spw_budget *child;	/* theirs */
	struct flag writable;
	struct spw_spool *s[SPOOLS];
	uint64_t size[SPOOLS];
};

static void crowd_init(struct crowd *c, unsigned threads, uint64_t share)
{
	memset(c, 0, sizeof(*c));
	world_init(&c->w, &(struct world_opts){ .budget = LIMIT,
	    .threads = threads });
	assert_ok(spw_budget_new_with(&(struct spw_budget_opts){
	    .size = sizeof(struct spw_budget_opts), .limit_bytes = share,
	    .parent = c->w.budget }, &c->child));
	flag_init(&c->writable);
	for (size_t i = 0; i < SPOOLS; i++) {
		struct spw_spool_opts o = *SPOOL_OPTS(&c->w,
		    .on_writable = raise_flag, .user_data = &c->writable);

		o.budget = c->child;
		assert_ok(spw_spool_new(&o, &c->s[i]));
	}
}

static uint64_t charged_to(struct spw_budget *b)
{
	struct spw_budget_stats st;

	spw_budget_stats(b, &st);
	return st.charged;
}

/* All is there, and the memory comes back. */
static void crowd_fini(struct crowd *c)
{
	uint8_t buf[PIECE];

	for (size_t i = 0; i < SPOOLS; i++) {
		assert_int_equal(spw_spool_size(c->s[i]), c->size[i]);
		for (uint64_t off = 0; off < c->size[i]; off += PIECE) {
			assert_int_equal(spw_spool_pread(
			    c->s[i], buf, PIECE, off), PIECE);
			assert_true(is_content(buf, PIECE, off));
		}
		spw_spool_unref(c->s[i]);
	}
	world_settle(&c->w);
	assert_int_equal(charged_to(c->child), 0);
	spw_budget_unref(c->child);
	flag_fini(&c->writable);
	world_fini(&c->w);
}

typedef int (*append_fn)(struct spw_spool *s, const void *buf, size_t len);

static int crowd_append(struct crowd *c, size_t i, append_fn append)
{
	uint8_t buf[PIECE];

	fill_content(buf, PIECE, c->size[i]);
	int r = append(c->s[i], buf, PIECE);
	c->size[i] += r == 0 ? PIECE : 0;
	return r;
}

static void insist(struct crowd *c, size_t i, append_fn append)
{
	int r;

	while ((r = crowd_append(c, i, append)) == -EAGAIN)
		flag_take(&c->writable);
	assert_ok(r);
}

/* What may be above a limit: nothing that stays, and little. */
static void expect_limit(struct spw_budget *b, uint64_t limit, bool behind)
{
	struct spw_budget_stats st;

	spw_budget_stats(b, &st);
	assert_true(st.peak <= limit + (behind ? MIB : 0));
}

static void write_in_turn(append_fn append, unsigned threads, uint64_t share)
{
	bool behind = threads && append == spw_spool_try_append;
	struct crowd c;

	crowd_init(&c, threads, share);
	for (int round = 0; round < 30; round++)
		for (size_t i = 0; i < SPOOLS; i++)
			insist(&c, i, append);
	world_settle(&c.w);
	assert_true(charged_to(c.child) <= share);
	expect_limit(c.child, share, behind);
	expect_limit(c.w.budget, LIMIT, behind);
	crowd_fini(&c);
}

static void test_the_limit(void **state)
{
	(void)state;
	for (uint64_t share = 100000; share <= LIMIT; share += LIMIT - 100000) {
		for (unsigned threads = 0; threads < 3; threads += 2) {
			write_in_turn(spw_spool_append, threads, share);
			write_in_turn(spw_spool_try_append, threads, share);
		}
	}
}

/* Who is idle gives way to who is not. */
static void test_a_newcomer(void **state)
{
	struct spw_spool *s;
	struct crowd c;

	(void)state;
	for (unsigned threads = 0; threads < 2; threads++) {
		crowd_init(&c, threads, LIMIT);
		for (size_t i = 0; i < SPOOLS; i++) {
			assert_ok(crowd_append(&c, i, spw_spool_append));
			assert_ok(spw_spool_rollover(c.s[i]));
			assert_ok(crowd_append(&c, i, spw_spool_append));
		}
		/* Some gather, in all the memory there is. */
		assert_true(budget_stats(&c.w).spools > 0);
		for (int i = 0; i < 20; i++) {
			assert_ok(spw_spool_new(
			    SPOOL_OPTS(&c.w, .memory_max = MIB), &s));
			assert_ok(spw_spool_append(s, "some bytes", 10));
			assert_int_equal(
			    spool_info(s).spilled, SPW_SPILL_NONE);
			spw_spool_unref(s);
		}
		expect_limit(c.w.budget, LIMIT, false);
		crowd_fini(&c);
	}
}

/* One that writes much soon gathers, though others did before. */
static void test_one_that_writes(void **state)
{
	struct crowd c;

	(void)state;
	crowd_init(&c, 0, LIMIT);
	for (size_t i = 0; i < SPOOLS; i++) {
		assert_ok(spw_spool_rollover(c.s[i]));
		assert_ok(crowd_append(&c, i, spw_spool_append));
	}
	for (int i = 0; i < 3; i++)
		assert_ok(crowd_append(&c, 0, spw_spool_append));
	assert_true(spool_info(c.s[0]).memory_bytes > 0);
	crowd_fini(&c);
}

/* A thread that is kept from going on. */
struct gate {
	struct spw_job job;
	struct flag entered, open;
};

static void wait_at_gate(struct spw_job *job)
{
	struct gate *g = (struct gate *)(void *)job;

	flag_raise(&g->entered);
	flag_take(&g->open);
}

static void gate_close(struct gate *g, struct spw_pool *p)
{
	flag_init(&g->entered);
	flag_init(&g->open);
	g->job = (struct spw_job){.run = wait_at_gate};
	spw_pool_submit(p, &g->job);
	flag_take(&g->entered);
}

static void gate_open(struct gate *g, struct world *w)
{
	flag_raise(&g->open);
	world_settle(w);
	flag_fini(&g->entered);
	flag_fini(&g->open);
}

/* A spool that has all the memory and cannot go anywhere. */
static struct spw_spool *take_all(struct crowd *c)
{
	struct spw_spool_opts o = *SPOOL_OPTS(&c->w,
	    .memory_max = SPW_UNLIMITED);
	static uint8_t zeros[LIMIT];
	struct spw_spool *s;

	o.dir = NULL;
	assert_ok(spw_spool_new(&o, &s));
	assert_ok(spw_spool_append(s, zeros, LIMIT));
	return s;
}

/* Without memory, and a disk that does not answer: a little is taken. */
static void test_a_slow_disk(void **state)
{
	static uint8_t large[3 * MIB];
	struct gate gate;
	struct crowd c;

	(void)state;
	crowd_init(&c, 1, LIMIT);
	struct spw_spool *hog = take_all(&c), *alone;
	gate_close(&gate, c.w.pool);
	size_t taken = 0;
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < SPOOLS; i++) {
			int r = crowd_append(&c, i, spw_spool_try_append);

			assert_true(r == 0 || r == -EAGAIN);
			taken += r == 0;
		}
	}
	/* One each: what waits for the disk waits alone. */
	assert_int_equal(taken, SPOOLS);
	assert_int_equal(budget_stats(&c.w).charged, LIMIT + SPOOLS * KIB);
	/* More than may pass, while others do. */
	assert_ok(spw_spool_new(SPOOL_OPTS(&c.w, .on_writable = raise_flag,
	    .user_data = &c.writable), &alone));
	assert_err(spw_spool_try_append(alone, large, sizeof(large)), EAGAIN);
	assert_int_equal(budget_stats(&c.w).waiting, 1);
	gate_open(&gate, &c.w);

	flag_take(&c.writable);
	assert_int_equal(budget_stats(&c.w).charged, LIMIT);
	for (size_t i = 0; i < SPOOLS; i++)
		insist(&c, i, spw_spool_try_append);
	world_settle(&c.w);
	assert_ok(spw_spool_try_append(alone, large, sizeof(large)));
	world_settle(&c.w);
	assert_int_equal(budget_stats(&c.w).charged, LIMIT);
	assert_int_equal(budget_stats(&c.w).peak, LIMIT + 4 * MIB);
	spw_spool_unref(alone);
	spw_spool_unref(hog);
	crowd_fini(&c);
}

/* What a broken disk leaves in memory does not keep others from trying. */
static void test_a_broken_disk(void **state)
{
	static uint8_t large[3 * MIB];
	struct crowd c;

	(void)state;
	crowd_init(&c, 1, LIMIT);
	struct spw_spool *hog = take_all(&c), *alone;
	assert_ok(spw_spool_new(SPOOL_OPTS(&c.w, .memory_max = 0), &alone));
	assert_ok(rmdir(c.w.path));
	assert_ok(spw_spool_try_append(alone, large, sizeof(large)));
	world_settle(&c.w);
	assert_err(spw_spool_try_append(alone, "x", 1), ENOENT);
	for (size_t i = 0; i < SPOOLS; i++) {
		insist(&c, i, spw_spool_try_append);
		world_settle(&c.w);
		assert_err(crowd_append(&c, i, spw_spool_try_append), ENOENT);
	}
	assert_ok(mkdir(c.w.path, 0700));
	spw_spool_unref(alone);
	spw_spool_unref(hog);
	crowd_fini(&c);
}

#define WRITERS 4

struct writer {
	struct crowd *crowd;
	size_t first;		/* of its spools, every WRITERS-th */
};

/* Spools of one thread are evicted, and evict others, at any moment. */
static void *write_some(void *arg)
{
	const struct writer *w = arg;
	uint64_t random = w->first + 1;

	for (int i = 0; i < 1500; i++) {
		size_t n = next_random(&random) % (SPOOLS / WRITERS);
		size_t which = n * WRITERS + w->first;
		append_fn append = next_random(&random) % 2
		    ? spw_spool_append
		    : spw_spool_try_append;
		int r = crowd_append(w->crowd, which, append);

		if (r == -EAGAIN)
			r = crowd_append(w->crowd, which, spw_spool_append);
		require(r == 0);
	}
	return NULL;
}

static void test_threads(void **state)
{
	(void)state;
	for (unsigned threads = 0; threads < 3; threads += 2) {
		struct writer writers[WRITERS];
		pthread_t ids[WRITERS];
		struct crowd c;

		crowd_init(&c, threads, LIMIT);
		for (size_t i = 0; i < WRITERS; i++) {
			writers[i] = (struct writer){ &c, i };
			ids[i] = start_thread(write_some, &writers[i]);
		}
		for (size_t i = 0; i < WRITERS; i++)
			join_thread(ids[i]);
		expect_limit(c.w.budget, LIMIT, threads);
		crowd_fini(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_limit),
		cmocka_unit_test(test_a_newcomer),
		cmocka_unit_test(test_one_that_writes),
		cmocka_unit_test(test_a_slow_disk),
		cmocka_unit_test(test_a_broken_disk),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
