/* SPDX-License-Identifier: MIT */
#include "dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys.h"
#include "unit/lib/model.h"

static int open_dir(const char *path, struct spw_dir **ret)
{
	const struct spw_dir_opts opts = { .size = sizeof(opts), .path = path };

	return spw_dir_open(&opts, ret);
}

static void test_options(void **state)
{
	struct spw_dir *d = NULL;
	char path[128], file[160];

	(void)state;
	make_temp_dir(path, sizeof(path));
	assert_err(spw_dir_open(NULL, &d), EINVAL);
	assert_err(spw_dir_open(&(struct spw_dir_opts){ .path = path }, &d),
	    EINVAL);
	assert_err(open_dir(NULL, &d), EINVAL);
	assert_err(open_dir(path, NULL), EINVAL);
	assert_err(open_dir("/nonexistent/spool", &d), ENOENT);

	snprintf(file, sizeof(file), "%s/file", path);
	int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_ok(fd);
	close(fd);
	assert_err(open_dir(file, &d), ENOTDIR);
	assert_null(d);
	assert_ok(unlink(file));
	assert_ok(open_dir(path, &d));
	assert_ptr_equal(spw_dir_ref(d), d);
	spw_dir_unref(d);
	spw_dir_unrefp(&d);
	spw_dir_unref(NULL);
	assert_ok(rmdir(path));
}

static void test_files_have_no_name_and_are_private(void **state)
{
	struct world w;
	struct stat st;

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	int fd = spw__dir_file(w.dir);
	assert_ok(fd);
	assert_int_equal(dir_stats(&w).files, 1);
	assert_ok(fstat(fd, &st));
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	/* There is nothing in the directory even now. */
	assert_ok(rmdir(w.path));
	assert_ok(mkdir(w.path, 0700));
	spw__dir_close(w.dir, fd);
	assert_int_equal(dir_stats(&w).files, 0);
	world_fini(&w);
}

/* A long-running program goes on when what went wrong is put right. */
static void test_removed_and_made_again(void **state)
{
	struct spw_dir *d;
	struct world w;
	struct model m;
	char cwd[4096];

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 1000));
	assert_ok(model_append(&m, 1000));
	assert_ok(rmdir(w.path));
	assert_err(spw_dir_probe(w.dir), ENOENT);
	assert_err(model_append(&m, 1000), ENOENT);
	assert_ok(mkdir(w.path, 0700));
	assert_ok(model_append(&m, 1000));
	assert_ok(spw_dir_probe(w.dir));
	model_fini(&m);

	/* Elsewhere, a relative path would be another one. */
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_ok(chdir(w.path));
	assert_ok(mkdir("sub", 0700));
	assert_ok(open_dir("sub", &d));
	assert_ok(rmdir("sub"));
	assert_ok(mkdir("sub", 0700));
	assert_err(spw_dir_probe(d), ENOENT);
	assert_ok(rmdir("sub"));
	assert_ok(chdir(cwd));
	spw_dir_unref(d);
	world_fini(&w);
}

static void test_quota(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .quota = 1000 });
	assert_int_equal(dir_stats(&w).quota, 1000);
	assert_ok(spw_dir_check(w.dir, 1000));
	assert_err(spw_dir_check(w.dir, 1001), EDQUOT);
	assert_err(spw_dir_check(w.dir, UINT64_MAX), EDQUOT);
	assert_ok(spw__dir_charge(w.dir, 600));
	assert_err(spw__dir_charge(w.dir, 401), EDQUOT);
	assert_err(spw__dir_charge(w.dir, UINT64_MAX), EDQUOT);
	assert_err(spw_dir_check(w.dir, 401), EDQUOT);
	assert_int_equal(dir_stats(&w).charged, 600);
	assert_ok(spw__dir_charge(w.dir, 400));
	spw__dir_uncharge(w.dir, 1000);
	world_fini(&w);
}

static void test_without_quota(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	assert_true(dir_stats(&w).quota == SPW_UNLIMITED);
	assert_ok(spw_dir_check(w.dir, UINT64_MAX));
	assert_true(dir_stats(&w).free > 0);
	world_fini(&w);
}

static void test_keep_free(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .keep_free = UINT64_MAX });
	assert_err(spw_dir_check(w.dir, 1), ENOSPC);
	assert_err(spw__dir_charge(w.dir, 1), ENOSPC);
	assert_int_equal(dir_stats(&w).charged, 0);
	world_fini(&w);

	world_init(&w, &(struct world_opts){ .keep_free = 1 });
	assert_ok(spw_dir_check(w.dir, 1));
	assert_err(spw_dir_check(w.dir, UINT64_MAX), ENOSPC);
	/* What is charged is gone at once, not when it is measured next. */
	uint64_t most = dir_stats(&w).free / 4 * 3;
	assert_ok(spw__dir_charge(w.dir, most));
	assert_true(dir_stats(&w).free <= most);
	spw__dir_uncharge(w.dir, most);
	assert_ok(spw_dir_check(w.dir, most));
	world_fini(&w);
}

static void test_probe(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	assert_ok(spw_dir_probe(w.dir));
	assert_ok(rmdir(w.path));
	assert_err(spw_dir_probe(w.dir), ENOENT);
	assert_err(spw__dir_file(w.dir), ENOENT);
	assert_int_equal(dir_stats(&w).files, 0);
	assert_ok(mkdir(w.path, 0700));
	world_fini(&w);
}

static void need_memory(void)
{
	if (access("/dev/shm", W_OK) < 0) {
		print_message("there is no writable /dev/shm\n");
		skip();
	}
}

/* There files can be made in what was removed, and never get a name. */
static void test_removed_in_memory(void **state)
{
	char path[] = "/dev/shm/spillway-test-XXXXXX";
	struct spw_dir *d;

	(void)state;
	need_memory();
	assert_non_null(mkdtemp(path));
	assert_ok(open_dir(path, &d));
	assert_ok(rmdir(path));
	assert_err(spw_dir_probe(d), ENOENT);
	assert_ok(mkdir(path, 0700));
	assert_ok(spw_dir_probe(d));
	int fd = spw__dir_own_file(d);
	assert_true(fd >= 0);
	assert_ok(spw__sys_link(fd, spw__dir_fd(d), "x"));
	close(fd);
	assert_ok(spw__sys_unlink(spw__dir_fd(d), "x"));
	assert_ok(rmdir(path));
	spw_dir_unref(d);
}

static void test_memory_is_told_from_disk(void **state)
{
	struct spw_dir *d;
	struct spw_dir_stats stats;

	(void)state;
	need_memory();
	assert_ok(open_dir("/dev/shm", &d));
	spw_dir_stats(d, &stats);
	assert_true(stats.in_memory);
	assert_false(spw__dir_reserves(d));
	spw_dir_unref(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_files_have_no_name_and_are_private),
		cmocka_unit_test(test_removed_and_made_again),
		cmocka_unit_test(test_quota),
		cmocka_unit_test(test_without_quota),
		cmocka_unit_test(test_keep_free),
		cmocka_unit_test(test_probe),
		cmocka_unit_test(test_removed_in_memory),
		cmocka_unit_test(test_memory_is_told_from_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
