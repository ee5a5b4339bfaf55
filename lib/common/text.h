/* SPDX-License-Identifier: MIT */
/*
 * Byte strings with a length, and the small text jobs that HTTP fields need:
 * lists, tokens, numbers, UTF-8, hex and base64.
 *
 * A `struct str` is a view: it owns nothing, need not end in NUL and is valid
 * as long as the bytes it points at. Comparisons know ASCII only, never the
 * locale. Every call is a pure function: any thread, any time.
 */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

struct str {
	const char *p;
	size_t n;
};

/** A view of a C string; NULL gives the empty view `{NULL, 0}`. */
static inline struct str str_from(const char *s)
{
	return (struct str){s, s ? strlen(s) : 0};
}

static inline bool ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool ascii_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/** Value of a hex digit, -1 if it is none. */
static inline int ascii_hex_value(char c)
{
	if (ascii_is_digit(c))
		return c - '0';

	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/** Whether `s` is exactly the bytes of `lit`. */
bool str_eq(struct str s, const char *lit);

/** As str_eq(), ASCII letters matching in either case. */
bool str_ieq(struct str s, const char *lit);

/** Whether `s` begins with `prefix`, ASCII letters in either case. */
bool str_istarts(struct str s, const char *prefix);

/** Whether `s` ends in `suffix`, ASCII letters in either case. */
bool str_iends(struct str s, const char *suffix);

/**
 * `s` without the spaces and tabs at both ends.
 *
 * Source: RFC 9110 §5.6.3 (OWS)
 */
struct str str_trim(struct str s);

/**
 * Take the next line off a text, without what ends it (LF or CRLF). What
 * stands behind the last one's end is a line unless it is empty.
 *
 * Returns:   true and the line in `*ret`; false when there is none left.
 */
bool str_line_next(struct str *rest, struct str *ret);

/**
 * Whether the bytes are a token: at least one tchar and nothing else.
 *
 * Source: RFC 9110 §5.6.2
 */
bool token_valid(const char *s, size_t len);

/** Whether `c` may stand in a token. */
bool token_char(char c);

/**
 * Take the next member off a comma separated list.
 *
 * Empty members are skipped, members come without surrounding OWS, and a
 * comma inside a quoted string does not separate. A quoted string that never
 * ends reaches to the end of the list; what a member means is the caller's
 * to judge.
 *
 * Returns:   true and the member in `*item`; false when there is none left.
 *            `*list` is moved past what was taken.
 * Source:    RFC 9110 §5.6.1, §5.6.4
 */
bool str_list_next(struct str *list, struct str *item);

/**
 * Read a decimal number that fills the whole of `s`: digits only, no sign,
 * no space.
 *
 * Returns:   0.
 * Errors:    -EINVAL not a number; -ERANGE over UINT64_MAX. `*ret` is then
 *            as it was.
 */
int str_u64(struct str s, uint64_t *ret);

/**
 * Length of the well-formed UTF-8 sequence at the start of `s`.
 *
 * Overlong forms, surrogates and code points over U+10FFFF are not
 * well-formed.
 *
 * Returns:   1 to 4 and the code point in `*ret_cp`; 0 when the bytes at `s`
 *            are not (or not completely) a sequence, or `len` is 0.
 * Source:    RFC 3629 §4
 */
size_t utf8_next(const char *s, size_t len, uint32_t *ret_cp);

/** Whether the bytes are well-formed UTF-8 (RFC 3629); NUL counts as text. */
bool utf8_valid(const char *s, size_t len);

/**
 * Returns: whether a character acts on whoever looks at it: it moves the
 *          cursor, separates lines, or turns text around.
 */
bool utf8_is_acting(uint32_t cp);

/**
 * Write `len` bytes as lower-case hex and a NUL.
 *
 * Returns:   2 * `len`.
 * Ownership: `out` has room for 2 * `len` + 1 bytes.
 */
size_t hex_encode(const uint8_t *in, size_t len, char *out);

/**
 * Read hex digits of either case.
 *
 * Returns:   the number of bytes written, `len` / 2.
 * Errors:    -EINVAL an odd length or a byte that is no hex digit; `out` may
 *            have been written in part.
 * Ownership: `out` has room for `len` / 2 bytes.
 */
ssize_t hex_decode(const char *in, size_t len, uint8_t *out);

/** Bytes that base64 text of `n` bytes takes, with its NUL. */
#define BASE64_SIZE(n) (((n) + 2) / 3 * 4 + 1)

/**
 * Write standard base64 with padding and a NUL.
 *
 * Returns:   the length of the text, without the NUL.
 * Ownership: `out` has room for BASE64_SIZE(`len`) bytes.
 * Source:    RFC 4648 §4
 */
size_t base64_encode(const uint8_t *in, size_t len, char *out);

/** As base64_encode() with the URL-safe alphabet, no padding (§5). */
size_t base64url_encode(const uint8_t *in, size_t len, char *out);

/**
 * Read standard base64. Padding may be left off altogether, as RFC 9651
 * §4.2.7 asks of receivers; white space and half a padding are errors.
 *
 * Returns:   the number of bytes written; `len` / 4 * 3 + 2 are always enough.
 * Errors:    -EINVAL not base64; -E2BIG more than `cap` bytes. `out` may have
 *            been written in part.
 * Source:    RFC 4648 §4
 */
ssize_t base64_decode(const char *in, size_t len, uint8_t *out, size_t cap);

#endif
