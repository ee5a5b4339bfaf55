/* SPDX-License-Identifier: MIT */
/* The queue of operations: what is done at once, order, limits, cancelling. */
#include <spillway/aio.h>

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "unit/lib/rig.h"

static void test_options(void **state)
{
	struct rig r;
	struct spw_aio *q = NULL;

	(void)state;
	rig_init(&r, &(struct rig_opts){ .threads = 1 });
	struct spw_aio_opts o = { .size = sizeof(o), .pool = r.pool };
	assert_err(spw_aio_open(NULL, &q), EINVAL);
	assert_err(spw_aio_open(&o, NULL), EINVAL);
	o.size--;
	assert_err(spw_aio_open(&o, &q), EINVAL);
	o.size++;
	o.depth = 65537;
	assert_err(spw_aio_open(&o, &q), EINVAL);
	o.depth = 0;
	o.parallel = 65;
	assert_err(spw_aio_open(&o, &q), EINVAL);
	o.parallel = 0;
	o.pool = NULL;
	assert_err(spw_aio_open(&o, &q), EINVAL);
	assert_null(q);
	o.pool = r.pool;
	assert_ok(spw_aio_open(&o, &q));
	assert_int_equal(spw_aio_pending(q), 0);
	assert_int_equal(spw_aio_timeout_ms(q), -1);
	assert_null(spw_aio_reap(q));
	spw_aio_closep(&q);
	spw_aio_close(NULL, SPW_AIO_FINISH, NULL);
	rig_fini(&r);
}

