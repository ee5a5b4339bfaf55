/* SPDX-License-Identifier: MIT */
#include <spillway/discard.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <spillway/cipher.h>
#include <spillway/copy.h>

#include "unit/lib/model.h"
#include "unit/lib/threads.h"

#define PAGE 4096

/* Good for nothing but to tell plain bytes from others. */
static int mix(const uint8_t *key, uint64_t nonce, uint64_t off,
    uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		data[i] ^= (uint8_t)(key[(off + i) % 16] + nonce + off + i);
	return 0;
}

static const struct spw_cipher toy = { .size = sizeof(toy), .key_bytes = 16,
	.apply = mix };
/* Of the spools that are made. */
static const struct spw_cipher *cipher;

/* A spool with `size` bytes of content, in memory or on disk. */
static struct spw_spool *filled(const struct world *w, size_t size, bool disk)
{
	struct spw_spool *s;
	uint8_t *bytes = malloc(size);

	assert_non_null(bytes);
	fill_content(bytes, size, 0);
	assert_ok(spw_spool_new(
	    SPOOL_OPTS(w, .memory_max = disk ? 0 : 64 * MIB,
	    .cipher = cipher), &s));
	assert_ok(spw_spool_append(s, bytes, size));
	free(bytes);
	if (disk)
		assert_ok(spw_spool_rollover(s));
	return s;
}

/* `len` bytes of content at `off`, and nothing else. */
static void expect_content(struct spw_spool *s, uint64_t off, size_t len)
{
	uint8_t *bytes = malloc(len + 1);

	assert_non_null(bytes);
	assert_int_equal(spw_spool_pread(s, bytes, len, off), len);
	assert_true(is_content(bytes, len, off));
	free(bytes);
}

static void expect_gone(struct spw_spool *s, uint64_t off)
{
	struct spw_pin pin;
	uint8_t byte;

	assert_err(spw_spool_pread(s, &byte, 1, off), ENODATA);
	assert_int_equal(spw_spool_present(s, off), 0);
	assert_err(spw_spool_pin(s, off, 1, &pin), EAGAIN);
	assert_err(spw_spool_wait(s, off, SPW_NO_DEADLINE, NULL), ENODATA);
}

static void expect_prefix_gone(struct spw_spool *s, uint64_t start,
    uint64_t size)
{
	uint64_t at;

	assert_int_equal(spw_spool_start(s), start);
	assert_int_equal(spw_spool_size(s), size);
	assert_int_equal(spw_spool_committed(s), size);
	struct spw_spool_info info = spool_info(s);
	assert_int_equal(info.discarded, start);
	assert_int_equal(info.present, size - start);
	assert_int_equal(info.memory_bytes + info.disk_bytes, size - start);
	expect_gone(s, 0);
	expect_gone(s, start - 1);
	expect_content(s, start, (size_t)(size - start));
	assert_ok(spw_spool_next_hole(s, 0, &at));
	assert_int_equal(at, 0);
	if (start == size) {
		assert_err(spw_spool_next_data(s, 0, &at), ENXIO);
	} else {
		assert_ok(spw_spool_next_data(s, 0, &at));
		assert_int_equal(at, start);
	}
}

static void a_prefix_goes(struct world *w, bool disk)
{
	struct spw_spool *s = filled(w, 200000, disk);
	uint8_t *all;
	size_t n;

	assert_ok(spw_spool_discard(s, 0, 0));
	assert_ok(spw_spool_discard(s, 200000, 10));
	assert_int_equal(spool_info(s).discarded, 0);
	assert_ok(spw_spool_discard(s, 0, 1));
	expect_prefix_gone(s, 1, 200000);
	/* Only from the beginning on. */
	assert_err(spw_spool_discard(s, 2, 10), EINVAL);
	assert_ok(spw_spool_discard(s, 1, 99999));
	expect_prefix_gone(s, 100000, 200000);
	/* Again, and overlapping. */
	assert_ok(spw_spool_discard(s, 0, 50));
	assert_ok(spw_spool_discard(s, 0, 150001));
	expect_prefix_gone(s, 150001, 200000);
	assert_err(spw_spool_read_all(s, SIZE_MAX, (void **)&all, &n), ENODATA);
	assert_err(spw_spool_pwrite(s, "x", 1, 150000), ENODATA);
	assert_ok(spw_spool_pwrite(s, "", 0, 150000));

	/* It goes on growing, and can be written where it is left. */
	uint8_t more[1000];
	fill_content(more, sizeof(more), 200000);
	assert_ok(spw_spool_append(s, more, sizeof(more)));
	assert_ok(spw_spool_pwrite(s, "x", 1, 150001));
	fill_content(more, 1, 150001);
	assert_ok(spw_spool_pwrite(s, more, 1, 150001));
	expect_prefix_gone(s, 150001, 201000);

	/* Past the end, which stays where it is; also when it is sealed. */
	assert_ok(spw_spool_seal(s));
	assert_ok(spw_spool_discard(s, 0, 170000));
	expect_prefix_gone(s, 170000, 201000);
	assert_ok(spw_spool_discard(s, 0, UINT64_MAX));
	expect_prefix_gone(s, 201000, 201000);
	assert_int_equal(spw_spool_pread(s, more, 1, 201000), 0);
	spw_spool_unref(s);
}

