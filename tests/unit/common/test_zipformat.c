/* SPDX-License-Identifier: MIT */
/* Source: APPNOTE §4.3.7, §4.3.9, §4.3.12, §4.5.3, §4.6.9 */
#include "check.h"

#include "common/zipformat.h"

#include <errno.h>
#include <string.h>

static uint8_t buf[1024];

/** A local header. Returns: its length. */
static size_t local(unsigned flags, unsigned method, uint32_t packed,
    uint32_t size, const char *name, const void *extra, size_t extra_len)
{
	uint8_t *p = buf;
	size_t name_len = strlen(name);

	p = zip_put(p, 4, ZIP_LOCAL_MAGIC);
	p = zip_put(p, 2, 20);
	p = zip_put(p, 2, flags);
	p = zip_put(p, 2, method);
	p = zip_put(p, 2, 12 << 11 | 34 << 5 | 56 / 2);
	p = zip_put(p, 2, (2024 - 1980) << 9 | 2 << 5 | 29);
	p = zip_put(p, 4, 0xdeadbeef);
	p = zip_put(p, 4, packed);
	p = zip_put(p, 4, size);
	p = zip_put(p, 2, name_len);
	p = zip_put(p, 2, extra_len);
	memcpy(p, name, name_len);
	if (extra_len)
		memcpy(p + name_len, extra, extra_len);
	return (size_t)(p - buf) + name_len + extra_len;
}

static void test_numbers(void **state)
{
	(void)state;
	uint8_t *end = zip_put(buf, 8, UINT64_C(0x1122334455667788));
	assert_ptr_equal(end, buf + 8);
	assert_int_equal(buf[0], 0x88);
	assert_int_equal(zip_le16(buf), 0x7788);
	assert_int_equal(zip_le32(buf), 0x55667788);
	assert_true(zip_le64(buf) == UINT64_C(0x1122334455667788));
}

static void test_local(void **state)
{
	struct zip_record r;
	size_t n = local(ZIP_FLAG_UTF8, 8, 10, 20, "a/b", NULL, 0);

	(void)state;
	assert_int_equal(n, 33);
	assert_int_equal(zip_local_parse(buf, sizeof buf, &r), n);
	assert_true(str_eq(r.name, "a/b"));
	assert_int_equal(r.packed_size, 10);
	assert_int_equal(r.size, 20);
	assert_int_equal(r.crc, 0xdeadbeef);
	assert_int_equal(r.method, 8);
	assert_int_equal(r.modified, 1709210096); /* 2024-02-29T12:34:56Z */
	assert_false(zip_record_encrypted(&r));
	assert_false(r.zip64);
}

/* A header that is cut anywhere is not there yet, and none is read past it. */
static void test_local_cut(void **state)
{
	struct zip_record r;
	size_t n = local(0, 0, 1, 1, "name", "xy\0\0", 4);
	uint8_t copy[64];

	(void)state;
	memcpy(copy, buf, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(zip_local_parse(copy, i, &r), 0);
	assert_int_equal(zip_local_parse(copy, n, &r), n);
}

static void test_local_bad(void **state)
{
	struct zip_record r;

	(void)state;
	memcpy(buf, "PK\1\2", 4);
	assert_err(zip_local_parse(buf, 4, &r), EBADMSG);
	/* An extra field that is longer than all of them. */
	size_t n = local(0, 0, 1, 1, "a", "xy\5\0", 4);
	assert_err(zip_local_parse(buf, n, &r), EBADMSG);
	/* 64-bit sizes are promised and not there. */
	n = local(0, 0, UINT32_MAX, 1, "a", NULL, 0);
	assert_err(zip_local_parse(buf, n, &r), EBADMSG);
}

static void test_local_zip64(void **state)
{
	uint8_t extra[20];
	struct zip_record r;

	(void)state;
	uint8_t *p = zip_put(extra, 2, 1);
	p = zip_put(p, 2, 16);
	p = zip_put(p, 8, UINT64_C(1) << 40);
	zip_put(p, 8, UINT64_C(1) << 39);
	size_t n =
	    local(ZIP_FLAG_DEFERRED, 8, UINT32_MAX, UINT32_MAX, "a", extra, 20);
	assert_int_equal(zip_local_parse(buf, n, &r), n);
	assert_true(r.zip64);
	assert_true(r.size == UINT64_C(1) << 40);
	assert_true(r.packed_size == UINT64_C(1) << 39);
}

static void test_encrypted(void **state)
{
	static const unsigned flags[] = {
	    ZIP_FLAG_ENCRYPTED, ZIP_FLAG_STRONG, ZIP_FLAG_MASKED};
	struct zip_record r;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		size_t n = local(flags[i], 8, 1, 1, "a", NULL, 0);
		assert_int_equal(zip_local_parse(buf, n, &r), n);
		assert_true(zip_record_encrypted(&r));
	}
	size_t n = local(0, ZIP_METHOD_AES, 1, 1, "a", NULL, 0);
	assert_int_equal(zip_local_parse(buf, n, &r), n);
	assert_true(zip_record_encrypted(&r));
}

