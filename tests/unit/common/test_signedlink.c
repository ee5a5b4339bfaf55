/* SPDX-License-Identifier: MIT */
#include "common/signedlink.h"

#include <errno.h>
#include <string.h>

#include "check.h"

#define SIGNATURE "abcdefghijklmnopqrstuvwxyz-_0123456789ABCDE"
_Static_assert(sizeof(SIGNATURE) - 1 == SIGNATURE_TEXT_LEN, "as long as one");

static void test_read(void **state)
{
	struct signed_link l = {.method = {"GET", 3}};

	(void)state;
	assert_ok(signed_link_read(
	    str_from("download&expires=12&by=al&signature=" SIGNATURE), &l));
	assert_true(l.expires_s == 12 && l.max_size == 0);
	assert_true(str_eq(l.by, "al") && str_eq(l.signature, SIGNATURE));
	assert_true(str_eq(l.method, "GET"));
	assert_ok(signed_link_read(
	    str_from("signature=" SIGNATURE "&max_size=5&expires=0"), &l));
	assert_true(l.expires_s == 0 && l.max_size == 5 && l.by.n == 0);
	assert_false(l.has_file_ttl);
	assert_ok(signed_link_read(
	    str_from("signature=" SIGNATURE "&file_ttl=0&expires=0"), &l));
	assert_true(l.has_file_ttl && l.file_ttl_s == 0);
}

static void test_none(void **state)
{
	struct signed_link l = {.expires_s = 7};

	(void)state;
	assert_err(signed_link_read(str_from(""), &l), ENOENT);
	assert_err(signed_link_read((struct str){NULL, 0}, &l), ENOENT);
	assert_err(signed_link_read(str_from("expires=1&by=a"), &l), ENOENT);
	assert_true(l.expires_s == 7);
}

static void test_wrong(void **state)
{
	static const char *const bad[] = {
	    "signature=" SIGNATURE,
	    "expires=1&signature=",
	    "expires=1&signature=x" SIGNATURE,
	    "expires=1&signature=%41bcdefghijklmnopqrstuvwxyz-_0123456789AB",
	    "expires=-1&signature=" SIGNATURE,
	    "expires=1&expires=2&signature=" SIGNATURE,
	    "expires=1&signature=" SIGNATURE "&signature=" SIGNATURE,
	    "expires=1&by=&signature=" SIGNATURE,
	    "expires=1&by=a%0Ab&signature=" SIGNATURE,
	    "expires=1&max_size=&signature=" SIGNATURE,
	    "expires=1&file_ttl=-1&signature=" SIGNATURE,
	    "expires=1&file_ttl=1&file_ttl=2&signature=" SIGNATURE,
	    "expires=99999999999999999999&signature=" SIGNATURE,
	};
	struct signed_link l = {.expires_s = 7};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_err(signed_link_read(str_from(bad[i]), &l), EINVAL);
	assert_true(l.expires_s == 7);
}

static void test_write(void **state)
{
	struct signed_link l = {
	    .method = {"POST", 4},
	    .path = {"/files", 6},
	    .expires_s = 12,
	    .max_size = 34,
	    .by = {"al", 2},
	    .signature = {SIGNATURE, SIGNATURE_TEXT_LEN},
	};
	char out[6 + 2 + SIGNED_LINK_ROOM];

	(void)state;
	size_t n = signed_link_canonical(&l, out, sizeof(out));
	assert_int_equal(n, strlen(out));
	assert_string_equal(out, "spillway-link-1\nPOST\n/files\n12\n34\nal\n");
	n = signed_link_write(&l, out, sizeof(out));
	assert_int_equal(n, strlen(out));
	assert_string_equal(out,
	    "/files?expires=12&max_size=34&by=al&signature=" SIGNATURE);

	l.has_file_ttl = true;
	assert_true(signed_link_canonical(&l, out, sizeof(out)) > 0);
	assert_string_equal(
	    out, "spillway-link-2\nPOST\n/files\n12\n34\nal\n0\n");
	l.file_ttl_s = 56;
	assert_true(signed_link_write(&l, out, sizeof(out)) > 0);
	assert_string_equal(out,
	    "/files?expires=12&max_size=34&file_ttl=56&by=al&signature="
	    SIGNATURE);

	l.has_file_ttl = false;
	l.max_size = 0;
	l.by = (struct str){NULL, 0};
	assert_true(signed_link_canonical(&l, out, sizeof(out)) > 0);
	assert_string_equal(out, "spillway-link-1\nPOST\n/files\n12\n0\n\n");
	assert_true(signed_link_write(&l, out, sizeof(out)) > 0);
	assert_string_equal(out, "/files?expires=12&signature=" SIGNATURE);
	assert_int_equal(signed_link_write(&l, out, 20), 0);
	assert_int_equal(signed_link_canonical(&l, out, 20), 0);
}

/* The longest there is fits. */
static void test_room(void **state)
{
	struct signed_link l = {
	    .method = {"DELETE", 6},
	    .expires_s = UINT64_MAX,
	    .max_size = UINT64_MAX,
	    .has_file_ttl = true,
	    .file_ttl_s = UINT64_MAX,
	    .signature = {SIGNATURE, SIGNATURE_TEXT_LEN},
	};
	char out[SIGNED_LINK_ROOM];

	(void)state;
	assert_true(signed_link_write(&l, out, sizeof(out)) > 0);
	assert_true(signed_link_canonical(&l, out, sizeof(out)) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_read),
	    cmocka_unit_test(test_none),
	    cmocka_unit_test(test_wrong),
	    cmocka_unit_test(test_write),
	    cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
