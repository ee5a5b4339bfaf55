/* SPDX-License-Identifier: MIT */
/*
 * Digests as HTTP writes them: which algorithms there are, and the fields
 * Repr-Digest, Content-Digest, Want-Repr-Digest, Want-Content-Digest and
 * Content-MD5. What computes them is server/base/digest.h.
 *
 * A `struct digest_set` holds one value for each of some algorithms; it is
 * what a field says, and what computing brings. Algorithms are told apart by
 * `enum digest_alg`, sets of them are masks of DIGEST_BIT().
 *
 * Pure functions: any thread.
 */
#ifndef COMMON_DIGESTFIELD_H
#define COMMON_DIGESTFIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/text.h"

/* In the order in which one is preferred to another that weighs the same. */
enum digest_alg {
	DIGEST_SHA256,
	DIGEST_SHA512,
	DIGEST_SHA1,
	DIGEST_MD5,
	DIGEST_CRC32C,
	DIGEST_COUNT
};

#define DIGEST_BIT(alg) (1u << (alg))
#define DIGEST_ALL (DIGEST_BIT(DIGEST_COUNT) - 1)
/** Those that somebody who wants to forge content cannot get around. */
#define DIGEST_SECURE (DIGEST_BIT(DIGEST_SHA256) | DIGEST_BIT(DIGEST_SHA512))
/** The longest value. */
#define DIGEST_BYTES_MAX 64
/** Room for digest_field_write() with every algorithm. */
#define DIGEST_FIELD_SIZE 256

struct digest_set {
	unsigned have; /* mask */
	uint8_t value[DIGEST_COUNT][DIGEST_BYTES_MAX];
};

/** Returns: the algorithm's key in digest fields: "sha-256", "sha" ... */
const char *digest_alg_name(enum digest_alg alg);

/** Returns: bytes of a value. */
size_t digest_alg_size(enum digest_alg alg);

/**
 * Find an algorithm by name: as digest_alg_name() has it, or as people and
 * tus write it ("sha256", "sha-1", "SHA1", "MD5").
 *
 * Returns:   false when it is none of ours; `*ret` is then as it was.
 * Source:    RFC 9530 §5; tus 1.0.0 "Checksum"
 */
bool digest_alg_find(struct str name, enum digest_alg *ret);

/**
 * Read a list of names as digest_alg_find() takes them ("sha-256, md5").
 *
 * Returns:   0 and the mask.
 * Errors:    -EINVAL a name is unknown, or there is none.
 */
int digest_algs_read(struct str list, unsigned *ret);

/**
 * Add what Repr-Digest or Content-Digest says to `set`. Keys that are not
 * ours are skipped; of several members with one key the last counts. A field
 * that came in several lines is read line by line.
 *
 * Returns:   how many members there are of algorithms that are ours.
 * Errors:    -EINVAL no dictionary of byte sequences, or one of ours has not
 *            the length it must have; -EEXIST it contradicts what the set
 *            held before. `*set` is then of no use.
 * Source:    RFC 9530 §2, §3; RFC 9651 §4.2.2
 */
int digest_field_read(struct str field, struct digest_set *set);

/**
 * Add what Content-MD5 says to `set`.
 *
 * Returns:   1.
 * Errors:    as digest_field_read().
 * Source:    RFC 1864 §2
 */
int digest_md5_read(struct str field, struct digest_set *set);

/**
 * Read Want-Repr-Digest or Want-Content-Digest: which of the algorithms in
 * the mask `able` is wanted most.
 *
 * Returns:   0, or 1 and the algorithm when one of them is wanted at all.
 * Errors:    -EINVAL malformed; a preference, so it may be overlooked.
 * Source:    RFC 9530 §4
 */
int digest_want_read(struct str field, unsigned able, enum digest_alg *ret);

/**
 * Write the values of the algorithms in `algs` that the set has, as the value
 * of a digest field, and a NUL.
 *
 * Returns:   the length; 0 when there is none, and `out` is "".
 */
size_t digest_field_write(
    const struct digest_set *set, unsigned algs, char out[DIGEST_FIELD_SIZE]);

/** Room for digest_difference_write(). */
#define DIGEST_DIFFERENCE_SIZE 208

/**
 * Write for people how two sets differ, by the first algorithm that is in both:
 * "sha-256 is FOUND, not SAID", in base64 as fields have it.
 *
 * Returns:   the length; 0 when they do not, and `out` is "".
 */
size_t digest_difference_write(const struct digest_set *found,
    const struct digest_set *said, char out[DIGEST_DIFFERENCE_SIZE]);

#endif
