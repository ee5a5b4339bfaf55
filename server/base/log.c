/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/line.h"
#include "base/log_sink.h"
#include "common/httpdate.h"

/** No byte becomes more than so many, in any format. */
#define ESCAPE_MAX JSON_ESCAPE_MAX
/** Everything of a message's line that is not the message. */
#define LINE_EXTRA 384
#define LINE_SIZE (LOG_MESSAGE_MAX * ESCAPE_MAX + LINE_EXTRA)

atomic_int log_threshold = LOG_LEVEL_INFO;

static _Thread_local struct log_request *working_for;

static const struct {
	const char *name;
	const char *column;   /* padded */
	const char *prefix;   /* sd-daemon(3) */
	const char *priority; /* of an entry */
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", "error  ", "<3>", "PRIORITY=3\n"},
    [LOG_LEVEL_WARN] = {"warn", "warn   ", "<4>", "PRIORITY=4\n"},
    [LOG_LEVEL_INFO] = {"info", "info   ", "<6>", "PRIORITY=6\n"},
    [LOG_LEVEL_DEBUG] = {"debug", "debug  ", "<7>", "PRIORITY=7\n"},
};

void log_init(enum log_level level, enum log_format format, int fd)
{
	log_sink_set(format, fd);
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

bool log_whom(struct log_request *ret)
{
	if (!working_for)
		return false;

	log_request_id(working_for);
	*ret = *working_for;
	return true;
}

/** Whom the line is about, in brackets. */
static char *put_request(char *o, struct log_request *r)
{
	if (!r)
		return o;

	*o++ = '[';
	o = line_puts(o, log_request_id(r));
	if (r->trace_id[0]) {
		*o++ = ' ';
		o = line_puts(o, r->trace_id);
	}
	return line_puts(o, "] ");
}

static char *put_json_request(char *o, struct log_request *r)
{
	if (!r)
		return o;

	o = line_puts(o, "\",\"request_id\":\"");
	o = line_puts(o, log_request_id(r));
	if (!r->trace_id[0])
		return o;

	o = line_puts(o, "\",\"trace_id\":\"");
	o = line_puts(o, r->trace_id);
	o = line_puts(o, "\",\"span_id\":\"");
	return line_puts(o, r->span_id);
}

static char *put_entry_request(char *o, struct log_request *r)
{
	if (!r)
		return o;

	o = line_puts(o, "REQUEST_ID=");
	o = line_puts(o, log_request_id(r));
	*o++ = '\n';
	if (!r->trace_id[0])
		return o;

	o = line_puts(o, "TRACE_ID=");
	o = line_puts(o, r->trace_id);
	o = line_puts(o, "\nSPAN_ID=");
	o = line_puts(o, r->span_id);
	*o++ = '\n';
	return o;
}

static char *put_message(
    char *o, enum log_form form, enum log_level level, const char *s, size_t n)
{
	char seconds[RFC3339_SIZE];
	int64_t now = clock_unix_ms();

	rfc3339_format(now / 1000, seconds);
	switch (form) {
	case LOG_FORM_ENTRY:
		o = line_puts(o, levels[level].priority);
		o = line_puts(o, LOG_ENTRY_WHO);
		o = put_entry_request(o, working_for);
		o = line_puts(o, "MESSAGE=");
		o = line_text(o, s, n, false);
		break;
	case LOG_FORM_PREFIX:
		o = line_puts(o, levels[level].prefix);
		o = put_request(o, working_for);
		o = line_text(o, s, n, false);
		break;
	case LOG_FORM_JSON:
		o = line_puts(o, "{\"time\":\"");
		o = line_stamp(o, seconds, (unsigned)(now % 1000));
		o = line_puts(o, "\",\"level\":\"");
		o = line_puts(o, levels[level].name);
		o = put_json_request(o, working_for);
		o = line_puts(o, "\",\"message\":\"");
		o += json_escape(o, s, n);
		o = line_puts(o, "\"}");
		break;
	case LOG_FORM_TEXT:
	default:
		o = line_stamp(o, seconds, (unsigned)(now % 1000));
		*o++ = ' ';
		o = line_puts(o, levels[level].column);
		o = put_request(o, working_for);
		o = line_text(o, s, n, false);
		break;
	}
	*o++ = '\n';
	return o;
}

char *log_put_lost(char *o, enum log_form form, unsigned n)
{
	/* It is not about whoever has the next line. */
	struct log_request *before = log_for(NULL);
	char text[64];
	int len = snprintf(text, sizeof(text), "%u line%s lost", n,
	    n == 1 ? " was" : "s were");

	o = put_message(o, form, LOG_LEVEL_WARN, text, (size_t)len);
	log_for(before);
	return o;
}

static void put_out(enum log_level level, const char *message, size_t len)
{
	enum log_form form = log_sink_form();
	char line[LINE_SIZE];
	char *end = put_message(line, form, level, message, len);

	if (form == LOG_FORM_ENTRY) {
		if (log_sink_send(line, (size_t)(end - line)))
			return;
		end = put_message(line, LOG_FORM_PREFIX, level, message, len);
	}
	log_sink_write(line, (size_t)(end - line));
}

void log_write(enum log_level level, const char *fmt, ...)
{
	char message[LOG_MESSAGE_MAX + 1];
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	if (n < 0)
		n = snprintf(message, sizeof message, "(unprintable message)");

	size_t len = (size_t)n;
	if (len > LOG_MESSAGE_MAX) {
		len = line_cut(message, LOG_MESSAGE_MAX, LOG_MESSAGE_MAX - 3);
		memcpy(message + len, "...", 3);
		len += 3;
	}
	put_out(level, message, len);
	errno = saved;
}
