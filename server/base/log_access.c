/* SPDX-License-Identifier: MIT */
/* The access log. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/line.h"
#include "base/log_sink.h"
#include "common/httpdate.h"
#include "common/text.h"

/** Where the fields of an access line are cut, in bytes. */
#define CLIENT_MAX 64
#define METHOD_MAX 32
#define TARGET_MAX 2048
#define REQUEST_ID_MAX 128
#define TRACE_ID_MAX TRACE_ID_LEN
#define SPAN_ID_MAX SPAN_ID_LEN
#define HEADER_MAX 512
#define TOKEN_MAX 64
/** Everything of an access line that is not one of those fields. */
#define ACCESS_EXTRA 1024
/** No byte becomes more than so many: an entry has each field twice. */
#define ESCAPE_MAX (2 * LINE_ESCAPE_MAX)

_Static_assert(ESCAPE_MAX >= JSON_ESCAPE_MAX, "in any format");
_Static_assert((CLIENT_MAX + METHOD_MAX + TARGET_MAX + REQUEST_ID_MAX +
		   TRACE_ID_MAX + SPAN_ID_MAX + 2 * HEADER_MAX + TOKEN_MAX) *
			   ESCAPE_MAX +
		       ACCESS_EXTRA <
		   LOG_ACCESS_BUF_SIZE,
    "one access line fits an empty buffer");

void access_flush(struct access_buf *b)
{
	size_t len = b->len;

	b->len = 0;
	log_sink_write(b->data, len);
}

/** One field of an access line, cut, with its name. */
struct field {
	const char *name;
	struct str value;
};

static struct field field(const char *name, const char *s, size_t n, size_t max)
{
	return (struct field){name, {s, s ? line_cut(s, n, max) : 0}};
}

static struct field field_s(const char *name, const char *s, size_t max)
{
	return field(name, s, s ? strlen(s) : 0, max);
}

static char *put_json_field(char *o, const struct field *f)
{
	o = line_puts(o, ",\"");
	o = line_puts(o, f->name);
	if (!f->value.p)
		return line_puts(o, "\":null");

	o = line_puts(o, "\":\"");
	o += json_escape(o, f->value.p, f->value.n);
	*o++ = '"';
	return o;
}

static char *put_json_number(char *o, const char *name, uint64_t v)
{
	o = line_puts(o, ",\"");
	o = line_puts(o, name);
	o = line_puts(o, "\":");
	return line_putu(o, v);
}

static char *put_count(char *o, const char *name, uint64_t v)
{
	*o++ = ' ';
	o = line_puts(o, name);
	*o++ = '=';
	return line_putu(o, v);
}

static char *put_or_dash(char *o, const struct field *f)
{
	if (!f->value.p)
		return line_puts(o, "-");
	return line_text(o, f->value.p, f->value.n, true);
}

static char *put_quoted(char *o, const struct field *f)
{
	*o++ = ' ';
	o = line_puts(o, f->name);
	o = line_puts(o, "=\"");
	o = put_or_dash(o, f);
	*o++ = '"';
	return o;
}

enum {
	CLIENT,
	METHOD,
	TARGET,
	REQUEST_ID,
	TRACE_ID,
	SPAN_ID,
	REFERER,
	USER_AGENT,
	TOKEN,
	FIELDS
};

/* One line: what it says, and its time. */
struct access_line {
	struct field f[FIELDS];
	uint64_t status, bytes_in, bytes_out, duration_us;
	const char *seconds;
	unsigned ms;
};

/** What is not known is a dash. */
static char *put_text(char *o, const struct access_line *a)
{
	o = put_or_dash(o, &a->f[CLIENT]);
	o = line_puts(o, " \"");
	o = put_or_dash(o, &a->f[METHOD]);
	*o++ = ' ';
	o = put_or_dash(o, &a->f[TARGET]);
	o = line_puts(o, "\" ");
	o = line_putu(o, a->status);
	o = put_count(o, "in", a->bytes_in);
	o = put_count(o, "out", a->bytes_out);
	o = put_count(o, "us", a->duration_us);
	for (size_t i = REQUEST_ID; i < FIELDS; i++) {
		if (i != SPAN_ID)
			o = put_quoted(o, &a->f[i]);
	}
	return o;
}

