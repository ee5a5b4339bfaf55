/* SPDX-License-Identifier: MIT */
/*
 * What anyio's temporary files and directories do, as operations of a queue:
 * each behaviour on every loop, because the seed runs its tests on each of its
 * event loops. The others are in test_aio.c.
 */
#include <errno.h>
#include <string.h>

#include "seeds/loops.h"

/* What the temporary files' calls work on, as arguments of one pointer. */
struct job {
	struct spw_temp_opts opts;
	struct spw_tempfile *file;
	struct spw_tempdir *dir;
	char *path;
	int fd;
	const char *text;
	char buf[64];
};

static struct job job_in(const struct scene *sc)
{
	return (struct job){ .opts = { .size = sizeof(struct spw_temp_opts),
				 .dir = sc->files.path } };
}

static ssize_t make_unnamed(void *arg)
{
	struct job *j = arg;

	return j->fd = spw_temp_file(&j->opts);
}

static ssize_t write_text(void *arg)
{
	struct job *j = arg;

	return j->fd < 0 ? j->fd : write(j->fd, j->text, strlen(j->text));
}

static ssize_t read_back(void *arg)
{
	struct job *j = arg;

	return lseek(j->fd, 0, SEEK_SET) < 0
	    ? -errno
	    : read(j->fd, j->buf, sizeof(j->buf));
}

static ssize_t close_fd(void *arg)
{
	struct job *j = arg;

	return close(j->fd);
}

static void A01_temporary_file(void **state)
{
	(void)state;
	for (int loop = 0; loop < LOOPS; loop++) {
		struct scene sc;

		scene_init(&sc, (enum loop)loop);
		struct job j = job_in(&sc);
		j.text = "temporary file data";
		assert_ok(call(&sc, make_unnamed, &j));
		assert_int_equal(call(&sc, write_text, &j), 19);
		assert_int_equal(call(&sc, read_back, &j), 19);
		assert_memory_equal(j.buf, j.text, 19);
		assert_int_equal(call(&sc, close_fd, &j), 0);
		scene_fini(&sc);
	}
}

static ssize_t make_named(void *arg)
{
	struct job *j = arg;
	int r = spw_tempfile_open(&j->opts, &j->file);

	j->fd = r < 0 ? r : spw_tempfile_fd(j->file);
	return r;
}

static ssize_t close_named(void *arg)
{
	struct job *j = arg;
	int r = spw_tempfile_close(j->file);

	j->fd = spw_tempfile_fd(j->file);
	return r;
}

static void A02_named_temporary_file(void **state)
{
	(void)state;
	for (int loop = 0; loop < LOOPS; loop++) {
		struct scene sc;

		scene_init(&sc, (enum loop)loop);
		struct job j = job_in(&sc);
		j.text = "named temporary file data";
		assert_int_equal(call(&sc, make_named, &j), 0);
		assert_ok(access(spw_tempfile_path(j.file), F_OK));
		assert_int_equal(call(&sc, write_text, &j), 25);
		assert_int_equal(call(&sc, read_back, &j), 25);
		assert_memory_equal(j.buf, j.text, 25);
		assert_int_equal(call(&sc, close_named, &j), 0);
		assert_true(access(spw_tempfile_path(j.file), F_OK) < 0);
		spw_tempfile_free(j.file);
		scene_fini(&sc);
	}
}

static void A03_writing_after_the_scope(void **state)
{
	(void)state;
	for (int loop = 0; loop < LOOPS; loop++) {
		struct scene sc;

		scene_init(&sc, (enum loop)loop);
		struct job j = job_in(&sc);
		j.text = "too late";
		assert_int_equal(call(&sc, make_named, &j), 0);
		assert_int_equal(call(&sc, close_named, &j), 0);
		assert_err((int)call(&sc, write_text, &j), EBADF);
		spw_tempfile_free(j.file);
		scene_fini(&sc);
	}
}

static ssize_t make_directory(void *arg)
{
	struct job *j = arg;

	return spw_tempdir_open(&j->opts, &j->dir);
}

static ssize_t free_directory(void *arg)
{
	struct job *j = arg;

	spw_tempdir_free(j->dir);
	return 0;
}

static ssize_t clean_directory(void *arg)
{
	struct job *j = arg;

	return spw_tempdir_cleanup(j->dir);
}

static ssize_t put_file(void *arg)
{
	struct job *j = arg;
	struct spw_temp_opts o = { .size = sizeof(o), .dir = j->path };
	struct spw_tempfile *t;

	o.flags = SPW_TEMP_KEEP;
	int r = spw_tempfile_open(&o, &t);
	if (r == 0)
		spw_tempfile_free(t);
	return r;
}

