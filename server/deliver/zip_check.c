/* SPDX-License-Identifier: MIT */
#include "deliver/zip_check.h"

#include <errno.h>
#include <stdlib.h>

#include "deliver/zip_window.h"

/** What is read at a time where small entries follow each other, and where
    one header is wanted and the next is far. */
#define DENSE_READ ((size_t)64 * 1024)
#define SPARSE_READ ((size_t)512)
#define WINDOW_SIZE (ZIP_LOCAL_MAX + DENSE_READ)
/** What encryption by password puts before the bytes. */
#define PASSWORD_HEAD 12
/** Smaller entries may grow as they like. */
#define RATIO_MIN_SIZE (UINT64_C(1) << 20)

/** Whether size and packed size contradict each other. */
static bool sizes_lie(const struct zip_entry *e)
{
	uint64_t packed = e->packed_size;

	if (e->flags & ZIP_WARN_ENCRYPTED) {
		if (packed < PASSWORD_HEAD)
			return true;
		packed -= PASSWORD_HEAD;
	}
	switch (e->method) {
	case ZIP_METHOD_STORE:
		return packed != e->size;
	case ZIP_METHOD_DEFLATE:
		return e->size / ZIP_DEFLATE_MAX_RATIO > packed ||
		       packed / 2 > e->size + 512;
	default:
		return false;
	}
}

static void check_sizes(struct zip_entry *e, uint64_t max_ratio)
{
	if (sizes_lie(e))
		e->flags |= ZIP_WARN_SIZES;
	if (e->size > RATIO_MIN_SIZE && e->size / max_ratio >= e->packed_size)
		e->flags |= ZIP_WARN_RATIO;
}

static int compare_places(const void *a, const void *b, void *ctx)
{
	const struct zip_entry *entries = ctx;
	const uint32_t *ia = a, *ib = b;
	uint64_t oa = entries[*ia].header_off, ob = entries[*ib].header_off;

	if (oa != ob)
		return oa < ob ? -1 : 1;
	return *ia < *ib ? -1 : 1;
}

/** Put indices into the order of the headers, which mostly is theirs. */
static int make_order(struct zip_dir *d)
{
	bool in_order = true;

	if (d->count == 0)
		return 0;
	d->order = malloc(d->count * sizeof *d->order);
	if (!d->order)
		return -ENOMEM;

	for (size_t i = 0; i < d->count; i++) {
		d->order[i] = (uint32_t)i;
		if (i > 0 &&
		    d->entries[i].header_off < d->entries[i - 1].header_off)
			in_order = false;
	}
	if (!in_order)
		qsort_r(d->order, d->count, sizeof *d->order, compare_places,
		    d->entries);
	return 0;
}

/** Whether header and bytes, as long as they are at least, end by `end`. */
static bool is_inside(const struct zip_entry *e, uint64_t end)
{
	return e->header_off <= end && end - e->header_off >= ZIP_LOCAL_SIZE &&
	       end - e->header_off - ZIP_LOCAL_SIZE >= e->packed_size;
}

int zip_check_places(struct zip_dir *d, uint64_t max_ratio)
{
	int err = make_order(d);
	if (err < 0)
		return err;

	struct zip_entry *last = NULL;
	uint64_t end = 0;
	for (size_t i = 0; i < d->count; i++) {
		struct zip_entry *e = &d->entries[d->order[i]];

		check_sizes(e, max_ratio ? max_ratio : ZIP_CHECK_RATIO);
		if (!is_inside(e, d->data_end)) {
			e->flags |= ZIP_WARN_OUTSIDE;
			continue;
		}
		if (!last && e->header_off > 0)
			d->warnings |= ZIP_WARN_PREPENDED;
		if (last && e->header_off < end) {
			e->flags |= ZIP_WARN_OVERLAP;
			last->flags |= ZIP_WARN_OVERLAP;
		}
		uint64_t own_end =
		    e->header_off + ZIP_LOCAL_SIZE + e->packed_size;
		if (!last || own_end > end) {
			end = own_end;
			last = e;
		}
	}
	return 0;
}

/*
 * Local headers.
 */

struct walk {
	struct zip_dir *d;
	struct zip_window window;
	struct zip_fault *reterr;
};

