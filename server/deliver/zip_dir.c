/* SPDX-License-Identifier: MIT */
#include "deliver/zip_dir.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/zipformat.h"
#include "deliver/zip_check.h"
#include "deliver/zip_keys.h"
#include "deliver/zip_read.h"
#include "deliver/zip_table.h"
#include "deliver/zip_tail.h"
#include "deliver/zip_window.h"

/** What is read of the directory at a time; holds the longest record. */
#define WINDOW_SIZE ((size_t)256 * 1024)
#define RECORD_MAX (ZIP_RECORD_SIZE + 3 * 65535)
/** Without zip64 the count of entries is known modulo this. */
#define COUNT_WRAP 65536

_Static_assert(WINDOW_SIZE >= RECORD_MAX, "a record fits in the window");

/* The directory as it is read, and the table as it grows. */
struct reader {
	struct zip_window window;
	uint64_t off, end; /* of the directory: the next record, the end */
	uint64_t base;	   /* what its offsets do not count */
	struct zip_table table;
	struct zip_fault *reterr;
};

static void reader_fini(struct reader *r)
{
	zip_window_fini(&r->window);
	zip_table_fini(&r->table);
}

/** Point at `n` bytes of the directory, n <= RECORD_MAX. */
static int reader_at(struct reader *r, size_t n, const uint8_t **ret)
{
	if (r->end - r->off < n)
		return zip_fault_set(r->reterr, ZIP_FAULT_CORRUPT,
		    "Entry %zu runs over the end of the archive's directory.",
		    r->table.d->count);

	return zip_window_at(
	    &r->window, r->off, n, WINDOW_SIZE, r->end, ret, r->reterr);
}

/**
 * Read one record.
 *
 * Returns: 1; 0 when `optional` and there is none.
 */
static int read_record(struct reader *r, bool optional)
{
	const uint8_t *p = NULL;

	int err = reader_at(r, ZIP_RECORD_SIZE, &p);
	if (err < 0)
		return err;
	if (zip_le32(p) != ZIP_RECORD_MAGIC)
		return optional ? 0
				: zip_fault_set(r->reterr, ZIP_FAULT_CORRUPT,
				      "Entry %zu has no record in the "
				      "archive's directory.",
				      r->table.d->count);

	size_t len = zip_record_length(p);
	err = reader_at(r, len, &p);
	if (err < 0)
		return err;

	struct zip_record rec;
	const char *why;
	if (zip_record_parse(p, &rec, &why) < 0)
		return zip_fault_set(r->reterr, ZIP_FAULT_CORRUPT, "%s", why);
	rec.header_off += r->base;
	if (rec.header_off < r->base)
		rec.header_off = UINT64_MAX;
	err = zip_table_add(&r->table, &rec, r->reterr);
	if (err < 0)
		return err;

	r->off += len;
	return 1;
}

/**
 * Read every record. Info-ZIP writes more than 65 535 entries without zip64:
 * the count is then right modulo 65 536.
 */
static int read_records(struct reader *r, const struct zip_tail *t)
{
	for (uint64_t i = 0; i < t->entries; i++) {
		int err = read_record(r, false);
		if (err < 0)
			return err;
	}
	while (!t->zip64 && r->end - r->off >= ZIP_RECORD_SIZE) {
		int more = read_record(r, true);
		if (more < 0)
			return more;
		if (more == 0)
			break;
	}
	if ((r->table.d->count - t->entries) % COUNT_WRAP != 0)
		return zip_fault_set(r->reterr, ZIP_FAULT_CORRUPT,
		    "The archive's end record tells of %llu entries, its "
		    "directory has %zu.",
		    (unsigned long long)t->entries, r->table.d->count);
	return 0;
}

