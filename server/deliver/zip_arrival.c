/* SPDX-License-Identifier: MIT */
#include "deliver/zip_arrival.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <zlib.h>

#include "deliver/zip_index.h"
#include "deliver/zip_table.h"
#include "deliver/zip_window.h"

#define WINDOW_SIZE (ZIP_LOCAL_MAX + PIECE_SIZE)
#define PIECE_SIZE ((size_t)64 * 1024)

/* An entry whose end is looked for. */
struct search {
	bool active;
	bool ended; /* the bytes are all there; not their descriptor */
	z_stream z;
	uint64_t off; /* of its bytes */
	uint64_t fed, out;
	uint32_t crc;
};

struct zip_arrival {
	struct spw_spool *s;
	pthread_mutex_t lock;
	/* Under `lock`. */
	bool begun;  /* there was a header */
	bool over;   /* nothing more is to be seen */
	uint64_t at; /* the next header */
	struct zip_table table;
	struct search search;
	struct zip_index *latest; /* what was told the last time */
};

struct zip_arrival *zip_arrival_new(struct spw_spool *s)
{
	struct zip_arrival *a = calloc(1, sizeof *a);
	if (!a)
		return NULL;

	a->s = s;
	pthread_mutex_init(&a->lock, NULL);
	return a;
}

static void end_search(struct zip_arrival *a)
{
	if (a->search.active)
		inflateEnd(&a->search.z);
	a->search.active = false;
}

