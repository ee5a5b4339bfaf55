/* SPDX-License-Identifier: MIT */
#include <spillway/pool.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/lib/model.h"
#include "unit/lib/threads.h"

static void test_options(void **state)
{
	struct spw_pool *p = NULL;

	(void)state;
	assert_err(spw_pool_new(0, &p), EINVAL);
	assert_err(spw_pool_new(65, &p), EINVAL);
	assert_err(spw_pool_new(1, NULL), EINVAL);
	assert_null(p);
	assert_ok(spw_pool_new(64, &p));
	assert_int_equal(spw_pool_pending(p), 0);
	spw_pool_freep(&p);
	spw_pool_free(NULL);
}

struct counter {
	struct spw_job job;
	struct spw_pool *pool;
	_Atomic unsigned *sum;
	unsigned number, again;
};

static void count(struct spw_job *job)
{
	struct counter *c = (struct counter *)(void *)job;

	atomic_fetch_add(c->sum, 1);
	if (c->again) {
		c->again--;
		spw_pool_submit(c->pool, job);
	} else {
		free(c);
	}
}

static void submit(struct spw_pool *p, _Atomic unsigned *sum, unsigned again)
{
	struct counter *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	c->job.run = count;
	c->pool = p;
	c->sum = sum;
	c->again = again;
	spw_pool_submit(p, &c->job);
}

/* Freeing runs what is queued, and what a job queues meanwhile. */
static void test_everything_is_run(void **state)
{
	(void)state;
	for (unsigned threads = 1; threads <= 4; threads++) {
		_Atomic unsigned sum = 0;
		struct spw_pool *p;

		assert_ok(spw_pool_new(threads, &p));
		for (int i = 0; i < 500; i++)
			submit(p, &sum, (unsigned)i % 3);
		spw_pool_free(p);
		assert_int_equal(atomic_load(&sum), 500 + 166 + 2 * 166 + 1);
	}
}

static _Atomic unsigned next_number;
static _Atomic bool out_of_order;

static void expect_number(struct spw_job *job)
{
	struct counter *c = (struct counter *)(void *)job;

	if (atomic_fetch_add(&next_number, 1) != c->number)
		atomic_store(&out_of_order, true);
}

static void test_one_thread_runs_them_in_order(void **state)
{
	struct counter jobs[200] = { { .number = 0 } };
	struct spw_pool *p;

	(void)state;
	atomic_store(&next_number, 0);
	assert_ok(spw_pool_new(1, &p));
	for (unsigned i = 0; i < 200; i++) {
		jobs[i].number = i;
		jobs[i].job.run = expect_number;
		spw_pool_submit(p, &jobs[i].job);
	}
	spw_pool_free(p);
	assert_int_equal(atomic_load(&next_number), 200);
	assert_false(atomic_load(&out_of_order));
}

/* A job that notes when it ran. */
struct turn {
	struct spw_job job;
	unsigned ran;
};

static void note_turn(struct spw_job *job)
{
	struct turn *t = (struct turn *)(void *)job;

	t->ran = atomic_fetch_add(&next_number, 1);
}

struct gate {
	struct spw_job job;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool open;
};