/** The archive's own comment: not told what it is, so guessed like names. */
static int read_comment(struct reader *r, const struct zip_tail *t)
{
	size_t n = t->comment_len;
	const uint8_t *p = NULL;
	bool guess;

	if (n == 0)
		return 0;

	int err = zip_window_at(&r->window, t->comment_off, n, n,
	    t->comment_off + n, &p, r->reterr);
	if (err < 0)
		return err;

	struct str raw = {(const char *)p, n};
	r->table.d->comment = malloc(ZIP_TEXT_MAX * n);
	if (!r->table.d->comment)
		return zip_fault_errno(r->reterr, -ENOMEM);

	r->table.d->comment_len =
	    zip_text_utf8(raw, false, r->table.d->comment, &guess);
	return 0;
}

static int check_limits(const struct zip_tail *t,
    const struct zip_limits *limits, struct zip_fault *reterr)
{
	if (t->entries > limits->max_entries)
		return zip_fault_limit(reterr, limits->max_entries,
		    "The archive has %llu entries; %llu are allowed.",
		    (unsigned long long)t->entries,
		    (unsigned long long)limits->max_entries);
	if (t->dir_size > limits->max_directory)
		return zip_fault_limit(reterr, limits->max_directory,
		    "The archive's directory has %llu bytes; %llu are "
		    "allowed.",
		    (unsigned long long)t->dir_size,
		    (unsigned long long)limits->max_directory);
	return 0;
}

/** What the ends of the archive say of it, for what is told of it. */
static void note_tail(struct zip_dir *d, const struct zip_tail *t)
{
	d->data_end = t->dir_off;
	if (t->base > 0)
		d->warnings |= ZIP_WARN_PREPENDED;
	if (t->trailing > 0)
		d->warnings |= ZIP_WARN_TRAILING;
	if (t->zip64)
		d->warnings |= ZIP_WARN_ZIP64;
	if (t->ambiguous)
		d->warnings |= ZIP_WARN_ENDS;
}

/** All records are there: see what is wrong with them together. */
static int check_all(struct reader *r, const struct zip_limits *limits)
{
	struct zip_dir *d = r->table.d;

	int err = zip_keys_make(d);
	if (err == 0)
		err = zip_check_places(d, limits->max_ratio);
	if (err < 0)
		return zip_fault_errno(r->reterr, err);

	return zip_check_headers(
	    d, r->window.s, limits->check_reads, r->reterr);
}

/** Everything after the limits; `r` is cleaned up by the caller. */
static int read_all(struct reader *r, struct spw_spool *s,
    const struct zip_tail *t, const struct zip_limits *limits)
{
	int err = zip_window_init(&r->window, s, WINDOW_SIZE);
	if (err == 0)
		err = zip_table_init(&r->table, limits->max_entries);
	/* Checked to fit in the bytes that are there: see zip_tail.c. */
	if (err == 0)
		err = zip_table_expect(&r->table, (size_t)t->entries);
	if (err < 0)
		return zip_fault_errno(r->reterr, err);

	note_tail(r->table.d, t);
	err = read_comment(r, t);
	if (err < 0)
		return err;
	err = read_records(r, t);
	if (err < 0)
		return err;
	return check_all(r, limits);
}

int zip_dir_read(struct spw_spool *s, const struct zip_limits *limits,
    struct zip_dir **ret, struct zip_fault *reterr)
{
	struct zip_tail t;

	int err = zip_tail_read(s, &t, reterr);
	if (err < 0)
		return err;
	err = check_limits(&t, limits, reterr);
	if (err == 0)
		err = zip_read_need(s, t.dir_off, t.dir_size, reterr);
	if (err < 0)
		return err;

	struct reader r = {
	    .off = t.dir_off,
	    .end = t.dir_off + t.dir_size,
	    .base = t.base,
	    .reterr = reterr,
	};
	err = read_all(&r, s, &t, limits);
	if (err == 0)
		*ret = zip_table_take(&r.table);
	reader_fini(&r);
	return err;
}

void zip_dir_free(struct zip_dir *d)
{
	if (!d)
		return;

	free(d->entries);
	free(d->keys);
	free(d->order);
	free(d->names);
	free(d->comment);
	free(d);
}
