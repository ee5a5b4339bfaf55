/* SPDX-License-Identifier: MIT */
/*
 * Digests of spools with every call below them failing in turn: an append is
 * never refused for their sake, an answer is right or an error, and asked
 * again they know.
 */
#include <spillway/digest.h>

#include <errno.h>

#include "fault/fault.h"
#include "unit/lib/model.h"

#define CAP MIB

static const uint64_t limits[] = { SPW_UNLIMITED, 0, 60000 };

static void check(struct spw_digest *d, const struct model *m)
{
	uint32_t crc = spw_crc32c(0, m->bytes, m->size);
	const uint8_t want[4] = { (uint8_t)(crc >> 24), (uint8_t)(crc >> 16),
		(uint8_t)(crc >> 8), (uint8_t)crc };
	uint8_t sum[4];

	int r = spw_digest_get(d, sum, NULL);
	if (r < 0) {
		assert_err(r, EIO);
		assert_ok(spw_digest_get(d, sum, NULL));
	}
	assert_memory_equal(sum, want, 4);
}

/* What was there, what comes, what is overwritten; then asked. */
static bool run_once(uint64_t memory_max, unsigned n, enum fault_style style)
{
	struct spw_digest *d = NULL;
	struct world w;
	struct model m;

	world_init(&w, &(struct world_opts){ 0 });
	model_init(&m, CAP, SPOOL_OPTS(&w, .memory_max = memory_max));
	assert_ok(model_append(&m, 30000));

	fault_arm(n, false, style);
	int r = spw_digest_open(m.spool, spw_digest_crc32c(), &d);
	if (r < 0) {
		assert_err(r, ENOMEM);
		assert_ok(spw_digest_open(m.spool, spw_digest_crc32c(), &d));
	}
	if (model_append(&m, 90000) < 0)
		assert_ok(model_append(&m, 90000));
	check(d, &m);
	if (model_truncate(&m, 50000) < 0)
		assert_ok(model_truncate(&m, 50000));
	check(d, &m);
	bool hit = fault_disarm();
	assert_ok(model_append(&m, 1));
	check(d, &m);
	spw_digest_close(d);
	model_fini(&m);
	world_fini(&w);
	assert_int_equal(fault_held(), 0);
	return hit;
}

static void test_every_call(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		for (int style = 0; style < FAULT_STYLES; style++) {
			unsigned n = 1;

			while (run_once(limits[i], n,
			    (enum fault_style)style)) {
				n++;
				assert_true(n < 100);
			}
		}
	}
}

/* As long as the disk is broken there is no answer; then there is. */
static void test_a_broken_disk(void **state)
{
	struct spw_digest *d;
	struct world w;
	struct model m;
	uint8_t sum[4];

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	model_init(&m, CAP, SPOOL_OPTS(&w, .memory_max = 0));
	assert_ok(model_append(&m, 200000));
	assert_ok(spw_digest_open(m.spool, spw_digest_crc32c(), &d));
	fault_arm(5, true, FAULT_BROKEN);
	assert_err(spw_digest_get(d, sum, NULL), EIO);
	assert_err(spw_digest_verify(d, sum, 4), EIO);
	assert_true(fault_disarm());
	check(d, &m);
	spw_digest_close(d);
	model_fini(&m);
	world_fini(&w);
	assert_int_equal(fault_held(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_call),
		cmocka_unit_test(test_a_broken_disk),
	};

	model_spare = fault_spare;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