/* In memory nothing takes a thread: there is none that would run it. */
static void test_memory_is_done_at_once(void **state)
{
	static const struct world_opts worlds[] = { { .no_dir = true },
		{ .threads = 0 }, { .budget = MIB }, { .threads = 1 },
		{ .budget = MIB, .threads = 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(worlds) / sizeof(worlds[0]); i++) {
		struct rig r;
		struct gate g;
		char buf[16];

		rig_init(&r, &(struct rig_opts){ .world = worlds[i],
		    .threads = 1 });
		gate_close(&g, &r);
		struct spw_spool *s = rig_spool(&r, .memory_max = 1000);
		assert_int_equal(rig_append(&r, s, "hello world", 11), 0);
		assert_int_equal(rig_pwrite(&r, s, "W", 1, 6), 0);
		assert_int_equal(rig_pread(&r, s, buf, 16, 6), 5);
		assert_memory_equal(buf, "World", 5);
		assert_int_equal(rig_truncate(&r, s, 8), 0);
		assert_int_equal(rig_truncate(&r, s, 1000), 0);
		assert_int_equal(rig_pread(&r, s, buf, 2, 999), 1);
		assert_int_equal(buf[0], 0);
		assert_int_equal(rig_seal(&r, s), 0);
		assert_err((int)rig_append(&r, s, "x", 1), EPERM);
		assert_int_equal(spool_info(s).spilled, SPW_SPILL_NONE);
		spw_spool_unref(s);
		assert_int_equal(r.hops, 0);
		gate_open(&g, &r);
		rig_fini(&r);
	}
}

/* What would go to disk takes a thread. */
static void test_disk_takes_a_thread(void **state)
{
	struct rig r;
	char buf[32] = "";

	(void)state;
	rig_init(&r, &(struct rig_opts){ .threads = 2 });
	struct spw_spool *s = rig_spool(&r, .memory_max = 10);
	assert_int_equal(rig_append(&r, s, "0123456789", 10), 0);
	assert_int_equal(r.hops, 0);
	assert_int_equal(rig_append(&r, s, "a", 1), 0);
	assert_int_equal(r.hops, 1);
	assert_int_equal(spool_info(s).spilled, SPW_SPILL_LIMIT);
	assert_int_equal(rig_pwrite(&r, s, "X", 1, 3), 0);
	assert_int_equal(rig_truncate(&r, s, 20), 0);
	assert_int_equal(rig_pread(&r, s, buf, sizeof(buf), 0), 20);
	assert_memory_equal(buf, "012X456789a\0\0\0\0\0\0\0\0\0", 20);
	assert_int_equal(rig_seal(&r, s), 0);
	assert_true(r.hops >= 4);
	spw_spool_unref(s);

	s = rig_spool(&r, .memory_max = 100);
	assert_int_equal(rig_append(&r, s, "abc", 3), 0);
	assert_int_equal(rig_rollover(&r, s), 0);
	assert_int_equal(spool_info(s).spilled, SPW_SPILL_FORCED);
	int fd = (int)rig_fd(&r, s);
	assert_ok(fd);
	assert_int_equal(pread(fd, buf, 8, 0), 3);
	close(fd);
	spw_spool_unref(s);
	rig_fini(&r);
}

/* Memory that another spool would have to give up is not had at once. */
static void test_short_memory_takes_a_thread(void **state)
{
	static uint8_t content[300000];
	struct rig r;

	(void)state;
	rig_init(&r, &(struct rig_opts){ .world.budget = 768 * KIB,
	    .threads = 1 });
	struct spw_spool *large = rig_spool(&r, .memory_max = MIB);
	struct spw_spool *small = rig_spool(&r, .memory_max = MIB);
	assert_int_equal(rig_append(&r, large, content, 300000), 0);
	assert_int_equal(rig_append(&r, small, content, 1000), 0);
	assert_int_equal(r.hops, 0);
	assert_int_equal(rig_append(&r, small, content, 200000), 0);
	assert_int_equal(r.hops, 1);
	assert_int_equal(spool_info(large).spilled, SPW_SPILL_BUDGET);
	assert_int_equal(spool_info(small).spilled, SPW_SPILL_NONE);
	spw_spool_unref(large);
	spw_spool_unref(small);
	rig_fini(&r);
}

/* Errors are results like others. */
static void test_errors_are_results(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, &(struct rig_opts){ .world.no_dir = true, .threads = 1 });
	struct spw_spool *s = rig_spool(&r, .memory_max = 10, .size_max = 50);
	assert_err((int)rig_append(&r, s, "0123456789a", 11), ENOBUFS);
	assert_err((int)rig_pwrite(&r, s, "0", 1, 50), EFBIG);
	assert_err((int)rig_pwrite(&r, s, "0", 1, UINT64_MAX), EFBIG);
	assert_err((int)rig_truncate(&r, s, UINT64_MAX), EFBIG);
	assert_err((int)rig_rollover(&r, s), ENOBUFS);
	assert_err((int)rig_fd(&r, s), ENOBUFS);
	assert_int_equal(spw_spool_size(s), 0);
	spw_spool_unref(s);
	rig_fini(&r);
}

/* Reads over the border of file and memory, and past the end. */
static void test_reads_of_both_phases(void **state)
{
	static uint8_t content[300000], buf[300000];
	struct rig r;

	(void)state;
	rig_init(&r, &(struct rig_opts){ .threads = 2 });
	fill_content(content, sizeof(content), 0);
	struct spw_spool *s = rig_spool(&r, .memory_max = 1000);
	assert_int_equal(rig_append(&r, s, content, sizeof(content)), 0);
	assert_true(spool_info(s).memory_bytes > 0);
	for (uint64_t off = 0; off < 300100; off += 9973) {
		for (size_t n = 1; n < sizeof(buf); n = n * 7 + 1) {
			ssize_t want = off >= sizeof(content) ? 0
			    : off + n > sizeof(content)
			    ? (ssize_t)(sizeof(content) - off)
			    : (ssize_t)n;

			assert_int_equal(rig_pread(&r, s, buf, n, off), want);
			assert_true(is_content(buf, (size_t)want, off));
		}
	}
	spw_spool_fail(s, -EPROTO);
	assert_int_equal(rig_pread(&r, s, buf, 100, 299999), 1);
	assert_err((int)rig_pread(&r, s, buf, 100, 300000), EPROTO);
	spw_spool_unref(s);
	rig_fini(&r);
}