static void pass_gate(struct spw_job *job)
{
	struct gate *g = (struct gate *)(void *)job;

	pthread_mutex_lock(&g->lock);
	while (!g->open)
		pthread_cond_wait(&g->cond, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

static void test_pending_counts_what_waits_and_runs(void **state)
{
	struct gate g = { .job.run = pass_gate };
	_Atomic unsigned sum = 0;
	struct spw_pool *p;

	(void)state;
	pthread_mutex_init(&g.lock, NULL);
	pthread_cond_init(&g.cond, NULL);
	assert_ok(spw_pool_new(1, &p));
	spw_pool_submit(p, &g.job);
	submit(p, &sum, 0);
	submit(p, &sum, 0);
	assert_int_equal(spw_pool_pending(p), 3);
	assert_int_equal(atomic_load(&sum), 0);
	pthread_mutex_lock(&g.lock);
	g.open = true;
	pthread_cond_signal(&g.cond);
	pthread_mutex_unlock(&g.lock);
	while (spw_pool_pending(p))
		sched_yield();
	assert_int_equal(atomic_load(&sum), 2);
	spw_pool_free(p);
	pthread_cond_destroy(&g.cond);
	pthread_mutex_destroy(&g.lock);
}

#define GREEDY 100
#define OTHERS 3

/*
 * Who submits many keeps nobody waiting for more than one of them; whose they
 * are differs in what stands `shift` bits from the right.
 */
static void take_turns(unsigned shift)
{
	struct gate g = { .job.run = pass_gate };
	struct turn many[GREEDY], few[OTHERS][2];
	struct spw_pool *p;

	atomic_store(&next_number, 0);
	pthread_mutex_init(&g.lock, NULL);
	pthread_cond_init(&g.cond, NULL);
	assert_ok(spw_pool_new(1, &p));
	spw_pool_submit(p, &g.job);
	for (unsigned i = 0; i < GREEDY; i++) {
		many[i] = (struct turn){ .job = { NULL, note_turn,
			UINT64_C(1) << shift } };
		spw_pool_submit(p, &many[i].job);
	}
	/* Numbers in a row, as addresses are, are told apart. */
	for (unsigned i = 0; i < OTHERS; i++) {
		for (unsigned k = 0; k < 2; k++) {
			few[i][k] = (struct turn){
				.job = { NULL, note_turn,
				    (UINT64_C(2) + i) << shift } };
			spw_pool_submit(p, &few[i][k].job);
		}
	}
	pthread_mutex_lock(&g.lock);
	g.open = true;
	pthread_cond_signal(&g.cond);
	pthread_mutex_unlock(&g.lock);
	spw_pool_free(p);
	for (unsigned i = 0; i < OTHERS; i++) {
		assert_in_range(few[i][0].ran, 0, OTHERS + 1);
		assert_in_range(few[i][1].ran, few[i][0].ran + 1,
		    2 * (OTHERS + 1));
	}
	for (unsigned i = 1; i < GREEDY; i++)
		assert_true(many[i].ran > many[i - 1].ran);
	assert_int_equal(many[GREEDY - 1].ran, GREEDY + 2 * OTHERS - 1);
	pthread_cond_destroy(&g.cond);
	pthread_mutex_destroy(&g.lock);
}

static void test_shares_take_turns(void **state)
{
	(void)state;
	take_turns(0);
	/* Networks of one provider, of 64 bits and 56. */
	take_turns(48);
	take_turns(40);
}

struct crowd {
	struct spw_pool *pool;
	_Atomic unsigned sum;
};

static void *submit_many(void *arg)
{
	struct crowd *c = arg;

	for (int i = 0; i < 1000; i++)
		submit(c->pool, &c->sum, (unsigned)i % 2);
	return NULL;
}

static void test_many_submitters(void **state)
{
	struct crowd c = { .sum = 0 };
	pthread_t ids[4];

	(void)state;
	assert_ok(spw_pool_new(3, &c.pool));
	for (int i = 0; i < 4; i++)
		ids[i] = start_thread(submit_many, &c);
	for (int i = 0; i < 4; i++)
		join_thread(ids[i]);
	spw_pool_free(c.pool);
	assert_int_equal(atomic_load(&c.sum), 6000);
}

static _Atomic bool all_blocked;

static void look_at_signals(struct spw_job *job)
{
	sigset_t now;

	(void)job;
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	atomic_store(&all_blocked, sigismember(&now, SIGTERM) &&
	    sigismember(&now, SIGHUP) && sigismember(&now, SIGCHLD));
}

static void test_threads_take_no_signals(void **state)
{
	struct spw_job job = { .run = look_at_signals };
	struct spw_pool *p;
	sigset_t before, after;

	(void)state;
	pthread_sigmask(SIG_BLOCK, NULL, &before);
	assert_ok(spw_pool_new(1, &p));
	pthread_sigmask(SIG_BLOCK, NULL, &after);
	assert_int_equal(sigismember(&before, SIGTERM),
	    sigismember(&after, SIGTERM));
	spw_pool_submit(p, &job);
	spw_pool_free(p);
	assert_true(atomic_load(&all_blocked));
}

/* Its threads are the parent's, and so may be the lock. */
struct meeting {
	struct spw_job job;
	pthread_barrier_t *barrier;
};

static void meet(struct spw_job *job)
{
	pthread_barrier_wait(((struct meeting *)(void *)job)->barrier);
}

static void test_freeing_in_a_child(void **state)
{
	_Atomic unsigned sum = 0;
	pthread_barrier_t barrier;
	struct meeting meetings[2];
	struct spw_pool *p;
	int status;

	(void)state;
	assert_ok(spw_pool_new(2, &p));
	/* Both threads run: what one that just begins holds is lost to the
	   child. */
	pthread_barrier_init(&barrier, NULL, 3);
	for (unsigned i = 0; i < 2; i++) {
		meetings[i] = (struct meeting){
			.job = { .run = meet }, .barrier = &barrier };
		spw_pool_submit(p, &meetings[i].job);
	}
	pthread_barrier_wait(&barrier);
	while (spw_pool_pending(p))
		sched_yield();
	pthread_barrier_destroy(&barrier);
	pid_t child = fork();
	assert_ok(child);
	if (child == 0) {
		/* What waits for ever is ended. */
		alarm(60);
		spw_pool_free(p);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	submit(p, &sum, 0);
	spw_pool_free(p);
	assert_int_equal(atomic_load(&sum), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_everything_is_run),
		cmocka_unit_test(test_one_thread_runs_them_in_order),
		cmocka_unit_test(test_pending_counts_what_waits_and_runs),
		cmocka_unit_test(test_many_submitters),
		cmocka_unit_test(test_shares_take_turns),
		cmocka_unit_test(test_threads_take_no_signals),
		cmocka_unit_test(test_freeing_in_a_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
