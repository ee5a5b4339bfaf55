/* SPDX-License-Identifier: MIT */
#include "common/text.h"

#include <errno.h>

static bool bytes_ieq(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ascii_lower(a[i]) != ascii_lower(b[i]))
			return false;
	return true;
}

bool str_eq(struct str s, const char *lit)
{
	size_t n = strlen(lit);

	return s.n == n && (n == 0 || memcmp(s.p, lit, n) == 0);
}

bool str_ieq(struct str s, const char *lit)
{
	return s.n == strlen(lit) && bytes_ieq(s.p, lit, s.n);
}

bool str_istarts(struct str s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && bytes_ieq(s.p, prefix, n);
}

bool str_iends(struct str s, const char *suffix)
{
	size_t n = strlen(suffix);

	return n == 0 || (s.n >= n && bytes_ieq(s.p + s.n - n, suffix, n));
}

static bool is_ows(char c)
{
	return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
	while (s.n > 0 && is_ows(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_ows(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool str_line_next(struct str *rest, struct str *ret)
{
	if (!rest->n)
		return false;

	const char *end = memchr(rest->p, '\n', rest->n);
	size_t n = end ? (size_t)(end - rest->p) : rest->n;
	*ret = (struct str){rest->p, n};
	if (end && n && rest->p[n - 1] == '\r')
		ret->n--;
	n += end != NULL;
	rest->p += n;
	rest->n -= n;
	return true;
}

bool token_char(char c)
{
	/* strchr() would find its own NUL. */
	return ascii_is_alpha(c) || ascii_is_digit(c) ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

bool token_valid(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!token_char(s[i]))
			return false;
	return len > 0;
}

/* Where the member that begins at `i` ends: its comma or the list's end. */
static size_t member_end(struct str list, size_t i)
{
	bool quoted = false;

	for (; i < list.n; i++) {
		if (list.p[i] == '"')
			quoted = !quoted;
		else if (quoted && list.p[i] == '\\' && i + 1 < list.n)
			i++;
		else if (!quoted && list.p[i] == ',')
			break;
	}
	return i;
}

bool str_list_next(struct str *list, struct str *item)
{
	while (list->n > 0) {
		size_t end = member_end(*list, 0);
		size_t past = end < list->n ? end + 1 : end;
		struct str member = str_trim((struct str){list->p, end});

		list->p += past;
		list->n -= past;
		if (member.n > 0) {
			*item = member;
			return true;
		}
	}
	return false;
}

int str_u64(struct str s, uint64_t *ret)
{
	uint64_t v = 0;
	bool over = false;

	if (s.n == 0)
		return -EINVAL;

	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_is_digit(s.p[i]))
			return -EINVAL;

		unsigned int digit = (unsigned int)(s.p[i] - '0');
		if (v > (UINT64_MAX - digit) / 10)
			over = true;
		else
			v = v * 10 + digit;
	}
	if (over)
		return -ERANGE;

	*ret = v;
	return 0;
}

/* Bytes of the sequence that `lead` begins; 0 if it cannot begin one. */
static size_t utf8_length(unsigned char lead)
{
	if (lead < 0x80)
		return 1;
	if (lead < 0xC2)
		return 0;
	if (lead < 0xE0)
		return 2;
	if (lead < 0xF0)
		return 3;
	return lead < 0xF5 ? 4 : 0;
}

size_t utf8_next(const char *s, size_t len, uint32_t *ret_cp)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	static const uint8_t lead_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
	unsigned char lead = len > 0 ? (unsigned char)s[0] : 0xFF;
	size_t n = utf8_length(lead);

	if (n == 0 || n > len)
		return 0;

	uint32_t cp = lead & lead_bits[n];
	for (size_t i = 1; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if ((c & 0xC0) != 0x80)
			return 0;
		cp = cp << 6 | (c & 0x3FU);
	}
	if (cp < least[n] || cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
		return 0;

	*ret_cp = cp;
	return n;
}

bool utf8_is_acting(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x061c ||
	       cp == 0x200e || cp == 0x200f || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2066 && cp <= 0x2069);
}

bool utf8_valid(const char *s, size_t len)
{
	size_t i = 0;

	while (i < len) {
		/* Most text is ASCII: eight bytes at a time. */
		uint64_t word;
		if (len - i >= sizeof(word)) {
			memcpy(&word, s + i, sizeof(word));
			if ((word & UINT64_C(0x8080808080808080)) == 0) {
				i += sizeof(word);
				continue;
			}
		}

		uint32_t cp;
		size_t n = utf8_next(s + i, len - i, &cp);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

size_t hex_encode(const uint8_t *in, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[in[i] >> 4];
		*out++ = digits[in[i] & 15];
	}
	*out = '\0';
	return 2 * len;
}

ssize_t hex_decode(const char *in, size_t len, uint8_t *out)
{
	if (len % 2 != 0)
		return -EINVAL;

	for (size_t i = 0; i < len; i += 2) {
		int high = ascii_hex_value(in[i]);
		int low = ascii_hex_value(in[i + 1]);
		if (high < 0 || low < 0)
			return -EINVAL;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	return (ssize_t)(len / 2);
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Without padding, without NUL; returns the characters written. */
static size_t base64_write(
    const uint8_t *in, size_t len, const char *digits, char *out)
{
	uint32_t acc = 0;
	unsigned int bits = 0;
	char *o = out;

	for (size_t i = 0; i < len; i++) {
		acc = (acc << 8 | in[i]) & 0xFFFF;
		for (bits += 8; bits >= 6; bits -= 6)
			*o++ = digits[acc >> (bits - 6) & 63];
	}
	if (bits > 0)
		*o++ = digits[acc << (6 - bits) & 63];
	return (size_t)(o - out);
}

size_t base64_encode(const uint8_t *in, size_t len, char *out)
{
	size_t n = base64_write(in, len, base64_digits, out);

	while (n % 4 != 0)
		out[n++] = '=';
	out[n] = '\0';
	return n;
}

size_t base64url_encode(const uint8_t *in, size_t len, char *out)
{
	size_t n = base64_write(in, len, base64url_digits, out);

	out[n] = '\0';
	return n;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ascii_is_digit(c))
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

ssize_t base64_decode(const char *in, size_t len, uint8_t *out, size_t cap)
{
	uint32_t acc = 0;
	unsigned int bits = 0;
	size_t n = 0;

	/* All of the padding or none of it. */
	if (len > 0 && len % 4 == 0 && in[len - 1] == '=')
		len -= in[len - 2] == '=' ? 2 : 1;
	if (len % 4 == 1)
		return -EINVAL;

	for (size_t i = 0; i < len; i++) {
		int v = base64_value(in[i]);
		if (v < 0)
			return -EINVAL;

		acc = (acc << 6 | (uint32_t)v) & 0x3FFF;
		bits += 6;
		if (bits < 8)
			continue;
		if (n == cap)
			return -E2BIG;
		bits -= 8;
		out[n++] = (uint8_t)(acc >> bits);
	}
	return (ssize_t)n;
}
