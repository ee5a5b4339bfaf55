/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <zlib.h>

#include "deliver/zip_decode.h"
#include "deliver/zip_read.h"

#define IN_SIZE ((size_t)64 * 1024)
/** Bytes that are asked for at a time where they have to be brought. */
#define WANT_AHEAD (UINT64_C(1) << 20)
/** zlib's data_type: it stands between two blocks; in the last one. */
#define BETWEEN_BLOCKS 128
#define LAST_BLOCK 64

struct inflater {
	struct zip_pull pull;
	struct spw_spool *s;
	struct zip_entry *entry;
	struct zip_points *points; /* or NULL */
	uint64_t off;		   /* of the packed bytes */
	uint64_t len;
	uint64_t fed; /* of them, to zlib */
	uint64_t out;
	bool ended;
	z_stream z;
	uint8_t in[IN_SIZE];
};

/** Have input, unless all of it was used. */
static int feed(struct inflater *f, struct zip_fault *reterr)
{
	uint64_t left = f->len - f->fed;
	size_t n = left < IN_SIZE ? (size_t)left : IN_SIZE;

	if (f->z.avail_in > 0 || n == 0)
		return 0;

	int err = zip_read_at(f->s, f->in, n, f->off + f->fed, reterr);
	if (err == -EAGAIN) {
		zip_fault_missing(reterr, f->s, reterr->off,
		    left < WANT_AHEAD ? left : WANT_AHEAD);
		return err;
	}
	if (err < 0)
		return err;

	f->z.next_in = f->in;
	f->z.avail_in = (uInt)n;
	f->fed += n;
	return 0;
}

static int broken(struct zip_fault *reterr)
{
	return zip_fault_set(
	    reterr, ZIP_FAULT_CORRUPT, "The entry's packed bytes are damaged.");
}

/** Go on until something came out, a block ended, or there is no input. */
static int step(struct inflater *f, struct zip_fault *reterr)
{
	int err = feed(f, reterr);
	if (err < 0)
		return err;

	uInt before = f->z.avail_out;
	int r = inflate(&f->z, f->points ? Z_BLOCK : Z_NO_FLUSH);
	f->out += before - f->z.avail_out;
	switch (r) {
	case Z_STREAM_END:
		f->ended = true;
		if (f->fed - f->z.avail_in < f->len)
			zip_entry_set_longer(f->entry);
		return 0;
	case Z_OK:
		break;
	case Z_MEM_ERROR:
		return zip_fault_errno(reterr, -ENOMEM);
	default:
		/* Z_BUF_ERROR: it wants more than there is. */
		return broken(reterr);
	}
	if (f->points && (f->z.data_type & BETWEEN_BLOCKS) &&
	    !(f->z.data_type & LAST_BLOCK))
		zip_points_add(
		    f->points, &f->z, f->fed - f->z.avail_in, f->out);
	return 0;
}

static ssize_t inflater_read(
    struct zip_pull *d, void *buf, size_t len, struct zip_fault *reterr)
{
	struct inflater *f = (struct inflater *)d;
	int err = 0;

	f->z.next_out = buf;
	f->z.avail_out = (uInt)len;
	while (err == 0 && !f->ended && f->z.avail_out > 0)
		err = step(f, reterr);

	size_t got = len - f->z.avail_out;
	return got > 0 && (err == 0 || err == -EAGAIN) ? (ssize_t)got : err;
}

static void inflater_free(struct zip_pull *d)
{
	struct inflater *f = (struct inflater *)d;

	inflateEnd(&f->z);
	spw_spool_unref(f->s);
	free(f);
}

int zip_inflate_new(struct spw_spool *s, struct zip_entry *e,
    uint64_t first, struct zip_points *points, struct zip_pull **ret,
    uint64_t *ret_first, struct zip_fault *reterr)
{
	static const struct zip_pull_ops ops = {
	    .read = inflater_read, .free = inflater_free};
	struct inflater *f = malloc(sizeof *f);
	if (!f)
		return zip_fault_errno(reterr, -ENOMEM);

	*f = (struct inflater){
	    .pull = {&ops}, .entry = e, .len = e->packed_size};
	bool located = zip_entry_data(e, &f->off);
	assert(located);
	if (inflateInit2(&f->z, -MAX_WBITS) != Z_OK) {
		free(f);
		return zip_fault_errno(reterr, -ENOMEM);
	}

	f->s = spw_spool_ref(s);
	/* Small entries are not worth a place. */
	if (e->size >= 2 * ZIP_POINTS_STEP_MIN)
		f->points = points;
	int err = f->points ? zip_points_resume(
				  f->points, &f->z, first, &f->fed, &f->out)
			    : 0;
	if (err < 0) {
		inflater_free(&f->pull);
		return zip_fault_errno(reterr, err);
	}
	*ret_first = f->out;
	*ret = &f->pull;
	return 0;
}
