/* SPDX-License-Identifier: MIT */
/* Opening and probing a directory, with every call failing in turn. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault/fault.h"
#include "unit/lib/model.h"

static void expect_fault(int r)
{
	assert_true(r == -ENOMEM || r == -EMFILE || r == -ENFILE ||
	    r == -EIO || r == -ENOSPC);
}

static void open_with_faults(const char *path, bool persistent,
    enum fault_style style)
{
	const struct spw_dir_opts opts = { .size = sizeof(opts), .path = path };
	bool hit = true;

	for (unsigned n = 1; hit; n++) {
		struct spw_dir *d = NULL;

		fault_arm(n, persistent, style);
		int r = spw_dir_open(&opts, &d);
		hit = fault_disarm();
		if (hit)
			expect_fault(r);
		else
			assert_ok(r);
		assert_int_equal(d != NULL, r == 0);
		spw_dir_unref(d);
		assert_int_equal(fault_held(), 0);
	}
}

/* A full one can be opened, if that is wanted, and refuses what comes. */
static void test_full(void **state)
{
	struct spw_dir_opts opts = { .size = sizeof(opts) };
	char path[128];
	unsigned full = 0;
	bool hit = true;

	(void)state;
	make_temp_dir(path, sizeof(path));
	opts.path = path;
	opts.flags = SPW_DIR_MAY_BE_FULL << 1;
	struct spw_dir *d = NULL;
	assert_err(spw_dir_open(&opts, &d), EINVAL);

	opts.flags = SPW_DIR_MAY_BE_FULL;
	for (unsigned n = 1; hit; n++) {
		d = NULL;
		fault_arm(n, true, FAULT_FULL);
		int r = spw_dir_open(&opts, &d);
		/* Of what fails only the room is forgiven. */
		assert_true(r != -ENOSPC);
		if (r == 0 && spw_dir_probe(d) == -ENOSPC)
			full++;
		hit = fault_disarm();
		if (r == 0)
			assert_ok(spw_dir_probe(d));
		spw_dir_unref(d);
		assert_int_equal(fault_held(), 0);
	}
	assert_true(full > 0);
	assert_ok(rmdir(path));
}

static void probe_with_faults(const char *path, bool persistent,
    enum fault_style style)
{
	const struct spw_dir_opts opts = { .size = sizeof(opts), .path = path };
	struct spw_dir *d;
	bool hit = true;

	assert_ok(spw_dir_open(&opts, &d));
	long before = fault_held();
	for (unsigned n = 1; hit; n++) {
		fault_arm(n, persistent, style);
		int r = spw_dir_probe(d);
		hit = fault_disarm();
		if (hit)
			expect_fault(r);
		assert_int_equal(fault_held(), before);
		assert_ok(spw_dir_probe(d));
	}
	spw_dir_unref(d);
	assert_int_equal(fault_held(), 0);
}

static void test_opening(void **state)
{
	char path[128];

	(void)state;
	make_temp_dir(path, sizeof(path));
	for (int style = 0; style < FAULT_STYLES; style++) {
		open_with_faults(path, false, (enum fault_style)style);
		open_with_faults(path, true, (enum fault_style)style);
	}
	assert_ok(rmdir(path));
}

static void test_probing(void **state)
{
	char path[128];

	(void)state;
	make_temp_dir(path, sizeof(path));
	for (int style = 0; style < FAULT_STYLES; style++) {
		probe_with_faults(path, false, (enum fault_style)style);
		probe_with_faults(path, true, (enum fault_style)style);
	}
	assert_ok(rmdir(path));
}

/* What cannot be opened anew is tried again with the next file. */
static void test_opening_anew(void **state)
{
	char path[128];

	(void)state;
	make_temp_dir(path, sizeof(path));
	const struct spw_dir_opts opts = { .size = sizeof(opts), .path = path };
	for (int way = 0; way < 2 * FAULT_STYLES; way++) {
		bool hit = true;

		for (unsigned n = 1; hit; n++) {
			struct spw_dir *d;

			assert_ok(spw_dir_open(&opts, &d));
			long before = fault_held();
			assert_ok(rmdir(path));
			assert_ok(mkdir(path, 0700));
			fault_arm(n, way % 2, (enum fault_style)(way / 2));
			int r = spw_dir_probe(d);
			hit = fault_disarm();
			if (r < 0)
				expect_fault(r);
			assert_true(r == 0 || hit);
			assert_int_equal(fault_held(), before);
			assert_ok(spw_dir_probe(d));
			spw_dir_unref(d);
		}
	}
	assert_ok(rmdir(path));
	assert_int_equal(fault_held(), 0);
}

