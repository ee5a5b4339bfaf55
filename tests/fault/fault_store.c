/* SPDX-License-Identifier: MIT */
/*
 * Files that survive, with every call on their directory failing in turn:
 * what was said to survive does, what was not is not there by halves, and the
 * old one stays where a new one does not come.
 */
#include "check.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/metrics.h"
#include "fault/store_sys_fault.h"
#include "store/fsck.h"
#include "unit/server/kept.h"

static const int ERRORS[] = {-EIO, -ENOSPC};
#define STYLES 4

static bool is_fault(int r)
{
	return r == -EIO || r == -ENOSPC;
}

struct fault {
	unsigned nth;
	bool persistent;
	int error;
};

static void arm(const struct fault *how)
{
	store_fault_arm(how->nth, how->persistent, how->error);
}

/* Have every call of a scenario fail, once and for good. */
static void torture(struct kept *k,
    void (*scenario)(struct kept *k, const struct fault *how, int *ret_hit),
    unsigned least)
{
	for (unsigned style = 0; style < STYLES; style++) {
		struct fault how = {1, style & 1, ERRORS[style / 2]};
		int hit = 1;

		/* With a sync for each change. */
		kept_restart(k, true);
		for (; hit; how.nth++)
			scenario(k, &how, &hit);
		assert_true(how.nth > least);
	}
}

static struct file *sealed(struct kept *k, size_t len)
{
	struct file *f = stored_file(k->store, "x");

	stored_append(f, len);
	require(spw_spool_seal(f->spool) == 0);
	return f;
}

/* Restart, and see what is there: `len`, or none for 0. */
static void expect_after(struct kept *k, size_t len)
{
	kept_restart(k, true);
	kept_restore(k);
	if (len)
		kept_expect(k, "x", len);
	else
		kept_expect_none(k, "x");
	assert_int_equal(kept_count(k, "passing"), 0);
	struct file *f = store_get(k->store, "x", 1);
	if (f)
		assert_int_equal(store_drop(k->store, f), 1);
	file_unref(f);
	assert_int_equal(kept_count(k, "files"), 0);
}

static void keep(struct kept *k, const struct fault *how, int *ret_hit)
{
	struct file *f = sealed(k, 100);

	require(store_add(k->store, f) == 0);
	arm(how);
	int r = store_keep(k->store, f);
	*ret_hit = store_fault_disarm();
	assert_true(r == 0 || (*ret_hit && is_fault(r)));
	if (r == 0)
		file_ready(f);
	else
		store_remove(k->store, f);
	file_unref(f);
	/* With every call failing from there on, it cannot be taken back. */
	kept_restart(k, true);
	if (r < 0 && kept_count(k, "files")) {
		struct file *left;

		assert_ok(store_load(k->store, "x", 1, &left));
		assert_int_equal(store_drop(k->store, left), 1);
		file_unref(left);
	}
	expect_after(k, r == 0 ? 100 : 0);
}

static void test_keeping(void **state)
{
	torture(*state, keep, 5);
}

/* Where every call failed from one on, the names may not have been changed
   back: then it is one of the two all the same. */
static void expect_either(struct kept *k)
{
	struct file *f;

	kept_restart(k, true);
	assert_ok(store_load(k->store, "x", 1, &f));
	uint64_t size = atomic_load(&f->size);
	file_unref(f);
	assert_true(size == 70 || size == 200);
	expect_after(k, (size_t)size);
}

static void replace(struct kept *k, const struct fault *how, int *ret_hit)
{
	struct file *old = kept_file(k, "x", 70), *f = sealed(k, 200);
	uint8_t bytes[201];

	arm(how);
	int r = store_keep_replace(k->store, f, old, NULL);
	*ret_hit = store_fault_disarm();
	assert_true(r == 1 || (*ret_hit && is_fault(r)));
	/* Whoever asks now is told of what was said; and where the names could
	   not be changed back, of what the disk has. */
	struct file *now = store_get(k->store, "x", 1);
	ssize_t size = spw_spool_pread(now->spool, bytes, 201, 0);
	assert_true(size == (r == 1 ? 200 : 70) ||
	    (size == 200 && how->persistent));
	file_unref(now);
	file_unref(old);
	file_unref(f);
	if (r < 0 && how->persistent)
		expect_either(k);
	else
		expect_after(k, r == 1 ? 200 : 70);
}

static void test_replacing(void **state)
{
	torture(*state, replace, 8);
}

static void drop(struct kept *k, const struct fault *how, int *ret_hit)
{
	struct file *f = kept_file(k, "x", 70);

	arm(how);
	int r = store_drop(k->store, f);
	*ret_hit = store_fault_disarm();
	assert_true(r == 1 || (*ret_hit && is_fault(r)));
	/* It can be tried again until it is so. */
	if (r < 0)
		assert_int_equal(store_drop(k->store, f), 1);
	file_unref(f);
	expect_after(k, 0);
}

static void test_dropping(void **state)
{
	torture(*state, drop, 4);
}

