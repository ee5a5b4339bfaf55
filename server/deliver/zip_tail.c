/* SPDX-License-Identifier: MIT */
#include "deliver/zip_tail.h"

#include <errno.h>
#include <stdlib.h>

#include "common/zipformat.h"
#include "deliver/zip_read.h"

#define COMMENT_MAX 65535
/** The longest end: a locator, an end record and the longest comment. */
#define REACH (ZIP_LOCATOR_SIZE + ZIP_END_SIZE + COMMENT_MAX)

/** Of a directory that nobody has believed yet not more is asked for. */
#define WANT_MAX (UINT64_C(16) << 20)

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

/**
 * Read the zip64 end record, which is where the locator says, or, if that was
 * written without what stands before the archive, right before the locator.
 *
 * Returns: 1; 0 when there is none; or an error. Moves `*off` to where it is.
 */
static int read_end64_at(const struct candidate *c, uint64_t limit,
    uint64_t *off, uint8_t end[ZIP_END64_SIZE], struct zip_fault *reterr)
{
	uint64_t last = limit - ZIP_END64_SIZE;

	if (limit < ZIP_END64_SIZE || *off > last)
		return 0;
	for (;; *off = last) {
		int r = zip_read_at(c->s, end, ZIP_END64_SIZE, *off, reterr);
		if (r < 0)
			return r;
		if (zip_le32(end) == ZIP_END64_MAGIC)
			return 1;
		if (*off == last)
			return 0;
	}
}

/** The directory by the zip64 record that the locator at `loc` points at. */
static int read_end64(const struct candidate *c, const uint8_t *loc,
    struct zip_tail *ret, uint64_t *ret_end, struct zip_fault *reterr)
{
	uint8_t end[ZIP_END64_SIZE];
	uint64_t limit = c->tail_off + c->pos - ZIP_LOCATOR_SIZE;
	uint64_t off = zip_le64(loc + 8);

	int r = read_end64_at(c, limit, &off, end, reterr);
	if (r < 0)
		return r;
	if (r == 0)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The archive's zip64 end record is not where it should "
		    "be.");

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
	ret->base = off - zip_le64(loc + 8);
	*ret_end = off;
	return 0;
}

/** Whether `magic` stands at `off`, which may be anywhere. Returns: 1, 0. */
static int is_at(const struct candidate *c, uint64_t off, uint64_t end,
    uint32_t magic, struct zip_fault *reterr)
{
	uint8_t got[4];

	if (off > end || end - off < sizeof got)
		return 0;

	int r = zip_read_at(c->s, got, sizeof got, off, reterr);
	return r < 0 ? r : zip_le32(got) == magic;
}

/**
 * Whether a directory at `off` begins with an entry whose header is where it
 * says, counted from `base`.
 */
static int fits_base(const struct candidate *c, uint64_t off, uint64_t base,
    struct zip_fault *reterr)
{
	uint8_t first[ZIP_RECORD_SIZE];

	int r = zip_read_at(c->s, first, sizeof first, off, reterr);
	if (r < 0)
		return r;
	if (zip_le32(first) != ZIP_RECORD_MAGIC)
		return 0;
	return is_at(
	    c, base + zip_le32(first + 42), off, ZIP_LOCAL_MAGIC, reterr);
}

/**
 * Whether the directory is where it would be if something stood before the
 * archive: right before `end`, which then is `*ret_base` further than told.
 */
static int is_displaced(const struct candidate *c, uint64_t end,
    const struct zip_tail *t, uint64_t *ret_base, struct zip_fault *reterr)
{
	uint64_t off = t->dir_size <= end ? end - t->dir_size : 0;

	if (off <= t->dir_off)
		return 0;
	*ret_base = off - t->dir_off;
	/* A zip64 record that was displaced was so by as much. */
	if (t->base > 0 && t->base != *ret_base)
		return 0;
	return fits_base(c, off, *ret_base, reterr);
}

/** Whether a directory begins where it is told to. Returns: 1, 0. */
static int is_told(const struct candidate *c, uint64_t end,
    const struct zip_tail *t, struct zip_fault *reterr)
{
	if (t->base > 0 || t->dir_off > end || t->dir_size > end - t->dir_off)
		return 0;

	int r = is_at(c, t->dir_off, end, ZIP_RECORD_MAGIC, reterr);
	/* What has to be brought is all of it. */
	if (r == -EAGAIN)
		reterr->len = t->dir_size < WANT_MAX ? t->dir_size : WANT_MAX;
	return r;
}

/** Look for the directory; `end` is where it must end. */
static int find_dir(const struct candidate *c, uint64_t end, struct zip_tail *t,
    struct zip_fault *reterr)
{
	uint64_t base = 0;

