/* SPDX-License-Identifier: MIT */
/* Sending one file over the fake library, as front/files.c has it sent. */
#ifndef TESTS_SENDING_H
#define TESTS_SENDING_H

#include "deliver/content.h"
#include "fake_mhd.h"
#include "stored.h"

struct sending {
	struct web web;
	struct store *store;
	struct http_handler handler;
	struct file *file;
	const char *type, *name;
};

static inline void sending_begin(struct http_request *req, void *ctx)
{
	struct sending *s = ctx;
	struct file *f = s->file;
	bool ready = file_state(f) == FILE_READY;
	struct content c = {
	    .file = f,
	    .size = atomic_load(&f->size),
	    .growing = !ready,
	    .etag = ready ? f->etag : NULL,
	    .modified_ms = ready ? file_modified_ms(f) : 0,
	    .type = s->type,
	    .name = s->name,
	    .count_read = true,
	};

	content_reply(req, &c);
}

/** A file of a known size, or FILE_SIZE_UNKNOWN, empty so far. */
static inline void sending_init(
    struct sending *s, const struct store_opts *opts, uint64_t size)
{
	struct file_opts fo = {.size = size, .size_max = SPW_UNLIMITED};

	memset(s, 0, sizeof(*s));
	require(store_new(opts, &s->store) == 0);
	require(file_new(s->store, &fo, &s->file) == 0);
	require(store_add(s->store, s->file) == 0);
	s->handler = (struct http_handler){.begin = sending_begin, .ctx = s};
	web_init(&s->web, &s->handler);
}

static inline void sending_fini(struct sending *s)
{
	web_fini(&s->web);
	require(atomic_load(&s->file->refs) ==
		(atomic_load(&s->file->removed) ? 1 : 2));
	file_unref(s->file);
	store_free(s->store);
}

/** GET with a Range (NULL: none). Returns: the status, 0 when it waits. */
static inline unsigned sending_get(struct sending *s, const char *range)
{
	struct fake_field fields[] = {{"Range", range}, {NULL, NULL}};

	return web_ask(&s->web, "GET", "/f", range ? fields : NULL);
}

/** The answer's body must be just that content, and be over. */
static inline void assert_sent(struct sending *s, uint64_t off, size_t len)
{
	uint8_t *buf = malloc(len + 1);
	ssize_t end;

	require(buf != NULL);
	assert_int_equal(web_length(&s->web), len);
	assert_int_equal(web_read(&s->web, 0, buf, len + 1, &end), len);
	assert_int_equal(end, MHD_CONTENT_READER_END_OF_STREAM);
	assert_true(is_content(buf, len, off));
	free(buf);
}

#endif
