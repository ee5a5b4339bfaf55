/* SPDX-License-Identifier: MIT */
/* Temporary files and directories: when they are deleted, as CPython's
   tempfile has it. Names and places are in test_tempfile.c. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "unit/lib/scratch.h"

static void PN21_directory_mode_0700(void **state)
{
	struct scratch s;
	struct stat st;
	char *path;

	(void)state;
	scratch_init(&s);
	/* The sticky and set-group bits may be inherited. */
	assert_ok(chmod(s.path, 02700));
	for (unsigned mask = 0; mask <= 077; mask += 077) {
		mode_t old = umask(mask);
		int r = spw_temp_mkdtemp(TEMP_OPTS(&s, .suffix = ""), &path);

		umask(old);
		assert_ok(r);
		assert_ok(stat(path, &st));
		assert_int_equal(st.st_mode & 0777, 0700);
		assert_ok(rmdir(path));
		spw_temp_path_free(path);
	}
	scratch_fini(&s);
}

/* A named file with five bytes in it. */
static struct spw_tempfile *named(const struct scratch *s, unsigned flags)
{
	struct spw_tempfile *t;

	assert_ok(spw_tempfile_open(TEMP_OPTS(s, .flags = flags), &t));
	assert_int_equal(write(spw_tempfile_fd(t), "hello", 5), 5);
	assert_ok(access(spw_tempfile_path(t), F_OK));
	return t;
}

static void PN23_gone_when_it_is_closed(void **state)
{
	struct scratch s;

	(void)state;
	scratch_init(&s);
	struct spw_tempfile *t = named(&s, 0);
	assert_int_equal(scratch_count(&s), 1);
	assert_ok(spw_tempfile_close(t));
	assert_int_equal(scratch_count(&s), 0);
	assert_true(access(spw_tempfile_path(t), F_OK) < 0);
	spw_tempfile_free(t);
	scratch_fini(&s);
}

static void PN24_kept(void **state)
{
	struct scratch s;
	struct stat st;
	char path[256];

	(void)state;
	scratch_init(&s);
	struct spw_tempfile *t = named(&s, SPW_TEMP_KEEP);
	snprintf(path, sizeof(path), "%s", spw_tempfile_path(t));
	assert_ok(spw_tempfile_close(t));
	spw_tempfile_free(t);
	assert_ok(stat(path, &st));
	assert_int_equal(st.st_size, 5);
	assert_ok(unlink(path));
	scratch_fini(&s);
}

static void PN25_closed_three_times(void **state)
{
	struct scratch s;

	(void)state;
	scratch_init(&s);
	struct spw_tempfile *t = named(&s, 0);
	for (int i = 0; i < 3; i++) {
		assert_ok(spw_tempfile_close(t));
		assert_err(spw_tempfile_fd(t), EBADF);
	}
	spw_tempfile_free(t);
	scratch_fini(&s);
}

static void PN26_kept_until_the_end_of_the_scope(void **state)
{
	struct scratch s;

	(void)state;
	scratch_init(&s);
	{
		SPW_AUTO(spw_tempfile_freep) struct spw_tempfile *t =
		    named(&s, SPW_TEMP_KEEP_ON_CLOSE);

		assert_ok(spw_tempfile_close(t));
		assert_ok(access(spw_tempfile_path(t), F_OK));
		assert_ok(spw_tempfile_close(t));
		assert_int_equal(scratch_count(&s), 1);
	}
	assert_int_equal(scratch_count(&s), 0);
	scratch_fini(&s);
}

static void PN27_deleted_by_somebody_else(void **state)
{
	static const unsigned flags[] = { 0, SPW_TEMP_KEEP_ON_CLOSE };
	struct scratch s;

	(void)state;
	scratch_init(&s);
	for (int i = 0; i < 2; i++) {
		struct spw_tempfile *t = named(&s, flags[i]);

		assert_ok(unlink(spw_tempfile_path(t)));
		assert_ok(spw_tempfile_close(t));
		spw_tempfile_free(t);
	}
	scratch_fini(&s);
}

static void PN28_keeping_wins(void **state)
{
	struct scratch s;

	(void)state;
	scratch_init(&s);
	struct spw_tempfile *t =
	    named(&s, SPW_TEMP_KEEP | SPW_TEMP_KEEP_ON_CLOSE);
	char path[256];
	snprintf(path, sizeof(path), "%s", spw_tempfile_path(t));
	assert_ok(spw_tempfile_close(t));
	spw_tempfile_free(t);
	assert_ok(unlink(path));
	scratch_fini(&s);
}

