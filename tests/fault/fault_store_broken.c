/* SPDX-License-Identifier: MIT */
/*
 * Kept files that the disk cannot read. They are put away after a while, and
 * keep no other from what it was promised; and nothing that may be whole is
 * deleted.
 */
#include "check.h"

#include <errno.h>

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

static void expect_error(struct kept *k, const char *id, int err)
{
	struct file *f;

	assert_err(store_load(k->store, id, strlen(id), &f), err);
}

/* One that is broken is put away, and keeps none of the others from what they
   were promised; of which only one that is found broken twice is. */
static void test_broken(void **state)
{
	struct kept *k = *state;
	const _Atomic bool stop = false;

	file_unref(kept_file(k, "x", 70));
	file_unref(kept_file(k, "y", 80));
	kept_restore(k);
	assert_ok(disk_checkpoint(k->disk));
	int64_t damaged = reboot(k);
	store_fault_broken("x", -EUCLEAN, false);
	expect_error(k, "x", EUCLEAN);
	assert_err(store_restore(k->store, &stop), EIO);
	expect_error(k, "x", EUCLEAN);
	assert_int_equal(kept_count(k, "files"), 2);
	kept_restore(k);
	assert_int_equal(kept_count(k, "files"), 1);
	assert_int_equal(kept_count(k, "damaged"), 1);
	/* However often it was met. */
	assert_int_equal(metrics_get(METRIC_FILES_DAMAGED), damaged + 1);
	store_fault_broken(NULL, 0, false);
	kept_expect_none(k, "x");
	kept_expect(k, "y", 80);

	file_unref(kept_file(k, "x", 90));
	assert_ok(disk_checkpoint(k->disk));
	(void)reboot(k);
	kept_restore(k);
	kept_expect(k, "x", 90);
	kept_expect(k, "y", 80);
	assert_int_equal(kept_count(k, "damaged"), 1);
}

/* That nobody can tell whether they are marked is not theirs. */
static void test_marks_that_cannot_be_read(void **state)
{
	struct kept *k = *state;
	const _Atomic bool stop = false;

	file_unref(kept_file(k, "x", 70));
	file_unref(kept_file(k, "y", 80));
	kept_restore(k);
	assert_ok(disk_checkpoint(k->disk));
	(void)reboot(k);
	store_fault_broken("x", -EUCLEAN, true);
	store_settle(k->store);
	assert_err(store_restore(k->store, &stop), EIO);
	kept_restore(k);
	assert_int_equal(kept_count(k, "damaged"), 1);
	store_fault_broken(NULL, 0, false);
	(void)reboot(k);
	store_fault_looking(-EIO);
	for (int i = 0; i < 3; i++) {
		expect_error(k, "y", EIO);
		assert_err(store_restore(k->store, &stop), EIO);
		store_settle(k->store);
	}
	assert_int_equal(kept_count(k, "files"), 2);
	store_fault_looking(0);
	kept_expect(k, "y", 80);
	kept_restore(k);
	kept_expect_none(k, "x");
	assert_int_equal(kept_count(k, "files"), 1);
}

/* Nor can it be moved: it is left, and neither trusted when it can be read
   again, but moved then, nor in the way of the others. */
static void test_fixed(void **state)
{
	struct kept *k = *state;
	const _Atomic bool stop = false;

	file_unref(kept_file(k, "x", 70));
	(void)reboot(k);
	store_fault_broken("x", -EUCLEAN, true);
	assert_err(store_restore(k->store, &stop), EIO);
	for (int i = 0; i < 3; i++) {
		char id[] = {(char)('a' + i), 0};

		file_unref(kept_file(k, id, 80));
		store_settle(k->store);
		assert_false(disk_unsettled(k->disk));
		assert_ok(disk_checkpoint(k->disk));
		(void)reboot(k);
		kept_expect(k, id, 80);
	}
	assert_int_equal(kept_count(k, "damaged"), 1);
	store_fault_broken(NULL, 0, false);
	kept_restore(k);
	kept_expect_none(k, "x");
	assert_int_equal(kept_count(k, "files"), 3);
	/* The file now, and its mark no more. */
	assert_int_equal(kept_count(k, "damaged"), 1);
	assert_ok(disk_checkpoint(k->disk));
	(void)reboot(k);
	kept_expect_none(k, "x");
	assert_int_equal(kept_count(k, "damaged"), 1);
}