static void test_operations_on_a_spool_keep_their_order(void **state)
{
	enum { COUNT = 200 };
	static struct spw_aio_op ops[COUNT];
	static uint8_t content[COUNT * 100], buf[COUNT * 100];
	struct rig r;
	struct gate g;

	(void)state;
	rig_init(&r, &(struct rig_opts){ .threads = 4 });
	struct spw_spool *s = rig_spool(&r, .memory_max = 0);
	fill_content(content, sizeof(content), 0);
	gate_close_for(&g, &r, s);
	for (unsigned i = 0; i < COUNT; i++) {
		spw_aio_prep_append(&ops[i], s, content + i * 100, 100);
		assert_int_equal(spw_aio_submit(r.q, &ops[i]), 0);
	}
	/* It sees what was written before it, though that was only queued. */
	struct spw_aio_op read;
	spw_aio_prep_pread(&read, s, buf, sizeof(buf), 0);
	assert_int_equal(spw_aio_submit(r.q, &read), 0);
	assert_int_equal(spw_spool_size(s), 0);
	gate_open(&g, &r);
	for (unsigned i = 0; i < COUNT; i++) {
		assert_ptr_equal(rig_reap(&r), &ops[i]);
		assert_int_equal(ops[i].result, 0);
	}
	assert_ptr_equal(rig_reap(&r), &read);
	assert_int_equal(read.result, sizeof(buf));
	assert_memory_equal(buf, content, sizeof(buf));
	spw_spool_unref(s);
	rig_fini(&r);
}

/* Two that each wait until the other runs. */
struct meeting {
	pthread_barrier_t both;
	_Atomic unsigned met;
};

static ssize_t meet(void *arg)
{
	struct meeting *m = arg;

	pthread_barrier_wait(&m->both);
	atomic_fetch_add(&m->met, 1);
	return 0;
}

static ssize_t count_met(void *arg)
{
	struct meeting *m = arg;

	return (ssize_t)atomic_load(&m->met);
}

static void test_shared_ones_run_beside_each_other(void **state)
{
	struct meeting m = { .met = 0 };
	struct spw_aio_op a, b, after, later[2];
	struct rig r;
	int key;

	(void)state;
	pthread_barrier_init(&m.both, NULL, 2);
	rig_init(&r, &(struct rig_opts){ .threads = 4 });
	spw_aio_prep_call(&a, meet, &m);
	spw_aio_set_order(&a, &key, true);
	b = later[0] = later[1] = a;
	spw_aio_prep_call(&after, count_met, &m);
	spw_aio_set_order(&after, &key, false);
	assert_int_equal(spw_aio_submit(r.q, &a), 0);
	assert_int_equal(spw_aio_submit(r.q, &b), 0);
	assert_int_equal(spw_aio_submit(r.q, &after), 0);
	assert_int_equal(spw_aio_submit(r.q, &later[0]), 0);
	assert_int_equal(spw_aio_submit(r.q, &later[1]), 0);
	for (int i = 0; i < 5; i++) {
		struct spw_aio_op *op = rig_reap(&r);

		assert_int_equal(op == &after, i == 2);
	}
	/* Alone between those before it and those after it. */
	assert_int_equal(after.result, 2);
	assert_int_equal(atomic_load(&m.met), 4);
	rig_fini(&r);
	pthread_barrier_destroy(&m.both);
}

