/* SPDX-License-Identifier: MIT */
/*
 * A file in a store with a directory of its own and a pool of readers, and a
 * request that waits, for what sends files to be tested with.
 */
#ifndef TESTS_SERVING_H
#define TESTS_SERVING_H

#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "fake_mhd.h"
#include "stored.h"
#include "tempdir.h"

struct serving {
	struct web web;
	struct http_handler handler;
	char path[160];
	struct spw_dir *dir;
	struct spw_pool *threads; /* or NULL */
	struct store *store;
	struct file *file;
};

static inline void serving_ignore(struct http_request *req, void *ctx)
{
	(void)req;
	(void)ctx;
}

static inline void serving_begin(struct http_request *req, void *ctx)
{
	static const struct http_waiter ops = {
	    .woken = serving_ignore, .free = serving_ignore};

	http_wait(req, &ops, ctx);
}

/** With an empty file, whose spool may hold `memory_max` bytes. */
static inline void serving_open(
    struct serving *sv, uint64_t memory_max, bool threads)
{
	struct spw_dir_opts dopts = {.size = sizeof(dopts), .path = sv->path};
	struct store_opts opts = {.memory_max = memory_max, .max_files = 10};

	memset(sv, 0, sizeof(*sv));
	assert_true(temp_dir(sv->path, sizeof(sv->path)));
	assert_ok(spw_dir_open(&dopts, &sv->dir));
	if (threads)
		assert_ok(spw_pool_new(1, &sv->threads));
	opts.dir = sv->dir;
	opts.readers = sv->threads;
	require(store_new(&opts, &sv->store) == 0);
	sv->file = stored_add(sv->store, NULL, 0);
	file_ref(sv->file);
	sv->handler = (struct http_handler){.begin = serving_begin, .ctx = sv};
	web_init(&sv->web, &sv->handler);
	web_ask(&sv->web, "GET", "/f", NULL);
}

/** Nobody but the store and us may hold the file any more. */
static inline void serving_close(struct serving *sv)
{
	web_done(&sv->web, true);
	spw_pool_free(sv->threads);
	web_fini(&sv->web);
	assert_int_equal(atomic_load(&sv->file->refs), 2);
	file_unref(sv->file);
	store_free(sv->store);
	spw_dir_unref(sv->dir);
	assert_ok(remove(sv->path));
}

#endif
