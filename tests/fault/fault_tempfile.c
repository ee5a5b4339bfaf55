/* SPDX-License-Identifier: MIT */
/* Making and deleting temporary files, with every call failing in turn. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "fault/fault.h"
#include "tempfile.h"
#include "unit/lib/scratch.h"

/* Make something and let it go. Returns: how making it went. */
typedef int (*make_fn)(const struct scratch *s);

static int make_unnamed(const struct scratch *s)
{
	int fd = spw_temp_file(TEMP_OPTS(s, .suffix = ""));

	if (fd >= 0)
		(void)spw__sys_close(fd);
	return fd;
}

/* Where the file system knows no unnamed files. */
static int make_unlinked(const struct scratch *s)
{
	int dir = spw__sys_open_place(s->path);
	if (dir < 0)
		return dir;

	int fd = spw__temp_unlinked(dir);
	if (fd >= 0)
		(void)spw__sys_close(fd);
	(void)spw__sys_close(dir);
	return fd;
}

static int make_mkstemp(const struct scratch *s)
{
	char *path;
	int fd = spw_temp_mkstemp(TEMP_OPTS(s, .suffix = ""), &path);

	if (fd >= 0) {
		(void)spw__sys_close(fd);
		assert_ok(unlink(path));
		spw_temp_path_free(path);
	}
	return fd;
}

static int make_mkdtemp(const struct scratch *s)
{
	char *path;
	int r = spw_temp_mkdtemp(TEMP_OPTS(s, .suffix = ""), &path);

	if (r == 0) {
		assert_ok(rmdir(path));
		spw_temp_path_free(path);
	}
	return r;
}

static int make_file(const struct scratch *s)
{
	struct spw_tempfile *t = NULL;
	int r = spw_tempfile_open(TEMP_OPTS(s, .suffix = ""), &t);

	assert_int_equal(t != NULL, r == 0);
	if (r == 0)
		(void)unlink(spw_tempfile_path(t));
	spw_tempfile_free(t);
	return r;
}

static int make_dir(const struct scratch *s)
{
	struct spw_tempdir *d = NULL;
	int r = spw_tempdir_open(TEMP_OPTS(s, .suffix = ""), &d);

	assert_int_equal(d != NULL, r == 0);
	if (r == 0)
		(void)rmdir(spw_tempdir_path(d));
	spw_tempdir_free(d);
	return r;
}

static int make_probe(const struct scratch *s)
{
	return spw_temp_probe(s->path);
}

static char *scratch_dir;

static char *env(const char *name)
{
	return strcmp(name, "TMPDIR") == 0 ? scratch_dir : NULL;
}

static int make_default(const struct scratch *s)
{
	char *path;

	(void)s;
	int r = spw_temp_dir(env, &path);
	if (r == 0)
		spw_temp_path_free(path);
	return r;
}

static int make_here(const struct scratch *s)
{
	const struct spw_temp_opts here = { .size = sizeof(here), .dir = "." };

	(void)s;
	return spw_temp_file(&here);
}

static bool is_fault(int r)
{
	return r == -ENOMEM || r == -EMFILE || r == -ENFILE || r == -EIO ||
	    r == -ENOSPC || r == -ENOENT || r == -EOPNOTSUPP || r == -ERANGE ||
	    r == -EBUSY;
}

/* Only what deletes may leave a name: when deleting is what fails. */
static void sweep(const struct scratch *s)
{
	DIR *d = opendir(s->path);
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(d), e->d_name, 0) < 0)
			assert_ok(unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR));
	}
	closedir(d);
}

static void fail_each(make_fn make, bool deletes)
{
	struct scratch s;

	scratch_init(&s);
	scratch_dir = s.path;
	for (int way = 0; way < 2 * FAULT_STYLES; way++) {
		bool hit = true;

		for (unsigned n = 1; hit; n++) {
			fault_arm(n, way % 2, (enum fault_style)(way / 2));
			int r = make(&s);
			hit = fault_disarm();
			assert_true(r >= 0 || (hit && is_fault(r)));
			assert_int_equal(fault_held(), 0);
			/* For good: then taking back fails as well. */
			if (deletes || way % 2)
				sweep(&s);
			assert_int_equal(scratch_count(&s), 0);
			assert_true(n < 200);
		}
	}
	scratch_fini(&s);
}

