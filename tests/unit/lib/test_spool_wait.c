/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#include "unit/lib/model.h"
#include "unit/lib/threads.h"

/* A watch that counts. */
struct counted {
	struct spw_watch watch;
	int fired;
};

static void count(struct spw_watch *w)
{
	((struct counted *)(void *)w)->fired++;
}

#define COUNTED ((struct counted){ .watch.fn = count })

static void test_nothing_to_wait_for(void **state)
{
	struct counted w = COUNTED;
	struct model m;

	(void)state;
	model_init(&m, 1000, NULL);
	assert_ok(model_append(&m, 10));
	assert_int_equal(spw_spool_watch(m.spool, &w.watch, 9), 1);
	spw_spool_unwatch(m.spool, &w.watch);
	assert_ok(model_seal(&m));
	assert_int_equal(spw_spool_watch(m.spool, &w.watch, 10), 1);
	assert_int_equal(spw_spool_watch(m.spool, &w.watch, UINT64_MAX), 1);
	model_fini(&m);

	model_init(&m, 1000, NULL);
	model_fail(&m, -EIO);
	assert_int_equal(spw_spool_watch(m.spool, &w.watch, 0), 1);
	model_fini(&m);
	assert_int_equal(w.fired, 0);
}

static void test_a_watch_fires_once(void **state)
{
	struct counted near = COUNTED, far = COUNTED, none = COUNTED;
	struct model m;

	(void)state;
	model_init(&m, 1000, NULL);
	assert_int_equal(spw_spool_watch(m.spool, &near.watch, 0), 0);
	assert_int_equal(spw_spool_watch(m.spool, &far.watch, 10), 0);
	assert_int_equal(spw_spool_watch(m.spool, &none.watch, 10), 0);
	spw_spool_unwatch(m.spool, &none.watch);
	spw_spool_unwatch(m.spool, &none.watch);
	assert_ok(model_append(&m, 10));
	assert_int_equal(near.fired, 1);
	assert_int_equal(far.fired, 0);
	assert_ok(model_append(&m, 1));
	assert_int_equal(far.fired, 1);
	assert_ok(model_append(&m, 1));
	assert_ok(model_seal(&m));
	assert_int_equal(near.fired, 1);
	assert_int_equal(far.fired, 1);
	assert_int_equal(none.fired, 0);
	spw_spool_unwatch(m.spool, &near.watch);
	model_fini(&m);
}

static void test_every_kind_of_progress_fires(void **state)
{
	(void)state;
	for (int how = 0; how < 6; how++) {
		struct world w;
		struct counted a = COUNTED, b = COUNTED;
		struct model m;

		world_init(&w, &(struct world_opts){ 0 });
		model_init(&m, 1000, SPOOL_OPTS(&w,
		    .memory_max = (unsigned)how % 2));
		assert_int_equal(spw_spool_watch(m.spool, &a.watch, 5), 0);
		assert_int_equal(spw_spool_watch(m.spool, &b.watch, 9), 0);
		if (how < 2)
			assert_ok(model_pwrite(&m, 1, 9));
		else if (how < 4)
			assert_ok(model_truncate(&m, 10));
		else if (how == 4)
			model_fail(&m, -EIO);
		else
			assert_ok(model_seal(&m));
		assert_int_equal(a.fired, 1);
		assert_int_equal(b.fired, 1);
		model_fini(&m);
		world_fini(&w);
	}
}

static void test_watching_a_hole(void **state)
{
	const struct spw_spool_opts opts = { .size = sizeof(opts),
		.memory_max = SPW_UNLIMITED, .size_hint = 1000,
		.flags = SPW_SPOOL_SPARSE };
	struct counted first = COUNTED, middle = COUNTED;
	struct model m;

	(void)state;
	model_init(&m, 1000, &opts);
	assert_int_equal(spw_spool_watch(m.spool, &first.watch, 0), 0);
	assert_int_equal(spw_spool_watch(m.spool, &middle.watch, 500), 0);
	assert_ok(model_pwrite(&m, 100, 450));
	assert_int_equal(middle.fired, 1);
	assert_int_equal(first.fired, 0);
	assert_int_equal(spw_spool_watch(m.spool, &middle.watch, 549), 1);
	assert_int_equal(spw_spool_watch(m.spool, &middle.watch, 550), 0);
	assert_int_equal(spw_spool_wait(m.spool, 500, 0, NULL), 1);
	assert_err(spw_spool_wait(m.spool, 550, 0, NULL), ETIMEDOUT);
	spw_spool_unwatch(m.spool, &middle.watch);
	spw_spool_unwatch(m.spool, &first.watch);
	model_fini(&m);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void test_waiting_that_ends_at_once(void **state)
{
	struct spw_cancel *c;
	struct model m;

	(void)state;
	assert_ok(spw_cancel_new(&c));
	model_init(&m, 1000, NULL);
	assert_ok(model_append(&m, 10));
	assert_int_equal(spw_spool_wait(m.spool, 9, 0, c), 1);
	assert_err(spw_spool_wait(m.spool, 10, 0, c), ETIMEDOUT);
	uint64_t deadline = now_ms() + 20;
	assert_err(spw_spool_wait(m.spool, 10, deadline, NULL), ETIMEDOUT);
	assert_true(now_ms() >= deadline);

	/* What is there is there, cancelled or not. */
	spw_cancel_set(c);
	assert_int_equal(spw_spool_wait(m.spool, 9, SPW_NO_DEADLINE, c), 1);
	assert_err(spw_spool_wait(m.spool, 10, SPW_NO_DEADLINE, c), ECANCELED);
	assert_err(spw_spool_wait(m.spool, 10, 0, c), ECANCELED);
	assert_ok(model_seal(&m));
	assert_int_equal(spw_spool_wait(m.spool, 10, 0, NULL), 0);
	model_fini(&m);

	model_init(&m, 1000, NULL);
	model_fail(&m, -ECONNRESET);
	assert_err(spw_spool_wait(m.spool, 0, 0, NULL), ECONNRESET);
	model_fini(&m);
	spw_cancel_free(c);
	spw_cancel_free(NULL);
}

struct waiter {
	struct spw_spool *spool;
	struct spw_cancel *cancel;
	uint64_t off;
	int outcome;
};

static void *wait_for_byte(void *arg)
{
	struct waiter *w = arg;

	w->outcome = spw_spool_wait(w->spool, w->off, SPW_NO_DEADLINE,
	    w->cancel);
	return NULL;
}

#define WAITERS 6

/* Whenever it comes, before or in the wait, it ends every one. */
static void end_waits(int how, int outcome)
{
	struct waiter waiters[WAITERS];
	pthread_t ids[WAITERS];
	struct spw_cancel *c;
	struct model m;

	assert_ok(spw_cancel_new(&c));
	model_init(&m, 1000, NULL);
	for (int i = 0; i < WAITERS; i++) {
		waiters[i] = (struct waiter){ .spool = m.spool, .cancel = c,
			.off = 10, .outcome = 77 };
		ids[i] = start_thread(wait_for_byte, &waiters[i]);
	}
	assert_ok(model_append(&m, 10));
	if (how == 0)
		spw_cancel_set(c);
	else if (how == 1)
		assert_ok(model_append(&m, 1));
	else if (how == 2)
		assert_ok(model_seal(&m));
	else
		model_fail(&m, -ECONNRESET);
	for (int i = 0; i < WAITERS; i++) {
		join_thread(ids[i]);
		assert_int_equal(waiters[i].outcome, outcome);
	}
	model_fini(&m);
	spw_cancel_free(c);
}

static void test_what_ends_a_wait(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		end_waits(0, -ECANCELED);
		end_waits(1, 1);
		end_waits(2, 0);
		end_waits(3, -ECONNRESET);
	}
}

