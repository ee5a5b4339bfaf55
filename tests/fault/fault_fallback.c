/* SPDX-License-Identifier: MIT */
/*
 * Directories one after the other, with every call below failing in turn.
 * What fails once in the first leaves the second, so that nobody notices;
 * what fails for good leaves everything in memory.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fault/fault.h"
#include "unit/lib/model.h"

#define CAP MIB

static void expect_fault(int r)
{
	assert_true(r == -ENOMEM || r == -EMFILE || r == -ENFILE ||
	    r == -EIO || r == -ENOSPC);
}

static int append(struct model *m)
{
	return model_append(m, 70000);
}

static int put_past_the_end(struct model *m)
{
	return model_pwrite(m, 70000, 5000);
}

static int stretch(struct model *m)
{
	return model_truncate(m, 70000);
}

static bool of_the_directory(int r)
{
	return r == -EIO || r == -ENOSPC;
}

static bool run_once(int (*op)(struct model *), uint64_t memory_max,
    unsigned n, bool persistent, enum fault_style style)
{
	struct world first, second;
	struct model m;

	world_init(&second, &(struct world_opts){ 0 });
	world_init(&first, &(struct world_opts){ .budget = MIB,
	    .no_dir = true });
	assert_ok(spw_dir_open(&(struct spw_dir_opts){
	    .size = sizeof(struct spw_dir_opts), .path = first.path,
	    .fallback = second.dir }, &first.dir));
	model_init(&m, CAP, SPOOL_OPTS(&first, .memory_max = memory_max));
	assert_ok(model_append(&m, 1000));
	bool fresh = dir_stats(&first).charged == 0;

	fault_arm(n, persistent, style);
	int r = op(&m);
	bool hit = fault_disarm();
	if (r < 0) {
		expect_fault(r);
		/* One fault of a directory is what the other is for, as long
		   as nothing is on disk. */
		assert_true(persistent || !of_the_directory(r) || !fresh ||
		    spool_info(m.spool).disk_bytes);
		if (spool_info(m.spool).spilled == SPW_SPILL_NONE) {
			assert_int_equal(dir_stats(&first).charged, 0);
			assert_int_equal(dir_stats(&second).charged, 0);
		}
		assert_ok(op(&m));
	}
	assert_int_equal(
	    dir_stats(&first).files + dir_stats(&second).files, 1);
	assert_ok(model_append(&m, 70000));
	assert_ok(model_seal(&m));
	model_fini(&m);
	world_fini(&first);
	world_fini(&second);
	assert_int_equal(fault_held(), 0);
	return hit;
}

static void run_every_call(int (*op)(struct model *), uint64_t memory_max)
{
	for (int i = 0; i < 2 * FAULT_STYLES; i++) {
		unsigned n = 1;

		while (run_once(op, memory_max, n, i % 2,
		    (enum fault_style)(i / 2)))
			assert_true(++n < 100);
	}
}

static void test_going_to_disk(void **state)
{
	static int (*const ops[])(struct model *) = { append,
		put_past_the_end, stretch, model_rollover };

	(void)state;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		run_every_call(ops[i], 1000);
		run_every_call(ops[i], 0);
	}
}

/* Returns: how many there were. */
static int remove_names(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int count = 0;

	assert_non_null(d);
	while ((e = readdir(d))) {
		/* "." and 32 digits. */
		if (strlen(e->d_name) != 33)
			continue;
		assert_ok(unlinkat(dirfd(d), e->d_name, 0));
		count++;
	}
	closedir(d);
	return count;
}

/* Where files need a name, if only for a moment. */
static void test_named_files(void **state)
{
	(void)state;
	fault_no_unnamed(true);
	for (int style = 0; style < FAULT_STYLES; style++) {
		bool hit = true;

		for (unsigned n = 1; hit; n++) {
			struct world w;
			struct model m;

			world_init(&w, &(struct world_opts){ 0 });
			model_init(&m, CAP, SPOOL_OPTS(&w, .memory_max = 10));
			assert_ok(model_append(&m, 10));
			fault_arm(n, false, (enum fault_style)style);
			int r = model_append(&m, 1);
			hit = fault_disarm();
			if (r < 0) {
				expect_fault(r);
				assert_ok(model_append(&m, 1));
			}
			model_fini(&m);
			/* A name is left where removing it failed. */
			if (remove_names(w.path))
				assert_true(hit);
			world_fini(&w);
			assert_int_equal(fault_held(), 0);
		}
	}
	fault_no_unnamed(false);
}

static void test_opening_the_first(void **state)
{
	const struct spw_dir_opts opts = { .size = sizeof(opts) };
	char one[128], two[128];
	bool hit = true;

	(void)state;
	make_temp_dir(one, sizeof(one));
	make_temp_dir(two, sizeof(two));
	const char *const paths[] = { one, two };
	for (unsigned n = 1; hit; n++) {
		struct spw_dir *d = NULL;

		fault_arm(n, false, FAULT_BROKEN);
		int r = spw_dir_open_first(&opts, paths, 2, &d);
		hit = fault_disarm();
		/* One of both could be opened. */
		assert_ok(r);
		assert_int_equal(!spw_dir_fallback(d), hit);
		spw_dir_unref(d);
		assert_int_equal(fault_held(), 0);

		fault_arm(n, true, FAULT_BROKEN);
		r = spw_dir_open_first(&opts, paths, 2, &d);
		(void)fault_disarm();
		if (r == 0)
			spw_dir_unref(d);
		else
			expect_fault(r);
		assert_int_equal(fault_held(), 0);
	}
	assert_ok(rmdir(one));
	assert_ok(rmdir(two));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_going_to_disk),
		cmocka_unit_test(test_named_files),
		cmocka_unit_test(test_opening_the_first),
	};

	model_spare = fault_spare;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
