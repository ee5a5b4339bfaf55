/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/metrics.h"
#include "base/strbuf.h"
#include "common/httpdate.h"
#include "common/text.h"

/** No byte becomes more than so many, in any format. */
#define ESCAPE_MAX JSON_ESCAPE_MAX
/** Everything of a message's line that is not the message. */
#define LINE_EXTRA 256
#define LINE_SIZE (LOG_MESSAGE_MAX * ESCAPE_MAX + LINE_EXTRA)

/** Where the fields of an access line are cut, in bytes. */
#define CLIENT_MAX 64
#define METHOD_MAX 32
#define TARGET_MAX 2048
#define REQUEST_ID_MAX 128
#define TRACE_ID_MAX TRACE_ID_LEN
#define HEADER_MAX 512
#define TOKEN_MAX 64
/** Everything of an access line that is not one of those fields. */
#define ACCESS_EXTRA 512

_Static_assert(
    (CLIENT_MAX + METHOD_MAX + TARGET_MAX + REQUEST_ID_MAX + TRACE_ID_MAX +
	2 * HEADER_MAX + TOKEN_MAX) * ESCAPE_MAX +
	    ACCESS_EXTRA <
	LOG_ACCESS_BUF_SIZE,
    "one access line fits an empty buffer");

/** "2026-11-21T06:00:00", what stands before the milliseconds. */
#define STAMP_SECONDS_LEN 19

atomic_int log_threshold = LOG_LEVEL_INFO;
static atomic_int log_form = LOG_FORMAT_TEXT;
static atomic_int log_fd = STDERR_FILENO;

static _Thread_local struct log_request *working_for;

static const struct {
	const char *name;
	const char *column; /* padded */
	const char *journal;
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", "error  ", "<3>"},
    [LOG_LEVEL_WARN] = {"warn", "warn   ", "<4>"},
    [LOG_LEVEL_INFO] = {"info", "info   ", "<6>"},
    [LOG_LEVEL_DEBUG] = {"debug", "debug  ", "<7>"},
};

void log_init(enum log_level level, enum log_format format, int fd)
{
	atomic_store(&log_fd, fd);
	atomic_store(&log_form, (int)format);
	atomic_store(&log_threshold, (int)level);
}

const char *log_request_id(struct log_request *r)
{
	if (!r->id[0] && id_new(r->id) < 0)
		memcpy(r->id, "-", 2);
	return r->id;
}

struct log_request *log_for(struct log_request *r)
{
	struct log_request *before = working_for;

	working_for = r;
	return before;
}

/**
 * Write whole lines; a rest that a pipe did not take is tried again. A log
 * that cannot be written must not stop the service: it is counted.
 */
static void write_out(const char *p, size_t n)
{
	int fd = atomic_load_explicit(&log_fd, memory_order_relaxed);

	while (n > 0) {
		ssize_t r = write(fd, p, n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0) {
			metrics_add(METRIC_LOG_LINES_LOST, 1);
			return;
		}
		p += r;
		n -= (size_t)r;
	}
}

static char *put(char *o, const char *s, size_t n)
{
	memcpy(o, s, n);
	return o + n;
}

static char *puts_at(char *o, const char *s)
{
	return put(o, s, strlen(s));
}

