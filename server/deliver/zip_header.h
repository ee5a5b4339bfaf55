/* SPDX-License-Identifier: MIT */
/*
 * The records of an archive that is built (zip_build.h), written.
 *
 * Pure functions: any thread.
 * Source: APPNOTE §4.3.7 to §4.3.16, §4.5.3; Info-ZIP extra field 0x5455
 */
#ifndef DELIVER_ZIP_HEADER_H
#define DELIVER_ZIP_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

/** What a record takes beside its name, at most. */
#define ZIP_HEADER_MAX 128
/** The longest end of an archive. */
#define ZIP_HEADER_END_MAX 98

/* What is written of an entry. */
struct zip_header {
	struct str name; /* UTF-8 */
	uint64_t size, packed_size, off;
	int64_t modified; /* Unix seconds */
	uint32_t crc;
	bool deflated; /* and its sizes come behind its bytes */
	bool large;    /* its sizes need 64 bits, or may */
};

/** Write a local header. Returns: its length. */
size_t zip_header_local(const struct zip_header *h, uint8_t *out);

/** Write what follows the bytes of a deflated entry. Returns: its length. */
size_t zip_header_descriptor(const struct zip_header *h, uint8_t *out);

/** Write a record of the directory. Returns: its length. */
size_t zip_header_record(const struct zip_header *h, uint8_t *out);

/** Write the end of an archive. Returns: its length. */
size_t zip_header_end(
    uint64_t entries, uint64_t dir_off, uint64_t dir_size, uint8_t *out);

#endif
