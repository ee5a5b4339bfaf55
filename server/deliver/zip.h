/* SPDX-License-Identifier: MIT */
/*
 * Looking into zip archives over HTTP: the listing of /files/{id}/zip and the
 * entries below it. Nothing is ever extracted to disk; names are data.
 *
 *   zip_new(&conf, workers, budget, &z)
 *   ... zip_handle(req, z, file, rest) for each request ...
 *   zip_free(z)              once neither requests nor files are left
 *
 * What happens to a request:
 *   - the archive's directory is read on a worker, into a table that is kept
 *     for the file (zip_dir.h, zip_cache.h), together with what looks dangerous
 *     about it;
 *   - a listing is written from the table, piece by piece (zip_list.h);
 *   - a stored entry is a piece of the file and is sent like one, without a
 *     copy. Its CRC is checked before it is sent for the first time when it
 *     has at most ZIP_CHECK_MAX_BYTES; a larger one is checked on its way by
 *     the first request for all of it, and after that sent without a copy.
 *     Only a range of a large entry that nobody has read whole goes out
 *     unchecked;
 *   - a deflated entry goes to a client that takes gzip as it lies there, with
 *     a gzip header and trailer around it. One that a single turn of a worker
 *     can unpack (ZIP_FLOW_TURN_BYTES) is checked by that before; of a larger
 *     one the client checks the CRC;
 *   - everything else, and every range of a deflated entry, from the nearest
 *     known place (zip_points.h), is unpacked on a worker into a ring of a few
 *     blocks (zip_flow.h) that the connection drains. The last block is
 *     released only after the CRC was right: up to ZIP_RING_BYTES a damaged
 *     entry is answered 422, a larger one is cut off. What was found damaged
 *     is 422 from then on.
 *
 * A file that is fetched as it is read is looked into the same way: what is
 * missing is waited for, and with that asked for. Of a file that arrives from
 * its beginning, or broke off, there are the entries that came, by their local
 * headers (zip_arrival.h).
 *
 * Threads: zip_handle() on the request's loop thread; the rest is inside.
 */
#ifndef DELIVER_ZIP_H
#define DELIVER_ZIP_H

#include <stdbool.h>
#include <stdint.h>

#include <spillway/budget.h>
#include <spillway/pool.h>

#include "base/conf.h"
#include "http/http.h"
#include "store/file.h"

/** Stored entries up to this are checked before they are sent. */
#define ZIP_CHECK_MAX_BYTES (UINT64_C(16) << 20)
struct zip_service;

/**
 * Make the service.
 *
 * Returns:   0 and the service in `*ret`.
 * Errors:    -ENOMEM.
 * Ownership: copies what it needs of `conf`; takes its own reference on
 *            `budget`, which is charged for what is known of archives;
 *            `workers` must outlive every request and be freed before the
 *            service.
 */
int zip_new(const struct conf *conf, struct spw_pool *workers,
    struct spw_budget *budget, struct zip_service **ret) SPW_MUST_CHECK;

/** Free it, after the last file; NULL is allowed. */
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

/* Whoever makes files: the zip service knows neither terms nor answers. */
struct zip_saver {
	/**
	 * Make a file of `size` bytes for an entry, not known to the store
	 * yet.
	 *
	 * Returns: 0 and the file with a reference in `*ret`.
	 * Errors:  of the store and its disk.
	 */
	int (*make)(void *ctx, uint64_t size, struct str name, const char *type,
	    struct file **ret);
	/** The file is ready: make it known and answer. Called again when the
	    request is woken, until it has an answer. */
	void (*reply)(void *ctx, struct http_request *req, struct file *f);
	/** Always, once; maybe on another thread. */
	void (*free)(void *ctx);
};

/**
 * Make an entry a file of its own, and answer when its bytes are all there and
 * right. From handler.begin() only.
 *
 * `rest` is as for zip_handle(); `digests` are the algorithms of which the
 * file gets values.
 * Ownership: takes its own reference on `f`; takes `ctx`.
 */
void zip_save(struct http_request *req, struct zip_service *z, struct file *f,
    struct str rest, unsigned digests, const struct zip_saver *saver,
    void *ctx);

/**
 * Have all that is made in the background end soon; before the workers are
 * freed. NULL is allowed.
 */
void zip_stop(struct zip_service *z);

/** Returns: the version of libzip. */
const char *zip_library_version(void);

#endif