/** Find the end of an entry, its descriptor included. */
static int find_end(
    struct walk *w, struct zip_entry *e, size_t ahead, uint64_t *ret)
{
	const uint8_t *p = NULL;
	uint64_t end;

	zip_entry_data(e, &end);
	end += e->packed_size;
	*ret = end;
	if (!(e->flags & ZIP_ENTRY_DEFERRED))
		return 0;

	size_t n = ZIP_DESCRIPTOR_MAX;
	if (n > w->d->data_end - end)
		n = (size_t)(w->d->data_end - end);
	int err = zip_window_at(
	    &w->window, end, n, ahead, w->d->data_end, &p, w->reterr);
	if (err < 0)
		return err;

	size_t len =
	    zip_descriptor_match(p, n, e->crc, e->packed_size, e->size);
	if (len == 0)
		e->flags |= ZIP_WARN_MISMATCH;
	*ret += len;
	return 0;
}

/** Compare one header. Returns: 0, and where the entry ends. */
static int check_header(
    struct walk *w, struct zip_entry *e, size_t ahead, uint64_t *ret_end)
{
	uint64_t room = w->d->data_end - e->header_off;
	struct zip_record local;
	const uint8_t *p = NULL;

	int err = zip_window_at(&w->window, e->header_off, ZIP_LOCAL_SIZE,
	    ahead, w->d->data_end, &p, w->reterr);
	if (err < 0)
		return err;
	if (zip_le32(p) != ZIP_LOCAL_MAGIC) {
		e->flags |= ZIP_WARN_MISMATCH;
		return 0;
	}

	uint32_t skip = (uint32_t)zip_le16(p + 26) + zip_le16(p + 28);
	if (skip > room - ZIP_LOCAL_SIZE ||
	    e->packed_size > room - ZIP_LOCAL_SIZE - skip) {
		e->flags |= ZIP_WARN_OUTSIDE;
		return 0;
	}
	size_t len = ZIP_LOCAL_SIZE + skip;
	err = zip_window_at(&w->window, e->header_off, len, ahead,
	    w->d->data_end, &p, w->reterr);
	if (err < 0)
		return err;

	if (zip_local_parse(p, len, &local) <= 0 ||
	    !zip_entry_agrees(e, zip_entry_name(w->d, e), &local))
		e->flags |= ZIP_WARN_MISMATCH;
	zip_entry_set_place(e, skip);
	return find_end(w, e, ahead, ret_end);
}

static int walk_headers(struct walk *w)
{
	struct zip_dir *d = w->d;
	struct zip_entry *last = NULL;
	uint64_t end = 0;

	for (size_t i = 0; i < d->count; i++) {
		struct zip_entry *e = &d->entries[d->order[i]];
		bool dense = e->packed_size < DENSE_READ / 16;
		uint64_t own_end = 0;

		if (e->flags & ZIP_WARN_OUTSIDE)
			continue;
		if (last && e->header_off > end)
			d->warnings |= ZIP_WARN_HIDDEN;
		/* The descriptor of an entry lies before the next header. */
		int err = check_header(
		    w, e, dense ? DENSE_READ : SPARSE_READ, &own_end);
		if (err < 0)
			return err;
		if (last && e->header_off < end) {
			e->flags |= ZIP_WARN_OVERLAP;
			last->flags |= ZIP_WARN_OVERLAP;
		}
		if (!last || own_end > end) {
			end = own_end;
			last = e;
		}
	}
	if (last && end < d->data_end)
		d->warnings |= ZIP_WARN_HIDDEN;
	d->headers_checked = true;
	return 0;
}

int zip_check_headers(struct zip_dir *d, struct spw_spool *s,
    uint64_t max_reads, struct zip_fault *reterr)
{
	struct walk w = {.d = d, .reterr = reterr};

	if (max_reads == 0 || spw_spool_present(s, 0) < d->data_end)
		return 0;

	int err = zip_window_init(&w.window, s, WINDOW_SIZE);
	if (err < 0)
		return zip_fault_errno(reterr, err);
	w.window.reads_left = max_reads;
	err = walk_headers(&w);
	zip_window_fini(&w.window);
	return err == -ENOBUFS ? 0 : err;
}
