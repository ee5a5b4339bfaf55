/* SPDX-License-Identifier: MIT */
/*
 * Digests of uploads: what a request says of its content, what it wants to be
 * told, and what comes of it.
 *
 *   integrity_read(req, conf, &in)       before the body; may answer
 *   digest_new(...) ...                  while it comes in
 *   integrity_trailers(req, &in)         from sink.end()
 *   integrity_check(&in, digest)
 *   integrity_field(file, algs, reply)   with the answer
 *
 * Of a request that is described by a document: integrity_text(), once that is
 * there.
 *
 * Threads: as http/http.h.
 * Source:  RFC 9530; RFC 1864 (Content-MD5)
 */
#ifndef INGEST_INTEGRITY_H
#define INGEST_INTEGRITY_H

#include "base/conf.h"
#include "base/digest.h"
#include "http/http.h"
#include "store/file.h"

struct integrity {
	unsigned asked;		/* algorithms the request wants of each file */
	unsigned kept;		/* the same, and what is always computed */
	unsigned checked;	/* of the request's content, to be compared */
	bool trailing;		/* some of it is said behind the content */
	struct digest_set said; /* of the request's content */
	struct digest_set found; /* of it, by integrity_check() */
};

/**
 * Read Content-Digest, Repr-Digest, Content-MD5, Want-Repr-Digest, the query
 * parameter `digest` and store.digest. The body of a request is all of what
 * it represents, so the two digest fields say the same here.
 *
 * A digest that cannot be checked is refused, not overlooked; a wish that
 * cannot be met or read is overlooked.
 *
 * Returns:   true; else it was answered 400.
 */
bool integrity_read(
    struct http_request *req, const struct conf *conf, struct integrity *ret);

/**
 * Read of these what does not speak of the request's content: `asked` and
 * `kept`.
 *
 * Returns:   true; else it was answered 400.
 */
bool integrity_wishes(
    struct http_request *req, const struct conf *conf, struct integrity *ret);

/** Returns: the algorithms Want-Repr-Digest asks for: one, or none. */
unsigned integrity_wanted(const struct http_request *req);

/** Returns: those that Want-Content-Digest asks for: one, or none. */
unsigned integrity_wanted_sent(const struct http_request *req);

/**
 * Read the query parameter `digest`.
 *
 * Returns:   true; else it was answered 400. `*ret` is 0 without it.
 */
bool integrity_asked(struct http_request *req, unsigned *ret);

/**
 * Add what was said behind the content, once all of it is there.
 *
 * Errors:    -EPROTO it cannot be read, or contradicts what was said before.
 */
int integrity_trailers(const struct http_request *req, struct integrity *in)
    SPW_MUST_CHECK;

/**
 * Finish a digest, which is `in->found` then, and hold it against what was
 * said.
 *
 * Errors:    -EBADE the content is another; else as digest_finish().
 */
int integrity_check(struct integrity *in, struct digest *d) SPW_MUST_CHECK;

/** Fail the request for what these brought, or as upload_failed(). */
void integrity_failed(
    struct http_request *req, const struct integrity *in, int err);

/**
 * Hold all of a request's content, "" when it has none, against what the
 * request says of it. From sink.end(), or where there is no content.
 *
 * Returns:   true; else it was answered: 400, or 422 when it is another.
 */
bool integrity_text(struct http_request *req, struct str text);

/** Add Repr-Digest with those of `algs` that the file has, if any. */
void integrity_field(struct file *f, unsigned algs, struct http_reply *r);

#endif