/* Repaired, and then replaced: the new one is as good as any. */
static void test_fixed_and_replaced(void **state)
{
	struct kept *k = *state;

	file_unref(kept_file(k, "x", 70));
	assert_ok(disk_checkpoint(k->disk));
	(void)reboot(k);
	store_fault_broken("x", -EUCLEAN, true);
	store_settle(k->store);
	(void)reboot(k);
	store_settle(k->store);
	assert_int_equal(kept_count(k, "damaged"), 1);
	store_fault_broken(NULL, 0, false);
	struct file *f = stored_file(k->store, "x");
	stored_append(f, 90);
	require(spw_spool_seal(f->spool) == 0);
	assert_int_equal(store_keep_replace(k->store, f, NULL, NULL), 0);
	file_unref(f);
	assert_int_equal(kept_count(k, "damaged"), 0);
	kept_restore(k);
	assert_ok(disk_checkpoint(k->disk));
	(void)reboot(k);
	kept_expect(k, "x", 90);
}

/* And that cannot be noted: then nothing is, until it can. */
static void test_fixed_and_not_noted(void **state)
{
	struct kept *k = *state;
	const _Atomic bool stop = false;
	bool hit = true;

	for (unsigned n = 1; hit; n++) {
		file_unref(kept_file(k, "x", 70));
		(void)reboot(k);
		store_fault_broken("x", -EUCLEAN, true);
		assert_err(store_restore(k->store, &stop), EIO);
		store_fault_arm(n, true, -EIO);
		int r = store_restore(k->store, &stop);
		hit = store_fault_disarm();
		assert_true(hit || r == 0);
		store_fault_broken(NULL, 0, false);
		kept_restore(k);
		kept_expect_none(k, "x");
		if (r < 0)
			assert_int_equal(kept_count(k, "files"), 0);
		store_fault_broken(NULL, 0, false);
		assert_ok(disk_checkpoint(k->disk));
		if (r == 0)
			break;
	}
}

/* Start again with x, which cannot be read for this. */
static void break_x(struct kept *k, int err)
{
	file_unref(kept_file(k, "x", 70));
	kept_restart(k, false);
	store_fault_broken("x", err, false);
}

/* Now it can, and is where it was. */
static void mend_x(struct kept *k)
{
	store_fault_broken(NULL, 0, false);
	assert_int_equal(kept_count(k, "files"), 1);
	kept_restore(k);
	kept_expect(k, "x", 70);
}

/* It works again at the next try. */
static void test_broken_for_a_while(void **state)
{
	struct kept *k = *state;
	const _Atomic bool stop = false;

	break_x(k, -EIO);
	assert_err(store_restore(k->store, &stop), EIO);
	mend_x(k);
}

/* What runs out is no reason, however often. */
static void test_too_many_open(void **state)
{
	struct kept *k = *state;
	const _Atomic bool stop = false;

	break_x(k, -EMFILE);
	for (int i = 0; i < 3; i++)
		assert_err(store_restore(k->store, &stop), EIO);
	store_settle(k->store);
	mend_x(k);
}

/* Nor is it while the directory does not work at all. */
static void test_all_broken(void **state)
{
	struct kept *k = *state;
	const _Atomic bool stop = false;

	break_x(k, -EIO);
	assert_err(store_restore(k->store, &stop), EIO);
	/* Behind the folder's opening, the reading of its names, and x. */
	store_fault_arm(3, true, -EIO);
	assert_true(store_restore(k->store, &stop) < 0);
	assert_true(store_fault_disarm());
	mend_x(k);
}

