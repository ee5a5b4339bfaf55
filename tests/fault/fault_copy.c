/* SPDX-License-Identifier: MIT */
/*
 * Clones, snapshots and saving, with every call below failing in turn: once,
 * and for good. The original is as it was, a name shows all of the old
 * content or all of the new, nothing is held, and the next try works.
 */
#include <spillway/copy.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault/rounds.h"
#include "unit/lib/model.h"

#define CAP (2 * MIB)
#define OLD "what was there before"

/* The folder to save in, and a name there. */
static char folder[128], path[160];

struct scenario {
	const char *name;
	int (*op)(struct model *m);
	size_t len;
	uint64_t memory_max;
	unsigned how;
};

enum {
	SEALED = 1 << 0,	/* it is when it is saved */
	EXISTS = 1 << 1,	/* the name does already */
	NAMED = 1 << 2,		/* files must have names */
	BY_HAND = 1 << 3,	/* the kernel does not copy */
};

/* Whether `s` holds the model's bytes; and let it go. */
static void check_copy(struct model *m, struct spw_spool *s)
{
	void *all;
	size_t n;

	fault_spare(true);
	assert_ok(spw_spool_read_all(s, m->size, &all, &n));
	assert_int_equal(n, m->size);
	assert_memory_equal(all, m->bytes, n);
	spw_free(all);
	spw_spool_unref(s);
	fault_spare(false);
}

static int clone(struct model *m)
{
	struct spw_spool *s;

	int r = spw_spool_clone(m->spool, NULL, &s);
	if (r == 0)
		check_copy(m, s);
	return r;
}

static int snapshot(struct model *m)
{
	struct spw_spool *s;

	int r = spw_spool_snapshot(m->spool, &s);
	if (r == 0)
		check_copy(m, s);
	return r;
}

static int save(struct model *m)
{
	return spw_spool_save(m->spool, AT_FDCWD, path, 0600, 0);
}

static int save_exclusive(struct model *m)
{
	return spw_spool_save(
	    m->spool, AT_FDCWD, path, 0600, SPW_SAVE_EXCLUSIVE);
}

static int save_synced(struct model *m)
{
	int r = spw_spool_save(m->spool, AT_FDCWD, path, 0600, SPW_SAVE_SYNC);

	/* The name may be there, but not for sure: as if it were not. */
	if (r < 0)
		(void)unlink(path);
	return r;
}

static int read_everything(struct model *m)
{
	void *all;
	size_t n;

	int r = spw_spool_read_all(m->spool, CAP, &all, &n);
	if (r < 0)
		return r;
	assert_int_equal(n, m->size);
	assert_memory_equal(all, m->bytes, n);
	spw_free(all);
	return 0;
}

static int compare(struct model *m)
{
	bool equal = false;
	struct spw_spool *s;

	fault_spare(true);
	assert_ok(spw_spool_clone(m->spool, NULL, &s));
	fault_spare(false);
	int r = spw_spool_equal(m->spool, s, &equal);
	assert_int_equal(equal, r == 0);
	fault_spare(true);
	spw_spool_unref(s);
	fault_spare(false);
	return r;
}

static const struct scenario scenarios[] = {
	{ "clone_in_memory", clone, 90000, MIB, 0 },
	{ "clone_on_disk", clone, 300000, 0, 0 },
	{ "clone_on_disk_by_hand", clone, 100000, 0, BY_HAND },
	{ "clone_of_what_waits", clone, 70000, 0, 0 },
	{ "snapshot_in_memory", snapshot, 90000, MIB, 0 },
	{ "snapshot_on_disk", snapshot, 300000, 0, 0 },
	{ "save_from_memory", save, 90000, MIB, 0 },
	{ "save_from_disk", save, 300000, 0, 0 },
	{ "save_by_hand", save, 100000, 0, BY_HAND },
	{ "save_by_link", save, 300000, 0, SEALED },
	{ "save_over", save, 90000, MIB, EXISTS },
	{ "save_over_by_link", save, 90000, 0, SEALED | EXISTS },
	{ "save_synced", save_synced, 90000, MIB, 0 },
	{ "save_synced_by_link", save_synced, 90000, 0, SEALED },
	{ "save_exclusively", save_exclusive, 90000, MIB, 0 },
	{ "save_named", save, 90000, MIB, NAMED },
	{ "save_named_over", save, 90000, MIB, NAMED | EXISTS },
	{ "save_named_exclusively", save_exclusive, 90000, MIB,
	    NAMED },
	{ "reading_everything", read_everything, 90000, 0, 0 },
	{ "comparing", compare, 90000, 0, 0 },
};

