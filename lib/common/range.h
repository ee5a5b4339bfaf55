/* SPDX-License-Identifier: MIT */
/*
 * Byte ranges of HTTP: the Range field of requests, the Content-Range field
 * of answers.
 *
 * range_parse() reads the field without knowing the size of the content;
 * range_resolve() fits the result to a size. Between the two lies a value of
 * fixed size, so that a field of any length costs bounded memory, and time
 * linear in its length.
 *
 * What an answer is made of:
 *   RANGE_IGNORE, or `too_many`        -> 200
 *   RANGE_BAD                          -> 416
 *   range_resolve() == 0, size > 0     -> 416
 *   size == 0                          -> 200 (no 206 can hold no bytes)
 *   range_resolve() == 1               -> 206
 *   range_resolve() > 1                -> 206 multipart/byteranges
 *
 * Pure functions: any thread.
 */
#ifndef COMMON_RANGE_H
#define COMMON_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Members of a Range field that are kept; more set `too_many`. */
#define RANGE_ITEMS_MAX 64

/** Ranges with fewer bytes than this between them are answered as one: the
 * head of a part would cost more. */
#define RANGE_GAP_MAX 80

/** A range that ends here or later asks for what is yet to come, too, however
 * long that is: no content has a byte there. RFC 8673 §2.2 */
#define RANGE_LIVE_LAST UINT64_C(9007199254740991)

/** Bytes `first` to `last`, both included; first <= last. */
struct range {
	uint64_t first, last;
};

/** One member as it was asked for. Numbers past 2^64 are UINT64_MAX. */
struct range_item {
	uint64_t first;
	uint64_t last; /* of a suffix: its length */
	bool suffix;   /* "-N" */
	bool open;     /* "N-" */
};

/** Returns: whether a member asks for what is yet to come; see above. One that
 * ends past 2^64 does not: its end could not be told back as it was sent. */
static inline bool range_is_live(const struct range_item *item)
{
	return !item->suffix && !item->open && item->last >= RANGE_LIVE_LAST &&
	       item->last != UINT64_MAX;
}

struct range_set {
	size_t count;
	bool too_many;
	struct range_item items[RANGE_ITEMS_MAX];
};

enum range_syntax {
	RANGE_IGNORE, /* not the unit "bytes": as if the field were absent */
	RANGE_BAD,    /* "bytes" and then nonsense */
	RANGE_OK,
};

/**
 * Read the value of a Range field.
 *
 * The unit is compared without regard to case. Empty members and OWS around
 * members are accepted. One bad member (first > last counts as bad) makes the
 * whole field bad.
 *
 * Returns:   what it is; `*set` is valid only with RANGE_OK. With `too_many`
 *            it holds the first RANGE_ITEMS_MAX members.
 * Source:    RFC 9110 §14.1.1, §14.1.2, §14.2
 */
enum range_syntax range_parse(
    const char *field, size_t len, struct range_set *set);

/**
 * Fit a set to content of `size` bytes.
 *
 * Ends past the content are cut, members that lie wholly outside are dropped,
 * members that overlap, touch or leave a gap of fewer than RANGE_GAP_MAX
 * bytes become one. The result has no two ranges that overlap and keeps the
 * order in which they were first asked for.
 *
 * Units:     `size` in bytes.
 * Returns:   how many ranges are in `out`; 0 when nothing can be satisfied.
 * Ownership: `out` has room for RANGE_ITEMS_MAX ranges.
 * Source:    RFC 9110 §14.1.2, §15.3.7.2
 */
size_t range_resolve(
    const struct range_set *set, uint64_t size, struct range *out);

/**
 * Read the value of a Content-Range field of the unit "bytes".
 *
 * `bytes 0-9/100` gives 0, 9, 100; a total of `*` gives UINT64_MAX;
 * the form `bytes *` `/100` (without the space) gives first = 1, last = 0.
 *
 * Returns:   0.
 * Errors:    -EINVAL malformed, another unit, first > last or last >= total;
 *            -ERANGE a number that does not fit. Results are then as they
 *            were.
 * Source:    RFC 9110 §14.4
 */
int content_range_parse(const char *field, size_t len, uint64_t *ret_first,
    uint64_t *ret_last, uint64_t *ret_total);

#endif
