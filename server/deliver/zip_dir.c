/* SPDX-License-Identifier: MIT */
#include "deliver/zip_dir.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "deliver/zip_name.h"
#include "deliver/zip_record.h"
#include "deliver/zip_tail.h"

/** What is read of the directory at a time; holds the longest record. */
#define WINDOW_SIZE ((size_t)256 * 1024)
#define RECORD_MAX (ZIP_RECORD_SIZE + 3 * 65535)
#define ARENA_FIRST ((size_t)16 * 1024)
/** Without zip64 the count of entries is known modulo this. */
#define COUNT_WRAP 65536

_Static_assert(WINDOW_SIZE >= RECORD_MAX, "a record fits in the window");
_Static_assert(sizeof(struct zip_entry) == 64, "one cache line an entry");

/* The directory as it is read, and the table as it grows. */
struct reader {
	struct spw_spool *s;
	uint8_t *window;
	uint64_t window_off;
	size_t window_len;
	uint64_t off, end; /* of the directory: the next record, the end */
	struct zip_dir *d;
	size_t entries_cap, names_cap, names_len;
	uint64_t max_entries;
	struct zip_fault *reterr;
};

static void reader_fini(struct reader *r)
{
	free(r->window);
	zip_dir_free(r->d);
}

/** Point at `n` bytes of the directory, n <= RECORD_MAX. */
static int reader_at(struct reader *r, size_t n, const uint8_t **ret)
{
	if (r->end - r->off < n)
		return zip_fault_set(r->reterr, ZIP_FAULT_CORRUPT,
		    "Entry %zu runs over the end of the archive's directory.",
		    r->d->count);

	if (r->off < r->window_off ||
	    r->off + n > r->window_off + r->window_len) {
		uint64_t left = r->end - r->off;
		size_t len = left < WINDOW_SIZE ? (size_t)left : WINDOW_SIZE;
		int err = zip_read_at(r->s, r->window, len, r->off);
		if (err < 0)
			return zip_fault_errno(r->reterr, err);

		r->window_off = r->off;
		r->window_len = len;
	}
	*ret = r->window + (r->off - r->window_off);
	return 0;
}

static int reserve_entry(struct reader *r)
{
	if (r->d->count >= r->max_entries)
		return zip_fault_limit(r->reterr, r->max_entries,
		    "The archive has more than %llu entries.",
		    (unsigned long long)r->max_entries);
	if (r->d->count < r->entries_cap)
		return 0;

	size_t cap = r->entries_cap ? r->entries_cap * 2 : 16;
	struct zip_entry *grown = realloc(r->d->entries, cap * sizeof *grown);
	if (!grown)
		return zip_fault_errno(r->reterr, -ENOMEM);

	r->d->entries = grown;
	r->entries_cap = cap;
	return 0;
}

static int reserve_names(struct reader *r, size_t n)
{
	if (r->names_cap - r->names_len >= n)
		return 0;

	size_t cap = r->names_cap ? r->names_cap * 2 : ARENA_FIRST;
	if (cap - r->names_len < n)
		cap = r->names_len + n;
	char *grown = realloc(r->d->names, cap);
	if (!grown)
		return zip_fault_errno(r->reterr, -ENOMEM);

	r->d->names = grown;
	r->names_cap = cap;
	return 0;
}

/** Append text, as UTF-8, where room for its worst was reserved. */
static uint32_t add_text(struct reader *r, struct str text, bool is_utf8)
{
	char *to = r->d->names + r->names_len;
	size_t n = text.n;

	if (is_utf8 || utf8_valid(text.p, text.n))
		memcpy(to, text.p, n);
	else
		n = zip_name_from_cp437(text.p, text.n, to);
	r->names_len += n;
	return (uint32_t)n;
}

static int add_entry(struct reader *r, const struct zip_record *rec)
{
	int err = reserve_entry(r);
	if (err < 0)
		return err;
	err = reserve_names(
	    r, ZIP_CP437_MAX * (rec->name.n + rec->comment.n) + 1);
	if (err < 0)
		return err;

	struct zip_entry *e = &r->d->entries[r->d->count];
	*e = (struct zip_entry){
	    .size = rec->size,
	    .packed_size = rec->packed_size,
	    .header_off = rec->header_off,
	    .modified = rec->modified,
	    .name_off = r->names_len,
	    .crc = rec->crc,
	    .method = rec->method,
	    .mode = rec->mode,
	};
	e->name_len = add_text(r, rec->name, rec->utf8);
	e->comment_len = add_text(r, rec->comment, rec->comment_utf8);

	struct str name = zip_entry_name(r->d, e);
	unsigned flags = 0;
	if (name.n > 0 && name.p[name.n - 1] == '/')
		flags |= ZIP_ENTRY_DIR;
	if (rec->encrypted)
		flags |= ZIP_ENTRY_ENCRYPTED;
	if (zip_name_unsafe(name))
		flags |= ZIP_ENTRY_UNSAFE;
	if (rec->has_mode)
		flags |= ZIP_ENTRY_HAS_MODE;
	e->flags = (uint16_t)flags;
	r->d->count++;
	return 0;
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
				      r->d->count);

	size_t len = zip_record_length(p);
	err = reader_at(r, len, &p);
	if (err < 0)
		return err;

	struct zip_record rec;
	err = zip_record_parse(p, &rec, r->reterr);
	if (err < 0)
		return err;
	err = add_entry(r, &rec);
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
	if ((r->d->count - t->entries) % COUNT_WRAP != 0)
		return zip_fault_set(r->reterr, ZIP_FAULT_CORRUPT,
		    "The archive's end record tells of %llu entries, its "
		    "directory has %zu.",
		    (unsigned long long)t->entries, r->d->count);
	return 0;
}

