/* SPDX-License-Identifier: MIT */
/*
 * Writes compact JSON (RFC 8259) into a strbuf.
 *
 *   struct json j;
 *   json_init(&j, &out);
 *   json_object_begin(&j, NULL);
 *   json_string(&j, "id", id);
 *   json_array_begin(&j, "parts");
 *   json_uint(&j, NULL, 1);
 *   json_array_end(&j);
 *   json_object_end(&j);
 *   if (out.failed) ...
 *
 * Commas are its business; a key is given inside objects and is NULL inside
 * arrays and at the top. Failure is the strbuf's: it is sticky and checked
 * once. Nesting deeper than JSON_DEPTH_MAX, an end without its begin and a
 * key in the wrong place are programmer errors.
 *
 * Keys are the program's own words and are written as they are; they must not
 * need escaping. Values are data: quotes, backslashes and characters that act
 * on who reads them (utf8_is_acting()) are escaped, and each byte that is not
 * part of valid UTF-8 becomes U+FFFD, so the output is valid JSON whatever
 * comes in.
 * Threads: one at a time for one writer.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/*
 * jansson, which reads JSON for us, has functions of these two names. So the
 * symbols are others here, and a file that needs both includes jansson.h
 * first, as the order of includes has it anyway; json_string() is then ours.
 */
#define json_string json_write_string
#define json_null json_write_null

#define JSON_DEPTH_MAX 31
/** A byte of input becomes at most so many bytes of output. */
#define JSON_ESCAPE_MAX 6

struct json {
	struct strbuf *out;
	uint32_t arrays; /* bit n: nesting level n is an array */
	uint8_t depth;
	bool comma; /* the next value has a neighbour before it */
};

/**
 * Begin to write at the end of `out`.
 *
 * Ownership: `out` stays the caller's and must outlive the writer.
 */
void json_init(struct json *j, struct strbuf *out);

/** Open an object. */
void json_object_begin(struct json *j, const char *key);
/** Close the object opened last. */
void json_object_end(struct json *j);
/** Open an array. */
void json_array_begin(struct json *j, const char *key);
/** Close the array opened last. */
void json_array_end(struct json *j);

/** Write a NUL-terminated string; NULL is written as null. */
void json_string(struct json *j, const char *key, const char *s);
/** Write `n` bytes as a string; NUL bytes are data. `s` NULL is null. */
void json_string_n(struct json *j, const char *key, const char *s, size_t n);
/** Write a number; beyond 2^53 some readers round it. */
void json_uint(struct json *j, const char *key, uint64_t v);
/** Write a number that may be negative. */
void json_int(struct json *j, const char *key, int64_t v);
/** Write true or false. */
void json_bool(struct json *j, const char *key, bool v);
/** Write null. */
void json_null(struct json *j, const char *key);
/** Write text that is a JSON value already. */
void json_raw(struct json *j, const char *key, const char *text);

/**
 * Escape `n` bytes as the inside of a JSON string, without the quotes.
 *
 * Units:     `out` has room for JSON_ESCAPE_MAX bytes for each of `n`.
 * Returns:   the bytes written; no NUL is added.
 */
size_t json_escape(char *out, const char *s, size_t n);

#endif
