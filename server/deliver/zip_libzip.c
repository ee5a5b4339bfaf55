/* SPDX-License-Identifier: MIT */
/*
 * Unpacking by libzip, which would read a whole archive's directory to open
 * one entry of it. It is given an archive of one entry instead: a header and a
 * directory of our own around the entry's bytes where they lie. So opening
 * costs the same whatever the archive, and nothing in it but those bytes can
 * mislead libzip.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zip.h>

#include "common/zipformat.h"
#include "deliver/zip.h"
#include "deliver/zip_decode.h"
#include "deliver/zip_read.h"
#include "deliver/zip_source.h"

/** Read ahead in the entry's bytes. */
#define AHEAD ((size_t)64 * 1024)
/** Between the bytes and the directory, so that libzip, which looks for end
    records in as much, does not see one that is stored in the entry. */
#define PADDING ((uint64_t)66 * 1024)

#define NAME_SIZE 1
#define HEAD_SIZE (ZIP_LOCAL_SIZE + NAME_SIZE)
#define EXTRA_SIZE (4 + 8 + 8)
#define DIR_SIZE (ZIP_RECORD_SIZE + NAME_SIZE + EXTRA_SIZE)
#define TAIL_SIZE (DIR_SIZE + ZIP_END64_SIZE + ZIP_LOCATOR_SIZE + ZIP_END_SIZE)
/** "Version needed": 4.5, zip64. */
#define VERSION 45

struct libzip {
	struct zip_pull pull;
	zip_t *archive;
	zip_file_t *file;
	uint8_t head[HEAD_SIZE];
	uint8_t tail[TAIL_SIZE];
};

/** APPNOTE §4.3.7; libzip takes sizes and CRC from the directory. */
static void make_head(uint8_t *p, const struct zip_entry *e)
{
	memset(p, 0, HEAD_SIZE);
	zip_put(p, 4, ZIP_LOCAL_MAGIC);
	zip_put(p + 4, 2, VERSION);
	zip_put(p + 8, 2, e->method);
	zip_put(p + 26, 2, NAME_SIZE);
	p[ZIP_LOCAL_SIZE] = 'e';
}

/** One record, its sizes in 64 bits: APPNOTE §4.3.12, §4.5.3. */
static uint8_t *make_record(uint8_t *p, const struct zip_entry *e)
{
	p = zip_put(p, 4, ZIP_RECORD_MAGIC);
	p = zip_put(p, 2, VERSION); /* made by */
	p = zip_put(p, 2, VERSION); /* needed */
	p = zip_put(p, 2, 0);	    /* flags */
	p = zip_put(p, 2, e->method);
	p = zip_put(p, 4, 0); /* time and date */
	p = zip_put(p, 4, e->crc);
	p = zip_put(p, 4, UINT32_MAX); /* packed size: in the extra field */
	p = zip_put(p, 4, UINT32_MAX); /* size: there as well */
	p = zip_put(p, 2, NAME_SIZE);
	p = zip_put(p, 2, EXTRA_SIZE);
	p = zip_put(p, 2, 0); /* comment */
	p = zip_put(p, 2, 0); /* disk */
	p = zip_put(p, 2, 0); /* attributes */
	p = zip_put(p, 4, 0);
	p = zip_put(p, 4, 0); /* offset of the header */
	*p++ = 'e';
	p = zip_put(p, 2, 0x0001);
	p = zip_put(p, 2, EXTRA_SIZE - 4);
	p = zip_put(p, 8, e->size);
	return zip_put(p, 8, e->packed_size);
}

/** The record and the ends behind it: APPNOTE §4.3.14 to §4.3.16. */
static void make_tail(uint8_t *p, const struct zip_entry *e)
{
	uint64_t dir_off = HEAD_SIZE + e->packed_size + PADDING;
	const uint8_t *end = p + TAIL_SIZE;

	p = make_record(p, e);

	p = zip_put(p, 4, ZIP_END64_MAGIC);
	p = zip_put(p, 8, ZIP_END64_SIZE - 12);
	p = zip_put(p, 2, VERSION);
	p = zip_put(p, 2, VERSION);
	p = zip_put(p, 4, 0); /* disks */
	p = zip_put(p, 4, 0);
	p = zip_put(p, 8, 1); /* entries */
	p = zip_put(p, 8, 1);
	p = zip_put(p, 8, DIR_SIZE);
	p = zip_put(p, 8, dir_off);

	p = zip_put(p, 4, ZIP_LOCATOR_MAGIC);
	p = zip_put(p, 4, 0);
	p = zip_put(p, 8, dir_off + DIR_SIZE);
	p = zip_put(p, 4, 1);

	p = zip_put(p, 4, ZIP_END_MAGIC);
	p = zip_put(p, 4, 0); /* disks */
	p = zip_put(p, 2, UINT16_MAX);
	p = zip_put(p, 2, UINT16_MAX);
	p = zip_put(p, 4, UINT32_MAX);
	p = zip_put(p, 4, UINT32_MAX);
	p = zip_put(p, 2, 0);
	assert(p == end);
}

