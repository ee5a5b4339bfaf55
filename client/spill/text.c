/* SPDX-License-Identifier: MIT */
#include "spill/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/httpdate.h"
#include "common/sizes.h"
#include "common/text.h"

/* Longest escape of one character: "\u202e" is six, "\x1b" four. */
#define ESCAPE_SIZE 12

static bool is_unprintable(uint32_t c)
{
	return utf8_is_acting(c) || c == 0xfeff;
}

/* Takes one character off `text`; says what to show for it. */
static size_t escape_one(
    const char *text, size_t len, char out[ESCAPE_SIZE], size_t *ret_used)
{
	uint32_t c = 0;
	size_t used = utf8_next(text, len, &c);
	int n;

	*ret_used = used > 0 ? used : 1;
	if (used == 0)
		n = snprintf(out, ESCAPE_SIZE, "\\x%02x",
		    (unsigned int)(unsigned char)text[0]);
	else if (c == '\\')
		n = snprintf(out, ESCAPE_SIZE, "\\\\");
	else if (c == '\n')
		n = snprintf(out, ESCAPE_SIZE, "\\n");
	else if (c == '\t')
		n = snprintf(out, ESCAPE_SIZE, "\\t");
	else if (is_unprintable(c))
		n = snprintf(out, ESCAPE_SIZE, c < 0x80 ? "\\x%02x" : "\\u%04x",
		    (unsigned int)c);
	else
		n = snprintf(out, ESCAPE_SIZE, "%.*s", (int)used, text);
	return (size_t)n;
}

void text_put(FILE *out, const char *text, size_t len)
{
	while (len > 0) {
		char shown[ESCAPE_SIZE];
		size_t used;
		size_t n = escape_one(text, len, shown, &used);

		fwrite(shown, 1, n, out);
		text += used;
		len -= used;
	}
}

void text_escape(char *buf, size_t size, const char *text)
{
	size_t len = strlen(text);
	size_t at = 0;

	while (len > 0) {
		char shown[ESCAPE_SIZE];
		size_t used;
		size_t n = escape_one(text, len, shown, &used);

		if (n >= size - at)
			break;
		memcpy(buf + at, shown, n);
		at += n;
		text += used;
		len -= used;
	}
	buf[at] = '\0';
}

json_t *text_json(const char *text)
{
	char escaped[4096];
	json_t *json = json_string(text);

	if (json != NULL)
		return json;
	text_escape(escaped, sizeof(escaped), text);
	return json_string(escaped);
}

void text_size(char buf[TEXT_NUMBER_SIZE], uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	uint64_t unit = 1024;
	size_t i = 0;

	if (bytes == SPWC_UNKNOWN) {
		snprintf(buf, TEXT_NUMBER_SIZE, "-");
		return;
	}
	if (bytes < 1024) {
		snprintf(buf, TEXT_NUMBER_SIZE, "%" PRIu64 " B", bytes);
		return;
	}
	while (i + 1 < strlen(units) && bytes / 1024 >= unit) {
		unit *= 1024;
		i++;
	}
	/* Cut, not rounded: "1024.0 KiB" would be the next unit. */
	unsigned int whole = (unsigned int)(bytes / unit) & 1023;
	unsigned int tenth =
	    (unsigned int)(bytes % unit / (unit / 1024) * 10 / 1024) % 10;
	snprintf(buf, TEXT_NUMBER_SIZE, "%u.%u %ciB", whole, tenth, units[i]);
}

void text_age(char buf[TEXT_NUMBER_SIZE], uint64_t seconds)
{
	if (seconds < 60)
		snprintf(buf, TEXT_NUMBER_SIZE, "%" PRIu64 "s", seconds);
	else if (seconds < 3600)
		snprintf(buf, TEXT_NUMBER_SIZE, "%" PRIu64 "m", seconds / 60);
	else if (seconds < 48 * 3600)
		snprintf(buf, TEXT_NUMBER_SIZE, "%" PRIu64 "h", seconds / 3600);
	else
		snprintf(
		    buf, TEXT_NUMBER_SIZE, "%" PRIu64 "d", seconds / 86400);
}

void text_time(char buf[TEXT_NUMBER_SIZE], uint64_t seconds)
{
	if (seconds > INT64_MAX)
		snprintf(buf, TEXT_NUMBER_SIZE, "-");
	else
		rfc3339_format((int64_t)seconds, buf);
}

static const char *base_name(const char *name)
{
	const char *base = name;

	for (const char *p = name; *p != '\0'; p++) {
		if (*p == '/' || *p == '\\')
			base = p + 1;
	}
	return base;
}

void text_file_name(
    char buf[TEXT_NAME_MAX + 1], const char *name, const char *fallback)
{
	const char *from = name != NULL ? base_name(name) : "";
	size_t at = 0;

	if (strspn(from, ". ") == strlen(from))
		from = fallback;

	size_t left = strlen(from);
	while (left > 0) {
		uint32_t c = 0;
		size_t used = utf8_next(from, left, &c);
		bool good = used > 0 && !is_unprintable(c) &&
			    !(at == 0 && (c == '.' || c == '-'));
		size_t n = good ? used : 1;

		if (at + n > TEXT_NAME_MAX)
			break;
		memcpy(buf + at, good ? from : "_", n);
		at += n;
		from += used > 0 ? used : 1;
		left -= used > 0 ? used : 1;
	}
	buf[at] = '\0';
}

bool text_parse_u64(const char *text, uint64_t *ret_number)
{
	return str_u64(str_from(text), ret_number) == 0;
}

bool text_parse_seconds(const char *text, uint64_t *ret_seconds)
{
	uint64_t ms;

	int r = duration_parse(text, &ms);
	if (r == -ERANGE)
		ms = UINT64_MAX / 1000 * 1000;
	else if (r < 0 || ms % 1000 != 0)
		return false;
	*ret_seconds = ms / 1000;
	return true;
}

bool text_parse_range(const char *text, struct spwc_get_opts *ret_range)
{
	const char *dash = strchr(text, '-');
	uint64_t first;
	uint64_t last;

	if (dash == NULL)
		return false;
	if (dash == text) {
		if (!text_parse_u64(text + 1, &last) || last == 0)
			return false;
		*ret_range = (struct spwc_get_opts){.suffix = last};
		return true;
	}
	if (str_u64((struct str){text, (size_t)(dash - text)}, &first) < 0)
		return false;
	if (dash[1] == '\0') {
		*ret_range = (struct spwc_get_opts){.offset = first};
		return true;
	}
	if (!text_parse_u64(dash + 1, &last) || last < first ||
	    last - first == UINT64_MAX)
		return false;
	*ret_range = (struct spwc_get_opts){
	    .offset = first,
	    .length = last - first + 1,
	};
	return true;
}
