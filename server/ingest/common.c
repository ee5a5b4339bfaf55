/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clients.h"
#include "base/metrics.h"
#include "common/media.h"
#include "common/range.h"
#include "ingest/upload.h"

int ingest_init(struct ingest *in, const struct conf *conf, struct store *store)
{
	unsigned keys = conf->upload.max_idempotency_keys;

	*in = (struct ingest){.conf = conf, .store = store};
	int r = clients_new(&in->clients);
	if (r == 0 && keys)
		r = idempotency_new(keys, &in->keys);
	if (r < 0)
		ingest_fini(in);
	return r;
}

unsigned upload_client_max(const struct ingest *in)
{
	unsigned max = in->conf->upload.max_open_per_client;

	return in->client_most && max > in->client_most ? in->client_most
							: max;
}

void ingest_stop(struct ingest *in)
{
	atomic_store(&in->stopping, true);
}

void ingest_fini(struct ingest *in)
{
	clients_free(in->clients);
	idempotency_free(in->keys);
	in->clients = NULL;
	in->keys = NULL;
}

void upload_writable(struct spw_spool *s, void *user_data)
{
	struct upload_wake *wake = user_data;
	struct http_waker *w = atomic_load(&wake->waker);

	(void)s;
	if (w)
		http_waker_wake(w);
}

void upload_wake_fini(struct upload_wake *w)
{
	http_waker_unref(atomic_load(&w->waker));
}

/* Returns: true when the waker was just made, and so may have been missed. */
static bool arm(struct http_request *req, struct upload_wake *w)
{
	if (atomic_load(&w->waker))
		return false;

	struct http_waker *made = http_waker_get(req);
	atomic_store(&w->waker, made);
	return made;
}

int upload_append(struct http_request *req, struct upload_wake *w,
    struct file *f, const char *p, size_t len)
{
	int r = file_grow(f, len);

	if (r == 0)
		r = spw_spool_try_append(f->spool, p, len);
	if (r == -EAGAIN && arm(req, w))
		r = spw_spool_try_append(f->spool, p, len);
	if (r == -EAGAIN && !atomic_load(&w->waker))
		return -ENOMEM;

	return r;
}

int upload_seal(struct http_request *req, struct upload_wake *w, struct file *f)
{
	int r = spw_spool_try_seal(f->spool);

	if (r == -EAGAIN && arm(req, w))
		r = spw_spool_try_seal(f->spool);
	if (r == -EAGAIN && !atomic_load(&w->waker))
		return -ENOMEM;

	return r;
}

/* The quota would not do if nothing of it were used. */
static void never_fits(struct http_request *req, uint64_t size)
{
	const struct account *a = http_owner(req).account;
	struct account_limits has, max;

	account_look(a, &has, &max);
	struct http_problem p = http_problem(PROBLEM_TOO_LARGE,
	    "The content has %" PRIu64 " bytes; files of the token '%s' may "
	    "have %" PRIu64 " together (quota). Send less, or ask the operator "
	    "for more.",
	    size, account_name(a), max.bytes);

	p.limit = max.bytes;
	http_reply_problem(req, &p);
}

static bool check_room(struct http_request *req, struct ingest *in, bool form)
{
	uint64_t size = http_content_length(req);
	uint64_t max = in->conf->store.max_file_size;

	if (size == HTTP_LENGTH_UNKNOWN)
		return true;
	if (size == (uint64_t)INT64_MAX || (size > max && !form)) {
		/* However long: no file can be longer than this. */
		if (max > (uint64_t)INT64_MAX - 1)
			max = INT64_MAX - 1;

		struct http_problem p = http_problem_limited(-EFBIG, NULL, max);

		http_reply_problem(req, &p);
		return false;
	}

	int r = account_check(http_owner(req).account, size);
	if (r == -EFBIG) {
		never_fits(req, size);
		return false;
	}
	if (r == 0)
		r = store_check_space(in->store, size);
	if (r < 0)
		upload_failed(req, r);
	return r == 0;
}

static void leave_client(void *ctx)
{
	clients_leave(ctx);
}

/* One client does not take the place of all. */
static bool check_client(struct http_request *req, struct ingest *in)
{
	unsigned max = upload_client_max(in);
	struct clients_ticket *ticket;

	if (!max || !in->clients)
		return true;

	int r = clients_enter(
	    in->clients, http_client_share(req), max, &ticket);
	if (r == 0) {
		http_hold(req, leave_client, ticket);
		return true;
	}
	if (r == -EUSERS)
		http_reply_error(req, PROBLEM_TOO_MANY_REQUESTS,
		    "This client has %u uploads under way, as many as it may; "
		    "try again when one has ended.",
		    max);
	else
		upload_failed(req, r);
	return false;
}