static void test_finding(void **state)
{
	struct kept *k = *state;
	bool hit = true;

	file_unref(kept_file(k, "x", 70));
	kept_restart(k, true);
	for (unsigned n = 1; hit; n++) {
		struct file *f = NULL;

		store_fault_arm(n, false, -EIO);
		int r = store_load(k->store, "x", 1, &f);
		hit = store_fault_disarm();
		assert_true(r == 0 || (hit && r == -EIO));
		file_unref(f);
		kept_expect(k, "x", 70);
		kept_restart(k, true);
	}
	expect_after(k, 70);
}

/* What could not be read is neither lost nor taken for absent. */
static void test_restoring(void **state)
{
	struct kept *k = *state;
	const _Atomic bool stop = false;
	bool hit = true;

	file_unref(kept_file(k, "x", 70));
	file_unref(kept_file(k, "y", 70));
	for (unsigned n = 1; hit; n++) {
		kept_restart(k, true);
		store_fault_arm(n, false, -EIO);
		int r = store_restore(k->store, &stop);
		hit = store_fault_disarm();
		assert_true(r == 0 || (hit && r == -EIO));
		assert_int_equal(store_restoring(k->store), r < 0);
		kept_expect(k, "x", 70);
		kept_expect(k, "y", 70);
		kept_restore(k);
	}
}

static void test_opening(void **state)
{
	struct kept *k = *state;
	bool hit = true;

	file_unref(kept_file(k, "x", 70));
	disk_close(k->disk);
	long before = store_fault_open();
	for (unsigned n = 1; hit; n++) {
		char why[DISK_WHY_SIZE] = "";

		k->disk = NULL;
		store_fault_arm(n, false, -EIO);
		int r = disk_open(k->path, true, &k->disk, why);
		hit = store_fault_disarm();
		assert_true(r == 0 || (hit && r == -EIO && why[0]));
		if (r == 0)
			disk_close(k->disk);
		assert_int_equal(store_fault_open(), before);
	}
	char why[DISK_WHY_SIZE];
	store_fault_arm(1, true, -EOPNOTSUPP);
	assert_true(disk_open(k->path, true, &k->disk, why) < 0);
	store_fault_disarm();
	assert_ok(disk_open(k->path, true, &k->disk, why));
}

/* Folders that were removed are made again, or it is tried again. */
static void test_probing(void **state)
{
	struct kept *k = *state;
	char path[256];
	bool hit = true;

	for (unsigned n = 1; hit; n++) {
		assert_int_equal(disk_probe(k->disk), 0);
		snprintf(path, sizeof(path), "%s/files", k->path);
		assert_int_equal(rmdir(path), 0);
		snprintf(path, sizeof(path), "%s/passing", k->path);
		assert_int_equal(rmdir(path), 0);
		long before = store_fault_open();
		store_fault_arm(n, false, -EIO);
		int r = disk_probe(k->disk);
		hit = store_fault_disarm();
		assert_true(r == 1 || (hit && r == -EIO));
		assert_int_equal(store_fault_open(), before);
		if (r < 0)
			assert_int_equal(disk_probe(k->disk), 1);
		file_unref(kept_file(k, "x", 70));
		expect_after(k, 70);
	}
}

/* A file system without attributes says so when it is asked for the first. */
static void test_no_attributes(void **state)
{
	struct kept *k = *state;
	bool told = false;
	bool hit = true;

	disk_close(k->disk);
	for (unsigned n = 1; hit; n++) {
		char why[DISK_WHY_SIZE] = "";

		store_fault_arm(n, false, -EOPNOTSUPP);
		int r = disk_open(k->path, false, &k->disk, why);
		hit = store_fault_disarm();
		if (r == 0)
			disk_close(k->disk);
		told |= strstr(why, "extended attributes") != NULL;
	}
	assert_true(told);
	char why[DISK_WHY_SIZE];
	assert_ok(disk_open(k->path, false, &k->disk, why));
}

static void drop_one(struct kept *k, const char *id)
{
	struct file *f = store_get(k->store, id, strlen(id));

	assert_non_null(f);
	assert_int_equal(store_drop(k->store, f), 1);
	file_unref(f);
}

static void test_checkpoint(void **state)
{
	struct kept *k = *state;
	bool hit = true;
	int losses = 0;

	for (unsigned n = 1; hit; n++) {
		kept_restart(k, false);
		kept_restore(k);
		file_unref(kept_file(k, "x", 70));
		store_fault_arm(n, false, -EIO);
		int r = disk_checkpoint(k->disk);
		hit = store_fault_disarm();
		assert_int_equal(r, hit ? -EIO : 0);
		file_unref(kept_file(k, "y", 70));
		/* Of one that failed it is not known what it has. */
		kept_reboot(k, 'a');
		if (hit && n < 3)
			kept_expect_none(k, "x");
		kept_expect_none(k, "y");
		/* It is due until it has been done, and then has both, also
		   when whoever failed is killed; but what the system could not
		   write may be lost, whatever it says later. */
		file_unref(kept_file(k, "x", 70));
		kept_restore(k);
		int64_t before = metrics_get(METRIC_STORE_SYNC_FAILURES);
		store_fault_arm(n, false, -EIO);
		(void)!disk_checkpoint(k->disk);
		(void)store_fault_disarm();
		bool lost = metrics_get(METRIC_STORE_SYNC_FAILURES) > before;
		losses += lost;
		file_unref(kept_file(k, "y", 70));
		if (n & 1) {
			kept_restart(k, false);
			kept_restore(k);
		}
		assert_ok(disk_checkpoint(k->disk));
		kept_reboot(k, 'b');
		kept_expect(k, "y", 70);
		drop_one(k, "y");
		if (lost) {
			kept_expect_none(k, "x");
			continue;
		}
		kept_expect(k, "x", 70);
		drop_one(k, "x");
	}
	assert_int_equal(losses, 2);
}

