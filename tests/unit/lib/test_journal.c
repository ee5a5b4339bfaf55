/* SPDX-License-Identifier: MIT */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <spillway/keep.h>

#include "sys.h"
#include "unit/lib/model.h"

static const struct spw__extent ranges[] = { { 0, 10 }, { 20, 30 },
	{ 40, 100 } };

static struct spw__journal sample(void)
{
	struct spw__journal j = {
		.seq = 7,
		.size = 100,
		.sealed = true,
		.ranges = ranges,
		.count = 3,
		.meta = (const uint8_t *)"metadata",
		.meta_len = 8,
		.state = (const uint8_t *)"state",
		.state_len = 5,
	};

	memset(j.boot, 'b', sizeof(j.boot));
	return j;
}

static uint8_t *encode(const struct spw__journal *j, size_t *ret_len)
{
	uint8_t *record;

	assert_ok(spw__journal_encode(j, &record, ret_len));
	assert_true(*ret_len <= SPW__JOURNAL_PLACE);
	return record;
}

static void test_there_and_back(void **state)
{
	struct spw__journal j = sample(), k;
	size_t len;
	uint8_t *record = encode(&j, &len);

	(void)state;
	assert_ok(spw__journal_decode(record, len, &k));
	assert_int_equal(k.seq, 7);
	assert_int_equal(k.size, 100);
	assert_true(k.sealed);
	assert_false(k.synced);
	assert_int_equal(k.count, 3);
	assert_memory_equal(k.ranges, ranges, sizeof(ranges));
	assert_memory_equal(k.boot, j.boot, sizeof(j.boot));
	assert_int_equal(k.meta_len, 8);
	assert_memory_equal(k.meta, "metadata", 8);
	assert_int_equal(k.state_len, 5);
	assert_memory_equal(k.state, "state", 5);
	/* What lies behind it does not matter. */
	uint8_t *more = calloc(1, SPW__JOURNAL_PLACE);
	memcpy(more, record, len);
	assert_ok(spw__journal_decode(more, SPW__JOURNAL_PLACE, &k));
	free(more);
	spw__sys_free(record);
}

static void test_limits(void **state)
{
	static uint8_t bytes[SPW_KEEP_META_MAX + 1];
	struct spw__journal j = sample(), k;
	size_t len;

	(void)state;
	j.meta = j.state = bytes;
	j.meta_len = SPW_KEEP_META_MAX;
	j.state_len = SPW_KEEP_STATE_MAX;
	/* The first ranges are kept, as many as fit. */
	struct spw__extent *many = calloc(5000, sizeof(*many));
	assert_non_null(many);
	for (uint64_t i = 0; i < 5000; i++)
		many[i] = (struct spw__extent){ 3 * i, 3 * i + 1 };
	j.ranges = many;
	j.count = 5000;
	j.size = 20000;
	uint8_t *record = encode(&j, &len);
	assert_ok(spw__journal_decode(record, len, &k));
	assert_true(k.count >= 1200 && k.count < 5000);
	assert_memory_equal(k.ranges, many, k.count * sizeof(*many));
	assert_int_equal(k.meta_len, SPW_KEEP_META_MAX);
	assert_int_equal(k.state_len, SPW_KEEP_STATE_MAX);
	spw__sys_free(record);

	uint8_t *none = NULL;
	j.meta_len++;
	assert_err(spw__journal_encode(&j, &none, &len), EMSGSIZE);
	j.meta_len = 0;
	j.state_len++;
	assert_err(spw__journal_encode(&j, &none, &len), EMSGSIZE);
	assert_null(none);
	free(many);
}

static void test_impossible_ranges(void **state)
{
	static const struct {
		uint64_t size;
		struct spw__extent ranges[2];
		size_t count;
	} bad[] = {
		{ 0, { { 1, 2 } }, 1 },			/* not from 0 on */
		{ 0, { { 0, 2 }, { 3, 4 } }, 2 },	/* and a hole */
		{ 0, { { 0, UINT64_MAX } }, 1 },
		{ 10, { { 0, 11 } }, 1 },		/* past the end */
		{ 10, { { 5, 5 } }, 1 },		/* empty */
		{ 10, { { 5, 4 } }, 1 },
		{ 10, { { 5, 7 }, { 1, 2 } }, 2 },	/* no order */
		{ 10, { { 1, 4 }, { 3, 5 } }, 2 },	/* overlap */
		{ 10, { { 1, 4 }, { 4, 5 } }, 2 },	/* touch */
		{ UINT64_MAX, { { 0, 1 } }, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct spw__journal j = { .size = bad[i].size,
			.ranges = bad[i].ranges, .count = bad[i].count }, k;
		size_t len;
		uint8_t *record = encode(&j, &len);

		assert_err(spw__journal_decode(record, len, &k), EBADMSG);
		spw__sys_free(record);
	}
}

/* Every bit counts, and every byte. */
static void test_damage(void **state)
{
	struct spw__journal j = sample(), k;
	size_t len;
	uint8_t *record = encode(&j, &len);

	(void)state;
	for (size_t i = 0; i < 8 * len; i++) {
		record[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_err(spw__journal_decode(record, len, &k), EBADMSG);
		record[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	for (size_t i = 0; i < len; i++)
		assert_err(spw__journal_decode(record, i, &k), EBADMSG);
	assert_ok(spw__journal_decode(record, len, &k));
	spw__sys_free(record);
}

static void write_number(int fd, uint64_t seq)
{
	struct spw__journal j = sample();
	size_t len;

	j.seq = seq;
	uint8_t *record = encode(&j, &len);
	assert_ok(spw__journal_write(fd, record, len, seq));
	spw__sys_free(record);
}

static uint64_t read_number(int fd)
{
	struct spw__journal j;
	uint8_t *record;

	assert_ok(spw__journal_read(fd, &record, &j));
	uint64_t seq = j.seq;
	assert_int_equal(j.meta_len, 8);
	assert_memory_equal(j.meta, "metadata", 8);
	spw__sys_free(record);
	return seq;
}

static void test_the_newer_counts(void **state)
{
	char path[128];
	struct spw__journal j;
	uint8_t *record = NULL;

	(void)state;
	make_temp_dir(path, sizeof(path));
	int fd = open(path, O_TMPFILE | O_RDWR, 0600);
	assert_ok(fd);
	assert_err(spw__journal_read(fd, &record, &j), EBADMSG);
	for (uint64_t seq = 1; seq < 5; seq++) {
		write_number(fd, seq);
		assert_int_equal(read_number(fd), seq);
	}
	/* Torn, it is the one before it. */
	assert_int_equal(pwrite(fd, "torn", 4, 40), 4);
	assert_int_equal(read_number(fd), 3);
	write_number(fd, 4);
	assert_int_equal(read_number(fd), 4);
	assert_int_equal(ftruncate(fd, SPW__JOURNAL_PLACE + 50), 0);
	assert_int_equal(read_number(fd), 4);
	assert_int_equal(ftruncate(fd, 50), 0);
	assert_err(spw__journal_read(fd, &record, &j), EBADMSG);
	assert_null(record);
	close(fd);
	assert_ok(rmdir(path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_impossible_ranges),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_the_newer_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