/*
 * A PUT of all there is, told as a range of it, is no part: `curl -C - -T`
 * sends that.
 */
static bool is_part(const struct http_request *req)
{
	struct str range = http_header(req, "Content-Range");
	uint64_t first, last, total;

	if (!range.p)
		return false;
	return http_method(req) != HTTP_PUT ||
	       http_header_count(req, "Content-Range") > 1 ||
	       content_range_parse(range.p, range.n, &first, &last, &total) <
		   0 ||
	       first != 0 || last != total - 1 ||
	       total != http_content_length(req);
}

bool upload_framed(struct http_request *req, const char *no_part)
{
	if (http_is_1_0(req) && !http_has_body(req)) {
		http_reply_error(req, PROBLEM_LENGTH_REQUIRED,
		    "HTTP/1.0 needs a Content-Length.");
		return false;
	}
	if (is_part(req)) {
		http_reply_error(req, PROBLEM_BAD_REQUEST, "%s", no_part);
		return false;
	}
	return true;
}

static void leave(void *ctx)
{
	struct ingest *in = ctx;

	atomic_fetch_sub(&in->active, 1);
	metrics_add(METRIC_UPLOADS_ACTIVE, -1);
}

bool upload_enter(struct http_request *req, struct ingest *in)
{
	if (atomic_fetch_add(&in->active, 1) >= in->conf->upload.max_active) {
		atomic_fetch_sub(&in->active, 1);
		http_reply_error(req, PROBLEM_UNAVAILABLE,
		    "There are too many uploads; try again in a moment.");
		return false;
	}

	metrics_add(METRIC_UPLOADS_ACTIVE, 1);
	http_hold(req, leave, in);
	return true;
}

bool upload_admit(struct http_request *req, struct ingest *in, bool form)
{
	if (!upload_framed(req,
		"A part of a file cannot be uploaded with Content-Range.") ||
	    !check_room(req, in, form) || !check_client(req, in) ||
	    !upload_enter(req, in))
		return false;

	metrics_add(METRIC_UPLOADS_STARTED, 1);
	return true;
}

static enum metric outcome(int err)
{
	switch (-err) {
	case 0:
		return METRIC_UPLOADS_COMPLETED;
	case ECONNABORTED:
		return METRIC_UPLOADS_FAILED_ABORTED;
	case EFBIG:
	case E2BIG:
		return METRIC_UPLOADS_FAILED_TOO_LARGE;
	case ENOSPC:
	case EDQUOT:
	case ENOSR:
	case ENOANO:
		return METRIC_UPLOADS_FAILED_NO_SPACE;
	case EBADMSG:
	case EPROTO:
		return METRIC_UPLOADS_FAILED_MALFORMED;
	case EBADE:
		return METRIC_UPLOADS_FAILED_DIGEST;
	default:
		return METRIC_UPLOADS_FAILED_ERROR;
	}
}

void upload_over(int err)
{
	metrics_add(outcome(err), 1);
}

void upload_dropped(const struct http_request *req, int err)
{
	if (err == -ECONNABORTED)
		err = http_body_error(req);
	if (err != -ETIME)
		upload_over(err);
}

bool upload_param_ttl(struct upload_params *p, struct str text)
{
	uint64_t s;

	if (str_u64(text, &s) < 0 || s > (uint64_t)INT64_MAX / 10000)
		return false;
	p->ttl_ms = s * 1000;
	return true;
}

bool upload_ttl_fits(const struct upload_params *p)
{
	/* 0 is for ever. */
	uint64_t life = p->ttl_ms ? p->ttl_ms : UINT64_MAX;

	return p->ttl_ms == UINT64_MAX || life <= p->ttl_max_ms;
}

bool upload_param_reads(struct upload_params *p, struct str text)
{
	uint64_t n;

	if (str_u64(text, &n) < 0 || n < 1 || n > (uint64_t)INT64_MAX)
		return false;
	p->reads = (int64_t)n;
	return true;
}

void upload_param_name(struct upload_params *p, struct str text)
{
	char name[UPLOAD_NAME_MAX];
	size_t len = text.n < sizeof(name) ? text.n : sizeof(name);

	memcpy(name, text.p, len);
	len = filename_sanitise(name, len);
	memcpy(p->name, name, len);
	p->name[len] = '\0';
}

