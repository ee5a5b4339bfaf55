/* SPDX-License-Identifier: MIT */
/* Uploads over the fake library, into a store in memory. */
#ifndef TESTS_UPLOADING_H
#define TESTS_UPLOADING_H

#include <jansson.h>

#include "fake_mhd.h"
#include "ingest/ingest.h"
#include "stored.h"

struct uploading {
	struct web web;
	struct ingest ingest;
	struct http_handler handler;
};

static inline void uploading_begin(struct http_request *req, void *ctx)
{
	struct uploading *u = ctx;
	struct str path = http_path(req);

	if (http_method(req) == HTTP_POST)
		ingest_post(req, &u->ingest);
	else
		ingest_put(req, &u->ingest,
		    (struct str){path.p + 7, path.n - 7});
}

static inline void uploading_init(struct uploading *u, struct store *st)
{
	u->handler = (struct http_handler){.begin = uploading_begin, .ctx = u};
	web_init(&u->web, &u->handler);
	assert_ok(ingest_init(&u->ingest, &u->web.conf, st));
}

/** Nothing of an upload may be left. */
static inline void uploading_fini(struct uploading *u)
{
	assert_int_equal(u->ingest.active, 0);
	web_fini(&u->web);
	ingest_fini(&u->ingest);
	store_free(u->ingest.store);
}

/** A whole upload of `len` bytes of content. Returns: the status. */
static inline unsigned uploading_send(struct uploading *u, const char *method,
    const char *target, const struct fake_field *fields, size_t len)
{
	uint8_t block[1000];
	size_t done = 0;

	web_begin(&u->web, method, target, fields);
	while (done < len) {
		size_t n = len - done < sizeof(block) ? len - done
						      : sizeof(block);

		fill_content(block, n, done);
		n = web_body(&u->web, block, n);
		if (!n)
			break;
		done += n;
	}
	if (!u->web.status && !u->web.refused)
		web_end(&u->web);
	return u->web.status;
}

/** Returns: the answer's JSON; to be freed. */
static inline json_t *uploading_answer(struct uploading *u)
{
	static const size_t max = 4 << 20;
	char *text = malloc(max);
	ssize_t end;

	require(text != NULL);
	size_t n = web_read(&u->web, 0, text, max, &end);
	json_t *d = json_loadb(text, n, 0, NULL);
	free(text);
	assert_non_null(d);
	return d;
}

static inline void assert_content(struct file *f, size_t len)
{
	uint8_t *buf = malloc(len + 1);

	require(buf != NULL);
	assert_int_equal(file_state(f), FILE_READY);
	assert_int_equal(spw_spool_pread(f->spool, buf, len + 1, 0), len);
	assert_true(is_content(buf, len, 0));
	free(buf);
}

static inline uint64_t files_in(struct store *st)
{
	struct store_stats stats;

	store_stats(st, &stats);
	return stats.files;
}

#endif
