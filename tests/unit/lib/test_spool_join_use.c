/* SPDX-License-Identifier: MIT */
/*
 * Who uses a joined spool need not know: in memory, on disk, in a segment, on
 * the way there, and everything that takes a spool.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <spillway/aio.h>
#include <spillway/copy.h>
#include <spillway/cursor.h>
#include <spillway/digest.h>

#include "spool.h"
#include "unit/lib/joining.h"
#include "unit/lib/toy.h"

enum { MEMORY, DISK, PACKED, SPARSE, BEHIND, PARTS };

/* One of each kind, joined. */
struct scene {
	struct world w;
	struct spw_census *census;
	struct model parts[PARTS], whole;
};

static void begin_with(struct scene *s, const struct world_opts *opts,
    const struct spw_cipher *cipher)
{
	world_init(&s->w, opts);
	assert_ok(spw_census_new(&s->census));
	for (int i = 0; i < PARTS; i++)
		model_init(&s->parts[i], MIB, SPOOL_OPTS(&s->w,
		    .memory_max = i == DISK || i == BEHIND ? 0 : MIB,
		    .flags = i == SPARSE ? SPW_SPOOL_SPARSE : 0,
		    .size_hint = i == SPARSE ? 30000 : 0,
		    .census = s->census, .cipher = cipher));
	assert_ok(model_append(&s->parts[MEMORY], 70000));
	assert_ok(model_append(&s->parts[DISK], 100000));
	assert_ok(model_append(&s->parts[PACKED], 3000));
	assert_ok(model_seal(&s->parts[PACKED]));
	assert_ok(spw__spool_pack(s->parts[PACKED].spool));
	assert_ok(model_pwrite(&s->parts[SPARSE], 30000, 0));
	for (int i = 0; i < 3; i++)
		assert_ok(model_append(&s->parts[BEHIND], 50000));
	model_init(&s->whole, MIB, SPOOL_OPTS(&s->w, .memory_max = MIB,
	    .census = s->census, .cipher = cipher));
	for (int i = 0; i < PARTS; i++)
		assert_ok(model_join(&s->whole, &s->parts[i], 1,
		    s->parts[i].size - 2));
}

static void begin(struct scene *s)
{
	begin_with(s, &(struct world_opts){ .budget = 4 * MIB, .threads = 1 },
	    NULL);
}

static void end(struct scene *s)
{
	for (int i = 0; i < PARTS; i++)
		model_fini(&s->parts[i]);
	model_check(&s->whole);
	model_fini(&s->whole);
	spw_census_unref(s->census);
	world_fini(&s->w);
}

static void seal_all(struct scene *s)
{
	for (int i = 0; i < PARTS; i++)
		assert_ok(model_seal(&s->parts[i]));
	assert_ok(model_seal(&s->whole));
}

static void expect_file(struct scene *s, int fd)
{
	static uint8_t buf[MIB];
	struct stat st;

	assert_ok(fd);
	assert_ok(fstat(fd, &st));
	assert_int_equal(st.st_size, s->whole.size);
	assert_int_equal(pread(fd, buf, sizeof(buf), 0), s->whole.size);
	assert_memory_equal(buf, s->whole.bytes, s->whole.size);
	close(fd);
}

/* It goes to disk part by part, and the bytes are where they are. */
static void test_tiers(void **state)
{
	struct scene s;
	uint64_t off, coming = 0;

	(void)state;
	begin(&s);
	struct spw_spool_info info = spool_info(s.whole.spool);
	assert_int_equal(info.spilled, SPW_SPILL_LIMIT);
	assert_true(info.memory_bytes >= 69998 + 29998);
	assert_err(spw_spool_next_data(s.whole.spool, info.size, &off), ENXIO);
	assert_ok(spw_spool_next_data(s.whole.spool, 70000, &off));
	assert_int_equal(off, 70000);
	assert_ok(spw_spool_next_hole(s.whole.spool, 10, &off));
	assert_int_equal(off, info.size);

	/* Somebody needs the memory. */
	assert_ok(spw__spool_evict(s.parts[MEMORY].spool, &coming));
	model_check(&s.whole);
	world_settle(&s.w);
	model_check(&s.whole);
	assert_int_equal(spool_info(s.parts[MEMORY].spool).disk_bytes, 70000);
	assert_true(spool_info(s.whole.spool).disk_bytes >= 69998 + 99998);

	assert_ok(model_rollover(&s.whole));
	for (int i = 0; i < PARTS; i++)
		assert_int_equal(
		    spool_info(s.parts[i].spool).memory_bytes, 0);
	assert_ok(spw_spool_flush(s.whole.spool));
	end(&s);
}

