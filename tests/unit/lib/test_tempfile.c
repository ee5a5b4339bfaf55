/* SPDX-License-Identifier: MIT */
/* Temporary files: options, places, names, and who may delete. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tempfile.h"
#include "unit/lib/scratch.h"

static void test_options(void **state)
{
	struct spw_temp_opts o = { .size = sizeof(o) - 1 };
	struct spw_tempfile *t = NULL;
	struct spw_tempdir *d = NULL;
	char *path = NULL;

	(void)state;
	assert_err(spw_temp_file(&o), EINVAL);
	assert_err(spw_temp_mkstemp(&o, &path), EINVAL);
	assert_err(spw_temp_mkdtemp(&o, &path), EINVAL);
	assert_err(spw_tempfile_open(&o, &t), EINVAL);
	assert_err(spw_tempdir_open(&o, &d), EINVAL);
	o = (struct spw_temp_opts){ .size = sizeof(o), .flags = 1u << 9 };
	assert_err(spw_tempfile_open(&o, &t), EINVAL);
	o = (struct spw_temp_opts){ .size = sizeof(o), .prefix = "a/b" };
	assert_err(spw_temp_mkstemp(&o, &path), EINVAL);
	o = (struct spw_temp_opts){ .size = sizeof(o), .suffix = "/b" };
	assert_err(spw_temp_mkdtemp(&o, &path), EINVAL);
	o = (struct spw_temp_opts){ .size = sizeof(o) };
	assert_err(spw_temp_mkstemp(&o, NULL), EINVAL);
	assert_err(spw_temp_mkdtemp(&o, NULL), EINVAL);
	assert_err(spw_tempfile_open(&o, NULL), EINVAL);
	assert_err(spw_tempdir_open(&o, NULL), EINVAL);
	assert_err(spw_temp_probe(NULL), EINVAL);
	assert_null(path);
	assert_null(t);
	assert_null(d);
	spw_temp_path_free(NULL);
	spw_tempfile_free(NULL);
	spw_tempdir_free(NULL);
}

static void test_defaults(void **state)
{
	char *path;

	(void)state;
	int fd = spw_temp_file(NULL);
	assert_ok(fd);
	close(fd);
	fd = spw_temp_mkstemp(NULL, &path);
	assert_ok(fd);
	assert_memory_equal(strrchr(path, '/'), "/tmp", 4);
	close(fd);
	assert_ok(unlink(path));
	spw_temp_path_freep(&path);
	assert_ok(spw_temp_mkdtemp(NULL, &path));
	assert_ok(rmdir(path));
	spw_temp_path_free(path);
}

static void test_long_names(void **state)
{
	struct scratch s;
	char part[256];
	char *path;

	(void)state;
	scratch_init(&s);
	memset(part, 'x', sizeof(part));
	for (size_t n = 240; n < 256; n++) {
		part[n] = '\0';
		int fd = spw_temp_mkstemp(
		    TEMP_OPTS(&s, .prefix = part, .suffix = "y"), &path);
		part[n] = 'x';
		if (n + 9 > 255) {
			assert_err(fd, ENAMETOOLONG);
			continue;
		}
		assert_ok(fd);
		assert_int_equal(strlen(path), strlen(s.path) + 1 + n + 9);
		close(fd);
		assert_ok(unlink(path));
		spw_temp_path_free(path);
	}
	scratch_fini(&s);
}

/* Neither a change of directory nor one above that is renamed matters. */
static void test_the_place_is_held_open(void **state)
{
	struct spw_tempfile *t;
	struct spw_tempdir *d;
	struct scratch s;
	char sub[200], moved[200], cwd[4096];

	(void)state;
	scratch_init(&s);
	scratch_path(&s, sub, sizeof(sub), "sub");
	scratch_path(&s, moved, sizeof(moved), "moved");
	assert_ok(mkdir(sub, 0700));
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_ok(chdir(s.path));
	const struct spw_temp_opts o = { .size = sizeof(o), .dir = "sub" };
	assert_ok(spw_tempfile_open(&o, &t));
	assert_ok(spw_tempdir_open(&o, &d));
	assert_memory_equal(spw_tempfile_path(t), sub, strlen(sub));
	assert_memory_equal(spw_tempdir_path(d), sub, strlen(sub));
	assert_ok(chdir(cwd));
	assert_ok(rename(sub, moved));
	spw_tempfile_freep(&t);
	spw_tempdir_freep(&d);
	assert_ok(rmdir(moved));
	scratch_fini(&s);
}

