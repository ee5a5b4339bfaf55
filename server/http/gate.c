/* SPDX-License-Identifier: MIT */
/*
 * The framing of requests. The HTTP library of this age accepts requests
 * whose end other servers see elsewhere; behind a proxy that is a way to
 * smuggle requests. Everything doubtful is refused and the connection closed.
 *
 * Source: RFC 9112 §3.2, §5, §6.1, §6.3, §11.2
 */
#include <errno.h>
#include <string.h>

#include "common/etag.h"
#include "common/httpdate.h"
#include "common/prefer.h"
#include "common/text.h"
#include "http/loop.h"

/* What the fields say, gathered in one pass. */
struct gate {
	struct http_request *req;
	const char *end; /* of what came before; NULL: not to be checked */
	unsigned hosts, lengths, codings;
	struct str length, coding, expect;
	const char *fault; /* the first, for people */
	bool too_many, padded_coding;
};

static void note(struct gate *g, const char *fault)
{
	if (!g->fault)
		g->fault = fault;
}

static bool value_clean(struct str v)
{
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static void classify(struct gate *g, const struct http_field *f, bool padded)
{
	switch (f->name.n) {
	case 4:
		if (str_ieq(f->name, "Host"))
			g->hosts++;
		break;
	case 6:
		if (str_ieq(f->name, "Expect"))
			g->expect = f->value;
		break;
	case 14:
		if (str_ieq(f->name, "Content-Length")) {
			g->lengths++;
			g->length = f->value;
		}
		break;
	case 17:
		if (str_ieq(f->name, "Transfer-Encoding")) {
			g->codings++;
			g->coding = f->value;
			g->padded_coding = padded;
		}
		break;
	}
}

/*
 * Older libraries parse in place. What does not begin `gap` bytes behind what
 * came before, which is a line's end of CR and LF, follows a line that they
 * and others do not read alike: one that holds a NUL, where they end it; one
 * that was folded, whose rest they glue to its name; one without a name, which
 * they drop; one that a bare LF ends.
 */
static void check_place(
    struct gate *g, const char *begin, const char *end, size_t gap)
{
	if (g->end && begin != g->end + gap)
		note(g, "A line is folded, has no name, holds a NUL character "
			"or does not end with CR and LF.");
	if (g->end)
		g->end = end;
}

/* Behind the last field is its line's end, the empty line's, and nothing. */
static void check_end(struct gate *g, const char *begin)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    g->req->conn->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	check_place(g, begin + info->header_size, NULL, 4);
}

/* The library takes all up to the last space for the target, and nothing for
   one. */
static void check_target(struct gate *g)
{
	if (!g->req->target_len)
		note(g, "There is no target.");
	for (size_t i = 0; i < g->req->target_len; i++) {
		unsigned char c = (unsigned char)g->req->target[i];

		if (c <= ' ' || c == 0x7f)
			note(g, "The target holds a space or a control "
				"character.");
	}
}

static enum MHD_Result look(void *cls, enum MHD_ValueKind kind, const char *key,
    size_t key_len, const char *value, size_t value_len)
{
	struct gate *g = cls;
	struct http_request *req = g->req;
	struct http_field f = {
	    .name = {key, key_len},
	    .value = str_trim(
		(struct str){value ? value : "", value ? value_len : 0}),
	};

	(void)kind;
	if (req->field_count == HTTP_HEADERS_MAX) {
		g->too_many = true;
		return MHD_NO;
	}
	check_place(g, key, value ? value + value_len : key + key_len, 2);
	if (!token_valid(key, key_len))
		note(g, "A field name holds a space or another character that "
			"does not belong there.");
	if (!value_clean(f.value))
		note(g, "A field value holds a control character.");

	req->fields[req->field_count++] = f;
	classify(g, &f, value && f.value.p + f.value.n < value + value_len);
	return MHD_YES;
}

static void refuse(
    struct http_request *req, enum http_problem_kind kind, const char *detail)
{
	req->close = true;
	/* What follows cannot be told from the next request: read nothing. */
	req->has_body = false;
	http_reply_error(req, kind, "%s", detail);
}

bool http_host_valid(struct str host)
{
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];

		if (!ascii_is_alpha(c) && !ascii_is_digit(c) &&
		    (!c || !strchr("-._~!$&'()*+,;=%:[]", c)))
			return false;
	}
	return true;
}

static bool check_host(struct gate *g)
{
	const char *fault = NULL;

	if (g->hosts > 1)
		fault = "There is more than one Host field.";
	else if (!g->hosts && !g->req->http10)
		fault = "There is no Host field.";
	else if (!http_host_valid(http_host(g->req)))
		fault = "The Host field is not a host and a port.";
	if (fault)
		refuse(g->req, PROBLEM_BAD_FRAMING, fault);
	return !fault;
}

