/* SPDX-License-Identifier: MIT */
#include "http/problem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/incident.h"
#include "common/httpdate.h"
#include "common/media.h"
#include "http/loop.h"

#define BODY_MAX 8192
#define HEAD_MAX ((size_t)64 * 1024)

#define ENTRY(id, ...) {__VA_ARGS__},
static const struct http_problem_type KINDS[] = {HTTP_PROBLEMS(ENTRY)};

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

/* What system errors are to a client, and what counts them. */
#define TOO_MANY_OPEN                                                          \
	"The server has too many files open; try again in a moment."
#define DISK_BROKEN                                                            \
	"The disk of the spool directory does not work; the server's log "     \
	"says more."
static const struct {
	int err;
	enum http_problem_kind kind;
	enum metric metric; /* METRIC_COUNT: none */
	const char *text;
} ERRORS[] = {
	{ENOSPC, PROBLEM_NO_SPACE, METRIC_ERRORS_DISK_FULL,
	    "The disk of the spool directory is full; delete files, or "
	    "wait until some expire."},
	{EDQUOT, PROBLEM_NO_SPACE, METRIC_COUNT,
	    "The files of all take as much of the disk as they may "
	    "(spool.disk_quota); delete files, or wait until some "
	    "expire."},
	{ENOSR, PROBLEM_NO_SPACE, METRIC_COUNT,
	    "The quota of the token is used up; delete files, or wait "
	    "until some expire."},
	{ENOANO, PROBLEM_NO_SPACE, METRIC_COUNT,
	    "The token has as many files as it may; delete some, or "
	    "wait until some expire."},
	{EFBIG, PROBLEM_TOO_LARGE, METRIC_COUNT,
	    "The content is longer than a file may be here "
	    "(store.max_file_size)."},
	{EOVERFLOW, PROBLEM_TOO_LARGE, METRIC_COUNT,
	    "The name or the media type of a file is longer than 255 bytes; "
	    "give it a shorter one."},
	{EXFULL, PROBLEM_UNAVAILABLE, METRIC_COUNT,
	    "The server holds as many files as it may "
	    "(store.max_files); delete some, or wait until some "
	    "expire."},
	{ETOOMANYREFS, PROBLEM_UNAVAILABLE, METRIC_COUNT,
	    "Long names, metadata and URLs of the files that are kept "
	    "take all the memory that they may (a quarter of "
	    "spool.memory_budget); say less of this one, delete some, "
	    "or wait until some expire."},
	{ENOBUFS, PROBLEM_UNAVAILABLE, METRIC_COUNT,
	    "Memory is short and there is no disk to spill to; try "
	    "again in a moment."},
	{ENOMEM, PROBLEM_UNAVAILABLE, METRIC_ERRORS_MEMORY,
	    "The server is out of memory; try again in a moment."},
	{EMFILE, PROBLEM_UNAVAILABLE, METRIC_ERRORS_DESCRIPTORS,
	    TOO_MANY_OPEN},
	{ENFILE, PROBLEM_UNAVAILABLE, METRIC_ERRORS_DESCRIPTORS,
	    TOO_MANY_OPEN},
	{EIO, PROBLEM_NO_SPACE, METRIC_ERRORS_DISK, DISK_BROKEN},
	{EUCLEAN, PROBLEM_NO_SPACE, METRIC_ERRORS_DISK, DISK_BROKEN},
	{EROFS, PROBLEM_NO_SPACE, METRIC_ERRORS_DISK, DISK_BROKEN},
	{ENOENT, PROBLEM_NO_SPACE, METRIC_ERRORS_DISK, DISK_BROKEN},
	{EACCES, PROBLEM_NO_SPACE, METRIC_ERRORS_DISK, DISK_BROKEN},
};

struct http_problem http_problem_errno(int err)
{
	for (size_t i = 0; i < sizeof(ERRORS) / sizeof(ERRORS[0]); i++) {
		if (ERRORS[i].err != -err)
			continue;
		if (ERRORS[i].metric != METRIC_COUNT)
			metrics_add(ERRORS[i].metric, 1);
		struct http_problem p =
		    http_problem(ERRORS[i].kind, "%s", ERRORS[i].text);
		p.limit = err == -EOVERFLOW ? FILENAME_MAX_BYTES : 0;
		return p;
	}
	metrics_add(METRIC_ERRORS_INTERNAL, 1);
	return http_problem(PROBLEM_INTERNAL,
	    "An operation failed with system error %d; the log says more under "
	    "the id in X-Request-Id.",
	    -err);
}

static struct http_problem over_account(int err, const struct account *a)
{
	bool bytes = err == -ENOSR;
	struct account_limits has, max;
	struct http_problem p;

