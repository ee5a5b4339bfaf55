/* SPDX-License-Identifier: MIT */
#include "base/id.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/text.h"

/* getrandom() answers up to 256 bytes whole, whatever signals come. */
#define POOL_SIZE 256

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz0123456789-_";

/*
 * Random bytes not used yet: bytes[0] to bytes[left - 1]. A child process has
 * a copy of its parent's, which `owner` tells.
 */
struct pool {
	pid_t owner;
	size_t left;
	uint8_t bytes[POOL_SIZE];
};

static _Thread_local struct pool pool;

static int pool_fill(struct pool *p)
{
	ssize_t n;

	p->left = 0;
	do {
		n = getrandom(p->bytes, sizeof p->bytes, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;

	p->left = (size_t)n;
	return 0;
}

/** Take one byte out of the pool, for good. */
static int pool_take(struct pool *p, uint8_t *ret)
{
	while (p->left == 0) {
		int r = pool_fill(p);
		if (r < 0)
			return r;
	}

	*ret = p->bytes[--p->left];
	p->bytes[p->left] = 0;
	return 0;
}

int id_new(char out[ID_LEN + 1])
{
	pid_t self = getpid();
	char id[ID_LEN + 1];
	size_t len = 0;

	if (pool.owner != self) {
		pool.owner = self;
		pool.left = 0;
	}
	while (len < ID_LEN) {
		uint8_t byte;
		int r = pool_take(&pool, &byte);
		if (r < 0)
			return r;

		/* 64 characters, so every one is equally likely. */
		id[len] = alphabet[byte & 63];
		if (id[0] != '-')
			len++;
	}

	id[ID_LEN] = '\0';
	memcpy(out, id, sizeof id);
	explicit_bzero(id, sizeof id);
	return 0;
}

bool id_valid(const char *s, size_t len)
{
	if (len == 0 || len > ID_LEN_MAX || s[0] == '.')
		return false;

	for (size_t i = 0; i < len; i++) {
		char c = s[i];
		bool mark = c == '-' || c == '.' || c == '_' || c == '~';
		if (!ascii_is_alpha(c) && !ascii_is_digit(c) && !mark)
			return false;
	}
	return true;
}
