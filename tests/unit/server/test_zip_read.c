/* SPDX-License-Identifier: MIT */
#include "check.h"

#include "deliver/zip_read.h"

#include <errno.h>

#include <spillway/sparse.h>

#define SIZE 1000
#define THERE 100

/** A spool whose first bytes are there. */
static struct spw_spool *begun(bool sparse)
{
	static const char bytes[THERE];
	struct spw_spool *s = NULL;

	assert_ok(spw_spool_new(NULL, &s));
	if (sparse) {
		assert_ok(spw_spool_set_sparse(s, SIZE));
		assert_ok(spw_spool_pwrite(s, bytes, THERE, 0));
	} else {
		assert_ok(spw_spool_append(s, bytes, THERE));
	}
	return s;
}

/** Both ways to ask for bytes come to this. */
static void expect(struct spw_spool *s, uint64_t off, size_t len, int err,
    enum zip_fault_kind kind)
{
	struct zip_fault fault = {.kind = ZIP_FAULT_NONE};
	char buf[SIZE];

	assert_int_equal(zip_read_at(s, buf, len, off, &fault), err);
	assert_int_equal(fault.kind, kind);
	fault.kind = ZIP_FAULT_NONE;
	assert_int_equal(zip_read_need(s, off, len, &fault), err);
	assert_int_equal(fault.kind, kind);
}

static void test_missing(void **state)
{
	struct spw_spool *s = begun(true);

	(void)state;
	expect(s, 0, THERE, 0, ZIP_FAULT_NONE);
	expect(s, THERE - 1, 2, -EAGAIN, ZIP_FAULT_MISSING);
	expect(s, SIZE / 2, 1, -EAGAIN, ZIP_FAULT_MISSING);
	spw_spool_unref(s);
}

/* The source's error is none of the disk's, even if it is the same number. */
static void test_broken(void **state)
{
	static const int errors[] = {-EIO, -ECONNRESET, -EAGAIN};

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		struct spw_spool *s = begun(i % 2);

		spw_spool_fail(s, errors[i / 2]);
		expect(s, 0, THERE, 0, ZIP_FAULT_NONE);
		expect(s, THERE - 1, 2, -EIO, ZIP_FAULT_BROKEN);
		expect(s, SIZE / 2, 1, -EIO, ZIP_FAULT_BROKEN);
		spw_spool_unref(s);
	}
}

static void test_past_the_end(void **state)
{
	struct spw_spool *s = begun(false);
	struct zip_fault fault;
	char buf[SIZE];

	(void)state;
	assert_ok(spw_spool_seal(s));
	assert_int_equal(zip_read_at(s, buf, 2, THERE - 1, &fault), -ENODATA);
	assert_int_equal(fault.kind, ZIP_FAULT_SYSTEM);
	assert_ok(zip_read_need(s, THERE - 1, 2, &fault));
	spw_spool_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_missing),
	    cmocka_unit_test(test_broken),
	    cmocka_unit_test(test_past_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
