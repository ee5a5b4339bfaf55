/* SPDX-License-Identifier: MIT */
#include "base/line.h"

#include <string.h>

#include "common/text.h"

/** "2026-11-21T06:00:00", what stands before the milliseconds. */
#define STAMP_SECONDS_LEN 19

char *line_put(char *o, const char *s, size_t n)
{
	memcpy(o, s, n);
	return o + n;
}

char *line_puts(char *o, const char *s)
{
	return line_put(o, s, strlen(s));
}

char *line_putu(char *o, uint64_t v)
{
	char text[20];
	size_t at = sizeof text;

	do {
		text[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return line_put(o, text + at, sizeof text - at);
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

/* What is a character to UTF-8 may be a command to terminals, and the end of a
   line to some programs. */
char *line_text(char *o, const char *s, size_t n, bool quoted)
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
		if (seq > 1 && utf8_is_acting(cp))
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

size_t line_cut(const char *s, size_t n, size_t max)
{
	if (n <= max)
		return n;

	n = max;
	while (n > max - 3 && ((unsigned char)s[n] & 0xc0) == 0x80)
		n--;
	return n;
}

char *line_stamp(char *o, const char *seconds, unsigned ms)
{
	o = line_put(o, seconds, STAMP_SECONDS_LEN);
	*o++ = '.';
	*o++ = (char)('0' + ms / 100);
	*o++ = (char)('0' + ms / 10 % 10);
	*o++ = (char)('0' + ms % 10);
	*o++ = 'Z';
	return o;
}
