/* SPDX-License-Identifier: MIT */
/*
 * Lines of the files that say who may do what.
 *
 * A token, of which the file has but the SHA-256 of its text, the scopes that
 * it grants, and what limits it:
 *
 *   alice sha256:2bb80d53... read,write,list quota=10G files=1000 rate=600
 *
 * and a key that links are signed with, in hex:
 *
 *   6f0c8e51...
 *
 * Words stand between spaces or tabs. What a file has of comments and empty
 * lines is its reader's business.
 *
 * Pure functions: any thread.
 */
#ifndef COMMON_AUTHFILE_H
#define COMMON_AUTHFILE_H

#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

/* X(id, word) */
#define AUTH_SCOPES(X)                                                         \
	X(READ, "read")                                                        \
	X(WRITE, "write")                                                      \
	X(LIST, "list")                                                        \
	X(FETCH, "fetch")                                                      \
	X(PROCESS, "process")                                                  \
	X(DELETE, "delete")                                                    \
	X(ADMIN, "admin")

#define AUTH_SCOPE_PLACE(id, word) AUTH_PLACE_##id,
enum auth_scope_place { AUTH_SCOPES(AUTH_SCOPE_PLACE) AUTH_SCOPE_COUNT };
#undef AUTH_SCOPE_PLACE
#define AUTH_SCOPE_BIT(id, word) AUTH_##id = 1 << AUTH_PLACE_##id,
/** Sets of scopes are masks of these. */
enum auth_scope { AUTH_SCOPES(AUTH_SCOPE_BIT) };
#undef AUTH_SCOPE_BIT

/** A token's name has so many characters: A-Z a-z 0-9 . _ ~ - */
#define TOKEN_NAME_MAX 64
#define TOKEN_HASH_SIZE 32
/** What a key has of bytes. */
#define LINK_KEY_MIN 32
#define LINK_KEY_MAX 64

/* Of a limit that is not told: UINT64_MAX; of the rate: 0. */
struct token_line {
	struct str name; /* in the line */
	uint8_t hash[TOKEN_HASH_SIZE];
	unsigned scopes;
	uint64_t quota_bytes; /* of its files together */
	uint64_t files;
	uint64_t per_minute; /* requests */
};

/** Returns: the word of one scope of a set, the first; "" of none. */
const char *auth_scope_name(unsigned scopes);

/** Whether a name is fit for a token. */
bool token_name_valid(struct str name);

/** What limits requests a minute. */
#define TOKEN_RATE_MAX 1000000

/** Room for what is wrong with a line. */
#define AUTH_WHY_SIZE 256

/**
 * Read the line of a token.
 *
 * Returns:   0.
 * Errors:    -EINVAL; `ret_why` says what is wrong and what is allowed, with
 *            the word, but for what may be a secret in the wrong place. `*ret`
 *            is then as it was.
 */
int token_line_read(
    struct str line, struct token_line *ret, char ret_why[AUTH_WHY_SIZE]);

/**
 * Write the line of a token, without the limits.
 *
 * Returns:   its length, without the NUL.
 * Ownership: `out` has room for TOKEN_LINE_SIZE bytes; the name is valid.
 */
#define TOKEN_LINE_SIZE 256
size_t token_line_write(
    const struct token_line *t, char out[TOKEN_LINE_SIZE]);

/**
 * Read the line of a key.
 *
 * Returns:   how many bytes it has.
 * Errors:    -EINVAL; as token_line_read().
 */
ssize_t link_key_read(
    struct str line, uint8_t out[LINK_KEY_MAX], char ret_why[AUTH_WHY_SIZE]);

#endif