static uint32_t hash_name(struct str name)
{
	return (uint32_t)crc32(0, (const Bytef *)name.p, (uInt)name.n);
}

/**
 * Sort by the upper half, by bytes from the lowest on. Equal hashes keep the
 * order of the entries; names made to collide cost nothing here and a scan
 * when they are looked up.
 */
static void sort_keys(uint64_t *keys, uint64_t *other, size_t n)
{
	for (unsigned shift = 32; shift < 64; shift += 8) {
		size_t at[256] = {0};
		size_t sum = 0;

		for (size_t i = 0; i < n; i++)
			at[keys[i] >> shift & 255]++;
		for (size_t b = 0; b < 256; b++) {
			size_t count = at[b];
			at[b] = sum;
			sum += count;
		}
		for (size_t i = 0; i < n; i++)
			other[at[keys[i] >> shift & 255]++] = keys[i];

		uint64_t *swap = keys;
		keys = other;
		other = swap;
	}
}

static int make_keys(struct zip_dir *d)
{
	if (d->count == 0)
		return 0;
	/* An index has 32 bits in a key. */
	if (d->count > UINT32_MAX)
		return -EFBIG;

	uint64_t *keys = malloc(2 * d->count * sizeof *keys);
	if (!keys)
		return -ENOMEM;

	for (size_t i = 0; i < d->count; i++) {
		struct str name = zip_entry_name(d, &d->entries[i]);
		keys[i] = (uint64_t)hash_name(name) << 32 | i;
	}
	sort_keys(keys, keys + d->count, d->count);

	uint64_t *trimmed = realloc(keys, d->count * sizeof *keys);
	d->keys = trimmed ? trimmed : keys;
	return 0;
}

/** Give back what was reserved and not used. */
static void trim(struct reader *r)
{
	struct zip_dir *d = r->d;

	if (d->count > 0 && d->count < r->entries_cap) {
		void *p = realloc(d->entries, d->count * sizeof *d->entries);
		if (p)
			d->entries = p;
	}
	if (r->names_len > 0 && r->names_len < r->names_cap) {
		void *p = realloc(d->names, r->names_len);
		if (p)
			d->names = p;
	}
	d->bytes = sizeof *d + d->count * (sizeof *d->entries + 8) +
		   r->names_len + d->comment_len;
}

/** The archive's own comment: not told what it is, so guessed like names. */
static int read_comment(struct reader *r, const struct zip_tail *t)
{
	size_t n = t->comment_len;

	if (n == 0)
		return 0;

	int err = zip_read_at(r->s, r->window, n, t->comment_off);
	if (err < 0)
		return zip_fault_errno(r->reterr, err);

	struct str raw = {(const char *)r->window, n};
	r->d->comment = malloc(ZIP_CP437_MAX * n);
	if (!r->d->comment)
		return zip_fault_errno(r->reterr, -ENOMEM);

	if (utf8_valid(raw.p, raw.n))
		memcpy(r->d->comment, raw.p, n);
	else
		n = zip_name_from_cp437(raw.p, raw.n, r->d->comment);
	r->d->comment_len = n;
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

/** Everything after the limits; `r` is cleaned up by the caller. */
static int read_all(struct reader *r, const struct zip_tail *t)
{
	r->window = malloc(WINDOW_SIZE);
	r->d = calloc(1, sizeof *r->d);
	if (!r->window || !r->d)
		return zip_fault_errno(r->reterr, -ENOMEM);

	/* Checked to fit in the bytes that are there: see zip_tail.c. */
	size_t claimed = (size_t)t->entries;
	if (claimed > 0) {
		r->d->entries = malloc(claimed * sizeof *r->d->entries);
		if (!r->d->entries)
			return zip_fault_errno(r->reterr, -ENOMEM);
		r->entries_cap = claimed;
	}

	r->d->data_end = t->dir_off;
	int err = read_comment(r, t);
	if (err < 0)
		return err;
	err = read_records(r, t);
	if (err < 0)
		return err;
	err = make_keys(r->d);
	if (err < 0)
		return zip_fault_errno(r->reterr, err);

	trim(r);
	return 0;
}

int zip_dir_read(struct spw_spool *s, const struct zip_limits *limits,
    struct zip_dir **ret, struct zip_fault *reterr)
{
	struct zip_tail t;

	int err = zip_tail_read(s, &t, reterr);
	if (err < 0)
		return err;
	err = check_limits(&t, limits, reterr);
	if (err < 0)
		return err;

	struct reader r = {
	    .s = s,
	    .off = t.dir_off,
	    .end = t.dir_off + t.dir_size,
	    .max_entries = limits->max_entries,
	    .reterr = reterr,
	};
	err = read_all(&r, &t);
	if (err == 0)
		*ret = SPW_TAKE(r.d);
	reader_fini(&r);
	return err;
}

void zip_dir_free(struct zip_dir *d)
{
	if (!d)
		return;

	free(d->entries);
	free(d->keys);
	free(d->names);
	free(d->comment);
	free(d);
}

bool zip_dir_find(const struct zip_dir *d, struct str name, size_t *ret_index)
{
	uint64_t hash = hash_name(name);
	size_t low = 0;
	size_t high = d->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (d->keys[mid] >> 32 < hash)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < d->count && d->keys[low] >> 32 == hash; low++) {
		size_t i = (size_t)(uint32_t)d->keys[low];
		struct str own = zip_entry_name(d, &d->entries[i]);

		if (own.n == name.n && memcmp(own.p, name.p, name.n) == 0) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}
