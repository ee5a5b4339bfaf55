/* SPDX-License-Identifier: MIT */
#include "deliver/zip_tail.h"

#include <errno.h>
#include <stdlib.h>

#define END64_SIZE 56
#define LOCATOR_SIZE 20
#define COMMENT_MAX 65535
/** The longest end: a locator, an end record and the longest comment. */
#define REACH (LOCATOR_SIZE + ZIP_END_SIZE + COMMENT_MAX)

int zip_read_at(struct spw_spool *s, void *buf, size_t len, uint64_t off)
{
	char *to = buf;
	size_t got = 0;

	while (got < len) {
		ssize_t n = spw_spool_pread(s, to + got, len - got, off + got);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return -ENODATA;
		got += (size_t)n;
	}
	return 0;
}

/* A place where an end record may be: byte `pos` of the last `len` bytes. */
struct candidate {
	struct spw_spool *s;
	const uint8_t *tail;
	size_t len;
	size_t pos;
	uint64_t tail_off; /* where `tail` begins in the archive */
};

static int several_disks(struct zip_fault *reterr)
{
	return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
	    "The file is one part of an archive of several parts.");
}

/** The directory by the zip64 record that the locator at `loc` points at. */
static int read_end64(const struct candidate *c, const uint8_t *loc,
    struct zip_tail *ret, struct zip_fault *reterr)
{
	uint8_t end[END64_SIZE];
	uint64_t off = zip_le64(loc + 8);
	uint64_t limit = c->tail_off + c->pos - LOCATOR_SIZE;

	if (off > limit || limit - off < END64_SIZE)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The archive's zip64 locator points outside of it.");

	int r = zip_read_at(c->s, end, sizeof end, off);
	if (r < 0)
		return zip_fault_errno(reterr, r);
	if (zip_le32(end) != ZIP_END64_MAGIC)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The archive's zip64 end record is missing.");

	/* Of what follows this field. Some tell less; nobody minds. */
	uint64_t size = zip_le64(end + 4);
	if (size > limit - off - 12)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The archive's zip64 end record has a wrong size.");
	if (zip_le32(loc + 4) != 0 || zip_le32(end + 16) != 0 ||
	    zip_le32(end + 20) != 0 || zip_le64(end + 24) != zip_le64(end + 32))
		return several_disks(reterr);

	ret->zip64 = true;
	ret->entries = zip_le64(end + 32);
	ret->dir_size = zip_le64(end + 40);
	ret->dir_off = zip_le64(end + 48);
	return 0;
}

/** Whether the directory that was found can be one; `end` is what ends it. */
static int check_dir(const struct candidate *c, uint64_t end,
    const struct zip_tail *t, struct zip_fault *reterr)
{
	uint8_t magic[4];

	if (t->dir_off > end || t->dir_size > end - t->dir_off)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The archive's end record places the directory outside "
		    "of it.");
	if (t->entries > t->dir_size / ZIP_RECORD_SIZE)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The archive's end record tells of more entries than its "
		    "directory has room for.");
	if (t->entries == 0)
		return 0;

	int r = zip_read_at(c->s, magic, sizeof magic, t->dir_off);
	if (r < 0)
		return zip_fault_errno(reterr, r);
	if (zip_le32(magic) != ZIP_RECORD_MAGIC)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The archive's directory is not where its end record "
		    "says.");
	return 0;
}

static int read_candidate(
    const struct candidate *c, struct zip_tail *ret, struct zip_fault *reterr)
{
	const uint8_t *end = c->tail + c->pos;
	struct zip_tail t = {
	    .entries = zip_le16(end + 10),
	    .dir_size = zip_le32(end + 12),
	    .dir_off = zip_le32(end + 16),
	    .comment_off = c->tail_off + c->pos + ZIP_END_SIZE,
	    .comment_len = zip_le16(end + 20),
	};

	if (t.comment_len > c->len - c->pos - ZIP_END_SIZE)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The archive's comment is cut off.");
	if (c->pos >= LOCATOR_SIZE &&
	    zip_le32(end - LOCATOR_SIZE) == ZIP_LOCATOR_MAGIC) {
		int r = read_end64(c, end - LOCATOR_SIZE, &t, reterr);
		if (r < 0)
			return r;
	} else if (zip_le16(end + 4) != 0 || zip_le16(end + 6) != 0 ||
		   zip_le16(end + 8) != t.entries) {
		return several_disks(reterr);
	}

	int r = check_dir(c, c->tail_off + c->pos, &t, reterr);
	if (r < 0)
		return r;

	*ret = t;
	return 0;
}