/* Without close the end of the scope is the end of the file. */
static void PN29_dropped_without_close(void **state)
{
	struct scratch s;

	(void)state;
	scratch_init(&s);
	for (int i = 0; i < 2; i++) {
		SPW_AUTO(spw_tempfile_freep) struct spw_tempfile *t = named(&s,
		    i ? SPW_TEMP_KEEP_ON_CLOSE : 0);

		assert_int_equal(scratch_count(&s), 1);
	}
	assert_int_equal(scratch_count(&s), 0);
	scratch_fini(&s);
}

/* tests/fault/fault_tempfile.c lets each step of it fail. */
static void PN30_what_fails_leaves_nothing(void **state)
{
	struct spw_tempfile *t = NULL;
	struct scratch s;

	(void)state;
	scratch_init(&s);
	int before = dup(0);
	close(before);
	assert_err(spw_tempfile_open(TEMP_OPTS(&s, .flags = 1u << 20), &t),
	    EINVAL);
	assert_err(spw_tempfile_open(TEMP_OPTS(&s, .suffix = "a/b"), &t),
	    EINVAL);
	char long_name[300];
	memset(long_name, 'x', sizeof(long_name));
	long_name[299] = '\0';
	assert_err(spw_tempfile_open(TEMP_OPTS(&s, .suffix = long_name), &t),
	    ENAMETOOLONG);
	assert_null(t);
	int after = dup(0);
	close(after);
	assert_int_equal(before, after);
	scratch_fini(&s);
}

static void PN31_the_directory_of_an_unnamed_file(void **state)
{
	struct scratch s;
	char buf[8];

	(void)state;
	scratch_init(&s);
	int fd = spw_temp_file(TEMP_OPTS(&s, .suffix = ""));
	assert_ok(fd);
	assert_int_equal(scratch_count(&s), 0);
	scratch_fini(&s);
	/* The directory is gone, the file works. */
	assert_int_equal(write(fd, "hello", 5), 5);
	assert_int_equal(pread(fd, buf, 8, 0), 5);
	close(fd);
}

static void PN33_round_trips(void **state)
{
	static const char texts[][12] = { "a\r\nb\r\n\n\r",
		"\xff\xfe" "h\0i\0\r\0\n\0", "\0\x1a\0\xff" };
	struct scratch s;
	char buf[16];

	(void)state;
	scratch_init(&s);
	for (int i = 0; i < 3; i++) {
		struct spw_tempfile *t = named(&s, 0);
		int fds[2] = { spw_tempfile_fd(t),
			spw_temp_file(TEMP_OPTS(&s, .suffix = "")) };

		for (int k = 0; k < 2; k++) {
			assert_int_equal(pwrite(fds[k], texts[i], 12, 0), 12);
			assert_int_equal(pread(fds[k], buf, 16, 0), 12);
			assert_memory_equal(buf, texts[i], 12);
		}
		close(fds[1]);
		spw_tempfile_free(t);
	}
	scratch_fini(&s);
}

/* A tree: a file, a directory with a file and a directory. */
static void plant(const char *root)
{
	static const char *const dirs[] = { "a", "a/b", "a/b/c" };
	char path[300];

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", root, dirs[i]);
		require(mkdir(path, 0700) == 0);
		snprintf(path, sizeof(path), "%s/%s/file", root, dirs[i]);
		int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		require(fd >= 0);
		close(fd);
	}
}

static struct spw_tempdir *tree(const struct scratch *s, unsigned flags)
{
	struct spw_tempdir *d;

	require(spw_tempdir_open(TEMP_OPTS(s, .flags = flags), &d) == 0);
	plant(spw_tempdir_path(d));
	return d;
}

static void PN34_cleanup(void **state)
{
	const struct spw_temp_opts nowhere = { .size = sizeof(nowhere),
		.dir = "/nowhere/at/all" };
	struct spw_tempdir *d = NULL;
	struct scratch s;

	(void)state;
	scratch_init(&s);
	assert_err(spw_tempdir_open(&nowhere, &d), ENOENT);
	assert_null(d);
	d = tree(&s, 0);
	for (int i = 0; i < 3; i++) {
		assert_ok(spw_tempdir_cleanup(d));
		assert_int_equal(scratch_count(&s), 0);
	}
	spw_tempdir_free(d);
	scratch_fini(&s);
}

