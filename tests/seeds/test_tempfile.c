/* SPDX-License-Identifier: MIT */
/* Where temporary files are made, as CPython's tempfile has it. Their names
   are in test_tempname.c, directories and deleting in test_tempdir.c. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "unit/lib/scratch.h"

/* An environment of three. */
static char *tmpdir, *temp, *tmp;

static char *env(const char *name)
{
	return strcmp(name, "TMPDIR") == 0 ? tmpdir
	    : strcmp(name, "TEMP") == 0    ? temp
	    : strcmp(name, "TMP") == 0     ? tmp
					   : NULL;
}

static void expect_default(spw_temp_env_fn e, const char *want)
{
	char *path;

	require(spw_temp_dir(e, &path) == 0);
	require(strcmp(path, want) == 0);
	spw_temp_path_free(path);
}

/* Where there is no /tmp: the current directory is the last that is tried. */
static void in_a_bare_root(const struct scratch *s)
{
	int status;
	pid_t child = fork();

	assert_ok(child);
	if (child == 0) {
		require(getuid() == 0 || unshare(CLONE_NEWUSER) == 0);
		require(chroot(s->path) == 0 && chdir("/c") == 0);
		expect_default(NULL, "/c");
		require(mkdir("/usr", 0700) == 0);
		require(mkdir("/usr/tmp", 0700) == 0);
		expect_default(NULL, "/usr/tmp");
		require(mkdir("/var", 0700) == 0);
		require(mkdir("/var/tmp", 0700) == 0);
		expect_default(NULL, "/var/tmp");
		require(mkdir("/tmp", 0700) == 0);
		expect_default(NULL, "/tmp");
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void PN04_candidates(void **state)
{
	char a[160], b[160], c[160], path[200];
	struct scratch s;

	(void)state;
	scratch_init(&s);
	scratch_path(&s, a, sizeof(a), "a");
	scratch_path(&s, b, sizeof(b), "b");
	scratch_path(&s, c, sizeof(c), "c");
	assert_ok(mkdir(a, 0700));
	assert_ok(mkdir(b, 0700));
	assert_ok(mkdir(c, 0700));
	tmpdir = a;
	temp = b;
	tmp = c;
	expect_default(env, a);
	assert_ok(rmdir(a));
	expect_default(env, b);
	temp = NULL;
	expect_default(env, c);
	/* An empty value says nothing. */
	tmpdir = (char[]){ "" };
	expect_default(env, c);
	in_a_bare_root(&s);
	scratch_path(&s, path, sizeof(path), "usr");
	assert_ok(spw_temp_remove_tree(path));
	scratch_path(&s, path, sizeof(path), "var");
	assert_ok(spw_temp_remove_tree(path));
	scratch_path(&s, path, sizeof(path), "tmp");
	assert_ok(rmdir(path));
	assert_ok(rmdir(b));
	assert_ok(rmdir(c));
	scratch_fini(&s);
}

static void limited(int resource, rlim_t most, int error)
{
	char *path = NULL;
	int status;
	pid_t child = fork();

	assert_ok(child);
	if (child == 0) {
		struct rlimit limit;

		require(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
		require(getrlimit((unsigned)resource, &limit) == 0);
		limit.rlim_cur = most;
		require(setrlimit((unsigned)resource, &limit) == 0);
		require(spw_temp_dir(env, &path) == -error && !path);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void PN05_the_probe_leaves_nothing(void **state)
{
	struct scratch s;

	(void)state;
	scratch_init(&s);
	tmpdir = temp = tmp = s.path;
	assert_ok(spw_temp_probe(s.path));
	expect_default(env, s.path);
	assert_int_equal(scratch_count(&s), 0);
	/* None can be opened, then none written. */
	limited(RLIMIT_NOFILE, 0, EMFILE);
	limited(RLIMIT_FSIZE, 0, ENOENT);
	assert_int_equal(scratch_count(&s), 0);
	scratch_fini(&s);
}

/* Every way to make something in a directory says the same. */
static void expect_everywhere(const char *dir, int error)
{
	const struct spw_temp_opts o = { .size = sizeof(o), .dir = dir };
	struct spw_tempfile *t = NULL;
	struct spw_tempdir *d = NULL;
	char *path = NULL;

	require(spw_temp_file(&o) == -error);
	require(spw_temp_mkstemp(&o, &path) == -error);
	require(spw_temp_mkdtemp(&o, &path) == -error);
	require(spw_tempfile_open(&o, &t) == -error);
	require(spw_tempdir_open(&o, &d) == -error);
	require(spw_temp_probe(dir) == -error);
	require(!path && !t && !d);
}

static void look_but_do_not_touch(const struct scratch *s)
{
	require(chmod(s->path, 0500) == 0);
	expect_everywhere(s->path, EACCES);
	require(scratch_count(s) == 0);
}

static void PN06_a_read_only_directory(void **state)
{
	struct scratch s;

	(void)state;
	scratch_init(&s);
	as_nobody(&s, look_but_do_not_touch);
	scratch_fini(&s);
}

static void PN07_a_missing_directory(void **state)
{
	struct scratch s;
	char path[200];

	(void)state;
	scratch_init(&s);
	scratch_path(&s, path, sizeof(path), "missing");
	expect_everywhere(path, ENOENT);
	scratch_fini(&s);
}

static void PN08_a_file_is_no_directory(void **state)
{
	struct spw_tempfile *t;
	struct scratch s;
	char path[200];

	(void)state;
	scratch_init(&s);
	assert_ok(spw_tempfile_open(TEMP_OPTS(&s, .suffix = ""), &t));
	expect_everywhere(spw_tempfile_path(t), ENOTDIR);
	snprintf(path, sizeof(path), "%s/x", spw_tempfile_path(t));
	expect_everywhere(path, ENOTDIR);
	spw_tempfile_free(t);
	scratch_fini(&s);
}

static void PN09_prefix_and_suffix(void **state)
{
	static const char *const prefixes[] = { "", "a", "aa" };
	static const char *const suffixes[] = { "", "b", ".txt" };
	struct scratch s;
	char buf[8];
	char *path;

	(void)state;
	scratch_init(&s);
	for (int i = 0; i < 9; i++) {
		const char *prefix = prefixes[i / 3], *suffix = suffixes[i % 3];
		int fd = spw_temp_mkstemp(TEMP_OPTS(&s, .prefix = prefix,
		    .suffix = suffix), &path);

		assert_ok(fd);
		assert_int_equal(write(fd, "blat", 4), 4);
		assert_int_equal(pread(fd, buf, 8, 0), 4);
		const char *name = strrchr(path, '/') + 1;
		assert_memory_equal(path, s.path, strlen(s.path));
		assert_ptr_equal(name, path + strlen(s.path) + 1);
		assert_memory_equal(name, prefix, strlen(prefix));
		assert_string_equal(name + strlen(name) - strlen(suffix),
		    suffix);
		assert_int_equal(strlen(name),
		    strlen(prefix) + 8 + strlen(suffix));
		close(fd);
		assert_ok(unlink(path));
		spw_temp_path_free(path);
	}
	scratch_fini(&s);
}

static void PN10_many_at_once(void **state)
{
	struct spw_tempfile *files[100];
	struct scratch s;

	(void)state;
	scratch_init(&s);
	for (int i = 0; i < 100; i++)
		assert_ok(spw_tempfile_open(TEMP_OPTS(&s, .suffix = ""),
		    &files[i]));
	assert_int_equal(scratch_count(&s), 100);
	for (int i = 0; i < 100; i++)
		spw_tempfile_free(files[i]);
	scratch_fini(&s);
}

static void PN11_in_a_chosen_directory(void **state)
{
	struct spw_tempfile *t;
	struct spw_tempdir *d;
	struct scratch s;

	(void)state;
	scratch_init(&s);
	assert_ok(spw_tempdir_open(TEMP_OPTS(&s, .suffix = ""), &d));
	const struct spw_temp_opts inside = { .size = sizeof(inside),
		.dir = spw_tempdir_path(d) };
	assert_ok(spw_tempfile_open(&inside, &t));
	assert_int_equal(count_names(spw_tempdir_path(d)), 1);
	spw_tempfile_free(t);
	assert_int_equal(count_names(spw_tempdir_path(d)), 0);
	spw_tempdir_free(d);
	scratch_fini(&s);
}

static void PN12_mode_0600(void **state)
{
	struct scratch s;
	struct stat st;
	char *path;

	(void)state;
	scratch_init(&s);
	for (unsigned mask = 0; mask <= 077; mask += 077) {
		mode_t old = umask(mask);
		int fds[2] = { spw_temp_mkstemp(TEMP_OPTS(&s, .suffix = ""),
				   &path),
			spw_temp_file(TEMP_OPTS(&s, .suffix = "")) };

		umask(old);
		for (int i = 0; i < 2; i++) {
			assert_ok(fstat(fds[i], &st));
			assert_int_equal(st.st_mode & 07777, 0600);
			close(fds[i]);
		}
		assert_ok(unlink(path));
		spw_temp_path_free(path);
	}
	scratch_fini(&s);
}

static void PN13_not_inherited_by_exec(void **state)
{
	struct spw_tempfile *t;
	struct scratch s;
	int status;

	(void)state;
	scratch_init(&s);
	assert_ok(spw_tempfile_open(TEMP_OPTS(&s, .suffix = ""), &t));
	int fds[2] = { spw_tempfile_fd(t),
		spw_temp_file(TEMP_OPTS(&s, .suffix = "")) };
	for (int i = 0; i < 2; i++) {
		char test[64];

		assert_ok(fds[i]);
		snprintf(test, sizeof(test), "test ! -e /proc/self/fd/%d",
		    fds[i]);
		pid_t child = fork();
		assert_ok(child);
		if (child == 0) {
			execl("/bin/sh", "sh", "-c", test, (char *)NULL);
			_exit(1);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
	close(fds[1]);
	spw_tempfile_free(t);
	scratch_fini(&s);
}

static void PN18_the_default_prefix(void **state)
{
	struct spw_tempfile *t;
	struct scratch s;

	(void)state;
	scratch_init(&s);
	assert_ok(spw_tempfile_open(TEMP_OPTS(&s, .suffix = ""), &t));
	const char *name = strrchr(spw_tempfile_path(t), '/') + 1;
	assert_int_equal(strlen(name), 3 + 8);
	assert_memory_equal(name, "tmp", 3);
	spw_tempfile_free(t);
	scratch_fini(&s);
}

static void PN19_the_default_directory(void **state)
{
	struct scratch s;
	char path[200];

	(void)state;
	scratch_init(&s);
	scratch_path(&s, path, sizeof(path), "CaSe");
	assert_ok(mkdir(path, 0700));
	tmpdir = path;
	for (int i = 0; i < 3; i++) {
		char *dir;

		expect_default(env, path);
		assert_ok(spw_temp_dir(NULL, &dir));
		assert_int_equal(dir[0], '/');
		assert_ok(access(dir, W_OK | X_OK));
		expect_default(NULL, dir);
		spw_temp_path_free(dir);
	}
	assert_ok(rmdir(path));
	scratch_fini(&s);
}

static void PN20_paths_are_absolute(void **state)
{
	const struct spw_temp_opts here = { .size = sizeof(here), .dir = "." };
	char cwd[4096];
	struct scratch s;
	char *path;

	(void)state;
	scratch_init(&s);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_ok(chdir(s.path));
	int fd = spw_temp_mkstemp(&here, &path);
	assert_ok(fd);
	assert_ok(chdir(cwd));
	close(fd);
	assert_memory_equal(path, s.path, strlen(s.path));
	assert_ok(unlink(path));
	spw_temp_path_free(path);
	scratch_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(PN04_candidates),
		cmocka_unit_test(PN05_the_probe_leaves_nothing),
		cmocka_unit_test(PN06_a_read_only_directory),
		cmocka_unit_test(PN07_a_missing_directory),
		cmocka_unit_test(PN08_a_file_is_no_directory),
		cmocka_unit_test(PN09_prefix_and_suffix),
		cmocka_unit_test(PN10_many_at_once),
		cmocka_unit_test(PN11_in_a_chosen_directory),
		cmocka_unit_test(PN12_mode_0600),
		cmocka_unit_test(PN13_not_inherited_by_exec),
		cmocka_unit_test(PN18_the_default_prefix),
		cmocka_unit_test(PN19_the_default_directory),
		cmocka_unit_test(PN20_paths_are_absolute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * N/A PN22: bytes and str parts do not mix: C has one kind of string.
 */
