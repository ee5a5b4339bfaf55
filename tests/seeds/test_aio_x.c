/* SPDX-License-Identifier: MIT */
/* Behaviours that the seeds have wrong or leave open, asked of the queue. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>

#include "unit/lib/rig.h"
#include "unit/lib/scratch.h"

/*
 * The same random operations on a spool in memory, on disk, and one that
 * spills midway, each submitted to a queue, against a plain array.
 */
enum { ARRAY = 30000, STEPS = 400 };

struct twin {
	struct spw_spool *s;
	uint8_t bytes[ARRAY];
	size_t size;
};

static void step(struct rig *r, struct twin *t, uint64_t *random)
{
	static uint8_t buf[ARRAY];
	size_t len = next_random(random) % 1000;
	size_t off = next_random(random) % (ARRAY - 1000);

	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)next_random(random);
	switch (next_random(random) % 5) {
	case 0:
		if (t->size + len > ARRAY)
			return;
		assert_int_equal(rig_append(r, t->s, buf, len), 0);
		memcpy(t->bytes + t->size, buf, len);
		t->size += len;
		break;
	case 1:
		assert_int_equal(rig_pwrite(r, t->s, buf, len, off), 0);
		if (!len)
			break;
		memcpy(t->bytes + off, buf, len);
		if (t->size < off + len)
			t->size = off + len;
		break;
	case 2:
		assert_int_equal(rig_truncate(r, t->s, off), 0);
		if (off < t->size)
			memset(t->bytes + off, 0, t->size - off);
		t->size = off;
		break;
	default:
		break;
	}
	assert_int_equal(spw_spool_size(t->s), t->size);
	assert_int_equal(rig_pread(r, t->s, buf, ARRAY, 0), t->size);
	assert_memory_equal(buf, t->bytes, t->size);
}

static void X01_the_same_in_every_phase(void **state)
{
	static const uint64_t limits[] = { 0, 15000, SPW_UNLIMITED };

	(void)state;
	/* Writing at once, behind, and behind on the queue's only thread. */
	for (unsigned pool = 0; pool < 3; pool++) {
		for (int i = 0; i < 3; i++) {
			static struct twin t;
			uint64_t random = 88172645463325252u;
			struct rig r;

			rig_init(&r, &(struct rig_opts){ .threads = 2,
			    .world.threads = pool > 0, .share = pool > 1 });
			t = (struct twin){ .size = 0 };
			t.s = rig_spool(&r, .memory_max = limits[i]);
			for (int k = 0; k < STEPS; k++)
				step(&r, &t, &random);
			assert_int_equal(spool_info(t.s).spilled ==
			    SPW_SPILL_NONE, i == 2);
			assert_int_equal(r.hops == 0, i == 2);
			spw_spool_unref(t.s);
			rig_fini(&r);
		}
	}
}

/* Of a length that overflows nothing is done, in no phase. */
static void X05_overflow(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, &(struct rig_opts){ .threads = 1 });
	for (int spilled = 0; spilled < 2; spilled++) {
		struct spw_spool *s = rig_spool(&r,
		    .memory_max = spilled ? 0 : 100);

		assert_int_equal(rig_append(&r, s, "abc", 3), 0);
		assert_err((int)rig_pwrite(&r, s, "01234", 5, INT64_MAX),
		    EFBIG);
		assert_err((int)rig_pwrite(&r, s, "01234", 5, UINT64_MAX),
		    EFBIG);
		assert_err((int)rig_truncate(&r, s, UINT64_MAX), EFBIG);
		assert_int_equal(spw_spool_size(s), 3);
		spw_spool_unref(s);
	}
	rig_fini(&r);
}

/* A spill that fails loses nothing, adds nothing, and may be tried again. */
static void X06_a_spill_that_fails(void **state)
{
	static uint8_t content[90000], buf[90000];
	struct rig r;

	(void)state;
	fill_content(content, sizeof(content), 0);
	rig_init(&r, &(struct rig_opts){ .threads = 1,
	    .world.quota = 65536 });
	struct spw_spool *s = rig_spool(&r, .memory_max = 90000);
	assert_int_equal(rig_append(&r, s, content, sizeof(content)), 0);
	for (int i = 0; i < 3; i++) {
		assert_err((int)rig_append(&r, s, "x", 1), EDQUOT);
		assert_err((int)rig_rollover(&r, s), EDQUOT);
		assert_err((int)rig_fd(&r, s), EDQUOT);
		assert_int_equal(spw_spool_size(s), sizeof(content));
		assert_int_equal(rig_pread(&r, s, buf, sizeof(buf), 0),
		    sizeof(buf));
		assert_memory_equal(buf, content, sizeof(buf));
	}
	assert_int_equal(rig_truncate(&r, s, 60000), 0);
	assert_int_equal(rig_rollover(&r, s), 0);
	assert_int_equal(rig_pread(&r, s, buf, sizeof(buf), 0), 60000);
	assert_memory_equal(buf, content, 60000);
	spw_spool_unref(s);
	rig_fini(&r);
}

