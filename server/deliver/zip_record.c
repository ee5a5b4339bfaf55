/* SPDX-License-Identifier: MIT */
#include "deliver/zip_record.h"

#include <string.h>

#include <zlib.h>

#include "deliver/zip_dir.h"
#include "deliver/zip_tail.h"

/* General purpose flags, APPNOTE §4.4.4. */
#define FLAG_ENCRYPTED (1u << 0)
#define FLAG_STRONG (1u << 6)
#define FLAG_UTF8 (1u << 11)
#define FLAG_MASKED (1u << 13)
#define METHOD_AES 99

/* "Version made by", upper byte: systems whose modes we understand. */
#define MADE_BY_UNIX 3
#define MADE_BY_DARWIN 19

#define EXTRA_ZIP64 0x0001
#define EXTRA_TIMES 0x5455
#define EXTRA_UNICODE_PATH 0x7075

#define IN_ZIP64 UINT32_MAX

size_t zip_record_length(const uint8_t *p)
{
	return (size_t)ZIP_RECORD_SIZE + zip_le16(p + 28) + zip_le16(p + 30) +
	       zip_le16(p + 32);
}

/** Days from 1970-01-01 to a date of the Gregorian calendar after 1600. */
static int64_t days_to(unsigned year, unsigned month, unsigned day)
{
	/* Count years from March, so that the leap day is the last. */
	unsigned y = month <= 2 ? year - 1 : year;
	unsigned m = month <= 2 ? month + 9 : month - 3;
	unsigned days =
	    365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;

	return (int64_t)days - 719468;
}

/** A DOS date and time, which has no zone and is taken as UTC. */
static int64_t dos_time(unsigned date, unsigned time)
{
	unsigned month = date >> 5 & 15;
	unsigned day = date & 31;
	unsigned hour = time >> 11;
	unsigned minute = time >> 5 & 63;
	unsigned second = (time & 31) * 2;

	if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59)
		return ZIP_NO_TIME;
	return days_to(1980 + (date >> 9), month, day) * 86400 +
	       (int64_t)(hour * 3600 + minute * 60 + second);
}

/* One extra field. */
struct extra {
	unsigned id;
	const uint8_t *p;
	size_t n;
};

/**
 * Take the next extra field off. What is left at the end must be fewer than
 * four zero bytes (padding that Android's tools leave).
 *
 * Returns: 1; 0 at the end; -1 when they are broken.
 */
static int next_extra(const uint8_t **p, size_t *n, struct extra *ret)
{
	if (*n < 4) {
		for (size_t i = 0; i < *n; i++)
			if ((*p)[i] != 0)
				return -1;
		return 0;
	}

	size_t len = zip_le16(*p + 2);
	if (len > *n - 4)
		return -1;

	*ret = (struct extra){zip_le16(*p), *p + 4, len};
	*p += 4 + len;
	*n -= 4 + len;
	return 1;
}

/** Read the 64-bit forms of the values that are marked for it, in order. */
static bool take_zip64(struct zip_record *r, const struct extra *x)
{
	uint64_t *values[] = {&r->size, &r->packed_size, &r->header_off};
	size_t at = 0;

	for (size_t i = 0; i < 3; i++) {
		if (*values[i] != IN_ZIP64)
			continue;
		if (x->n - at < 8)
			return false;
		*values[i] = zip_le64(x->p + at);
		at += 8;
	}
	return true;
}

/** The name in UTF-8, if it was made for the name that the record has. */
static void take_unicode_path(struct zip_record *r, const struct extra *x)
{
	if (x->n < 5 || x->p[0] != 1)
		return;

	uLong crc = crc32(0, (const Bytef *)r->name.p, (uInt)r->name.n);
	struct str name = {(const char *)x->p + 5, x->n - 5};
	if (crc != zip_le32(x->p + 1) || !utf8_valid(name.p, name.n))
		return;

	r->name = name;
	r->utf8 = true;
}

static void take_times(struct zip_record *r, const struct extra *x)
{
	if (x->n >= 5 && x->p[0] & 1)
		r->modified = (int32_t)zip_le32(x->p + 1);
}

static int take_extras(
    struct zip_record *r, const uint8_t *p, size_t n, struct zip_fault *reterr)
{
	bool want64 = r->size == IN_ZIP64 || r->packed_size == IN_ZIP64 ||
		      r->header_off == IN_ZIP64;
	bool times = false;
	bool path = false;
	struct extra x;
	int more;

	while ((more = next_extra(&p, &n, &x)) > 0) {
		if (x.id == EXTRA_ZIP64 && want64) {
			if (!take_zip64(r, &x))
				break;
			want64 = false;
		} else if (x.id == EXTRA_TIMES && !times) {
			take_times(r, &x);
			times = true;
		} else if (x.id == EXTRA_UNICODE_PATH && !path) {
			take_unicode_path(r, &x);
			path = true;
		}
	}
	if (more < 0)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "An entry's extra fields are broken.");
	if (want64)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "An entry's zip64 sizes are missing.");
	return 0;
}

int zip_record_parse(
    const uint8_t *p, struct zip_record *ret, struct zip_fault *reterr)
{
	unsigned flags = zip_le16(p + 8);
	size_t name_len = zip_le16(p + 28);
	size_t extra_len = zip_le16(p + 30);
	const uint8_t *extra = p + ZIP_RECORD_SIZE + name_len;
	uint8_t system = p[5];
	struct zip_record r = {
	    .size = zip_le32(p + 24),
	    .packed_size = zip_le32(p + 20),
	    .header_off = zip_le32(p + 42),
	    .modified = dos_time(zip_le16(p + 14), zip_le16(p + 12)),
	    .crc = zip_le32(p + 16),
	    .method = zip_le16(p + 10),
	    .mode = zip_le16(p + 40),
	    .utf8 = flags & FLAG_UTF8,
	    .comment_utf8 = flags & FLAG_UTF8,
	    .name = {(const char *)p + ZIP_RECORD_SIZE, name_len},
	    .comment = {(const char *)extra + extra_len, zip_le16(p + 32)},
	};

	r.encrypted = (flags & (FLAG_ENCRYPTED | FLAG_STRONG | FLAG_MASKED)) ||
		      r.method == METHOD_AES;
	r.has_mode =
	    (system == MADE_BY_UNIX || system == MADE_BY_DARWIN) && r.mode;

	int err = take_extras(&r, extra, extra_len, reterr);
	if (err < 0)
		return err;

	*ret = r;
	return 0;
}
