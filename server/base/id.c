/* SPDX-License-Identifier: MIT */
#include "base/id.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "common/text.h"

#define POOL_SIZE 2048

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz0123456789-_";

/*
 * Random bytes not used yet: bytes[0] to bytes[left - 1]. A child process has
 * a copy of its parent's, which `generation` tells.
 */
struct pool {
	unsigned generation;
	size_t left;
	uint8_t bytes[POOL_SIZE];
};

static _Thread_local struct pool pool;

/* Forks this process descends from; asking getpid() each time costs more than
   all the rest. */
static atomic_uint generation;
static pthread_once_t watched = PTHREAD_ONCE_INIT;

static void count_fork(void)
{
	atomic_fetch_add(&generation, 1);
}

static void watch_forks(void)
{
	(void)pthread_atfork(NULL, NULL, count_fork);
}

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

/** Forget what a parent process has, too. */
static void pool_begin(void)
{
	pthread_once(&watched, watch_forks);
	unsigned now = atomic_load_explicit(&generation, memory_order_relaxed);
	if (pool.generation != now) {
		pool.generation = now;
		pool.left = 0;
	}
}

int id_new_span(char out[SPAN_ID_LEN + 1])
{
	uint8_t bytes[SPAN_ID_LEN / 2];

	pool_begin();
	for (size_t i = 0; i < sizeof bytes; i++) {
		int r = pool_take(&pool, &bytes[i]);
		if (r < 0)
			return r;
	}

	/* Zeros would be none. */
	bytes[0] |= 1;
	hex_encode(bytes, sizeof bytes, out);
	return 0;
}

int id_new(char out[ID_LEN + 1])
{
	char id[ID_LEN + 1];
	size_t len = 0;

	pool_begin();
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
