/* SPDX-License-Identifier: MIT */
/* What the layers above may know and say of a request. */
#include <assert.h>
#include <errno.h>

#include "common/percent.h"
#include "http/loop.h"

enum http_method http_method(const struct http_request *req)
{
	return req->method;
}

const char *http_method_name(const struct http_request *req)
{
	return req->method_name;
}

struct str http_path(const struct http_request *req)
{
	return (struct str){req->target + req->path_off, req->path_len};
}

struct str http_query(const struct http_request *req)
{
	size_t off = req->path_off + req->path_len;

	if (req->target[off] == '?')
		off++;
	return (struct str){req->target + off, req->target_len - off};
}

uint64_t http_content_length(const struct http_request *req)
{
	return req->content_length;
}

bool http_has_body(const struct http_request *req)
{
	return req->has_body;
}

bool http_is_1_0(const struct http_request *req)
{
	return req->http10;
}

bool http_draining(const struct http_request *req)
{
	return http_loop_draining(req->loop);
}

bool http_peer_gone(const struct http_request *req)
{
	return req->peer_gone;
}

bool http_replied(const struct http_request *req)
{
	return req->phase == PHASE_REPLIED || req->has_pending ||
	       req->has_problem;
}

bool http_query_get(const struct http_request *req, const char *key, char *out,
    size_t cap, size_t *ret_len)
{
	struct str q = http_query(req);

	return q.n && query_get(q.p, q.n, key, out, cap, ret_len);
}

bool http_query_has(const struct http_request *req, const char *key)
{
	char none[1];
	size_t len;

	return http_query_get(req, key, none, sizeof(none), &len);
}

struct allowance *http_documents(const struct http_request *req)
{
	return req->loop->handler->documents;
}

const char *http_scheme(const struct http_request *req)
{
	return req->https ? "https" : "http";
}

bool http_sends_files(const struct http_request *req)
{
	return !req->conn->tls;
}

void http_take_body(
    struct http_request *req, const struct http_sink *sink, void *ctx)
{
	assert(req->phase == PHASE_BEGIN);
	req->sink = sink;
	req->ctx = ctx;
}

void http_wait(
    struct http_request *req, const struct http_waiter *waiter, void *ctx)
{
	assert(req->phase == PHASE_BEGIN || req->phase == PHASE_END);
	req->waiter = waiter;
	req->ctx = ctx;
}

void http_later(
    struct http_request *req, void *ctx, void (*free_fn)(void *ctx))
{
	assert(req->phase == PHASE_BEGIN);
	if (req->later_free && req->later_ctx != ctx)
		req->later_free(req->later_ctx);
	req->later = true;
	req->later_ctx = ctx;
	req->later_free = free_fn;
}

void *http_before(
    const struct http_request *req, void (*free_fn)(void *ctx))
{
	return req->later_free == free_fn ? req->later_ctx : NULL;
}

void http_deadline(struct http_request *req, uint64_t deadline_ms)
{
	req->deadline_ms = deadline_ms;
}

void http_on_done(
    struct http_request *req, void (*fn)(void *ctx, bool complete), void *ctx)
{
	req->done = fn;
	req->done_ctx = ctx;
}

static void keep(
    struct http_request *req, void (*free_fn)(void *), void *ctx, bool held)
{
	assert(req->keep_count < HTTP_KEEPS_MAX);
	req->keeps[req->keep_count++] =
	    (struct http_kept){free_fn, ctx, held};
}

void http_keep(struct http_request *req, void (*free_fn)(void *), void *ctx)
{
	keep(req, free_fn, ctx, false);
}

void http_hold(struct http_request *req, void (*free_fn)(void *), void *ctx)
{
	keep(req, free_fn, ctx, true);
}

void http_keeps_drop(struct http_request *req, bool over)
{
	unsigned left = 0;

	for (unsigned i = 0; i < req->keep_count; i++) {
		struct http_kept *k = &req->keeps[i];

		if (over || k->held)
			k->free_fn(k->ctx);
		else
			req->keeps[left++] = *k;
	}
	req->keep_count = left;
}

void http_body_limit(struct http_request *req, uint64_t max_bytes)
{
	req->body_max = max_bytes < req->body_cap ? max_bytes : req->body_cap;
}

void http_body_cap(struct http_request *req, uint64_t max_bytes)
{
	req->body_cap = max_bytes;
	http_body_limit(req, req->body_max);
}

int http_body_error(const struct http_request *req)
{
	if (req->refused)
		return req->status == 413 ? -EFBIG : -EPROTO;
	if (!req->problem.detail[0])
		return -ECONNABORTED;

	switch (req->problem.kind) {
	case PROBLEM_TOO_LARGE:
		return -EFBIG;
	case PROBLEM_BAD_FRAMING:
		return -EPROTO;
	case PROBLEM_TOO_SLOW:
		return -ETIME;
	default:
		return -ECONNABORTED;
	}
}

void http_cap_life(struct http_request *req, uint64_t max_ms)
{
	req->life_cap_ms = max_ms;
}

uint64_t http_life_cap(const struct http_request *req)
{
	return req->life_cap_ms;
}

void http_admit(
    struct http_request *req, struct account *account, unsigned scopes)
{
	req->admitted = true;
	req->account = account;
	req->scopes = scopes;
}

bool http_admitted(const struct http_request *req, unsigned *ret_scopes)
{
	*ret_scopes = req->scopes;
	return req->admitted;
}

const struct conf *http_conf(const struct http_request *req)
{
	return req->loop->conf;
}

struct owner http_owner(const struct http_request *req)
{
	return (struct owner){http_client_share(req), req->account};
}
