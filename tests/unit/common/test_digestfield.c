/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>

#include "common/digestfield.h"

/* Of the empty string. */
#define SHA256 "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define SHA1 "2jmj7l5rSw0yVb/vlWAYkK/YBwk="
#define MD5 "1B2M2Y8AsgTpgAmY7PhCfg=="
#define OTHER "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static int read_field(const char *text, struct digest_set *set)
{
	*set = (struct digest_set){0};
	return digest_field_read(str_from(text), set);
}

static void test_algorithms(void **state)
{
	enum digest_alg alg;
	unsigned algs;

	(void)state;
	for (unsigned i = 0; i < DIGEST_COUNT; i++) {
		const char *name = digest_alg_name((enum digest_alg)i);

		assert_true(digest_alg_find(str_from(name), &alg));
		assert_int_equal(alg, i);
		assert_in_range(digest_alg_size(alg), 4, DIGEST_BYTES_MAX);
	}
	assert_true(digest_alg_find(str_from("SHA-1"), &alg));
	assert_int_equal(alg, DIGEST_SHA1);
	assert_true(digest_alg_find(str_from("sha512"), &alg));
	assert_int_equal(alg, DIGEST_SHA512);
	assert_false(digest_alg_find(str_from("sha-25"), &alg));
	assert_false(digest_alg_find(str_from(""), &alg));

	assert_ok(digest_algs_read(str_from("sha256, MD5,,md5"), &algs));
	assert_int_equal(
	    algs, DIGEST_BIT(DIGEST_SHA256) | DIGEST_BIT(DIGEST_MD5));
	assert_err(digest_algs_read(str_from("sha-256,x"), &algs), EINVAL);
	assert_err(digest_algs_read(str_from(""), &algs), EINVAL);
	assert_err(digest_algs_read(str_from(" , "), &algs), EINVAL);
}

static void test_read(void **state)
{
	static const uint8_t first[] = {0xe3, 0xb0, 0xc4, 0x42};
	struct digest_set set;

	(void)state;
	assert_int_equal(read_field("sha-256=:" SHA256 ":", &set), 1);
	assert_int_equal(set.have, DIGEST_BIT(DIGEST_SHA256));
	assert_memory_equal(set.value[DIGEST_SHA256], first, 4);
	assert_int_equal(read_field("  sha=:" SHA1 ":;x=1 ,\tmd5=:" MD5 ":,"
				    "unixsum=:AAAA:, id-x=(1 2), flag ",
			     &set),
	    2);
	assert_int_equal(
	    set.have, DIGEST_BIT(DIGEST_SHA1) | DIGEST_BIT(DIGEST_MD5));
	/* None of ours is no error here. */
	assert_int_equal(read_field("adler=:AAAAAA==:", &set), 0);
	assert_int_equal(read_field("", &set), 0);
	assert_int_equal(set.have, 0);
	/* The last of one key counts. */
	read_field("sha-256=:" OTHER ":, sha-256=:" SHA256 ":", &set);
	assert_memory_equal(set.value[DIGEST_SHA256], first, 4);
}

static void test_malformed(void **state)
{
	static const char *const bad[] = {
	    "sha-256=" SHA256,
	    "sha-256=\"" SHA256 "\"",
	    "sha-256=:" SHA256,
	    "sha-256=:" MD5 ":",
	    "sha-256=::",
	    "sha-256=:####:",
	    "sha-256",
	    "sha-256=1",
	    "md5=:" SHA256 ":",
	    "SHA-256=:" SHA256 ":",
	    "sha-256=:" SHA256 ":,",
	    "sha-256=:" SHA256 ": md5=:" MD5 ":",
	    "sha-256:" SHA256,
	    "=:" SHA256 ":",
	    ",",
	};
	struct digest_set set;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int r = read_field(bad[i], &set);
		if (r != -EINVAL)
			fail_msg("%s: %d", bad[i], r);
	}
}

/* Fields together, as Content-Digest and Repr-Digest of one request. */
static void test_merge(void **state)
{
	struct digest_set set;

	(void)state;
	read_field("sha-256=:" SHA256 ":", &set);
	assert_ok(digest_field_read(
	    str_from("sha-256=:" SHA256 ":, md5=:" MD5 ":"), &set));
	assert_ok(digest_md5_read(str_from(" " MD5), &set));
	assert_int_equal(
	    set.have, DIGEST_BIT(DIGEST_SHA256) | DIGEST_BIT(DIGEST_MD5));
	assert_err(
	    digest_field_read(str_from("sha-256=:" OTHER ":"), &set), EEXIST);
	assert_err(digest_md5_read(str_from("AAAAAAAAAAAAAAAAAAAAAA=="), &set),
	    EEXIST);
	assert_err(digest_md5_read(str_from(":" MD5 ":"), &set), EINVAL);
	assert_err(digest_md5_read(str_from(SHA1), &set), EINVAL);
	assert_err(digest_md5_read(str_from(""), &set), EINVAL);
}

