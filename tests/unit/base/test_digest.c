/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>

#include "base/digest.h"

static void check_hex(
    const struct digest_set *set, enum digest_alg alg, const char *hex)
{
	char text[2 * DIGEST_BYTES_MAX + 1];

	assert_true(set->have & DIGEST_BIT(alg));
	hex_encode(set->value[alg], digest_alg_size(alg), text);
	assert_string_equal(text, hex);
}

/* Source: FIPS 180-4 examples, RFC 1321 §A.5 */
static void check_abc(const struct digest_set *set)
{
	check_hex(set, DIGEST_SHA256,
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	check_hex(set, DIGEST_SHA512,
	    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
	check_hex(set, DIGEST_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d");
	check_hex(set, DIGEST_MD5, "900150983cd24fb0d6963f7d28e17f72");
	check_hex(set, DIGEST_CRC32C, "364b3fb7");
}

static void test_once(void **state)
{
	struct digest_set set;

	(void)state;
	assert_int_equal(digest_able(), DIGEST_ALL);
	assert_ok(digest_once(DIGEST_ALL, "abc", 3, &set));
	check_abc(&set);
	assert_ok(digest_once(DIGEST_BIT(DIGEST_SHA256), "", 0, &set));
	assert_int_equal(set.have, DIGEST_BIT(DIGEST_SHA256));
	check_hex(&set, DIGEST_SHA256,
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_pieces(void **state)
{
	struct digest_set set;
	struct digest *d;

	(void)state;
	assert_ok(digest_new(DIGEST_ALL, &d));
	assert_int_equal(digest_algs(d), DIGEST_ALL);
	digest_add(d, "a", 1);
	digest_add(d, "", 0);
	/* A look in between changes nothing. */
	assert_ok(digest_peek(d, &set));
	check_hex(&set, DIGEST_MD5, "0cc175b9c0f1b6a831c399e269772661");
	digest_add(d, "bc", 2);
	assert_ok(digest_peek(d, &set));
	check_abc(&set);
	assert_ok(digest_finish(d, &set));
	check_abc(&set);
	digest_free(d);
	digest_free(NULL);
}

static void test_not_able(void **state)
{
	struct digest *d;

	(void)state;
	assert_err(digest_new(0, &d), ENOTSUP);
	assert_err(digest_new(DIGEST_BIT(DIGEST_COUNT), &d), ENOTSUP);
}

static void test_differs(void **state)
{
	struct digest_set abc, abd, said = {0};

	(void)state;
	assert_ok(digest_once(DIGEST_ALL, "abc", 3, &abc));
	assert_ok(digest_once(DIGEST_ALL, "abd", 3, &abd));
	assert_int_equal(digest_differs(&abc, &abc), 0);
	assert_int_equal(digest_differs(&abc, &abd), DIGEST_ALL);
	/* What is in one of them only does not matter. */
	assert_int_equal(digest_differs(&abc, &said), 0);
	said = abc;
	said.have = DIGEST_BIT(DIGEST_MD5) | DIGEST_BIT(DIGEST_SHA1);
	said.value[DIGEST_MD5][15] ^= 1;
	assert_int_equal(digest_differs(&abc, &said), DIGEST_BIT(DIGEST_MD5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_once),
	    cmocka_unit_test(test_pieces),
	    cmocka_unit_test(test_not_able),
	    cmocka_unit_test(test_differs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
