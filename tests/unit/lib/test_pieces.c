/* SPDX-License-Identifier: MIT */
/* Bytes in pieces, alone and through a spool. */
#include "pieces.h"

#include <errno.h>
#include <stdlib.h>

#include "unit/lib/model.h"

static char a[] = "abc", b[] = "defgh", c[] = "i";

static void test_lengths(void **state)
{
	const struct iovec bad[] = { { a, SIZE_MAX / 2 }, { b, 1 } };
	struct spw__pieces p;
	size_t len = 7;

	(void)state;
	assert_err(spw__pieces_init(&p, bad, -1, &len), EINVAL);
	assert_err(spw__pieces_init(&p, NULL, 1, &len), EINVAL);
	assert_err(spw__pieces_init(&p, bad, 2, &len), EINVAL);
	assert_int_equal(len, 7);
	assert_ok(spw__pieces_init(&p, NULL, 0, &len));
	assert_int_equal(len, 0);
}

static void test_taking(void **state)
{
	const struct iovec iov[] = { { NULL, 0 }, { a, 3 }, { b, 5 },
		{ NULL, 0 }, { c, 1 }, { NULL, 0 } };

	(void)state;
	for (size_t first = 0; first <= 9; first++) {
		struct spw__pieces p;
		size_t len;
		uint8_t out[9];
		struct iovec seen[6];

		assert_ok(spw__pieces_init(&p, iov, 6, &len));
		assert_int_equal(len, 9);
		spw__pieces_copy(&p, out, len);
		assert_memory_equal(out, "abcdefghi", 9);
		assert_int_equal(spw__pieces_look(&p, 9, seen, 6), 3);
		assert_int_equal(spw__pieces_look(&p, 4, seen, 6), 2);
		assert_int_equal(seen[1].iov_len, 1);
		assert_int_equal(spw__pieces_look(&p, 9, seen, 1), 1);
		assert_int_equal(seen[0].iov_len, 3);
		spw__pieces_take(&p, out, first);
		spw__pieces_skip(&p, (9 - first) / 2);
		first += (9 - first) / 2;
		spw__pieces_take(&p, out, 9 - first);
		assert_memory_equal(out, "abcdefghi" + first, 9 - first);
		assert_int_equal(spw__pieces_look(&p, 1, seen, 6), 0);
	}
}

/* A write in pieces does what one of the same bytes does, everywhere. */
static void test_spools(void **state)
{
	static const uint64_t limits[] = { MIB, 1000, 0 };
	uint64_t random = 88172645463325252u;
	static uint8_t bytes[200000];

	(void)state;
	for (int i = 0; i < 60; i++) {
		struct spw_spool *one, *many;
		struct iovec iov[40];
		struct world w;
		size_t used = 0;
		bool equal = false;

		world_init(&w, &(struct world_opts){ 0 });
		const struct spw_spool_opts *opts =
		    SPOOL_OPTS(&w, .memory_max = limits[i % 3]);
		assert_ok(spw_spool_new(opts, &one));
		assert_ok(spw_spool_new(opts, &many));
		for (int k = 0; k < 40; k++) {
			size_t most = next_random(&random) % 3 ? 100 : 15000;
			size_t len = next_random(&random) % most;

			if (len > sizeof(bytes) - used)
				len = sizeof(bytes) - used;
			iov[k] = (struct iovec){ bytes + used, len };
			for (size_t n = 0; n < len; n++)
				bytes[used + n] = (uint8_t)next_random(&random);
			used += len;
		}
		for (int k = 0; k < 3; k++) {
			uint64_t off = next_random(&random) % 50000;

			assert_ok(spw_spool_append(one, bytes, used));
			assert_ok(spw_spool_appendv(many, iov, 40));
			assert_ok(spw_spool_pwrite(one, bytes, used, off));
			assert_ok(spw_spool_pwritev(many, iov, 40, off));
		}
		assert_ok(spw_spool_equal(one, many, &equal));
		assert_true(equal);
		spw_spool_unref(one);
		spw_spool_unref(many);
		world_fini(&w);
	}
}

static void test_all_or_none(void **state)
{
	const struct iovec iov[] = { { a, 3 }, { b, 5 } };
	const struct spw_spool_opts opts = { .size = sizeof(opts),
		.memory_max = 10, .size_max = 15 };
	struct spw_spool *s;

	(void)state;
	assert_ok(spw_spool_new(&opts, &s));
	assert_ok(spw_spool_appendv(s, iov, 2));
	assert_err(spw_spool_appendv(s, iov, 2), EFBIG);
	assert_err(spw_spool_appendv(s, iov, 1), ENOBUFS);
	assert_err(spw_spool_pwritev(s, iov, 2, 8), EFBIG);
	assert_err(spw_spool_pwritev(s, iov, 2, 5), ENOBUFS);
	assert_err(spw_spool_appendv(s, iov, -1), EINVAL);
	assert_err(spw_spool_pwritev(s, iov, -1, 0), EINVAL);
	assert_int_equal(spw_spool_size(s), 8);
	spw_spool_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_taking),
		cmocka_unit_test(test_spools),
		cmocka_unit_test(test_all_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
