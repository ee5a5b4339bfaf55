/* SPDX-License-Identifier: MIT */
/*
 * Looking into zip archives over HTTP: the listing of /files/{id}/zip and the
 * entries below it. Nothing is ever extracted to disk; names are data.
 *
 *   zip_new(&conf, workers, &z)
 *   ... zip_handle(req, z, file, rest) for each request ...
 *   zip_free(z)              once no request is left and `workers` are gone
 *
 * What happens to a request:
 *   - the archive's directory is read once per file, on a worker, into a table
 *     that hangs on the file (zip_dir.h, zip_index.h);
 *   - a listing is written from the table, piece by piece (zip_list.h);
 *   - a stored entry is a piece of the file and is sent like one, without a
 *     copy. Its CRC is checked before it is sent for the first time when it
 *     has at most ZIP_CHECK_MAX_BYTES; a larger one is checked on its way by
 *     the first request for all of it, and after that sent without a copy.
 *     Only a range of a large entry that nobody has read whole goes out
 *     unchecked;
 *   - a deflated entry goes to a client that takes gzip as it lies there, with
 *     a gzip header and trailer around it, and the client checks the CRC;
 *   - everything else is unpacked on a worker into a ring of a few blocks
 *     (zip_flow.h) that the connection drains. The last block is released only
 *     after the CRC was right: up to ZIP_RING_BYTES a damaged entry is
 *     answered 422, a larger one is cut off.
 *
 * A file that is still received, or that failed, is answered 409: an archive's
 * directory is at its end, so there is nothing to look at before that.
 *
 * Threads: zip_handle() on the request's loop thread; the rest is inside.
 */
#ifndef DELIVER_ZIP_H
#define DELIVER_ZIP_H

#include <stdbool.h>
#include <stdint.h>

#include <spillway/pool.h>

#include "base/conf.h"
#include "http/http.h"
#include "store/file.h"

/** Stored entries up to this are checked before they are sent. */
#define ZIP_CHECK_MAX_BYTES (UINT64_C(16) << 20)
/** Entries unpacked at a time; more are answered 503. */
#define ZIP_ACTIVE_MAX 256

struct zip_service;

/**
 * Make the service.
 *
 * Returns:   0 and the service in `*ret`.
 * Errors:    -ENOMEM.
 * Ownership: copies what it needs of `conf`; `workers` must outlive every
 *            request and be freed before the service.
 */
int zip_new(const struct conf *conf, struct spw_pool *workers,
    struct zip_service **ret) SPW_MUST_CHECK;

/** Free it; NULL is allowed. */
void zip_free(struct zip_service *z);

/**
 * Answer GET or HEAD of /files/{id}/zip and what is below it, now or later.
 * From handler.begin() only.
 *
 * `rest` is the path behind `/files/{id}/zip`, still percent-encoded: empty
 * or `/` for the listing (with ?index=N for an entry), `/NAME` for an entry.
 *
 * Returns:   false when `rest` is neither (`/files/{id}/zipper`): not
 *            answered then.
 * Ownership: takes its own reference on `f`.
 */
bool zip_handle(struct http_request *req, struct zip_service *z, struct file *f,
    struct str rest);

#endif
