/* SPDX-License-Identifier: MIT */
/* Source: APPNOTE §4.3.7 */
#include "check.h"

#include "deliver/zip_entry.h"

#include <errno.h>
#include <string.h>

#include "zip_maker.h"

/** An archive of one entry. */
static struct zip_dir *one(const struct member *e, struct spw_spool **ret)
{
	struct maker m;

	maker_init(&m);
	maker_add(&m, e);
	maker_end(&m, NULL);
	*ret = maker_spool(&m, false);
	maker_fini(&m);
	return maker_dir(*ret);
}

static void test_locate(void **state)
{
	struct zip_fault fault;
	struct spw_spool *s;
	uint64_t off = 0;
	char got[5];

	(void)state;
	struct zip_dir *d = one(&(struct member){.name = "name",
				    .packed = "hello",
				    .packed_len = 5,
				    .local_extra_len = 65535},
	    &s);
	struct zip_entry *e = d->entries;
	assert_false(zip_entry_data(e, &off));
	assert_ok(zip_entry_locate(e, s, d->data_end, &fault));
	assert_true(zip_entry_data(e, &off));
	assert_int_equal(off, 30 + 4 + 65535);
	assert_int_equal(spw_spool_pread(s, got, 5, off), 5);
	assert_memory_equal(got, "hello", 5);
	assert_ok(zip_entry_locate(e, s, d->data_end, &fault));
	assert_false(zip_entry_good(e));
	assert_ok(zip_entry_check(e, s, &fault));
	assert_true(zip_entry_good(e));
	assert_true(zip_entry_data(e, &off));
	assert_int_equal(off, 30 + 4 + 65535);
	zip_dir_free(d);
	spw_spool_unref(s);
}

static void test_lies(void **state)
{
	static const uint32_t inside = 1, far = 100000, huge = UINT32_MAX - 1;
	static const uint64_t more = 6, much = UINT32_MAX - 1;
	static const struct member lies[] = {
	    {.header_off = &inside},
	    {.header_off = &far},
	    {.header_off = &huge},
	    {.packed_size = &more},
	    {.packed_size = &much},
	};
	struct zip_fault fault;
	struct spw_spool *s;
	uint64_t off;

	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		struct member e = lies[i];
		e.name = "a";
		e.packed = "hello";
		e.packed_len = 5;
		struct zip_dir *d = one(&e, &s);
		assert_err(zip_entry_locate(d->entries, s, d->data_end, &fault),
		    EBADMSG);
		assert_int_equal(fault.kind, ZIP_FAULT_CORRUPT);
		assert_false(zip_entry_data(d->entries, &off));
		zip_dir_free(d);
		spw_spool_unref(s);
	}
}

static void test_check(void **state)
{
	static const uint32_t crc = 12345;
	static const uint64_t size = 4;
	static const struct member lies[] = {{.crc = &crc}, {.size = &size}};
	struct zip_fault fault;
	struct spw_spool *s;

	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		struct member e = lies[i];
		e.name = "a";
		e.packed = "hello";
		e.packed_len = 5;
		struct zip_dir *d = one(&e, &s);
		assert_ok(zip_entry_locate(d->entries, s, d->data_end, &fault));
		assert_err(zip_entry_check(d->entries, s, &fault), EBADMSG);
		assert_int_equal(fault.kind, ZIP_FAULT_CORRUPT);
		assert_false(zip_entry_good(d->entries));
		zip_dir_free(d);
		spw_spool_unref(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_locate),
	    cmocka_unit_test(test_lies),
	    cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