bool upload_coding(struct http_request *req, struct str *ret)
{
	struct str list = http_header(req, "Content-Encoding"), item;
	bool sound = list.n < FILE_CODING_SIZE &&
		     http_header_count(req, "Content-Encoding") <= 1;

	*ret = (struct str){NULL, 0};
	/* It stands for no coding at all. */
	if (!list.n || str_ieq(list, "identity"))
		return true;

	*ret = list;
	while (sound && str_list_next(&list, &item))
		sound = token_valid(item.p, item.n);
	if (!sound)
		http_reply_error(req, PROBLEM_BAD_REQUEST,
		    "Content-Encoding is one field with a list of codings.");
	return sound;
}

void upload_refuse_ttl(
    struct http_request *req, const struct upload_params *p)
{
	struct http_problem why = http_problem(PROBLEM_FORBIDDEN,
	    "What is uploaded by this link is kept for %llu s at most; leave "
	    "out ttl, or say from 1 to so many.",
	    (unsigned long long)(p->ttl_max_ms / 1000));

	why.limit = p->ttl_max_ms / 1000;
	http_reply_problem(req, &why);
}

bool upload_params(struct http_request *req, struct upload_params *p)
{
	char text[UPLOAD_NAME_MAX];
	size_t len;

	p->name[0] = '\0';
	p->ttl_ms = UINT64_MAX;
	p->ttl_max_ms = http_life_cap(req);
	p->reads = 0;
	p->owner = http_owner(req);
	if (!http_query(req).n)
		return true;

	if (http_query_get(req, "ttl", text, sizeof(text), &len) &&
	    (len >= sizeof(text) ||
		!upload_param_ttl(p, (struct str){text, len}))) {
		http_reply_error(req, PROBLEM_BAD_REQUEST,
		    "The parameter ttl is not a number of seconds.");
		return false;
	}
	if (!upload_ttl_fits(p)) {
		upload_refuse_ttl(req, p);
		return false;
	}
	if (http_query_get(req, "reads", text, sizeof(text), &len) &&
	    (len >= sizeof(text) ||
		!upload_param_reads(p, (struct str){text, len}))) {
		http_reply_error(req, PROBLEM_BAD_REQUEST,
		    "The parameter reads is not a number from 1 up.");
		return false;
	}
	if (http_query_get(req, "name", text, sizeof(text), &len)) {
		if (len >= sizeof(text))
			len = sizeof(text) - 1;
		upload_param_name(p, (struct str){text, len});
	}
	return true;
}

int upload_file(struct ingest *in, uint64_t size, struct owner owner,
    struct upload_wake *w, enum file_source source, struct file **ret)
{
	struct file_opts opts = {
	    .size = size,
	    .size_max = in->conf->store.max_file_size,
	    .owner = owner,
	    .on_writable = upload_writable,
	    .user_data = w,
	};
	int r = file_new(in->store, &opts, ret);

	if (r == 0)
		(*ret)->source = source;
	return r;
}

void upload_apply(
    struct ingest *in, struct file *f, const struct upload_params *p)
{
	uint64_t ttl =
	    p->ttl_ms == UINT64_MAX ? in->conf->store.ttl : p->ttl_ms;

	/* Nobody who may not have it for ever has it so by saying nothing. */
	if (p->ttl_max_ms != UINT64_MAX && (!ttl || ttl > p->ttl_max_ms))
		ttl = p->ttl_max_ms;
	f->expires_ms = ttl ? f->created_ms + (int64_t)ttl : 0;
	atomic_store(&f->reads_left, p->reads);
}

void upload_failed(struct http_request *req, int err)
{
	struct http_problem p;

	if (err == -EBADE)
		p = http_problem(PROBLEM_DIGEST_MISMATCH,
		    "The content that came is not the one that Content-Digest, "
		    "Repr-Digest or Content-MD5 tells of; nothing was kept.");
	else if (err == -EPROTO)
		p = http_problem(PROBLEM_BAD_REQUEST,
		    "The digest behind the content cannot be read.");
	else
		p = http_problem_limited(err, http_owner(req).account,
		    http_conf(req)->store.max_file_size);
	http_reply_problem(req, &p);
}

struct failure upload_error(enum http_problem_kind kind, const char *detail)
{
	const struct http_problem_type *type = http_problem_type(kind);
	struct failure e = {
	    .status = type->status, .type = type->name, .title = type->title};

	snprintf(e.detail, sizeof(e.detail), "%s", detail);
	return e;
}

void upload_abandon(struct ingest *in, struct file *f)
{
	struct failure e = upload_error(PROBLEM_UPLOAD_ABORTED,
	    "The client went away before the end.");

	spw_spool_detach(f->spool);
	file_fail(f, &e);
	store_remove(in->store, f);
}
