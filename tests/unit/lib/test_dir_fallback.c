/* SPDX-License-Identifier: MIT */
/* Directories one after the other, and names where files need them. */
#include "dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/lib/model.h"

/* A first directory with a quota, and a second that takes what it does not. */
struct pair {
	struct world w;		/* its directory is the first */
	struct spw_dir *second;
	char path[128];
};

static void begin(struct pair *p, uint64_t first_quota, uint64_t second_quota)
{
	world_init(&p->w, &(struct world_opts){ .budget = 4 * MIB,
	    .no_dir = true });
	make_temp_dir(p->path, sizeof(p->path));
	struct spw_dir_opts opts = { .size = sizeof(opts), .path = p->path,
		.quota_bytes = second_quota };
	assert_ok(spw_dir_open(&opts, &p->second));
	opts.path = p->w.path;
	opts.quota_bytes = first_quota;
	opts.fallback = p->second;
	assert_ok(spw_dir_open(&opts, &p->w.dir));
	assert_ptr_equal(spw_dir_fallback(p->w.dir), p->second);
	assert_null(spw_dir_fallback(p->second));
}

static struct spw_dir_stats second_stats(const struct pair *p)
{
	struct spw_dir_stats stats;

	spw_dir_stats(p->second, &stats);
	return stats;
}

static void end(struct pair *p)
{
	world_fini(&p->w);
	assert_int_equal(second_stats(p).charged, 0);
	assert_int_equal(second_stats(p).files, 0);
	spw_dir_unref(p->second);
	assert_ok(rmdir(p->path));
}

static void test_quotas(void **state)
{
	struct model a, b, c;
	struct pair p;

	(void)state;
	begin(&p, 100000, 200000);
	model_init(&a, MIB, SPOOL_OPTS(&p.w, .memory_max = 1000));
	model_init(&b, MIB, SPOOL_OPTS(&p.w, .memory_max = 1000));
	model_init(&c, MIB, SPOOL_OPTS(&p.w, .memory_max = 90000));
	assert_ok(model_append(&a, 60000));
	assert_int_equal(dir_stats(&p.w).charged, 60000);
	assert_ok(model_append(&b, 60000));
	assert_int_equal(dir_stats(&p.w).charged, 60000);
	assert_int_equal(second_stats(&p).charged, 60000);
	assert_ok(model_rollover(&b));
	assert_int_equal(dir_stats(&p.w).files, 1);
	assert_int_equal(second_stats(&p).files, 1);

	/* Where it is, there it stays. */
	assert_ok(model_append(&b, 60000));
	assert_int_equal(second_stats(&p).charged, 120000);
	assert_ok(model_rollover(&a));
	assert_err(model_append(&a, 60000), EDQUOT);
	assert_int_equal(dir_stats(&p.w).charged, 60000);

	/* Neither takes it: it stays in memory, charged nowhere. */
	assert_ok(model_append(&c, 90000));
	assert_err(model_rollover(&c), EDQUOT);
	assert_int_equal(spool_info(c.spool).spilled, SPW_SPILL_NONE);
	assert_int_equal(second_stats(&p).charged, 120000);

	/* And is judged anew, from the first on. */
	model_fini(&a);
	assert_ok(model_rollover(&c));
	assert_int_equal(dir_stats(&p.w).charged, 90000);
	assert_int_equal(second_stats(&p).charged, 120000);
	model_fini(&b);
	model_fini(&c);
	end(&p);
}

/* With writing behind, and what is expected set aside. */
static void test_quotas_behind(void **state)
{
	struct model m;
	struct pair p;

	(void)state;
	begin(&p, 100000, MIB);
	assert_ok(spw_pool_new(1, &p.w.pool));
	model_init(&m, MIB, SPOOL_OPTS(&p.w, .memory_max = 1000,
	    .size_hint = 300000));
	assert_ok(model_try_append(&m, 5000));
	assert_int_equal(second_stats(&p).charged, 300000);
	assert_int_equal(dir_stats(&p.w).charged, 0);
	while (m.size < 300000) {
		if (model_try_append(&m, 25000) < 0)
			world_settle(&p.w);
	}
	assert_ok(model_seal(&m));
	assert_int_equal(second_stats(&p).charged, m.size);
	model_fini(&m);
	world_settle(&p.w);

	/* Growing past the first while nothing is on disk yet. */
	model_init(&m, MIB, SPOOL_OPTS(&p.w, .memory_max = 0));
	assert_ok(model_append(&m, 50000));
	assert_int_equal(dir_stats(&p.w).charged, 50000);
	assert_ok(model_append(&m, 150000));
	assert_int_equal(dir_stats(&p.w).charged, 0);
	assert_int_equal(second_stats(&p).charged, 200000);
	model_fini(&m);
	end(&p);
}

static int change_pwrite(struct model *m)
{
	return model_pwrite(m, 70000, 5);
}

static int change_truncate(struct model *m)
{
	return model_truncate(m, 70000);
}

static int change_append(struct model *m)
{
	return model_append(m, 70000);
}

