/* SPDX-License-Identifier: MIT */
/*
 * The journal of a kept spool: one record, in two places of a file that are
 * written in turn, so that the older one is whole while the newer is being
 * written. The one with the higher number and a right sum counts.
 *
 * A record is in the machine's own byte order: who else finds it does not
 * know it. Of ranges that do not fit the first ones are kept; to say less
 * than is there is never wrong.
 */
#ifndef SPILLWAY_LIB_JOURNAL_H
#define SPILLWAY_LIB_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "extent.h"

/* Room for one record. */
#define SPW__JOURNAL_PLACE (32u * 1024)
#define SPW__BOOT_ID 36

/* What a record says; what it points to is the record's. */
struct spw__journal {
	uint64_t seq;
	uint64_t size;		/* of a sparse spool; else 0 */
	bool sealed;
	bool synced;		/* content and record were on the disk */
	char boot[SPW__BOOT_ID]; /* by which start of the machine; 0: unknown */
	const struct spw__extent *ranges; /* what is there, in order */
	struct spw__extent shorter; /* room for one that is the owner's */
	size_t count;
	const uint8_t *meta, *state;
	size_t meta_len, state_len;
};

/**
 * Make a record.
 *
 * Returns:   0, the record and its length.
 * Errors:    -ENOMEM; -EMSGSIZE when metadata or state are too long.
 * Ownership: freed with spw__sys_free().
 */
int spw__journal_encode(const struct spw__journal *j, uint8_t **ret,
    size_t *ret_len);

/**
 * Understand a record of at most `len` bytes at `record`, which is aligned
 * for numbers.
 *
 * Errors:    -EBADMSG.
 */
int spw__journal_decode(const uint8_t *record, size_t len,
    struct spw__journal *ret);

/**
 * Read the record that counts.
 *
 * Returns:   0, the record, and in `*ret` what it says.
 * Errors:    -EBADMSG when there is none; -ENOMEM; from the disk.
 * Ownership: freed with spw__sys_free().
 */
int spw__journal_read(int fd, uint8_t **ret_record, struct spw__journal *ret);

/** Write a record of the number `seq` where an older one was. */
int spw__journal_write(int fd, const uint8_t *record, size_t len,
    uint64_t seq);

#endif
