/* SPDX-License-Identifier: MIT */
/*
 * Kept files that are not open, while somebody else is at them. At every
 * moment of a change who asks gets the old one or the new one, whole, and
 * nothing is taken for damage; and one that may not be read keeps nobody from
 * the others.
 */
#include "check.h"

#include <errno.h>
#include <sched.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/metrics.h"
#include "fault/store_sys_fault.h"
#include "unit/server/kept.h"

/* Somebody who asks for the file, beside us. */
struct reader {
	struct kept *k;
	struct file *old;
	pthread_t thread;
	int result;
	uint64_t size;
};

static void *ask(void *ctx)
{
	struct reader *rd = ctx;
	struct file *f;

	rd->result = store_load(rd->k->store, "x", 1, &f);
	if (rd->result < 0)
		return NULL;
	rd->size = spw_spool_size(f->spool);
	file_unref(f);
	return NULL;
}

/* In the midst of a change: until he has looked the file up, and then waits
   for his turn, or needs none. What is done behind comes after it. */
static void let_ask(void *ctx)
{
	struct reader *rd = ctx;

	atomic_store(&rd->old->used, false);
	require(pthread_create(&rd->thread, NULL, ask, rd) == 0);
	while (!atomic_load(&rd->old->used) && !atomic_load(&rd->old->removed))
		sched_yield();
}

/* A file of 70 bytes that is not open, and who will ask for it. */
static struct reader prepare(struct kept *k)
{
	struct reader rd = {.k = k};

	file_unref(kept_file(k, "x", 70));
	kept_restart(k, true);
	kept_restore(k);
	rd.old = store_get(k->store, "x", 1);
	assert_false(store_is_open(rd.old));
	return rd;
}

/* Returns: whether he did. */
static bool finish(struct reader *rd)
{
	bool asked = store_fault_disarm();

	if (asked)
		require(pthread_join(rd->thread, NULL) == 0);
	file_unref(rd->old);
	return asked;
}

static void test_replacing(void **state)
{
	struct kept *k = *state;
	int64_t damaged = metrics_get(METRIC_FILES_DAMAGED);
	unsigned nth = 1, was_new = 0;

	for (bool asked = true; asked; nth++) {
		struct reader rd = prepare(k);
		struct file *f = stored_file(k->store, "x");

		stored_append(f, 200);
		require(spw_spool_seal(f->spool) == 0);
		store_fault_before(nth, let_ask, &rd);
		assert_int_equal(
		    store_keep_replace(k->store, f, NULL, NULL), 1);
		asked = finish(&rd);
		assert_ok(rd.result);
		assert_true(!asked || rd.size == 70 || rd.size == 200);
		was_new += rd.size == 200;
		kept_expect(k, "x", 200);
		assert_int_equal(store_drop(k->store, f), 1);
		file_unref(f);
	}
	assert_true(nth > 8 && was_new > 0);
	assert_int_equal(metrics_get(METRIC_FILES_DAMAGED), damaged);
}

static void test_deleting(void **state)
{
	struct kept *k = *state;
	int64_t damaged = metrics_get(METRIC_FILES_DAMAGED);
	unsigned nth = 1;

	for (bool asked = true; asked; nth++) {
		struct reader rd = prepare(k);

		store_fault_before(nth, let_ask, &rd);
		assert_int_equal(store_drop(k->store, rd.old), 1);
		asked = finish(&rd);
		assert_true(rd.result == 0 || rd.result == -ENOENT);
		kept_expect_none(k, "x");
	}
	assert_true(nth > 4);
	assert_int_equal(metrics_get(METRIC_FILES_DAMAGED), damaged);
}

/* ---- the right to read -------------------------------------------------- */