/* The first directory is gone: every way to disk finds the second. */
static void test_a_missing_directory(void **state)
{
	static int (*const ways[])(struct model *) = { model_rollover,
		change_pwrite, change_truncate, change_append };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct model m;
		struct pair p;

		begin(&p, 0, 0);
		assert_ok(rmdir(p.w.path));
		model_init(&m, MIB, SPOOL_OPTS(&p.w, .memory_max = 1000));
		assert_ok(model_append(&m, 100));
		assert_ok(ways[i](&m));
		assert_ok(spw_spool_flush(m.spool));
		assert_int_equal(second_stats(&p).files, 1);
		assert_int_equal(dir_stats(&p.w).files, 0);
		assert_int_equal(dir_stats(&p.w).charged, 0);
		assert_ok(model_append(&m, 70000));
		model_fini(&m);
		assert_ok(mkdir(p.w.path, 0700));
		end(&p);
	}
}

static void test_both_are_missing(void **state)
{
	struct model m;
	struct pair p;

	(void)state;
	begin(&p, 0, 0);
	assert_ok(rmdir(p.w.path));
	assert_ok(rmdir(p.path));
	model_init(&m, MIB, SPOOL_OPTS(&p.w, .memory_max = 1000));
	assert_ok(model_append(&m, 1000));
	assert_err(model_append(&m, 1), ENOENT);
	assert_int_equal(spool_info(m.spool).spilled, SPW_SPILL_NONE);
	model_fini(&m);
	assert_ok(mkdir(p.w.path, 0700));
	assert_ok(mkdir(p.path, 0700));
	end(&p);
}

static void test_checking(void **state)
{
	struct pair p;

	(void)state;
	begin(&p, 1000, 5000);
	assert_ok(spw_dir_check(p.w.dir, 1000));
	assert_ok(spw_dir_check(p.w.dir, 5000));
	assert_err(spw_dir_check(p.w.dir, 5001), EDQUOT);
	assert_err(spw_dir_check(p.second, 5001), EDQUOT);
	end(&p);
}

static void test_the_first_that_works(void **state)
{
	const struct spw_dir_opts opts = { .size = sizeof(opts) };
	char one[128], two[128];
	struct spw_dir *d = NULL;

	(void)state;
	make_temp_dir(one, sizeof(one));
	make_temp_dir(two, sizeof(two));
	const char *const paths[] = { "/nonexistent/a", one, "/dev/null", two,
		"/nonexistent/b" };
	assert_err(spw_dir_open_first(&opts, paths, 0, &d), EINVAL);
	assert_err(spw_dir_open_first(&opts, NULL, 1, &d), EINVAL);
	assert_err(spw_dir_open_first(&opts, paths, 1, &d), ENOENT);
	assert_err(spw_dir_open_first(&opts, paths + 2, 1, &d), ENOTDIR);
	assert_null(d);
	assert_ok(spw_dir_open_first(&opts, paths, 5, &d));
	assert_non_null(spw_dir_fallback(d));
	assert_null(spw_dir_fallback(spw_dir_fallback(d)));
	/* It is the one that was named first. */
	assert_ok(rmdir(one));
	assert_err(spw_dir_probe(d), ENOENT);
	assert_ok(spw_dir_probe(spw_dir_fallback(d)));
	spw_dir_unref(d);
	assert_ok(rmdir(two));
}

static void test_affixes(void **state)
{
	char path[128], longest[66], name[SPW__NAME_SIZE];
	struct spw_dir *d;

	(void)state;
	make_temp_dir(path, sizeof(path));
	memset(longest, 'a', sizeof(longest));
	longest[65] = 0;
	struct spw_dir_opts opts = { .size = sizeof(opts), .path = path };
	opts.prefix = "a/b";
	assert_err(spw_dir_open(&opts, &d), EINVAL);
	opts.prefix = longest;
	assert_err(spw_dir_open(&opts, &d), EINVAL);
	opts.prefix = longest + 1;
	opts.suffix = "/";
	assert_err(spw_dir_open(&opts, &d), EINVAL);
	opts.suffix = longest + 1;
	assert_ok(spw_dir_open(&opts, &d));
	spw_dir_unref(d);

	int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_ok(dir_fd);
	int fd = spw__named_file(dir_fd, longest + 1, longest + 1, name);
	assert_ok(fd);
	assert_int_equal(strlen(name), 64 + 32 + 64);
	assert_memory_equal(name, longest + 1, 64);
	assert_memory_equal(name + 96, longest + 1, 64);
	assert_int_equal(strspn(name + 64, "0123456789abcdef"), 32 + 64);
	assert_ok(unlinkat(dir_fd, name, 0));
	close(fd);
	close(dir_fd);
	assert_ok(rmdir(path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quotas),
		cmocka_unit_test(test_quotas_behind),
		cmocka_unit_test(test_a_missing_directory),
		cmocka_unit_test(test_both_are_missing),
		cmocka_unit_test(test_checking),
		cmocka_unit_test(test_the_first_that_works),
		cmocka_unit_test(test_affixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
