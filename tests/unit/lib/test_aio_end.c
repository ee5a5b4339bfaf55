/* SPDX-License-Identifier: MIT */
/* How operations end: waits for bytes, cancelling, closing. */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>

#include "sys.h"
#include "unit/lib/rig.h"

static int submit_wait(struct rig *r, struct spw_aio_op *op,
    struct spw_spool *s, uint64_t off, uint64_t deadline_ms)
{
	spw_aio_prep_wait(op, s, off, deadline_ms);
	return spw_aio_submit(r->q, op);
}

static void test_waiting_for_bytes(void **state)
{
	struct spw_aio_op a, b, c;
	struct rig r;
	struct gate g;

	(void)state;
	rig_init(&r, &(struct rig_opts){ .threads = 1 });
	/* It takes no thread: there is none. */
	gate_close(&g, &r);
	struct spw_spool *s = rig_spool(&r, .memory_max = 100);
	assert_ok(spw_spool_append(s, "0123456789", 10));
	assert_int_equal(submit_wait(&r, &a, s, 9, SPW_NO_DEADLINE), 1);
	assert_int_equal(a.result, 1);
	assert_int_equal(submit_wait(&r, &a, s, 10, SPW_NO_DEADLINE), 0);
	assert_int_equal(submit_wait(&r, &b, s, 11, SPW_NO_DEADLINE), 0);
	assert_int_equal(submit_wait(&r, &c, s, 12, SPW_NO_DEADLINE), 0);
	assert_null(spw_aio_reap(r.q));
	assert_int_equal(rig_append(&r, s, "a", 1), 0);
	assert_ptr_equal(spw_aio_reap(r.q), &a);
	assert_int_equal(a.result, 1);
	assert_null(spw_aio_reap(r.q));
	assert_int_equal(rig_append(&r, s, "b", 1), 0);
	assert_ptr_equal(spw_aio_reap(r.q), &b);
	assert_int_equal(b.result, 1);
	/* The end comes before the byte. */
	assert_int_equal(rig_seal(&r, s), 0);
	assert_ptr_equal(spw_aio_reap(r.q), &c);
	assert_int_equal(c.result, 0);
	assert_int_equal(submit_wait(&r, &c, s, 12, SPW_NO_DEADLINE), 1);
	assert_int_equal(c.result, 0);
	spw_spool_unref(s);
	gate_open(&g, &r);
	rig_fini(&r);
}

static void test_waiting_for_a_source_that_breaks(void **state)
{
	struct spw_aio_op op;
	struct rig r;

	(void)state;
	rig_init(&r, &(struct rig_opts){ .threads = 1 });
	struct spw_spool *s = rig_spool(&r, .memory_max = 100);
	assert_int_equal(submit_wait(&r, &op, s, 0, SPW_NO_DEADLINE), 0);
	spw_spool_fail(s, -EPROTO);
	assert_ptr_equal(spw_aio_reap(r.q), &op);
	assert_err((int)op.result, EPROTO);
	assert_int_equal(submit_wait(&r, &op, s, 0, SPW_NO_DEADLINE), 1);
	assert_err((int)op.result, EPROTO);
	spw_spool_unref(s);
	rig_fini(&r);
}

/* The byte came and went before anybody looked: the wait goes on. */
static void test_waiting_for_a_byte_that_is_cut_off(void **state)
{
	struct spw_aio_op op;
	struct rig r;

	(void)state;
	rig_init(&r, &(struct rig_opts){ .threads = 1 });
	struct spw_spool *s = rig_spool(&r, .memory_max = 100);
	assert_int_equal(submit_wait(&r, &op, s, 5, SPW_NO_DEADLINE), 0);
	for (int i = 0; i < 3; i++) {
		assert_ok(spw_spool_append(s, "0123456789", 10));
		assert_ok(spw_spool_truncate(s, 0));
		assert_null(spw_aio_reap(r.q));
		assert_int_equal(spw_aio_pending(r.q), 1);
	}
	assert_ok(spw_spool_append(s, "0123456789", 10));
	assert_ptr_equal(spw_aio_reap(r.q), &op);
	assert_int_equal(op.result, 1);
	spw_spool_unref(s);
	rig_fini(&r);
}

