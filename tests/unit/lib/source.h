/* SPDX-License-Identifier: MIT */
/*
 * A source for streams: delivers known content in pieces, as far as it is
 * allowed to, fails where it is told, and watches how it is treated.
 *
 * Threads: the stream's side may be any; the test's side is any, too.
 */
#ifndef TESTS_UNIT_LIB_SOURCE_H
#define TESTS_UNIT_LIB_SOURCE_H

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include <spillway/stream.h>

#include "unit/lib/threads.h"

#define ALPHABET "abcdefghijklmnopqrstuvwxyz"

struct source {
	/* Set before it is used; 0 where it does not matter. */
	const char *text;	/* NULL: byte_at() */
	uint64_t size;
	size_t piece;		/* what it gives at once, at most */
	int error;		/* instead of the end */
	int seek_error;
	unsigned idle;		/* says -EAGAIN so often before each piece */

	pthread_mutex_t lock;
	pthread_cond_t cond;
	uint64_t at;
	uint64_t allowed;	/* it blocks from there on */
	uint64_t furthest;	/* of what it was asked for */
	size_t largest;		/* of what it was asked for at once */
	unsigned reads, seeks, releases, blocked, idled;
	bool inside, over;
};

static inline void source_init(struct source *src)
{
	pthread_mutex_init(&src->lock, NULL);
	pthread_cond_init(&src->cond, NULL);
	src->allowed = UINT64_MAX;
}

static inline void source_fini(struct source *src)
{
	pthread_cond_destroy(&src->cond);
	pthread_mutex_destroy(&src->lock);
}

/** Let it deliver up to byte `off`. */
static inline void source_allow(struct source *src, uint64_t off)
{
	pthread_mutex_lock(&src->lock);
	src->allowed = off;
	pthread_cond_broadcast(&src->cond);
	pthread_mutex_unlock(&src->lock);
}

/** Wait until somebody is blocked in it. */
static inline void source_await_blocked(struct source *src)
{
	pthread_mutex_lock(&src->lock);
	while (!src->blocked)
		pthread_cond_wait(&src->cond, &src->lock);
	pthread_mutex_unlock(&src->lock);
}

static inline uint8_t source_byte(const struct source *src, uint64_t off)
{
	return src->text ? (uint8_t)src->text[off] : byte_at(off);
}

/* Locked. */
static inline void source_block(struct source *src)
{
	src->blocked++;
	pthread_cond_broadcast(&src->cond);
	while (src->at >= src->allowed)
		pthread_cond_wait(&src->cond, &src->lock);
	src->blocked--;
}

/* Locked. What it gives of `len` bytes. */
static inline ssize_t source_give(struct source *src, uint8_t *buf, size_t len)
{
	uint64_t end = src->size < src->allowed ? src->size : src->allowed;

	if (src->at >= src->size) {
		src->over = true;
		return src->error;
	}
	if (src->piece && len > src->piece)
		len = src->piece;
	if (len > end - src->at)
		len = (size_t)(end - src->at);
	for (size_t i = 0; i < len; i++)
		buf[i] = source_byte(src, src->at + i);
	src->at += len;
	return (ssize_t)len;
}

static inline ssize_t source_read(void *user_data, void *buf, size_t len)
{
	struct source *src = user_data;

	pthread_mutex_lock(&src->lock);
	/* One at a time, and not after it was done with. */
	require(!src->inside && !src->over && !src->releases && len);
	src->inside = true;
	src->reads++;
	if (src->at + len > src->furthest)
		src->furthest = src->at + len;
	if (len > src->largest)
		src->largest = len;
	ssize_t n = -EAGAIN;
	if (src->idled++ >= src->idle) {
		if (src->at >= src->allowed)
			source_block(src);
		src->idled = 0;
		n = source_give(src, buf, len);
	}
	src->inside = false;
	pthread_mutex_unlock(&src->lock);
	return n;
}

static inline int source_seek(void *user_data, uint64_t off)
{
	struct source *src = user_data;

	pthread_mutex_lock(&src->lock);
	require(!src->inside && !src->over && !src->releases);
	src->seeks++;
	if (!src->seek_error)
		src->at = off;
	int r = src->seek_error;
	pthread_mutex_unlock(&src->lock);
	return r;
}

static inline void source_release(void *user_data)
{
	struct source *src = user_data;

	pthread_mutex_lock(&src->lock);
	require(!src->inside && !src->releases);
	src->releases++;
	pthread_mutex_unlock(&src->lock);
}

/** Options for a stream that pulls from `src`, and what else is given. */
#define STREAM_OPTS(src, ...)                                                  \
	(&(const struct spw_stream_opts){                                      \
	    .size = sizeof(struct spw_stream_opts), .read = source_read,       \
	    .release = source_release, .user_data = (src), __VA_ARGS__ })

/** Options for a stream that is fed, and what else is given. */
#define FED_OPTS(...)                                                          \
	(&(const struct spw_stream_opts){                                      \
	    .size = sizeof(struct spw_stream_opts), __VA_ARGS__ })

/** Wait until so many calls wait for another thread. */
static inline void await_waiting(struct spw_stream *s, unsigned count)
{
	struct spw_stream_info info;

	do {
		sched_yield();
		spw_stream_info(s, &info);
	} while (info.waiting < count);
}

#endif
