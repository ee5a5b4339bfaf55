/* SPDX-License-Identifier: MIT */
#include "deliver/zip_unpack.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zip.h>

#include "deliver/zip_source.h"
#include "deliver/zip_tail.h"

/** Read ahead in the entry's bytes. */
#define AHEAD ((size_t)64 * 1024)
/** Between the bytes and the directory, so that libzip, which looks for end
    records in as much, does not see one that is stored in the entry. */
#define PADDING ((uint64_t)66 * 1024)

#define NAME_SIZE 1
#define HEAD_SIZE (ZIP_LOCAL_SIZE + NAME_SIZE)
#define EXTRA_SIZE (4 + 8 + 8)
#define DIR_SIZE (ZIP_RECORD_SIZE + NAME_SIZE + EXTRA_SIZE)
#define END64_SIZE 56
#define LOCATOR_SIZE 20
#define TAIL_SIZE (DIR_SIZE + END64_SIZE + LOCATOR_SIZE + ZIP_END_SIZE)
/** "Version needed": 4.5, zip64. */
#define VERSION 45

struct zip_unpack {
	zip_t *archive;
	zip_file_t *file;
	uint64_t left; /* of what the directory says */
	bool checked;  /* the end was seen and was right */
	uint8_t head[HEAD_SIZE];
	uint8_t tail[TAIL_SIZE];
};

/** Append the lower `n` bytes of `v`, little-endian. */
static uint8_t *put(uint8_t *p, unsigned n, uint64_t v)
{
	for (unsigned i = 0; i < n; i++)
		*p++ = (uint8_t)(v >> 8 * i);
	return p;
}

/** APPNOTE §4.3.7; libzip takes sizes and CRC from the directory. */
static void make_head(uint8_t *p, const struct zip_entry *e)
{
	memset(p, 0, HEAD_SIZE);
	put(p, 4, ZIP_LOCAL_MAGIC);
	put(p + 4, 2, VERSION);
	put(p + 8, 2, e->method);
	put(p + 26, 2, NAME_SIZE);
	p[ZIP_LOCAL_SIZE] = 'e';
}

/** One record, its sizes in 64 bits: APPNOTE §4.3.12, §4.5.3. */
static uint8_t *make_record(uint8_t *p, const struct zip_entry *e)
{
	p = put(p, 4, ZIP_RECORD_MAGIC);
	p = put(p, 2, VERSION); /* made by */
	p = put(p, 2, VERSION); /* needed */
	p = put(p, 2, 0);	/* flags */
	p = put(p, 2, e->method);
	p = put(p, 4, 0); /* time and date */
	p = put(p, 4, e->crc);
	p = put(p, 4, UINT32_MAX); /* packed size: in the extra field */
	p = put(p, 4, UINT32_MAX); /* size: there as well */
	p = put(p, 2, NAME_SIZE);
	p = put(p, 2, EXTRA_SIZE);
	p = put(p, 2, 0); /* comment */
	p = put(p, 2, 0); /* disk */
	p = put(p, 2, 0); /* attributes */
	p = put(p, 4, 0);
	p = put(p, 4, 0); /* offset of the header */
	*p++ = 'e';
	p = put(p, 2, 0x0001);
	p = put(p, 2, EXTRA_SIZE - 4);
	p = put(p, 8, e->size);
	return put(p, 8, e->packed_size);
}

/** The record and the ends behind it: APPNOTE §4.3.14 to §4.3.16. */
static void make_tail(uint8_t *p, const struct zip_entry *e)
{
	uint64_t dir_off = HEAD_SIZE + e->packed_size + PADDING;
	const uint8_t *end = p + TAIL_SIZE;

	p = make_record(p, e);

	p = put(p, 4, ZIP_END64_MAGIC);
	p = put(p, 8, END64_SIZE - 12);
	p = put(p, 2, VERSION);
	p = put(p, 2, VERSION);
	p = put(p, 4, 0); /* disks */
	p = put(p, 4, 0);
	p = put(p, 8, 1); /* entries */
	p = put(p, 8, 1);
	p = put(p, 8, DIR_SIZE);
	p = put(p, 8, dir_off);

	p = put(p, 4, ZIP_LOCATOR_MAGIC);
	p = put(p, 4, 0);
	p = put(p, 8, dir_off + DIR_SIZE);
	p = put(p, 4, 1);

	p = put(p, 4, ZIP_END_MAGIC);
	p = put(p, 4, 0); /* disks */
	p = put(p, 2, UINT16_MAX);
	p = put(p, 2, UINT16_MAX);
	p = put(p, 4, UINT32_MAX);
	p = put(p, 4, UINT32_MAX);
	p = put(p, 2, 0);
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

bool zip_unpack_knows(uint16_t method)
{
	if (method == ZIP_METHOD_STORE || method == ZIP_METHOD_DEFLATE)
		return true;
	/* The others of libzip are not tested here. */
	return method == ZIP_METHOD_BZIP2 &&
	       zip_compression_method_supported(ZIP_CM_BZIP2, 0);
}

static int open_archive(struct zip_unpack *u, struct spw_spool *s,
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

int zip_unpack_new(struct spw_spool *s, const struct zip_entry *e,
    struct zip_unpack **ret, struct zip_fault *reterr)
{
	uint64_t off = 0;
	bool located = zip_entry_data(e, &off);

	assert(located);
	struct zip_unpack *u = calloc(1, sizeof *u);
	if (!u)
		return zip_fault_errno(reterr, -ENOMEM);

	u->left = e->size;
	make_head(u->head, e);
	make_tail(u->tail, e);
	int err = open_archive(u, s, e, off, reterr);
	if (err < 0) {
		zip_unpack_free(u);
		return err;
	}

	*ret = u;
	return 0;
}

/** libzip compares the CRC when it comes to the end, and so one read further
    than the last byte. */
static int check_end(struct zip_unpack *u, struct zip_fault *reterr)
{
	char more;

	zip_int64_t n = zip_fread(u->file, &more, 1);
	if (n < 0)
		return fault_of(zip_file_get_error(u->file), reterr);
	if (n > 0)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The entry unpacks to more bytes than the archive tells.");

	u->checked = true;
	return 0;
}

ssize_t zip_unpack_read(
    struct zip_unpack *u, void *buf, size_t len, struct zip_fault *reterr)
{
	size_t want = u->left < len ? (size_t)u->left : len;
	size_t got = 0;

	while (got < want) {
		zip_int64_t n =
		    zip_fread(u->file, (char *)buf + got, want - got);
		if (n < 0)
			return fault_of(zip_file_get_error(u->file), reterr);
		if (n == 0)
			return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
			    "The entry unpacks to fewer bytes than the "
			    "archive tells.");
		got += (size_t)n;
	}
	u->left -= got;
	if (u->left == 0 && !u->checked) {
		int err = check_end(u, reterr);
		if (err < 0)
			return err;
	}
	return (ssize_t)got;
}

void zip_unpack_free(struct zip_unpack *u)
{
	if (!u)
		return;

	if (u->file)
		zip_fclose(u->file);
	if (u->archive)
		zip_discard(u->archive);
	free(u);
}