static void test_unnamed(void **state)
{
	(void)state;
	fail_each(make_unnamed, false);
}

/* The descriptor is closed, and the error reported. */
static void PN32_unlink_fails(void **state)
{
	struct scratch s;

	(void)state;
	fail_each(make_unlinked, true);
	scratch_init(&s);
	int dir = spw__sys_open_place(s.path);
	assert_ok(dir);
	long before = fault_held();
	/* The third call, after the name and the file. */
	fault_arm(3, false, FAULT_BROKEN);
	assert_err(spw__temp_unlinked(dir), EIO);
	assert_true(fault_disarm());
	assert_int_equal(fault_held(), before);
	(void)spw__sys_close(dir);
	assert_int_equal(scratch_count(&s), 1);
	sweep(&s);
	scratch_fini(&s);
	assert_int_equal(fault_held(), 0);
}

static void test_mkstemp(void **state)
{
	(void)state;
	fail_each(make_mkstemp, false);
}

static void test_mkdtemp(void **state)
{
	(void)state;
	fail_each(make_mkdtemp, false);
}

static void test_named_files(void **state)
{
	(void)state;
	fail_each(make_file, false);
}

static void test_directories(void **state)
{
	(void)state;
	fail_each(make_dir, false);
}

static void test_probing(void **state)
{
	(void)state;
	fail_each(make_probe, true);
	fail_each(make_default, true);
}

static int close_here(const struct scratch *s)
{
	int fd = make_here(s);

	if (fd >= 0)
		(void)spw__sys_close(fd);
	return fd;
}

static void test_the_current_directory(void **state)
{
	char cwd[4096];
	struct scratch s;

	(void)state;
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	scratch_init(&s);
	assert_ok(chdir(s.path));
	fail_each(close_here, false);
	assert_int_equal(scratch_count(&s), 0);
	assert_ok(chdir(cwd));
	scratch_fini(&s);
}

/* A tree as deep as it takes to have directories moved to the top. */
static void plant(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; i < 19; i++) {
		assert_ok(fd);
		assert_ok(mkdirat(fd, "d", 0700));
		int sub = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_ok(sub);
		int file = openat(sub, "f", O_CREAT | O_CLOEXEC, 0600);
		assert_ok(file);
		close(file);
		close(fd);
		fd = sub;
	}
	close(fd);
}

/* Told, and tried again, it is gone. */
static void test_deleting_a_tree(void **state)
{
	struct scratch s;

	(void)state;
	scratch_init(&s);
	for (int way = 0; way < 2 * FAULT_STYLES; way++) {
		bool hit = true;

		for (unsigned n = 1; hit; n += n < 60 ? 1 : 5) {
			struct spw_tempdir *d;

			assert_ok(spw_tempdir_open(
			    TEMP_OPTS(&s, .suffix = ""), &d));
			plant(spw_tempdir_path(d));
			long before = fault_held();
			fault_arm(n, way % 2, (enum fault_style)(way / 2));
			int r = spw_tempdir_cleanup(d);
			hit = fault_disarm();
			assert_true(r == 0 || (hit && is_fault(r)));
			assert_int_equal(scratch_count(&s), r < 0);
			assert_int_equal(fault_held(), before);
			assert_ok(spw_tempdir_cleanup(d));
			assert_int_equal(scratch_count(&s), 0);
			spw_tempdir_free(d);
			assert_int_equal(fault_held(), 0);
		}
	}
	scratch_fini(&s);
}

/* A directory in a tree that turns into a link out of it. */
struct swap {
	char dir[256], moved[256], target[128];
};

static void swap(void *arg)
{
	const struct swap *s = arg;

	/* Unless it is gone already, or was moved. */
	if (rename(s->dir, s->moved) == 0)
		assert_ok(symlink(s->target, s->dir));
}

