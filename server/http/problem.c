/* SPDX-License-Identifier: MIT */
#include "http/problem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "common/httpdate.h"
#include "http/loop.h"

#define BODY_MAX 2048
#define HEAD_MAX ((size_t)64 * 1024)

#define ENTRY(id, status, type, title) {status, type, title},
static const struct {
	int status;
	const char *type, *title;
} KINDS[] = {HTTP_PROBLEMS(ENTRY)};

struct http_problem http_problem(
    enum http_problem_kind kind, const char *fmt, ...)
{
	struct http_problem p = {.kind = kind};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p.detail, sizeof(p.detail), fmt, ap);
	va_end(ap);
	if (KINDS[kind].status == 503 || KINDS[kind].status == 429)
		p.retry_after_s = HTTP_RETRY_AFTER_S;
	return p;
}

struct http_problem http_problem_errno(int err)
{
	switch (-err) {
	case ENOSPC:
		metrics_add(METRIC_ERRORS_DISK_FULL, 1);
		return http_problem(PROBLEM_NO_SPACE,
		    "The disk of the spool directory is full.");
	case EDQUOT:
		return http_problem(PROBLEM_NO_SPACE,
		    "The quota of the spool directory is used up.");
	case EFBIG:
		return http_problem(
		    PROBLEM_TOO_LARGE, "The content is longer than the limit.");
	case ENOBUFS:
		return http_problem(PROBLEM_UNAVAILABLE,
		    "Memory is short and there is no disk to spill to.");
	case ENOMEM:
		metrics_add(METRIC_ERRORS_MEMORY, 1);
		return http_problem(
		    PROBLEM_UNAVAILABLE, "The server is out of memory.");
	case EMFILE:
	case ENFILE:
		metrics_add(METRIC_ERRORS_DESCRIPTORS, 1);
		return http_problem(
		    PROBLEM_UNAVAILABLE, "The server has too many files open.");
	case EIO:
	case EROFS:
	case ENOENT:
		metrics_add(METRIC_ERRORS_DISK, 1);
		return http_problem(PROBLEM_NO_SPACE,
		    "The disk of the spool directory does not work.");
	default:
		metrics_add(METRIC_ERRORS_INTERNAL, 1);
		return http_problem(PROBLEM_INTERNAL,
		    "An operation failed with system error %d.", -err);
	}
}

int http_problem_status(const struct http_problem *p)
{
	return KINDS[p->kind].status;
}

void http_problem_json(
    struct json *j, const char *key, const struct http_problem *p)
{
	const char *known = KINDS[p->kind].type;
	char type[96];

	/* Types that others have registered are absolute. */
	snprintf(type, sizeof(type), "%s%s",
	    strchr(known, ':') ? "" : "/problems/", known);
	json_object_begin(j, key);
	json_string(j, "type", type);
	json_string(j, "title", KINDS[p->kind].title);
	json_int(j, "status", KINDS[p->kind].status);
	if (p->detail[0])
		json_string(j, "detail", p->detail);
	if (p->limit)
		json_uint(j, "limit", p->limit);
	if (p->kind == PROBLEM_UPLOAD_OFFSET) {
		json_uint(j, "expected-offset", p->offset);
		json_uint(j, "provided-offset", p->provided_offset);
	}
	if (p->error)
		json_string(j, "error", p->error);
	if (p->allow)
		json_string(j, "allow", p->allow);
	json_object_end(j);
}

static void write_body(const struct http_problem *p, struct strbuf *out)
{
	struct json j;

	json_init(&j, out);
	http_problem_json(&j, NULL, p);
	strbuf_addc(out, '\n');
}

void http_count_refusal(int status)
{
	switch (status) {
	case 400:
		metrics_add(METRIC_REQUESTS_MALFORMED, 1);
		break;
	case 401:
		metrics_add(METRIC_REQUESTS_UNAUTHORIZED, 1);
		break;
	case 403:
		metrics_add(METRIC_REQUESTS_FORBIDDEN, 1);
		break;
	case 413:
		metrics_add(METRIC_REQUESTS_TOO_LARGE, 1);
		break;
	case 414:
	case 431:
		metrics_add(METRIC_REQUESTS_HEADER_TOO_LARGE, 1);
		break;
	case 429:
		metrics_add(METRIC_REQUESTS_RATE_LIMITED, 1);
		break;
	case 503:
		metrics_add(METRIC_REQUESTS_TOO_MANY, 1);
		break;
	case 507:
		metrics_add(METRIC_REQUESTS_NO_SPACE, 1);
		break;
	}
}

static void count(const struct http_problem *p)
{
	if (p->kind == PROBLEM_DRAINING)
		metrics_add(METRIC_REQUESTS_DRAINING, 1);
	else
		http_count_refusal(KINDS[p->kind].status);
}

