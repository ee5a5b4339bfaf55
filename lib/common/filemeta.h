/* SPDX-License-Identifier: MIT */
/*
 * What is known about a kept file, as bytes: the extended attribute of a
 * finished file, and the metadata of an upload's journal.
 *
 *   "SPWF", version (1), items, sum (8 bytes)
 *   item: tag (1), length (2), value
 *
 * Numbers have the low byte first. The sum is FNV-1a of all before it. Items
 * come in any order; a reader skips tags that it does not know, so that they
 * can be added without another version. docs/spool-format.md lists them.
 *
 * Pure functions: any thread.
 */
#ifndef COMMON_FILEMETA_H
#define COMMON_FILEMETA_H

#include "common/digestfield.h"
#include "common/text.h"

#define FILEMETA_VERSION 1
/** The longest there is: an attribute of some file systems has no more. */
#define FILEMETA_MAX 3800

/* Numbers that are not said are 0, texts empty. */
struct filemeta {
	uint64_t size; /* UINT64_MAX: not known */
	int64_t created_ms, modified_ms, expires_ms;
	uint64_t reads;
	uint64_t source, unlisted, unverified;
	struct str id;	 /* of an upload, whose file has another name */
	struct str etag; /* without quotes */
	struct str name, type, coding, url;
	struct str owner; /* whose token made it; empty: nobody's */
	struct str boot; /* the machine's start since which it may be in memory
			    only; empty: it is on the disk */
	uint64_t checkpoint; /* the one since which it is on the disk */
	struct digest_set digests;

	/* Of an upload that can be resumed. */
	uint64_t upload; /* 0: it is none; 1 + its kind */
	uint64_t ttl_ms, algs, told;
	struct digest_set said;
	struct str metadata, concat;
};

/**
 * Write it. Of what does not fit, the URL and what an upload's client sent
 * are left out.
 *
 * Returns:   the length; 0 when not even the rest fits.
 */
size_t filemeta_write(const struct filemeta *m, uint8_t *out, size_t cap);

/**
 * Read it; texts point into `p`.
 *
 * Returns:   0; `id` and `etag` are ids, or empty.
 * Errors:    -EBADMSG damaged, or something else; -ENOTSUP another version.
 */
int filemeta_read(const uint8_t *p, size_t len, struct filemeta *ret);

#endif