	account_look(a, &has, &max);
	if (bytes)
		p = http_problem(PROBLEM_NO_SPACE,
		    "Files of the token '%s' may have %" PRIu64 " bytes "
		    "together (quota), and have %" PRIu64 "; delete some, wait "
		    "until some expire, or ask the operator for more.",
		    account_name(a), max.bytes, has.bytes);
	else
		p = http_problem(PROBLEM_NO_SPACE,
		    "The token '%s' may have %" PRIu64 " files, and has %"
		    PRIu64 "; delete some, wait until some expire, or ask the "
		    "operator for more.",
		    account_name(a), max.files, has.files);
	p.limit = bytes ? max.bytes : max.files;
	return p;
}

struct http_problem http_problem_limited(
    int err, const struct account *a, uint64_t file_max)
{
	struct http_problem p;

	if (a && (err == -ENOSR || err == -ENOANO))
		return over_account(err, a);
	if (err != -EFBIG || file_max == SPW_UNLIMITED)
		return http_problem_errno(err);

	p = http_problem(PROBLEM_TOO_LARGE,
	    "The content is longer than the limit of %" PRIu64 " bytes for a "
	    "file (store.max_file_size); send less, or ask the operator to "
	    "raise it.",
	    file_max);
	p.limit = file_max;
	return p;
}

int http_problem_status(const struct http_problem *p)
{
	return KINDS[p->kind].status;
}

const struct http_problem_type *http_problem_type(enum http_problem_kind kind)
{
	return &KINDS[kind];
}

void http_problem_told(const char *name, char ret[HTTP_PROBLEM_TYPE_SIZE])
{
	snprintf(ret, HTTP_PROBLEM_TYPE_SIZE, "%s%s",
	    strchr(name, ':') ? "" : HTTP_PROBLEM_FOLDER, name);
}

void http_problem_json(
    struct json *j, const char *key, const struct http_problem *p)
{
	char type[HTTP_PROBLEM_TYPE_SIZE];

	http_problem_told(KINDS[p->kind].name, type);
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

/* What a status is counted by. A file that is not there, or not changed, or a
   range of nothing are answers, and no refusals. */
static const struct refusal {
	int status;
	enum metric metric;
	enum log_level level;
} REFUSALS[] = {
    {400, METRIC_REQUESTS_MALFORMED, LOG_LEVEL_INFO},
    {401, METRIC_REQUESTS_UNAUTHORIZED, LOG_LEVEL_INFO},
    {403, METRIC_REQUESTS_FORBIDDEN, LOG_LEVEL_INFO},
    {405, METRIC_REQUESTS_METHOD, LOG_LEVEL_INFO},
    {408, METRIC_REQUESTS_TOO_SLOW, LOG_LEVEL_INFO},
    {409, METRIC_REQUESTS_CONFLICT, LOG_LEVEL_INFO},
    {411, METRIC_REQUESTS_LENGTH, LOG_LEVEL_INFO},
    {413, METRIC_REQUESTS_TOO_LARGE, LOG_LEVEL_INFO},
    {414, METRIC_REQUESTS_HEADER_TOO_LARGE, LOG_LEVEL_INFO},
    {415, METRIC_REQUESTS_TYPE, LOG_LEVEL_INFO},
    {417, METRIC_REQUESTS_EXPECTATION, LOG_LEVEL_INFO},
    {422, METRIC_REQUESTS_CONTENT, LOG_LEVEL_INFO},
    {429, METRIC_REQUESTS_RATE_LIMITED, LOG_LEVEL_INFO},
    {431, METRIC_REQUESTS_HEADER_TOO_LARGE, LOG_LEVEL_INFO},
    {460, METRIC_REQUESTS_CONTENT, LOG_LEVEL_INFO},
    {500, METRIC_REQUESTS_INTERNAL, LOG_LEVEL_ERROR},
    {501, METRIC_REQUESTS_NOT_IMPLEMENTED, LOG_LEVEL_INFO},
    {502, METRIC_REQUESTS_ORIGIN, LOG_LEVEL_INFO},
    {503, METRIC_REQUESTS_TOO_MANY, LOG_LEVEL_INFO},
    {504, METRIC_REQUESTS_ORIGIN, LOG_LEVEL_INFO},
    {505, METRIC_REQUESTS_VERSION, LOG_LEVEL_INFO},
    {507, METRIC_REQUESTS_NO_SPACE, LOG_LEVEL_WARN},
};

static void tell(const char *who, const struct refusal *r, const char *type,
    const char *why)
{
	/* What clients and origins have a say in comes last. */
	incident(r->metric, r->level, "refused: %d %s: %s: %s", r->status,
	    type, who, why);
}

void http_refused_whom(
    const char *who, int status, const char *type, const char *why)
{
	for (size_t i = 0; i < sizeof(REFUSALS) / sizeof(REFUSALS[0]); i++) {
		if (REFUSALS[i].status == status)
			tell(who, &REFUSALS[i], type, why);
	}
}

void http_refused(
    struct http_request *req, int status, const char *type, const char *why)
{
	char asked[HTTP_ASKED_SIZE];

