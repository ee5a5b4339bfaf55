/* SPDX-License-Identifier: MIT */
/*
 * The guard of a confidential spool: all that goes to its file or comes from
 * it passes through here, and is encrypted there and plain here.
 *
 * It knows which bytes of the content are in the file and under which nonce
 * (`spans`); what is in none of the spans reads as zeros, whatever the file
 * has there. A nonce is used from front to back: who writes below `unused`,
 * where its keystream may have been used, gets the next one, also when the
 * write before failed. So no part of a keystream is used twice, whoever
 * overwrites, truncates or tries again, and an append alone stays one span.
 *
 * So that overwrites here and there do not make more and more spans, a window
 * of the content that has many is written anew under one nonce, in place and
 * from front to back: an error on the way leaves all of it readable. Gaps of
 * a page and more stay gaps: they may take no disk.
 *
 * The key is here and nowhere else: in a secret block, which core dumps leave
 * out and which is wiped at the end.
 *
 * Threads: one at a time writes, cuts or forgets (the spool's `busy`); any
 * may read meanwhile. Readers wait while bytes that are in a span are being
 * overwritten, or a byte would be taken for one of another nonce.
 */
#ifndef SPILLWAY_LIB_GUARD_H
#define SPILLWAY_LIB_GUARD_H

#include <stdbool.h>

#include <spillway/cipher.h>

#include "block.h"
#include "pieces.h"

/* Spans that a window may have before it is written anew. */
#define SPW__GUARD_WINDOW (UINT64_C(64) * 1024)
#define SPW__GUARD_SPANS 64u

struct spw__guard;

/** A file, or a part of one, and what the content begins at. */
struct spw__file {
	int fd;
	uint64_t base;		/* of its first byte in the file */
};

/** Returns: whether it is a cipher that can be used. */
bool spw__cipher_ok(const struct spw_cipher *c);

/**
 * Make a guard with a random key in `b`, a secret block of SPW__BLOCK_MIN
 * bytes.
 *
 * Errors:    -EIO.
 * Ownership: the block is the guard's, also after an error. Nothing may be
 *            locked.
 */
int spw__guard_new(const struct spw_cipher *c, struct spw__block *b,
    struct spw__guard **ret);

/** Wipe the key; NULL is allowed. Nothing may be locked. */
void spw__guard_free(struct spw__guard *g);

/** There is no file any more. */
void spw__guard_forget(struct spw__guard *g);

/** Returns: how many spans there are. */
size_t spw__guard_spans(const struct spw__guard *g);

/**
 * Write some of the next `len` > 0 bytes of `p`, which are at `off`.
 *
 * Returns:   how many, not passed over in `p`.
 * Errors:    -ENOMEM; of the cipher; as pwrite(). What was there stays
 *            readable.
 */
ssize_t spw__guard_write(struct spw__guard *g, const struct spw__file *at,
    const struct spw__pieces *p, size_t len, uint64_t off);

/** Read as pread() does. */
ssize_t spw__guard_read(struct spw__guard *g, const struct spw__file *at,
    void *buf, size_t len, uint64_t off);

/** Make sure that the next spw__guard_drop() has memory. Errors: -ENOMEM. */
int spw__guard_reserve(struct spw__guard *g);

/** [first, end) was given up: it is in no span any more. */
void spw__guard_drop(struct spw__guard *g, uint64_t first, uint64_t end);

/** Set the length of a file of its own. */
int spw__guard_cut(struct spw__guard *g, int fd, uint64_t size);

#endif
