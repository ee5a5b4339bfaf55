/* SPDX-License-Identifier: MIT */
/*
 * One entry as the answer to a request; see zip.h for the ways it goes.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "common/accept.h"
#include "common/media.h"
#include "common/range.h"
#include "deliver/internal.h"
#include "deliver/reader.h"
#include "deliver/zip_name.h"
#include "deliver/zip_unpack.h"
#include "deliver/zip_visit.h"
#include "http/problem.h"

/** A file's tag, `-`, an index, `-gzip`. */
#define ETAG_SIZE (FILE_ETAG_SIZE + 32)
/** Room for `bytes A-B/N`. */
#define RANGE_SIZE 80

/*
 * gzip, RFC 1952: a header without anything in it, the deflate stream, the CRC
 * and the size modulo 2^32.
 */
#define GZIP_HEAD_SIZE 10
#define GZIP_TAIL_SIZE 8
#define GZIP_OVERHEAD (GZIP_HEAD_SIZE + GZIP_TAIL_SIZE)

static const uint8_t gzip_head[GZIP_HEAD_SIZE] = {
    0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff};

/* What is to be answered, worked out anew at each turn. */
struct answer {
	struct content c;
	bool gzip; /* as it lies there, with a header and a trailer */
	char etag[ETAG_SIZE];
	char name[FILENAME_MAX_BYTES + 1];
};

static bool is_deflated(const struct zip_entry *e)
{
	return e->method == ZIP_METHOD_DEFLATE;
}

bool zip_serve_checks(const struct zip_entry *e)
{
	uint64_t max = is_deflated(e) ? ZIP_FLOW_TURN_BYTES
				      : ZIP_CHECK_MAX_BYTES;

	/* Many packed bytes may unpack to few. */
	return !zip_entry_good(e) && e->size <= max && e->packed_size <= max;
}

static bool find_entry(struct zip_visit *v)
{
	const struct zip_dir *d = v->index->dir;
	size_t i = 0;

	if (v->target == ZIP_TARGET_NAME) {
		if (!zip_dir_find(d, (struct str){v->name, v->name_len}, &i))
			return false;
		v->number = i;
	}
	if (v->number >= d->count)
		return false;

	v->entry = &d->entries[v->number];
	return true;
}

/** Whether all bytes of an entry that was seen arriving are there. */
static bool has_come(const struct zip_visit *v)
{
	uint64_t off = 0;

	zip_entry_data(v->entry, &off);
	return v->entry->packed_size == 0 ||
	       spw_spool_present(v->file->spool, off) >= v->entry->packed_size;
}

/** Answer that there is no such entry, or none as far as can be seen. */
static void reply_unknown(struct http_request *req, const struct zip_visit *v)
{
	if (v->index->dir->provisional)
		zip_visit_unseen(req, v,
		    "What came of the archive so far has no such entry.");
	else
		http_reply_error(req, PROBLEM_NOT_FOUND,
		    "The archive has no such entry; /files/{id}/zip lists "
		    "them.");
}

/** Find the entry and see whether it may be served; answers if not. */
static bool open_entry(struct http_request *req, struct zip_visit *v)
{
	struct zip_fault fault;

	if (v->entry)
		return true;
	if (!find_entry(v)) {
		reply_unknown(req, v);
		return false;
	}
	/* By its number it is what it is, mostly nothing. */
	if (v->target == ZIP_TARGET_NAME && v->entry->flags & ZIP_ENTRY_DIR) {
		http_reply_error(req, PROBLEM_NOT_FOUND,
		    "The entry is a folder; ?prefix= lists what is in it.");
		return false;
	}
	if (zip_service_check(v->z, v->entry, &fault) < 0) {
		zip_reply_fault(req, &fault);
		return false;
	}
	if (v->index->dir->provisional && !has_come(v)) {
		zip_visit_unseen(
		    req, v, "The entry's bytes have not all come yet.");
		return false;
	}
	return true;
}

static void make_answer(
    const struct http_request *req, const struct zip_visit *v, struct answer *a)
{
	const struct zip_entry *e = v->entry;
	struct str name = zip_entry_name(v->index->dir, e);
	struct str base = zip_name_base(name);
	size_t tag_len = strlen(v->file->etag);

	assert(tag_len >= 2);
	/* What follows the stream would stand where gzip has its CRC. */
	a->gzip = is_deflated(e) && !zip_entry_longer(e) &&
		  !http_header(req, "Range").p &&
		  accept_gzip(http_header(req, "Accept-Encoding"));
	/* The file's tag without its quotes, and the entry's number: CRC and
	   size are no proof that the bytes are the same. */
	snprintf(a->etag, sizeof a->etag, "\"%.*s-%" PRIu64 "%s\"",
	    (int)tag_len - 2, v->file->etag + 1, v->number,
	    a->gzip ? "-gzip" : "");

	size_t len = base.n < sizeof a->name ? base.n : sizeof a->name - 1;
	memcpy(a->name, base.p, len);
	len = filename_sanitise(a->name, len);
	a->name[len] = '\0';

	bool stays = file_fixed(v->file) && !v->index->dir->provisional;
	a->c = (struct content){
	    .file = v->file,
	    .size = a->gzip ? e->packed_size + GZIP_OVERHEAD : e->size,
	    .growing = file_state(v->file) != FILE_READY,
	    .etag = stays ? a->etag : NULL,
	    .modified_ms = stays ? file_modified_ms(v->file) : 0,
	    .type = zip_name_type(name),
	    .name = len > 0 ? a->name : NULL,
	    .vary = is_deflated(e) ? "Accept-Encoding" : NULL,
	};
}