/* A byte that comes and is cut off again must not end the wait wrongly. */
static void test_a_byte_that_is_cut_off(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		struct waiter waiter = { .off = 10, .outcome = 77 };
		struct model m;

		model_init(&m, 1000, NULL);
		waiter.spool = m.spool;
		pthread_t id = start_thread(wait_for_byte, &waiter);
		for (int j = 0; j < 20; j++) {
			assert_ok(model_append(&m, 11));
			assert_ok(model_truncate(&m, 5));
			assert_ok(model_truncate(&m, 0));
		}
		assert_ok(model_append(&m, 11));
		join_thread(id);
		assert_int_equal(waiter.outcome, 1);
		model_fini(&m);
	}
}

#define ROUNDS 2000

struct player {
	struct spw_spool *in, *out;
};

static void *play(void *arg)
{
	struct player *p = arg;

	for (uint64_t i = 0; i < ROUNDS; i++) {
		char c;

		require(spw_spool_wait(p->in, i, SPW_NO_DEADLINE, NULL) == 1);
		require(spw_spool_pread(p->in, &c, 1, i) == 1);
		require(spw_spool_append(p->out, &c, 1) == 0);
	}
	return NULL;
}

/* Two threads that can only go on when the other one has: no wake is lost. */
static void test_ping_pong(void **state)
{
	struct spw_spool *ping, *pong;

	(void)state;
	assert_ok(spw_spool_new(NULL, &ping));
	assert_ok(spw_spool_new(NULL, &pong));
	pthread_t a = start_thread(play, &(struct player){ ping, pong });
	pthread_t b = start_thread(play, &(struct player){ pong, ping });
	assert_ok(spw_spool_append(ping, "x", 1));
	join_thread(a);
	join_thread(b);
	assert_int_equal(spw_spool_committed(ping), ROUNDS + 1);
	assert_int_equal(spw_spool_committed(pong), ROUNDS);
	spw_spool_unref(ping);
	spw_spool_unref(pong);
}

static _Atomic bool stop;

/* Registers and forgets, so that firing and forgetting meet. */
static void *register_and_forget(void *arg)
{
	struct spw_spool *s = arg;

	while (!atomic_load(&stop)) {
		struct counted w = COUNTED;

		if (spw_spool_watch(s, &w.watch, spw_spool_committed(s)) == 0)
			spw_spool_unwatch(s, &w.watch);
		require(w.fired <= 1);
	}
	return NULL;
}

static void test_forgetting_races_with_firing(void **state)
{
	struct spw_spool *s;
	pthread_t ids[2];

	(void)state;
	atomic_store(&stop, false);
	assert_ok(spw_spool_new(NULL, &s));
	for (int i = 0; i < 2; i++)
		ids[i] = start_thread(register_and_forget, s);
	for (int i = 0; i < 5000; i++)
		assert_ok(spw_spool_append(s, "x", 1));
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		join_thread(ids[i]);
	spw_spool_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_to_wait_for),
		cmocka_unit_test(test_a_watch_fires_once),
		cmocka_unit_test(test_every_kind_of_progress_fires),
		cmocka_unit_test(test_watching_a_hole),
		cmocka_unit_test(test_waiting_that_ends_at_once),
		cmocka_unit_test(test_what_ends_a_wait),
		cmocka_unit_test(test_a_byte_that_is_cut_off),
		cmocka_unit_test(test_ping_pong),
		cmocka_unit_test(test_forgetting_races_with_firing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