#define SOON_MS 50

/* Again if this thread slept past it. Returns: the deadline. */
static uint64_t submit_soon(struct rig *r, struct spw_aio_op *op,
    struct spw_spool *s)
{
	uint64_t end;

	do {
		end = spw__sys_now_ms() + SOON_MS;
	} while (submit_wait(r, op, s, 0, end) == 1);
	return end;
}

static void test_deadlines(void **state)
{
	struct spw_aio_op soon, never, late, *op;
	struct rig r;

	(void)state;
	rig_init(&r, &(struct rig_opts){ .threads = 1 });
	struct spw_spool *s = rig_spool(&r, .memory_max = 100);
	assert_int_equal(submit_wait(&r, &soon, s, 0, 0), 1);
	assert_err((int)soon.result, ETIMEDOUT);
	assert_int_equal(submit_wait(&r, &never, s, 0, SPW_NO_DEADLINE), 0);
	assert_int_equal(spw_aio_timeout_ms(r.q), -1);
	assert_int_equal(submit_wait(&r, &late, s, 0, UINT64_MAX - 1), 0);
	assert_int_equal(spw_aio_timeout_ms(r.q), INT32_MAX);
	assert_err(spw_aio_reap_wait(r.q, spw__sys_now_ms() + 10, &op),
	    ETIMEDOUT);
	uint64_t end = submit_soon(&r, &soon, s);
	int timeout = spw_aio_timeout_ms(r.q);
	assert_true(timeout >= 0 && timeout <= SOON_MS);
	/* As a loop would: the descriptor never becomes readable. */
	while (!(op = spw_aio_reap(r.q))) {
		struct pollfd p = { .fd = spw_aio_fd(r.q), .events = POLLIN };

		assert_int_equal(poll(&p, 1, spw_aio_timeout_ms(r.q)), 0);
	}
	assert_ptr_equal(op, &soon);
	assert_err((int)op->result, ETIMEDOUT);
	assert_true(spw__sys_now_ms() >= end);
	assert_null(spw_aio_reap(r.q));

	/* And without a loop. */
	(void)submit_soon(&r, &soon, s);
	assert_ok(spw_aio_reap_wait(r.q, SPW_NO_DEADLINE, &op));
	assert_ptr_equal(op, &soon);
	assert_err((int)op->result, ETIMEDOUT);
	spw_spool_fail(s, -EIO);
	assert_non_null(spw_aio_reap(r.q));
	assert_non_null(spw_aio_reap(r.q));
	assert_err(spw_aio_reap_wait(r.q, SPW_NO_DEADLINE, &op), ENOENT);
	spw_spool_unref(s);
	rig_fini(&r);
}

static void expect_cancelled(struct rig *r, struct spw_aio_op *op)
{
	assert_int_equal(spw_aio_cancel(r->q, op), 0);
	/* Only once, and it still has to be reaped. */
	assert_err(spw_aio_cancel(r->q, op), EALREADY);
	assert_ptr_equal(spw_aio_reap(r->q), op);
	assert_err((int)op->result, ECANCELED);
	assert_null(spw_aio_reap(r->q));
}