/** Add what an entry's answers have, and send it. */
static void reply_with(
    struct http_request *req, const struct answer *a, struct http_reply *r)
{
	content_fields(req, &a->c, r);
	if (a->gzip)
		http_reply_header(r, "Content-Encoding", "gzip");
	http_reply(req, r);
}

/*
 * HEAD: the length without the bytes.
 */

static ssize_t read_nothing(void *ctx, uint64_t pos, char *buf, size_t max)
{
	(void)ctx;
	(void)pos;
	(void)buf;
	(void)max;
	return HTTP_READ_ERROR;
}

static void free_nothing(void *ctx)
{
	(void)ctx;
}

static void reply_head(struct http_request *req, const struct answer *a)
{
	static const struct http_stream ops = {
	    .read = read_nothing, .free = free_nothing};
	struct http_reply r =
	    a->c.size > 0 ? http_reply_stream(req, 200, a->c.size, &ops, NULL)
			  : http_reply_empty(200);

	reply_with(req, a, &r);
}

/*
 * gzip.
 */

struct gzip {
	struct reader *reader;
	uint64_t off, len; /* of the deflate stream */
	uint8_t tail[GZIP_TAIL_SIZE];
};

static ssize_t gzip_read(void *ctx, uint64_t pos, char *buf, size_t max)
{
	struct gzip *g = ctx;
	const uint8_t *from;
	size_t n;

	if (pos < GZIP_HEAD_SIZE) {
		from = gzip_head + pos;
		n = GZIP_HEAD_SIZE - (size_t)pos;
	} else if (pos - GZIP_HEAD_SIZE < g->len) {
		uint64_t left = g->len - (pos - GZIP_HEAD_SIZE);
		ssize_t got =
		    reader_read(g->reader, g->off + (pos - GZIP_HEAD_SIZE), buf,
			left < max ? (size_t)left : max);
		return got == HTTP_READ_END ? HTTP_READ_ERROR : got;
	} else if (pos - GZIP_HEAD_SIZE - g->len < GZIP_TAIL_SIZE) {
		size_t at = (size_t)(pos - GZIP_HEAD_SIZE - g->len);
		from = g->tail + at;
		n = GZIP_TAIL_SIZE - at;
	} else {
		return HTTP_READ_END;
	}
	if (n > max)
		n = max;
	memcpy(buf, from, n);
	return (ssize_t)n;
}

static void gzip_free(void *ctx)
{
	struct gzip *g = ctx;

	reader_free(g->reader);
	free(g);
}

static struct gzip *gzip_new(
    struct http_request *req, const struct zip_visit *v, uint64_t off)
{
	const struct zip_entry *e = v->entry;
	struct gzip *g = malloc(sizeof *g);
	if (!g)
		return NULL;

	*g = (struct gzip){
	    .reader = reader_new(req, v->file),
	    .off = off,
	    .len = e->packed_size,
	};
	if (!g->reader) {
		free(g);
		return NULL;
	}
	for (unsigned i = 0; i < 4; i++) {
		g->tail[i] = (uint8_t)(e->crc >> 8 * i);
		g->tail[4 + i] = (uint8_t)(e->size >> 8 * i);
	}
	return g;
}

static void reply_gzip(struct http_request *req, const struct zip_visit *v,
    const struct answer *a, uint64_t off)
{
	static const struct http_stream ops = {
	    .read = gzip_read, .free = gzip_free, .soon = true};
	struct http_reply r = {.status = 200};

	if (content_refuse_broken(req, &a->c, off))
		return;

	struct gzip *g = gzip_new(req, v, off);
	if (g)
		r = http_reply_stream(
		    req, 200, g->len + GZIP_OVERHEAD, &ops, g);
	metrics_add(METRIC_ZIP_ENTRIES_PASSED, 1);
	reply_with(req, a, &r);
}

/*
 * Unpacking.
 */

static ssize_t flow_read(void *ctx, uint64_t pos, char *buf, size_t max)
{
	struct zip_visit *v = ctx;
	bool resume;

	(void)pos;
	ssize_t n = zip_ring_read(zip_flow_ring(v->flow), buf, max, &resume);
	if (resume)
		zip_visit_resume(v);
	return n;
}

static void flow_free(void *ctx)
{
	struct zip_visit *v = ctx;

	zip_ring_close(zip_flow_ring(v->flow));
	zip_visit_unref(v);
}

struct http_reply zip_visit_stream(
    struct http_request *req, struct zip_visit *v, int status, uint64_t len)
{
	static const struct http_stream ops = {
	    .read = flow_read, .free = flow_free, .soon = true};

