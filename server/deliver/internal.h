/* SPDX-License-Identifier: MIT */
/* What the files of content delivery share. */
#ifndef DELIVER_INTERNAL_H
#define DELIVER_INTERNAL_H

#include "common/range.h"
#include "deliver/content.h"
#include "deliver/reader.h"

/** Room for `bytes A-B/N`. */
#define CONTENT_RANGE_SIZE 80

/**
 * Write a Content-Range; `size` FILE_SIZE_UNKNOWN gives `*`.
 *
 * Returns:   its length.
 */
size_t content_range_text(
    char out[CONTENT_RANGE_SIZE], const struct range *r, uint64_t size);

/** Add it to a reply. */
void content_range_field(
    struct http_reply *reply, const struct range *r, uint64_t size);

/**
 * Returns: a reply with `len` bytes at `off` of the spool (HTTP_LENGTH_UNKNOWN:
 * all there will be), the best way: from memory or the file without a copy if
 * all is there in one place, else by content_follow().
 */
struct http_reply content_send(struct http_request *req, struct file *f,
    int status, uint64_t off, uint64_t len);

/** Returns: a reply that follows the spool as it grows. */
struct http_reply content_follow(struct http_request *req, struct file *f,
    int status, uint64_t off, uint64_t len);

/** Answer a request for content whose size is not known yet. */
void content_reply_unknown(struct http_request *req, const struct content *c);

/**
 * Answer with content_reply_broken() if the source broke before byte `off` of
 * the spool came.
 *
 * Returns:   whether it did.
 */
bool content_refuse_broken(
    struct http_request *req, const struct content *c, uint64_t off);

/** Answer 200 with everything. */
void content_reply_whole(struct http_request *req, const struct content *c);

/** Answer with several ranges, or whole when that is less. */
void content_reply_multi(struct http_request *req, const struct content *c,
    const struct range *ranges, size_t count);

#endif
