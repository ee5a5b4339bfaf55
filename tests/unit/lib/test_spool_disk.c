/* SPDX-License-Identifier: MIT */
/* The way to disk: reservations, refusals, descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/lib/model.h"

static enum spw_spill spilled(const struct model *m)
{
	return spool_info(m->spool).spilled;
}

static void test_always_on_disk(void **state)
{
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = SPW_UNLIMITED,
	    .flags = SPW_SPOOL_ON_DISK));
	assert_ok(model_append(&m, 10));
	assert_int_equal(spilled(&m), SPW_SPILL_FORCED);
	assert_ok(model_seal(&m));
	assert_int_equal(spool_info(m.spool).disk_bytes, 10);
	assert_int_equal(budget_stats(&w).charged, 0);
	model_fini(&m);
	world_fini(&w);
}

static void test_the_size_hint_reserves(void **state)
{
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 4 * MIB });
	/* In memory: one block from the start, trimmed when it was too much. */
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = MIB,
	    .size_hint = 200 * KIB));
	assert_ok(model_append(&m, 10));
	assert_int_equal(budget_stats(&w).charged, 256 * KIB);
	assert_ok(model_seal(&m));
	assert_int_equal(budget_stats(&w).charged, 512);
	/* Evicted later, it takes what it is, not what it might have been. */
	assert_ok(model_rollover(&m));
	assert_int_equal(dir_stats(&w).charged, 10);
	model_fini(&m);

	/* On disk, from the first byte, because it is known to be long. */
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 100 * KIB,
	    .size_hint = 200 * KIB));
	assert_ok(model_append(&m, 10));
	assert_int_equal(spilled(&m), SPW_SPILL_LIMIT);
	assert_ok(model_append(&m, 70 * KIB));
	assert_int_equal(dir_stats(&w).charged, 200 * KIB);
	assert_ok(model_seal(&m));
	assert_int_equal(dir_stats(&w).charged, 70 * KIB + 10);
	model_fini(&m);

	/* More than was said is no error. */
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 100 * KIB,
	    .size_hint = 200 * KIB));
	assert_ok(model_append(&m, 500 * KIB));
	assert_ok(model_seal(&m));
	assert_int_equal(dir_stats(&w).charged, 500 * KIB);
	model_fini(&m);
	world_fini(&w);
}

static void test_a_hint_is_only_a_hint(void **state)
{
	struct world w;
	struct model m;
	const struct spw_spool_opts huge = { .size = sizeof(huge),
		.memory_max = SPW_UNLIMITED, .size_hint = UINT64_MAX };

	(void)state;
	model_init(&m, 1000, &huge);
	assert_ok(model_append(&m, 10));
	model_fini(&m);

	world_init(&w, &(struct world_opts){ .budget = 64 * KIB,
	    .no_dir = true });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = SPW_UNLIMITED,
	    .size_hint = MIB));
	assert_ok(model_append(&m, 10));
	assert_int_equal(budget_stats(&w).charged, 512);
	model_fini(&m);
	world_fini(&w);

	/* On disk what cannot fit is told at once. */
	world_init(&w, &(struct world_opts){ .quota = MIB });
	model_init(&m, MIB, SPOOL_OPTS(&w, .size_hint = MIB + 1));
	assert_err(model_append(&m, 1), EDQUOT);
	assert_int_equal(spilled(&m), SPW_SPILL_NONE);
	assert_int_equal(dir_stats(&w).charged, 0);
	model_fini(&m);
	world_fini(&w);
	world_init(&w, &(struct world_opts){ 0 });
	model_init(&m, MIB, SPOOL_OPTS(&w, .size_hint = UINT64_MAX));
	assert_err(model_append(&m, 1), ENOSPC);
	model_fini(&m);
	world_fini(&w);
}

static void test_a_descriptor(void **state)
{
	struct world w;
	struct model m;
	struct stat st;
	char buf[1000];

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = MIB });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	assert_ok(model_append(&m, 1000));
	int fd = spw_spool_fd(m.spool);
	assert_ok(fd);
	assert_int_equal(spilled(&m), SPW_SPILL_FORCED);
	assert_ok(fstat(fd, &st));
	assert_int_equal(st.st_size, 1000);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);

	/* It follows the content, and survives the spool. */
	assert_ok(model_append(&m, 70000));
	assert_ok(model_seal(&m));
	assert_ok(fstat(fd, &st));
	assert_int_equal(st.st_size, 71000);
	int other = spw_spool_fd(m.spool);
	assert_ok(other);
	assert_int_not_equal(other, fd);
	close(other);
	uint8_t *bytes = m.bytes;
	m.bytes = NULL;
	model_fini(&m);
	assert_int_equal(pread(fd, buf, 1000, 70000), 1000);
	assert_memory_equal(buf, bytes + 70000, 1000);
	free(bytes);
	close(fd);
	world_fini(&w);
}

static void test_a_descriptor_of_nothing(void **state)
{
	struct world w;
	struct model m;
	struct stat st;

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = MIB));
	int fd = spw_spool_fd(m.spool);
	assert_ok(fd);
	assert_ok(model_append(&m, 10));
	assert_ok(model_seal(&m));
	assert_ok(fstat(fd, &st));
	assert_int_equal(st.st_size, 10);
	close(fd);
	model_fini(&m);
	world_fini(&w);
}