	return len == 0 ? http_reply_empty(status)
			: http_reply_stream(
			      req, status, len, &ops, zip_visit_ref(v));
}

/** The first block is there: answer, or tell what is wrong with it. */
static void reply_flow(
    struct http_request *req, struct zip_visit *v, const struct answer *a)
{
	uint64_t size = v->entry->size;

	if (zip_ring_error(zip_flow_ring(v->flow)) != 0) {
		zip_visit_fault(req, v, zip_flow_fault(v->flow));
		return;
	}

	metrics_add(METRIC_ZIP_ENTRIES, 1);
	struct http_reply r =
	    zip_visit_stream(req, v, v->part ? 206 : 200, v->len);
	if (v->part) {
		char range[RANGE_SIZE];
		snprintf(range, sizeof range,
		    "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, v->first,
		    v->first + v->len - 1, size);
		http_reply_header(&r, "Content-Range", range);
	}
	reply_with(req, a, &r);
}

/** Unpack all of it, or its one range; several ranges are answered whole. */
static void begin_flow(
    struct http_request *req, struct zip_visit *v, const struct answer *a)
{
	struct range items[RANGE_ITEMS_MAX];
	struct content_ranges ranges = {.items = items};
	uint64_t size = v->entry->size;

	content_range(req, a->c.etag, a->c.modified_ms, size, &ranges);
	if (ranges.status == 416) {
		content_reply_verdict(req, &a->c, 416);
		return;
	}
	v->part = ranges.status == 206 && ranges.count == 1;
	v->first = v->part ? items[0].first : 0;
	v->len = v->part ? items[0].last - items[0].first + 1 : size;
	if (zip_service_enter(req, v->z,
		zip_flow_memory(v->entry, v->first, v->len), &v->place))
		zip_visit_submit(req, v, ZIP_STEP_UNPACK);
}

/*
 * Stored entries: a piece of the file.
 */

/** A large one that nobody has checked yet is checked on its way. */
static bool check_on_the_way(const struct http_request *req,
    const struct zip_entry *e, const struct answer *a)
{
	struct range items[RANGE_ITEMS_MAX];
	struct content_ranges ranges = {.items = items};

	if (e->size <= ZIP_CHECK_MAX_BYTES || zip_entry_good(e))
		return false;

	content_range(req, a->c.etag, a->c.modified_ms, e->size, &ranges);
	return ranges.status == 200;
}

static void reply_stored(
    struct http_request *req, struct zip_visit *v, struct answer *a)
{
	const struct zip_entry *e = v->entry;

	if (zip_serve_checks(e) || !zip_entry_data(e, &a->c.off)) {
		assert(!v->prepared);
		zip_visit_submit(req, v, ZIP_STEP_PREPARE);
		return;
	}
	metrics_add(METRIC_ZIP_ENTRIES_PASSED, 1);
	content_reply(req, &a->c);
}

static void reply_deflated(
    struct http_request *req, struct zip_visit *v, struct answer *a)
{
	uint64_t off;

	if (zip_serve_checks(v->entry) || !zip_entry_data(v->entry, &off)) {
		assert(!v->prepared);
		zip_visit_submit(req, v, ZIP_STEP_PREPARE);
		return;
	}
	reply_gzip(req, v, a, off);
}

/*
 * An entry as a file of its own.
 */

static void save(struct http_request *req, struct zip_visit *v)
{
	const struct zip_entry *e = v->entry;
	struct str name = zip_entry_name(v->index->dir, e);

	if (v->fill) {
		v->saver->reply(v->saver_ctx, req, v->made);
		if (http_replied(req))
			metrics_add(METRIC_ZIP_SAVED, 1);
		return;
	}
	if (!zip_service_enter(req, v->z, zip_unpack_memory(e), &v->place))
		return;

	int err = v->saver->make(v->saver_ctx, e->size, zip_name_base(name),
	    zip_name_type(name), &v->made);
	if (err < 0)
		zip_reply_errno(req, err);
	else
		zip_visit_submit(req, v, ZIP_STEP_SAVE);
}

void zip_serve_entry(struct http_request *req, struct zip_visit *v)
{
	struct answer a;

	if (!open_entry(req, v))
		return;
	if (v->saver) {
		save(req, v);
		return;
	}

	make_answer(req, v, &a);
	switch (content_conditions(req, a.c.etag, a.c.modified_ms)) {
	case CONTENT_FAILED:
		content_reply_verdict(req, &a.c, 412);
		return;
	case CONTENT_NOT_MODIFIED:
		content_reply_verdict(req, &a.c, 304);
		return;
	case CONTENT_SEND:
		break;
	}

	const struct zip_entry *e = v->entry;
	if (v->flow)
		reply_flow(req, v, &a);
	else if (http_method(req) == HTTP_HEAD)
		reply_head(req, &a);
	else if (a.gzip)
		reply_deflated(req, v, &a);
	else if (e->method == ZIP_METHOD_STORE && !check_on_the_way(req, e, &a))
		reply_stored(req, v, &a);
	else
		begin_flow(req, v, &a);
}
