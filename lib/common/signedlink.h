/* SPDX-License-Identifier: MIT */
/*
 * Signed links: what one says, and the bytes that its signature is over.
 *
 *   /files/k3v?expires=1763805600&by=alice&signature=U29t...
 *   /files?expires=1763805600&max_size=1000000&by=alice&signature=ZXRo...
 *
 * The signature is over, each followed by a line feed:
 *
 *   spillway-link-1, the method, the path, `expires`, `max_size` (0: none),
 *   and `by`, whose link it is (empty: nobody's)
 *
 * and of one that says how long what is uploaded by it is kept:
 * spillway-link-2, the same, and `file_ttl`; so that no two links are signed
 * alike. Other parameters of the query are not signed: they must not add to
 * what a link allows.
 *
 * Pure functions: any thread.
 */
#ifndef COMMON_SIGNEDLINK_H
#define COMMON_SIGNEDLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

/** Of the signature: HMAC-SHA256 in base64url. */
#define SIGNATURE_TEXT_LEN 43

struct signed_link {
	struct str method; /* GET stands for HEAD as well */
	struct str path;
	uint64_t expires_s; /* Unix */
	uint64_t max_size;  /* of what is uploaded by it; 0: no limit */
	bool has_file_ttl;  /* else the server's own holds */
	uint64_t file_ttl_s; /* how long that is kept at most; 0: for ever */
	struct str by;
	struct str signature; /* as sent */
};

/**
 * Read the members of a query that are a link's; method and path are not
 * touched.
 *
 * Returns:   0; the texts are in the query.
 * Errors:    -ENOENT there is no `signature`, and so no link; -EINVAL a member
 *            is malformed, missing or there twice.
 */
int signed_link_read(struct str query, struct signed_link *ret);

/** Room for either of the two below, besides path and `by`. */
#define SIGNED_LINK_ROOM 192

/**
 * Write what the signature is over.
 *
 * Returns:   its length; 0 when it does not fit.
 */
size_t signed_link_canonical(
    const struct signed_link *link, char *out, size_t cap);

/** Write the link itself, with its NUL. Returns: as above. */
size_t signed_link_write(const struct signed_link *link, char *out, size_t cap);

#endif
