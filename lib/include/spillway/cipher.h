/* SPDX-License-Identifier: MIT */
/*
 * Confidential spools: what they write to disk is encrypted, what they held
 * in memory is wiped.
 *
 *   struct spw_spool_opts opts = { ...
 *           .cipher = spw_crypto_aes256ctr(),      <spillway/crypto.h>
 *   };
 *
 * A spool with a cipher makes up a random key when it is born. The key is
 * never stored, handed out or shared, clones have their own, and when the
 * spool goes it is wiped: from then on nobody can read what was on the disk,
 * whatever is left of it there.
 *
 * What it protects from: who gets the disk, or copies of the disk of several
 * moments, or the spool directory's free blocks; and who gets a core dump
 * (blocks and keys are left out of it) or memory that was given back.
 *
 * What it does not protect from:
 *   - who can read this process's memory while the spool lives, or the swap
 *     space: use none, or an encrypted one;
 *   - who changes the disk: a cipher alone does not notice. Changed bytes
 *     read as other bytes; use a digest kept in memory (digest.h);
 *   - what shows from outside: how long the content is, where and when it was
 *     written, where gaps were left (they read as zeros and are not stored);
 *   - what becomes of bytes that were read: a caller's buffers, also those of
 *     a cursor, a FILE or a text, are the caller's and not wiped. What
 *     spw_spool_save() writes is meant to be read and not encrypted.
 *
 * No part of a keystream is used twice. Bytes are encrypted under the key, a
 * nonce and their offset. Whoever writes where the nonce was used already,
 * because the bytes are overwritten, were cut off or failed to be written,
 * gets the next nonce; so two copies of the disk tell where something was
 * written, not what. The spool keeps in memory which bytes have which nonce:
 * one entry while it is appended to, at most some 64 for each 64 KiB that are
 * overwritten here and there. That also holds in files that several spools
 * share, since each has its own key.
 *
 * There is no file to be handed out: spw_spool_file() always answers -EAGAIN,
 * spw_spool_fd() -EOPNOTSUPP, and spw_spool_save() copies. A read from disk
 * waits while an overwrite is being written, since the one must not take the
 * bytes of one nonce for those of another; it never waits for an append.
 *
 * Threads: a cipher is a constant; its function is called from any thread,
 * also from several at once.
 */
#ifndef SPILLWAY_CIPHER_H
#define SPILLWAY_CIPHER_H

#include <spillway/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SPW_CIPHER_KEY_MAX 64

/** A stream cipher that can begin at any byte. */
struct spw_cipher {
	size_t size;		/* sizeof(struct spw_cipher) */
	size_t key_bytes;	/* 16 ... SPW_CIPHER_KEY_MAX */
	/*
	 * Encrypt or decrypt in place: XOR `len` bytes with the keystream of
	 * `key` and `nonce` from byte `off` on. Keystreams of different
	 * nonces have nothing in common, and no part of one comes again
	 * below offset 2^63. Keeps nothing of the key when it returns.
	 *
	 * Returns 0 or a negative errno; the bytes are lost then.
	 */
	int (*apply)(const uint8_t *key, uint64_t nonce, uint64_t off,
	    uint8_t *data, size_t len);
};

#ifdef __cplusplus
}
#endif

#endif
