/* SPDX-License-Identifier: MIT */
/*
 * Sending content: a file, or anything else that is a piece of a spool, with
 * ranges, conditions and the fields that go with them.
 */
#ifndef DELIVER_CONTENT_H
#define DELIVER_CONTENT_H

#include "http/http.h"
#include "store/file.h"

/* What there is to send: `size` bytes of `spool` from `off` on. */
struct content {
	struct file *file; /* keeps the spool, counts the reads */
	uint64_t off;
	uint64_t size;	     /* FILE_SIZE_UNKNOWN while it grows */
	bool growing;	     /* the spool may not have all of it yet */
	const char *etag;    /* quoted; NULL: none yet */
	int64_t modified_ms; /* Unix; 0: none */
	const char *type;    /* NULL: application/octet-stream */
	const char *coding;  /* content codings the bytes have, or NULL */
	const char *name;    /* or NULL */
	const char *digest;  /* value of Repr-Digest, or NULL */
	const char *sent;    /* of Content-Digest when all of it is sent */
	const char *control; /* Cache-Control; NULL: of a file that never
				changes */
	const char *vary;    /* fields that decided between this and another
				representation, or NULL */
	bool count_read;     /* a complete download counts */
};

/**
 * Answer GET or HEAD: 200, 206 (single or multipart), 304, 412 or 416.
 *
 * Source: RFC 9110 §13.2.2, §14, §15.3.7
 */
void content_reply(struct http_request *req, const struct content *c);

/* The parts of it, for content that does not lie in a spool. */

enum content_verdict {
	CONTENT_SEND, /* 200, or 206 if a range is asked for */
	CONTENT_NOT_MODIFIED,
	CONTENT_FAILED, /* 412 */
};

/** Weigh If-Match ... If-Modified-Since of a GET or HEAD, in their order. */
enum content_verdict content_conditions(
    const struct http_request *req, const char *etag, int64_t modified_ms);

struct content_ranges {
	int status;	     /* 200, 206 or 416 */
	size_t count;	     /* ranges of a 206 */
	struct range *items; /* RANGE_ITEMS_MAX of them, the caller's */
};

/** Weigh Range and If-Range against content of known size. */
void content_range(const struct http_request *req, const char *etag,
    int64_t modified_ms, uint64_t size, struct content_ranges *ret);

/** Add ETag, Last-Modified, Content-Type, Content-Disposition and the rest. */
void content_fields(const struct http_request *req, const struct content *c,
    struct http_reply *r);

/** Of these what a 304 has, too: ETag, Vary, Cache-Control, Last-Modified. */
void content_validators(const struct content *c, struct http_reply *r);

/** Answer with 304, 412 or 416. */
void content_reply_verdict(
    struct http_request *req, const struct content *c, int status);

/** Answer that bytes of a file will never be there, and why. */
void content_reply_broken(struct http_request *req, struct file *f);

#endif
