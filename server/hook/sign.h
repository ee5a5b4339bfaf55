/* SPDX-License-Identifier: MIT */
/*
 * Signatures of calls, by which a receiver knows that one is ours, and not one
 * of before.
 *
 * Source:    Standard Webhooks 1.0 (symmetric signatures)
 * Threads:   any; no state.
 */
#ifndef HOOK_SIGN_H
#define HOOK_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include <spillway/base.h>

/** The least and the most that a secret has. */
#define SIGN_SECRET_MIN 24
#define SIGN_SECRET_MAX 64

struct sign_secret {
	size_t len; /* 0: nothing is signed */
	uint8_t bytes[SIGN_SECRET_MAX];
};

/** Room for a signature: `v1,` and 32 bytes in base64. */
#define SIGN_SIZE 64

/**
 * Read a secret as it stands in a file: `whsec_` and base64, with blanks
 * around it.
 *
 * Errors:    -EINVAL it is none, or of another length.
 */
int sign_parse(const char *text, size_t len, struct sign_secret *ret)
    SPW_MUST_CHECK;

/** The same from a file. Errors: and those of open() and read(). */
int sign_read(const char *path, struct sign_secret *ret) SPW_MUST_CHECK;

/**
 * Sign one call: its id, when it was sent (Unix seconds), what it says.
 *
 * Errors:    -EIO the cryptographic library failed.
 */
int sign_call(const struct sign_secret *s, const char *id, int64_t time_s,
    const char *body, size_t len, char out[SIGN_SIZE]) SPW_MUST_CHECK;

#endif
