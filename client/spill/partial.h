/* SPDX-License-Identifier: MIT */
/*
 * A download on its way to a file.
 *
 * Bytes go to NAME.part, which becomes NAME when all are there, so that NAME
 * is never half a file. What a later run needs to go on stands in
 * NAME.part.etag: the ETag and the URL, a line each, and if several parts of
 * it come at the same time, a line for each of these: where it begins, how far
 * it is, and where it ends. Without it NAME.part is of no use and is removed.
 * A lock on NAME.part keeps two downloads apart.
 * (Not an extended attribute: tmpfs, NFS and FAT may have none, and a person
 * can read and remove a file.)
 *
 * Calling sequence: partial_open(); for each answer partial_begin(), then
 * partial_write(); at the end partial_commit(), or nothing; partial_close().
 * In several parts: partial_split() once, then partial_write_at().
 *
 * Invariants: NAME.part.etag describes what is in NAME.part or is not there.
 * Of a part it says no more than what is there.
 * Threads: one.
 */
#ifndef SPILLWAY_SPILL_PARTIAL_H
#define SPILLWAY_SPILL_PARTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spillway/base.h>

#define PARTIAL_SPANS_MAX 16

/** Bytes [first, at) of [first, end) are there. */
struct partial_span {
	uint64_t first;
	uint64_t at;
	uint64_t end;
};

struct partial {
	char *path;
	char *part;
	char *mark;
	char *url;
	/** NAME.part, for reading too. */
	int fd;
	/** Bytes in NAME.part that belong to `etag`, from the first on. */
	uint64_t have;
	/** Several parts; 0 is one, of `have` bytes. */
	struct partial_span spans[PARTIAL_SPANS_MAX];
	size_t span_count;
	/** NAME.part.etag, while there are spans, and where they stand. */
	int mark_fd;
	size_t mark_len;
	uint64_t noted;
	/** A strong ETag; "" when the download cannot go on later. */
	char etag[256];
	/** partial_begin() changed what was there. */
	bool begun;
	/** All is there, only the name could not be given. */
	bool complete;
};

/**
 * Whether a download can go on by an ETag: it is strong, and fit for a header
 * field and a line of its own.
 *
 * Returns:   true if so.
 */
bool partial_etag_usable(const char *etag);

/**
 * Open NAME.part for a download of `url` to `path`. With `resume`, `have` and
 * `etag` tell what an earlier run left, if it was the same URL.
 *
 * Returns:   0.
 * Errors:    -EBUSY when another process downloads to it; -ELOOP and -EPERM
 *            when it is a link, or not a plain file; -EILSEQ when `url` has
 *            no place in a line; what open() gives; -ENOMEM. partial_close()
 *            is due all the same.
 * Ownership: copies the strings.
 */
int partial_open(struct partial *p, const char *path, const char *url,
    bool resume) SPW_MUST_CHECK;

/**
 * Make ready for bytes from `offset`, which is `have` or 0. With 0, all that
 * was there is dropped, and `etag` (weak or "" for none) is noted.
 *
 * Returns:   0.
 * Errors:    -EINVAL for another offset; what the file system gives.
 */
int partial_begin(struct partial *p, uint64_t offset, const char *etag)
    SPW_MUST_CHECK;

/**
 * Append bytes.
 *
 * Returns:   0 when all were written.
 * Errors:    what write() gives; `have` counts what was written.
 */
int partial_write(struct partial *p, const void *buf, size_t len)
    SPW_MUST_CHECK;

/**
 * Drop all that was there, and make ready for `size` bytes in so many parts.
 *
 * Units:     `count` from 2 to PARTIAL_SPANS_MAX, and no more than bytes.
 * Returns:   0.
 * Errors:    -EINVAL for an ETag by which nothing can go on; what the file
 *            system gives.
 */
int partial_split(struct partial *p, const char *etag, uint64_t size,
    size_t count) SPW_MUST_CHECK;

/**
 * Append bytes to a part.
 *
 * Returns:   0 when all were written.
 * Errors:    what write() gives; `at` counts what was written.
 */
int partial_write_at(
    struct partial *p, size_t span, const void *buf, size_t len) SPW_MUST_CHECK;

/**
 * How many bytes are there.
 *
 * Returns:   them.
 */
uint64_t partial_there(const struct partial *p);

/**
 * Drop it all: it is not what it should be.
 *
 * Returns:   nothing.
 */
void partial_discard(struct partial *p);

/**
 * Make NAME.part NAME. Without `overwrite`, a NAME that is there stays.
 *
 * Returns:   0; NAME.part and NAME.part.etag are gone.
 * Errors:    -EEXIST; what the file system gives. The parts stay.
 */
int partial_commit(struct partial *p, bool overwrite) SPW_MUST_CHECK;

/**
 * Close. What this run left and a later one cannot use is removed.
 *
 * Returns:   whether a later run can go on from NAME.part.
 */
bool partial_close(struct partial *p);

#endif
