/* SPDX-License-Identifier: MIT */
#include "deliver/zip_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <zlib.h>

#include "common/zipformat.h"
#include "deliver/zip_keys.h"
#include "deliver/zip_name.h"

#define ARENA_FIRST ((size_t)16 * 1024)

/* "Version made by", upper byte: systems whose modes we understand. */
#define MADE_BY_UNIX 3
#define MADE_BY_DARWIN 19
#define DOS_DIRECTORY 0x10

_Static_assert(sizeof(struct zip_entry) == 64, "one cache line an entry");

int zip_table_init(struct zip_table *t, uint64_t max_entries)
{
	*t = (struct zip_table){
	    .d = calloc(1, sizeof *t->d), .max_entries = max_entries};
	return t->d ? 0 : -ENOMEM;
}

int zip_table_expect(struct zip_table *t, size_t entries)
{
	if (entries == 0)
		return 0;
	t->d->entries = malloc(entries * sizeof *t->d->entries);
	if (!t->d->entries)
		return -ENOMEM;

	t->entries_cap = entries;
	return 0;
}

static int reserve_entry(struct zip_table *t, struct zip_fault *reterr)
{
	if (t->d->count >= t->max_entries)
		return zip_fault_limit(reterr, t->max_entries,
		    "The archive has more than %llu entries.",
		    (unsigned long long)t->max_entries);
	if (t->d->count < t->entries_cap)
		return 0;

	size_t cap = t->entries_cap ? t->entries_cap * 2 : 16;
	struct zip_entry *grown = realloc(t->d->entries, cap * sizeof *grown);
	if (!grown)
		return zip_fault_errno(reterr, -ENOMEM);

	t->d->entries = grown;
	t->entries_cap = cap;
	return 0;
}

static int reserve_names(
    struct zip_table *t, size_t n, struct zip_fault *reterr)
{
	if (t->names_cap - t->names_len >= n)
		return 0;

	size_t cap = t->names_cap ? t->names_cap * 2 : ARENA_FIRST;
	if (cap - t->names_len < n)
		cap = t->names_len + n;
	char *grown = realloc(t->d->names, cap);
	if (!grown)
		return zip_fault_errno(reterr, -ENOMEM);

	t->d->names = grown;
	t->names_cap = cap;
	return 0;
}

/**
 * Append text, as UTF-8, where room for its worst was reserved.
 *
 * Returns: its length, and whether that is a guess.
 */
static uint32_t add_text(
    struct zip_table *t, struct str text, bool is_utf8, bool *ret_guess)
{
	size_t n = zip_text_utf8(
	    text, is_utf8, t->d->names + t->names_len, ret_guess);

	t->names_len += n;
	return (uint32_t)n;
}

/** Whether every reader knows what the bytes of its name mean. */
static bool name_is_plain(const struct zip_record *rec)
{
	for (size_t i = 0; i < rec->name.n; i++)
		if (!(rec->flags & ZIP_FLAG_UTF8) &&
		    (unsigned char)rec->name.p[i] >= 0x80)
			return false;
	return true;
}

/**
 * The name in UTF-8, if the record has one that was made for its name.
 * `*ret_other` tells whether that is no mere spelling of it, so that those who
 * do not know the field see another.
 */
static bool take_unicode_name(struct zip_record *rec, bool *ret_other)
{
	struct str name = rec->unicode_name;

	*ret_other = false;
	if (name.n == 0 || !utf8_valid(name.p, name.n) ||
	    crc32(0, (const Bytef *)rec->name.p, (uInt)rec->name.n) !=
		rec->unicode_crc)
		return false;

	*ret_other = name_is_plain(rec) &&
		     (rec->name.n != name.n ||
			 memcmp(rec->name.p, name.p, name.n) != 0);
	rec->name = name;
	return true;
}

static uint32_t name_flags(struct str name, bool guess)
{
	uint32_t flags = guess ? ZIP_WARN_CHARSET : 0;

	if (name.n > 0 && name.p[name.n - 1] == '/')
		flags |= ZIP_ENTRY_DIR;
	if (zip_name_unsafe(name))
		flags |= ZIP_WARN_UNSAFE_NAME;
	if (zip_name_odd(name))
		flags |= ZIP_WARN_ODD_NAME;
	return flags;
}

