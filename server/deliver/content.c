/* SPDX-License-Identifier: MIT */
#include "deliver/content.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <spillway/join.h>

#include "base/metrics.h"
#include "common/httpdate.h"
#include "common/media.h"
#include "deliver/internal.h"
#include "deliver/warm.h"
#include "http/problem.h"
#include "store/store.h"

/* A piece of memory that a reply holds. */
struct held {
	struct spw_pin pin;
	struct file *file;
};

static void let_go(void *ctx)
{
	struct held *h = ctx;

	spw_spool_unpin(&h->pin);
	file_unref(h->file);
	free(h);
}

static struct http_reply send_pinned(
    struct file *f, int status, const struct spw_pin *pin)
{
	struct held *h = malloc(sizeof(*h));

	if (!h) {
		struct spw_pin p = *pin;

		spw_spool_unpin(&p);
		return (struct http_reply){.status = status};
	}
	h->pin = *pin;
	h->file = file_ref(f);
	return http_reply_borrow(status, pin->data, pin->len, let_go, h);
}

struct http_reply content_send(struct http_request *req, struct file *f,
    int status, uint64_t off, uint64_t len)
{
	struct spw_pin pin;
	struct http_reply r;
	uint64_t file_off;

	if (len == 0)
		return http_reply_empty(status);
	if (len <= SIZE_MAX &&
	    spw_spool_pin(f->spool, off, (size_t)len, &pin) == 0)
		return send_pinned(f, status, &pin);

	int fd = spw_spool_file_at(f->spool, off, len, &file_off);
	if (fd >= 0 &&
	    warm_reply(req, f, status, fd, file_off, off, len, &r))
		return r;

	/* Some of it waits for the disk, in one direction or the other, or it
	   has no file of its own, or lies in several. */
	return content_follow(req, f, status, off, len);
}

size_t content_range_text(
    char out[CONTENT_RANGE_SIZE], const struct range *r, uint64_t size)
{
	struct strbuf text;

	strbuf_init_fixed(&text, out, CONTENT_RANGE_SIZE);
	strbuf_adds(&text, "bytes ");
	strbuf_addu(&text, r->first);
	strbuf_addc(&text, '-');
	strbuf_addu(&text, r->last);
	strbuf_addc(&text, '/');
	if (size == FILE_SIZE_UNKNOWN)
		strbuf_addc(&text, '*');
	else
		strbuf_addu(&text, size);
	return text.len;
}

void content_range_field(
    struct http_reply *reply, const struct range *r, uint64_t size)
{
	char text[CONTENT_RANGE_SIZE];

	content_range_text(text, r, size);
	http_reply_header(reply, "Content-Range", text);
}

/*
 * What somebody has stored runs nothing, loads nothing and sends nothing when a
 * browser shows it, and is of no origin: it reads nothing of ours, the page's
 * token least of all. Of any type: which of them browsers run is not for us to
 * list. Only video and sound, which run nothing by themselves, keep the origin:
 * the document that a browser makes around them loads them once more.
 */
#define POLICY \
	"default-src 'none'; style-src 'unsafe-inline'; img-src data:; " \
	"media-src 'self'; base-uri 'none'; form-action 'none'"

static const char *policy_of(const char *type)
{
	struct str t = str_from(type);

	return str_istarts(t, "audio/") || str_istarts(t, "video/")
		   ? POLICY
		   : "sandbox; " POLICY;
}

static void disposition(const struct http_request *req, const struct content *c,
    struct http_reply *r)
{
	char asked[FILE_NAME_SIZE * 4], value[FILE_NAME_SIZE * 4 + 64];
	const char *name = c->name;
	size_t len;
	bool download = http_query(req).n && http_query_get(req, "download",
						 asked, sizeof(asked), &len);

	if (download && len > 0 && len < sizeof(asked)) {
		len = filename_sanitise(asked, len);
		asked[len] = '\0';
		name = asked;
	}
	if (!download && !name)
		return;
	if (disposition_format(name, download, value, sizeof(value)) <
	    sizeof(value))
		http_reply_header(r, "Content-Disposition", value);
}

static void last_modified(const struct content *c, struct http_reply *r)
{
	char date[HTTPDATE_SIZE];

	if (!c->etag || !c->modified_ms)
		return;
	httpdate_format(c->modified_ms / 1000, date);
	http_reply_header(r, "Last-Modified", date);
}

/* What every answer has that stands for the content, a 304 too. */
static void validators(const struct content *c, struct http_reply *r)
{
	if (c->etag)
		http_reply_header(r, "ETag", c->etag);
	if (c->vary)
		http_reply_header(r, "Vary", c->vary);
	const char *own = c->etag ? "private, immutable" : "no-store";
	http_reply_header(r, "Cache-Control", c->control ? c->control : own);
}

void content_validators(const struct content *c, struct http_reply *r)
{
	validators(c, r);
	last_modified(c, r);
}

void content_fields(const struct http_request *req, const struct content *c,
    struct http_reply *r)
{
	const char *type = c->type ? c->type : "application/octet-stream";

