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

	static const struct zip_limits limits = {
	    .max_entries = 10, .max_directory = 1 << 20};
	struct zip_fault fault;
	struct zip_dir *d = NULL;
	assert_ok(zip_dir_read(*ret, &limits, &d, &fault));
	return d;
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
	maker_locate(d, 0, s);
	assert_true(zip_entry_data(e, &off));
	assert_int_equal(off, 30 + 4 + 65535);
	assert_int_equal(spw_spool_pread(s, got, 5, off), 5);
	assert_memory_equal(got, "hello", 5);
	maker_locate(d, 0, s);
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
		assert_err(zip_entry_locate(d->entries, str_from("a"), s,
			       d->data_end, &fault),
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
		maker_locate(d, 0, s);
		assert_err(zip_entry_check(d->entries, s, &fault), EBADMSG);
		assert_int_equal(fault.kind, ZIP_FAULT_CORRUPT);
		assert_false(zip_entry_good(d->entries));
		zip_dir_free(d);
		spw_spool_unref(s);
	}
}

/* What a header tells otherwise than the directory is seen on the way. */
static void test_disagreement(void **state)
{
	static const struct {
		size_t at; /* in the local header */
		uint8_t byte;
	} lies[] = {
	    {6, 1},		/* encrypted */
	    {8, 8},		/* deflated */
	    {14, 99},		/* another CRC */
	    {18, 4},		/* other sizes */
	    {22, 4}, {30, 'b'}, /* another name */
	};
	struct maker m;

	(void)state;
	for (size_t i = 0; i <= sizeof lies / sizeof *lies; i++) {
		bool lie = i < sizeof lies / sizeof *lies;

		maker_init(&m);
		maker_store(&m, "a", "hello");
		if (lie)
			m.data.data[lies[i].at] = (char)lies[i].byte;
		maker_end(&m, NULL);
		struct spw_spool *s = maker_spool(&m, false);
		static const struct zip_limits limits = {
		    .max_entries = 10, .max_directory = 1 << 20};
		struct zip_fault fault;
		struct zip_dir *d = NULL;
		assert_ok(zip_dir_read(s, &limits, &d, &fault));
		assert_int_equal(zip_entry_warnings(d->entries), 0);
		maker_locate(d, 0, s);
		assert_int_equal(zip_entry_warnings(d->entries),
		    lie ? ZIP_WARN_MISMATCH : 0);
		zip_dir_free(d);

		/* The same at once, when headers are compared. */
		d = maker_dir(s);
		assert_true(d->headers_checked);
		assert_int_equal(d->warnings, lie ? ZIP_WARN_MISMATCH : 0);
		assert_int_equal(
		    d->tally.count[ZIP_WARN_AT_MISMATCH], lie ? 1 : 0);
		zip_dir_free(d);
		spw_spool_unref(s);
		maker_fini(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_locate),
	    cmocka_unit_test(test_lies),
	    cmocka_unit_test(test_check),
	    cmocka_unit_test(test_disagreement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
