/* SPDX-License-Identifier: MIT */
#include "check.h"

#include "deliver/zip_flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "http/http.h"
#include "zip_maker.h"

#define SIZE ((size_t)3000000)

/* One deflated entry, larger than a ring and than a turn. */
struct fixture {
	uint8_t *data;
	struct spw_spool *s;
	struct zip_dir *d;
};

static void open_one(struct fixture *f, const uint32_t *crc, size_t size)
{
	struct maker m;
	uint64_t size64 = size;
	void *packed;

	f->data = maker_noise(size, 7);
	uint32_t right = (uint32_t)crc32(0, f->data, (uInt)size);
	size_t len = maker_deflate(f->data, size, &packed);
	maker_init(&m);
	maker_add(&m, &(struct member){.name = "e",
			  .packed = packed,
			  .packed_len = len,
			  .method = 8,
			  .size = &size64,
			  .crc = crc ? crc : &right});
	maker_end(&m, NULL);
	f->s = maker_spool(&m, false);
	f->d = maker_dir(f->s);
	maker_locate(f->d, 0, f->s);
	maker_fini(&m);
	free(packed);
}

static void close_one(struct fixture *f)
{
	free(f->data);
	zip_dir_free(f->d);
	spw_spool_unref(f->s);
}

static struct zip_flow *begin(struct fixture *f, uint64_t first, uint64_t len)
{
	struct zip_fault fault = {0};
	struct zip_flow *fl = NULL;

	if (zip_flow_new(f->s, f->d->entries, NULL, first, len, &fl, &fault) <
	    0)
		fail_msg("%s", fault.detail);
	return fl;
}

/** Play both sides. Returns: how it ended; the bytes are compared. */
static ssize_t drain(
    struct fixture *f, struct zip_flow *fl, uint64_t first, uint64_t *ret_len)
{
	struct zip_ring *r = zip_flow_ring(fl);
	enum zip_flow_state state = ZIP_FLOW_AGAIN;
	char *buf = malloc(100000);
	uint64_t got = 0;
	ssize_t n;

	for (;;) {
		bool wake = false;
		bool resume;
		if (state == ZIP_FLOW_AGAIN)
			state = zip_flow_turn(fl, &wake);
		n = zip_ring_read(r, buf, 100000, &resume);
		if (resume) {
			assert_int_equal(state, ZIP_FLOW_PARKED);
			state = ZIP_FLOW_AGAIN;
		}
		if (n < 0)
			break;
		/* Whoever waits for bytes can count on more turns. */
		assert_true(n > 0 || state == ZIP_FLOW_AGAIN);
		assert_memory_equal(buf, f->data + first + got, (size_t)n);
		got += (uint64_t)n;
	}
	free(buf);
	*ret_len = got;
	return n;
}

static void test_whole(void **state)
{
	struct fixture f;
	uint64_t len;

	(void)state;
	open_one(&f, NULL, SIZE);
	struct zip_flow *fl = begin(&f, 0, SIZE);
	assert_int_equal(drain(&f, fl, 0, &len), HTTP_READ_END);
	assert_int_equal(len, SIZE);
	assert_true(zip_entry_good(f.d->entries));
	zip_flow_free(fl);
	close_one(&f);
}

static void test_ranges(void **state)
{
	static const uint64_t rows[][2] = {
	    {0, 1},
	    {0, SIZE - 1},
	    {1, SIZE - 1},
	    {65536, 65536},
	    {SIZE - 1, 1},
	    {2000000, 500000},
	};
	struct fixture f;

	(void)state;
	open_one(&f, NULL, SIZE);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t len;
		struct zip_flow *fl = begin(&f, rows[i][0], rows[i][1]);
		assert_int_equal(
		    drain(&f, fl, rows[i][0], &len), HTTP_READ_END);
		assert_int_equal(len, rows[i][1]);
		zip_flow_free(fl);
	}
	close_one(&f);
}

/* One turn is enough to know all about a small entry. */
static void test_small_is_checked_at_once(void **state)
{
	static const size_t sizes[] = {0, 1, 65537, ZIP_RING_BYTES};
	static const uint32_t wrong = 1;
	struct fixture f;
	bool wake;

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		for (int bad = 0; bad < 2; bad++) {
			open_one(&f, bad ? &wrong : NULL, sizes[i]);
			struct zip_flow *fl = begin(&f, 0, sizes[i]);
			struct zip_ring *r = zip_flow_ring(fl);
			assert_int_equal(
			    zip_flow_turn(fl, &wake), ZIP_FLOW_DONE);
			assert_true(zip_ring_ready(r));
			assert_int_equal(zip_ring_error(r), bad ? -EBADMSG : 0);
			if (bad)
				assert_int_equal(zip_flow_fault(fl)->kind,
				    ZIP_FAULT_CORRUPT);
			zip_flow_free(fl);
			close_one(&f);
		}
	}
}

static void test_wrong_crc_cuts(void **state)
{
	static const uint32_t wrong = 1;
	struct fixture f;
	uint64_t len;

	(void)state;
	open_one(&f, &wrong, SIZE);
	struct zip_flow *fl = begin(&f, 0, SIZE);
	assert_int_equal(drain(&f, fl, 0, &len), HTTP_READ_ERROR);
	assert_true(len < SIZE);
	assert_false(zip_entry_good(f.d->entries));
	zip_flow_free(fl);
	close_one(&f);
}

static void test_abandoned(void **state)
{
	struct fixture f;
	bool wake;

	(void)state;
	open_one(&f, NULL, SIZE);
	struct zip_flow *fl = begin(&f, 0, SIZE);
	assert_int_equal(zip_flow_turn(fl, &wake), ZIP_FLOW_PARKED);
	zip_ring_close(zip_flow_ring(fl));
	assert_int_equal(zip_flow_turn(fl, &wake), ZIP_FLOW_DONE);
	assert_false(zip_entry_good(f.d->entries));
	zip_flow_free(fl);

	/* Before it began. */
	fl = begin(&f, 0, SIZE);
	zip_flow_free(fl);
	close_one(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole),
	    cmocka_unit_test(test_ranges),
	    cmocka_unit_test(test_small_is_checked_at_once),
	    cmocka_unit_test(test_wrong_crc_cuts),
	    cmocka_unit_test(test_abandoned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