static void PN35_links_are_not_followed(void **state)
{
	struct scratch s, other;
	struct stat st;
	char target[256], path[256];

	(void)state;
	scratch_init(&s);
	scratch_init(&other);
	plant(other.path);
	scratch_path(&other, target, sizeof(target), "a");
	assert_ok(chmod(target, 0500));
	struct spw_tempdir *d = tree(&s, 0);
	snprintf(path, sizeof(path), "%s/link", spw_tempdir_path(d));
	assert_ok(symlink(target, path));
	snprintf(path, sizeof(path), "%s/a/b/link", spw_tempdir_path(d));
	assert_ok(symlink(target, path));
	assert_ok(spw_tempdir_cleanup(d));
	assert_ok(stat(target, &st));
	assert_int_equal(st.st_mode & 07777, 0500);
	assert_int_equal(count_names(target), 2);
	spw_tempdir_free(d);
	assert_ok(spw_temp_remove_tree(target));
	scratch_fini(&other);
	scratch_fini(&s);
}

static void forbid_everything(const struct scratch *s)
{
	static const char *const dirs[] = { "/a/b/c", "/a/b", "/a", "" };
	char path[300];

	for (unsigned mode = 0; mode <= 0700; mode += 0100) {
		struct spw_tempdir *d = tree(s, 0);

		for (int i = 0; i < 4; i++) {
			snprintf(path, sizeof(path), "%s%s",
			    spw_tempdir_path(d), dirs[i]);
			require(chmod(path, mode) == 0);
		}
		require(spw_tempdir_cleanup(d) == 0);
		require(scratch_count(s) == 0);
		spw_tempdir_free(d);
	}
}

static void PN36_modes_are_repaired(void **state)
{
	struct scratch s;

	(void)state;
	scratch_init(&s);
	as_nobody(&s, forbid_everything);
	scratch_fini(&s);
}

static void PN37_a_kept_directory(void **state)
{
	struct scratch s;
	char path[256];

	(void)state;
	scratch_init(&s);
	struct spw_tempdir *d = tree(&s, SPW_TEMP_KEEP);
	snprintf(path, sizeof(path), "%s", spw_tempdir_path(d));
	spw_tempdir_free(d);
	assert_int_equal(count_names(path), 1);
	assert_ok(spw_temp_remove_tree(path));

	/* Asked for, it is deleted all the same. */
	d = tree(&s, SPW_TEMP_KEEP);
	assert_ok(spw_tempdir_cleanup(d));
	assert_int_equal(scratch_count(&s), 0);
	spw_tempdir_free(d);
	scratch_fini(&s);
}

static void PN38_dropped_at_the_end_of_the_scope(void **state)
{
	struct scratch s;

	(void)state;
	scratch_init(&s);
	{
		SPW_AUTO(spw_tempdir_freep) struct spw_tempdir *d =
		    tree(&s, 0);

		assert_int_equal(count_names(spw_tempdir_path(d)), 1);
	}
	assert_int_equal(scratch_count(&s), 0);
	scratch_fini(&s);
}

/* Nobody can clean up after this one. */
static void X21_killed(void **state)
{
	struct scratch s;
	int ready[2], status;
	char byte;

	(void)state;
	scratch_init(&s);
	assert_ok(pipe(ready));
	pid_t child = fork();
	assert_ok(child);
	if (child == 0) {
		int fd = spw_temp_file(TEMP_OPTS(&s, .suffix = ""));

		require(fd >= 0 && write(fd, "hello", 5) == 5);
		require(write(ready[1], "x", 1) == 1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_ok(kill(child, SIGKILL));
	assert_int_equal(waitpid(child, &status, 0), child);
	close(ready[0]);
	close(ready[1]);
	scratch_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(PN21_directory_mode_0700),
		cmocka_unit_test(PN23_gone_when_it_is_closed),
		cmocka_unit_test(PN24_kept),
		cmocka_unit_test(PN25_closed_three_times),
		cmocka_unit_test(PN26_kept_until_the_end_of_the_scope),
		cmocka_unit_test(PN27_deleted_by_somebody_else),
		cmocka_unit_test(PN28_keeping_wins),
		cmocka_unit_test(PN29_dropped_without_close),
		cmocka_unit_test(PN30_what_fails_leaves_nothing),
		cmocka_unit_test(PN31_the_directory_of_an_unnamed_file),
		cmocka_unit_test(PN33_round_trips),
		cmocka_unit_test(PN34_cleanup),
		cmocka_unit_test(PN35_links_are_not_followed),
		cmocka_unit_test(PN36_modes_are_repaired),
		cmocka_unit_test(PN37_a_kept_directory),
		cmocka_unit_test(PN38_dropped_at_the_end_of_the_scope),
		cmocka_unit_test(X21_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * PN32 is in tests/fault/fault_tempfile.c: it takes an unlink() that fails.
 *
 * N/A PN29, PN38, the warning: C has no finalisers. What was never freed is
 *     shown by LeakSanitizer; the end of a scope frees with SPW_AUTO().
 * N/A PN38, the exit of a process: it runs no code of the library. An unnamed
 *     file needs none (X21).
 */