/* Figures that cannot be had are not made up: the last ones count. */
static void test_figures(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .keep_free = 1 });
	fault_arm(1, true, FAULT_BROKEN);
	assert_ok(spw_dir_check(w.dir, 1));
	assert_err(spw_dir_check(w.dir, UINT64_MAX), ENOSPC);
	assert_true(dir_stats(&w).free > 0);
	assert_true(fault_disarm());
	world_fini(&w);
	assert_int_equal(fault_held(), 0);
}

/* Refused early, with nothing changed; taken when there is room again. */
static void test_keep_free(void **state)
{
	struct world w;
	struct model m, other;

	(void)state;
	fault_free_bytes(10 * MIB);
	world_init(&w, &(struct world_opts){ .keep_free = 9 * MIB });
	model_init(&other, MIB, SPOOL_OPTS(&w, .memory_max = 0,
	    .size_hint = 700 * KIB));
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 1000,
	    .size_hint = 400 * KIB));
	assert_ok(model_append(&other, 1000));
	/* As it is told by a system that has set the space aside. */
	fault_free_bytes(10 * MIB - 700 * KIB);
	assert_int_equal(dir_stats(&w).charged, 700 * KIB);
	assert_err(model_append(&m, 100), ENOSPC);
	assert_err(model_try_append(&m, 100), ENOSPC);
	assert_int_equal(dir_stats(&w).charged, 700 * KIB);
	assert_int_equal(dir_stats(&w).files, 1);
	assert_int_equal(spool_info(m.spool).spilled, SPW_SPILL_NONE);

	/* A spool goes: its room is back at once. */
	model_fini(&other);
	fault_free_bytes(10 * MIB);
	assert_ok(model_append(&m, 100));
	model_fini(&m);

	/* Somebody else fills the disk, and clears it. */
	fault_free_bytes(9 * MIB + 500);
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 1000));
	assert_ok(model_append(&m, 1000));
	/* Figures are believed for a moment; a refusal never is. */
	while (spw_dir_check(w.dir, 1000) == 0)
		;
	assert_err(model_append(&m, 1), ENOSPC);
	fault_free_bytes(10 * MIB);
	assert_ok(model_append(&m, 1));
	model_fini(&m);
	world_fini(&w);
	fault_free_bytes(0);
	assert_int_equal(fault_held(), 0);
}

/* Where nothing can be set aside, what is promised is kept all the same. */
static void test_promised_in_memory(void **state)
{
	struct world w;
	struct model a, b;

	(void)state;
	fault_in_memory(true);
	fault_free_bytes(10 * MIB);
	world_init(&w, &(struct world_opts){ .keep_free = 9 * MIB });
	const struct spw_spool_opts *promise = SPOOL_OPTS(&w, .memory_max = 0,
	    .size_hint = 700 * KIB);
	model_init(&a, MIB, promise);
	model_init(&b, MIB, promise);
	assert_ok(model_append(&a, 1000));
	assert_ok(spw_dir_check(w.dir, 324 * KIB));
	assert_err(spw_dir_check(w.dir, 325 * KIB), ENOSPC);
	assert_err(model_append(&b, 1000), ENOSPC);

	/* What is written the file system counts itself. */
	assert_ok(model_append(&a, 500 * KIB));
	assert_ok(spw_spool_flush(a.spool));
	fault_free_bytes(10 * MIB - 1000 - 500 * KIB);
	assert_err(spw_dir_check(w.dir, 325 * KIB), ENOSPC);
	while (spw_dir_check(w.dir, 324 * KIB) < 0)
		;

	/* Promised no more. */
	fault_free_bytes(10 * MIB);
	model_fini(&a);
	assert_ok(model_append(&b, 1000));
	model_fini(&b);
	world_fini(&w);
	fault_in_memory(false);
	fault_free_bytes(0);
	assert_int_equal(fault_held(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opening),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_probing),
		cmocka_unit_test(test_opening_anew),
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_keep_free),
		cmocka_unit_test(test_promised_in_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
