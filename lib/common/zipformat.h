/* SPDX-License-Identifier: MIT */
/*
 * The records of a zip archive taken apart: what the central directory says of
 * an entry, what stands before its bytes, and what may stand behind them.
 *
 * Numbers in archives are little-endian. Every call is a pure function over
 * bytes: any thread, any time.
 *
 * Source: APPNOTE §4.3.7 (local header), §4.3.9 (data descriptor), §4.3.12
 * (directory), §4.4.4 (flags), §4.5.3 (zip64), §4.6.9 (Unicode path); Info-ZIP
 * extra field 0x5455 (times).
 */
#ifndef COMMON_ZIPFORMAT_H
#define COMMON_ZIPFORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

/** Bytes of an end record without its comment: the smallest archive. */
#define ZIP_END_SIZE 22
/** Bytes of a zip64 end record, and of what tells where it is. */
#define ZIP_END64_SIZE 56
#define ZIP_LOCATOR_SIZE 20
/** Bytes of a central directory record without its variable fields. */
#define ZIP_RECORD_SIZE 46
/** Bytes of a local header without its variable fields. */
#define ZIP_LOCAL_SIZE 30
/** The longest local header. */
#define ZIP_LOCAL_MAX ((size_t)ZIP_LOCAL_SIZE + 2 * 65535)
/** The longest data descriptor. */
#define ZIP_DESCRIPTOR_MAX 24

#define ZIP_END_MAGIC UINT32_C(0x06054b50)
#define ZIP_END64_MAGIC UINT32_C(0x06064b50)
#define ZIP_LOCATOR_MAGIC UINT32_C(0x07064b50)
#define ZIP_RECORD_MAGIC UINT32_C(0x02014b50)
#define ZIP_LOCAL_MAGIC UINT32_C(0x04034b50)
#define ZIP_DESCRIPTOR_MAGIC UINT32_C(0x08074b50)

#define ZIP_METHOD_STORE 0
#define ZIP_METHOD_DEFLATE 8
#define ZIP_METHOD_AES 99

/* General purpose flags. */
#define ZIP_FLAG_ENCRYPTED (1u << 0)
#define ZIP_FLAG_DEFERRED (1u << 3) /* sizes and CRC come behind the bytes */
#define ZIP_FLAG_STRONG (1u << 6)
#define ZIP_FLAG_UTF8 (1u << 11)
#define ZIP_FLAG_MASKED (1u << 13)

/** A 32-bit number that says: in the zip64 field. */
#define ZIP_IN_ZIP64 UINT32_MAX

/** `modified` when the archive does not tell. */
#define ZIP_NO_TIME INT64_MIN

static inline uint16_t zip_le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t zip_le32(const uint8_t *p)
{
	return zip_le16(p) | (uint32_t)zip_le16(p + 2) << 16;
}

static inline uint64_t zip_le64(const uint8_t *p)
{
	return zip_le32(p) | (uint64_t)zip_le32(p + 4) << 32;
}

/** Write the lower `n` bytes of `v`. Returns: what follows them. */
static inline uint8_t *zip_put(uint8_t *p, unsigned n, uint64_t v)
{
	for (unsigned i = 0; i < n; i++)
		*p++ = (uint8_t)(v >> 8 * i);
	return p;
}

/** A byte of a text takes at most so many of UTF-8. */
#define ZIP_TEXT_MAX 3

/**
 * Write a name or a comment in UTF-8: it is that where its entry says so
 * (`is_utf8`, ZIP_FLAG_UTF8), and where it can be; else it is of code page 437.
 *
 * Units:     `out` has room for ZIP_TEXT_MAX bytes for each of `text`.
 * Returns:   the bytes written; and whether the code page was needed, which is
 *            a guess: many programs write one of their own.
 * Source:    APPNOTE Appendix D
 */
size_t zip_text_utf8(
    struct str text, bool is_utf8, char *out, bool *ret_guess);

/* What a record of the directory, or a local header, says of an entry. */
struct zip_record {
	uint64_t size, packed_size;
	uint64_t header_off; /* of the local header; 0 in one */
	int64_t modified;    /* Unix seconds, or ZIP_NO_TIME */
	uint32_t crc;
	uint32_t attributes; /* DOS's below, st_mode above; 0 in a header */
	uint16_t method;
	uint16_t flags;	 /* ZIP_FLAG_... */
	uint8_t system;	 /* that made it; 0 in a local header */
	bool zip64;	 /* it has 64-bit numbers */
	struct str name; /* as it lies there */
	struct str comment;
	/* The name in UTF-8, and the CRC of the name that it is one for;
	   empty without. */
	struct str unicode_name;
	uint32_t unicode_crc;
};

/** Returns: whether its bytes cannot be read without a password. */
static inline bool zip_record_encrypted(const struct zip_record *r)
{
	return (r->flags &
		   (ZIP_FLAG_ENCRYPTED | ZIP_FLAG_STRONG | ZIP_FLAG_MASKED)) ||
	       r->method == ZIP_METHOD_AES;
}

/** Returns: the length of the record of the directory whose first
    ZIP_RECORD_SIZE bytes are `p`. */
size_t zip_record_length(const uint8_t *p);

/**
 * Take a record of the directory apart; `p` is all zip_record_length() bytes
 * of it. The magic number is the caller's to check.
 *
 * Returns:   0.
 * Errors:    -EBADMSG: its extra fields are broken, or a zip64 value that it
 *            promises is missing; `*reterr` is a sentence that says which.
 * Ownership: texts point into `p`.
 */
int zip_record_parse(
    const uint8_t *p, struct zip_record *ret, const char **reterr);

/**
 * Take the local header at `p` apart, as far as it is there.
 *
 * Returns:   its length; 0 when `n` bytes are too few to tell.
 * Errors:    -EBADMSG: there is none, or one that is broken.
 * Ownership: texts point into `p`.
 */
ssize_t zip_local_parse(const uint8_t *p, size_t n, struct zip_record *ret);

/**
 * Find a data descriptor at `p` that says just this of the bytes before it:
 * with or without its magic number, sizes in 4 bytes or in 8.
 *
 * Returns:   its length; 0 when there is none.
 */
size_t zip_descriptor_match(const uint8_t *p, size_t n, uint32_t crc,
    uint64_t packed_size, uint64_t size);

#endif