/* Different spools know no order: one that is stuck holds up only its own. */
static void test_other_spools_are_not_held_up(void **state)
{
	struct spw_aio_op stuck, free;
	struct rig r;
	struct gate g;

	(void)state;
	rig_init(&r, &(struct rig_opts){ .threads = 2 });
	struct spw_spool *a = rig_spool(&r, .memory_max = 0);
	struct spw_spool *b = rig_spool(&r, .memory_max = 0);
	gate_close_for(&g, &r, a);
	spw_aio_prep_append(&stuck, a, "x", 1);
	spw_aio_prep_append(&free, b, "y", 1);
	assert_int_equal(spw_aio_submit(r.q, &stuck), 0);
	assert_int_equal(spw_aio_submit(r.q, &free), 0);
	assert_ptr_equal(rig_reap(&r), &free);
	assert_int_equal(spw_spool_size(a), 0);
	gate_open(&g, &r);
	assert_ptr_equal(rig_reap(&r), &stuck);
	spw_spool_unref(a);
	spw_spool_unref(b);
	rig_fini(&r);
}

static ssize_t seven(void *arg)
{
	(void)arg;
	return 7;
}

static ssize_t would_block(void *arg)
{
	(void)arg;
	return -EAGAIN;
}

static void test_calls_with_a_way_that_never_blocks(void **state)
{
	struct spw_aio_op op;
	struct rig r;
	struct gate g;
	int key;

	(void)state;
	rig_init(&r, &(struct rig_opts){ .threads = 2 });
	spw_aio_prep_call(&op, seven, NULL);
	assert_int_equal(rig_run(&r, &op), 7);
	assert_int_equal(r.hops, 1);
	spw_aio_prep_call(&op, would_block, NULL);
	spw_aio_set_try(&op, seven);
	assert_int_equal(rig_run(&r, &op), 7);
	assert_int_equal(r.hops, 1);
	spw_aio_prep_call(&op, seven, NULL);
	spw_aio_set_try(&op, would_block);
	assert_int_equal(rig_run(&r, &op), 7);
	assert_int_equal(r.hops, 2);
	/* Something is before it: it overtakes nothing. */
	gate_close_for(&g, &r, &key);
	spw_aio_prep_call(&op, seven, NULL);
	spw_aio_set_try(&op, seven);
	spw_aio_set_order(&op, &key, true);
	assert_int_equal(spw_aio_submit(r.q, &op), 0);
	gate_open(&g, &r);
	assert_ptr_equal(rig_reap(&r), &op);
	rig_fini(&r);
}

static void test_a_full_queue_says_so(void **state)
{
	struct spw_aio_op ops[3];
	struct rig r;
	struct gate g;

	(void)state;
	rig_init(&r, &(struct rig_opts){ .threads = 1, .depth = 3 });
	gate_close(&g, &r);
	for (int i = 0; i < 3; i++)
		spw_aio_prep_call(&ops[i], seven, NULL);
	assert_int_equal(spw_aio_submit(r.q, &ops[0]), 0);
	assert_int_equal(spw_aio_submit(r.q, &ops[1]), 0);
	assert_int_equal(spw_aio_pending(r.q), 3);
	assert_err(spw_aio_submit(r.q, &ops[2]), EAGAIN);
	/* What is done at once needs no room. */
	struct spw_spool *s = rig_spool(&r, .memory_max = 10);
	assert_int_equal(rig_append(&r, s, "x", 1), 0);
	spw_spool_unref(s);
	gate_open(&g, &r);
	assert_non_null(rig_reap(&r));
	assert_int_equal(spw_aio_submit(r.q, &ops[2]), 0);
	assert_non_null(rig_reap(&r));
	assert_non_null(rig_reap(&r));
	assert_int_equal(spw_aio_pending(r.q), 0);
	rig_fini(&r);
}