/* What is not to be trusted never is, though it cannot be deleted at first. */
static void test_untrusted(void **state)
{
	struct kept *k = *state;
	const _Atomic bool stop = false;
	bool hit = true;

	for (unsigned n = 1; hit; n++) {
		file_unref(kept_file(k, "x", 70));
		kept_reboot(k, 'a');
		store_fault_arm(n, false, -EIO);
		int r = store_restore(k->store, &stop);
		hit = store_fault_disarm();
		assert_true(r == 0 || (hit && r == -EIO));
		file_unref(kept_file(k, "y", 70));
		assert_ok(disk_checkpoint(k->disk));
		kept_reboot(k, 'b');
		kept_expect_none(k, "x");
		kept_expect(k, "y", 70);
		drop_one(k, "y");
		kept_restore(k);
		assert_int_equal(kept_count(k, "files"), 0);
		assert_ok(disk_checkpoint(k->disk));
	}
}

/* Neither does one that stops before it has looked through them. */
static void test_settling(void **state)
{
	struct kept *k = *state;
	bool hit = true;

	for (unsigned n = 1; hit; n++) {
		file_unref(kept_file(k, "x", 70));
		kept_reboot(k, 'a');
		file_unref(kept_file(k, "y", 80));
		assert_ok(disk_checkpoint(k->disk));
		kept_reboot(k, 'b');
		file_unref(kept_file(k, "z", 90));
		store_fault_arm(n, false, -EIO);
		store_settle(k->store);
		hit = store_fault_disarm();
		assert_true(hit || !disk_unsettled(k->disk));
		store_settle(k->store);
		assert_false(disk_unsettled(k->disk));
		assert_ok(disk_checkpoint(k->disk));
		kept_reboot(k, 'c');
		kept_expect_none(k, "x");
		kept_expect(k, "y", 80);
		kept_expect(k, "z", 90);
		drop_one(k, "y");
		drop_one(k, "z");
		kept_restore(k);
		assert_ok(disk_checkpoint(k->disk));
	}
}

static int check_spool(struct kept *k, struct fsck_result *ret)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	require(out != NULL);
	int r = fsck_run(k->path, true, out, ret);
	fclose(out);
	free(text);
	return r;
}

/* What cannot be read now is not deleted for it; what is to go goes. */
static void test_checking(void **state)
{
	struct kept *k = *state;
	char why[DISK_WHY_SIZE], dir[256], inner[256];
	struct fsck_result found;
	bool hit = true;

	file_unref(kept_file(k, "x", 70));
	disk_close(k->disk);
	k->disk = NULL;
	kept_path(k, "files/d", dir);
	kept_path(k, "files/d/e", inner);
	for (unsigned n = 1; hit; n++) {
		assert_true(mkdir(dir, 0700) == 0 || errno == EEXIST);
		assert_true(mkdir(inner, 0700) == 0 || errno == EEXIST);
		long before = store_fault_open();
		store_fault_arm(n, false, -EIO);
		int r = check_spool(k, &found);
		hit = store_fault_disarm();
		assert_true(r == 0 || (hit && r == -EIO));
		assert_int_equal(store_fault_open(), before);
		assert_ok(check_spool(k, &found));
		assert_int_equal(found.files, 1);
		assert_int_equal(found.bad, found.repaired);
		assert_int_equal(kept_count(k, "files"), 1);
	}
	for (unsigned n = 1; n < 4; n++) {
		store_fault_arm(n, false, -EIO);
		assert_int_equal(
		    disk_check_free(k->path, why), n < 3 ? -EIO : 0);
		(void)store_fault_disarm();
	}
	assert_ok(disk_open(k->path, false, &k->disk, why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    KEPT_TEST(test_keeping),
	    KEPT_TEST(test_replacing),
	    KEPT_TEST(test_dropping),
	    KEPT_TEST(test_finding),
	    KEPT_TEST(test_restoring),
	    KEPT_TEST(test_opening),
	    KEPT_TEST(test_probing),
	    KEPT_TEST(test_no_attributes),
	    KEPT_TEST(test_checkpoint),
	    KEPT_TEST(test_untrusted),
	    KEPT_TEST(test_settling),
	    KEPT_TEST(test_checking),
	};

	/* What is removed behind may fail, and is told of there. */
	atomic_store(&log_threshold, LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
