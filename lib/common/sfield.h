/* SPDX-License-Identifier: MIT */
/*
 * Structured fields: one item (Upload-Offset: 100), or a dictionary
 * (Upload-Limit: max-size=100, min-size=0), read strictly, as the text of the
 * protocol demands: what is not well-formed as a whole is nothing at all.
 *
 *   sf_item_read(field, &item)             an item
 *
 *   while ((r = sf_dict_next(&rest, &key, &item)) > 0)
 *           ...                            a dictionary
 *
 * An item's bytes are a view of the field; nothing is allocated. A dictionary
 * that came in several field lines is read line by line: no member goes over
 * the end of a line. Of members with the same key the last counts, which is
 * the caller's to heed.
 *
 * Pure functions: any thread.
 * Source: RFC 9651
 */
#ifndef COMMON_SFIELD_H
#define COMMON_SFIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/text.h"

/** No integer is larger, or lower than its negative (§3.3.1). */
#define SF_INTEGER_MAX INT64_C(999999999999999)

enum sf_type {
	SF_INTEGER, /* 5; the value is in `integer` */
	SF_DECIMAL, /* 5.125; in thousandths in `integer` */
	SF_STRING,  /* "a\"b"; `raw` is what stands between the quotes */
	SF_TOKEN,   /* a/b */
	SF_BYTES,   /* :aGk=:; `raw` is the base64 text, see sf_bytes() */
	SF_BOOLEAN, /* ?1; in `boolean` */
	SF_DATE,    /* @1659578233; in seconds in `integer` */
	SF_DISPLAY, /* %"f%c3%bc"; `raw` is what stands between the quotes */
	SF_LIST,    /* (1 2); `raw` is what stands between the brackets */
};

struct sf_item {
	enum sf_type type;
	int64_t integer;
	bool boolean;
	struct str raw;
	struct str params; /* as they stand, from the first `;` on */
};

/**
 * Read a field that is one item. Its parameters are checked, and left to
 * those who want them.
 *
 * Returns:   0.
 * Errors:    -EINVAL it is not an item, or more than one; `*ret` is then not
 *            to be read.
 * Source:    RFC 9651 §4.2.3
 */
int sf_item_read(struct str field, struct sf_item *ret);

/**
 * Read a field that is an integer, of no less than 0.
 *
 * Returns:   0.
 * Errors:    -EINVAL it is anything else; `*ret` is then as it was.
 */
int sf_unsigned_read(struct str field, uint64_t *ret);

/** Read a field that is a boolean. As sf_unsigned_read(). */
int sf_boolean_read(struct str field, bool *ret);

/**
 * Take the next member off a dictionary. A key without a value is true.
 *
 * Returns:   1 and the member; 0 when there is none left. `*rest` is moved
 *            past what was taken.
 * Errors:    -EINVAL malformed: the members that came before do not count
 *            either.
 * Source:    RFC 9651 §4.2.2
 */
int sf_dict_next(struct str *rest, struct str *ret_key, struct sf_item *ret);

/**
 * Decode an item of type SF_BYTES.
 *
 * Returns:   how many bytes were written.
 * Errors:    as base64_decode().
 */
ssize_t sf_bytes(const struct sf_item *item, uint8_t *out, size_t cap);

#endif
