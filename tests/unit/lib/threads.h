/* SPDX-License-Identifier: MIT */
/*
 * For tests with threads: an assertion that any thread may make (cmocka's
 * jump home from the wrong thread), starting and joining, and content that
 * can be told from its offset.
 */
#ifndef TESTS_UNIT_LIB_THREADS_H
#define TESTS_UNIT_LIB_THREADS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/** End the program unless `ok`; for threads other than the first. */
#define require(ok)                                                            \
	do {                                                                   \
		if (!(ok)) {                                                   \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__,     \
			    __LINE__, #ok);                                    \
			abort();                                               \
		}                                                              \
	} while (0)

static inline pthread_t start_thread(void *(*fn)(void *), void *arg)
{
	pthread_t id;

	require(pthread_create(&id, NULL, fn, arg) == 0);
	return id;
}

static inline void join_thread(pthread_t id)
{
	require(pthread_join(id, NULL) == 0);
}

/* A flag that one thread raises and another waits for and takes down. */
struct flag {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned raised;
};

static inline void flag_init(struct flag *f)
{
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->cond, NULL);
	f->raised = 0;
}

static inline void flag_fini(struct flag *f)
{
	pthread_cond_destroy(&f->cond);
	pthread_mutex_destroy(&f->lock);
}

static inline void flag_raise(struct flag *f)
{
	pthread_mutex_lock(&f->lock);
	f->raised++;
	pthread_cond_broadcast(&f->cond);
	pthread_mutex_unlock(&f->lock);
}

/** Wait until it is raised. Returns: how often it was since the last time. */
static inline unsigned flag_take(struct flag *f)
{
	pthread_mutex_lock(&f->lock);
	while (!f->raised)
		pthread_cond_wait(&f->cond, &f->lock);
	unsigned raised = f->raised;
	f->raised = 0;
	pthread_mutex_unlock(&f->lock);
	return raised;
}

/** The content's byte at `off`. */
static inline uint8_t byte_at(uint64_t off)
{
	uint64_t x = off * UINT64_C(0x9e3779b97f4a7c15);

	return (uint8_t)(x >> 56 ^ x >> 23);
}

static inline void fill_content(uint8_t *p, size_t len, uint64_t off)
{
	for (size_t i = 0; i < len; i++)
		p[i] = byte_at(off + i);
}

static inline bool is_content(const uint8_t *p, size_t len, uint64_t off)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] != byte_at(off + i))
			return false;
	}
	return true;
}

#endif