/* Where sendfile finds it: in one part, but for one that is packed. */
static void test_files(void **state)
{
	struct scene s;
	uint64_t at;

	(void)state;
	begin(&s);
	seal_all(&s);
	const uint64_t disk = 69998, packed = disk + 99998;
	int fd = atomic_load(&s.parts[DISK].spool->fd);
	assert_err(spw_spool_file_at(s.whole.spool, 0, 1, &at), EAGAIN);
	assert_int_equal(
	    spw_spool_file_at(s.whole.spool, disk, 99998, &at), fd);
	assert_int_equal(at, 1);
	assert_err(spw_spool_file(s.whole.spool, disk, 99998), EAGAIN);
	assert_int_equal(
	    spw_spool_file_at(s.whole.spool, disk + 500, 9, &at), fd);
	assert_int_equal(at, 501);
	assert_err(spw_spool_file_at(s.whole.spool, disk, 99999, &at), EAGAIN);
	assert_err(spw_spool_file_at(s.whole.spool, packed, 10, &at), EAGAIN);
	assert_err(
	    spw_spool_file_at(s.whole.spool, UINT64_MAX, 0, &at), EAGAIN);
	assert_err(
	    spw_spool_file_at(s.whole.spool, 0, UINT64_MAX, &at), EAGAIN);
	assert_int_equal(
	    spw_spool_file_at(s.parts[DISK].spool, 7, 10, &at), fd);
	assert_int_equal(at, 7);

	struct spw_pin pin;
	assert_ok(spw_spool_pin(s.whole.spool, 0, disk, &pin));
	spw_spool_unpin(&pin);
	assert_err(spw_spool_pin(s.whole.spool, disk - 1, 2, &pin), EAGAIN);
	assert_err(spw_spool_pin(s.whole.spool, disk, 1, &pin), EAGAIN);
	end(&s);
}

static void test_descriptor(void **state)
{
	struct scene s;
	struct world bare;
	struct model whole;

	(void)state;
	begin(&s);
	struct spw_dir_stats before = dir_stats(&s.w);
	expect_file(&s, spw_spool_fd(s.whole.spool));
	assert_int_equal(dir_stats(&s.w).charged, before.charged);
	seal_all(&s);
	expect_file(&s, spw_spool_fd(s.whole.spool));

	world_init(&bare, &(struct world_opts){ .no_dir = true });
	model_init(&whole, MIB, SPOOL_OPTS(&bare, .memory_max = MIB));
	assert_ok(model_join_all(&whole, &s.whole));
	assert_err(spw_spool_fd(whole.spool), ENOBUFS);
	model_fini(&whole);
	world_fini(&bare);
	end(&s);
}

static void expect_same(struct scene *s, struct spw_spool *c)
{
	bool equal;

	assert_ok(spw_spool_equal(c, s->whole.spool, &equal));
	assert_true(equal);
	assert_int_equal(spw_spool_size(c), s->whole.size);
}

static void expect_clone(struct scene *s, uint64_t memory_max,
    enum spw_spill why)
{
	struct spw_spool *c;

