/* SPDX-License-Identifier: MIT */
/*
 * The keys that links are signed with (common/signedlink.h): HMAC-SHA256. Of
 * several the first signs and all verify, so that a new one can be put in
 * front, and the old one taken out when its links have expired.
 *
 * Threads: any, once they are there.
 */
#ifndef BASE_LINKKEYS_H
#define BASE_LINKKEYS_H

#include "base/conf.h"
#include "common/signedlink.h"

#define LINK_KEYS_MAX 16

struct link_keys;

/** Make one up. Errors: -ENOMEM; of the system. */
int link_keys_random(struct link_keys **ret) SPW_MUST_CHECK;

/**
 * Read them from a file. May block.
 *
 * Errors:    -EINVAL, of reading, -ENOMEM; `reterr` says file, line and why.
 */
int link_keys_load(const char *path, struct link_keys **ret,
    struct conf_error *reterr) SPW_MUST_CHECK;

/** Wipe and free them; NULL is allowed. */
void link_keys_free(struct link_keys *keys);

/**
 * Sign a link; its `signature` is not read.
 *
 * Errors:    -E2BIG the path is too long; -EIO the cryptographic library
 *            failed.
 */
#define LINK_PATH_MAX 1024
int link_keys_sign(const struct link_keys *keys,
    const struct signed_link *link,
    char ret_signature[SIGNATURE_TEXT_LEN + 1]) SPW_MUST_CHECK;

/** Returns: whether one of the keys has signed it; found in constant time. */
bool link_keys_verify(
    const struct link_keys *keys, const struct signed_link *link);

#endif
