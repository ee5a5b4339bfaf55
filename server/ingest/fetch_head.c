/* SPDX-License-Identifier: MIT */
#include "ingest/fetch_head.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/httpdate.h"
#include "common/media.h"
#include "common/range.h"
#include "common/text.h"
#include "common/urlguard.h"

/* Longer than any name that is kept: it may come with a path. */
#define NAME_SENT_MAX 1024

void fetch_head_init(struct fetch_head *h)
{
	memset(h, 0, sizeof(*h));
	strbuf_init(&h->kept, FETCH_KEPT_MAX);
}

void fetch_head_fini(struct fetch_head *h)
{
	free(h->location);
	h->location = NULL;
	strbuf_fini(&h->kept);
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

/* Copy a value of one line, the first time; what does not fit is left out. */
static void text_field(char *out, size_t size, struct str value)
{
	if (out[0] != '\0' || value.n >= size)
		return;
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];
		if ((c < 0x20 && c != '\t') || c == 0x7F)
			return;
	}

	memcpy(out, value.p, value.n);
	out[value.n] = '\0';
}

static enum fetch_head_step type_field(
    struct fetch_head *h, struct str value)
{
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] >= 0x7F)
			return FETCH_HEAD_MORE;

	h->parts |= media_type_is(value, "multipart/byteranges");
	text_field(h->type, sizeof(h->type), value);
	return FETCH_HEAD_MORE;
}

/* The content stays as it is coded, and is given out with that said. */
static enum fetch_head_step encoding_field(
    struct fetch_head *h, struct str value)
{
	struct str list = value, item;

	while (str_list_next(&list, &item))
		if (!token_valid(item.p, item.n))
			return FETCH_HEAD_MORE;
	if (!str_ieq(value, "identity"))
		text_field(h->coding, sizeof(h->coding), value);
	return FETCH_HEAD_MORE;
}

static enum fetch_head_step disposition_field(
    struct fetch_head *h, struct str value)
{
	char name[NAME_SENT_MAX];
	ssize_t len = disposition_filename(value, name, sizeof(name));

	if (len > 0 && (size_t)len < sizeof(h->name) && h->name[0] == '\0') {
		memcpy(h->name, name, (size_t)len);
		h->name[len] = '\0';
	}
	return FETCH_HEAD_MORE;
}

static enum fetch_head_step modified_field(
    struct fetch_head *h, struct str value)
{
	int64_t at;

	if (!h->has_modified && httpdate_parse(value.p, value.n, &at) == 0) {
		h->has_modified = true;
		h->modified_s = at;
		text_field(h->modified, sizeof(h->modified), value);
	}
	return FETCH_HEAD_MORE;
}

static enum fetch_head_step date_field(struct fetch_head *h, struct str value)
{
	int64_t at;

	if (!h->has_date && httpdate_parse(value.p, value.n, &at) == 0) {
		h->has_date = true;
		h->date_s = at;
	}
	return FETCH_HEAD_MORE;
}

static enum fetch_head_step etag_field(struct fetch_head *h, struct str value)
{
	text_field(h->etag, sizeof(h->etag), value);
	return FETCH_HEAD_MORE;
}

static enum fetch_head_step accept_ranges_field(
    struct fetch_head *h, struct str value)
{
	struct str item;

	while (str_list_next(&value, &item))
		h->ranges |= str_ieq(item, "bytes");
	return FETCH_HEAD_MORE;
}

static enum fetch_head_step range_field(struct fetch_head *h, struct str value)
{
	if (h->has_range ||
	    content_range_parse(value.p, value.n, &h->range_first,
		&h->range_last, &h->range_total) < 0)
		h->bad_range = true;
	h->has_range = !h->bad_range;
	return FETCH_HEAD_MORE;
}

static enum fetch_head_step retry_field(struct fetch_head *h, struct str value)
{
	if (str_u64(value, &h->retry_after_s) < 0)
		(void)!httpdate_parse(value.p, value.n, &h->retry_at_s);
	return FETCH_HEAD_MORE;
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

/* What is wanted of a head, and whether it is kept as it came. */
static const struct {
	const char *name;
	enum fetch_head_step (*read)(struct fetch_head *h, struct str value);
	bool kept;
} fields[] = {
    {"Accept-Ranges", accept_ranges_field, false},
    {"Age", NULL, true},
    {"Cache-Control", NULL, true},
    {"Content-Disposition", disposition_field, false},
    {"Content-Encoding", encoding_field, false},
    {"Content-Length", length_field, false},
    {"Content-Range", range_field, false},
    {"Content-Type", type_field, false},
    {"Date", date_field, true},
    {"ETag", etag_field, true},
    {"Expires", NULL, true},
    {"Last-Modified", modified_field, true},
    {"Location", location_field, false},
    {"Pragma", NULL, true},
    {"Retry-After", retry_field, false},
    {"Transfer-Encoding", coding_field, false},
    {"Vary", NULL, true},
};

/* One that does not fit is left out whole. */
static void keep_field(struct fetch_head *h, const char *name, struct str value)
{
	size_t len = strlen(name) + value.n + 3;

	if (h->kept.len + len > FETCH_KEPT_MAX ||
	    memchr(value.p, '\0', value.n) || memchr(value.p, '\r', value.n))
		return;

	strbuf_addf(&h->kept, "%s: ", name);
	strbuf_add(&h->kept, value.p, value.n);
	strbuf_addc(&h->kept, '\n');
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
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!str_ieq(name, fields[i].name))
			continue;
		if (fields[i].kept)
			keep_field(h, fields[i].name, value);
		return fields[i].read ? fields[i].read(h, value)
				      : FETCH_HEAD_MORE;
	}
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

	if (h->kept.failed)
		return FETCH_HEAD_NO_MEMORY;
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