static void test_cancelling(void **state)
{
	struct spw_aio_op in_line[3], ready, watch;
	struct rig r;
	struct gate g;

	(void)state;
	rig_init(&r, &(struct rig_opts){ .threads = 1 });
	struct spw_spool *s = rig_spool(&r, .memory_max = 0);
	struct spw_spool *t = rig_spool(&r, .memory_max = 0);
	gate_close_for(&g, &r, s);
	for (int i = 0; i < 3; i++) {
		spw_aio_prep_append(&in_line[i], s, &"abc"[i], 1);
		assert_int_equal(spw_aio_submit(r.q, &in_line[i]), 0);
	}
	spw_aio_prep_append(&ready, t, "d", 1);
	assert_int_equal(spw_aio_submit(r.q, &ready), 0);
	assert_int_equal(submit_wait(&r, &watch, s, 7, SPW_NO_DEADLINE), 0);
	assert_err(spw_aio_cancel(r.q, &g.op), EBUSY);
	expect_cancelled(&r, &in_line[1]);
	expect_cancelled(&r, &ready);
	expect_cancelled(&r, &watch);
	gate_open(&g, &r);
	assert_ptr_equal(rig_reap(&r), &in_line[0]);
	assert_ptr_equal(rig_reap(&r), &in_line[2]);
	assert_err(spw_aio_cancel(r.q, &in_line[2]), EALREADY);

	char buf[4];
	assert_int_equal(rig_pread(&r, s, buf, 4, 0), 2);
	assert_memory_equal(buf, "ac", 2);
	assert_int_equal(spw_spool_size(t), 0);
	spw_spool_unref(s);
	spw_spool_unref(t);
	rig_fini(&r);
}

/* Cancelling what was before them lets others begin. */
static void test_cancelling_frees_the_line(void **state)
{
	struct spw_aio_op a, b, c;
	struct rig r;
	struct gate g;
	char buf[2][3];

	(void)state;
	rig_init(&r, &(struct rig_opts){ .threads = 2 });
	struct spw_spool *s = rig_spool(&r, .memory_max = 0);
	assert_int_equal(rig_append(&r, s, "abc", 3), 0);
	gate_close_for(&g, &r, s);
	spw_aio_prep_truncate(&a, s, 0);
	spw_aio_prep_pread(&b, s, buf[0], 3, 0);
	spw_aio_prep_pread(&c, s, buf[1], 3, 0);
	assert_int_equal(spw_aio_submit(r.q, &a), 0);
	assert_int_equal(spw_aio_submit(r.q, &b), 0);
	assert_int_equal(spw_aio_submit(r.q, &c), 0);
	expect_cancelled(&r, &a);
	gate_open(&g, &r);
	for (int i = 0; i < 2; i++)
		assert_int_equal(rig_reap(&r)->result, 3);
	spw_spool_unref(s);
	rig_fini(&r);
}

/* What release() was called for. */
static _Atomic unsigned released, cancelled;

static void count_release(struct spw_aio_op *op)
{
	if (op->result == -ECANCELED)
		atomic_fetch_add(&cancelled, 1);
	/* Last: afterwards the operation may be gone. */
	atomic_fetch_add(&released, 1);
}

struct ending {
	struct rig r;
	struct gate g;
	struct spw_spool *s;
	struct spw_aio_op appends[10], wait, done;
};

static ssize_t nothing(void *arg)
{
	(void)arg;
	return 0;
}

/* One that runs, ten behind it, one wait, and one that is done. */
static void ending_init(struct ending *e)
{
	atomic_store(&released, 0);
	atomic_store(&cancelled, 0);
	rig_init(&e->r, &(struct rig_opts){ .threads = 2 });
	e->s = rig_spool(&e->r, .memory_max = 0);
	gate_close_for(&e->g, &e->r, e->s);
	for (int i = 0; i < 10; i++) {
		spw_aio_prep_append(&e->appends[i], e->s, &"0123456789"[i], 1);
		assert_int_equal(spw_aio_submit(e->r.q, &e->appends[i]), 0);
	}
	assert_int_equal(submit_wait(&e->r, &e->wait, e->s, 99,
	    SPW_NO_DEADLINE), 0);
	spw_aio_prep_call(&e->done, nothing, NULL);
	assert_int_equal(spw_aio_submit(e->r.q, &e->done), 0);
	while (spw_aio_cancel(e->r.q, &e->done) != -EALREADY)
		sched_yield();
}