static void test_quota(void **state)
{
	struct world w;
	struct model m, other;

	(void)state;
	world_init(&w, &(struct world_opts){ .quota = 100 * KIB });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 10 * KIB));
	model_init(&other, MIB, SPOOL_OPTS(&w, .memory_max = 10 * KIB));
	assert_ok(model_append(&other, 80 * KIB));
	assert_ok(model_rollover(&other));
	assert_ok(model_append(&m, 10 * KIB));
	assert_err(model_append(&m, 11 * KIB), EDQUOT);
	assert_err(model_pwrite(&m, 1, 30 * KIB), EDQUOT);
	assert_err(model_truncate(&m, 30 * KIB), EDQUOT);
	/* What fits goes on fitting. */
	assert_ok(model_append(&m, 10 * KIB));
	assert_ok(model_rollover(&m));
	assert_int_equal(dir_stats(&w).charged, 100 * KIB);
	assert_err(model_append(&m, 100 * KIB), EDQUOT);
	assert_int_equal(dir_stats(&w).charged, 100 * KIB);
	/* Room comes back, the same call works. */
	model_fini(&other);
	assert_ok(model_append(&m, 70 * KIB));
	assert_ok(model_seal(&m));
	assert_int_equal(dir_stats(&w).charged, 90 * KIB);
	model_fini(&m);
	world_fini(&w);
}

/* A spill that is refused leaves a spool in memory that can be tried again. */
static void test_a_refused_spill(void **state)
{
	struct world w;
	struct model m, other;

	(void)state;
	world_init(&w, &(struct world_opts){ .quota = 10 * KIB,
	    .budget = MIB });
	model_init(&other, MIB, SPOOL_OPTS(&w, .memory_max = 0));
	assert_ok(model_append(&other, 8 * KIB));
	assert_ok(model_rollover(&other));
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 4 * KIB));
	assert_ok(model_append(&m, 4 * KIB));
	assert_err(model_rollover(&m), EDQUOT);
	assert_err(spw_spool_fd(m.spool), EDQUOT);
	assert_err(model_append(&m, 1), EDQUOT);
	assert_int_equal(spilled(&m), SPW_SPILL_NONE);
	assert_int_equal(dir_stats(&w).files, 1);
	assert_int_equal(dir_stats(&w).charged, 8 * KIB);
	assert_int_equal(budget_stats(&w).spools, 1);
	assert_ok(model_pwrite(&m, 100, 10));
	model_fini(&other);
	assert_ok(model_append(&m, 1));
	assert_int_equal(spilled(&m), SPW_SPILL_LIMIT);
	model_fini(&m);
	world_fini(&w);
}

static void test_keep_free(void **state)
{
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ .keep_free = UINT64_MAX / 2 });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 1000));
	assert_ok(model_append(&m, 1000));
	assert_err(model_append(&m, 1), ENOSPC);
	assert_err(model_rollover(&m), ENOSPC);
	assert_int_equal(spilled(&m), SPW_SPILL_NONE);
	assert_int_equal(dir_stats(&w).files, 0);
	assert_ok(model_seal(&m));
	model_fini(&m);
	world_fini(&w);
}

struct told {
	int spills;
	enum spw_spill why;
};

static int spills_of_nobody;

static void note_spill(struct spw_spool *s, enum spw_spill why, void *user_data)
{
	struct told *t = user_data;

	(void)s;
	if (!t) {
		spills_of_nobody++;
		return;
	}
	t->spills++;
	t->why = why;
}

static void test_a_spill_is_told_once(void **state)
{
	struct told told = { 0 };
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ .quota = 10 * KIB });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 100,
	    .on_spill = note_spill, .user_data = &told));
	assert_ok(model_append(&m, 100));
	assert_int_equal(told.spills, 0);
	/* One that fails is no spill. */
	assert_err(model_append(&m, 11 * KIB), EDQUOT);
	assert_int_equal(told.spills, 0);
	assert_ok(model_append(&m, 1));
	assert_int_equal(told.spills, 1);
	assert_int_equal(told.why, SPW_SPILL_LIMIT);
	assert_ok(model_rollover(&m));
	assert_int_equal(told.spills, 1);
	model_fini(&m);

	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 100,
	    .on_spill = note_spill, .user_data = &told));
	spw_spool_detach(m.spool);
	assert_ok(model_append(&m, 101));
	/* Told, but with nobody's data. */
	assert_int_equal(told.spills, 1);
	assert_int_equal(spills_of_nobody, 1);
	model_fini(&m);
	world_fini(&w);
}

static void test_nothing_is_left_in_the_directory(void **state)
{
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 0));
	assert_ok(model_append(&m, 100 * KIB));
	assert_ok(rmdir(w.path));
	assert_ok(model_append(&m, 100 * KIB));
	assert_ok(model_seal(&m));
	model_fini(&m);

	/* New ones cannot spill any more, and lose nothing by it. */
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 100));
	assert_ok(model_append(&m, 100));
	assert_err(model_append(&m, 1), ENOENT);
	assert_err(model_rollover(&m), ENOENT);
	assert_ok(model_seal(&m));
	model_fini(&m);
	assert_ok(mkdir(w.path, 0700));
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_always_on_disk),
		cmocka_unit_test(test_the_size_hint_reserves),
		cmocka_unit_test(test_a_hint_is_only_a_hint),
		cmocka_unit_test(test_a_descriptor),
		cmocka_unit_test(test_a_descriptor_of_nothing),
		cmocka_unit_test(test_quota),
		cmocka_unit_test(test_a_refused_spill),
		cmocka_unit_test(test_keep_free),
		cmocka_unit_test(test_a_spill_is_told_once),
		cmocka_unit_test(test_nothing_is_left_in_the_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
