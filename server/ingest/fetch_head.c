/* SPDX-License-Identifier: MIT */
#include "ingest/fetch_head.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/httpdate.h"
#include "common/media.h"
#include "common/text.h"
#include "common/urlguard.h"

/* Longer than any name that is kept: it may come with a path. */
#define NAME_SENT_MAX 1024

void fetch_head_init(struct fetch_head *h)
{
	memset(h, 0, sizeof(*h));
}

void fetch_head_fini(struct fetch_head *h)
{
	free(h->location);
	h->location = NULL;
}

/* Forget an interim answer, but not what it has cost. */
static void restart(struct fetch_head *h)
{
	size_t bytes = h->bytes;

	fetch_head_fini(h);
	fetch_head_init(h);
	h->bytes = bytes;
}

static enum fetch_head_step wrong(struct fetch_head *h, const char *why)
{
	h->wrong = why;
	return FETCH_HEAD_WRONG;
}

/* `HTTP/1.1 200 OK` */
static enum fetch_head_step status_line(struct fetch_head *h, struct str line)
{
	const char *space = memchr(line.p, ' ', line.n);
	size_t at = space ? (size_t)(space - line.p) + 1 : line.n;
	int status = 0;

	if (line.n < at + 3 || (line.n > at + 3 && line.p[at + 3] != ' '))
		return wrong(h, "its status line is malformed");
	for (size_t i = at; i < at + 3; i++) {
		if (!ascii_is_digit(line.p[i]))
			return wrong(h, "its status line is malformed");
		status = status * 10 + (line.p[i] - '0');
	}
	if (status < 100)
		return wrong(h, "its status line is malformed");

	h->status = status;
	return FETCH_HEAD_MORE;
}

static enum fetch_head_step length_field(
    struct fetch_head *h, struct str value)
{
	struct str item;
	uint64_t length;
	bool any = false;

	/* Repeated lines and lists are the same thing; all must agree. */
	while (str_list_next(&value, &item)) {
		if (str_u64(item, &length) < 0)
			return wrong(h, "its Content-Length is not a length");
		if (h->has_length && h->length != length)
			return wrong(h, "it has two different Content-Lengths");
		h->has_length = any = true;
		h->length = length;
	}
	return any ? FETCH_HEAD_MORE
		   : wrong(h, "its Content-Length is not a length");
}

static enum fetch_head_step coding_field(
    struct fetch_head *h, struct str value)
{
	if (h->chunked || !str_ieq(value, "chunked"))
		return wrong(h, "its Transfer-Encoding was not asked for");

	h->chunked = true;
	return FETCH_HEAD_MORE;
}

static void type_field(struct fetch_head *h, struct str value)
{
	if (h->type[0] != '\0' || value.n >= sizeof(h->type))
		return;
	for (size_t i = 0; i < value.n; i++)
		if ((value.p[i] < 0x20 && value.p[i] != '\t') ||
		    value.p[i] >= 0x7F)
			return;

	memcpy(h->type, value.p, value.n);
	h->type[value.n] = '\0';
}

static void disposition_field(struct fetch_head *h, struct str value)
{
	char name[NAME_SENT_MAX];
	ssize_t len = disposition_filename(value, name, sizeof(name));

	if (len <= 0 || (size_t)len >= sizeof(h->name) || h->name[0] != '\0')
		return;

	memcpy(h->name, name, (size_t)len);
	h->name[len] = '\0';
}

static void modified_field(struct fetch_head *h, struct str value)
{
	int64_t at;

	if (h->has_modified || httpdate_parse(value.p, value.n, &at) < 0)
		return;

	h->has_modified = true;
	h->modified_s = at;
}

static enum fetch_head_step location_field(
    struct fetch_head *h, struct str value)
{
	if (h->has_location)
		return wrong(h, "it has two Locations");

	h->has_location = true;
	if (value.n == 0 || value.n > URL_MAX_BYTES ||
	    memchr(value.p, '\0', value.n))
		return FETCH_HEAD_MORE;

	h->location = strndup(value.p, value.n);
	return h->location ? FETCH_HEAD_MORE : FETCH_HEAD_NO_MEMORY;
}

static enum fetch_head_step field_line(struct fetch_head *h, struct str line)
{
	const char *colon = memchr(line.p, ':', line.n);

	/* Nothing that matters here is ever folded or nameless. */
	if (!colon || line.p[0] == ' ' || line.p[0] == '\t')
		return FETCH_HEAD_MORE;

	struct str name = {line.p, (size_t)(colon - line.p)};
	struct str value = {colon + 1, line.n - name.n - 1};

	/* `Content-Length : 5` is one to some readers. */
	name = str_trim(name);
	value = str_trim(value);
	if (str_ieq(name, "Content-Length"))
		return length_field(h, value);
	if (str_ieq(name, "Transfer-Encoding"))
		return coding_field(h, value);
	if (str_ieq(name, "Location"))
		return location_field(h, value);
	if (str_ieq(name, "Content-Type"))
		type_field(h, value);
	else if (str_ieq(name, "Content-Disposition"))
		disposition_field(h, value);
	else if (str_ieq(name, "Last-Modified"))
		modified_field(h, value);
	return FETCH_HEAD_MORE;
}

static enum fetch_head_step blank_line(struct fetch_head *h)
{
	if (h->status == 0)
		return FETCH_HEAD_MORE;
	if (h->status == 101)
		return wrong(h, "it switches to a protocol nobody asked for");
	if (h->status < 200) {
		restart(h);
		return FETCH_HEAD_MORE;
	}
	/* RFC 9112 §6.3: "ought to be handled as an error". */
	if (h->chunked && h->has_length)
		return wrong(h, "it has both a length and chunks");

	h->complete = true;
	h->bytes = 0;
	return FETCH_HEAD_DONE;
}

enum fetch_head_step fetch_head_line(
    struct fetch_head *h, const char *line, size_t len)
{
	struct str s = {line, len};

	h->bytes += len;
	if (h->bytes > FETCH_HEAD_MAX)
		return FETCH_HEAD_TOO_LARGE;
	if (h->complete)
		return FETCH_HEAD_MORE;

	if (s.n > 0 && s.p[s.n - 1] == '\n')
		s.n--;
	if (s.n > 0 && s.p[s.n - 1] == '\r')
		s.n--;
	if (s.n == 0)
		return blank_line(h);
	if (h->status == 0)
		return status_line(h, s);
	return field_line(h, s);
}

bool fetch_head_redirects(const struct fetch_head *h)
{
	switch (h->status) {
	case 301:
	case 302:
	case 303:
	case 307:
	case 308:
		return true;
	default:
		return false;
	}
}