static mode_t mode_of_x(struct kept *k)
{
	struct stat st;
	char path[256];

	kept_path(k, "files/x", path);
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

/* Root may read all, so the calls have to be failed. */
static void forbid_x(struct kept *k, unsigned nth)
{
	char path[256];

	kept_path(k, "files/x", path);
	assert_int_equal(chmod(path, 0), 0);
	store_fault_arm(nth, false, -EACCES);
}

static void expect_allowed(struct kept *k)
{
	assert_true(store_fault_disarm() || mode_of_x(k) == 0600);
	assert_int_equal(mode_of_x(k), 0600);
}

static void test_given_back(void **state)
{
	struct kept *k = *state;
	int64_t damaged = metrics_get(METRIC_FILES_DAMAGED);

	file_unref(kept_file(k, "x", 70));
	kept_restart(k, true);
	forbid_x(k, 1);
	kept_expect(k, "x", 70);
	expect_allowed(k);

	/* Deleting it looks at it, replacing does when it has the name. */
	struct file *f = store_get(k->store, "x", 1);
	forbid_x(k, 1);
	assert_int_equal(store_drop(k->store, f), 1);
	(void)store_fault_disarm();
	file_unref(f);
	assert_int_equal(kept_count(k, "files"), 0);

	file_unref(kept_file(k, "x", 70));
	f = stored_file(k->store, "x");
	stored_append(f, 200);
	require(spw_spool_seal(f->spool) == 0);
	forbid_x(k, 4);
	assert_int_equal(store_keep_replace(k->store, f, NULL, NULL), 1);
	assert_true(store_fault_disarm() || geteuid() != 0);
	file_unref(f);
	kept_expect(k, "x", 200);
	assert_int_equal(metrics_get(METRIC_FILES_DAMAGED), damaged);
}

/* One that is not ours to allow is that one's trouble: the mode is as it
   should be, and it may not be read all the same. */
static void test_another_owner(void **state)
{
	struct kept *k = *state;
	int64_t damaged = metrics_get(METRIC_FILES_DAMAGED);

	file_unref(kept_file(k, "x", 70));
	file_unref(kept_file(k, "y", 80));
	kept_restart(k, true);
	/* Behind the folder's opening, and the reading of its names. */
	store_fault_arm(3, false, -EACCES);
	kept_restore(k);
	assert_true(store_fault_disarm());
	assert_int_equal(metrics_get(METRIC_FILES_DAMAGED), damaged + 1);
	assert_int_equal(kept_count(k, "files"), 2);

	struct store_stats stats;
	store_stats(k->store, &stats);
	assert_int_equal(stats.files, 1);
	/* What takes its place is a file as any. */
	for (const char *id = "x"; id; id = *id == 'x' ? "y" : NULL) {
		struct file *f = stored_file(k->store, id);

		stored_append(f, 200);
		require(spw_spool_seal(f->spool) == 0);
		store_fault_arm(4, false, -EACCES);
		assert_true(
		    store_keep_replace(k->store, f, NULL, NULL) >= 0);
		assert_true(store_fault_disarm());
		file_unref(f);
		kept_expect(k, id, 200);
	}
	assert_int_equal(kept_count(k, "files"), 2);
	assert_int_equal(kept_count(k, "passing"), 0);
}

/* When nothing may be read it is the directory's, and none is given up. */
static void test_whole_directory(void **state)
{
	struct kept *k = *state;
	const _Atomic bool stop = false;
	int64_t damaged = metrics_get(METRIC_FILES_DAMAGED);

	file_unref(kept_file(k, "x", 70));
	kept_restart(k, true);
	store_fault_arm(3, true, -EACCES);
	assert_err(store_restore(k->store, &stop), EACCES);
	assert_true(store_fault_disarm());
	assert_true(store_restoring(k->store));
	assert_int_equal(metrics_get(METRIC_FILES_DAMAGED), damaged);
	kept_restore(k);
	kept_expect(k, "x", 70);
}

/* Another start of the machine, which x had not been written for. */
static int64_t doubt_x(struct kept *k)
{
	file_unref(kept_file(k, "y", 80));
	assert_ok(disk_checkpoint(k->disk));
	file_unref(kept_file(k, "x", 70));
	kept_reboot(k, 'a');
	return metrics_get(METRIC_FILES_DAMAGED);
}

/* Whoever may read it in the next one does not take it for whole. */
static void expect_doubted(struct kept *k)
{
	store_fault_broken(NULL, 0, false);
	assert_false(disk_unsettled(k->disk));
	assert_ok(disk_checkpoint(k->disk));
	kept_reboot(k, 'b');
	kept_expect_none(k, "x");
	kept_restore(k);
	kept_expect_none(k, "x");
	kept_expect(k, "y", 80);
	assert_int_equal(kept_count(k, "files"), 1);

	struct file *y = store_get(k->store, "y", 1);
	assert_int_equal(store_drop(k->store, y), 1);
	file_unref(y);
}

static void test_forbidden_when_restored(void **state)
{
	struct kept *k = *state;
	int64_t damaged = doubt_x(k);

	store_fault_broken("x", -EACCES, false);
	kept_expect_none(k, "x");
	kept_restore(k);
	kept_expect(k, "y", 80);
	assert_int_equal(metrics_get(METRIC_FILES_DAMAGED), damaged + 1);
	assert_int_equal(kept_count(k, "files"), 2);
	expect_doubted(k);
}

static void test_forbidden_at_the_end(void **state)
{
	struct kept *k = *state;

	(void)doubt_x(k);
	assert_true(disk_unsettled(k->disk));
	store_fault_broken("x", -EACCES, false);
	store_settle(k->store);
	expect_doubted(k);
}

/* It may be opened, but not what it says of itself be read. */
static void test_forbidden_attribute(void **state)
{
	struct kept *k = *state;

	for (int err = EPERM; err; err = err == EPERM ? EACCES : 0) {
		file_unref(kept_file(k, "x", 70));
		kept_reboot(k, 'a');
		/* Behind the folder's opening, the reading of its names, x's
		   opening, and the look at its size. */
		store_fault_arm(5, false, -err);
		kept_restore(k);
		assert_true(store_fault_disarm());
		assert_int_equal(kept_count(k, "files"), 1);
		file_unref(kept_file(k, "y", 80));
		expect_doubted(k);
	}
}

/* What cannot be noted is none that is settled. */
static void test_forbidden_and_not_noted(void **state)
{
	struct kept *k = *state;
	const _Atomic bool stop = false;
	int r = -EIO;

	for (unsigned n = 1; r < 0; n++) {
		(void)doubt_x(k);
		store_fault_broken("x", -EACCES, false);
		store_fault_arm(n, true, -EIO);
		r = store_restore(k->store, &stop);
		assert_true(store_fault_disarm() || r == 0);
		store_fault_broken(NULL, 0, false);
		if (r < 0)
			kept_restore(k);
		expect_doubted(k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    KEPT_TEST(test_replacing),
	    KEPT_TEST(test_deleting),
	    KEPT_TEST(test_given_back),
	    KEPT_TEST(test_another_owner),
	    KEPT_TEST(test_whole_directory),
	    KEPT_TEST(test_forbidden_when_restored),
	    KEPT_TEST(test_forbidden_at_the_end),
	    KEPT_TEST(test_forbidden_attribute),
	    KEPT_TEST(test_forbidden_and_not_noted),
	};

	atomic_store(&log_threshold, LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
