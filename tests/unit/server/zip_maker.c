/* SPDX-License-Identifier: MIT */
#include "check.h"

#include "zip_maker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "tempdir.h"

#define MAKER_MAX ((size_t)256 << 20)

static void put(struct strbuf *b, unsigned n, uint64_t v)
{
	for (unsigned i = 0; i < n; i++)
		strbuf_addc(b, (char)(v >> 8 * i));
}

static void put_zeros(struct strbuf *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		strbuf_addc(b, '\0');
}

void maker_init(struct maker *m)
{
	strbuf_init(&m->data, MAKER_MAX);
	strbuf_init(&m->directory, MAKER_MAX);
	m->count = 0;
}

void maker_fini(struct maker *m)
{
	strbuf_fini(&m->data);
	strbuf_fini(&m->directory);
}

void maker_add(struct maker *m, const struct member *e)
{
	size_t name_len = e->name_len ? e->name_len : strlen(e->name);
	size_t comment_len = e->comment ? strlen(e->comment) : 0;
	uint32_t crc = e->crc
			   ? *e->crc
			   : (uint32_t)crc32(0, e->packed, (uInt)e->packed_len);
	uint64_t size = e->size ? *e->size : e->packed_len;
	uint64_t packed = e->packed_size ? *e->packed_size : e->packed_len;
	uint64_t off = e->header_off ? *e->header_off : m->data.len;

	put(&m->data, 4, 0x04034b50);
	put(&m->data, 2, 20);
	put(&m->data, 2, e->flags);
	put(&m->data, 2, e->method);
	put(&m->data, 4, 0);
	put(&m->data, 4, crc);
	put(&m->data, 4, packed);
	put(&m->data, 4, size);
	put(&m->data, 2, name_len);
	put(&m->data, 2, e->local_extra_len);
	strbuf_add(&m->data, e->name, name_len);
	put_zeros(&m->data, e->local_extra_len);
	strbuf_add(&m->data, e->packed, e->packed_len);

	struct strbuf *d = &m->directory;
	put(d, 4, 0x02014b50);
	put(d, 2, e->made_by);
	put(d, 2, 20);
	put(d, 2, e->flags);
	put(d, 2, e->method);
	put(d, 2, e->time);
	put(d, 2, e->date);
	put(d, 4, crc);
	put(d, 4, packed);
	put(d, 4, size);
	put(d, 2, name_len);
	put(d, 2, e->extra_len);
	put(d, 2, comment_len);
	put(d, 4, 0);
	put(d, 4, e->attributes);
	put(d, 4, off);
	strbuf_add(d, e->name, name_len);
	strbuf_add(d, e->extra, e->extra_len);
	strbuf_add(d, e->comment, comment_len);
	m->count++;
}

void maker_store(struct maker *m, const char *name, const char *content)
{
	maker_add(m, &(struct member){.name = name,
			 .packed = content,
			 .packed_len = strlen(content)});
}

static void end64(struct maker *m, const struct ending *e, uint64_t dir_off)
{
	uint64_t here = m->data.len;
	uint64_t count = e->count64 ? *e->count64 : m->count;

	put(&m->data, 4, 0x06064b50);
	put(&m->data, 8, 44);
	put(&m->data, 4, 45);
	put(&m->data, 8, 0);
	put(&m->data, 8, count);
	put(&m->data, 8, count);
	put(&m->data, 8, m->directory.len);
	put(&m->data, 8, e->dir_off64 ? *e->dir_off64 : dir_off);
	put(&m->data, 4, 0x07064b50);
	put(&m->data, 4, 0);
	put(&m->data, 8, e->end64_off ? *e->end64_off : here);
	put(&m->data, 4, 1);
}

void maker_end(struct maker *m, const struct ending *end)
{
	static const struct ending honest = {0};
	const struct ending *e = end ? end : &honest;
	size_t dir_off = m->data.len;
	size_t comment_len = e->comment ? strlen(e->comment) : 0;
	unsigned count = e->count ? *e->count : m->count;

	strbuf_add(&m->data, m->directory.data, m->directory.len);
	if (e->zip64)
		end64(m, e, dir_off);
	put(&m->data, 4, 0x06054b50);
	put(&m->data, 2, e->disk);
	put(&m->data, 2, 0);
	put(&m->data, 2, e->zip64 ? 0xffff : count);
	put(&m->data, 2, e->zip64 ? 0xffff : count);
	put(&m->data, 4, e->dir_size ? *e->dir_size : m->directory.len);
	put(&m->data, 4, e->dir_off ? *e->dir_off : dir_off);
	put(&m->data, 2, comment_len);
	strbuf_add(&m->data, e->comment, comment_len);
	assert_false(m->data.failed);
}

size_t maker_deflate(const void *data, size_t len, void **ret)
{
	z_stream z = {0};
	uLong room = compressBound((uLong)len) + 64;
	union {
		const void *in;
		void *out;
	} from = {data};

	*ret = malloc(room);
	assert_non_null(*ret);
	assert_int_equal(
	    deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = from.out;
	z.avail_in = (uInt)len;
	z.next_out = *ret;
	z.avail_out = (uInt)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	size_t packed = z.total_out;
	deflateEnd(&z);
	return packed;
}

struct spw_spool *maker_spool_of(const void *data, size_t len, bool on_disk)
{
	char path[256];
	struct spw_dir *dir = NULL;
	struct spw_spool *s = NULL;
	struct spw_spool_opts opts = {
	    .size = sizeof opts, .memory_max = SPW_UNLIMITED};

	if (on_disk) {
		assert_true(temp_dir(path, sizeof path));
		struct spw_dir_opts d = {.size = sizeof d, .path = path};
		assert_ok(spw_dir_open(&d, &dir));
		opts.dir = dir;
		opts.flags = SPW_SPOOL_ON_DISK;
	}
	assert_ok(spw_spool_new(&opts, &s));
	assert_ok(spw_spool_append(s, data, len));
	assert_ok(spw_spool_seal(s));
	if (on_disk) {
		/* Its file has no name: the directory is empty again. */
		spw_dir_unref(dir);
		assert_int_equal(rmdir(path), 0);
	}
	return s;
}

struct spw_spool *maker_spool(const struct maker *m, bool on_disk)
{
	return maker_spool_of(m->data.data, m->data.len, on_disk);
}

struct zip_dir *maker_dir(struct spw_spool *s)
{
	struct zip_limits limits = {.max_entries = 1000000,
	    .max_directory = UINT64_C(1) << 30,
	    .check_reads = 1000};
	struct zip_dir *d = NULL;
	struct zip_fault fault = {0};

	if (zip_dir_read(s, &limits, &d, &fault) < 0)
		fail_msg("%d: %s", fault.err, fault.detail);
	return d;
}

void maker_locate(struct zip_dir *d, size_t i, struct spw_spool *s)
{
	struct zip_entry *e = &d->entries[i];
	struct zip_fault fault = {0};

	if (zip_entry_locate(e, zip_entry_name(d, e), s, d->data_end, &fault) <
	    0)
		fail_msg("%d: %s", fault.err, fault.detail);
}

uint8_t *maker_noise(size_t len, uint32_t seed)
{
	uint8_t *p = malloc(len ? len : 1);

	assert_non_null(p);
	for (size_t i = 0; i < len; i++) {
		seed = seed * 1664525 + 1013904223;
		p[i] = (uint8_t)(seed >> 24);
	}
	return p;
}