static void test_a_prefix_goes(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 4 * MIB });
	a_prefix_goes(&w, false);
	a_prefix_goes(&w, true);
	world_fini(&w);
}

static void test_memory_comes_back(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 4 * MIB,
	    .no_dir = true });
	struct spw_spool *s = filled(&w, 1000000, false);
	assert_int_equal(budget_stats(&w).charged, MIB);
	assert_ok(spw_spool_discard(s, 0, 900000));
	assert_true(budget_stats(&w).charged <= 256 * KIB);
	expect_prefix_gone(s, 900000, 1000000);
	assert_ok(spw_spool_discard(s, 0, 1000000));
	assert_int_equal(budget_stats(&w).charged, 0);
	assert_ok(spw_spool_append(s, "abc", 3));
	assert_int_equal(budget_stats(&w).charged, 512);
	spw_spool_unref(s);
	world_fini(&w);
}

/* Blocks that the file of a spool takes, in bytes. */
static uint64_t allocated(struct spw_spool *s)
{
	struct stat st;
	int fd = spw_spool_fd(s);

	assert_ok(fd);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, spw_spool_size(s));
	close(fd);
	return (uint64_t)st.st_blocks * 512;
}

static void test_disk_comes_back(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 4 * MIB });
	struct spw_spool *s = filled(&w, 1000000, true);
	uint64_t before = allocated(s);
	assert_int_equal(dir_stats(&w).charged, 1000000);

	/* Whole pages; a part of one comes with the rest of it. */
	assert_ok(spw_spool_discard(s, 0, 10000));
	assert_int_equal(dir_stats(&w).charged, 1000000 - 2 * PAGE);
	assert_ok(spw_spool_discard(s, 0, 3 * PAGE));
	assert_int_equal(dir_stats(&w).charged, 1000000 - 3 * PAGE);
	assert_ok(spw_spool_discard(s, 0, 500000));
	assert_int_equal(dir_stats(&w).charged, 1000000 - 122 * PAGE);
	assert_true(allocated(s) + 400000 < before);
	expect_prefix_gone(s, 500000, 1000000);

	/* Cutting it where it is left, and where it is gone. */
	assert_ok(spw_spool_truncate(s, 600000));
	expect_prefix_gone(s, 500000, 600000);
	assert_int_equal(dir_stats(&w).charged, 600000 - 122 * PAGE);
	assert_ok(spw_spool_truncate(s, 400001));
	assert_int_equal(spw_spool_start(s), 400001);
	assert_int_equal(spw_spool_size(s), 400001);
	assert_int_equal(dir_stats(&w).charged, 0);
	uint8_t more[10000];
	fill_content(more, sizeof(more), 400001);
	assert_ok(spw_spool_append(s, more, sizeof(more)));
	assert_int_equal(dir_stats(&w).charged, 10000);
	expect_prefix_gone(s, 400001, 410001);
	assert_ok(spw_spool_discard(s, 0, 410001));
	assert_true(dir_stats(&w).charged < PAGE);
	spw_spool_unref(s);
	world_fini(&w);
}

/* What nobody needs any more is not worth a quota either. */
static void test_the_quota_is_for_what_is_left(void **state)
{
	struct world w;
	struct spw_spool *s;
	uint8_t piece[64 * 1024];

	(void)state;
	world_init(&w, &(struct world_opts){ .quota = 512 * KIB });
	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = 0), &s));
	for (uint64_t off = 0; off < 4 * MIB; off += sizeof(piece)) {
		fill_content(piece, sizeof(piece), off);
		assert_ok(spw_spool_append(s, piece, sizeof(piece)));
		if (off >= 256 * KIB)
			assert_ok(spw_spool_discard(s, 0, off - 256 * KIB));
	}
	expect_prefix_gone(s, 4 * MIB - 320 * KIB, 4 * MIB);
	spw_spool_unref(s);
	world_fini(&w);
}