	assert_ok(spw_spool_clone(s->whole.spool,
	    SPOOL_OPTS(&s->w, .memory_max = memory_max), &c));
	expect_same(s, c);
	assert_int_equal(spool_info(c).spilled, why);
	/* It has bytes of its own. */
	assert_ok(spw_spool_pwrite(c, "x", 1, 3));
	assert_ok(spw_spool_append(c, "x", 1));
	spw_spool_unref(c);
	model_check(&s->whole);
}

static void test_copies(void **state)
{
	struct scene s;
	struct spw_spool *c;
	char folder[128], path[160];

	(void)state;
	begin(&s);
	expect_clone(&s, MIB, SPW_SPILL_NONE);
	expect_clone(&s, 1000, SPW_SPILL_LIMIT);
	assert_ok(spw_spool_snapshot(s.whole.spool, &c));
	assert_ptr_not_equal(c, s.whole.spool);
	expect_same(&s, c);
	spw_spool_unref(c);

	make_temp_dir(folder, sizeof(folder));
	snprintf(path, sizeof(path), "%s/name", folder);
	for (int i = 0; i < 2; i++) {
		assert_ok(spw_spool_save(
		    s.whole.spool, AT_FDCWD, path, 0600, 0));
		expect_file(&s, open(path, O_RDONLY | O_CLOEXEC));
		if (i == 0)
			seal_all(&s);
	}
	assert_ok(unlink(path));
	assert_ok(rmdir(folder));

	assert_ok(spw_spool_snapshot(s.whole.spool, &c));
	assert_ptr_equal(c, s.whole.spool);
	spw_spool_unref(c);
	expect_clone(&s, MIB, SPW_SPILL_NONE);
	expect_clone(&s, 0, SPW_SPILL_LIMIT);
	end(&s);
}

static void test_equal(void **state)
{
	struct scene s;
	struct spw_spool *c;
	bool equal;

	(void)state;
	begin(&s);
	assert_ok(spw_spool_clone(s.whole.spool, NULL, &c));
	expect_same(&s, c);
	assert_ok(spw_spool_pwrite(c, "?!", 2, s.whole.size - 2));
	assert_ok(spw_spool_equal(s.whole.spool, c, &equal));
	assert_false(equal);
	spw_spool_unref(c);
	end(&s);
}

static uint32_t digest_of(struct spw_digest *d)
{
	uint8_t v[4];

	assert_ok(spw_digest_get(d, v, NULL));
	return (uint32_t)v[0] << 24 | (uint32_t)v[1] << 16 |
	    (uint32_t)v[2] << 8 | v[3];
}

/* One that watches from the beginning, and one that comes late. */
static void test_digests(void **state)
{
	struct scene s;
	struct spw_digest *d, *late;

	(void)state;
	begin(&s);
	assert_ok(spw_digest_open(s.whole.spool, spw_digest_crc32c(), &d));
	assert_int_equal(
	    digest_of(d), spw_crc32c(0, s.whole.bytes, s.whole.size));
	assert_ok(model_join(&s.whole, &s.parts[DISK], 50, 1000));
	assert_ok(model_join_all(&s.whole, &s.parts[MEMORY]));
	seal_all(&s);
	assert_ok(spw_digest_open(s.whole.spool, spw_digest_crc32c(), &late));
	uint32_t crc = spw_crc32c(0, s.whole.bytes, s.whole.size);
	assert_int_equal(digest_of(d), crc);
	assert_int_equal(digest_of(late), crc);
	spw_digest_close(d);
	spw_digest_close(late);
	end(&s);
}

/* Bytes are counted once, where they are. */
static void test_census(void **state)
{
	struct spw_census_stats before, after;
	struct scene s;
	struct model more;

	(void)state;
	begin(&s);
	seal_all(&s);
	spw_census_take(s.census, &before);
	assert_int_equal(before.bytes, 70000 + 100000 + 3000 + 30000 + 150000);
	assert_int_equal(
	    before.memory_bytes + before.disk_bytes, before.bytes);
	model_init(&more, MIB,
	    SPOOL_OPTS(&s.w, .memory_max = MIB, .census = s.census));
	assert_ok(model_join_all(&more, &s.whole));
	spw_census_take(s.census, &after);
	assert_int_equal(after.live, before.live + 1);
	assert_int_equal(after.bytes, before.bytes);
	assert_int_equal(after.memory_bytes, before.memory_bytes);
	assert_int_equal(after.disk_bytes, before.disk_bytes);
	model_fini(&more);
	end(&s);
}

