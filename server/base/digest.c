/* SPDX-License-Identifier: MIT */
#include "base/digest.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include <spillway/digest.h>

struct digest {
	unsigned algs;
	bool failed; /* the library did; told at the end */
	uint32_t crc;
	EVP_MD_CTX *evp[DIGEST_COUNT]; /* NULL: not asked for, or CRC */
};

/* Looked up once: a look-up costs more than the digest of a short text.
   NULL: not allowed here. They live as long as the process. */
static EVP_MD *methods[DIGEST_COUNT];
static unsigned able;
static pthread_once_t looked_up = PTHREAD_ONCE_INIT;

static void look_up(void)
{
	static const char *const names[DIGEST_COUNT] = {
	    [DIGEST_SHA256] = "SHA256",
	    [DIGEST_SHA512] = "SHA512",
	    [DIGEST_SHA1] = "SHA1",
	    [DIGEST_MD5] = "MD5",
	};

	able = DIGEST_BIT(DIGEST_CRC32C);
	for (unsigned i = 0; i < DIGEST_COUNT; i++) {
		if (names[i])
			methods[i] = EVP_MD_fetch(NULL, names[i], NULL);
		if (methods[i])
			able |= DIGEST_BIT(i);
	}
}

unsigned digest_able(void)
{
	pthread_once(&looked_up, look_up);
	return able;
}

static int begin_one(struct digest *d, unsigned alg)
{
	if (alg == DIGEST_CRC32C)
		return 0;

	d->evp[alg] = EVP_MD_CTX_new();
	if (!d->evp[alg] ||
	    EVP_DigestInit_ex2(d->evp[alg], methods[alg], NULL) != 1)
		return -ENOMEM;
	return 0;
}

int digest_new(unsigned algs, struct digest **ret)
{
	if (!algs || (algs & ~digest_able()))
		return -ENOTSUP;

	struct digest *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;

	d->algs = algs;
	for (unsigned i = 0; i < DIGEST_COUNT; i++) {
		if (!(algs & DIGEST_BIT(i)))
			continue;

		int r = begin_one(d, i);
		if (r < 0) {
			digest_free(d);
			return r;
		}
	}
	*ret = d;
	return 0;
}

void digest_free(struct digest *d)
{
	if (!d)
		return;

	for (unsigned i = 0; i < DIGEST_COUNT; i++)
		EVP_MD_CTX_free(d->evp[i]);
	free(d);
}

unsigned digest_algs(const struct digest *d)
{
	return d->algs;
}

void digest_add(struct digest *d, const void *p, size_t len)
{
	for (unsigned i = 0; i < DIGEST_COUNT; i++) {
		if (d->evp[i] && EVP_DigestUpdate(d->evp[i], p, len) != 1)
			d->failed = true;
	}
	if (d->algs & DIGEST_BIT(DIGEST_CRC32C))
		d->crc = spw_crc32c(d->crc, p, len);
}

int digest_finish(struct digest *d, struct digest_set *ret)
{
	struct digest_set set = {.have = d->algs};

	for (unsigned i = 0; i < DIGEST_COUNT; i++) {
		if (d->evp[i] &&
		    EVP_DigestFinal_ex(d->evp[i], set.value[i], NULL) != 1)
			d->failed = true;
	}
	for (unsigned i = 0; i < 4; i++)
		set.value[DIGEST_CRC32C][i] = (uint8_t)(d->crc >> (24 - 8 * i));
	if (d->failed)
		return -EIO;

	*ret = set;
	return 0;
}

int digest_peek(const struct digest *d, struct digest_set *ret)
{
	struct digest *copy;
	int r = digest_new(d->algs, &copy);

	if (r < 0)
		return r;

	copy->crc = d->crc;
	copy->failed = d->failed;
	for (unsigned i = 0; i < DIGEST_COUNT; i++) {
		if (d->evp[i] &&
		    EVP_MD_CTX_copy_ex(copy->evp[i], d->evp[i]) != 1)
			copy->failed = true;
	}
	r = digest_finish(copy, ret);
	digest_free(copy);
	return r;
}

int digest_once(
    unsigned algs, const void *p, size_t len, struct digest_set *ret)
{
	struct digest *d;
	int r = digest_new(algs, &d);

	if (r < 0)
		return r;

	digest_add(d, p, len);
	r = digest_finish(d, ret);
	digest_free(d);
	return r;
}

unsigned digest_differs(
    const struct digest_set *got, const struct digest_set *said)
{
	unsigned differs = 0;

	for (unsigned i = 0; i < DIGEST_COUNT; i++) {
		unsigned bit = DIGEST_BIT(i);

		if ((got->have & said->have & bit) &&
		    memcmp(got->value[i], said->value[i],
			digest_alg_size((enum digest_alg)i)) != 0)
			differs |= bit;
	}
	return differs;
}
