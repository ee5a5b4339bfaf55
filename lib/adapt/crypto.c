/* SPDX-License-Identifier: MIT */
/* Digests and a cipher of OpenSSL's libcrypto. */
#include <spillway/crypto.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

/* What one call of libcrypto takes, whole AES blocks. */
#define CIPHER_MOST ((size_t)1 << 30)
#define AES_BLOCK 16u

/* The state of a digest. */
struct hash {
	EVP_MD_CTX *ctx;
};

static int begin(void *state, const EVP_MD *md)
{
	struct hash *h = state;

	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx)
		return -ENOMEM;

	/* A libcrypto for the wary may not have the old ones. */
	if (!md || EVP_DigestInit_ex(h->ctx, md, NULL) != 1)
		return -EOPNOTSUPP;

	return 0;
}

static int begin_sha256(void *state)
{
	return begin(state, EVP_sha256());
}

static int begin_sha512(void *state)
{
	return begin(state, EVP_sha512());
}

static int begin_sha1(void *state)
{
	return begin(state, EVP_sha1());
}

static int begin_md5(void *state)
{
	return begin(state, EVP_md5());
}

static int update(void *state, const void *data, size_t len)
{
	struct hash *h = state;

	return EVP_DigestUpdate(h->ctx, data, len) == 1 ? 0 : -ENOMEM;
}

/* Of a copy, so that the original can go on. */
static int value(const void *state, uint8_t *ret)
{
	const struct hash *h = state;
	EVP_MD_CTX *copy = EVP_MD_CTX_new();

	if (!copy)
		return -ENOMEM;

	int ok = EVP_MD_CTX_copy_ex(copy, h->ctx) == 1 &&
	    EVP_DigestFinal_ex(copy, ret, NULL) == 1;
	EVP_MD_CTX_free(copy);
	return ok ? 0 : -ENOMEM;
}

static void end(void *state)
{
	struct hash *h = state;

	EVP_MD_CTX_free(h->ctx);
	h->ctx = NULL;
}

#define ALGO(fn, iana_name, bytes)                                             \
	const struct spw_digest_algo *spw_crypto_##fn(void)                    \
	{                                                                      \
		static const struct spw_digest_algo algo = {                   \
			.size = sizeof(algo),                                  \
			.name = iana_name,                                     \
			.state_bytes = sizeof(struct hash),                    \
			.digest_bytes = bytes,                                 \
			.begin = begin_##fn,                                   \
			.update = update,                                      \
			.value = value,                                        \
			.end = end,                                            \
		};                                                             \
		return &algo;                                                  \
	}

ALGO(sha256, "sha-256", 32)
ALGO(sha512, "sha-512", 64)
ALGO(sha1, "sha", 20)
ALGO(md5, "md5", 16)

static void put_big_endian(uint8_t to[8], uint64_t n)
{
	for (int i = 0; i < 8; i++)
		to[i] = (uint8_t)(n >> (56 - 8 * i));
}

/* Begin in the middle of a block: pass over the keystream before it. */
static int skip(EVP_CIPHER_CTX *ctx, unsigned bytes)
{
	uint8_t waste[AES_BLOCK] = { 0 };
	int n;

	int ok = !bytes ||
	    EVP_EncryptUpdate(ctx, waste, &n, waste, (int)bytes) == 1;
	/* It was keystream, of bytes that others may have written. */
	OPENSSL_cleanse(waste, sizeof(waste));
	return ok;
}

static int run(EVP_CIPHER_CTX *ctx, uint8_t *data, size_t len)
{
	while (len) {
		int n = (int)(len < CIPHER_MOST ? len : CIPHER_MOST);

		if (EVP_EncryptUpdate(ctx, data, &n, data, n) != 1)
			return 0;
		data += n;
		len -= (size_t)n;
	}
	return 1;
}

/*
 * With a context of its own each time: threads need not wait for each other,
 * and the key is spread out in memory no longer than it is used; libcrypto
 * wipes it.
 */
static int apply(const uint8_t *key, uint64_t nonce, uint64_t off,
    uint8_t *data, size_t len)
{
	uint8_t counter[AES_BLOCK];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (!ctx)
		return -ENOMEM;

	put_big_endian(counter, nonce);
	put_big_endian(counter + 8, off / AES_BLOCK);
	int ok = EVP_EncryptInit_ex(
	    ctx, EVP_aes_256_ctr(), NULL, key, counter) == 1;
	if (ok)
		ok = skip(ctx, off % AES_BLOCK) && run(ctx, data, len);
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -ENOMEM;
}

const struct spw_cipher *spw_crypto_aes256ctr(void)
{
	static const struct spw_cipher cipher = {
		.size = sizeof(cipher),
		.key_bytes = 32,
		.apply = apply,
	};

	return &cipher;
}
