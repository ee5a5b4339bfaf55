/* SPDX-License-Identifier: MIT */
#include "deliver/zip_header.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/zipformat.h"

#define EXTRA_ZIP64 0x0001
#define EXTRA_TIMES 0x5455
#define VERSION_DEFLATE 20
#define VERSION_ZIP64 45
#define MADE_BY_UNIX (3u << 8 | VERSION_ZIP64)
#define FILE_MODE ((uint32_t)(S_IFREG | 0644) << 16)

/** A number in 4 bytes, or that it is in the zip64 field. */
static uint8_t *put_short(uint8_t *p, uint64_t v, bool elsewhere)
{
	return zip_put(p, 4, elsewhere || v >= ZIP_IN_ZIP64 ? ZIP_IN_ZIP64 : v);
}

/** A date and time as DOS has them, from 1980 to 2107. */
static uint8_t *put_dos_time(uint8_t *p, int64_t modified)
{
	time_t t = (time_t)modified;
	struct tm tm;
	unsigned date = 1u << 5 | 1, time = 0;

	if (gmtime_r(&t, &tm) && tm.tm_year >= 80 && tm.tm_year < 208) {
		date = (unsigned)(tm.tm_year - 80) << 9 |
		       (unsigned)(tm.tm_mon + 1) << 5 | (unsigned)tm.tm_mday;
		time = (unsigned)tm.tm_hour << 11 | (unsigned)tm.tm_min << 5 |
		       (unsigned)tm.tm_sec / 2;
	}
	p = zip_put(p, 2, time);
	return zip_put(p, 2, date);
}

/** Version, flags, method and time, which both headers have alike. */
static uint8_t *put_common(uint8_t *p, const struct zip_header *h, bool zip64)
{
	p = zip_put(p, 2, zip64 ? VERSION_ZIP64 : VERSION_DEFLATE);
	p = zip_put(
	    p, 2, ZIP_FLAG_UTF8 | (h->deflated ? ZIP_FLAG_DEFERRED : 0));
	p = zip_put(p, 2, h->deflated ? ZIP_METHOD_DEFLATE : ZIP_METHOD_STORE);
	return put_dos_time(p, h->modified);
}

/** The time in seconds since 1970, if 32 bits can say it. */
static uint8_t *put_times(uint8_t *p, int64_t modified)
{
	if (modified < INT32_MIN || modified > INT32_MAX)
		return p;
	p = zip_put(p, 2, EXTRA_TIMES);
	p = zip_put(p, 2, 5);
	*p++ = 1;
	return zip_put(p, 4, (uint64_t)modified);
}

static uint8_t *put_text(uint8_t *p, struct str s)
{
	memcpy(p, s.p, s.n);
	return p + s.n;
}

size_t zip_header_local(const struct zip_header *h, uint8_t *out)
{
	uint64_t size = h->deflated ? 0 : h->size;
	uint8_t extra[64], *x = extra;

	if (h->large) {
		x = zip_put(x, 2, EXTRA_ZIP64);
		x = zip_put(x, 2, 16);
		x = zip_put(x, 8, size);
		x = zip_put(x, 8, size);
	}
	x = put_times(x, h->modified);

	uint8_t *p = zip_put(out, 4, ZIP_LOCAL_MAGIC);
	p = put_common(p, h, h->large);
	p = zip_put(p, 4, h->deflated ? 0 : h->crc);
	p = put_short(p, size, h->large);
	p = put_short(p, size, h->large);
	p = zip_put(p, 2, h->name.n);
	p = zip_put(p, 2, (uint64_t)(x - extra));
	p = put_text(p, h->name);
	memcpy(p, extra, (size_t)(x - extra));
	return (size_t)(p - out) + (size_t)(x - extra);
}

size_t zip_header_descriptor(const struct zip_header *h, uint8_t *out)
{
	unsigned width = h->large ? 8 : 4;

	uint8_t *p = zip_put(out, 4, ZIP_DESCRIPTOR_MAGIC);
	p = zip_put(p, 4, h->crc);
	p = zip_put(p, width, h->packed_size);
	p = zip_put(p, width, h->size);
	return (size_t)(p - out);
}

size_t zip_header_record(const struct zip_header *h, uint8_t *out)
{
	bool far = h->off >= ZIP_IN_ZIP64;
	uint8_t extra[64], *x = extra;

	if (h->large || far) {
		x = zip_put(x, 2, EXTRA_ZIP64);
		x = zip_put(x, 2, (h->large ? 16u : 0) + (far ? 8u : 0));
	}
	if (h->large) {
		x = zip_put(x, 8, h->size);
		x = zip_put(x, 8, h->packed_size);
	}
	if (far)
		x = zip_put(x, 8, h->off);
	x = put_times(x, h->modified);

	uint8_t *p = zip_put(out, 4, ZIP_RECORD_MAGIC);
	p = zip_put(p, 2, MADE_BY_UNIX);
	p = put_common(p, h, h->large || far);
	p = zip_put(p, 4, h->crc);
	p = put_short(p, h->packed_size, h->large);
	p = put_short(p, h->size, h->large);
	p = zip_put(p, 2, h->name.n);
	p = zip_put(p, 2, (uint64_t)(x - extra));
	p = zip_put(p, 2, 0); /* comment */
	p = zip_put(p, 2, 0); /* disk */
	p = zip_put(p, 2, 0); /* text or not */
	p = zip_put(p, 4, FILE_MODE);
	p = put_short(p, h->off, far);
	p = put_text(p, h->name);
	memcpy(p, extra, (size_t)(x - extra));
	return (size_t)(p - out) + (size_t)(x - extra);
}

size_t zip_header_end(
    uint64_t entries, uint64_t dir_off, uint64_t dir_size, uint8_t *out)
{
	bool zip64 = entries >= UINT16_MAX || dir_off >= ZIP_IN_ZIP64 ||
		     dir_size >= ZIP_IN_ZIP64;
	uint64_t count = zip64 ? UINT16_MAX : entries;
	uint8_t *p = out;

	if (zip64) {
		p = zip_put(p, 4, ZIP_END64_MAGIC);
		p = zip_put(p, 8, ZIP_END64_SIZE - 12);
		p = zip_put(p, 2, MADE_BY_UNIX);
		p = zip_put(p, 2, VERSION_ZIP64);
		p = zip_put(p, 8, 0); /* disks */
		p = zip_put(p, 8, entries);
		p = zip_put(p, 8, entries);
		p = zip_put(p, 8, dir_size);
		p = zip_put(p, 8, dir_off);

		p = zip_put(p, 4, ZIP_LOCATOR_MAGIC);
		p = zip_put(p, 4, 0);
		p = zip_put(p, 8, dir_off + dir_size);
		p = zip_put(p, 4, 1);
	}
	p = zip_put(p, 4, ZIP_END_MAGIC);
	p = zip_put(p, 4, 0); /* disks */
	p = zip_put(p, 2, count);
	p = zip_put(p, 2, count);
	p = put_short(p, dir_size, zip64);
	p = put_short(p, dir_off, zip64);
	p = zip_put(p, 2, 0); /* comment */
	return (size_t)(p - out);
}