static bool readable(struct spw_aio *q)
{
	struct pollfd p = { .fd = spw_aio_fd(q), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void test_the_descriptor_says_what_is_there(void **state)
{
	struct spw_aio_op ops[3];
	struct rig r;

	(void)state;
	rig_init(&r, &(struct rig_opts){ .threads = 2 });
	assert_false(readable(r.q));
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 3; i++) {
			spw_aio_prep_call(&ops[i], seven, NULL);
			assert_int_equal(spw_aio_submit(r.q, &ops[i]), 0);
		}
		for (int i = 0; i < 3; i++) {
			struct pollfd p = { .fd = spw_aio_fd(r.q),
				.events = POLLIN };

			assert_int_equal(poll(&p, 1, -1), 1);
			assert_int_equal(spw_aio_timeout_ms(r.q), 0);
			assert_non_null(spw_aio_reap(r.q));
		}
		assert_false(readable(r.q));
		assert_null(spw_aio_reap(r.q));
	}
	rig_fini(&r);
}

static void raise_flag(struct spw_aio *q, void *user_data)
{
	(void)q;
	flag_raise(user_data);
}

static void test_a_callback_in_place_of_the_descriptor(void **state)
{
	struct spw_aio_op op;
	struct flag done;
	struct rig r;

	(void)state;
	flag_init(&done);
	rig_init(&r, &(struct rig_opts){ .threads = 1, .on_done = raise_flag,
	    .user_data = &done });
	assert_err(spw_aio_fd(r.q), EBADF);
	for (int i = 0; i < 3; i++) {
		spw_aio_prep_call(&op, seven, NULL);
		assert_int_equal(spw_aio_submit(r.q, &op), 0);
		assert_int_equal(flag_take(&done), 1);
		assert_ptr_equal(spw_aio_reap(r.q), &op);
		assert_null(spw_aio_reap(r.q));
	}
	rig_fini(&r);
	flag_fini(&done);
}

static void test_user_data_is_the_callers(void **state)
{
	struct spw_aio_op op = { .user_data = &op };
	struct rig r;

	(void)state;
	rig_init(&r, &(struct rig_opts){ .threads = 1 });
	for (int i = 0; i < 3; i++) {
		spw_aio_prep_call(&op, seven, NULL);
		assert_int_equal(rig_run(&r, &op), 7);
		assert_ptr_equal(op.user_data, &op);
	}
	rig_fini(&r);
}

/* The queue holds what it works on. */
static void test_a_spool_may_be_let_go(void **state)
{
	struct spw_aio_op op, wait;
	struct rig r;
	struct gate g;

	(void)state;
	rig_init(&r, &(struct rig_opts){ .threads = 1 });
	struct spw_spool *s = rig_spool(&r, .memory_max = 0);
	gate_close_for(&g, &r, s);
	spw_aio_prep_append(&op, s, "abc", 3);
	assert_int_equal(spw_aio_submit(r.q, &op), 0);
	spw_aio_prep_wait(&wait, s, 2, SPW_NO_DEADLINE);
	assert_int_equal(spw_aio_submit(r.q, &wait), 0);
	spw_spool_unref(s);
	gate_open(&g, &r);
	for (int i = 0; i < 2; i++)
		assert_non_null(rig_reap(&r));
	assert_int_equal(op.result, 0);
	assert_int_equal(wait.result, 1);
	assert_int_equal(dir_stats(&r.world).files, 0);
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_memory_is_done_at_once),
		cmocka_unit_test(test_disk_takes_a_thread),
		cmocka_unit_test(test_short_memory_takes_a_thread),
		cmocka_unit_test(test_errors_are_results),
		cmocka_unit_test(test_reads_of_both_phases),
		cmocka_unit_test(test_operations_on_a_spool_keep_their_order),
		cmocka_unit_test(test_shared_ones_run_beside_each_other),
		cmocka_unit_test(test_other_spools_are_not_held_up),
		cmocka_unit_test(test_calls_with_a_way_that_never_blocks),
		cmocka_unit_test(test_a_full_queue_says_so),
		cmocka_unit_test(test_the_descriptor_says_what_is_there),
		cmocka_unit_test(test_a_callback_in_place_of_the_descriptor),
		cmocka_unit_test(test_user_data_is_the_callers),
		cmocka_unit_test(test_a_spool_may_be_let_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
