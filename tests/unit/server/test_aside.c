/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "kept.h"
#include "store/aside.h"
#include "store/place.h"

static void make_dir(struct kept *k, const char *name)
{
	char path[256];

	kept_path(k, name, path);
	assert_int_equal(mkdir(path, 0700), 0);
}

static int open_dir(struct kept *k)
{
	int dir = open(k->path, O_RDONLY | O_DIRECTORY);

	assert_true(dir >= 0);
	return dir;
}

static void test_marks(void **state)
{
	struct kept *k = *state;
	int dir = open_dir(k);

	assert_false(aside_may_have_marks(dir));
	assert_int_equal(aside_has_mark(dir, "x"), 0);
	assert_int_equal(aside_drop_mark(dir, "x"), 0);
	make_dir(k, PLACE_DAMAGED);
	assert_true(aside_may_have_marks(dir));
	assert_int_equal(aside_has_mark(dir, "x"), 0);
	kept_touch(k, PLACE_DAMAGED "/x");
	assert_int_equal(aside_has_mark(dir, "x"), 1);
	assert_int_equal(aside_has_mark(dir, "y"), 0);
	assert_int_equal(aside_drop_mark(dir, "y"), 0);
	assert_int_equal(aside_drop_mark(dir, "x"), 1);
	assert_int_equal(aside_drop_mark(dir, "x"), 0);
	assert_int_equal(aside_has_mark(dir, "x"), 0);

	/* A folder in it is somebody's. */
	make_dir(k, PLACE_DAMAGED "/x");
	assert_int_equal(aside_has_mark(dir, "x"), 0);
	assert_int_equal(aside_drop_mark(dir, "x"), 0);
	assert_int_equal(kept_count(k, PLACE_DAMAGED), 1);
	close(dir);
}

/* What is there instead of the folder. */
enum other { OTHER_FILE, OTHER_LINK, OTHER_LOST_LINK, OTHER_PIPE, OTHERS };

static void make_other(struct kept *k, enum other what)
{
	char path[256];

	kept_path(k, PLACE_DAMAGED, path);
	if (what == OTHER_FILE)
		kept_touch(k, PLACE_DAMAGED);
	else if (what == OTHER_PIPE)
		assert_int_equal(mkfifo(path, 0600), 0);
	else
		assert_int_equal(
		    symlink(what == OTHER_LINK ? "files" : "gone", path), 0);
}

static void remove_other(struct kept *k)
{
	char path[256];

	kept_path(k, PLACE_DAMAGED, path);
	assert_int_equal(unlink(path), 0);
}

static void test_no_folder(void **state)
{
	struct kept *k = *state;
	int dir = open_dir(k);

	file_unref(kept_file(k, "x", 70));
	for (enum other what = 0; what < OTHERS; what++) {
		make_other(k, what);
		assert_false(aside_may_have_marks(dir));
		assert_int_equal(aside_has_mark(dir, "x"), 0);
		assert_int_equal(aside_drop_mark(dir, "x"), 0);
		assert_true(aside_is_none(aside_open(dir)));
		remove_other(k);
	}
	assert_int_equal(kept_count(k, "files"), 1);
	close(dir);
}

/* It keeps no file of an earlier start from being found, nor another from
   its place; but nothing can be put there. */
static void test_files_beside_it(void **state)
{
	struct kept *k = *state;

	for (enum other what = 0; what < OTHERS; what++) {
		file_unref(kept_file(k, "x", 70));
		kept_restore(k);
		assert_ok(disk_checkpoint(k->disk));
		/* One that comes while it runs, and one that it finds. */
		if (what & 1)
			make_dir(k, PLACE_DAMAGED);
		else
			make_other(k, what);
		kept_reboot(k, (char)('a' + what));
		if (what & 1) {
			char path[256];

			kept_path(k, PLACE_DAMAGED, path);
			assert_int_equal(rmdir(path), 0);
			make_other(k, what);
		}
		kept_expect(k, "x", 70);
		kept_restore(k);
		assert_true(disk_set_aside(k->disk, "x") < 0);
		kept_expect(k, "x", 70);
		struct file *f = store_get(k->store, "x", 1);
		assert_int_equal(store_drop(k->store, f), 1);
		file_unref(f);
		remove_other(k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    KEPT_TEST(test_marks),
	    KEPT_TEST(test_no_folder),
	    KEPT_TEST(test_files_beside_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
