/* SPDX-License-Identifier: MIT */
/*
 * One record of a central directory, taken apart. Pure functions over bytes:
 * any thread.
 *
 * Source: APPNOTE §4.3.12, §4.5.3 (zip64), §4.6.9 (Unicode path); Info-ZIP
 * extra field 0x5455 (times).
 */
#ifndef DELIVER_ZIP_RECORD_H
#define DELIVER_ZIP_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"
#include "deliver/zip_fault.h"

struct zip_record {
	uint64_t size, packed_size, header_off;
	int64_t modified; /* Unix seconds, or ZIP_NO_TIME */
	uint32_t crc;
	uint16_t method;
	uint16_t mode; /* st_mode, if `has_mode` */
	bool has_mode;
	bool encrypted;
	bool utf8;	   /* the name claims to be UTF-8 */
	bool comment_utf8; /* so does the comment */
	struct str name;   /* as they lie in the record */
	struct str comment;
};

/** Returns: the length of the record whose first ZIP_RECORD_SIZE bytes are
    `p`. */
size_t zip_record_length(const uint8_t *p);

/**
 * Take a record apart; `p` is all of it.
 *
 * Returns:   0.
 * Errors:    -EBADMSG: its extra fields are broken, or a zip64 value that it
 *            promises is missing.
 * Ownership: name and comment point into `p`.
 */
int zip_record_parse(const uint8_t *p, struct zip_record *ret,
    struct zip_fault *reterr) SPW_MUST_CHECK;

#endif