/* The directory is gone: what is in memory stays, and nothing is added. */
static void X07_a_missing_directory(void **state)
{
	struct rig r;
	char buf[32];

	(void)state;
	rig_init(&r, &(struct rig_opts){ .threads = 1 });
	struct spw_spool *s = rig_spool(&r, .memory_max = 10);
	assert_int_equal(rig_append(&r, s, "0123456789", 10), 0);
	assert_ok(rmdir(r.world.path));
	for (int i = 0; i < 3; i++) {
		assert_true(rig_append(&r, s, "x", 1) < 0);
		assert_true(rig_pwrite(&r, s, "xyz", 3, 9) < 0);
		assert_true(rig_truncate(&r, s, 11) < 0);
		assert_int_equal(rig_pread(&r, s, buf, 32, 0), 10);
		assert_memory_equal(buf, "0123456789", 10);
	}
	assert_int_equal(rig_pwrite(&r, s, "x", 1, 9), 0);
	assert_int_equal(spool_info(s).spilled, SPW_SPILL_NONE);
	spw_spool_unref(s);
	assert_ok(mkdir(r.world.path, 0700));
	rig_fini(&r);
}

static void X09_nothing_never_spills(void **state)
{
	static const uint64_t limits[] = { 0, 1 };
	struct rig r;

	(void)state;
	rig_init(&r, &(struct rig_opts){ .threads = 1 });
	for (int i = 0; i < 2; i++) {
		struct spw_spool *s = rig_spool(&r, .memory_max = limits[i]);

		assert_int_equal(rig_append(&r, s, "", 0), 0);
		assert_int_equal(rig_pwrite(&r, s, "", 0, 0), 0);
		assert_int_equal(rig_truncate(&r, s, 0), 0);
		assert_int_equal(spool_info(s).spilled, SPW_SPILL_NONE);
		spw_spool_unref(s);
	}
	assert_int_equal(r.hops, 0);
	rig_fini(&r);
}

/* The descriptor outlives the spool. */
static void X14_the_descriptor(void **state)
{
	struct rig r;
	char buf[16];

	(void)state;
	rig_init(&r, &(struct rig_opts){ .threads = 1 });
	for (int spilled = 0; spilled < 2; spilled++) {
		struct stat st;
		struct spw_spool *s = rig_spool(&r,
		    .memory_max = spilled ? 0 : 100);

		assert_int_equal(rig_append(&r, s, "hello", 5), 0);
		int fd = (int)rig_fd(&r, s);
		assert_ok(fd);
		spw_spool_unref(s);
		assert_ok(fstat(fd, &st));
		assert_int_equal(st.st_size, 5);
		assert_int_equal(pread(fd, buf, 16, 0), 5);
		assert_memory_equal(buf, "hello", 5);
		close(fd);
	}
	rig_fini(&r);
}

enum { WRITERS = 4, RECORD = 100, RECORDS = 200 };

struct shared {
	struct rig r;
	struct spw_spool *s;
	_Atomic unsigned left;
};

/* Each writer has a queue of its own on the same pool. */
static void *write_records(void *arg)
{
	struct shared *sh = arg;
	const struct spw_aio_opts o = { .size = sizeof(o),
		.pool = sh->r.pool, .depth = 8 };
	uint8_t record[RECORD];
	struct spw_aio *q;

	memset(record, 'A' + (int)atomic_fetch_sub(&sh->left, 1), RECORD);
	require(spw_aio_open(&o, &q) == 0);
	for (int i = 0; i < RECORDS; i++) {
		struct spw_aio_op op, *done;

		spw_aio_prep_append(&op, sh->s, record, RECORD);
		int r = spw_aio_submit(q, &op);
		require(r >= 0);
		if (r == 0)
			require(spw_aio_reap_wait(q, SPW_NO_DEADLINE,
			    &done) == 0);
		require(op.result == 0);
	}
	spw_aio_close(q, SPW_AIO_FINISH, NULL);
	return NULL;
}

