/* SPDX-License-Identifier: MIT */
#include "check.h"

#include "deliver/zip_task.h"

#include <pthread.h>
#include <sched.h>

#define SIZE 1000000
#define PIECE 4096

/* A job that needs one piece after the other, and who ends it. */
struct worker {
	struct zip_task task;
	struct spw_spool *s;
	uint64_t at;
	_Atomic int ended; /* 1: it came to the end; 2: it was stopped */
};

static void run(struct zip_task *t)
{
	struct worker *w = (struct worker *)(void *)t;
	struct zip_fault missing;

	while (w->at < SIZE) {
		if (zip_task_stopped(t)) {
			atomic_store(&w->ended, 2);
			return;
		}
		uint64_t there = spw_spool_present(w->s, w->at);
		if (there > 0) {
			w->at += there;
			continue;
		}
		zip_fault_missing(&missing, w->s, w->at, 1);
		if (!zip_task_wait(t, &missing))
			atomic_store(&w->ended, 2);
		return;
	}
	atomic_store(&w->ended, 1);
}

static struct spw_spool *sparse(void)
{
	struct spw_spool_opts opts = {.size = sizeof opts,
	    .memory_max = SPW_UNLIMITED,
	    .flags = SPW_SPOOL_SPARSE,
	    .size_hint = SIZE};
	struct spw_spool *s = NULL;

	assert_ok(spw_spool_new(&opts, &s));
	return s;
}

static void wait_end(struct worker *w)
{
	while (!atomic_load(&w->ended))
		sched_yield();
}

static void begin(struct worker *w, struct spw_pool *pool)
{
	*w = (struct worker){.s = sparse()};
	zip_task_init(&w->task, pool, run);
	zip_task_submit(&w->task);
}

static void end(struct worker *w)
{
	zip_task_fini(&w->task);
	spw_spool_unref(w->s);
}

static void *feed(void *ctx)
{
	static const char piece[PIECE];
	struct spw_spool *s = ctx;

	for (uint64_t at = 0; at < SIZE; at += PIECE) {
		size_t n = SIZE - at < PIECE ? (size_t)(SIZE - at) : PIECE;
		assert_ok(spw_spool_pwrite(s, piece, n, at));
	}
	return NULL;
}

/* Whenever the bytes come, before, while or after it waits: it goes on. */
static void test_goes_on(void **state)
{
	struct spw_pool *pool = NULL;
	pthread_t feeder;

	(void)state;
	assert_ok(spw_pool_new(2, &pool));
	for (int round = 0; round < 20; round++) {
		struct worker w;
		begin(&w, pool);
		assert_int_equal(pthread_create(&feeder, NULL, feed, w.s), 0);
		wait_end(&w);
		assert_int_equal(atomic_load(&w.ended), 1);
		assert_int_equal(w.at, SIZE);
		pthread_join(feeder, NULL);
		end(&w);
	}
	spw_pool_free(pool);
}

/* Whoever stops it knows whether it runs; exactly one of the two ends it. */
static void test_stop(void **state)
{
	struct spw_pool *pool = NULL;
	pthread_t feeder;

	(void)state;
	assert_ok(spw_pool_new(2, &pool));
	for (int round = 0; round < 200; round++) {
		struct worker w;
		begin(&w, pool);
		assert_int_equal(pthread_create(&feeder, NULL, feed, w.s), 0);
		for (int i = 0; i < round; i++)
			sched_yield();
		if (zip_task_stop(&w.task))
			assert_int_equal(atomic_load(&w.ended), 0);
		else
			wait_end(&w);
		pthread_join(feeder, NULL);
		end(&w);
	}
	spw_pool_free(pool);
}

/* One that is stopped never begins to wait. */
static void test_stopped_before(void **state)
{
	struct spw_pool *pool = NULL;
	struct worker w = {.s = sparse()};
	struct zip_fault missing;

	(void)state;
	assert_ok(spw_pool_new(1, &pool));
	zip_task_init(&w.task, pool, run);
	assert_false(zip_task_stop(&w.task));
	zip_fault_missing(&missing, w.s, 0, 1);
	assert_false(zip_task_wait(&w.task, &missing));
	spw_pool_free(pool);
	end(&w);
}

/* A source that breaks ends the waiting as well. */
static void test_source_breaks(void **state)
{
	struct spw_pool *pool = NULL;
	struct worker w = {.s = sparse()};
	struct zip_fault missing;

	(void)state;
	assert_ok(spw_pool_new(1, &pool));
	spw_spool_fail(w.s, -5);
	w.at = SIZE;
	zip_task_init(&w.task, pool, run);
	zip_fault_missing(&missing, w.s, 0, 1);
	assert_true(zip_task_wait(&w.task, &missing));
	wait_end(&w);
	spw_pool_free(pool);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_goes_on),
	    cmocka_unit_test(test_stop),
	    cmocka_unit_test(test_stopped_before),
	    cmocka_unit_test(test_source_breaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