/** What libzip's error means to us. */
static int fault_of(const zip_error_t *error, struct zip_fault *reterr)
{
	int system = zip_error_system_type(error) == ZIP_ET_SYS
			 ? zip_error_code_system(error)
			 : 0;

	switch (zip_error_code_zip(error)) {
	case ZIP_ER_MEMORY:
		return zip_fault_errno(reterr, -ENOMEM);
	case ZIP_ER_READ:
	case ZIP_ER_SEEK:
	case ZIP_ER_OPEN:
		return zip_fault_errno(reterr, system ? -system : -EIO);
	case ZIP_ER_CRC:
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The entry's bytes do not have the CRC that the archive "
		    "tells.");
	case ZIP_ER_COMPNOTSUPP:
		return zip_fault_set(reterr, ZIP_FAULT_METHOD,
		    "The entry is packed in a way that is not known here.");
	default:
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The entry's packed bytes are damaged.");
	}
}

bool zip_libzip_knows(uint16_t method)
{
	return method == ZIP_CM_BZIP2 &&
	       zip_compression_method_supported(method, 0);
}

static int open_archive(struct libzip *u, struct spw_spool *s,
    const struct zip_entry *e, uint64_t off, struct zip_fault *reterr)
{
	const struct zip_piece pieces[] = {
	    {.mem = u->head, .len = HEAD_SIZE},
	    {.spool = s, .off = off, .len = e->packed_size},
	    {.len = PADDING},
	    {.mem = u->tail, .len = TAIL_SIZE},
	};
	zip_error_t error;
	int err = 0;

	zip_error_init(&error);
	zip_source_t *src = zip_source_of_pieces(
	    pieces, sizeof pieces / sizeof *pieces, AHEAD, &error);
	if (src) {
		u->archive = zip_open_from_source(src, ZIP_RDONLY, &error);
		if (!u->archive)
			zip_source_free(src);
	}
	if (!u->archive)
		err = fault_of(&error, reterr);
	zip_error_fini(&error);
	if (err < 0)
		return err;

	u->file = zip_fopen_index(u->archive, 0, ZIP_FL_UNCHANGED);
	if (!u->file)
		return fault_of(zip_get_error(u->archive), reterr);
	return 0;
}

static ssize_t libzip_read(
    struct zip_pull *d, void *buf, size_t len, struct zip_fault *reterr)
{
	struct libzip *u = (struct libzip *)d;

	zip_int64_t n = zip_fread(u->file, buf, len);
	return n < 0 ? fault_of(zip_file_get_error(u->file), reterr)
		     : (ssize_t)n;
}

static void libzip_free(struct zip_pull *d)
{
	struct libzip *u = (struct libzip *)d;

	if (u->file)
		zip_fclose(u->file);
	if (u->archive)
		zip_discard(u->archive);
	free(u);
}

int zip_libzip_new(struct spw_spool *s, const struct zip_entry *e,
    struct zip_pull **ret, struct zip_fault *reterr)
{
	static const struct zip_pull_ops ops = {
	    .read = libzip_read, .free = libzip_free};
	uint64_t off = 0;
	bool located = zip_entry_data(e, &off);

	assert(located);
	/* It cannot wait in the middle. */
	int err = zip_read_need(s, off, e->packed_size, reterr);
	if (err < 0)
		return err;

	struct libzip *u = calloc(1, sizeof *u);
	if (!u)
		return zip_fault_errno(reterr, -ENOMEM);

	u->pull.ops = &ops;
	make_head(u->head, e);
	make_tail(u->tail, e);
	err = open_archive(u, s, e, off, reterr);
	if (err < 0) {
		libzip_free(&u->pull);
		return err;
	}

	*ret = &u->pull;
	return 0;
}

const char *zip_library_version(void)
{
	return zip_libzip_version();
}