static int want(const char *text, unsigned able)
{
	enum digest_alg alg;
	int r = digest_want_read(str_from(text), able, &alg);

	return r > 0 ? 100 + (int)alg : r;
}

static void test_want(void **state)
{
	(void)state;
	assert_int_equal(
	    want("sha-256=10, md5=0", DIGEST_ALL), 100 + DIGEST_SHA256);
	assert_int_equal(
	    want("sha-256=3, sha-512=4", DIGEST_ALL), 100 + DIGEST_SHA512);
	/* Of equals the one that costs less. */
	assert_int_equal(
	    want("sha-512=4, sha-256=4", DIGEST_ALL), 100 + DIGEST_SHA256);
	assert_int_equal(want("md5=1", DIGEST_ALL), 100 + DIGEST_MD5);
	assert_int_equal(
	    want("md5=9, sha-256=1", DIGEST_SECURE), 100 + DIGEST_SHA256);
	assert_int_equal(want("md5=0", DIGEST_ALL), 0);
	assert_int_equal(want("unixsum=10", DIGEST_ALL), 0);
	assert_int_equal(want("", DIGEST_ALL), 0);
	assert_err(want("sha-256", DIGEST_ALL), EINVAL);
	assert_err(want("sha-256=11", DIGEST_ALL), EINVAL);
	assert_err(want("sha-256=-1", DIGEST_ALL), EINVAL);
	assert_err(want("sha-256=1.0", DIGEST_ALL), EINVAL);
	assert_err(want("sha-256=1,", DIGEST_ALL), EINVAL);
	assert_err(want("sha-256;q=1", DIGEST_ALL), EINVAL);
}

static void test_write(void **state)
{
	char out[DIGEST_FIELD_SIZE];
	struct digest_set set, back;

	(void)state;
	read_field("md5=:" MD5 ":, sha-256=:" SHA256 ":", &set);
	assert_int_equal(digest_field_write(&set, DIGEST_ALL, out),
	    strlen("sha-256=:" SHA256 ":, md5=:" MD5 ":"));
	assert_string_equal(out, "sha-256=:" SHA256 ":, md5=:" MD5 ":");
	digest_field_write(&set, DIGEST_SECURE, out);
	assert_string_equal(out, "sha-256=:" SHA256 ":");
	assert_int_equal(
	    digest_field_write(&set, DIGEST_BIT(DIGEST_SHA1), out), 0);
	assert_string_equal(out, "");

	/* All there is fits, and comes back. */
	memset(set.value, 0xff, sizeof(set.value));
	set.have = DIGEST_ALL;
	size_t n = digest_field_write(&set, DIGEST_ALL, out);
	assert_int_equal(strlen(out), n);
	assert_true(n < sizeof(out));
	assert_int_equal(read_field(out, &back), DIGEST_COUNT);
	assert_int_equal(back.have, DIGEST_ALL);
}

static void test_difference(void **state)
{
	char out[DIGEST_DIFFERENCE_SIZE];
	struct digest_set a, b;

	(void)state;
	read_field("md5=:" MD5 ":, sha-256=:" SHA256 ":", &a);
	b = a;
	assert_int_equal(digest_difference_write(&a, &b, out), 0);
	assert_string_equal(out, "");
	/* Only what is in both can differ. */
	memset(b.value[DIGEST_MD5], 0, DIGEST_BYTES_MAX);
	b.have = DIGEST_BIT(DIGEST_SHA256) | DIGEST_BIT(DIGEST_SHA512);
	assert_int_equal(digest_difference_write(&a, &b, out), 0);
	b.have |= DIGEST_BIT(DIGEST_MD5);
	const char want[] = "md5 is " MD5 ", not AAAAAAAAAAAAAAAAAAAAAA==";
	assert_int_equal(
	    digest_difference_write(&a, &b, out), strlen(want));
	assert_string_equal(out, want);

	/* The longest fits, with what problems write around it. */
	memset(a.value, 0xff, sizeof(a.value));
	memset(b.value, 0, sizeof(b.value));
	a.have = b.have = DIGEST_BIT(DIGEST_SHA512);
	size_t n = digest_difference_write(&a, &b, out);
	assert_true(n > 2 * (size_t)88 && n < sizeof(out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_algorithms),
	    cmocka_unit_test(test_read),
	    cmocka_unit_test(test_malformed),
	    cmocka_unit_test(test_merge),
	    cmocka_unit_test(test_want),
	    cmocka_unit_test(test_write),
	    cmocka_unit_test(test_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