/* The fields of the answer; one without a value is left out. */
#define FIELDS_MAX 5
struct fields {
	struct http_header_line lines[FIELDS_MAX];
	char seconds[24];
};

static void make_fields(const struct http_problem *p, struct fields *f)
{
	bool stranger = KINDS[p->kind].status == 401;

	snprintf(f->seconds, sizeof(f->seconds), "%llu",
	    (unsigned long long)p->retry_after_s);
	const struct http_header_line lines[FIELDS_MAX] = {
	    {"Content-Type", "application/problem+json"},
	    {"Cache-Control", "no-store"},
	    {"Allow", p->allow},
	    {"Retry-After", p->retry_after_s ? f->seconds : NULL},
	    {"WWW-Authenticate", stranger ? "Bearer" : NULL},
	};
	memcpy(f->lines, lines, sizeof(lines));
}

struct http_reply http_problem_reply(const struct http_problem *p)
{
	struct strbuf body;
	struct fields f;

	count(p);
	strbuf_init(&body, BODY_MAX);
	write_body(p, &body);
	struct http_reply r = http_reply_strbuf(KINDS[p->kind].status, &body);
	make_fields(p, &f);
	for (size_t i = 0; i < FIELDS_MAX; i++) {
		if (f.lines[i].value)
			http_reply_header(
			    &r, f.lines[i].name, f.lines[i].value);
	}
	return r;
}

void http_reply_problem(struct http_request *req, const struct http_problem *p)
{
	if (req->phase == PHASE_BODY) {
		/* The library takes no answer now: after the body. */
		req->problem = *p;
		req->has_problem = true;
		req->discard = true;
		return;
	}

	struct http_reply r = http_problem_reply(p);
	http_reply(req, &r);
}

void http_reply_failure(struct http_request *req, const struct http_failure *f)
{
	char text[128];
	struct strbuf body;
	struct json j;

	strbuf_init(&body, BODY_MAX);
	json_init(&j, &body);
	json_object_begin(&j, NULL);
	snprintf(text, sizeof(text), "/problems/%s", f->type);
	json_string(&j, "type", text);
	json_string(&j, "title", f->title);
	json_int(&j, "status", f->status);
	json_string(&j, "detail", f->detail);
	if (f->error)
		json_string(&j, "error", f->error);
	json_object_end(&j);
	strbuf_addc(&body, '\n');

	struct http_reply r = http_reply_strbuf(f->status, &body);
	http_reply_header(&r, "Content-Type", "application/problem+json");
	http_reply_header(&r, "Cache-Control", "no-store");
	if (f->status == 503)
		http_reply_header(&r, "Retry-After", HTTP_RETRY_AFTER);
	if (f->error) {
		snprintf(text, sizeof(text), "spillway; error=%s", f->error);
		http_reply_header(&r, "Proxy-Status", text);
	}
	http_reply(req, &r);
}

void http_reply_error(
    struct http_request *req, enum http_problem_kind kind, const char *fmt, ...)
{
	struct http_problem p = http_problem(kind, "%s", "");
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p.detail, sizeof(p.detail), fmt, ap);
	va_end(ap);
	http_reply_problem(req, &p);
}

void http_problem_send_raw(struct http_request *req)
{
	const struct http_problem *p = &req->problem;
	char date[HTTPDATE_SIZE];
	struct strbuf out, head;
	struct fields f;

	count(p);
	http_keeps_drop(req, false);
	strbuf_init(&out, BODY_MAX);
	strbuf_init(&head, HEAD_MAX);
	write_body(p, &out);
	httpdate_format(clock_unix_ms() / 1000, date);
	strbuf_addf(&head,
	    "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Length: %zu\r\n",
	    KINDS[p->kind].status,
	    MHD_get_reason_phrase_for((unsigned)KINDS[p->kind].status), date,
	    out.len);
	make_fields(p, &f);
	for (size_t i = 0; i < FIELDS_MAX; i++) {
		if (f.lines[i].value)
			strbuf_addf(&head, "%s: %s\r\n", f.lines[i].name,
			    f.lines[i].value);
	}
	http_extras_write(req, &head);
	strbuf_adds(&head, "Connection: close\r\n\r\n");
	/* Nothing was sent on it yet, so it has room for this little. */
	if (!out.failed && !head.failed &&
	    send(req->conn->fd, head.data, head.len,
		MSG_NOSIGNAL | MSG_MORE) == (ssize_t)head.len)
		(void)!send(req->conn->fd, out.data, out.len, MSG_NOSIGNAL);
	shutdown(req->conn->fd, SHUT_WR);
	strbuf_fini(&head);
	strbuf_fini(&out);
	req->status = KINDS[p->kind].status;
}
