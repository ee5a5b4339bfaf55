/* SPDX-License-Identifier: MIT */
#include "deliver/zip_unpack.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <zlib.h>

#include "deliver/zip_decode.h"
#include "deliver/zip_read.h"

#define CHECK_BLOCK ((size_t)64 * 1024)

struct zip_unpack {
	struct zip_pull pull;
	struct zip_pull *decoder;
	uint64_t left; /* of what the directory says */
	uint32_t crc;  /* of what came out */
	uint32_t want_crc;
	bool whole;   /* it began at the beginning: the CRC will be known */
	bool checked; /* the end was seen and was right */
	size_t held;  /* bytes of a read that was not complete */
};

/*
 * Stored entries.
 */

struct copier {
	struct zip_pull pull;
	struct spw_spool *s;
	uint64_t off, left;
};

static ssize_t copier_read(
    struct zip_pull *d, void *buf, size_t len, struct zip_fault *reterr)
{
	struct copier *c = (struct copier *)d;
	size_t n = c->left < len ? (size_t)c->left : len;

	int err = zip_read_at(c->s, buf, n, c->off, reterr);
	if (err < 0)
		return err;

	c->off += n;
	c->left -= n;
	return (ssize_t)n;
}

static void copier_free(struct zip_pull *d)
{
	struct copier *c = (struct copier *)d;

	spw_spool_unref(c->s);
	free(c);
}

static int copier_new(struct spw_spool *s, const struct zip_entry *e,
    uint64_t first, struct zip_pull **ret, struct zip_fault *reterr)
{
	static const struct zip_pull_ops ops = {
	    .read = copier_read, .free = copier_free};
	struct copier *c = malloc(sizeof *c);
	if (!c)
		return zip_fault_errno(reterr, -ENOMEM);

	*c = (struct copier){.pull = {&ops}};
	bool located = zip_entry_data(e, &c->off);
	assert(located);
	c->off += first;
	c->left = first < e->packed_size ? e->packed_size - first : 0;
	c->s = spw_spool_ref(s);
	*ret = &c->pull;
	return 0;
}

/*
 * All of them.
 */

bool zip_unpack_knows(uint16_t method)
{
	return method == ZIP_METHOD_STORE || method == ZIP_METHOD_DEFLATE ||
	       zip_libzip_knows(method);
}

size_t zip_unpack_memory(const struct zip_entry *e)
{
	switch (e->method) {
	case ZIP_METHOD_STORE:
		return sizeof(struct zip_unpack) + sizeof(struct copier);
	case ZIP_METHOD_DEFLATE:
		return ZIP_INFLATE_MEMORY;
	default:
		return ZIP_LIBZIP_MEMORY;
	}
}

static int decoder_new(struct spw_spool *s, struct zip_entry *e,
    uint64_t *first, struct zip_points *points, struct zip_pull **ret,
    struct zip_fault *reterr)
{
	switch (e->method) {
	case ZIP_METHOD_STORE:
		return copier_new(s, e, *first, ret, reterr);
	case ZIP_METHOD_DEFLATE:
		return zip_inflate_new(
		    s, e, *first, points, ret, first, reterr);
	default:
		*first = 0;
		return zip_libzip_new(s, e, ret, reterr);
	}
}

/** All that there should be is there: is it the end, and right? */
static int check_end(struct zip_unpack *u, struct zip_fault *reterr)
{
	char more;

	ssize_t n = zip_pull_read(u->decoder, &more, 1, reterr);
	if (n < 0)
		return (int)n;
	if (n > 0)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The entry unpacks to more bytes than the archive tells.");
	if (u->whole && u->crc != u->want_crc)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The entry's bytes do not have the CRC that the archive "
		    "tells.");

	u->checked = true;
	return 0;
}

/** Get the rest of a read. */
static int fill(
    struct zip_unpack *u, char *buf, size_t want, struct zip_fault *reterr)
{
	while (u->held < want) {
		char *to = buf + u->held;
		ssize_t n =
		    zip_pull_read(u->decoder, to, want - u->held, reterr);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
			    "The entry unpacks to fewer bytes than the "
			    "archive tells.");
		if (u->whole)
			u->crc = (uint32_t)crc32_z(
			    u->crc, (const Bytef *)to, (size_t)n);
		u->held += (size_t)n;
	}
	return 0;
}

static ssize_t unpack_read(
    struct zip_pull *p, void *buf, size_t len, struct zip_fault *reterr)
{
	struct zip_unpack *u = (struct zip_unpack *)p;
	size_t want = u->left < len ? (size_t)u->left : len;

	int err = fill(u, buf, want, reterr);
	if (err == 0 && want == u->left && !u->checked)
		err = check_end(u, reterr);
	if (err < 0)
		return err;

	u->held = 0;
	u->left -= want;
	return (ssize_t)want;
}

static void unpack_free(struct zip_pull *p)
{
	struct zip_unpack *u = (struct zip_unpack *)p;

	zip_pull_free(u->decoder);
	free(u);
}

int zip_unpack_new(struct spw_spool *s, struct zip_entry *e, uint64_t *first,
    struct zip_points *points, struct zip_pull **ret, struct zip_fault *reterr)
{
	static const struct zip_pull_ops ops = {
	    .read = unpack_read, .free = unpack_free};
	struct zip_pull *d = NULL;
	uint64_t from = *first;

	int err = decoder_new(s, e, &from, points, &d, reterr);
	if (err < 0)
		return err;

	struct zip_unpack *u = calloc(1, sizeof *u);
	if (!u) {
		zip_pull_free(d);
		return zip_fault_errno(reterr, -ENOMEM);
	}
	u->pull.ops = &ops;
	u->decoder = d;
	u->left = e->size - from;
	u->want_crc = e->crc;
	u->whole = from == 0;
	*first = from;
	*ret = &u->pull;
	return 0;
}

int zip_unpack_check(
    struct spw_spool *s, struct zip_entry *e, struct zip_fault *reterr)
{
	uint64_t off = 0, first = 0;
	struct zip_pull *p = NULL;
	ssize_t n = 1;

	/* All of it, or it would be begun anew with each piece that comes. */
	(void)zip_entry_data(e, &off);
	int err = zip_read_need(s, off, e->packed_size, reterr);
	if (err == 0)
		err = zip_unpack_new(s, e, &first, NULL, &p, reterr);
	if (err < 0)
		return err;

	char *block = malloc(CHECK_BLOCK);
	if (!block)
		n = zip_fault_errno(reterr, -ENOMEM);
	while (n > 0)
		n = zip_pull_read(p, block, CHECK_BLOCK, reterr);
	free(block);
	zip_pull_free(p);
	if (n == 0)
		zip_entry_set_good(e);
	else if (n == -EBADMSG)
		zip_entry_set_damaged(e);
	return (int)n;
}
