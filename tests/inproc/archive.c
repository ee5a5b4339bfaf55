/* SPDX-License-Identifier: MIT */
#include "inproc/archive.h"

#include <string.h>

#include <zlib.h>

#include "unit/lib/threads.h"

#define NAME "entry"

struct writer {
	uint8_t *at;
};

static void put(struct writer *w, unsigned bytes, uint64_t v)
{
	for (unsigned i = 0; i < bytes; i++)
		*w->at++ = (uint8_t)(v >> 8 * i);
}

static void put_name(struct writer *w)
{
	memcpy(w->at, NAME, strlen(NAME));
	w->at += strlen(NAME);
}

/* What local header and directory have in common: version to times, check
   sum, sizes, lengths of name and extra field. APPNOTE §4.3.7 */
static void put_common(
    struct writer *w, uint32_t crc, uint64_t packed, uint64_t size)
{
	put(w, 2, 20);
	put(w, 2, 0);
	put(w, 2, Z_DEFLATED);
	put(w, 4, 0x00210000);
	put(w, 4, crc);
	put(w, 4, packed);
	put(w, 4, size);
	put(w, 2, strlen(NAME));
	put(w, 2, 0);
}

static size_t deflate_raw(
    const uint8_t *in, size_t len, uint8_t *out, size_t cap)
{
	z_stream z = {0};
	union {
		const uint8_t *in;
		uint8_t *next;
	} from = {in};

	require(deflateInit2(&z, 1, Z_DEFLATED, -15, 8,
		    Z_DEFAULT_STRATEGY) == Z_OK);
	z.next_in = from.next;
	z.avail_in = (uInt)len;
	z.next_out = out;
	z.avail_out = (uInt)cap;
	require(deflate(&z, Z_FINISH) == Z_STREAM_END);
	size_t n = z.total_out;
	deflateEnd(&z);
	return n;
}

size_t archive_make(size_t entry_size, uint8_t **ret)
{
	size_t cap = entry_size + entry_size / 100 + 1024;
	uint8_t *content = malloc(entry_size + 1), *data = malloc(cap);
	uint8_t *packed = malloc(cap);
	struct writer w = {data};

	require(content && data && packed);
	fill_content(content, entry_size, 0);
	uint32_t crc = (uint32_t)crc32(0, content, (uInt)entry_size);
	size_t len = deflate_raw(content, entry_size, packed, cap);

	put(&w, 4, 0x04034b50);
	put_common(&w, crc, len, entry_size);
	put_name(&w);
	memcpy(w.at, packed, len);
	w.at += len;

	size_t directory = (size_t)(w.at - data);
	put(&w, 4, 0x02014b50);
	put(&w, 2, 20);
	put_common(&w, crc, len, entry_size);
	/* No comment, first disk, no attributes, at the beginning. */
	put(&w, 8, 0);
	put(&w, 6, 0);
	put_name(&w);
	size_t end = (size_t)(w.at - data);
	put(&w, 4, 0x06054b50);
	put(&w, 4, 0);
	put(&w, 2, 1);
	put(&w, 2, 1);
	put(&w, 4, end - directory);
	put(&w, 4, directory);
	put(&w, 2, 0);
	free(content);
	free(packed);
	*ret = data;
	return (size_t)(w.at - data);
}