static void ending_fini(struct ending *e)
{
	spw_pool_free(e->r.pool);
	spw_spool_unref(e->s);
	gate_fini(&e->g);
	world_fini(&e->r.world);
}

static void *open_gate(void *arg)
{
	gate_let(arg);
	return NULL;
}

static void close_with(enum spw_aio_end how, unsigned want_cancelled,
    uint64_t want_size)
{
	struct ending e;

	ending_init(&e);
	pthread_t id = start_thread(open_gate, &e.g);
	spw_aio_close(e.r.q, how, count_release);
	join_thread(id);
	assert_int_equal(atomic_load(&released), 13);
	/* The call may have been taken back before it began. */
	assert_int_equal(atomic_load(&cancelled),
	    want_cancelled + (e.done.result == -ECANCELED));
	assert_int_equal(e.g.op.result, 0);
	assert_err((int)e.wait.result, ECANCELED);
	assert_int_equal(spw_spool_size(e.s), want_size);
	ending_fini(&e);
}

static void test_closing_finishes(void **state)
{
	(void)state;
	close_with(SPW_AIO_FINISH, 1, 10);
}

/* The gate was entered, and the ten are behind it. */
static void test_closing_takes_back(void **state)
{
	struct ending e;

	(void)state;
	ending_init(&e);
	/* Ten and the wait, however late the gate is opened. */
	for (int i = 0; i < 10; i++)
		assert_int_equal(spw_aio_cancel(e.r.q, &e.appends[i]), 0);
	pthread_t id = start_thread(open_gate, &e.g);
	spw_aio_close(e.r.q, SPW_AIO_TAKE_BACK, count_release);
	join_thread(id);
	assert_int_equal(atomic_load(&released), 13);
	assert_err((int)e.wait.result, ECANCELED);
	assert_int_equal(spw_spool_size(e.s), 0);
	ending_fini(&e);

	/* Nobody is told; the caller knows what he had. */
	ending_init(&e);
	id = start_thread(open_gate, &e.g);
	spw_aio_close(e.r.q, SPW_AIO_TAKE_BACK, NULL);
	join_thread(id);
	assert_int_equal(atomic_load(&released), 0);
	unsigned done = 0;
	for (int i = 0; i < 10; i++) {
		assert_true(e.appends[i].result == 0 ||
		    e.appends[i].result == -ECANCELED);
		done += e.appends[i].result == 0;
	}
	assert_int_equal(spw_spool_size(e.s), done);
	ending_fini(&e);
}

static void test_closing_abandons(void **state)
{
	struct ending e;

	(void)state;
	ending_init(&e);
	/* It returns although one still runs. */
	spw_aio_close(e.r.q, SPW_AIO_ABANDON, count_release);
	assert_int_equal(atomic_load(&released), 12);
	assert_true(atomic_load(&cancelled) >= 11);
	assert_int_equal(spw_spool_size(e.s), 0);
	gate_let(&e.g);
	while (atomic_load(&released) < 13)
		sched_yield();
	assert_int_equal(e.g.op.result, 0);
	ending_fini(&e);
}

static void test_closing_an_idle_queue(void **state)
{
	static const enum spw_aio_end ways[] = { SPW_AIO_FINISH,
		SPW_AIO_TAKE_BACK, SPW_AIO_ABANDON };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct rig r;

		rig_init(&r, &(struct rig_opts){ .threads = 1 });
		spw_aio_close(r.q, ways[i], count_release);
		spw_pool_free(r.pool);
		world_fini(&r.world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waiting_for_bytes),
		cmocka_unit_test(test_waiting_for_a_source_that_breaks),
		cmocka_unit_test(test_waiting_for_a_byte_that_is_cut_off),
		cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_cancelling),
		cmocka_unit_test(test_cancelling_frees_the_line),
		cmocka_unit_test(test_closing_finishes),
		cmocka_unit_test(test_closing_takes_back),
		cmocka_unit_test(test_closing_abandons),
		cmocka_unit_test(test_closing_an_idle_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