void zip_arrival_free(struct zip_arrival *a)
{
	if (!a)
		return;

	end_search(a);
	zip_table_fini(&a->table);
	zip_index_unref(a->latest);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

/* What a look works with. */
struct look {
	struct zip_arrival *a;
	struct zip_window window;
	uint64_t end;  /* bytes that are there */
	uint64_t left; /* bytes that may still be unpacked */
	struct zip_fault *reterr;
};

/**
 * Point at the header at `at`.
 *
 * Returns: its length; 0 when it is not all there yet; -EBADMSG when there is
 *          none.
 */
static ssize_t find_header(struct look *l, struct zip_record *ret)
{
	struct zip_arrival *a = l->a;
	uint64_t there = a->at < l->end ? l->end - a->at : 0;
	const uint8_t *p = NULL;
	size_t n = ZIP_LOCAL_SIZE;

	for (;;) {
		if (n > there)
			n = (size_t)there;
		int err = zip_window_at(
		    &l->window, a->at, n, PIECE_SIZE, l->end, &p, l->reterr);
		if (err < 0)
			return err;
		ssize_t len = zip_local_parse(p, n, ret);
		if (len != 0 || n < ZIP_LOCAL_SIZE || n == there)
			return len;
		n = ZIP_LOCAL_SIZE + (size_t)zip_le16(p + 26) +
		    zip_le16(p + 28);
	}
}

/** List an entry whose end is known. */
static int add(struct zip_arrival *a, struct zip_record *r, ssize_t head,
    bool good, struct zip_fault *reterr)
{
	r->header_off = a->at;
	int err = zip_table_add(&a->table, r, reterr);
	if (err < 0)
		return err;

	struct zip_entry *e = &a->table.d->entries[a->table.d->count - 1];
	zip_entry_set_place(e, (uint32_t)(head - ZIP_LOCAL_SIZE));
	if (good)
		zip_entry_set_good(e);
	return 0;
}

/** Unpack what is there. Returns: 0, or -EBADMSG: no end will be found. */
static int go_on(struct look *l)
{
	struct search *q = &l->a->search;
	uint8_t out[16384];
	int r = Z_OK;

	while (!q->ended && l->left > 0) {
		uint64_t at = q->off + q->fed;
		const uint8_t *p = NULL;
		size_t n = l->end - at < PIECE_SIZE ? (size_t)(l->end - at)
						    : PIECE_SIZE;
		if (n == 0)
			break;
		int err = zip_window_at(
		    &l->window, at, n, PIECE_SIZE, l->end, &p, l->reterr);
		if (err < 0)
			return err;

		q->z.next_in = l->window.buf + (at - l->window.off);
		q->z.avail_in = (uInt)n;
		q->z.next_out = out;
		q->z.avail_out = sizeof out;
		r = inflate(&q->z, Z_NO_FLUSH);
		size_t made = sizeof out - q->z.avail_out;
		q->crc = (uint32_t)crc32_z(q->crc, out, made);
		q->fed += n - q->z.avail_in;
		q->out += made;
		l->left -= made < l->left ? made : l->left;
		q->ended = r == Z_STREAM_END;
		if (r != Z_OK && !q->ended)
			return -EBADMSG;
	}
	return 0;
}

/** Read the descriptor. Returns: its length; 0: not there yet; -EBADMSG. */
static ssize_t find_descriptor(struct look *l)
{
	struct search *q = &l->a->search;
	uint64_t at = q->off + q->fed;
	size_t n = l->end - at < ZIP_DESCRIPTOR_MAX ? (size_t)(l->end - at)
						    : ZIP_DESCRIPTOR_MAX;
	const uint8_t *p = NULL;

	/* A short one, and all there will be: */
	if (n < ZIP_DESCRIPTOR_MAX &&
	    spw_spool_state(l->a->s) == SPW_STATE_OPEN)
		return 0;
	int err =
	    zip_window_at(&l->window, at, n, PIECE_SIZE, l->end, &p, l->reterr);
	if (err < 0)
		return err;

	size_t len = zip_descriptor_match(p, n, q->crc, q->fed, q->out);
	return len ? (ssize_t)len : -EBADMSG;
}

static int begin_search(struct look *l, ssize_t head)
{
	struct search *q = &l->a->search;

	*q = (struct search){.off = l->a->at + (uint64_t)head};
	if (inflateInit2(&q->z, -MAX_WBITS) != Z_OK)
		return zip_fault_errno(l->reterr, -ENOMEM);
	q->active = true;
	return 0;
}

/** Look for the end of an entry. Returns: 1 found; 0 not yet; -EBADMSG. */
static int search_end(struct look *l, ssize_t head, struct zip_record *r)
{
	struct search *q = &l->a->search;

	if (r->method != ZIP_METHOD_DEFLATE || zip_record_encrypted(r))
		return -EBADMSG;
	int err = q->active ? 0 : begin_search(l, head);
	if (err == 0)
		err = go_on(l);
	if (err < 0 || !q->ended)
		return err;

	ssize_t len = find_descriptor(l);
	if (len <= 0)
		return (int)len;
	r->crc = q->crc;
	r->packed_size = q->fed;
	r->size = q->out;
	/* The header's place in the window may have gone to its bytes. */
	struct zip_record again;
	if (find_header(l, &again) != head)
		return -EBADMSG;
	r->name = again.name;
	r->unicode_name = again.unicode_name;
	err = add(l->a, r, head, true, l->reterr);
	if (err < 0)
		return err;

	l->a->at = q->off + q->fed + (uint64_t)len;
	end_search(l->a);
	return 1;
}

/** See one more entry. Returns: 1; 0 when it is not there yet; an error. */
static int see_one(struct look *l)
{
	struct zip_arrival *a = l->a;
	struct zip_record r;

	ssize_t head = find_header(l, &r);
	if (head <= 0)
		return (int)head;
	a->begun = true;
	if (r.flags & ZIP_FLAG_DEFERRED)
		return search_end(l, head, &r);

	uint64_t next = a->at + (uint64_t)head + r.packed_size;
	if (next < r.packed_size)
		return -EBADMSG;
	int err = add(a, &r, head, false, l->reterr);
	if (err < 0)
		return err;

	a->at = next;
	return 1;
}

/** See all there is. Returns: 0, or an error of the system. */
static int see(struct zip_arrival *a, struct zip_fault *reterr)
{
	struct look l = {
	    .a = a,
	    .end = spw_spool_committed(a->s),
	    .left = ZIP_ARRIVAL_UNPACK_MAX,
	    .reterr = reterr,
	};
	int more = 1;

	int err = zip_window_init(&l.window, a->s, WINDOW_SIZE);
	if (err < 0)
		return zip_fault_errno(reterr, err);
	while (more > 0 && a->at < l.end)
		more = see_one(&l);
	zip_window_fini(&l.window);
	if (more == -EBADMSG) {
		a->over = true;
		end_search(a);
	}
	return more < 0 && more != -EBADMSG ? more : 0;
}

/** Tell what there is, anew if there is more than the last time. */
static int tell(
    struct zip_arrival *a, struct zip_cache *c, struct zip_fault *reterr)
{
	if (a->latest && a->latest->dir->count == a->table.d->count)
		return 0;

	struct zip_index *ix = zip_index_new();
	if (!ix)
		return zip_fault_errno(reterr, -ENOMEM);
	ix->dir = zip_table_copy(&a->table);
	if (!ix->dir) {
		zip_index_unref(ix);
		return zip_fault_errno(reterr, -ENOMEM);
	}

	ix->dir->provisional = true;
	ix->bytes = sizeof *ix + ix->dir->bytes;
	if (!zip_cache_adopt(c, ix)) {
		zip_index_unref(ix);
		return zip_fault_errno(reterr, -EBUSY);
	}
	zip_index_unref(a->latest);
	a->latest = ix;
	return 0;
}

/** Under the lock. */
static int look(struct zip_arrival *a, struct zip_cache *c,
    uint64_t max_entries, struct zip_fault *reterr)
{
	int err = a->table.d ? 0 : zip_table_init(&a->table, max_entries);
	if (err < 0)
		return zip_fault_errno(reterr, err);

	if (!a->over)
		err = see(a, reterr);
	if (err == 0 && a->over && a->table.d->count == 0)
		err = zip_fault_set(reterr, ZIP_FAULT_NOT_ZIP,
		    a->begun ? "Where the archive's first entry ends is told "
			       "behind its bytes, and by the directory at the "
			       "archive's end, which has not come yet."
			     : "What came of the file does not begin like an "
			       "archive, whose directory is at its end.");
	return err < 0 ? err : tell(a, c, reterr);
}

int zip_arrival_look(struct zip_arrival *a, struct zip_cache *c,
    uint64_t max_entries, struct zip_index **ret, struct zip_fault *reterr)
{
	pthread_mutex_lock(&a->lock);
	int err = look(a, c, max_entries, reterr);
	if (err == 0) {
		atomic_fetch_add(&a->latest->refs, 1);
		*ret = a->latest;
	}
	pthread_mutex_unlock(&a->lock);
	return err;
}
