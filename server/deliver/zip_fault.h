/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with an archive, in words for people and as a kind from which
 * the HTTP side makes its problem. A value; no threads.
 */
#ifndef DELIVER_ZIP_FAULT_H
#define DELIVER_ZIP_FAULT_H

#include <stdint.h>

#include <spillway/base.h>

struct spw_spool;

enum zip_fault_kind {
	ZIP_FAULT_NONE,
	ZIP_FAULT_NOT_ZIP,   /* no archive at all */
	ZIP_FAULT_CORRUPT,   /* an archive, or an entry, that is damaged */
	ZIP_FAULT_LIMIT,     /* `limit` is what it passes */
	ZIP_FAULT_ENCRYPTED, /* needs a password */
	ZIP_FAULT_METHOD,    /* packed in a way we cannot unpack */
	ZIP_FAULT_UNSAFE,    /* refused by the policy */
	ZIP_FAULT_MISSING,   /* bytes have not come yet: `off`, `len` */
	ZIP_FAULT_BROKEN,    /* bytes will never come: their source broke */
	ZIP_FAULT_SYSTEM,    /* memory or disk here; may work later */
};

struct zip_fault {
	enum zip_fault_kind kind;
	int err;		 /* negative errno */
	uint64_t limit;		 /* 0: none */
	struct spw_spool *spool; /* that misses [off, off + len); borrowed */
	uint64_t off, len;
	char detail[192];
};

/**
 * Say what is wrong with the archive, for returning it in one statement.
 *
 * Returns:   -EBADMSG.
 */
int zip_fault_set(struct zip_fault *f, enum zip_fault_kind kind,
    const char *fmt, ...) SPW_PRINTF(3, 4);

/** As zip_fault_set() with ZIP_FAULT_LIMIT, and the limit that is passed. */
int zip_fault_limit(struct zip_fault *f, uint64_t limit, const char *fmt, ...)
    SPW_PRINTF(3, 4);

/**
 * Say that [off, off + len) of a spool has not come yet.
 *
 * Returns:   -EAGAIN.
 */
int zip_fault_missing(
    struct zip_fault *f, struct spw_spool *s, uint64_t off, uint64_t len);

/**
 * Say that bytes will never come. Why is the file's to tell: its source's own
 * error could be one that means something else here.
 *
 * Returns:   -EIO.
 */
int zip_fault_broken(struct zip_fault *f);

/**
 * Say that the system failed.
 *
 * Returns:   `err`.
 */
int zip_fault_errno(struct zip_fault *f, int err);

#endif