	int here = is_told(c, end, t, reterr);
	if (here < 0 || (here && t->dir_off + t->dir_size == end))
		return here < 0 ? here : 0;

	/* It is elsewhere, or something stands between it and its end. */
	int there = is_displaced(c, end, t, &base, reterr);
	if (there < 0)
		return there;
	if (here && there)
		return zip_fault_set(reterr, ZIP_FAULT_UNSAFE,
		    "The archive's end record fits two directories.");
	if (!here && !there)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The archive's directory is not where its end record "
		    "says.");
	if (there) {
		t->base = base;
		t->dir_off += base;
	}
	return 0;
}

/** Whether the directory that was found can be one; `end` is what ends it. */
static int check_dir(const struct candidate *c, uint64_t end,
    struct zip_tail *t, struct zip_fault *reterr)
{
	if (t->dir_size > end)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The archive's end record tells of a directory that is "
		    "larger than the archive.");
	if (t->entries > t->dir_size / ZIP_RECORD_SIZE)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The archive's end record tells of more entries than its "
		    "directory has room for.");
	if (t->entries > 0 || t->dir_size >= ZIP_RECORD_SIZE)
		return find_dir(c, end, t, reterr);
	if (t->dir_off > end || t->dir_size > end - t->dir_off)
		return zip_fault_set(reterr, ZIP_FAULT_CORRUPT,
		    "The archive's end record places the directory outside "
		    "of it.");
	return 0;
}

/** Whether the mark of an end record stands behind byte `from` of the tail. */
static bool has_mark(const struct candidate *c, size_t from)
{
	for (; c->len - from >= 4; from++)
		if (zip_le32(c->tail + from) == ZIP_END_MAGIC)
			return true;
	return false;
}

static int read_candidate(
    const struct candidate *c, struct zip_tail *ret, struct zip_fault *reterr)
{
	const uint8_t *end = c->tail + c->pos;
	uint64_t dir_end = c->tail_off + c->pos;
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
	if (c->pos >= ZIP_LOCATOR_SIZE &&
	    zip_le32(end - ZIP_LOCATOR_SIZE) == ZIP_LOCATOR_MAGIC) {
		int r =
		    read_end64(c, end - ZIP_LOCATOR_SIZE, &t, &dir_end, reterr);
		if (r < 0)
			return r;
	} else if (zip_le16(end + 4) != 0 || zip_le16(end + 6) != 0 ||
		   zip_le16(end + 8) != t.entries) {
		return several_disks(reterr);
	}

	int r = check_dir(c, dir_end, &t, reterr);
	if (r < 0)
		return r;

	t.trailing = c->len - c->pos - ZIP_END_SIZE - t.comment_len;
	*ret = t;
	return 0;
}

/** What to say when there is no end record at all. */
static int without_end(struct spw_spool *s, struct zip_fault *reterr)
{
	uint8_t magic[4];

	int r = zip_read_at(s, magic, sizeof magic, 0, reterr);
	if (r < 0)
		return r;
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

/** Note one whose comment ends where the archive ends. */
static int add_exact(struct found *f, const struct zip_tail *t)
{
	/* An archive in the comment of another is not meant. */
	if (f->has_exact && t->base > 0)
		return 0;
	if (f->has_exact && f->exact.base == 0 && !same_dir(t, &f->exact))
		return zip_fault_set(&f->fault, ZIP_FAULT_CORRUPT,
		    "The archive has two end records, and they tell of "
		    "different directories.");
	f->exact = *t;
	f->has_exact = true;
	return 0;
}

/** Weigh one place. Returns: 0; negative: stop, `f->fault` says why. */
static int weigh(const struct candidate *c, struct found *f)
{
	struct zip_fault fault;
	struct zip_tail t;

	int r = read_candidate(c, &t, &fault);
	if (r < 0) {
		/* Elsewhere there may be a better one; or no doubt is left. */
		bool stop = r != -EBADMSG || fault.kind == ZIP_FAULT_UNSAFE;
		if (stop || !f->has_fault)
			f->fault = fault;
		f->has_fault = true;
		return stop ? r : 0;
	}
	if (t.trailing == 0)
		return add_exact(f, &t);
	if (!f->has_loose)
		f->loose = t;
	f->has_loose = true;
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
		ret->ambiguous =
		    has_mark(c, (size_t)(ret->comment_off - c->tail_off));
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
	int r = zip_read_at(s, tail, len, c.tail_off, reterr);
	if (r == 0)
		r = search(&c, ret, reterr);
	free(tail);
	return r;
}
