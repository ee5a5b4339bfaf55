/* SPDX-License-Identifier: MIT */
#include "common/media.h"

#include <errno.h>

#include "common/percent.h"

/* ---- parameters -------------------------------------------------------- */

struct param {
	struct str name;
	struct str value; /* still escaped, without quotes */
	bool quoted;
};

bool media_type_is(struct str field, const char *type)
{
	const char *semi = field.n > 0 ? memchr(field.p, ';', field.n) : NULL;
	size_t n = semi ? (size_t)(semi - field.p) : field.n;

	return str_ieq(str_trim((struct str){field.p, n}), type);
}

static struct str str_skip(struct str s, size_t n)
{
	return (struct str){s.p + n, s.n - n};
}

static bool is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7F;
}

/* Bytes of the quoted string that `s` begins with, quotes included; 0 if it
 * does not end. */
static size_t quoted_length(struct str s)
{
	for (size_t i = 1; i < s.n && !is_control(s.p[i]); i++) {
		if (s.p[i] == '"')
			return i + 1;
		if (s.p[i] == '\\' && i + 1 < s.n &&
		    (s.p[i + 1] == '"' || s.p[i + 1] == '\\'))
			i++;
	}
	return 0;
}

/* An unquoted value is taken up to the `;`: servers send names with spaces
 * and UTF-8 in them like this, and there is only one way to read it. */
static size_t bare_length(struct str s)
{
	size_t i = 0;

	for (; i < s.n && s.p[i] != ';'; i++)
		if (s.p[i] == '"' || is_control(s.p[i]))
			return 0;
	return str_trim((struct str){s.p, i}).n;
}

/* Take the value off the front of `s`. */
static int value_take(struct str *s, struct param *param)
{
	param->quoted = s->n > 0 && s->p[0] == '"';
	size_t n = param->quoted ? quoted_length(*s) : bare_length(*s);
	if (n == 0)
		return -EINVAL;

	param->value = (struct str){s->p, n};
	if (param->quoted)
		param->value = (struct str){s->p + 1, n - 2};
	*s = str_trim(str_skip(*s, n));
	return s->n > 0 && s->p[0] != ';' ? -EINVAL : 0;
}

/* Take `;name=value` off the front of `s`. 1, or 0 at the end, or -EINVAL. */
static int param_next(struct str *s, struct param *param)
{
	size_t n = 0;

	while (s->n > 0 && s->p[0] == ';')
		*s = str_trim(str_skip(*s, 1));
	if (s->n == 0)
		return 0;

	while (n < s->n && token_char(s->p[n]))
		n++;
	if (n == 0 || n == s->n || s->p[n] != '=')
		return -EINVAL;

	param->name = (struct str){s->p, n};
	*s = str_skip(*s, n + 1);
	int r = value_take(s, param);
	return r < 0 ? r : 1;
}

static ssize_t value_copy(const struct param *param, char *out, size_t cap)
{
	struct str v = param->value;
	size_t n = 0;

	for (size_t i = 0; i < v.n; i++) {
		char next = i + 1 < v.n ? v.p[i + 1] : '\0';
		if (param->quoted && v.p[i] == '\\' &&
		    (next == '"' || next == '\\'))
			i++;
		if (n + 1 >= cap)
			return -E2BIG;
		out[n++] = v.p[i];
	}
	if (cap == 0)
		return -E2BIG;

	out[n] = '\0';
	return (ssize_t)n;
}

ssize_t header_param(struct str field, const char *name, char *out, size_t cap)
{
	const char *semi = field.n > 0 ? memchr(field.p, ';', field.n) : NULL;
	struct param param;
	int r;

	if (!semi)
		return -ENOENT;

	struct str rest = str_skip(field, (size_t)(semi - field.p));
	while ((r = param_next(&rest, &param)) > 0)
		if (str_ieq(param.name, name))
			return value_copy(&param, out, cap);
	return r < 0 ? r : -ENOENT;
}

/* ---- file names in ----------------------------------------------------- */

/* Decode the value part of an ISO-8859-1 ext-value to UTF-8. Three bytes of
 * escape become at most two, so `out` may be where `in` is. */
static ssize_t latin1_decode(struct str in, char *out)
{
	size_t n = 0;

	while (in.n > 0) {
		char byte;
		size_t took = in.p[0] == '%' ? 3 : 1;
		if (took > in.n || percent_decode(in.p, took, &byte) != 1)
			return -EINVAL;

		unsigned char c = (unsigned char)byte;
		if (c >= 0x80) {
			if (took == 1)
				return -EINVAL;
			out[n++] = (char)(0xC0 | c >> 6);
			c = 0x80 | (c & 0x3F);
		}
		out[n++] = (char)c;
		in = str_skip(in, took);
	}
	return (ssize_t)n;
}

