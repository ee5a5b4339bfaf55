/* SPDX-License-Identifier: MIT */
/*
 * The fields of tus that are more than a number or a word: Upload-Metadata,
 * Upload-Checksum and Upload-Concat.
 *
 * Nothing is allocated; views are of the field. Metadata is what a client
 * wrote: a value may hold any bytes, and is to be checked by who uses it.
 *
 * Pure functions: any thread.
 * Source: tus 1.0.0
 */
#ifndef COMMON_TUSMETA_H
#define COMMON_TUSMETA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/text.h"

/** Pairs of one Upload-Metadata; comparing keys takes time in their square. */
#define TUSMETA_PAIRS_MAX 256

/**
 * Check a whole Upload-Metadata. An empty one has no pairs and is fine; spaces
 * around the commas are overlooked.
 *
 * Returns:   how many pairs there are.
 * Errors:    -EINVAL a key is empty, has a control character or comes twice,
 *            a value is no base64, or something else stands there; -E2BIG
 *            more than TUSMETA_PAIRS_MAX.
 * Source:    tus 1.0.0 "Upload-Metadata"
 */
int tusmeta_check(struct str field);

/**
 * Take the next pair off. A pair without a value has an empty one.
 *
 * Returns:   1, the key, and the value as base64; 0 when there is none left.
 * Errors:    -EINVAL it is no pair; `*rest` is then not to be read on.
 */
int tusmeta_next(struct str *rest, struct str *ret_key, struct str *ret_base64);

/**
 * Find the value of a key, and decode it. No NUL is added.
 *
 * Returns:   how many bytes were written.
 * Errors:    -ENOENT there is no such key; -EINVAL; -E2BIG it does not fit.
 */
ssize_t tusmeta_find(
    struct str field, const char *key, char *out, size_t cap);

/**
 * Read Upload-Checksum: the name of an algorithm and a digest.
 *
 * Returns:   how many bytes the digest has, at least 1.
 * Errors:    -EINVAL malformed; -E2BIG the digest does not fit in `cap`.
 * Source:    tus 1.0.0 "Upload-Checksum"
 */
ssize_t tus_checksum_read(
    struct str field, struct str *ret_alg, uint8_t *out, size_t cap);

enum tus_concat {
	TUS_CONCAT_PARTIAL, /* a part of uploads to come */
	TUS_CONCAT_FINAL,   /* put together of parts */
};

/**
 * Read Upload-Concat.
 *
 * Returns:   0; for TUS_CONCAT_FINAL with the list for tus_concat_next(),
 *            which has at least one member, in `*ret_urls`.
 * Errors:    -EINVAL it is neither, or the list is empty.
 * Source:    tus 1.0.0 "Upload-Concat"
 */
int tus_concat_read(
    struct str field, enum tus_concat *ret, struct str *ret_urls);

/** Take the next URL off the list; false when there is none left. */
bool tus_concat_next(struct str *urls, struct str *ret);

#endif
