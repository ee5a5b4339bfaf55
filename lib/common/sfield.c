/* SPDX-License-Identifier: MIT */
#include "common/sfield.h"

#include <errno.h>

/* Digits of an integer, and of a decimal before its point (§4.2.4). */
#define INTEGER_DIGITS 15
#define DECIMAL_DIGITS 12
#define FRACTION_DIGITS 3

static bool at(struct str s, char c)
{
	return s.n && *s.p == c;
}

static void skip(struct str *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

static void skip_spaces(struct str *s)
{
	while (at(*s, ' '))
		skip(s, 1);
}

static void skip_ows(struct str *s)
{
	while (at(*s, ' ') || at(*s, '\t'))
		skip(s, 1);
}

/* Move `n` bytes from `s` to a view of their own. */
static struct str cut(struct str *s, size_t n)
{
	struct str taken = {s->p, n};

	skip(s, n);
	return taken;
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

/* ---- bare items -------------------------------------------------------- */

static size_t count_digits(struct str s)
{
	size_t n = 0;

	while (n < s.n && ascii_is_digit(s.p[n]))
		n++;
	return n;
}

static int64_t number(struct str digits)
{
	int64_t v = 0;

	for (size_t i = 0; i < digits.n; i++)
		v = v * 10 + (digits.p[i] - '0');
	return v;
}

/* §4.2.4 */
static int read_number(struct str *s, struct sf_item *ret)
{
	bool negative = at(*s, '-');

	if (negative)
		skip(s, 1);
	size_t whole = count_digits(*s);
	if (!whole || whole > INTEGER_DIGITS)
		return -EINVAL;

	ret->type = SF_INTEGER;
	ret->integer = number(cut(s, whole));
	if (at(*s, '.')) {
		skip(s, 1);
		size_t part = count_digits(*s);
		if (whole > DECIMAL_DIGITS || !part || part > FRACTION_DIGITS)
			return -EINVAL;

		ret->type = SF_DECIMAL;
		int64_t fraction = number(cut(s, part));
		for (; part < FRACTION_DIGITS; part++)
			fraction *= 10;
		ret->integer = ret->integer * 1000 + fraction;
	}
	if (negative)
		ret->integer = -ret->integer;
	return 0;
}

/* §4.2.5 */
static int read_string(struct str *s, struct sf_item *ret)
{
	skip(s, 1);
	for (size_t i = 0; i < s->n; i++) {
		char c = s->p[i];

		if (c == '"') {
			ret->type = SF_STRING;
			ret->raw = cut(s, i);
			skip(s, 1);
			return 0;
		}
		if (c == '\\') {
			i++;
			if (i == s->n || (s->p[i] != '"' && s->p[i] != '\\'))
				return -EINVAL;
		} else if (c < ' ' || c > '~') {
			return -EINVAL;
		}
	}
	return -EINVAL;
}

static int lower_hex(char c)
{
	return ascii_lower(c) == c ? ascii_hex_value(c) : -1;
}

/* The byte that two lower-case hex digits behind a `%` are, -1 for none. */
static int escaped(struct str s, size_t i)
{
	int high = s.n - i > 2 ? lower_hex(s.p[i + 1]) : -1;
	int low = high >= 0 ? lower_hex(s.p[i + 2]) : -1;

	return low < 0 ? -1 : high * 16 + low;
}

/* §4.2.10: what the escapes stand for is UTF-8. */
static int read_display(struct str *s, struct sf_item *ret)
{
	uint32_t cp;
	char seq[4];
	size_t have = 0;

	if (s->n < 2 || s->p[1] != '"')
		return -EINVAL;
	skip(s, 2);
	for (size_t i = 0; i < s->n; i++) {
		char c = s->p[i];

		if (c < ' ' || c > '~')
			return -EINVAL;
		if (c == '"') {
			ret->type = SF_DISPLAY;
			ret->raw = cut(s, i);
			skip(s, 1);
			return have ? -EINVAL : 0;
		}
		if (c == '%') {
			int byte = escaped(*s, i);
			if (byte < 0)
				return -EINVAL;
			c = (char)byte;
			i += 2;
		}
		seq[have++] = c;
		if (utf8_next(seq, have, &cp))
			have = 0;
		else if (have == sizeof(seq))
			return -EINVAL;
	}
	return -EINVAL;
}

/* §4.2.6 */
static int read_token(struct str *s, struct sf_item *ret)
{
	size_t n = 1;

	while (n < s->n &&
	       (token_char(s->p[n]) || s->p[n] == ':' || s->p[n] == '/'))
		n++;
	ret->type = SF_TOKEN;
	ret->raw = cut(s, n);
	return 0;
}

static bool base64_char(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || c == '+' || c == '/' ||
	       c == '=';
}

/* §4.2.7 */
static int read_bytes(struct str *s, struct sf_item *ret)
{
	skip(s, 1);
	size_t n = 0;
	while (n < s->n && base64_char(s->p[n]))
		n++;
	if (n == s->n || s->p[n] != ':')
		return -EINVAL;

	ret->type = SF_BYTES;
	ret->raw = cut(s, n);
	skip(s, 1);
	return 0;
}

/* §4.2.8 */
static int read_boolean(struct str *s, struct sf_item *ret)
{
	if (s->n < 2 || (s->p[1] != '0' && s->p[1] != '1'))
		return -EINVAL;

	ret->type = SF_BOOLEAN;
	ret->boolean = s->p[1] == '1';
	skip(s, 2);
	return 0;
}

/* §4.2.9 */
static int read_date(struct str *s, struct sf_item *ret)
{
	skip(s, 1);
	int r = read_number(s, ret);
	if (r < 0 || ret->type != SF_INTEGER)
		return -EINVAL;

	ret->type = SF_DATE;
	return 0;
}

/* §4.2.3.1 */
static int read_bare(struct str *s, struct sf_item *ret)
{
	*ret = (struct sf_item){0};
	if (!s->n)
		return -EINVAL;

	char c = *s->p;
	switch (c) {
	case '"':
		return read_string(s, ret);
	case ':':
		return read_bytes(s, ret);
	case '?':
		return read_boolean(s, ret);
	case '@':
		return read_date(s, ret);
	case '%':
		return read_display(s, ret);
	}
	if (c == '-' || ascii_is_digit(c))
		return read_number(s, ret);

	return c == '*' || ascii_is_alpha(c) ? read_token(s, ret) : -EINVAL;
}

/* ---- keys, parameters, lists ------------------------------------------- */

/* §4.2.3.3 */
static int read_key(struct str *s, struct str *ret)
{
	size_t n = 0;

	if (!s->n || !(is_lower(*s->p) || *s->p == '*'))
		return -EINVAL;
	while (n < s->n &&
	       (is_lower(s->p[n]) || ascii_is_digit(s->p[n]) ||
		   s->p[n] == '_' || s->p[n] == '-' || s->p[n] == '.' ||
		   s->p[n] == '*'))
		n++;
	*ret = cut(s, n);
	return 0;
}

/* §4.2.3.2 */
static int read_params(struct str *s, struct str *ret)
{
	const char *start = s->p;

	while (at(*s, ';')) {
		struct sf_item value;
		struct str key;

		skip(s, 1);
		skip_spaces(s);
		if (read_key(s, &key) < 0)
			return -EINVAL;
		if (at(*s, '=')) {
			skip(s, 1);
			if (read_bare(s, &value) < 0)
				return -EINVAL;
		}
	}
	*ret = (struct str){start, (size_t)(s->p - start)};
	return 0;
}

/* §4.2.1.2 */
static int read_list(struct str *s, struct sf_item *ret)
{
	struct sf_item member;

	skip(s, 1);
	const char *start = s->p;
	for (;;) {
		skip_spaces(s);
		if (at(*s, ')'))
			break;
		if (read_bare(s, &member) < 0 ||
		    read_params(s, &member.params) < 0)
			return -EINVAL;
		if (!at(*s, ' ') && !at(*s, ')'))
			return -EINVAL;
	}
	*ret = (struct sf_item){
	    .type = SF_LIST, .raw = {start, (size_t)(s->p - start)}};
	skip(s, 1);
	return read_params(s, &ret->params);
}

static int read_item(struct str *s, struct sf_item *ret)
{
	int r = read_bare(s, ret);

	return r < 0 ? r : read_params(s, &ret->params);
}

/* ---- fields ------------------------------------------------------------ */

int sf_item_read(struct str field, struct sf_item *ret)
{
	skip_spaces(&field);
	int r = read_item(&field, ret);
	if (r < 0)
		return r;

	skip_spaces(&field);
	return field.n ? -EINVAL : 0;
}

int sf_unsigned_read(struct str field, uint64_t *ret)
{
	struct sf_item item;

	if (sf_item_read(field, &item) < 0 || item.type != SF_INTEGER ||
	    item.integer < 0)
		return -EINVAL;

	*ret = (uint64_t)item.integer;
	return 0;
}

int sf_boolean_read(struct str field, bool *ret)
{
	struct sf_item item;

	if (sf_item_read(field, &item) < 0 || item.type != SF_BOOLEAN)
		return -EINVAL;

	*ret = item.boolean;
	return 0;
}

/* What may stand behind a member: the end, or a comma and another. */
static int end_member(struct str *rest)
{
	skip_ows(rest);
	if (!rest->n)
		return 0;
	if (*rest->p != ',')
		return -EINVAL;

	skip(rest, 1);
	skip_ows(rest);
	return rest->n ? 0 : -EINVAL;
}

int sf_dict_next(struct str *rest, struct str *ret_key, struct sf_item *ret)
{
	int r;

	skip_spaces(rest);
	if (!rest->n)
		return 0;
	if (read_key(rest, ret_key) < 0)
		return -EINVAL;

	if (at(*rest, '=')) {
		skip(rest, 1);
		r = at(*rest, '(') ? read_list(rest, ret)
				   : read_item(rest, ret);
	} else {
		*ret = (struct sf_item){.type = SF_BOOLEAN, .boolean = true};
		r = read_params(rest, &ret->params);
	}
	if (r == 0)
		r = end_member(rest);
	return r < 0 ? r : 1;
}

ssize_t sf_bytes(const struct sf_item *item, uint8_t *out, size_t cap)
{
	return base64_decode(item->raw.p, item->raw.n, out, cap);
}
