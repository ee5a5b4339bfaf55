/* SPDX-License-Identifier: MIT */
/*
 * Digests of content as it goes by: several algorithms at once, bytes in any
 * number of pieces.
 *
 *   digest_new(DIGEST_BIT(DIGEST_SHA256), &d);
 *   digest_add(d, p, len) ...
 *   digest_finish(d, &set);          once; or digest_peek() in between
 *   digest_free(d);
 *
 * What algorithms there are, and how HTTP writes them, is in
 * common/digestfield.h. Which of them the cryptographic library of this
 * machine allows is digest_able(): a policy may forbid MD5.
 *
 * Threads: one at a time for one digest; the rest any.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spillway/base.h>

#include "common/digestfield.h"

struct digest;

/** Returns: the mask of algorithms that can be computed here. */
unsigned digest_able(void);

/**
 * Begin.
 *
 * Returns:   0 and the digest of no bytes.
 * Errors:    -ENOMEM; -ENOTSUP one of `algs` cannot be computed here, or
 *            there is none in it.
 */
int digest_new(unsigned algs, struct digest **ret) SPW_MUST_CHECK;

/** Forget it; NULL is allowed. */
void digest_free(struct digest *d);

static inline void digest_freep(struct digest **d)
{
	digest_free(*d);
}

/** Returns: the mask it was begun with. */
unsigned digest_algs(const struct digest *d);

/**
 * Add bytes. Costs CPU in proportion to them: on an event loop no more than
 * one buffer at a time.
 */
void digest_add(struct digest *d, const void *p, size_t len);

/**
 * The values of all that was added; nothing can be added afterwards.
 *
 * Returns:   0.
 * Errors:    -EIO the cryptographic library failed, now or before.
 */
int digest_finish(struct digest *d, struct digest_set *ret) SPW_MUST_CHECK;

/** The values so far; more may be added. Errors: -ENOMEM; -EIO. */
int digest_peek(const struct digest *d, struct digest_set *ret) SPW_MUST_CHECK;

/**
 * All at once.
 *
 * Errors:    as digest_new() and digest_finish().
 */
int digest_once(unsigned algs, const void *p, size_t len,
    struct digest_set *ret) SPW_MUST_CHECK;

/**
 * Hold what was computed against what was said.
 *
 * Returns:   the mask of algorithms that are in both and differ: 0 is well.
 */
unsigned digest_differs(
    const struct digest_set *got, const struct digest_set *said);

#endif