/* A child's copy deletes nothing. */
static void test_after_fork(void **state)
{
	struct spw_tempfile *t;
	struct spw_tempdir *d;
	struct scratch s;
	int status;

	(void)state;
	scratch_init(&s);
	assert_ok(spw_tempfile_open(TEMP_OPTS(&s, .suffix = "f"), &t));
	assert_ok(spw_tempdir_open(TEMP_OPTS(&s, .suffix = "d"), &d));
	pid_t child = fork();
	assert_ok(child);
	if (child == 0) {
		int bad = spw_tempfile_close(t) < 0;

		bad |= spw_tempdir_cleanup(d) < 0;
		spw_tempfile_free(t);
		spw_tempdir_free(d);
		_exit(bad);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_ok(access(spw_tempfile_path(t), F_OK));
	assert_ok(access(spw_tempdir_path(d), F_OK));
	spw_tempfile_free(t);
	spw_tempdir_free(d);
	scratch_fini(&s);
}

static void test_letters_are_fair(void **state)
{
	unsigned seen[256] = { 0 }, kinds = 0;
	char name[SPW__TEMP_RANDOM + 1];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		assert_ok(spw__temp_random(NULL, name));
		assert_int_equal(strlen(name), SPW__TEMP_RANDOM);
		for (int k = 0; k < SPW__TEMP_RANDOM; k++)
			seen[(unsigned char)name[k]]++;
	}
	for (int c = 0; c < 256; c++) {
		kinds += seen[c] > 0;
		/* 432 are expected; a tenth of that is 19 sigma away. */
		assert_true(!seen[c] || seen[c] > 43);
	}
	assert_int_equal(kinds, 37);
}

static unsigned made;

static int count_and_say(int dir_fd, const char *name)
{
	(void)name;
	made++;
	return dir_fd;
}

/* It gives up at last, and at once for anything but a taken name. */
static void test_tries(void **state)
{
	const struct spw__temp_names names = { .prefix = "", .suffix = "",
		.random = spw__temp_random };
	char name[SPW__TEMP_NAME_MAX + 1];

	(void)state;
	made = 0;
	assert_err(spw__temp_make(-EEXIST, &names, count_and_say, name),
	    EEXIST);
	assert_int_equal(made, SPW__TEMP_TRIES);
	assert_err(spw__temp_make(-EACCES, &names, count_and_say, name),
	    EACCES);
	assert_int_equal(made, SPW__TEMP_TRIES + 1);
}

/* Where the file system knows no unnamed files. */
static void test_unnamed_by_a_name(void **state)
{
	struct scratch s;
	struct stat st;

	(void)state;
	scratch_init(&s);
	int dir = spw__sys_open_place(s.path);
	assert_ok(dir);
	int fd = spw__temp_unlinked(dir);
	assert_ok(fd);
	assert_ok(fstat(fd, &st));
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(scratch_count(&s), 0);
	close(fd);
	close(dir);
	scratch_fini(&s);
}

static void test_closing_says_what_failed(void **state)
{
	struct spw_tempfile *t;
	struct scratch s;

	(void)state;
	scratch_init(&s);
	assert_ok(spw_tempfile_open(TEMP_OPTS(&s, .suffix = ""), &t));
	/* Something else has its name now, and cannot be deleted. */
	assert_ok(unlink(spw_tempfile_path(t)));
	assert_ok(mkdir(spw_tempfile_path(t), 0700));
	assert_err(spw_tempfile_close(t), EISDIR);
	assert_err(spw_tempfile_fd(t), EBADF);
	assert_ok(rmdir(spw_tempfile_path(t)));
	assert_ok(spw_tempfile_close(t));
	spw_tempfile_free(t);
	scratch_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_the_place_is_held_open),
		cmocka_unit_test(test_after_fork),
		cmocka_unit_test(test_letters_are_fair),
		cmocka_unit_test(test_tries),
		cmocka_unit_test(test_unnamed_by_a_name),
		cmocka_unit_test(test_closing_says_what_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