	http_asked(req, asked);
	http_refused_whom(asked, status, type, why);
}

static void refused(struct http_request *req, const struct http_problem *p)
{
	static const struct refusal draining = {
	    503, METRIC_REQUESTS_DRAINING, LOG_LEVEL_INFO};
	char asked[HTTP_ASKED_SIZE];

	if (p->kind == PROBLEM_DRAINING) {
		http_asked(req, asked);
		tell(asked, &draining, KINDS[p->kind].name, p->detail);
	} else {
		http_refused(req, KINDS[p->kind].status, KINDS[p->kind].name,
		    p->detail);
	}
}

/* The fields of the answer; one without a value is left out. */
#define FIELDS_MAX 6
struct fields {
	struct http_header_line lines[FIELDS_MAX];
	char seconds[24];
};

static void make_fields(struct http_request *req,
    const struct http_problem *p, struct fields *f)
{
	bool stranger = KINDS[p->kind].status == 401;
	const char *challenge = stranger ? HTTP_CHALLENGE : NULL;

	snprintf(f->seconds, sizeof(f->seconds), "%llu",
	    (unsigned long long)p->retry_after_s);
	const struct http_header_line lines[FIELDS_MAX] = {
	    {"Content-Type", "application/problem+json"},
	    {"Cache-Control", "no-store"},
	    {"X-Request-Id", http_request_id(req)},
	    {"Allow", p->allow},
	    {"Retry-After", p->retry_after_s ? f->seconds : NULL},
	    {"WWW-Authenticate", p->challenge ? p->challenge : challenge},
	};
	memcpy(f->lines, lines, sizeof(lines));
}

struct http_reply http_problem_reply(
    struct http_request *req, const struct http_problem *p)
{
	struct strbuf body;
	struct fields f;

	refused(req, p);
	strbuf_init(&body, BODY_MAX);
	write_body(p, &body);
	struct http_reply r = http_reply_strbuf(KINDS[p->kind].status, &body);
	make_fields(req, p, &f);
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

	struct http_reply r = http_problem_reply(req, p);
	http_reply(req, &r);
}

void http_reply_failure(struct http_request *req, const struct failure *f)
{
	char text[128];
	struct strbuf body;
	struct json j;

	http_refused(req, f->status, f->type, f->detail);
	strbuf_init(&body, BODY_MAX);
	json_init(&j, &body);
	json_object_begin(&j, NULL);
	http_problem_told(f->type, text);
	json_string(&j, "type", text);
	json_string(&j, "title", f->title);
	json_int(&j, "status", f->status);
	json_string(&j, "detail", f->detail);
	if (f->word)
		json_string(&j, "error", f->word);
	if (*f->said)
		json_string(&j, "stderr", f->said);
	json_object_end(&j);
	strbuf_addc(&body, '\n');

	struct http_reply r = http_reply_strbuf(f->status, &body);
	http_reply_header(&r, "Content-Type", "application/problem+json");
	http_reply_header(&r, "Cache-Control", "no-store");
	http_reply_header(&r, "X-Request-Id", http_request_id(req));
	if (f->status == 503)
		http_reply_header(&r, "Retry-After", HTTP_RETRY_AFTER);
	if (f->word) {
		int n = snprintf(text, sizeof(text), "spillway; error=%s",
		    f->word);
		if (f->answered > 0)
			snprintf(text + n, sizeof(text) - (size_t)n,
			    "; received-status=%d", f->answered);
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

	refused(req, p);
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
	make_fields(req, p, &f);
	for (size_t i = 0; i < FIELDS_MAX; i++) {
		if (f.lines[i].value)
			strbuf_addf(&head, "%s: %s\r\n", f.lines[i].name,
			    f.lines[i].value);
	}
	http_timing_answered(req);
	http_extras_write(req, &head);
	strbuf_adds(&head, "Connection: close\r\n\r\n");
	if (!out.failed)
		strbuf_add(&head, out.data, out.len);
	/* Nothing was sent on it yet, so it has room for this little. */
	if (!out.failed && !head.failed &&
	    http_conn_send(req->conn, head.data, head.len) == 0)
		req->reply_length = out.len;
	http_conn_end_sending(req->conn);
	strbuf_fini(&head);
	strbuf_fini(&out);
	req->status = KINDS[p->kind].status;
}
