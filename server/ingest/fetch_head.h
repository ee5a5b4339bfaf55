/* SPDX-License-Identifier: MIT */
/*
 * The head of an origin's answer, read line by line as it comes, because the
 * client library lets pass what must not: heads that end before their blank
 * line, two different lengths, lengths that do not fit, heads without end.
 *
 *   fetch_head_init(&h)
 *   fetch_head_line(&h, ...)    for each line until it says otherwise
 *   ... h.status, h.length ...
 *   fetch_head_fini(&h)
 *
 * Interim answers (1xx) are read over, but count against the limit. The fields
 * by which caches decide are kept as they came, see `kept`.
 *
 * Threads: one at a time.
 */
#ifndef INGEST_FETCH_HEAD_H
#define INGEST_FETCH_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spillway/base.h>

#include "base/strbuf.h"
#include "common/httpdate.h"
#include "store/file.h"

/** Longest head in bytes, interim answers included; trailers likewise. */
#define FETCH_HEAD_MAX ((size_t)64 * 1024)
/** Longest entity tag that is of use; a longer one counts as none. */
#define FETCH_TAG_SIZE 256
/** Room for `kept`; what is more is left out. */
#define FETCH_KEPT_MAX ((size_t)4 * 1024)

struct fetch_head {
	int status;		/* 0 before the status line */
	bool complete;		/* the blank line of a final answer came */
	bool chunked;
	bool has_length;
	bool has_modified;
	bool has_date;
	bool has_location;
	bool has_range;		/* a Content-Range that makes sense */
	bool bad_range;		/* one that makes none, or two */
	bool ranges;		/* Accept-Ranges: bytes */
	bool parts;		/* it is multipart/byteranges */
	uint64_t length;	/* Content-Length */
	/* Content-Range as content_range_parse() has it. */
	uint64_t range_first, range_last, range_total;
	uint64_t retry_after_s;	/* Retry-After; 0: not said so */
	int64_t retry_at_s;	/* the same as a date */
	int64_t modified_s;	/* Last-Modified, Unix seconds */
	int64_t date_s;		/* Date */
	const char *wrong;	/* what is unsound about it; NULL: nothing */
	size_t bytes;		/* of the head so far, of trailers after it */
	char type[FILE_TYPE_SIZE]; /* "" without a usable one */
	char coding[FILE_CODING_SIZE]; /* Content-Encoding; or "" */
	char name[FILE_NAME_SIZE]; /* of Content-Disposition; or "" */
	char etag[FETCH_TAG_SIZE]; /* as sent; "" without a usable one */
	char modified[HTTPDATE_SIZE + 16]; /* Last-Modified as sent; or "" */
	char *location;		/* or NULL */
	struct strbuf kept;	/* `Name: value` lines, as they came */
};

enum fetch_head_step {
	FETCH_HEAD_MORE,
	FETCH_HEAD_DONE,	/* the head is complete and sound */
	FETCH_HEAD_WRONG,	/* not sound; `wrong` says why */
	FETCH_HEAD_TOO_LARGE,
	FETCH_HEAD_NO_MEMORY,
};

/** Begin with nothing. */
void fetch_head_init(struct fetch_head *h);

/** Free what it holds; all zeros is allowed. */
void fetch_head_fini(struct fetch_head *h);

/**
 * Read one line, with its line end. After a complete head lines are trailers
 * and are only counted.
 *
 * Returns:   the step; anything but FETCH_HEAD_MORE is said once.
 * Source:    RFC 9112 §4, §5, §6.3; RFC 9110 §8.6
 */
enum fetch_head_step fetch_head_line(
    struct fetch_head *h, const char *line, size_t len);

/** Whether the status sends elsewhere: 301, 302, 303, 307, 308. */
bool fetch_head_redirects(const struct fetch_head *h);

#endif