static void test_gone_before_it_is_on_disk(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 4 * MIB });
	struct spw_spool *s = filled(&w, 300000, false);
	assert_ok(spw_spool_discard(s, 0, 299000));
	assert_ok(spw_spool_rollover(s));
	/* What was gone takes no disk, then or later. */
	assert_int_equal(dir_stats(&w).charged, 300000 - 72 * PAGE);
	assert_true(allocated(s) <= 2 * PAGE);
	expect_prefix_gone(s, 299000, 300000);
	spw_spool_unref(s);

	/* A block that waits for the disk, and goes before it got there. */
	assert_ok(spw_spool_new(SPOOL_OPTS(&w, .memory_max = 0), &s));
	assert_ok(spw_spool_append(s, "0123456789", 10));
	assert_int_equal(spool_info(s).memory_bytes, 10);
	assert_ok(spw_spool_discard(s, 0, 10));
	assert_int_equal(spool_info(s).memory_bytes, 0);
	assert_int_equal(budget_stats(&w).charged, 0);
	assert_ok(spw_spool_append(s, "abc", 3));
	assert_ok(spw_spool_flush(s));
	char byte;
	assert_int_equal(spw_spool_pread(s, &byte, 1, 12), 1);
	assert_int_equal(byte, 'c');
	assert_true(allocated(s) <= PAGE);
	spw_spool_unref(s);
	world_fini(&w);
}

static void test_truncating_in_memory(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 4 * MIB,
	    .no_dir = true });
	struct spw_spool *s = filled(&w, 10000, false);
	assert_ok(spw_spool_discard(s, 0, 9000));
	assert_ok(spw_spool_truncate(s, 9500));
	expect_prefix_gone(s, 9000, 9500);
	assert_ok(spw_spool_truncate(s, 5000));
	assert_int_equal(spw_spool_start(s), 5000);
	assert_int_equal(budget_stats(&w).charged, 0);
	/* Growing makes zeros, but none of what is gone. */
	assert_ok(spw_spool_truncate(s, 5003));
	uint8_t bytes[4] = { 1, 1, 1, 1 };
	assert_int_equal(spw_spool_pread(s, bytes, 4, 5000), 3);
	assert_memory_equal(bytes, "\0\0\0\1", 4);
	expect_gone(s, 4999);
	assert_ok(spw_spool_truncate(s, 0));
	assert_int_equal(spool_info(s).discarded, 0);
	assert_int_equal(spw_spool_pread(s, bytes, 4, 0), 0);
	spw_spool_unref(s);
	world_fini(&w);
}

static void test_copies_need_all(void **state)
{
	struct world w;
	struct spw_spool *c = NULL;
	bool same;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 4 * MIB });
	for (int disk = 0; disk < 2; disk++) {
		struct spw_spool *s = filled(&w, 100000, disk);
		char path[200];

		snprintf(path, sizeof(path), "%s/saved", w.path);
		assert_ok(spw_spool_discard(s, 0, 10));
		assert_err(spw_spool_clone(s, NULL, &c), ENODATA);
		assert_err(spw_spool_snapshot(s, &c), ENODATA);
		assert_err(spw_spool_save(s, AT_FDCWD, path, 0600, 0), ENODATA);
		struct spw_spool *other = filled(&w, 100000, false);
		assert_err(spw_spool_equal(s, other, &same), ENODATA);
		spw_spool_unref(other);
		assert_ok(spw_spool_seal(s));
		assert_err(spw_spool_save(s, AT_FDCWD, path, 0600, 0), ENODATA);
		assert_int_equal(access(path, F_OK), -1);
		spw_spool_unref(s);
	}
	world_fini(&w);
}

/* A file that was given a name is no longer the spool's alone. */
static void test_a_named_file_stays_whole(void **state)
{
	struct world w;
	char path[200];
	uint8_t *bytes = malloc(100000);

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 4 * MIB });
	struct spw_spool *s = filled(&w, 100000, true);
	snprintf(path, sizeof(path), "%s/saved", w.path);
	assert_ok(spw_spool_seal(s));
	assert_ok(spw_spool_save(s, AT_FDCWD, path, 0600, 0));
	assert_err(spw_spool_discard(s, 0, 50000), EOPNOTSUPP);
	expect_prefix_gone(s, 50000, 100000);
	assert_int_equal(dir_stats(&w).charged, 100000);
	int fd = open(path, O_RDONLY);
	assert_ok(fd);
	assert_int_equal(read(fd, bytes, 100000), 100000);
	assert_true(is_content(bytes, 100000, 0));
	close(fd);
	assert_ok(unlink(path));
	spw_spool_unref(s);
	free(bytes);
	world_fini(&w);
}