static void X15_four_writers(void **state)
{
	static char all[WRITERS * RECORDS * RECORD];
	unsigned count[256] = { 0 };
	struct shared sh = { .left = WRITERS };
	pthread_t ids[WRITERS];

	(void)state;
	rig_init(&sh.r, &(struct rig_opts){ .threads = 3 });
	sh.s = rig_spool(&sh.r, .memory_max = 40000);
	for (int i = 0; i < WRITERS; i++)
		ids[i] = start_thread(write_records, &sh);
	for (int i = 0; i < WRITERS; i++)
		join_thread(ids[i]);
	assert_int_equal(spw_spool_size(sh.s), sizeof(all));
	assert_int_equal(spool_info(sh.s).spilled, SPW_SPILL_LIMIT);
	assert_int_equal(rig_pread(&sh.r, sh.s, all, sizeof(all), 0),
	    sizeof(all));
	/* No record is torn. */
	for (size_t i = 0; i < sizeof(all); i += RECORD) {
		for (size_t k = 1; k < RECORD; k++)
			assert_int_equal(all[i + k], all[i]);
		count[(unsigned char)all[i]]++;
	}
	for (int i = 1; i <= WRITERS; i++)
		assert_int_equal(count['A' + i], RECORDS);
	spw_spool_unref(sh.s);
	rig_fini(&sh.r);
}

static void *read_all(void *arg)
{
	struct shared *sh = arg;
	static _Thread_local uint8_t buf[RECORD * RECORDS];
	const struct spw_aio_opts o = { .size = sizeof(o),
		.pool = sh->r.pool, .depth = 8 };
	struct spw_aio *q;
	uint64_t off = 0;

	require(spw_aio_open(&o, &q) == 0);
	while (off < sizeof(buf)) {
		struct spw_aio_op op, *done;

		spw_aio_prep_wait(&op, sh->s, off, SPW_NO_DEADLINE);
		if (spw_aio_submit(q, &op) == 0)
			require(spw_aio_reap_wait(q, SPW_NO_DEADLINE,
			    &done) == 0);
		require(op.result == 1);
		spw_aio_prep_pread(&op, sh->s, buf, sizeof(buf), off);
		if (spw_aio_submit(q, &op) == 0)
			require(spw_aio_reap_wait(q, SPW_NO_DEADLINE,
			    &done) == 0);
		require(op.result > 0);
		require(is_content(buf, (size_t)op.result, off));
		off += (uint64_t)op.result;
	}
	spw_aio_close(q, SPW_AIO_FINISH, NULL);
	return NULL;
}

/* Who follows the writer across the spill misses nothing. */
static void X16_readers_during_the_spill(void **state)
{
	struct shared sh = { .left = 0 };
	pthread_t ids[2];

	(void)state;
	rig_init(&sh.r, &(struct rig_opts){ .threads = 2 });
	sh.s = rig_spool(&sh.r, .memory_max = 9000);
	for (int i = 0; i < 2; i++)
		ids[i] = start_thread(read_all, &sh);
	for (uint64_t off = 0; off < RECORD * RECORDS; off += RECORD) {
		uint8_t record[RECORD];

		fill_content(record, RECORD, off);
		assert_int_equal(rig_append(&sh.r, sh.s, record, RECORD), 0);
	}
	for (int i = 0; i < 2; i++)
		join_thread(ids[i]);
	spw_spool_unref(sh.s);
	rig_fini(&sh.r);
}

/* Without a descriptor to be had it stays in memory, whole. */
static void no_descriptors(void)
{
	struct rlimit limit;
	struct rig r;
	char buf[16];

	rig_init(&r, &(struct rig_opts){ .threads = 1 });
	struct spw_spool *s = rig_spool(&r, .memory_max = 5);
	require(rig_append(&r, s, "hello", 5) == 0);
	require(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = 3;
	require(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	require(rig_append(&r, s, "!", 1) == -EMFILE);
	require(rig_rollover(&r, s) == -EMFILE);
	require(rig_pread(&r, s, buf, 16, 0) == 5);
	require(memcmp(buf, "hello", 5) == 0);
	spw_spool_unref(s);
	rig_fini(&r);
	_exit(0);
}

static void X23_no_descriptors(void **state)
{
	int status;

	(void)state;
	pid_t child = fork();
	assert_ok(child);
	if (child == 0)
		no_descriptors();
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(X01_the_same_in_every_phase),
		cmocka_unit_test(X05_overflow),
		cmocka_unit_test(X06_a_spill_that_fails),
		cmocka_unit_test(X07_a_missing_directory),
		cmocka_unit_test(X09_nothing_never_spills),
		cmocka_unit_test(X14_the_descriptor),
		cmocka_unit_test(X15_four_writers),
		cmocka_unit_test(X16_readers_during_the_spill),
		cmocka_unit_test(X23_no_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The other X, and Q, concern no call that the queue adds: they are with the
 * byte spool, and X21 with temporary files.
 */