static int names(void)
{
	DIR *d = opendir(folder);
	int n = -2;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void write_old(void)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_ok(fd);
	assert_int_equal(write(fd, OLD, strlen(OLD)), strlen(OLD));
	close(fd);
}

/* The name has all of the one or all of the other. */
static void check_name(const struct model *m, bool is_new)
{
	const void *want = is_new ? m->bytes : (const uint8_t *)OLD;
	size_t len = is_new ? m->size : strlen(OLD);
	uint8_t *buf = malloc(m->size + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_non_null(buf);
	assert_ok(fd);
	assert_int_equal(read(fd, buf, m->size + 1), len);
	assert_memory_equal(buf, want, len);
	close(fd);
	free(buf);
}

static bool saves(const struct scenario *sc)
{
	return sc->op == save || sc->op == save_exclusive ||
	    sc->op == save_synced;
}

/* Passing names are left only when nothing at all works. */
static void remove_passing(bool allowed)
{
	DIR *d = opendir(folder);
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d))) {
		size_t len = strlen(e->d_name);

		if (len < 4 || strcmp(e->d_name + len - 4, ".spw") != 0)
			continue;
		assert_true(allowed);
		assert_ok(unlinkat(dirfd(d), e->d_name, 0));
	}
	closedir(d);
}

static bool run_once(const void *what, const struct round *how)
{
	const struct scenario *sc = what;
	long held = fault_held();
	struct world w;
	struct model m;

	fault_no_unnamed(false);
	world_init(&w, &(struct world_opts){ .budget = 2 * MIB });
	model_init(&m, CAP, SPOOL_OPTS(&w, .memory_max = sc->memory_max));
	assert_ok(model_append(&m, sc->len));
	if (sc->how & SEALED)
		assert_ok(model_seal(&m));
	if (sc->how & EXISTS)
		write_old();
	fault_no_unnamed(sc->how & NAMED);
	fault_no_copy_range(sc->how & BY_HAND);

	round_arm(how);
	int r = sc->op(&m);
	bool hit = fault_disarm();
	model_check(&m);
	/* Removing the passing name may be what failed. */
	remove_passing(hit);
	if (r < 0) {
		assert_true(hit);
		expect_fault(r);
		assert_int_equal(names(), sc->how & EXISTS ? 1 : 0);
		if (sc->how & EXISTS)
			check_name(&m, false);
		assert_ok(sc->op(&m));
	}
	if (saves(sc)) {
		check_name(&m, true);
		assert_int_equal(names(), 1);
		assert_ok(unlink(path));
	}
	if (!(sc->how & SEALED))
		assert_ok(model_append(&m, 70000));
	model_fini(&m);
	world_fini(&w);
	fault_no_unnamed(false);
	fault_no_copy_range(false);
	assert_int_equal(fault_held(), held);
	return hit;
}

static void test_scenario(void **state)
{
	(void)rounds(run_once, *state);
	round_of_short_writes(run_once, *state);
}

/* What a failed append left past the end is cut off before it has a name. */
static void test_a_dirty_end(void **state)
{
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	model_init(&m, CAP, SPOOL_OPTS(&w, .memory_max = 0));
	assert_ok(model_append(&m, 64 * KIB));
	fault_arm(1, true, FAULT_FULL);
	assert_err(model_append(&m, 128 * KIB), ENOSPC);
	assert_ok(model_seal(&m));
	assert_true(fault_disarm());
	assert_ok(save(&m));
	check_name(&m, true);
	assert_ok(unlink(path));
	model_fini(&m);
	world_fini(&w);
	assert_int_equal(fault_held(), 0);
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(scenarios) + 1] = {
		cmocka_unit_test(test_a_dirty_end),
	};

	SCENARIO_TESTS(tests + 1, scenarios, test_scenario)
	model_spare = fault_spare;
	make_temp_dir(folder, sizeof(folder));
	snprintf(path, sizeof(path), "%s/name", folder);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	return rmdir(folder) == 0 ? failed : 1;
}