static bool check_length(struct gate *g)
{
	struct http_request *req = g->req;

	if (g->lengths > 1) {
		refuse(req, PROBLEM_BAD_FRAMING,
		    "There is more than one Content-Length; send one.");
		return false;
	}
	int r = g->lengths ? str_u64(g->length, &req->content_length) : 0;
	/* No content is as long; whoever wants the body answers 413. */
	if (r == -ERANGE || req->content_length > (uint64_t)INT64_MAX)
		req->content_length = INT64_MAX;
	else if (r < 0) {
		refuse(req, PROBLEM_BAD_FRAMING,
		    "Content-Length is not a number; send the bytes of the "
		    "body in decimal digits.");
		return false;
	}
	req->has_body = g->lengths > 0;
	return true;
}

static bool check_coding(struct gate *g)
{
	struct http_request *req = g->req;

	if (!g->codings)
		return true;
	if (g->lengths || req->http10) {
		refuse(req, PROBLEM_BAD_FRAMING,
		    g->lengths
			? "Transfer-Encoding and Content-Length exclude each "
			  "other."
			: "HTTP/1.0 knows no Transfer-Encoding.");
		return false;
	}
	/* The library knows it only without a space behind it, too. */
	if (g->codings > 1 || g->padded_coding ||
	    !str_ieq(g->coding, "chunked")) {
		refuse(req, PROBLEM_NOT_IMPLEMENTED,
		    "The only transfer coding understood is \"chunked\".");
		return false;
	}
	req->has_body = true;
	req->content_length = HTTP_LENGTH_UNKNOWN;
	return true;
}

static bool check_expect(struct gate *g)
{
	if (!g->expect.p || g->req->http10)
		return true;
	if (!str_ieq(g->expect, "100-continue")) {
		http_reply_error(g->req, PROBLEM_EXPECTATION,
		    "The only expectation understood is \"100-continue\".");
		return false;
	}
	g->req->expects = true;
	return true;
}

bool http_gate(
    struct http_request *req, const char *method, const char *version)
{
	struct gate g = {.req = req};

	req->http10 = !strcmp(version, "HTTP/1.0");
	if (!req->http10 && strcmp(version, "HTTP/1.1") != 0) {
		refuse(req, PROBLEM_VERSION,
		    "HTTP/1.1 and HTTP/1.0 are spoken here.");
		return false;
	}

	if (req->loop->parses_in_place) {
		g.end = req->line_end;
		check_place(&g, version, version + strlen(version), 1);
	}
	check_target(&g);
	MHD_get_connection_values_n(req->conn->mhd, MHD_HEADER_KIND, look, &g);
	if (g.end && !g.too_many)
		check_end(&g, method);
	if (g.too_many) {
		refuse(req, PROBLEM_HEADER_TOO_LARGE,
		    "There are more than 100 fields in the header; send "
		    "fewer.");
		return false;
	}
	if (g.fault) {
		refuse(req, PROBLEM_BAD_FRAMING, g.fault);
		return false;
	}

	return check_host(&g) && check_length(&g) && check_coding(&g) &&
	       check_expect(&g);
}

struct str http_header_at(
    const struct http_request *req, const char *name, unsigned at)
{
	size_t n = strlen(name);

	for (unsigned i = 0; i < req->field_count; i++) {
		const struct http_field *f = &req->fields[i];

		if (f->name.n == n && str_ieq(f->name, name) && at-- == 0)
			return f->value;
	}
	return (struct str){NULL, 0};
}

struct str http_header(const struct http_request *req, const char *name)
{
	return http_header_at(req, name, 0);
}

unsigned http_header_count(const struct http_request *req, const char *name)
{
	size_t n = strlen(name);
	unsigned count = 0;

	for (unsigned i = 0; i < req->field_count; i++) {
		const struct http_field *f = &req->fields[i];

		if (f->name.n == n && str_ieq(f->name, name))
			count++;
	}
	return count;
}

bool http_prefers(
    const struct http_request *req, const char *name, struct str *ret)
{
	struct str field;

	for (unsigned i = 0; (field = http_header_at(req, "Prefer", i)).p; i++)
		if (prefer_find(field, name, ret))
			return true;
	return false;
}

struct str http_host(const struct http_request *req)
{
	struct str host = req->told_host.p ? req->told_host
					   : http_header(req, "Host");

	return host.p ? host : (struct str){"", 0};
}

bool http_names_etag(const struct http_request *req, const char *name,
    const char *etag, bool weak)
{
	size_t n = strlen(name);

	for (unsigned i = 0; i < req->field_count; i++) {
		const struct http_field *f = &req->fields[i];

		if (f->name.n == n && str_ieq(f->name, name) &&
		    etag_list_match(f->value.p, f->value.n, etag, weak))
			return true;
	}
	return false;
}

bool http_date(const struct http_request *req, const char *name, int64_t *ret)
{
	struct str v = http_header(req, name);

	return v.p && httpdate_parse(v.p, v.n, ret) == 0 &&
	       http_header_count(req, name) == 1;
}

bool http_may_change(
    const struct http_request *req, const char *etag, int64_t modified_ms)
{
	int64_t date;

	if (http_header(req, "If-Match").p) {
		if (!etag || !http_names_etag(req, "If-Match", etag, false))
			return false;
	} else if (modified_ms &&
		   http_date(req, "If-Unmodified-Since", &date) &&
		   modified_ms / 1000 > date) {
		return false;
	}

	return !etag || !http_names_etag(req, "If-None-Match", etag, true);
}
