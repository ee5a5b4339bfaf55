/* SPDX-License-Identifier: MIT */
#include "common/zipformat.h"

#include <errno.h>

#define EXTRA_ZIP64 0x0001
#define EXTRA_TIMES 0x5455
#define EXTRA_UNICODE_PATH 0x7075

/* clang-format off */

/* Code page 437 from 0x80 on, as Unicode. Source: Unicode's CP437.TXT */
static const uint16_t cp437_high[128] = {
	0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7,
	0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5,
	0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9,
	0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192,
	0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa, 0x00ba,
	0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
	0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556,
	0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510,
	0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
	0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567,
	0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b,
	0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
	0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4,
	0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229,
	0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248,
	0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

/* clang-format on */

static char *put_cp437(char *o, unsigned char c)
{
	unsigned cp = c < 0x80 ? c : cp437_high[c - 0x80];

	if (cp < 0x80) {
		*o++ = (char)cp;
	} else if (cp < 0x800) {
		*o++ = (char)(0xc0 | cp >> 6);
		*o++ = (char)(0x80 | (cp & 0x3f));
	} else {
		*o++ = (char)(0xe0 | cp >> 12);
		*o++ = (char)(0x80 | (cp >> 6 & 0x3f));
		*o++ = (char)(0x80 | (cp & 0x3f));
	}
	return o;
}

size_t zip_text_utf8(
    struct str text, bool is_utf8, char *out, bool *ret_guess)
{
	char *o = out;

	*ret_guess = !is_utf8 && !utf8_valid(text.p, text.n);
	for (size_t i = 0; i < text.n; i++) {
		if (*ret_guess)
			o = put_cp437(o, (unsigned char)text.p[i]);
		else
			*o++ = text.p[i];
	}
	return (size_t)(o - out);
}

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
		if (*values[i] != ZIP_IN_ZIP64)
			continue;
		if (x->n - at < 8)
			return false;
		*values[i] = zip_le64(x->p + at);
		at += 8;
	}
	r->zip64 = true;
	return true;
}

static void take_unicode_path(struct zip_record *r, const struct extra *x)
{
	if (x->n < 5 || x->p[0] != 1)
		return;

	r->unicode_crc = zip_le32(x->p + 1);
	r->unicode_name = (struct str){(const char *)x->p + 5, x->n - 5};
}

static void take_times(struct zip_record *r, const struct extra *x)
{
	if (x->n >= 5 && x->p[0] & 1)
		r->modified = (int32_t)zip_le32(x->p + 1);
}

static int take_extras(
    struct zip_record *r, const uint8_t *p, size_t n, const char **reterr)
{
	bool want64 = r->size == ZIP_IN_ZIP64 ||
		      r->packed_size == ZIP_IN_ZIP64 ||
		      r->header_off == ZIP_IN_ZIP64;
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
	if (more < 0) {
		*reterr = "An entry's extra fields are broken.";
		return -EBADMSG;
	}
	if (want64) {
		*reterr = "An entry's zip64 sizes are missing.";
		return -EBADMSG;
	}
	return 0;
}

int zip_record_parse(
    const uint8_t *p, struct zip_record *ret, const char **reterr)
{
	size_t name_len = zip_le16(p + 28);
	size_t extra_len = zip_le16(p + 30);
	const uint8_t *extra = p + ZIP_RECORD_SIZE + name_len;
	struct zip_record r = {
	    .size = zip_le32(p + 24),
	    .packed_size = zip_le32(p + 20),
	    .header_off = zip_le32(p + 42),
	    .modified = dos_time(zip_le16(p + 14), zip_le16(p + 12)),
	    .crc = zip_le32(p + 16),
	    .attributes = zip_le32(p + 38),
	    .method = zip_le16(p + 10),
	    .flags = zip_le16(p + 8),
	    .system = p[5],
	    .name = {(const char *)p + ZIP_RECORD_SIZE, name_len},
	    .comment = {(const char *)extra + extra_len, zip_le16(p + 32)},
	};

	int err = take_extras(&r, extra, extra_len, reterr);
	if (err < 0)
		return err;

	*ret = r;
	return 0;
}

ssize_t zip_local_parse(const uint8_t *p, size_t n, struct zip_record *ret)
{
	const char *why;

	if (n < 4)
		return 0;
	if (zip_le32(p) != ZIP_LOCAL_MAGIC)
		return -EBADMSG;
	if (n < ZIP_LOCAL_SIZE)
		return 0;

	size_t name_len = zip_le16(p + 26);
	size_t extra_len = zip_le16(p + 28);
	size_t len = ZIP_LOCAL_SIZE + name_len + extra_len;
	if (n < len)
		return 0;

	struct zip_record r = {
	    .size = zip_le32(p + 22),
	    .packed_size = zip_le32(p + 18),
	    .modified = dos_time(zip_le16(p + 12), zip_le16(p + 10)),
	    .crc = zip_le32(p + 14),
	    .method = zip_le16(p + 8),
	    .flags = zip_le16(p + 6),
	    .name = {(const char *)p + ZIP_LOCAL_SIZE, name_len},
	};
	if (take_extras(&r, p + ZIP_LOCAL_SIZE + name_len, extra_len, &why) < 0)
		return -EBADMSG;

	*ret = r;
	return (ssize_t)len;
}

/** Whether the `width`-byte numbers at `p` are the two sizes. */
static bool are_sizes(const uint8_t *p, size_t n, unsigned width,
    uint64_t packed_size, uint64_t size)
{
	if (n < 2 * (size_t)width)
		return false;
	if (width == 8)
		return zip_le64(p) == packed_size && zip_le64(p + 8) == size;
	return zip_le32(p) == packed_size && zip_le32(p + 4) == size;
}

size_t zip_descriptor_match(const uint8_t *p, size_t n, uint32_t crc,
    uint64_t packed_size, uint64_t size)
{
	/* The longer forms first: a shorter one may be the head of it. */
	for (size_t magic = 4;; magic = 0) {
		bool fits = n >= magic + 4 &&
			    (!magic || zip_le32(p) == ZIP_DESCRIPTOR_MAGIC) &&
			    zip_le32(p + magic) == crc;

		for (unsigned width = 8; fits && width >= 4; width -= 4)
			if (are_sizes(p + magic + 4, n - magic - 4, width,
				packed_size, size))
				return magic + 4 + 2 * (size_t)width;
		if (!magic)
			return 0;
	}
}
