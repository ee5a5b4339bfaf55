/* SPDX-License-Identifier: MIT */
/*
 * What the fields that caches go by say, of a request and of an answer, and
 * what follows for content that is kept: how long it is fresh, how old it is,
 * whether it may be used.
 *
 *   caching_read(fields, len, &said)       an answer, as it is kept
 *   cache_control_read(field, &asked)      a request
 *   if (caching_storable(&said)) ...       keep it
 *   lifetime = caching_lifetime_s(&said, received_s)
 *   age = caching_age_s(&said, ...)
 *   caching_use(&said, lifetime, age, &asked)
 *
 * This is a shared cache: s-maxage counts, what is private is not kept.
 * Nothing of a client's request goes to an origin, so that all requests for a
 * URL are alike, and of Vary only `*` matters.
 *
 * Pure functions: any thread.
 * Source: RFC 9111; RFC 5861 (stale-while-revalidate, stale-if-error)
 */
#ifndef COMMON_CACHING_H
#define COMMON_CACHING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

/** A directive with a number that was not given. */
#define CACHING_NONE UINT64_MAX
/** Larger numbers count as this one: 68 years. RFC 9111 §1.2.2 */
#define CACHING_MAX_S (UINT64_C(1) << 31)
/** The longest that an answer is fresh that says nothing of it. */
#define CACHING_GUESS_MAX_S 86400

/** Room for a validator; a longer one counts as none. */
#define CACHING_TAG_SIZE 256
#define CACHING_DATE_SIZE 48

struct cache_control {
	bool no_store, no_cache, must_understand;
	bool must_revalidate, proxy_revalidate;
	bool is_private, only_if_cached;
	/* Seconds, or CACHING_NONE. */
	uint64_t max_age, s_maxage, min_fresh, max_stale;
	uint64_t while_revalidate, if_error;
};

/** What an answer says. */
struct caching {
	struct cache_control control;
	bool has_control;
	bool varies; /* Vary: * */
	bool has_date, has_modified, has_expires;
	/* Unix; an Expires that is no date is long ago. */
	int64_t date_s, modified_s, expires_s;
	bool has_age;
	uint64_t age_s;
	/* As sent; "" without. */
	char etag[CACHING_TAG_SIZE];
	char modified[CACHING_DATE_SIZE];
};

/** Begin with nothing said. */
void cache_control_init(struct cache_control *cc);

/**
 * Read a Cache-Control field into `cc`, on top of those before.
 *
 * Directives that are not known are skipped. Of two that say the same thing
 * the one that allows less counts; a max-age or s-maxage that is no number is
 * 0, so that what is in doubt is stale. `private` and `no-cache` that name
 * fields count as those that do not.
 *
 * Source: RFC 9111 §4.2.1, §5.2
 */
void cache_control_read(struct str field, struct cache_control *cc);

/**
 * Read the fields of an answer: lines `Name: value`, each with a line feed.
 * Of fields that may come once, the first counts; malformed ones do not.
 *
 * Source: RFC 9111 §5.1, §5.3
 */
void caching_read(const char *lines, size_t len, struct caching *ret);

/**
 * Bring what is kept up to date by an answer that says it has not changed:
 * what that says takes the place of what was said.
 *
 * Returns:   false when it is about another version: the tags differ.
 * Source:    RFC 9111 §3.2, §4.3.4
 */
bool caching_freshen(struct caching *kept, const struct caching *newer);

/** Whether a 200 to a GET without credentials may be kept. RFC 9111 §3 */
bool caching_storable(const struct caching *c);

/**
 * How long it is fresh, from when the origin made it; by what it says, or a
 * tenth of how long it had not been changed then. With no-cache it never is.
 *
 * Units:     Unix seconds; seconds.
 * Source:    RFC 9111 §4.2.1, §4.2.2
 */
uint64_t caching_lifetime_s(const struct caching *c, int64_t received_s);

/**
 * The same for a redirect, which bounds how long what it leads to is fresh:
 * one that is permanent lasts, unless it says otherwise; another does only as
 * long as it says.
 *
 * Returns:   CACHING_NONE: no bound.
 */
uint64_t caching_redirect_s(
    const struct caching *c, int64_t received_s, bool permanent);

/**
 * How old it is.
 *
 * Units:     Unix seconds; when it was asked for, when it came, and now.
 * Source:    RFC 9111 §4.2.3
 */
uint64_t caching_age_s(const struct caching *c, int64_t asked_s,
    int64_t received_s, int64_t now_s);

enum caching_use {
	CACHING_FRESH,	   /* use it */
	CACHING_STALE,	   /* use it, and say that it is stale */
	CACHING_MEANWHILE, /* the same, and ask the origin meanwhile */
	CACHING_VALIDATE,  /* ask the origin first */
};

/**
 * What may be done with it for a request.
 *
 * Source:    RFC 9111 §4.2.4, §5.2.1; RFC 5861 §3
 */
enum caching_use caching_use(const struct caching *c, uint64_t lifetime_s,
    uint64_t age_s, const struct cache_control *asked);

/**
 * Whether it may be used although the origin, asked, failed: as long after
 * its time as it says (stale-if-error), else `limit_s`.
 *
 * Source:    RFC 9111 §4.2.4, §4.3.3; RFC 5861 §4
 */
bool caching_usable_on_error(const struct caching *c, uint64_t lifetime_s,
    uint64_t age_s, uint64_t limit_s);

#endif