/** What kind of file it is, by attributes of systems that tell. */
static uint32_t kind_flags(const struct zip_record *rec, bool is_dir)
{
	unsigned kind = rec->attributes >> 16 & S_IFMT;
	bool says_dir = kind == S_IFDIR || (rec->attributes & DOS_DIRECTORY);
	uint32_t flags = 0;

	if (kind != 0 && kind != S_IFREG && kind != S_IFDIR)
		flags |= ZIP_WARN_SPECIAL;
	if ((says_dir && !is_dir) || (is_dir && rec->size > 0))
		flags |= ZIP_WARN_FOLDER;
	if ((rec->system == MADE_BY_UNIX || rec->system == MADE_BY_DARWIN) &&
	    rec->attributes >> 16)
		flags |= ZIP_ENTRY_HAS_MODE;
	return flags;
}

int zip_table_add(
    struct zip_table *t, struct zip_record *rec, struct zip_fault *reterr)
{
	bool utf8 = rec->flags & ZIP_FLAG_UTF8;
	bool guess, comment_guess, other;
	bool unicode = take_unicode_name(rec, &other);

	int err = reserve_entry(t, reterr);
	if (err < 0)
		return err;
	err = reserve_names(
	    t, ZIP_TEXT_MAX * (rec->name.n + rec->comment.n) + 1, reterr);
	if (err < 0)
		return err;

	struct zip_entry *e = &t->d->entries[t->d->count];
	*e = (struct zip_entry){
	    .size = rec->size,
	    .packed_size = rec->packed_size,
	    .header_off = rec->header_off,
	    .modified = rec->modified,
	    .name_off = t->names_len,
	    .crc = rec->crc,
	    .method = rec->method,
	    .mode = (uint16_t)(rec->attributes >> 16),
	};
	e->name_len = add_text(t, rec->name, utf8 || unicode, &guess);
	e->comment_len = add_text(t, rec->comment, utf8, &comment_guess);
	e->flags = name_flags(zip_entry_name(t->d, e), guess);
	e->flags |= kind_flags(rec, e->flags & ZIP_ENTRY_DIR);
	if (other)
		e->flags |= ZIP_WARN_ODD_NAME;
	if (zip_record_encrypted(rec))
		e->flags |= ZIP_WARN_ENCRYPTED;
	if (rec->flags & ZIP_FLAG_DEFERRED)
		e->flags |= ZIP_ENTRY_DEFERRED;
	if (rec->zip64)
		t->d->warnings |= ZIP_WARN_ZIP64;
	t->d->count++;
	return 0;
}

/** Give back what was reserved and not used. */
static void trim(struct zip_table *t)
{
	struct zip_dir *d = t->d;

	if (d->count > 0 && d->count < t->entries_cap) {
		void *p = realloc(d->entries, d->count * sizeof *d->entries);
		if (p)
			d->entries = p;
	}
	if (t->names_len > 0 && t->names_len < t->names_cap) {
		void *p = realloc(d->names, t->names_len);
		if (p)
			d->names = p;
	}
	free(d->order);
	d->order = NULL;
}

static void add_up(struct zip_dir *d)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct zip_entry *e = &d->entries[i];
		uint32_t warnings = zip_entry_warnings(e);

		d->size += e->size;
		d->packed_size += e->packed_size;
		d->warnings |= warnings;
		zip_warn_add(&d->tally, warnings, (uint32_t)i);
	}
}

struct zip_dir *zip_table_take(struct zip_table *t)
{
	struct zip_dir *d = t->d;

	add_up(d);
	trim(t);
	d->bytes = sizeof *d + d->count * (sizeof *d->entries + 8) +
		   t->names_len + d->comment_len;
	return SPW_TAKE(t->d);
}

static void *duplicate(const void *p, size_t n)
{
	void *copy = n ? malloc(n) : NULL;

	if (copy)
		memcpy(copy, p, n);
	return copy;
}

struct zip_dir *zip_table_copy(const struct zip_table *t)
{
	const struct zip_dir *d = t->d;
	struct zip_table copy = *t;

	copy.d = calloc(1, sizeof *d);
	if (!copy.d)
		return NULL;
	copy.d->count = d->count;
	copy.d->data_end = d->data_end;
	copy.d->warnings = d->warnings;
	copy.d->entries = duplicate(d->entries, d->count * sizeof *d->entries);
	copy.d->names = duplicate(d->names, t->names_len);
	copy.entries_cap = d->count;
	copy.names_cap = t->names_len;
	if ((d->count && !copy.d->entries) ||
	    (t->names_len && !copy.d->names) || zip_keys_make(copy.d) < 0) {
		zip_table_fini(&copy);
		return NULL;
	}
	return zip_table_take(&copy);
}

void zip_table_fini(struct zip_table *t)
{
	zip_dir_free(t->d);
	t->d = NULL;
}