/* Also by one who is stopped before there was a second try. */
static void test_broken_at_the_end(void **state)
{
	struct kept *k = *state;

	file_unref(kept_file(k, "x", 70));
	assert_ok(disk_checkpoint(k->disk));
	store_fault_broken("x", -EIO, false);
	for (int i = 0; i < 3; i++) {
		char id[] = {(char)('a' + i), 0};

		(void)reboot(k);
		file_unref(kept_file(k, id, 80));
		store_settle(k->store);
		assert_false(disk_unsettled(k->disk));
		assert_ok(disk_checkpoint(k->disk));
	}
	store_fault_broken(NULL, 0, false);
	assert_int_equal(kept_count(k, "damaged"), 1);
	(void)reboot(k);
	for (int i = 0; i < 3; i++) {
		char id[] = {(char)('a' + i), 0};

		kept_expect(k, id, 80);
	}
	kept_expect_none(k, "x");
}

/* Nor is a name that none of ours can have waited for. */
static void test_broken_of_another_name(void **state)
{
	struct kept *k = *state;
	char path[256];

	file_unref(kept_file(k, "x", 70));
	assert_ok(disk_checkpoint(k->disk));
	(void)reboot(k);
	kept_path(k, "files/not ours", path);
	FILE *other = fopen(path, "w");
	require(other != NULL);
	fclose(other);
	store_fault_broken("not ours", -EIO, true);
	assert_true(disk_unsettled(k->disk));
	store_settle(k->store);
	store_fault_broken(NULL, 0, false);
	assert_false(disk_unsettled(k->disk));
	assert_int_equal(kept_count(k, "files"), 2);
	kept_expect(k, "x", 70);
}

/* Nothing says which are whole, and those that were left cannot be looked at
   for the moment: it is not opened, and none is lost. */
static void test_no_note(void **state)
{
	static const int errors[] = {-EIO, -EACCES, -EMFILE, -EUCLEAN};
	struct kept *k = *state;
	char why[DISK_WHY_SIZE], path[256], saved[256];

	file_unref(kept_file(k, "x", 70));
	assert_ok(disk_checkpoint(k->disk));
	(void)reboot(k);
	kept_path(k, "meta", path);
	kept_path(k, "saved", saved);
	disk_close(k->disk);
	k->disk = NULL;
	assert_int_equal(rename(path, saved), 0);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		bool hit = true;

		for (unsigned n = 1; hit; n++) {
			why[0] = '\0';
			store_fault_arm(n, false, errors[i]);
			assert_true(
			    disk_open(k->path, false, &k->disk, why) < 0);
			hit = store_fault_disarm();
			assert_true(why[0] && access(path, F_OK) < 0);
		}
		store_fault_broken("x", errors[i], false);
		assert_err(
		    disk_open(k->path, false, &k->disk, why), -errors[i]);
		store_fault_broken(NULL, 0, false);
		assert_non_null(strstr(why, "files/x cannot be looked at"));
	}
	assert_int_equal(rename(saved, path), 0);
	assert_ok(disk_open(k->path, false, &k->disk, why));
	kept_restart(k, false);
	kept_restore(k);
	kept_expect(k, "x", 70);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    KEPT_TEST(test_broken),
	    KEPT_TEST(test_marks_that_cannot_be_read),
	    KEPT_TEST(test_fixed),
	    KEPT_TEST(test_fixed_and_replaced),
	    KEPT_TEST(test_fixed_and_not_noted),
	    KEPT_TEST(test_broken_for_a_while),
	    KEPT_TEST(test_too_many_open),
	    KEPT_TEST(test_all_broken),
	    KEPT_TEST(test_broken_at_the_end),
	    KEPT_TEST(test_broken_of_another_name),
	    KEPT_TEST(test_no_note),
	};

	atomic_store(&log_threshold, LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
