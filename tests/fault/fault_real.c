/* SPDX-License-Identifier: MIT */
/*
 * Real faults: a full file system, no descriptor left, a file size limit, a
 * directory that is gone. What needs privileges says so and is skipped.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <spillway/tempfile.h>
#include <spillway/text.h>

#include "unit/lib/model.h"

/* A file system of 64 KiB, private to this process. False: not allowed. */
static bool mount_small(const char *path)
{
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("small", path, "tmpfs", 0, "size=64k") < 0) {
		print_message("cannot mount a tmpfs: %s\n", strerror(errno));
		return false;
	}
	return true;
}

static struct spw_dir *open_dir(const char *path)
{
	const struct spw_dir_opts opts = { .size = sizeof(opts), .path = path };
	struct spw_dir *d;

	assert_ok(spw_dir_open(&opts, &d));
	return d;
}

/* Take `size` bytes of the file system. Returns: a descriptor that holds it. */
static int take_space(const char *path, size_t size)
{
	static char zeros[64 * 1024];
	int fd = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	assert_ok(fd);
	assert_int_equal(write(fd, zeros, size), size);
	return fd;
}

static void fill_and_retry(struct world *w)
{
	struct model m;

	/* It spills to a file system that is too small for it. */
	model_init(&m, MIB, SPOOL_OPTS(w, .memory_max = 90000));
	assert_ok(model_append(&m, 90000));
	assert_err(model_append(&m, 1), ENOSPC);
	assert_err(model_rollover(&m), ENOSPC);
	assert_int_equal(spool_info(m.spool).spilled, SPW_SPILL_NONE);
	assert_int_equal(dir_stats(w).files, 0);
	assert_ok(model_seal(&m));
	model_fini(&m);

	/* In the middle of a write; room comes back, and it goes on. */
	int taken = take_space(w->path, 40000);
	model_init(&m, MIB, SPOOL_OPTS(w, .memory_max = 1000));
	assert_ok(model_append(&m, 5000));
	assert_ok(model_rollover(&m));
	assert_err(model_append(&m, 60536), ENOSPC);
	assert_err(model_append(&m, 60536), ENOSPC);
	close(taken);
	assert_ok(model_append(&m, 60536));
	assert_ok(model_seal(&m));
	assert_int_equal(dir_stats(w).charged, 65536);
	assert_err(spw_dir_probe(w->dir), ENOSPC);
	model_fini(&m);

	/* What a failed write left there is given back. */
	taken = take_space(w->path, 32 * 1024);
	model_init(&m, MIB, SPOOL_OPTS(w, .memory_max = 0));
	assert_ok(model_append(&m, 4096));
	assert_ok(model_rollover(&m));
	assert_err(model_append(&m, 61440), ENOSPC);
	int rest = take_space(w->path, 24 * 1024);
	close(rest);
	close(taken);
	model_fini(&m);
}

static void test_a_full_file_system(void **state)
{
	struct world w = { .budget = NULL };

	(void)state;
	make_temp_dir(w.path, sizeof(w.path));
	if (!mount_small(w.path)) {
		assert_ok(rmdir(w.path));
		skip();
	}
	w.dir = open_dir(w.path);
	assert_true(dir_stats(&w).in_memory);
	fill_and_retry(&w);
	assert_int_equal(dir_stats(&w).charged, 0);
	assert_int_equal(dir_stats(&w).files, 0);
	spw_dir_unref(w.dir);
	assert_ok(umount(w.path));
	assert_ok(rmdir(w.path));
}

/* Leave none that is free. Returns: the limit that was. */
static struct rlimit take_descriptors(void)
{
	struct rlimit old;
	int next = dup(0);

	assert_ok(next);
	close(next);
	assert_ok(getrlimit(RLIMIT_NOFILE, &old));
	assert_ok(setrlimit(RLIMIT_NOFILE,
	    &(struct rlimit){ (rlim_t)next, old.rlim_max }));
	return old;
}

