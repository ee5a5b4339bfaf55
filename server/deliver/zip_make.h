/* SPDX-License-Identifier: MIT */
/*
 * Archives made of files (zip_build.h): as an answer, or as a file.
 *
 * Threads: the request's loop; the work is done by workers.
 */
#ifndef DELIVER_ZIP_MAKE_H
#define DELIVER_ZIP_MAKE_H

#include "deliver/zip.h"
#include "deliver/zip_build.h"

/**
 * Answer with the archive; its length is told if it is known. From
 * handler.begin() or sink.end() only.
 *
 * `name`:    what to call it, or NULL.
 * Ownership: takes `b`.
 */
void zip_make_reply(struct http_request *req, struct zip_service *z,
    struct zip_build *b, const char *name);

/**
 * Fill a file with the archive, in the background: it is there, and grows, as
 * any file that is received; it has the digests `algs` at its end. Answers
 * only when it returns false.
 *
 * Ownership: takes `b`, in any case, and its own reference on `f`.
 */
bool zip_make_file(struct http_request *req, struct zip_service *z,
    struct zip_build *b, struct file *f, unsigned algs) SPW_MUST_CHECK;

#endif