/* Decode `charset'language'value` in place. Source: RFC 8187 §3.2.1 */
static ssize_t ext_value_decode(char *buf, size_t len)
{
	char *quote = memchr(buf, '\'', len);
	if (!quote)
		return -EINVAL;

	struct str charset = {buf, (size_t)(quote - buf)};
	struct str rest = {quote + 1, len - charset.n - 1};
	const char *second = memchr(rest.p, '\'', rest.n);
	if (!second)
		return -EINVAL;

	struct str value = str_skip(rest, (size_t)(second - rest.p) + 1);
	if (str_ieq(charset, "ISO-8859-1"))
		return latin1_decode(value, buf);
	if (!str_ieq(charset, "UTF-8"))
		return -EINVAL;

	ssize_t n = percent_decode(value.p, value.n, buf);
	if (n < 0 || !utf8_valid(buf, (size_t)n))
		return -EINVAL;
	return n;
}

ssize_t disposition_filename(struct str field, char *out, size_t cap)
{
	ssize_t n = header_param(field, "filename*", out, cap);

	if (n >= 0)
		n = ext_value_decode(out, (size_t)n);
	if (n < 0) {
		ssize_t plain = header_param(field, "filename", out, cap);
		if (plain == -ENOENT)
			return n;
		n = plain;
	}
	if (n < 0)
		return n;

	size_t len = filename_sanitise(out, (size_t)n);
	out[len] = '\0';
	return (ssize_t)len;
}

size_t filename_sanitise(char *name, size_t len)
{
	size_t i = 0;
	size_t n = 0;

	for (size_t k = 0; k < len; k++)
		if (name[k] == '/' || name[k] == '\\')
			i = k + 1;

	while (i < len) {
		uint32_t cp;
		size_t width = utf8_next(name + i, len - i, &cp);
		if (width == 0) {
			name[i] = '_';
			cp = '_';
			width = 1;
		}
		if (!utf8_is_acting(cp) && !(n == 0 && cp == '.')) {
			if (n + width > FILENAME_MAX_BYTES)
				break;
			memmove(name + n, name + i, width);
			n += width;
		}
		i += width;
	}
	return n;
}

/* ---- file names out ---------------------------------------------------- */

/* Counts all, keeps what fits. */
struct sink {
	char *out;
	size_t cap, n;
};

static void sink_char(struct sink *k, char c)
{
	if (k->n < k->cap)
		k->out[k->n] = c;
	k->n++;
}

static void sink_text(struct sink *k, const char *s)
{
	while (*s != '\0')
		sink_char(k, *s++);
}

/* Take the next character of a name; what may not be sent is an `_`. */
static struct str name_next(struct str *s, uint32_t *cp)
{
	size_t width = utf8_next(s->p, s->n, cp);
	struct str c = {s->p, width};

	if (width == 0 || utf8_is_acting(*cp) || *cp == '/' || *cp == '\\') {
		c = (struct str){"_", 1};
		*cp = '_';
	}
	*s = str_skip(*s, width > 0 ? width : 1);
	return c;
}

/* `name` in quotes; false when that is not all of it. A `%` is kept but some
 * browsers decode it, so it wants the other form too. */
static bool sink_quoted(struct sink *k, struct str name)
{
	bool exact = true;

	sink_char(k, '"');
	while (name.n > 0) {
		uint32_t cp;
		name_next(&name, &cp);
		bool plain = cp < 0x80 && cp != '"';
		exact = exact && plain && cp != '%';
		sink_char(k, plain ? (char)cp : '_');
	}
	sink_char(k, '"');
	return exact;
}

/* Escapes all but the unreserved characters, which are attr-chars (RFC 8187
 * §3.2.1) every one. */
static void sink_encoded(struct sink *k, struct str name)
{
	while (name.n > 0) {
		uint32_t cp;
		char escapes[4 * 3 + 1];
		struct str c = name_next(&name, &cp);
		percent_encode(c.p, c.n, escapes, sizeof(escapes));
		sink_text(k, escapes);
	}
}

size_t disposition_format(
    const char *name, bool attachment, char *out, size_t cap)
{
	struct sink k = {out, cap, 0};
	struct str s = str_from(name);

	sink_text(&k, attachment ? "attachment" : "inline");
	if (s.n > 0) {
		sink_text(&k, "; filename=");
		if (!sink_quoted(&k, s)) {
			sink_text(&k, "; filename*=UTF-8''");
			sink_encoded(&k, s);
		}
	}

	/* Half a field is worse than none. */
	if (cap > 0)
		out[k.n < cap ? k.n : 0] = '\0';
	return k.n;
}