static void test_no_descriptor_left(void **state)
{
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 1000));
	assert_ok(model_append(&m, 1000));
	struct rlimit old = take_descriptors();
	assert_err(model_append(&m, 1), EMFILE);
	assert_err(model_rollover(&m), EMFILE);
	assert_err(spw_spool_fd(m.spool), EMFILE);
	assert_ok(setrlimit(RLIMIT_NOFILE, &old));
	assert_ok(model_append(&m, 1));

	/* The content is on disk; what fails is only the copy. */
	assert_ok(model_rollover(&m));
	take_descriptors();
	assert_err(spw_spool_fd(m.spool), EMFILE);
	assert_ok(model_append(&m, 100000));
	assert_ok(setrlimit(RLIMIT_NOFILE, &old));
	model_check(&m);
	model_fini(&m);
	world_fini(&w);
}

/* Of the process, not of the directories or the encoding. */
static void test_no_descriptor_for_others(void **state)
{
	const struct spw_text_opts opts = { .size = sizeof(opts),
		.encoding = "Shift_JIS" };
	struct spw_spool *s;
	struct spw_text *t;
	char *path;

	(void)state;
	assert_ok(spw_spool_new(NULL, &s));
	struct rlimit old = take_descriptors();
	assert_err(spw_temp_file(NULL), EMFILE);
	assert_err(spw_temp_mkstemp(NULL, &path), EMFILE);
	assert_err(spw_temp_mkdtemp(NULL, &path), EMFILE);
	assert_err(spw_temp_dir(NULL, &path), EMFILE);
	assert_err(spw_text_new(s, &opts, &t), EMFILE);
	assert_ok(setrlimit(RLIMIT_NOFILE, &old));
	/* The C library did not make up its mind for good. */
	assert_ok(spw_text_new(s, &opts, &t));
	spw_text_free(t);
	spw_spool_unref(s);
}

static void test_a_file_size_limit(void **state)
{
	struct rlimit old, small;
	struct world w;
	struct model m;

	(void)state;
	/* Otherwise the signal ends the process; a daemon ignores it, too. */
	signal(SIGXFSZ, SIG_IGN);
	world_init(&w, &(struct world_opts){ 0 });
	assert_ok(getrlimit(RLIMIT_FSIZE, &old));
	small = (struct rlimit){ 100000, old.rlim_max };
	assert_ok(setrlimit(RLIMIT_FSIZE, &small));
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 0));
	assert_ok(model_append(&m, 90000));
	/* Not -EFBIG: that would be the spool's own limit. */
	assert_err(model_append(&m, 50000), ENOSPC);
	assert_err(model_pwrite(&m, 1, 200000), ENOSPC);
	assert_err(model_truncate(&m, 200000), ENOSPC);
	assert_ok(model_append(&m, 10000));
	assert_ok(setrlimit(RLIMIT_FSIZE, &old));
	assert_ok(model_append(&m, 50000));
	assert_ok(model_seal(&m));
	model_fini(&m);
	world_fini(&w);
}

static void test_a_directory_that_is_gone(void **state)
{
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB, .threads = 1 });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 1000));
	assert_ok(model_append(&m, 1000));
	assert_ok(rmdir(w.path));
	assert_err(model_append(&m, 1), ENOENT);
	assert_err(model_rollover(&m), ENOENT);
	assert_err(spw_dir_probe(w.dir), ENOENT);
	assert_int_equal(spool_info(m.spool).spilled, SPW_SPILL_NONE);
	assert_ok(model_seal(&m));
	model_fini(&m);
	assert_ok(mkdir(w.path, 0700));
	world_fini(&w);
}

static void test_a_file_that_somebody_cut(void **state)
{
	struct world w;
	struct model m;
	char buf[100];

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 0));
	assert_ok(model_append(&m, 1000));
	int fd = spw_spool_fd(m.spool);
	assert_ok(fd);
	assert_ok(ftruncate(fd, 50));
	/* An error, never an end that looks like the content's. */
	assert_err(spw_spool_pread(m.spool, buf, 100, 0), EIO);
	assert_int_equal(spw_spool_pread(m.spool, buf, 50, 0), 50);
	assert_err(spw_spool_pread(m.spool, buf, 100, 50), EIO);
	close(fd);
	model_fini(&m);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_descriptor_left),
		cmocka_unit_test(test_no_descriptor_for_others),
		cmocka_unit_test(test_a_file_size_limit),
		cmocka_unit_test(test_a_directory_that_is_gone),
		cmocka_unit_test(test_a_file_that_somebody_cut),
		/* Last: it leaves the mount namespace of its parent. */
		cmocka_unit_test(test_a_full_file_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