/* In a file that it shares with others. */
static void test_a_packed_one(void **state)
{
	struct world w;
	struct spw_spool *s[3];

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 64 * KIB });
	for (int i = 0; i < 3; i++) {
		s[i] = filled(&w, 20000, false);
		assert_ok(spw_spool_seal(s[i]));
	}
	assert_int_equal(spool_info(s[0]).spilled, SPW_SPILL_BUDGET);
	uint64_t before = dir_stats(&w).charged;
	assert_ok(spw_spool_discard(s[0], 0, 10000));
	expect_prefix_gone(s[0], 10000, 20000);
	assert_int_equal(dir_stats(&w).charged, before - 2 * PAGE);
	/* What is gone before it is evicted goes alone. */
	assert_ok(spw_spool_discard(s[1], 0, 15000));
	assert_ok(spw_spool_rollover(s[1]));
	expect_prefix_gone(s[1], 15000, 20000);
	for (int i = 0; i < 3; i++)
		spw_spool_unref(s[i]);
	world_fini(&w);
}

static void sparse_ranges_go(struct world *w, bool disk)
{
	struct spw_spool *s;
	uint8_t bytes[40000];
	uint64_t at;

	assert_ok(spw_spool_new(SPOOL_OPTS(w, .memory_max = disk ? 0 : MIB,
	    .flags = SPW_SPOOL_SPARSE, .size_hint = sizeof(bytes),
	    .cipher = cipher), &s));
	fill_content(bytes, sizeof(bytes), 0);
	assert_ok(spw_spool_pwrite(s, bytes, 30000, 0));

	/* A piece out of the middle. */
	assert_ok(spw_spool_discard(s, 10000, 10000));
	assert_int_equal(spw_spool_committed(s), 10000);
	assert_int_equal(spw_spool_start(s), 0);
	expect_content(s, 0, 10000);
	expect_gone(s, 19999);
	expect_content(s, 20000, 10000);
	assert_ok(spw_spool_next_data(s, 10000, &at));
	assert_int_equal(at, 20000);
	assert_int_equal(spool_info(s).discarded, 10000);
	assert_int_equal(spool_info(s).present, 20000);
	if (disk)
		assert_int_equal(dir_stats(w).charged, (8 - 1) * PAGE);

	/* Never filled is another thing than gone; but may go, too. */
	assert_err(spw_spool_pread(s, bytes, 1, 30000), EAGAIN);
	assert_ok(spw_spool_discard(s, 35000, UINT64_MAX));
	expect_gone(s, 39999);
	assert_err(spw_spool_seal(s), EAGAIN);

	/* Filled anew; then it is all there or gone, and complete. */
	fill_content(bytes, sizeof(bytes), 0);
	assert_ok(spw_spool_pwrite(s, bytes + 12000, 23000, 12000));
	expect_content(s, 12000, 23000);
	expect_gone(s, 11999);
	expect_gone(s, 35000);
	if (disk)
		assert_int_equal(dir_stats(w).charged, 9 * PAGE);
	assert_ok(spw_spool_seal(s));
	assert_ok(spw_spool_discard(s, 0, UINT64_MAX));
	assert_int_equal(spool_info(s).present, 0);
	assert_int_equal(spool_info(s).discarded, sizeof(bytes));
	if (disk)
		assert_true(dir_stats(w).charged < PAGE);
	else
		assert_int_equal(budget_stats(w).charged, 0);
	spw_spool_unref(s);
}

static void test_sparse_ranges_go(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 4 * MIB });
	sparse_ranges_go(&w, false);
	sparse_ranges_go(&w, true);
	world_fini(&w);
}

static void test_confidential_ones(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 4 * MIB });
	cipher = &toy;
	a_prefix_goes(&w, false);
	a_prefix_goes(&w, true);
	sparse_ranges_go(&w, true);
	cipher = NULL;
	world_fini(&w);
}

static void test_across_the_edge(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, &(struct world_opts){ .budget = 4 * MIB });
	struct spw_spool *s = filled(&w, 20000, true);
	assert_ok(spw_spool_discard(s, 0, 10));
	uint8_t bytes[100];
	/* What is asked for begins where nothing is. */
	assert_err(spw_spool_pread(s, bytes, 100, 5), ENODATA);
	spw_spool_fail(s, -EPROTO);
	assert_err(spw_spool_pread(s, bytes, 100, 5), ENODATA);
	expect_content(s, 10, 19990);
	assert_ok(spw_spool_discard(s, 0, 20000));
	expect_gone(s, 19999);
	assert_err(spw_spool_pread(s, bytes, 1, 20000), EPROTO);
	spw_spool_unref(s);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_prefix_goes),
		cmocka_unit_test(test_memory_comes_back),
		cmocka_unit_test(test_disk_comes_back),
		cmocka_unit_test(test_the_quota_is_for_what_is_left),
		cmocka_unit_test(test_gone_before_it_is_on_disk),
		cmocka_unit_test(test_truncating_in_memory),
		cmocka_unit_test(test_copies_need_all),
		cmocka_unit_test(test_a_named_file_stays_whole),
		cmocka_unit_test(test_a_packed_one),
		cmocka_unit_test(test_sparse_ranges_go),
		cmocka_unit_test(test_confidential_ones),
		cmocka_unit_test(test_across_the_edge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