/* A directory with a file in it, on every loop. */
static void directory(bool clean, bool write_after)
{
	for (int loop = 0; loop < LOOPS; loop++) {
		struct scene sc;
		char path[256];

		scene_init(&sc, (enum loop)loop);
		struct job j = job_in(&sc);
		assert_int_equal(call(&sc, make_directory, &j), 0);
		snprintf(path, sizeof(path), "%s", spw_tempdir_path(j.dir));
		j.path = path;
		assert_int_equal(call(&sc, put_file, &j), 0);
		assert_int_equal(count_names(path), 1);
		if (clean) {
			assert_int_equal(call(&sc, clean_directory, &j), 0);
			assert_true(access(path, F_OK) < 0);
		}
		assert_int_equal(call(&sc, free_directory, &j), 0);
		assert_true(access(path, F_OK) < 0);
		if (write_after)
			assert_err((int)call(&sc, put_file, &j), ENOENT);
		scene_fini(&sc);
	}
}

static void A10_temporary_directory(void **state)
{
	(void)state;
	directory(false, false);
}

static void A11_explicit_cleanup(void **state)
{
	(void)state;
	directory(true, false);
}

static void A12_writing_into_it_afterwards(void **state)
{
	(void)state;
	directory(false, true);
}

static ssize_t mkstemp_call(void *arg)
{
	struct job *j = arg;

	return j->fd = spw_temp_mkstemp(&j->opts, &j->path);
}

static void A13_mkstemp(void **state)
{
	(void)state;
	for (int loop = 0; loop < LOOPS; loop++) {
		struct scene sc;

		scene_init(&sc, (enum loop)loop);
		struct job j = job_in(&sc);
		j.opts.prefix = "mkstemp_";
		j.opts.suffix = ".txt";
		j.text = "mkstemp data";
		assert_ok(call(&sc, mkstemp_call, &j));
		const char *name = strrchr(j.path, '/') + 1;
		assert_memory_equal(name, "mkstemp_", 8);
		assert_string_equal(name + strlen(name) - 4, ".txt");
		assert_int_equal(call(&sc, write_text, &j), 12);
		assert_int_equal(call(&sc, read_back, &j), 12);
		assert_memory_equal(j.buf, j.text, 12);
		assert_int_equal(call(&sc, close_fd, &j), 0);
		assert_ok(unlink(j.path));
		spw_temp_path_free(j.path);
		scene_fini(&sc);
	}
}

static ssize_t mkdtemp_call(void *arg)
{
	struct job *j = arg;

	return spw_temp_mkdtemp(&j->opts, &j->path);
}

static void A15_mkdtemp(void **state)
{
	(void)state;
	for (int loop = 0; loop < LOOPS; loop++) {
		struct scene sc;
		struct stat st;

		scene_init(&sc, (enum loop)loop);
		struct job j = job_in(&sc);
		j.opts.prefix = "mkdtemp_";
		assert_int_equal(call(&sc, mkdtemp_call, &j), 0);
		assert_ok(stat(j.path, &st));
		assert_true(S_ISDIR(st.st_mode));
		assert_memory_equal(strrchr(j.path, '/'), "/mkdtemp_", 9);
		assert_ok(rmdir(j.path));
		spw_temp_path_free(j.path);
		scene_fini(&sc);
	}
}

static char *real_env(const char *name)
{
	return getenv(name);
}

static ssize_t gettempdir_call(void *arg)
{
	struct job *j = arg;

	return spw_temp_dir(real_env, &j->path);
}

/* The standard library's answer, from the horse's mouth. */
static void ask_python(char *ret, int size)
{
	FILE *f = popen(
	    "python3 -c 'import tempfile; print(tempfile.gettempdir())'", "r");

	assert_non_null(f);
	assert_non_null(fgets(ret, size, f));
	assert_int_equal(pclose(f), 0);
	ret[strcspn(ret, "\n")] = '\0';
}

static void A17_gettempdir(void **state)
{
	const char *old = getenv("TMPDIR");
	char want[256], before[256] = "";

	(void)state;
	if (old)
		snprintf(before, sizeof(before), "%s", old);
	for (int loop = 0; loop < LOOPS; loop++) {
		struct scene sc;
		struct job j;

		scene_init(&sc, (enum loop)loop);
		/* Usable, missing, and not said. */
		for (int i = 0; i < 3; i++) {
			if (i == 2)
				unsetenv("TMPDIR");
			else
				setenv("TMPDIR", i ? "/nowhere" : sc.files.path,
				    1);
			ask_python(want, sizeof(want));
			assert_int_equal(call(&sc, gettempdir_call, &j), 0);
			assert_string_equal(j.path, want);
			spw_temp_path_free(j.path);
		}
		if (*before)
			setenv("TMPDIR", before, 1);
		scene_fini(&sc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(A01_temporary_file),
		cmocka_unit_test(A02_named_temporary_file),
		cmocka_unit_test(A03_writing_after_the_scope),
		cmocka_unit_test(A10_temporary_directory),
		cmocka_unit_test(A11_explicit_cleanup),
		cmocka_unit_test(A12_writing_into_it_afterwards),
		cmocka_unit_test(A13_mkstemp),
		cmocka_unit_test(A15_mkdtemp),
		cmocka_unit_test(A17_gettempdir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * N/A A14: mkstemp of bytes: C has one kind of string.
 * N/A A16: mkdtemp of bytes: the same.
 */
