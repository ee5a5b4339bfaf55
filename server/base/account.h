/* SPDX-License-Identifier: MIT */
/*
 * Whose files are whose, and what each may have: an account for each name that
 * a token ever had. It is what a file is charged to, and outlives its token, so
 * that what was stored with it is known when there is a token of that name
 * again.
 *
 *   accounts_new()
 *     accounts_get(all, "alice")        the same for the same name
 *     account_admit(a, now)             a request
 *     account_enter(a), account_charge(a, bytes) ... account_refund(),
 *     account_leave()                   a file
 *   accounts_free()                     when no file is left
 *
 * What an account refuses has errors that mean nothing else here, so that a
 * full disk, or the quota of a directory, is told apart: -ENOSR for the bytes,
 * -ENOANO for the number of files.
 *
 * Threads: any, for every call; none waits.
 */
#ifndef BASE_ACCOUNT_H
#define BASE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include <spillway/base.h>

#include "common/text.h"

struct account;
struct accounts;

/** Who has something done: whose turn it is, and who pays. */
struct owner {
	uint64_t share;		 /* http_client_share(); see spw_job */
	struct account *account; /* NULL: nobody's */
};

/* UINT64_MAX is no limit; of the rate 0. */
struct account_limits {
	uint64_t bytes, files;
	uint64_t per_minute; /* requests */
};

/** Make an empty set. Errors: -ENOMEM. */
int accounts_new(struct accounts **ret) SPW_MUST_CHECK;

/** Free it and all of them; NULL is allowed. */
void accounts_free(struct accounts *all);

/** Returns: the account of a name, without limits at first; NULL without
    memory. It stays until accounts_free(). */
struct account *accounts_get(struct accounts *all, struct str name);

/** Set or change what it may have; what it has already stays. */
void account_limit(struct account *a, const struct account_limits *limits);

/** Returns: its name. */
const char *account_name(const struct account *a);

/**
 * May one more request be served? A minute's worth may come at once, if none
 * came for a minute.
 *
 * Units:     `now_us` is of a monotonic clock.
 * Returns:   0, or in how many seconds it may.
 */
unsigned account_admit(struct account *a, uint64_t now_us);

/** The same of requests by its links: as many, and counted by themselves, so
    that who has a link takes nothing from who made it. */
unsigned account_admit_link(struct account *a, uint64_t now_us);

/** One more file. NULL is allowed. Errors: -ENOANO. */
int account_enter(struct account *a) SPW_MUST_CHECK;

/** One that was there before: counted, whatever the limit. */
void account_restore(struct account *a, uint64_t bytes);

/** One less, of so many bytes. */
void account_leave(struct account *a, uint64_t bytes);

/** So many bytes more. NULL is allowed. Errors: -ENOSR; then none are. */
int account_charge(struct account *a, uint64_t bytes) SPW_MUST_CHECK;

/** So many bytes less. */
void account_refund(struct account *a, uint64_t bytes);

/**
 * Could `bytes` more be charged, in a file of their own? NULL is allowed.
 *
 * Errors:    -ENOSR, -ENOANO not now; -EFBIG never.
 */
int account_check(const struct account *a, uint64_t bytes) SPW_MUST_CHECK;

/** Tell what it has (but requests), and what it may have. */
void account_look(const struct account *a, struct account_limits *ret_has,
    struct account_limits *ret_max);

#endif
