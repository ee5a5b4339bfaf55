/* SPDX-License-Identifier: MIT */
/*
 * The store's inner side.
 *
 * A file is found by id in one of 64 shards, each with a lock and a hash
 * table of its own; the order of creation is a list under `list_lock`; expiry
 * is a wheel of slots a second wide under `wheel_lock`. Locks are taken in
 * that order and none is held while a file is freed.
 */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include <string.h>

#include "store/store.h"

#define STORE_SHARDS 64
#define STORE_WHEEL 4096 /* seconds of a turn */
#define STORE_TOMBS 64	 /* per shard */

struct store_shard {
	pthread_mutex_t lock;
	struct file **buckets;
	size_t mask, count;
	/* Hashes of ids that went a short while ago, oldest overwritten. */
	uint64_t tombs[STORE_TOMBS];
	unsigned next_tomb;
};

struct store {
	struct store_opts opts;
	uint64_t seed;
	_Atomic uint64_t files;
	struct store_shard shards[STORE_SHARDS];

	pthread_mutex_t list_lock;
	struct file *first, *last;
	uint64_t next_seq;

	pthread_mutex_t wheel_lock;
	struct file *wheel[STORE_WHEEL];
	int64_t wheel_s; /* Unix second expired so far */
};

/* wheel.c */
void store_wheel_add(struct store *st, struct file *f);
void store_wheel_remove(struct store *st, struct file *f);

/** Copy a string that is known to fit. */
static inline void strcpy_checked(char *out, const char *s, size_t cap)
{
	size_t n = strlen(s);

	if (n >= cap)
		n = cap - 1;
	memcpy(out, s, n);
	out[n] = '\0';
}

#endif
