/* SPDX-License-Identifier: MIT */
#include "hook/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "common/text.h"

#define PREFIX "whsec_"
#define FILE_MAX 512
#define HASH_SIZE 32

int sign_parse(const char *text, size_t len, struct sign_secret *ret)
{
	struct sign_secret s = {0};
	struct str line = {text, len};

	while (line.n && strchr(" \t\r\n", line.p[line.n - 1]))
		line.n--;
	line = str_trim(line);
	if (!str_istarts(line, PREFIX))
		return -EINVAL;

	ssize_t n = base64_decode(line.p + strlen(PREFIX),
	    line.n - strlen(PREFIX), s.bytes, sizeof(s.bytes));
	if (n < SIGN_SECRET_MIN)
		return -EINVAL;

	s.len = (size_t)n;
	*ret = s;
	return 0;
}

int sign_read(const char *path, struct sign_secret *ret)
{
	char text[FILE_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	ssize_t n = read(fd, text, sizeof(text));
	int r = n < 0 ? -errno : sign_parse(text, (size_t)n, ret);
	close(fd);
	explicit_bzero(text, sizeof(text));
	return r;
}

static bool add(EVP_MD_CTX *ctx, const char *p, size_t len)
{
	return EVP_DigestSignUpdate(ctx, p, len) == 1;
}

/* HMAC-SHA256 of head and body. */
static int hmac(const struct sign_secret *s, const char *head,
    const char *body, size_t len, uint8_t out[HASH_SIZE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(
	    EVP_PKEY_HMAC, NULL, s->bytes, s->len);
	size_t size = HASH_SIZE;

	bool fine = ctx && key &&
		    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) ==
			1 &&
		    add(ctx, head, strlen(head)) && add(ctx, body, len) &&
		    EVP_DigestSignFinal(ctx, out, &size) == 1;
	EVP_PKEY_free(key);
	EVP_MD_CTX_free(ctx);
	return fine && size == HASH_SIZE ? 0 : -EIO;
}

int sign_call(const struct sign_secret *s, const char *id, int64_t time_s,
    const char *body, size_t len, char out[SIGN_SIZE])
{
	uint8_t hash[HASH_SIZE];
	char head[128];

	snprintf(head, sizeof(head), "%s.%" PRId64 ".", id, time_s);
	int r = hmac(s, head, body, len, hash);
	if (r < 0)
		return r;

	memcpy(out, "v1,", 3);
	base64_encode(hash, sizeof(hash), out + 3);
	return 0;
}
