/* SPDX-License-Identifier: MIT */
/*
 * Kept files that the disk does not let go of: what is not to be trusted is
 * not for that, and what was deleted is not found again.
 */
#include "check.h"

#include <errno.h>
#include <sched.h>

#include "base/log.h"
#include "base/metrics.h"
#include "fault/store_sys_fault.h"
#include "unit/server/kept.h"

/* The next start of the machine. Returns: how many were damaged until then. */
static int64_t reboot(struct kept *k)
{
	static char which = 'a';

	kept_reboot(k, which++);
	return metrics_get(METRIC_FILES_DAMAGED);
}

/* Of x it is not known that it is whole, and y is well. */
static int64_t doubt_x(struct kept *k)
{
	file_unref(kept_file(k, "y", 80));
	assert_ok(disk_checkpoint(k->disk));
	file_unref(kept_file(k, "x", 70));
	return reboot(k);
}

/* It is put away, then, and the others are what they were. */
static void test_stuck(void **state)
{
	struct kept *k = *state;
	const _Atomic bool stop = false;
	int64_t damaged = doubt_x(k);
	struct file *f;

	store_fault_stuck("x", -EPERM, false);
	assert_err(store_load(k->store, "x", 1, &f), EIO);
	assert_err(store_restore(k->store, &stop), EIO);
	assert_int_equal(kept_count(k, "files"), 2);
	kept_restore(k);
	store_fault_stuck(NULL, 0, false);
	assert_int_equal(kept_count(k, "files"), 1);
	assert_int_equal(kept_count(k, "damaged"), 1);
	/* However often it was met. */
	assert_int_equal(metrics_get(METRIC_FILES_DAMAGED), damaged + 1);
	kept_expect_none(k, "x");
	kept_expect(k, "y", 80);
}

/* Nor can it be moved, as one that is immutable: it is never trusted. */
static void test_stuck_for_good(void **state)
{
	struct kept *k = *state;

	(void)doubt_x(k);
	store_fault_stuck("x", -EPERM, true);
	store_settle(k->store);
	for (int i = 0; i < 2; i++) {
		assert_false(disk_unsettled(k->disk));
		assert_ok(disk_checkpoint(k->disk));
		(void)reboot(k);
		kept_restore(k);
		kept_expect_none(k, "x");
		kept_expect(k, "y", 80);
	}
	assert_int_equal(kept_count(k, "files"), 2);
	store_fault_stuck(NULL, 0, false);
	assert_ok(disk_checkpoint(k->disk));
	(void)reboot(k);
	kept_restore(k);
	kept_expect_none(k, "x");
	assert_int_equal(kept_count(k, "files"), 1);
}

/* What runs out is no reason, and it is deleted when it can be. */
static void test_stuck_for_want(void **state)
{
	struct kept *k = *state;
	const _Atomic bool stop = false;
	int64_t damaged = doubt_x(k);

	store_fault_stuck("x", -ENOMEM, false);
	for (int i = 0; i < 3; i++)
		assert_err(store_restore(k->store, &stop), EIO);
	store_fault_stuck(NULL, 0, false);
	assert_int_equal(kept_count(k, "files"), 2);
	kept_restore(k);
	assert_int_equal(kept_count(k, "files"), 1);
	assert_int_equal(metrics_get(METRIC_FILES_DAMAGED), damaged + 1);
}

/* Taken out of memory, and still on the disk, it is not found there. */
static void test_gone(void **state)
{
	struct kept *k = *state;
	struct file *f;

	for (int i = 0; i < 2; i++) {
		file_unref(kept_file(k, "x", 70));
		kept_restart(k, false);
		store_fault_stuck("x", -EIO, false);
		assert_ok(store_load(k->store, "x", 1, &f));
		assert_true(store_remove(k->store, f));
		/* What is done behind is done. */
		while (atomic_load(&f->refs) > 1)
			sched_yield();
		file_unref(f);
		kept_expect_none(k, "x");
		assert_int_equal(kept_count(k, "files"), 1);
		/* But for good as soon as that can be. */
		if (i == 0) {
			store_fault_stuck(NULL, 0, false);
			kept_expect_none(k, "x");
			assert_int_equal(kept_count(k, "files"), 0);
		}
		kept_restore(k);
		kept_expect_none(k, "x");
		store_fault_stuck(NULL, 0, false);
		/* Another of its name is another. */
		file_unref(kept_file(k, "x", 90));
		kept_expect(k, "x", 90);
		f = store_get(k->store, "x", 1);
		assert_int_equal(store_drop(k->store, f), 1);
		file_unref(f);
	}
}

/* ---- at the same time --------------------------------------------------- */

/* Somebody who puts b away, beside us. */
struct mover {
	struct kept *k;
	pthread_t thread;
	_Atomic bool through;
	int result;
};

static void *move_b(void *ctx)
{
	struct mover *m = ctx;

	m->result = disk_set_aside(m->k->disk, "b");
	atomic_store(&m->through, true);
	return NULL;
}

/* In the midst of it: until he is through, or has had the time to be and so
   waits for his turn. */
static void let_move(void *ctx)
{
	struct mover *m = ctx;

	m->thread = start_thread(move_b, m);
	for (int i = 0; i < 10000 && !atomic_load(&m->through); i++)
		sched_yield();
}

static void test_set_aside_at_once(void **state)
{
	struct kept *k = *state;
	bool asked = true;
	unsigned nth = 1;

	for (; asked; nth++) {
		struct mover m = {.k = k};

		file_unref(kept_file(k, "a", 70));
		file_unref(kept_file(k, "b", 80));
		store_fault_before(nth, let_move, &m);
		assert_int_equal(disk_set_aside(k->disk, "a"), 0);
		asked = store_fault_disarm();
		if (!asked)
			m.result = disk_set_aside(k->disk, "b");
		else
			join_thread(m.thread);
		assert_int_equal(m.result, 0);
		assert_int_equal(kept_count(k, "files"), 0);
		assert_int_equal(kept_count(k, "damaged"), 2 * nth);
		/* As if it had never been there. */
		kept_restart(k, false);
	}
	assert_true(nth > 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    KEPT_TEST(test_stuck),
	    KEPT_TEST(test_stuck_for_good),
	    KEPT_TEST(test_stuck_for_want),
	    KEPT_TEST(test_gone),
	    KEPT_TEST(test_set_aside_at_once),
	};

	atomic_store(&log_threshold, LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
