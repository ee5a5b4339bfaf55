/* SPDX-License-Identifier: MIT */
/*
 * Digests and the cipher of OpenSSL's libcrypto for spools. In
 * libspillway-crypto.
 *
 *   spw_digest_open(s, spw_crypto_sha256(), &d)
 *   opts.cipher = spw_crypto_aes256ctr()
 *
 * Only SHA-256 and SHA-512 withstand somebody who wants two contents with the
 * same digest. SHA-1 and MD5 are for comparing with what others computed; a
 * libcrypto may be configured not to have them.
 *
 * Threads: any.
 */
#ifndef SPILLWAY_CRYPTO_H
#define SPILLWAY_CRYPTO_H

#include <spillway/base.h>
#include <spillway/cipher.h>
#include <spillway/digest.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Algorithms for spw_digest_open(): "sha-256", "sha-512", "sha" (SHA-1) and
 * "md5" by name. Their functions answer -ENOMEM, and -EOPNOTSUPP where
 * libcrypto does not have them.
 *
 * Returns:   the algorithm.
 */
SPW_API const struct spw_digest_algo *spw_crypto_sha256(void);
SPW_API const struct spw_digest_algo *spw_crypto_sha512(void);
SPW_API const struct spw_digest_algo *spw_crypto_sha1(void);
SPW_API const struct spw_digest_algo *spw_crypto_md5(void);

/**
 * AES-256 in counter mode, for `opts.cipher`. The nonce is the upper half of
 * the counter block, the number of the 16-byte block the lower.
 *
 * Returns:   the cipher.
 */
SPW_API const struct spw_cipher *spw_crypto_aes256ctr(void);

#ifdef __cplusplus
}
#endif

#endif