static char *put_json(char *o, const struct access_line *a)
{
	o = line_puts(o, "{\"time\":\"");
	o = line_stamp(o, a->seconds, a->ms);
	o = line_puts(o, "\",\"level\":\"access\"");
	for (size_t i = 0; i <= TARGET; i++)
		o = put_json_field(o, &a->f[i]);
	o = put_json_number(o, "status", a->status);
	o = put_json_number(o, "bytes_in", a->bytes_in);
	o = put_json_number(o, "bytes_out", a->bytes_out);
	o = put_json_number(o, "duration_us", a->duration_us);
	for (size_t i = REQUEST_ID; i < FIELDS; i++)
		o = put_json_field(o, &a->f[i]);
	*o++ = '}';
	return o;
}

/** The names of the fields in JSON, in capitals; without what is unknown. */
static char *put_entry(char *o, const struct access_line *a)
{
	o = line_puts(o, "PRIORITY=6\n" LOG_ENTRY_WHO);
	for (size_t i = 0; i < FIELDS; i++) {
		const struct field *f = &a->f[i];

		if (!f->value.p)
			continue;
		for (const char *p = f->name; *p; p++)
			*o++ = ascii_is_alpha(*p) ? (char)(*p & ~0x20) : *p;
		*o++ = '=';
		o = line_text(o, f->value.p, f->value.n, false);
		*o++ = '\n';
	}
	o = line_putu(line_puts(o, "STATUS="), a->status);
	o = line_putu(line_puts(o, "\nBYTES_IN="), a->bytes_in);
	o = line_putu(line_puts(o, "\nBYTES_OUT="), a->bytes_out);
	o = line_putu(line_puts(o, "\nDURATION_US="), a->duration_us);
	return put_text(line_puts(o, "\nMESSAGE="), a);
}

static char *put_line(char *o, enum log_form form, const struct access_line *a)
{
	switch (form) {
	case LOG_FORM_ENTRY:
		o = put_entry(o, a);
		break;
	case LOG_FORM_JSON:
		o = put_json(o, a);
		break;
	case LOG_FORM_PREFIX:
		o = put_text(line_puts(o, "<6>"), a);
		break;
	default:
		o = line_stamp(o, a->seconds, a->ms);
		o = put_text(line_puts(o, " access "), a);
		break;
	}
	*o++ = '\n';
	return o;
}

/* The time of a line, by the buffer's, which changes once a second. */
static void set_time(struct access_line *a, struct access_buf *b)
{
	int64_t now = clock_unix_ms();

	if (b->second != now / 1000 || !b->stamp[0]) {
		b->second = now / 1000;
		rfc3339_format(b->second, b->stamp);
	}
	a->seconds = b->stamp;
	a->ms = (unsigned)(now % 1000);
}

/* An entry is not collected. Returns: whether the journal has it. */
static bool send_entry(struct access_buf *b, const struct access_line *a)
{
	access_flush(b);
	char *end = put_line(b->data, LOG_FORM_ENTRY, a);
	return log_sink_send(b->data, (size_t)(end - b->data));
}

void log_access(struct access_buf *b, const struct log_access *a)
{
	struct access_line line = {
	    .f =
		{
		    [CLIENT] = field_s("client", a->client, CLIENT_MAX),
		    [METHOD] = field_s("method", a->method, METHOD_MAX),
		    [TARGET] =
			field("target", a->target, a->target_len, TARGET_MAX),
		    [REQUEST_ID] =
			field_s("request_id", a->request_id, REQUEST_ID_MAX),
		    [TRACE_ID] = field_s("trace_id", a->trace_id, TRACE_ID_MAX),
		    [SPAN_ID] = field_s("span_id", a->span_id, SPAN_ID_MAX),
		    [REFERER] = field_s("referer", a->referer, HEADER_MAX),
		    [USER_AGENT] =
			field_s("user_agent", a->user_agent, HEADER_MAX),
		    [TOKEN] = field_s("token", a->token, TOKEN_MAX),
		},
	    .status = a->status > 0 ? (uint64_t)a->status : 0,
	    .bytes_in = a->bytes_in,
	    .bytes_out = a->bytes_out,
	    .duration_us = a->duration_us,
	};
	enum log_form form = log_sink_form();
	size_t worst = ACCESS_EXTRA;

	set_time(&line, b);
	if (form == LOG_FORM_ENTRY) {
		if (send_entry(b, &line))
			return;
		form = LOG_FORM_PREFIX;
	}
	for (size_t i = 0; i < FIELDS; i++)
		worst += line.f[i].value.n * ESCAPE_MAX;
	if (worst > sizeof b->data - b->len)
		access_flush(b);
	char *end = put_line(b->data + b->len, form, &line);
	b->len = (size_t)(end - b->data);
}
