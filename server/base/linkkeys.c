/* SPDX-License-Identifier: MIT */
#include "base/linkkeys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/linefile.h"
#include "common/authfile.h"

#define MAC_SIZE 32
_Static_assert(LINEFILE_WHY_SIZE == AUTH_WHY_SIZE, "one");
#define CANONICAL_SIZE (LINK_PATH_MAX + TOKEN_NAME_MAX + SIGNED_LINK_ROOM)

struct link_keys {
	size_t count;
	struct {
		size_t len;
		uint8_t bytes[LINK_KEY_MAX];
	} keys[LINK_KEYS_MAX];
};

int link_keys_random(struct link_keys **ret)
{
	struct link_keys *all = calloc(1, sizeof(*all));
	if (!all)
		return -ENOMEM;

	all->count = 1;
	all->keys[0].len = LINK_KEY_MIN;
	if (getrandom(all->keys[0].bytes, LINK_KEY_MIN, 0) != LINK_KEY_MIN) {
		free(all);
		return -EIO;
	}
	*ret = all;
	return 0;
}

static int add(void *ctx, struct str line, char ret_why[LINEFILE_WHY_SIZE])
{
	struct link_keys *all = ctx;

	if (all->count == LINK_KEYS_MAX) {
		snprintf(ret_why, LINEFILE_WHY_SIZE,
		    "there are too many keys; %d are allowed", LINK_KEYS_MAX);
		return -EINVAL;
	}

	ssize_t n = link_key_read(line, all->keys[all->count].bytes, ret_why);
	if (n < 0)
		return (int)n;

	all->keys[all->count++].len = (size_t)n;
	return 0;
}

int link_keys_load(
    const char *path, struct link_keys **ret, struct conf_error *reterr)
{
	struct link_keys *all = calloc(1, sizeof(*all));
	if (!all)
		return conf_error_set(reterr, -ENOMEM, "out of memory");

	int r = linefile_read(path, add, all, reterr);
	if (r == 0 && !all->count)
		r = conf_error_set(reterr, -EINVAL,
		    "there is no key in it; `openssl rand -hex 32` makes one");
	if (r < 0) {
		link_keys_free(all);
		return r;
	}
	*ret = all;
	return 0;
}

void link_keys_free(struct link_keys *all)
{
	if (!all)
		return;

	OPENSSL_cleanse(all, sizeof(*all));
	free(all);
}

static int sign(const struct link_keys *all, size_t i,
    const struct signed_link *link, char out[SIGNATURE_TEXT_LEN + 1])
{
	char text[CANONICAL_SIZE];
	uint8_t mac[MAC_SIZE];
	size_t n = signed_link_canonical(link, text, sizeof(text));

	if (!n)
		return -E2BIG;
	if (!HMAC(EVP_sha256(), all->keys[i].bytes, (int)all->keys[i].len,
		(const unsigned char *)text, n, mac, NULL))
		return -EIO;

	base64url_encode(mac, sizeof(mac), out);
	return 0;
}

int link_keys_sign(const struct link_keys *all,
    const struct signed_link *link, char ret_signature[SIGNATURE_TEXT_LEN + 1])
{
	return sign(all, 0, link, ret_signature);
}

bool link_keys_verify(
    const struct link_keys *all, const struct signed_link *link)
{
	char mine[SIGNATURE_TEXT_LEN + 1];
	bool good = false;

	for (size_t i = 0; i < all->count; i++)
		good |= sign(all, i, link, mine) == 0 &&
			link->signature.n == SIGNATURE_TEXT_LEN &&
			CRYPTO_memcmp(mine, link->signature.p,
			    SIGNATURE_TEXT_LEN) == 0;
	return good;
}
