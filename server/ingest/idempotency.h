/* SPDX-License-Identifier: MIT */
/*
 * Requests remembered by the key their client gave them, so that one that is
 * sent again does not do its work again.
 *
 *   idempotency_claim(t, key, print, &claim, &past)
 *     IDEMPOTENCY_FRESH    do it, then one of
 *                            idempotency_done(claim, ...)   it may be repeated
 *                            idempotency_forget(claim)      it came to nothing
 *     IDEMPOTENCY_DONE     `past` says what it made; idempotency_past_fini()
 *     IDEMPOTENCY_RUNNING  the first one is still at it
 *     IDEMPOTENCY_OTHER    the key was given to another request
 *     IDEMPOTENCY_FULL     as many run as are remembered
 *
 * Key and fingerprint are digests, made by idempotency_hash(): a key is as
 * good as a password to what it made, so only that much of it is kept. What a
 * request made is told by names: ids and entity tags of files. Whether they
 * still exist is the caller's to see, who may take a dead claim over with
 * idempotency_renew().
 *
 * At most `max` names are remembered; the oldest request goes first.
 *
 * Threads: any, for every call.
 * Source:    draft-ietf-httpapi-idempotency-key-header §2
 */
#ifndef INGEST_IDEMPOTENCY_H
#define INGEST_IDEMPOTENCY_H

#include <stddef.h>
#include <stdint.h>

#include <spillway/base.h>

#include "common/text.h"

#define IDEMPOTENCY_HASH 32
#define IDEMPOTENCY_KEY_MAX 255

struct idempotency;
struct idempotency_claim;

enum idempotency_state {
	IDEMPOTENCY_FRESH,
	IDEMPOTENCY_DONE,
	IDEMPOTENCY_RUNNING,
	IDEMPOTENCY_OTHER,
	IDEMPOTENCY_FULL,
};

/* What a request made. */
struct idempotency_past {
	int status;   /* of its answer */
	size_t count; /* of pairs in `names` */
	char *names;  /* id, NUL, entity tag, NUL, id ... */
	uint64_t serial;
};

/** Make a table. Errors: -ENOMEM. */
int idempotency_new(size_t max, struct idempotency **ret) SPW_MUST_CHECK;

/** Free it; no claim may be open. NULL is allowed. */
void idempotency_free(struct idempotency *t);

/**
 * Read the field: a structured-field string, or the bare text that people
 * send who do not know that it is one.
 *
 * Returns:   the key, without quotes; escapes are left as they are.
 * Errors:    -EINVAL empty, longer than IDEMPOTENCY_KEY_MAX, or not visible
 *            ASCII.
 * Source:    draft §2.1; RFC 9651 §3.3.3
 */
int idempotency_key_read(struct str field, struct str *ret) SPW_MUST_CHECK;

/**
 * The digest of several strings, each with its length, so that no two lists
 * of strings are alike. Errors: as digest_once().
 */
int idempotency_hash(const struct str *parts, size_t count,
    uint8_t out[IDEMPOTENCY_HASH]) SPW_MUST_CHECK;

/**
 * Ask for a key.
 *
 * Returns:   an enum idempotency_state. `*ret_claim` is set for FRESH,
 *            `*ret_past` for DONE.
 * Errors:    -ENOMEM.
 */
int idempotency_claim(struct idempotency *t,
    const uint8_t key[IDEMPOTENCY_HASH], const uint8_t print[IDEMPOTENCY_HASH],
    struct idempotency_claim **ret_claim, struct idempotency_past *ret_past)
    SPW_MUST_CHECK;

/** Free what `past` holds. */
void idempotency_past_fini(struct idempotency_past *past);

/**
 * What the key made is gone: claim it anew, unless somebody else did.
 *
 * Returns:   as idempotency_claim(), with the `past` that it gave.
 */
int idempotency_renew(struct idempotency *t,
    const uint8_t key[IDEMPOTENCY_HASH], const uint8_t print[IDEMPOTENCY_HASH],
    struct idempotency_claim **ret_claim, struct idempotency_past *past)
    SPW_MUST_CHECK;

/**
 * The request did its work: remember `count` pairs of names. When there is no
 * memory for them it is forgotten. NULL as a claim is allowed.
 */
void idempotency_done(struct idempotency_claim *claim, int status,
    const char *names, size_t names_size, size_t count);

/** The request came to nothing: the key is free. NULL is allowed. */
void idempotency_forget(struct idempotency_claim *claim);

#endif
