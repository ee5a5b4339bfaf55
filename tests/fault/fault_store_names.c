/* SPDX-License-Identifier: MIT */
/*
 * Names of kept files that change while something fails, or while somebody
 * else changes them: what is told of the change is what has the name later.
 */
#include "check.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/log.h"
#include "fault/store_sys_fault.h"
#include "unit/server/kept.h"

static int replace_x(struct kept *k)
{
	struct file *f = stored_file(k->store, "x");

	stored_append(f, 90);
	require(spw_spool_seal(f->spool) == 0);
	int r = store_keep_replace(k->store, f, NULL, NULL);
	file_unref(f);
	return r;
}

static bool has(struct kept *k, const char *name)
{
	char path[256];

	kept_path(k, name, path);
	return access(path, F_OK) == 0;
}

/* ---- one that has a mark ------------------------------------------------ */

/* Start anew with x, of which nobody knows whether it is whole, as its mark
   says; and now it can be read again. */
static void mark_x(struct kept *k)
{
	static char which = 'a';
	const _Atomic bool stop = false;

	file_unref(kept_file(k, "x", 70));
	kept_restore(k);
	assert_ok(disk_checkpoint(k->disk));
	kept_reboot(k, which);
	which = which == 'z' ? 'a' : (char)(which + 1);
	store_fault_broken("x", -EUCLEAN, true);
	assert_err(store_restore(k->store, &stop), EIO);
	kept_restore(k);
	store_fault_broken(NULL, 0, false);
	assert_true(has(k, "files/x"));
	assert_true(has(k, "damaged/x"));
}

/* What has the name after another start of the machine. */
static void expect_later(struct kept *k, int r, bool in_doubt)
{
	struct file *f;

	kept_restore(k);
	assert_ok(disk_checkpoint(k->disk));
	kept_reboot(k, '-');
	if (r >= 0)
		kept_expect(k, "x", 90);
	/* Never the old one; that the new one is there was not told. */
	r = store_load(k->store, "x", 1, &f);
	if (r < 0) {
		assert_err(r, ENOENT);
		return;
	}
	assert_int_equal(atomic_load(&f->size), 90);
	assert_true(in_doubt);
	assert_int_equal(store_drop(k->store, f), 1);
	file_unref(f);
}

static void test_marked(void **state)
{
	static const int errors[] = {-EMFILE, -EIO};
	struct kept *k = *state;

	for (unsigned style = 0; style < 4; style++) {
		bool lasting = style & 1, hit = true;
		unsigned n = 1;

		for (; hit; n++) {
			mark_x(k);
			store_fault_arm(n, lasting, errors[style / 2]);
			int r = replace_x(k);
			hit = store_fault_disarm();
			assert_true(hit || r >= 0);
			assert_true(r < 0 || !has(k, "damaged/x"));
			expect_later(k, r, r >= 0 || lasting);
		}
		assert_true(n > 8);
	}
}

/* With fsync it is trusted whatever the folder says. */
static void test_marked_and_waited_for(void **state)
{
	struct kept *k = *state;
	bool hit = true;
	unsigned told = 0;

	for (unsigned n = 1; hit; n++) {
		mark_x(k);
		kept_restart(k, true);
		kept_restore(k);
		store_fault_arm(n, false, -EIO);
		int r = replace_x(k);
		hit = store_fault_disarm();
		told += r >= 0;
		expect_later(k, r, r >= 0);
	}
	/* The folder's opening, the mark's deletion, and none at all. */
	assert_true(told >= 3);
}

struct midst {
	struct kept *k;
	bool marked;
};

static void checkpoint(void *ctx)
{
	struct midst *m = ctx;

	m->marked = has(m->k, "damaged/x");
	assert_ok(disk_checkpoint(m->k->disk));
}

static void nothing(void *ctx)
{
	(void)ctx;
}

/* Has it anything to do? */
static bool is_due(struct kept *k)
{
	store_fault_before(1, nothing, NULL);
	assert_ok(disk_checkpoint(k->disk));
	return store_fault_disarm();
}

/* That the mark is gone is of the next checkpoint, whenever the last was. */
static void test_unmarked_and_noted(void **state)
{
	struct kept *k = *state;
	bool hit = true;
	unsigned marked = 0;

	for (unsigned n = 1; hit; n++) {
		struct midst m = {.k = k};

		mark_x(k);
		while (is_due(k))
			;
		store_fault_before(n, checkpoint, &m);
		assert_true(replace_x(k) >= 0);
		hit = store_fault_disarm();
		assert_true(!m.marked || is_due(k));
		marked += m.marked;
		expect_later(k, 0, true);
	}
	assert_true(marked > 3);
}

/* ---- somebody else ------------------------------------------------------ */

struct outsider {
	struct kept *k;
	unsigned then; /* so many calls later one fails */
};

static void delete_x(void *ctx)
{
	const struct outsider *o = ctx;
	char path[256];

	kept_path(o->k, "files/x", path);
	(void)!unlink(path);
	store_fault_arm(o->then, false, -EIO);
}

static off_t size_of_x(struct kept *k)
{
	char path[256];
	struct stat st;

	kept_path(k, "files/x", path);
	return stat(path, &st) == 0 ? st.st_size : -1;
}

/* The old one is deleted by him at any moment, and then something fails: the
   new one is not there if it was refused. */
static void test_deleted_by_another(void **state)
{
	struct kept *k = *state;
	unsigned refused = 0;

	kept_restart(k, true);
	for (unsigned i = 0; i < 4 * 12; i++) {
		struct outsider o = {k, 1 + i % 4};

		file_unref(kept_file(k, "x", 70));
		store_fault_before(1 + i / 4, delete_x, &o);
		int r = replace_x(k);
		(void)store_fault_disarm();
		refused += r < 0;
		assert_true(r >= 0 || size_of_x(k) != 90);

		struct file *f = store_get(k->store, "x", 1);
		assert_int_equal(store_drop(k->store, f), 1);
		file_unref(f);
		assert_int_equal(kept_count(k, "files"), 0);
	}
	assert_true(refused > 4);
}

/* One that is another user's, and may not be read, may be the one: it is not
   told to be gone while it is there. */
static void test_deleting_what_may_not_be_read(void **state)
{
	struct kept *k = *state;

	for (int sync = 0; sync < 2; sync++) {
		kept_restart(k, sync);
		struct file *f = kept_file(k, "x", 70);
		store_fault_arm(1, false, -EACCES);
		assert_err(store_drop(k->store, f), EACCES);
		assert_true(store_fault_disarm());
		file_unref(f);
		kept_expect(k, "x", 70);
		assert_int_equal(kept_count(k, "files"), 1);

		f = store_get(k->store, "x", 1);
		assert_int_equal(store_drop(k->store, f), 1);
		file_unref(f);
		assert_int_equal(kept_count(k, "files"), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    KEPT_TEST(test_marked),
	    KEPT_TEST(test_marked_and_waited_for),
	    KEPT_TEST(test_unmarked_and_noted),
	    KEPT_TEST(test_deleted_by_another),
	    KEPT_TEST(test_deleting_what_may_not_be_read),
	};

	/* What cannot be done behind is told of there. */
	atomic_store(&log_threshold, LOG_LEVEL_ERROR + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
