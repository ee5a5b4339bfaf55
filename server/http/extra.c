/* SPDX-License-Identifier: MIT */
/*
 * What goes beyond one answer to one request: fields that every answer of a
 * request is to have, interim answers, and trailers.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/metrics.h"
#include "http/loop.h"

#define INTERIM_MAX 1024

/* A field for whatever answer there will be. */
struct http_extra {
	struct http_extra *next;
	const char *name; /* static */
	char value[];
};

void http_answer_field(
    struct http_request *req, const char *name, const char *value)
{
	size_t size = value ? strlen(value) + 1 : 0;
	struct http_extra **link = &req->extras, *old;

	while ((old = *link) && strcmp(old->name, name) != 0)
		link = &old->next;
	if (old) {
		*link = old->next;
		free(old);
	}
	if (!value)
		return;

	/* Without memory it is left out, as a reply's own would be. */
	struct http_extra *x = malloc(sizeof(*x) + size);
	if (!x)
		return;
	x->name = name;
	memcpy(x->value, value, size);
	x->next = req->extras;
	req->extras = x;
}

void http_trace(struct http_request *req)
{
	struct str field = http_header(req, "traceparent");
	struct log_request *log = &req->log;
	struct traceparent parent;
	char text[TRACEPARENT_MAX + 1];

	/* Of several none is the right one. */
	if (!field.p || http_header_count(req, "traceparent") != 1 ||
	    !traceparent_parse(field, &parent) || id_new_span(log->span_id) < 0)
		return;

	memcpy(log->trace_id, parent.trace_id.p, TRACE_ID_LEN);
	log->trace_flags = parent.flags;
	memcpy(text, field.p, field.n);
	text[field.n] = '\0';
	http_answer_field(req, "traceparent", text);
}

void http_extras_free(struct http_request *req)
{
	while (req->extras) {
		struct http_extra *x = req->extras;

		req->extras = x->next;
		free(x);
	}
}

void http_extras_add(const struct http_request *req, struct http_reply *r)
{
	for (const struct http_extra *x = req->extras; x; x = x->next) {
		/* What an answer varies with may be more than one thing. */
		if (!MHD_get_response_header(r->response, x->name) ||
		    strcmp(x->name, "Vary") == 0)
			http_reply_header(r, x->name, x->value);
	}
}

void http_extras_write(const struct http_request *req, struct strbuf *out)
{
	for (const struct http_extra *x = req->extras; x; x = x->next)
		strbuf_addf(out, "%s: %s\r\n", x->name, x->value);
}

bool http_interim(struct http_request *req, int status, const char *phrase,
    const struct http_header_line *fields, size_t count)
{
	char text[INTERIM_MAX];
	struct strbuf out;

	if (req->http10 || req->cut || req->raw_sent ||
	    req->phase == PHASE_REPLIED)
		return false;

	strbuf_init_fixed(&out, text, sizeof(text));
	strbuf_addf(&out, "HTTP/1.1 %d %s\r\n", status, phrase);
	for (size_t i = 0; i < count; i++)
		strbuf_addf(
		    &out, "%s: %s\r\n", fields[i].name, fields[i].value);
	strbuf_adds(&out, "\r\n");
	if (out.failed)
		return false;

	/*
	 * The library is between two things that it sends: it has sent all of
	 * the answers before, and nothing of this one.
	 */
	int r = http_conn_send(req->conn, text, out.len);
	if (r == 0) {
		metrics_add(METRIC_RESPONSES_1XX, 1);
		return true;
	}
	/* Half an answer cannot be taken back, nor gone on with. */
	if (r == -EPIPE) {
		req->cut = true;
		shutdown(req->conn->fd, SHUT_RDWR);
	}
	return false;
}

static bool value_clean(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* A trailer that is looked for. */
struct wanted {
	struct str name;
	unsigned before; /* it come others of that name */
	struct str found;
};

static enum MHD_Result look(void *cls, enum MHD_ValueKind kind, const char *key,
    size_t key_len, const char *value, size_t value_len)
{
	struct wanted *w = cls;

	(void)kind;
	if (!str_ieq((struct str){key, key_len}, w->name.p) || w->before--)
		return MHD_YES;
	if (value && value_clean(value, value_len))
		w->found = str_trim((struct str){value, value_len});
	else
		w->found = (struct str){"", 0};
	return MHD_NO;
}

struct str http_trailer(
    const struct http_request *req, const char *name, unsigned i)
{
	struct wanted w = {str_from(name), i, {NULL, 0}};

	MHD_get_connection_values_n(
	    req->conn->mhd, MHD_FOOTER_KIND, look, &w);
	return w.found;
}

void http_request_cut(struct http_request *req)
{
	if (req->cut)
		return;

	req->cut = true;
	http_request_resume(req);
	shutdown(req->conn->fd, SHUT_RDWR);
}