static char *putu(char *o, uint64_t v)
{
	char text[20];
	size_t at = sizeof text;

	do {
		text[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return put(o, text + at, sizeof text - at);
}

/** Write a character that text lines do not show as it is. */
static char *put_hex(char *o, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";

	*o++ = '\\';
	switch (c) {
	case '\n':
		*o++ = 'n';
		return o;
	case '\r':
		*o++ = 'r';
		return o;
	case '\t':
		*o++ = 't';
		return o;
	case '\\':
	case '"':
		*o++ = (char)c;
		return o;
	default:
		*o++ = 'x';
		*o++ = hex[c >> 4];
		*o++ = hex[c & 15];
		return o;
	}
}

/**
 * Escape for a text line. C1 controls (U+0080 to U+009F) are characters to
 * UTF-8 and commands to some terminals. A quote ends a field of an access
 * line; in a message it means nothing.
 */
static char *put_text(char *o, const char *s, size_t n, bool quoted)
{
	const char *end = s + n;

	while (s < end) {
		unsigned char c = (unsigned char)*s;
		uint32_t cp;
		size_t seq = 1;

		if (c < 0x20 || c == 0x7f || c == '\\' || (quoted && c == '"'))
			seq = 0;
		else if (c >= 0x80)
			seq = utf8_next(s, (size_t)(end - s), &cp);
		if (seq == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0)
			seq = 0;
		if (seq == 0) {
			o = put_hex(o, c);
			s++;
			continue;
		}
		while (seq--)
			*o++ = *s++;
	}
	return o;
}

/** How much of `n` bytes is kept when `max` are: no broken character. */
static size_t cut(const char *s, size_t n, size_t max)
{
	if (n <= max)
		return n;

	n = max;
	while (n > max - 3 && ((unsigned char)s[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static char *put_stamp(char *o, const char *seconds, unsigned ms)
{
	o = put(o, seconds, STAMP_SECONDS_LEN);
	*o++ = '.';
	*o++ = (char)('0' + ms / 100);
	*o++ = (char)('0' + ms / 10 % 10);
	*o++ = (char)('0' + ms % 10);
	*o++ = 'Z';
	return o;
}

/** Whom the line is about, in brackets. */
static char *put_request(char *o, struct log_request *r)
{
	if (!r)
		return o;

	*o++ = '[';
	o = puts_at(o, log_request_id(r));
	if (r->trace_id[0]) {
		*o++ = ' ';
		o = puts_at(o, r->trace_id);
	}
	return puts_at(o, "] ");
}

static char *put_json_request(char *o, struct log_request *r)
{
	if (!r)
		return o;

	o = puts_at(o, "\",\"request_id\":\"");
	o = puts_at(o, log_request_id(r));
	if (!r->trace_id[0])
		return o;

	o = puts_at(o, "\",\"trace_id\":\"");
	return puts_at(o, r->trace_id);
}

static char *put_message(char *o, enum log_format form, enum log_level level,
    const char *s, size_t n)
{
	char seconds[RFC3339_SIZE];
	int64_t now = clock_unix_ms();

	rfc3339_format(now / 1000, seconds);
	switch (form) {
	case LOG_FORMAT_JOURNAL:
		o = puts_at(o, levels[level].journal);
		o = put_request(o, working_for);
		o = put_text(o, s, n, false);
		break;
	case LOG_FORMAT_JSON:
		o = puts_at(o, "{\"time\":\"");
		o = put_stamp(o, seconds, (unsigned)(now % 1000));
		o = puts_at(o, "\",\"level\":\"");
		o = puts_at(o, levels[level].name);
		o = put_json_request(o, working_for);
		o = puts_at(o, "\",\"message\":\"");
		o += json_escape(o, s, n);
		o = puts_at(o, "\"}");
		break;
	case LOG_FORMAT_TEXT:
	default:
		o = put_stamp(o, seconds, (unsigned)(now % 1000));
		*o++ = ' ';
		o = puts_at(o, levels[level].column);
		o = put_request(o, working_for);
		o = put_text(o, s, n, false);
		break;
	}
	*o++ = '\n';
	return o;
}

void log_write(enum log_level level, const char *fmt, ...)
{
	char message[LOG_MESSAGE_MAX + 1];
	char line[LINE_SIZE];
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	if (n < 0)
		n = snprintf(message, sizeof message, "(unprintable message)");

	size_t len = (size_t)n;
	if (len > LOG_MESSAGE_MAX) {
		len = cut(message, LOG_MESSAGE_MAX, LOG_MESSAGE_MAX - 3);
		memcpy(message + len, "...", 3);
		len += 3;
	}
	int form = atomic_load_explicit(&log_form, memory_order_relaxed);
	char *end =
	    put_message(line, (enum log_format)form, level, message, len);
	write_out(line, (size_t)(end - line));
	errno = saved;
}

void access_flush(struct access_buf *b)
{
	size_t len = b->len;

	b->len = 0;
	write_out(b->data, len);
}

/** One field of an access line, cut, with its name. */
struct field {
	const char *name;
	struct str value;
};

static struct field field(const char *name, const char *s, size_t n, size_t max)
{
	return (struct field){name, {s, s ? cut(s, n, max) : 0}};
}

static struct field field_s(const char *name, const char *s, size_t max)
{
	return field(name, s, s ? strlen(s) : 0, max);
}

static char *put_json_field(char *o, const struct field *f)
{
	o = puts_at(o, ",\"");
	o = puts_at(o, f->name);
	if (!f->value.p)
		return puts_at(o, "\":null");

	o = puts_at(o, "\":\"");
	o += json_escape(o, f->value.p, f->value.n);
	*o++ = '"';
	return o;
}

static char *put_json_number(char *o, const char *name, uint64_t v)
{
	o = puts_at(o, ",\"");
	o = puts_at(o, name);
	o = puts_at(o, "\":");
	return putu(o, v);
}

static char *put_number(char *o, const char *name, uint64_t v)
{
	*o++ = ' ';
	o = puts_at(o, name);
	*o++ = '=';
	return putu(o, v);
}

static char *put_or_dash(char *o, const struct field *f)
{
	if (!f->value.p)
		return puts_at(o, "-");
	return put_text(o, f->value.p, f->value.n, true);
}

static char *put_quoted(char *o, const struct field *f)
{
	*o++ = ' ';
	o = puts_at(o, f->name);
	o = puts_at(o, "=\"");
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
	REFERER,
	USER_AGENT,
	TOKEN,
	FIELDS
};

static uint64_t status_of(const struct log_access *a)
{
	return a->status > 0 ? (uint64_t)a->status : 0;
}

/** The fields of a line behind its time; what is not known is a dash. */
static char *put_access_text(
    char *o, const struct log_access *a, const struct field f[FIELDS])
{
	o = put_or_dash(o, &f[CLIENT]);
	o = puts_at(o, " \"");
	o = put_or_dash(o, &f[METHOD]);
	*o++ = ' ';
	o = put_or_dash(o, &f[TARGET]);
	o = puts_at(o, "\" ");
	o = putu(o, status_of(a));
	o = put_number(o, "in", a->bytes_in);
	o = put_number(o, "out", a->bytes_out);
	o = put_number(o, "us", a->duration_us);
	o = put_quoted(o, &f[REQUEST_ID]);
	o = put_quoted(o, &f[TRACE_ID]);
	o = put_quoted(o, &f[REFERER]);
	o = put_quoted(o, &f[USER_AGENT]);
	return put_quoted(o, &f[TOKEN]);
}

static char *put_access_json(
    char *o, const struct log_access *a, const struct field f[FIELDS])
{
	o = puts_at(o, "\",\"level\":\"access\"");
	o = put_json_field(o, &f[CLIENT]);
	o = put_json_field(o, &f[METHOD]);
	o = put_json_field(o, &f[TARGET]);
	o = put_json_number(o, "status", status_of(a));
	o = put_json_number(o, "bytes_in", a->bytes_in);
	o = put_json_number(o, "bytes_out", a->bytes_out);
	o = put_json_number(o, "duration_us", a->duration_us);
	o = put_json_field(o, &f[REQUEST_ID]);
	o = put_json_field(o, &f[TRACE_ID]);
	o = put_json_field(o, &f[REFERER]);
	o = put_json_field(o, &f[USER_AGENT]);
	o = put_json_field(o, &f[TOKEN]);
	*o++ = '}';
	return o;
}

void log_access(struct access_buf *b, const struct log_access *a)
{
	const struct field f[FIELDS] = {
	    [CLIENT] = field_s("client", a->client, CLIENT_MAX),
	    [METHOD] = field_s("method", a->method, METHOD_MAX),
	    [TARGET] = field("target", a->target, a->target_len, TARGET_MAX),
	    [REQUEST_ID] = field_s("request_id", a->request_id, REQUEST_ID_MAX),
	    [TRACE_ID] = field_s("trace_id", a->trace_id, TRACE_ID_MAX),
	    [REFERER] = field_s("referer", a->referer, HEADER_MAX),
	    [USER_AGENT] = field_s("user_agent", a->user_agent, HEADER_MAX),
	    [TOKEN] = field_s("token", a->token, TOKEN_MAX),
	};
	size_t worst = ACCESS_EXTRA;

	for (size_t i = 0; i < FIELDS; i++)
		worst += f[i].value.n * ESCAPE_MAX;
	if (worst > sizeof b->data - b->len)
		access_flush(b);

	int64_t now = clock_unix_ms();
	if (b->second != now / 1000 || !b->stamp[0]) {
		b->second = now / 1000;
		rfc3339_format(b->second, b->stamp);
	}

	char *o = b->data + b->len;
	int form = atomic_load_explicit(&log_form, memory_order_relaxed);
	if (form == LOG_FORMAT_JSON) {
		o = puts_at(o, "{\"time\":\"");
		o = put_stamp(o, b->stamp, (unsigned)(now % 1000));
		o = put_access_json(o, a, f);
	} else if (form == LOG_FORMAT_JOURNAL) {
		o = put_access_text(puts_at(o, "<6>"), a, f);
	} else {
		o = put_stamp(o, b->stamp, (unsigned)(now % 1000));
		o = put_access_text(puts_at(o, " access "), a, f);
	}
	*o++ = '\n';
	b->len = (size_t)(o - b->data);
}