	http_reply_header(r, "Content-Type", type);
	if (c->coding)
		http_reply_header(r, "Content-Encoding", c->coding);
	http_reply_header(r, "Accept-Ranges", "bytes");
	http_reply_header(r, "X-Content-Type-Options", "nosniff");
	http_reply_header(r, "Content-Security-Policy", policy_of(type));
	if (c->digest)
		http_reply_header(r, "Repr-Digest", c->digest);
	validators(c, r);
	/* Who resumes has the rest from the first answer. RFC 9110 §15.3.7 */
	if (r->status == 206 && http_header(req, "If-Range").p)
		return;
	last_modified(c, r);
	disposition(req, c, r);
}

static void reply_unsatisfiable(
    struct http_request *req, const struct content *c)
{
	char range[CONTENT_RANGE_SIZE];
	uint64_t size = c->size == FILE_SIZE_UNKNOWN
			    ? spw_spool_committed(c->file->spool)
			    : c->size;
	struct http_problem p = http_problem(PROBLEM_RANGE,
	    "The content has %" PRIu64 " bytes; the range begins past them "
	    "or makes no sense.",
	    size);
	struct http_reply r = http_problem_reply(req, &p);

	snprintf(range, sizeof(range), "bytes */%" PRIu64, size);
	http_reply_header(&r, "Content-Range", range);
	http_reply_header(&r, "Accept-Ranges", "bytes");
	if (c->etag)
		http_reply_header(&r, "ETag", c->etag);
	http_reply(req, &r);
}

void content_reply_verdict(
    struct http_request *req, const struct content *c, int status)
{
	if (status == 412) {
		http_reply_error(req, PROBLEM_PRECONDITION_FAILED,
		    "The file is not what If-Match or If-Unmodified-Since "
		    "asked for; it has changed since.");
		return;
	}

	if (status == 416) {
		reply_unsatisfiable(req, c);
		return;
	}

	struct http_reply r = http_reply_head(status, c->size);
	content_validators(c, &r);
	http_reply(req, &r);
}

void content_reply_broken(struct http_request *req, struct file *f)
{
	struct failure e;

	if (!file_error(f, &e)) {
		http_reply_error(req, PROBLEM_FETCH_FAILED,
		    "The source of the file broke before these bytes came; "
		    "its /info says why.");
		return;
	}

	http_reply_failure(req, &e);
}

bool content_refuse_broken(
    struct http_request *req, const struct content *c, uint64_t off)
{
	if (!c->growing || file_state(c->file) != FILE_FAILED ||
	    spw_spool_present(c->file->spool, off))
		return false;

	content_reply_broken(req, c->file);
	return true;
}

/* One read less; the last one takes the file out of the store. */
static void count_read(void *ctx, bool complete)
{
	struct file *f = ctx;

	bool last = complete && file_take_read(f);

	if (last && store_remove(f->store, f))
		metrics_add(METRIC_FILES_READ_OUT, 1);
	else if (complete)
		store_note(f);
	file_unref(f);
}

/* All of it is sent. Parts are not counted: of a download in several nobody
 * knows which is its last, and the others have to find the file. */
static void count(struct http_request *req, const struct content *c)
{
	if (c->count_read && http_method(req) == HTTP_GET &&
	    atomic_load(&c->file->reads_left) > 0)
		http_on_done(req, count_read, file_ref(c->file));
}

void content_reply_whole(struct http_request *req, const struct content *c)
{
	if (content_refuse_broken(req, c, c->off))
		return;

	struct http_reply r = content_send(req, c->file, 200, c->off, c->size);

	content_fields(req, c, &r);
	if (c->sent && http_method(req) == HTTP_GET)
		http_reply_header(&r, "Content-Digest", c->sent);
	count(req, c);
	http_reply(req, &r);
}

static void reply_range(struct http_request *req, const struct content *c,
    const struct range *range)
{
	uint64_t off = c->off + range->first;

	if (content_refuse_broken(req, c, off))
		return;

	struct http_reply r = content_send(
	    req, c->file, 206, off, range->last - range->first + 1);
	content_range_field(&r, range, c->size);
	content_fields(req, c, &r);
	if (range->first == 0 && range->last + 1 == c->size)
		count(req, c);
	http_reply(req, &r);
}

void content_reply(struct http_request *req, const struct content *c)
{
	struct range items[RANGE_ITEMS_MAX];
	struct content_ranges ranges = {.items = items};

	switch (content_conditions(req, c->etag, c->modified_ms)) {
	case CONTENT_FAILED:
		content_reply_verdict(req, c, 412);
		return;
	case CONTENT_NOT_MODIFIED:
		content_reply_verdict(req, c, 304);
		return;
	case CONTENT_SEND:
		break;
	}
	if (c->size == FILE_SIZE_UNKNOWN) {
		content_reply_unknown(req, c);
		return;
	}

	content_range(req, c->etag, c->modified_ms, c->size, &ranges);
	if (ranges.status == 416)
		content_reply_verdict(req, c, 416);
	else if (ranges.status == 200)
		content_reply_whole(req, c);
	else if (ranges.count == 1)
		reply_range(req, c, &items[0]);
	else
		content_reply_multi(req, c, items, ranges.count);
}