static void extend(char *path, size_t size, const char *name)
{
	size_t n = strlen(path);

	assert_true((size_t)snprintf(path + n, size - n, "%s", name) <
	    size - n);
}

/* `depth` is of the directory that is swapped, at the `nth` call. */
static bool swap_while_deleting(const struct scratch *s, unsigned depth,
    unsigned nth)
{
	struct swap how = { .target = "" };
	struct spw_tempdir *d;

	assert_ok(spw_tempdir_open(TEMP_OPTS(s, .suffix = ""), &d));
	plant(spw_tempdir_path(d));
	extend(how.dir, sizeof(how.dir), spw_tempdir_path(d));
	/* Relative, or it might lead over a mount. */
	for (unsigned i = 0; i < depth; i++) {
		extend(how.dir, sizeof(how.dir), "/d");
		extend(how.target, sizeof(how.target), "../");
	}
	extend(how.target, sizeof(how.target), "target");
	scratch_path(s, how.moved, sizeof(how.moved), "moved");

	fault_before(swap, &how);
	fault_arm(nth, false, FAULT_BROKEN);
	(void)spw_tempdir_cleanup(d);
	bool hit = fault_disarm();
	fault_before(NULL, NULL);
	assert_ok(spw_tempdir_cleanup(d));
	assert_ok(spw_temp_remove_tree(how.moved));
	spw_tempdir_free(d);
	assert_int_equal(scratch_count(s), 1);
	return hit;
}

/* Whenever that happens, nothing outside of the tree is touched. */
static void PN35_a_directory_that_becomes_a_link(void **state)
{
	static const unsigned depths[] = { 1, 2, 17 };
	char target[256], inside[256];
	struct scratch s;
	struct stat st;

	(void)state;
	scratch_init(&s);
	scratch_path(&s, target, sizeof(target), "target");
	scratch_path(&s, inside, sizeof(inside), "target/inside");
	assert_ok(mkdir(target, 0700));
	assert_ok(mkdir(inside, 0500));
	assert_ok(chmod(target, 0500));
	for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		unsigned n = 1;

		while (swap_while_deleting(&s, depths[i], n)) {
			n++;
			assert_ok(stat(target, &st));
			assert_int_equal(st.st_mode & 07777, 0500);
			assert_ok(stat(inside, &st));
			assert_int_equal(st.st_mode & 07777, 0500);
		}
		assert_true(n > 20);
	}
	assert_ok(spw_temp_remove_tree(target));
	scratch_fini(&s);
}

static void close_and_free(const struct scratch *s, unsigned n,
    bool persistent, enum fault_style style, bool *hit)
{
	struct spw_tempfile *t;

	assert_ok(spw_tempfile_open(TEMP_OPTS(s, .suffix = ""), &t));
	fault_arm(n, persistent, style);
	int r = spw_tempfile_close(t);
	*hit = fault_disarm();
	assert_int_equal(r < 0, *hit);
	assert_err(spw_tempfile_fd(t), EBADF);
	/* What could not be deleted is, now. */
	assert_ok(spw_tempfile_close(t));
	assert_int_equal(scratch_count(s), 0);
	spw_tempfile_free(t);
	assert_int_equal(fault_held(), 0);
}

static void test_closing_a_file(void **state)
{
	struct scratch s;

	(void)state;
	scratch_init(&s);
	for (int way = 0; way < 2 * FAULT_STYLES; way++) {
		bool hit = true;

		for (unsigned n = 1; hit; n++)
			close_and_free(&s, n, way % 2,
			    (enum fault_style)(way / 2), &hit);
	}
	scratch_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unnamed),
		cmocka_unit_test(PN32_unlink_fails),
		cmocka_unit_test(test_mkstemp),
		cmocka_unit_test(test_mkdtemp),
		cmocka_unit_test(test_named_files),
		cmocka_unit_test(test_directories),
		cmocka_unit_test(test_probing),
		cmocka_unit_test(test_the_current_directory),
		cmocka_unit_test(test_deleting_a_tree),
		cmocka_unit_test(PN35_a_directory_that_becomes_a_link),
		cmocka_unit_test(test_closing_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
