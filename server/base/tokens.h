/* SPDX-License-Identifier: MIT */
/*
 * The tokens that a file lists (common/authfile.h), by what they are: the file
 * has but their hashes. One name may have several, so that a new one can be
 * handed out before the old one goes; their limits are the name's.
 *
 * Threads: any, once it is loaded.
 */
#ifndef BASE_TOKENS_H
#define BASE_TOKENS_H

#include "base/account.h"
#include "base/conf.h"

struct tokens;

struct token {
	uint8_t hash[32];
	unsigned scopes; /* enum auth_scope */
	struct account_limits limits;
	char name[];
};

/**
 * Read a file. May block.
 *
 * Errors:    -EINVAL, of reading, -ENOMEM; `reterr` says file, line and why.
 */
int tokens_load(const char *path, struct tokens **ret,
    struct conf_error *reterr) SPW_MUST_CHECK;

/** Free them; NULL is allowed. */
void tokens_free(struct tokens *all);

/**
 * Find one by its text. Takes as long for one that there is not.
 *
 * Returns:   NULL when there is none.
 */
const struct token *tokens_find(const struct tokens *all, struct str text);

/** Returns: a scope set that one name's tokens have together; 0: none. */
unsigned tokens_scopes(const struct tokens *all, struct str name);

/** Give the accounts their limits. Errors: -ENOMEM. */
int tokens_limit(
    const struct tokens *all, struct accounts *accounts) SPW_MUST_CHECK;

/**
 * Make one up: what its owner gets, and the line for the file, which grants
 * all but admin.
 *
 * Errors:    -EINVAL the name is not fit for one; of the system.
 */
#define TOKEN_TEXT_SIZE 52
#define TOKEN_FILE_LINE_SIZE 256
int tokens_make(const char *name, char ret_text[TOKEN_TEXT_SIZE],
    char ret_line[TOKEN_FILE_LINE_SIZE]) SPW_MUST_CHECK;

#endif
