/* SPDX-License-Identifier: MIT */
/*
 * What an origin's answer is worth: which representation it is of, and
 * whether it is what was asked for. So that bytes of two versions are never
 * put together, and no part is taken for another.
 *
 * The first answer makes the identity; every later one is held against it.
 * Parts are asked for under If-Range, so that an origin whose content changed
 * says so by sending all of it.
 *
 * Threads: any; no state.
 * Source:  RFC 9110 §8.8.2.2, §8.8.3.2, §13.1.5, §14.4, §15.3.7
 */
#ifndef INGEST_FETCH_ANSWER_H
#define INGEST_FETCH_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "ingest/fetch_head.h"

#define FETCH_SIZE_UNKNOWN UINT64_MAX

/* Which representation, as far as the origin told. */
struct fetch_identity {
	bool known;		/* there was an answer */
	bool strong;		/* `validator` is good for If-Range */
	bool by_date;		/* it is a Last-Modified, not a tag */
	bool ranges;		/* the origin serves parts of it */
	uint64_t size;		/* or FETCH_SIZE_UNKNOWN */
	char validator[FETCH_TAG_SIZE]; /* as sent */
};

/* What was asked for. */
struct fetch_asked {
	bool part;		/* else all of it */
	bool suffix;		/* the last `last` bytes */
	uint64_t first, last;	/* both included */
};

enum fetch_worth {
	FETCH_WORTH_ALL,	/* the whole content, from its first byte */
	FETCH_WORTH_PART,	/* a piece of what was asked for */
	FETCH_WORTH_END,	/* there is nothing more: all was there */
	FETCH_WORTH_CHANGED,	/* another version than before */
	FETCH_WORTH_WRONG,	/* not an answer to what was asked */
	FETCH_WORTH_STATUS,	/* an error, or what nobody asked for */
};

/* The bytes that follow. */
struct fetch_piece {
	uint64_t off;
	uint64_t end;		/* FETCH_SIZE_UNKNOWN: as long as it lasts */
	const char *why;	/* of FETCH_WORTH_WRONG: for people */
};

/** The identity that a complete head of status 200 or 206 gives. */
void fetch_identity_of(const struct fetch_head *h, struct fetch_identity *ret);

/**
 * Weigh a complete head that is no redirect.
 *
 * `id`:      of an earlier answer; not `known` for the first one.
 * Returns:   the worth; `*ret` is set with _ALL, _PART and _WRONG.
 */
enum fetch_worth fetch_answer_weigh(const struct fetch_identity *id,
    const struct fetch_asked *asked, const struct fetch_head *h,
    struct fetch_piece *ret);

#endif