/* Encrypted in the parts, and nowhere to be had otherwise. */
static void test_confidential(void **state)
{
	struct scene s;
	struct spw_spool *c;
	uint64_t at;

	(void)state;
	begin_with(&s, &(struct world_opts){ .budget = 4 * MIB, .threads = 1 },
	    &toy_cipher);
	seal_all(&s);
	assert_err(spw_spool_fd(s.whole.spool), EOPNOTSUPP);
	for (uint64_t off = 0; off < s.whole.size; off += 9999)
		assert_err(spw_spool_file_at(s.whole.spool, off, 1, &at),
		    EAGAIN);
	assert_ok(spw_spool_clone(s.whole.spool, NULL, &c));
	expect_same(&s, c);
	assert_err(spw_spool_fd(c), EOPNOTSUPP);
	spw_spool_unref(c);
	end(&s);
}

/* What is at hand is read at once, also where it is not in memory. */
static void test_at_once(void **state)
{
	static uint8_t buf[MIB];
	struct scene s;
	size_t got = 0;

	(void)state;
	begin(&s);
	seal_all(&s);
	while (got < s.whole.size) {
		ssize_t n = spw_spool_try_pread(
		    s.whole.spool, buf + got, sizeof(buf), got);
		/* The disk's part, if the system has it not. */
		if (n == -EAGAIN)
			n = spw_spool_pread(s.whole.spool, buf + got, 1, got);
		assert_true(n > 0);
		got += (size_t)n;
	}
	assert_memory_equal(buf, s.whole.bytes, s.whole.size);
	assert_int_equal(
	    spw_spool_try_pread(s.whole.spool, buf, 1, s.whole.size), 0);
	end(&s);
}

static void test_aio(void **state)
{
	static uint8_t buf[MIB];
	struct scene s;
	struct spw_aio *q;
	struct spw_aio_op op, *done = &op;

	(void)state;
	begin(&s);
	const struct spw_aio_opts opts = { .size = sizeof(opts),
		.pool = s.w.pool };
	assert_ok(spw_aio_open(&opts, &q));
	spw_aio_prep_pread(&op, s.whole.spool, buf, sizeof(buf), 5);
	int r = spw_aio_submit(q, &op);
	assert_ok(r);
	if (r == 0)
		assert_ok(spw_aio_reap_wait(q, SPW_NO_DEADLINE, &done));
	assert_int_equal(done->result, s.whole.size - 5);
	assert_memory_equal(buf, s.whole.bytes + 5, s.whole.size - 5);
	spw_aio_prep_append(&op, s.whole.spool, "x", 1);
	assert_int_equal(spw_aio_submit(q, &op), 1);
	assert_int_equal(op.result, -EINVAL);
	spw_aio_close(q, SPW_AIO_FINISH, NULL);
	end(&s);
}

static void test_cursor(void **state)
{
	struct scene s;
	struct spw_cursor c;
	char line[5000];
	size_t got = 0;
	ssize_t n;

	(void)state;
	begin(&s);
	assert_ok(spw_cursor_open(&c, s.whole.spool, SPW_CURSOR_RDONLY));
	while ((n = spw_cursor_readline(&c, line, sizeof(line))) > 0) {
		assert_memory_equal(line, s.whole.bytes + got, (size_t)n);
		got += (size_t)n;
	}
	assert_int_equal(n, 0);
	assert_int_equal(got, s.whole.size);
	spw_cursor_close(&c);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tiers),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_descriptor),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_census),
		cmocka_unit_test(test_confidential),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_aio),
		cmocka_unit_test(test_cursor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
