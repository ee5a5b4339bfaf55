/* SPDX-License-Identifier: MIT */
#include "common/percent.h"

#include <errno.h>

/* The byte that `%XX` at `p` stands for, -1 if there is no escape. */
static int escape_value(const char *p, size_t len)
{
	if (len < 3 || p[0] != '%')
		return -1;

	int high = ascii_hex_value(p[1]);
	int low = ascii_hex_value(p[2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

ssize_t percent_decode(const char *in, size_t len, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (in[i] != '%') {
			out[n++] = in[i];
			continue;
		}

		int v = escape_value(in + i, len - i);
		if (v < 0)
			return -EINVAL;
		out[n++] = (char)v;
		i += 2;
	}
	return (ssize_t)n;
}

static bool is_unreserved(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || c == '-' || c == '.' ||
	       c == '_' || c == '~';
}

size_t percent_encode(const char *in, size_t len, char *out, size_t cap)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t n = 0;
	size_t kept = 0;

	for (size_t i = 0; i < len; i++) {
		size_t width = is_unreserved(in[i]) ? 1 : 3;
		/* Once something did not fit, nothing after it may. */
		if (kept == n && cap > 0 && width < cap - n) {
			unsigned char c = (unsigned char)in[i];
			if (width == 3) {
				out[n] = '%';
				out[n + 1] = digits[c >> 4];
				out[n + 2] = digits[c & 15];
			} else {
				out[n] = in[i];
			}
			kept += width;
		}
		n += width;
	}
	if (cap > 0)
		out[kept] = '\0';
	return n;
}

bool query_next(
    const char **cursor, const char *end, struct str *key, struct str *value)
{
	const char *p = *cursor;

	while (p < end && *p == '&')
		p++;
	if (p == end) {
		*cursor = end;
		return false;
	}

	size_t left = (size_t)(end - p);
	const char *amp = memchr(p, '&', left);
	size_t n = amp ? (size_t)(amp - p) : left;
	const char *eq = memchr(p, '=', n);
	key->p = p;
	key->n = eq ? (size_t)(eq - p) : n;
	value->p = eq ? eq + 1 : p + n;
	value->n = eq ? n - key->n - 1 : 0;
	*cursor = p + n;
	return true;
}

/* Returns: how far `text` goes before `c`. */
static size_t length_before(const char *text, size_t len, char c)
{
	const char *found = len > 0 ? memchr(text, c, len) : NULL;

	return found ? (size_t)(found - text) : len;
}

/* Without the user of the authority, if it has one. Returns: its length. */
static size_t cut_user(char *text, size_t len)
{
	size_t at = length_before(text, len, '/');

	if (len - at < 2 || text[at + 1] != '/' ||
	    length_before(text, at, '?') < at)
		return len;

	char *authority = text + at + 2;
	size_t rest = len - at - 2, n = length_before(authority, rest, '/');
	n = length_before(authority, n, '?');
	for (size_t i = n; i > 0; i--) {
		if (authority[i - 1] != '@')
			continue;
		memmove(authority, authority + i, rest - i);
		return len - i;
	}
	return len;
}

static size_t cut_values(char *text, size_t len)
{
	char *query = text + length_before(text, len, '?'), *out = query;
	struct str key, value;

	if (query == text + len)
		return len;

	const char *cursor = query + 1, *end = text + len;
	while (query_next(&cursor, end, &key, &value)) {
		if (key.p + key.n == end || key.p[key.n] != '=')
			continue;
		*out = out == query ? '?' : '&';
		memmove(out + 1, key.p, key.n + 1);
		out += key.n + 2;
	}
	return (size_t)(out - text);
}

size_t url_redact(char *text, size_t len)
{
	len = length_before(text, len, '#');
	return cut_values(text, cut_user(text, len));
}

/* Take one decoded byte off the front of form-encoded text. */
static char form_byte(struct str *s)
{
	int v = escape_value(s->p, s->n);
	size_t took = v < 0 ? 1 : 3;
	char c = v < 0 ? s->p[0] : (char)v;

	if (v < 0 && c == '+')
		c = ' ';
	s->p += took;
	s->n -= took;
	return c;
}

static bool form_equals(struct str s, const char *key)
{
	/* A decoded NUL must not end the comparison. */
	for (; s.n > 0; key++)
		if (*key == '\0' || form_byte(&s) != *key)
			return false;
	return *key == '\0';
}

bool query_get(const char *query, size_t len, const char *key, char *out,
    size_t cap, size_t *ret_len)
{
	const char *cursor = query;
	struct str k;
	struct str v;

	if (len == 0)
		return false;

	do {
		if (!query_next(&cursor, query + len, &k, &v))
			return false;
	} while (!form_equals(k, key));

	size_t n = 0;
	for (; v.n > 0; n++) {
		char c = form_byte(&v);
		if (n + 1 < cap)
			out[n] = c;
	}
	if (cap > 0)
		out[n < cap ? n : cap - 1] = '\0';
	*ret_len = n;
	return true;
}
