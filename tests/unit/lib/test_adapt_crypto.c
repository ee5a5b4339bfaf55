/* SPDX-License-Identifier: MIT */
#include <spillway/crypto.h>

#include <stdio.h>
#include <string.h>

#include "unit/lib/model.h"

/* A digest as everybody writes it. */
static void expect_hex(const uint8_t *digest, size_t len, const char *want)
{
	char hex[2 * SPW_DIGEST_MAX + 1] = "";

	for (size_t i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	assert_string_equal(hex, want);
}

static const struct {
	const struct spw_digest_algo *(*algo)(void);
	const char *name;
	size_t bytes;
	const char *of_nothing, *of_abc;
} algos[] = {
	{ spw_crypto_sha256, "sha-256", 32,
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	},
	{ spw_crypto_sha512, "sha-512", 64,
	    "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
	    "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
	    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
	},
	{ spw_crypto_sha1, "sha", 20,
	    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
	    "a9993e364706816aba3e25717850c26c9cd0d89d" },
	{ spw_crypto_md5, "md5", 16, "d41d8cd98f00b204e9800998ecf8427e",
	    "900150983cd24fb0d6963f7d28e17f72" },
};

/* FIPS 180-4 and RFC 1321 have these. */
static void test_known_digests(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(algos) / sizeof(algos[0]); i++) {
		const struct spw_digest_algo *algo = algos[i].algo();
		uint8_t sum[SPW_DIGEST_MAX];
		struct spw_spool *s;
		struct spw_digest *d;

		assert_string_equal(algo->name, algos[i].name);
		assert_int_equal(algo->digest_bytes, algos[i].bytes);
		assert_ok(spw_spool_new(NULL, &s));
		assert_ok(spw_digest_open(s, algo, &d));
		assert_ok(spw_digest_get(d, sum, NULL));
		expect_hex(sum, algos[i].bytes, algos[i].of_nothing);
		assert_ok(spw_spool_append(s, "a", 1));
		assert_ok(spw_digest_get(d, sum, NULL));
		assert_ok(spw_spool_append(s, "bc", 2));
		assert_ok(spw_digest_get(d, sum, NULL));
		expect_hex(sum, algos[i].bytes, algos[i].of_abc);
		assert_ok(spw_digest_verify(d, sum, algos[i].bytes));
		/* Begun anew. */
		assert_ok(spw_spool_truncate(s, 0));
		assert_ok(spw_digest_get(d, sum, NULL));
		expect_hex(sum, algos[i].bytes, algos[i].of_nothing);
		spw_digest_close(d);
		spw_spool_unref(s);
	}
}

/* The key of NIST SP 800-38A; what it makes of two counters in ECB mode. */
static void test_a_known_keystream(void **state)
{
	static const uint8_t key[32] = {
		0x60, 0x3d, 0xeb, 0x10, 0x15, 0xca, 0x71, 0xbe,
		0x2b, 0x73, 0xae, 0xf0, 0x85, 0x7d, 0x77, 0x81,
		0x1f, 0x35, 0x2c, 0x07, 0x3b, 0x61, 0x08, 0xd7,
		0x2d, 0x98, 0x10, 0xa3, 0x09, 0x14, 0xdf, 0xf4,
	};
	/* Of 0f0e0d0c0b0a0908 0000000000000005, and the next. */
	static const char *const want[] = {
		"dd2a9bdb25bc32789e496b7eb3e5ec35",
		"7640cdd12011b6bf5953faa896223e69",
	};
	uint8_t data[32] = { 0 };

	(void)state;
	assert_ok(spw_crypto_aes256ctr()->apply(key,
	    UINT64_C(0x0f0e0d0c0b0a0908), 80, data, 32));
	expect_hex(data, 16, want[0]);
	expect_hex(data + 16, 16, want[1]);
}

/* In pieces, from anywhere, it is the same keystream. */
static void test_any_piece(void **state)
{
	const struct spw_cipher *c = spw_crypto_aes256ctr();
	const uint64_t far = UINT64_C(1) << 62;
	uint8_t key[32], whole[1000] = { 0 };

	(void)state;
	memset(key, 0x5c, sizeof(key));
	assert_int_equal(c->key_bytes, sizeof(key));
	assert_ok(c->apply(key, 9, far, whole, sizeof(whole)));
	for (size_t off = 0; off < 50; off++) {
		for (size_t len = 0; len < 60; len++) {
			uint8_t piece[60] = { 0 };

			assert_ok(c->apply(key, 9, far + off, piece, len));
			assert_memory_equal(piece, whole + off, len);
		}
	}

	uint8_t other[1000] = { 0 };
	assert_ok(c->apply(key, 10, far, other, sizeof(other)));
	for (size_t i = 0; i < sizeof(other); i += 8)
		assert_memory_not_equal(other + i, whole + i, 8);
	key[31] ^= 1;
	memset(other, 0, sizeof(other));
	assert_ok(c->apply(key, 9, far, other, sizeof(other)));
	for (size_t i = 0; i < sizeof(other); i += 8)
		assert_memory_not_equal(other + i, whole + i, 8);
}

/* A spool with it, watched by all of them, against the array. */
static void test_a_spool(void **state)
{
	const struct spw_digest_algo *algo = spw_crypto_sha256();
	uint8_t sum[SPW_DIGEST_MAX], want[SPW_DIGEST_MAX];
	struct spw_digest *d, *other;
	struct spw_spool *plain;
	struct world w;
	struct model m;

	(void)state;
	world_init(&w, &(struct world_opts){ 0 });
	model_init(&m, MIB, SPOOL_OPTS(&w, .memory_max = 1000,
	    .cipher = spw_crypto_aes256ctr()));
	assert_ok(spw_digest_open(m.spool, algo, &d));
	for (int i = 0; i < 30; i++) {
		assert_ok(model_append(&m, (size_t)i * 777));
		assert_ok(model_pwrite(&m, 100, (uint64_t)i * 50));
	}
	assert_ok(spw_digest_get(d, sum, NULL));
	assert_ok(spw_spool_new(NULL, &plain));
	assert_ok(spw_spool_append(plain, m.bytes, m.size));
	assert_ok(spw_digest_open(plain, algo, &other));
	assert_ok(spw_digest_get(other, want, NULL));
	assert_memory_equal(sum, want, algo->digest_bytes);
	spw_digest_close(other);
	spw_spool_unref(plain);
	spw_digest_close(d);
	model_fini(&m);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_digests),
		cmocka_unit_test(test_a_known_keystream),
		cmocka_unit_test(test_any_piece),
		cmocka_unit_test(test_a_spool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
