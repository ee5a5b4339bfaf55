/* SPDX-License-Identifier: MIT */
/*
 * Uploads that go on where they broke off, also days and restarts later, and
 * uploads in parts that are sent at the same time.
 *
 *   spwc_upload_begin(c, &opts, &file, &error)      remember file.id
 *   spwc_upload_append(c, file.id, 0, &source, &at, &error)
 *   ... if that fails, now or in another process:
 *   spwc_upload_look(c, id, &upload, &error)
 *   spwc_upload_append(c, id, upload.offset, &rest, &at, &error)
 *
 * An upload is complete when it has as many bytes as it was said to have;
 * from the beginning it is a file that can be read. Parts are uploads that
 * are in no list; spwc_upload_join() makes a file of them, in their order and
 * without copying. They may be deleted then.
 *
 * What was not complete after some time (the server's `upload.expire`) is
 * gone: then spwc_upload_look() is -ENOENT.
 *
 * Errors and threads are as <spillway/client.h> has them. With `retries` in
 * the options of the client, what fails is tried again, but for appending:
 * only spwc_upload_look() knows where that goes on.
 *
 * Source: tus 1.0.0
 */
#ifndef SPILLWAY_CLIENT_UPLOAD_H
#define SPILLWAY_CLIENT_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spillway/base.h>
#include <spillway/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a server takes. */
struct spwc_upload_limits {
	/** Bytes of one file; SPWC_UNKNOWN when it did not say. */
	uint64_t max_bytes;
	/** Parts can be put together. */
	bool can_join;
	uint64_t reserved[4];
};

/** What to begin, or to put together. All zero but `length` are defaults. */
struct spwc_upload_opts {
	size_t size;
	/** Bytes; SPWC_UNKNOWN when that will be said later. */
	uint64_t length;
	const char *name;
	/** Media type; NULL means application/octet-stream. */
	const char *type;
	/** As in struct spwc_put_opts. */
	uint64_t ttl_s;
	/** Complete downloads after which it is deleted; 0 is no limit. */
	uint64_t reads;
	/** It is for spwc_upload_join(). */
	bool part;
};

/** How far an upload is. */
struct spwc_upload {
	/** Bytes that the server has, and where it goes on. */
	uint64_t offset;
	/** SPWC_UNKNOWN when that was not said yet. */
	uint64_t length;
	uint64_t reserved[4];
};

/**
 * Ask what the server takes.
 *
 * Returns:   0 and the limits.
 * Errors:    as there; -EOPNOTSUPP when it takes no such uploads.
 */
SPW_API int spwc_upload_limits(struct spwc_client *c,
    struct spwc_upload_limits *ret_limits, struct spwc_error *reterr_error)
    SPW_MUST_CHECK;

/**
 * Begin an upload; none of its bytes are sent.
 *
 * Returns:   0 and the file, whose id names the upload.
 * Errors:    as there.
 * Ownership: the file is the caller's, for spwc_file_fini().
 */
SPW_API int spwc_upload_begin(struct spwc_client *c,
    const struct spwc_upload_opts *opts, struct spwc_file *ret_file,
    struct spwc_error *reterr_error) SPW_MUST_CHECK;

/**
 * Ask how far an upload is.
 *
 * Returns:   0 and the state.
 * Errors:    as there; -ENOENT when it expired, failed or was deleted.
 */
SPW_API int spwc_upload_look(struct spwc_client *c, const char *ref,
    struct spwc_upload *ret_upload, struct spwc_error *reterr_error)
    SPW_MUST_CHECK;

/**
 * Append to an upload. What arrived stays, also when the call fails.
 *
 * Returns:   0; `*ret_offset` (NULL is allowed) is where it goes on.
 * Errors:    as there; -EEXIST when it does not go on at `offset`, or
 *            somebody else appends.
 */
SPW_API int spwc_upload_append(struct spwc_client *c, const char *ref,
    uint64_t offset, const struct spwc_source *source, uint64_t *ret_offset,
    struct spwc_error *reterr_error) SPW_MUST_CHECK;

/**
 * Say how many bytes an upload has that began with SPWC_UNKNOWN, when all of
 * them were appended.
 *
 * Returns:   0; it is complete.
 * Errors:    as there.
 */
SPW_API int spwc_upload_end(struct spwc_client *c, const char *ref,
    uint64_t length, struct spwc_error *reterr_error) SPW_MUST_CHECK;

/**
 * Make a file of parts, which are complete. `length` of the options is not
 * used, `part` is false.
 *
 * Returns:   0 and the file.
 * Errors:    as there; -EINVAL or -ENOENT when one of `ids` is no part.
 * Ownership: the file is the caller's, for spwc_file_fini().
 */
SPW_API int spwc_upload_join(struct spwc_client *c,
    const struct spwc_upload_opts *opts, const char *const *ids, size_t count,
    struct spwc_file *ret_file, struct spwc_error *reterr_error) SPW_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