/* All four forms of a descriptor, and nothing else. */
static void test_descriptor(void **state)
{
	uint64_t packed = 1000, size = UINT64_C(2000);

	(void)state;
	for (int magic = 0; magic < 2; magic++) {
		for (unsigned width = 4; width <= 8; width += 4) {
			uint8_t *p = buf;

			if (magic)
				p = zip_put(p, 4, ZIP_DESCRIPTOR_MAGIC);
			p = zip_put(p, 4, 77);
			p = zip_put(p, width, packed);
			p = zip_put(p, width, size);
			memset(p, 'P', 24);
			size_t n = (size_t)(p - buf);
			assert_int_equal(
			    zip_descriptor_match(buf, n, 77, packed, size), n);
			assert_int_equal(
			    zip_descriptor_match(buf, 40, 77, packed, size), n);
			assert_int_equal(
			    zip_descriptor_match(buf, n - 1, 77, packed, size),
			    0);
			assert_int_equal(
			    zip_descriptor_match(buf, n, 78, packed, size), 0);
			assert_int_equal(
			    zip_descriptor_match(buf, n, 77, 999, size), 0);
			assert_int_equal(
			    zip_descriptor_match(buf, n, 77, packed, 1), 0);
		}
	}
	/* Of an entry of nothing a short one could be the head of a long. */
	memset(buf, 0, 40);
	zip_put(buf, 4, ZIP_DESCRIPTOR_MAGIC);
	assert_int_equal(zip_descriptor_match(buf, 24, 0, 0, 0), 24);
	assert_int_equal(zip_descriptor_match(buf, 16, 0, 0, 0), 16);
}

static void test_record(void **state)
{
	static const uint8_t bytes[] =
	    "PK\1\2\x1e\3\x14\0\0\x08\x08\0\0\0\0\0" /* ... time and date */
	    "\1\2\3\4\5\0\0\0\6\0\0\0\3\0\x0c\0\2\0\0\0\0\0"
	    "\0\0\xa4\x81\7\0\0\0"
	    "abc"
	    "up\x08\0\1\x11\0\0\0new"
	    "hi";
	struct zip_record r;
	const char *why;

	(void)state;
	assert_int_equal(zip_record_length(bytes), sizeof bytes - 1);
	assert_ok(zip_record_parse(bytes, &r, &why));
	assert_true(str_eq(r.name, "abc"));
	assert_true(str_eq(r.comment, "hi"));
	assert_true(str_eq(r.unicode_name, "new"));
	assert_int_equal(r.unicode_crc, 0x11);
	assert_int_equal(r.system, 3);
	assert_int_equal(r.attributes >> 16, 0100644);
	assert_int_equal(r.crc, 0x04030201);
	assert_int_equal(r.packed_size, 5);
	assert_int_equal(r.size, 6);
	assert_int_equal(r.header_off, 7);
	assert_true(r.modified == ZIP_NO_TIME);
}

/* Text is UTF-8 where that is said or can be, else of code page 437. */
static void test_text(void **state)
{
	char out[8 * ZIP_TEXT_MAX];
	bool guess;

	(void)state;
	size_t n =
	    zip_text_utf8((struct str){"a\x81\xfb", 3}, false, out, &guess);
	assert_true(guess);
	assert_int_equal(n, 6);
	assert_memory_equal(out, "a\xc3\xbc\xe2\x88\x9a", 6); /* a, ü, √ */
	/* What controls is no symbol. */
	n = zip_text_utf8((struct str){"\x01\x7f\x81", 3}, false, out, &guess);
	assert_int_equal(n, 4);
	assert_memory_equal(out, "\x01\x7f\xc3\xbc", 4);
	/* ü in UTF-8 is two symbols in the code page. */
	n = zip_text_utf8((struct str){"\xc3\xbc", 2}, false, out, &guess);
	assert_false(guess);
	assert_int_equal(n, 2);
	assert_memory_equal(out, "\xc3\xbc", 2);
	/* Said to be UTF-8, and not: told as it is. */
	n = zip_text_utf8((struct str){"a\x81", 2}, true, out, &guess);
	assert_false(guess);
	assert_int_equal(n, 2);
	assert_memory_equal(out, "a\x81", 2);
	assert_int_equal(
	    zip_text_utf8((struct str){NULL, 0}, false, out, &guess), 0);

	/* Every byte becomes valid text. */
	for (unsigned c = 0; c < 256; c++) {
		char byte = (char)c;

		n = zip_text_utf8((struct str){&byte, 1}, false, out, &guess);
		assert_in_range(n, 1, ZIP_TEXT_MAX);
		assert_true(utf8_valid(out, n));
		assert_int_equal(guess, c >= 0x80);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_local),
	    cmocka_unit_test(test_local_cut),
	    cmocka_unit_test(test_local_bad),
	    cmocka_unit_test(test_local_zip64),
	    cmocka_unit_test(test_encrypted),
	    cmocka_unit_test(test_descriptor),
	    cmocka_unit_test(test_record),
	    cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
