/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include <assert.h>
#include <string.h>

#include "common/text.h"

/** A word with the same byte eight times. */
#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/*
 * What each byte needs: '.' is written as it is, 'u' is \u00XX, '8' begins
 * (or is not) a sequence of UTF-8, anything else is its short escape.
 */
static const char escapes[256 + 1] = "uuuuuuuubtnufruuuuuuuuuuuuuuuuuu"
				     "..\"............................."
				     "............................\\..."
				     "...............................u"
				     "88888888888888888888888888888888"
				     "88888888888888888888888888888888"
				     "88888888888888888888888888888888"
				     "88888888888888888888888888888888";

static inline bool is_plain(char c)
{
	return escapes[(unsigned char)c] == '.';
}

static char *put_u(char *o, unsigned c)
{
	static const char hex[] = "0123456789abcdef";

	*o++ = '\\';
	*o++ = 'u';
	for (int shift = 12; shift >= 0; shift -= 4)
		*o++ = hex[c >> shift & 15];
	return o;
}

/** Write one byte or sequence that is not plain; returns what it took. */
static size_t escape_one(char **out, const char *s, size_t n)
{
	unsigned char c = (unsigned char)*s;
	char how = escapes[c];
	char *o = *out;

	if (how == '8') {
		uint32_t cp;
		size_t seq = utf8_next(s, n, &cp);
		/* Commands to terminals, and ends of lines to some programs:
		   logs are read there. All are below 0x10000. */
		if (seq && utf8_is_acting(cp)) {
			*out = put_u(o, cp);
			return seq;
		}
		memcpy(o, seq ? s : "\xef\xbf\xbd", seq ? seq : 3);
		*out = o + (seq ? seq : 3);
		return seq ? seq : 1;
	}

	if (how == 'u') {
		*out = put_u(o, c);
		return 1;
	}
	*o++ = '\\';
	*o++ = how;
	*out = o;
	return 1;
}

/** Whether a byte of `x` is zero; `x` with the value to be found XORed in. */
static inline uint64_t has_zero(uint64_t x)
{
	return (x - EACH(0x01)) & ~x & EACH(0x80);
}

/** Whether all eight bytes are plain: the words of a descriptor mostly are. */
static inline bool are_plain(uint64_t x)
{
	uint64_t control = (x - EACH(0x20)) & ~x & EACH(0x80);
	uint64_t marks = has_zero(x ^ EACH('"')) | has_zero(x ^ EACH('\\')) |
			 has_zero(x ^ EACH(0x7f));

	return !(control | marks | (x & EACH(0x80)));
}

size_t json_escape(char *out, const char *s, size_t n)
{
	char *o = out;
	const char *end = s + n;

	while (s < end) {
		uint64_t word;

		while (end - s >= (ptrdiff_t)sizeof word) {
			memcpy(&word, s, sizeof word);
			if (!are_plain(word))
				break;
			memcpy(o, &word, sizeof word);
			s += sizeof word;
			o += sizeof word;
		}
		while (s < end && is_plain(*s))
			*o++ = *s++;
		if (s < end)
			s += escape_one(&o, s, (size_t)(end - s));
	}
	return (size_t)(o - out);
}

void json_init(struct json *j, struct strbuf *out)
{
	*j = (struct json){.out = out};
}

/** Write what stands before a value: the comma and the key. */
static void before_value(struct json *j, const char *key)
{
	bool array = j->depth == 0 || (j->arrays >> j->depth & 1);

	assert(array == (key == NULL));
	if (!key) {
		if (j->comma)
			strbuf_addc(j->out, ',');
	} else {
		size_t n = strlen(key);
		if (!strbuf_reserve(j->out, n + 4))
			return;

		char *p = j->out->data + j->out->len;
		if (j->comma)
			*p++ = ',';
		*p++ = '"';
		memcpy(p, key, n);
		p += n;
		*p++ = '"';
		*p++ = ':';
		*p = '\0';
		j->out->len = (size_t)(p - j->out->data);
	}
	j->comma = true;
}

static void begin(struct json *j, const char *key, char bracket, bool array)
{
	assert(j->depth < JSON_DEPTH_MAX);
	before_value(j, key);
	strbuf_addc(j->out, bracket);
	j->depth++;
	j->arrays &= ~(UINT32_C(1) << j->depth);
	j->arrays |= (uint32_t)array << j->depth;
	j->comma = false;
}

static void end(struct json *j, char bracket, bool array)
{
	assert(j->depth > 0);
	assert((j->arrays >> j->depth & 1) == array);
	strbuf_addc(j->out, bracket);
	j->depth--;
	j->comma = true;
}

void json_object_begin(struct json *j, const char *key)
{
	begin(j, key, '{', false);
}

void json_object_end(struct json *j)
{
	end(j, '}', false);
}

void json_array_begin(struct json *j, const char *key)
{
	begin(j, key, '[', true);
}

void json_array_end(struct json *j)
{
	end(j, ']', true);
}

/**
 * The usual case in one go, when the worst escape of the string fits what is
 * allocated; else piece by piece, so that `max` is judged by what the string
 * really takes.
 */
static void add_string(struct strbuf *b, const char *s, size_t n)
{
	if (!b->failed && n < (b->cap - b->len) / JSON_ESCAPE_MAX &&
	    b->cap - b->len - n * JSON_ESCAPE_MAX > 2) {
		char *p = b->data + b->len;
		*p++ = '"';
		p += json_escape(p, s, n);
		*p++ = '"';
		*p = '\0';
		b->len = (size_t)(p - b->data);
		return;
	}

	strbuf_addc(b, '"');
	while (n > 0 && !b->failed) {
		size_t plain = 0;
		while (plain < n && is_plain(s[plain]))
			plain++;
		strbuf_add(b, s, plain);
		s += plain;
		n -= plain;
		if (n == 0)
			break;

		char one[JSON_ESCAPE_MAX];
		char *p = one;
		size_t took = escape_one(&p, s, n);
		strbuf_add(b, one, (size_t)(p - one));
		s += took;
		n -= took;
	}
	strbuf_addc(b, '"');
}

void json_string_n(struct json *j, const char *key, const char *s, size_t n)
{
	if (!s) {
		json_null(j, key);
		return;
	}

	before_value(j, key);
	add_string(j->out, s, n);
}

void json_string(struct json *j, const char *key, const char *s)
{
	json_string_n(j, key, s, s ? strlen(s) : 0);
}

void json_uint(struct json *j, const char *key, uint64_t v)
{
	before_value(j, key);
	strbuf_addu(j->out, v);
}

void json_int(struct json *j, const char *key, int64_t v)
{
	before_value(j, key);
	strbuf_addi(j->out, v);
}

void json_bool(struct json *j, const char *key, bool v)
{
	json_raw(j, key, v ? "true" : "false");
}

void json_null(struct json *j, const char *key)
{
	json_raw(j, key, "null");
}

void json_raw(struct json *j, const char *key, const char *text)
{
	before_value(j, key);
	strbuf_adds(j->out, text);
}
