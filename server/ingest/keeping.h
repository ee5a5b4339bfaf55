/* SPDX-License-Identifier: MIT */
/*
 * Complete uploads made to survive, before their client is told of them.
 *
 *   keeping()        again and again when woken, until it is done
 *   keeping_drop()   the request is over
 *
 * Without store.durability there is nothing to do, and nothing of it is called.
 *
 * Threads: the request's loop.
 */
#ifndef INGEST_KEEPING_H
#define INGEST_KEEPING_H

#include "ingest/upload.h"

struct keeping;

struct keeping_what {
	struct file *const *files; /* sealed; in the store unless `places` */
	size_t count;
	bool places; /* each is put into the store, in the place of another */
	struct file *expected; /* which must be this one; or NULL */
};

/**
 * Have files survive; `*k` is NULL at first.
 *
 * Returns:   0; 1 when one took the place of another. With `places` they are
 *            ready and in the store then.
 * Errors:    -EINPROGRESS the request will be woken; -ENOMEM; as
 *            store_keep_replace(), and some may be in the store.
 */
int keeping(struct http_request *req, struct ingest *in,
    const struct keeping_what *what, struct keeping **k) SPW_MUST_CHECK;

/**
 * Let go of it; NULL is allowed. If it is not done, none of the files stays
 * but one that has replaced another.
 */
void keeping_drop(struct keeping *k);

#endif