/** What to say when there is no end record at all. */
static int without_end(struct spw_spool *s, struct zip_fault *reterr)
{
	uint8_t magic[4];

	int r = zip_read_at(s, magic, sizeof magic, 0);
	if (r < 0)
		return zip_fault_errno(reterr, r);
	if (zip_le32(magic) == ZIP_LOCAL_MAGIC)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The file begins like a zip archive, but the end is "
		    "missing: it may be incomplete.");
	return zip_fault_set(reterr, ZIP_FAULT_NOT_ZIP,
	    "The file has no end record of a zip archive.");
}

/** Whether two end records mean the same directory. */
static bool same_dir(const struct zip_tail *a, const struct zip_tail *b)
{
	return a->dir_off == b->dir_off && a->dir_size == b->dir_size &&
	       a->entries == b->entries;
}

/* What the search has come to. */
struct found {
	struct zip_tail exact; /* its comment ends where the archive ends */
	struct zip_tail loose; /* something follows it */
	bool has_exact, has_loose;
	bool has_fault; /* of the last place, which would have been it */
	struct zip_fault fault;
};

/** Weigh one place. Returns: 0; negative: stop, `f->fault` says why. */
static int weigh(const struct candidate *c, struct found *f)
{
	struct zip_fault fault;
	struct zip_tail t;

	int r = read_candidate(c, &t, &fault);
	if (r < 0) {
		bool stop = fault.kind == ZIP_FAULT_SYSTEM;
		if (stop || !f->has_fault)
			f->fault = fault;
		f->has_fault = true;
		return stop ? r : 0;
	}

	bool exact = t.comment_len == c->len - c->pos - ZIP_END_SIZE;
	if (exact && f->has_exact && !same_dir(&t, &f->exact))
		return zip_fault_set(&f->fault, ZIP_FAULT_CORRUPT,
		    "The archive has two end records, and they tell of "
		    "different directories.");
	if (exact) {
		f->exact = t;
		f->has_exact = true;
	} else if (!f->has_loose) {
		f->loose = t;
		f->has_loose = true;
	}
	return 0;
}

/** Weigh every place, from the last one on. */
static int search(
    struct candidate *c, struct zip_tail *ret, struct zip_fault *reterr)
{
	struct found f = {0};

	for (size_t n = c->len - ZIP_END_SIZE + 1; n > 0; n--) {
		c->pos = n - 1;
		if (zip_le32(c->tail + c->pos) != ZIP_END_MAGIC)
			continue;

		int r = weigh(c, &f);
		if (r < 0) {
			*reterr = f.fault;
			return r;
		}
	}
	if (f.has_exact || f.has_loose) {
		*ret = f.has_exact ? f.exact : f.loose;
		return 0;
	}
	if (!f.has_fault)
		return without_end(c->s, reterr);

	*reterr = f.fault;
	return reterr->err;
}

int zip_tail_read(
    struct spw_spool *s, struct zip_tail *ret, struct zip_fault *reterr)
{
	uint64_t size = spw_spool_size(s);

	if (size < ZIP_END_SIZE)
		return zip_fault_set(reterr, ZIP_FAULT_NOT_ZIP,
		    "%u bytes are too few for a zip archive.", (unsigned)size);

	size_t len = size < REACH ? (size_t)size : REACH;
	uint8_t *tail = malloc(len);
	if (!tail)
		return zip_fault_errno(reterr, -ENOMEM);

	struct candidate c = {
	    .s = s, .tail = tail, .len = len, .tail_off = size - len};
	int r = zip_read_at(s, tail, len, c.tail_off);
	if (r < 0)
		zip_fault_errno(reterr, r);
	else
		r = search(&c, ret, reterr);
	free(tail);
	return r;
}
