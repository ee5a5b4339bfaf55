/* SPDX-License-Identifier: MIT */
/*
 * Running digests: the checksum or hash of a spool's content, taken while it
 * is written.
 *
 *   spw_digest_open(s, spw_digest_crc32c(), &d)
 *   spw_spool_append(s, ...) ...
 *   spw_digest_get(d, sum, &size)     at any time, as often as wanted
 *   spw_digest_close(d)
 *
 * What is appended in order goes through the digest straight from the
 * appender's buffer, on the appender's thread, after the spool was unlocked:
 * nothing is read again and nobody else waits. What the digest did not see
 * in this way it reads when it is asked: what was there before it was opened,
 * what was appended while somebody was asking, what spw_spool_pwrite() put
 * behind the end. An overwrite or a truncate makes what it has worthless; the
 * next question then begins at the first byte again. So the answer is always
 * right, and free when the content was only appended to. What was discarded
 * (discard.h) after the digest saw it counts.
 *
 * Any number of digests may watch a spool. CRC-32C is here; others are in
 * <spillway/crypto.h>, or the program's own.
 *
 * Threads: any, for every call; but none may be under way with a digest that
 * is being closed.
 */
#ifndef SPILLWAY_DIGEST_H
#define SPILLWAY_DIGEST_H

#include <spillway/base.h>
#include <spillway/spool.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The longest digest, in bytes. */
#define SPW_DIGEST_MAX 64

/**
 * A way to compute a digest. The functions work on `state_bytes` of memory,
 * aligned for any type, one thread at a time. They return 0 or a negative
 * errno.
 */
struct spw_digest_algo {
	size_t size;		/* sizeof(struct spw_digest_algo) */
	const char *name;	/* as RFC 9530 registers it, where it does */
	size_t state_bytes;
	size_t digest_bytes;	/* at most SPW_DIGEST_MAX */
	int (*begin)(void *state); /* of zeroed memory */
	int (*update)(void *state, const void *data, size_t len);
	/* Of what there was so far; more may come. */
	int (*value)(const void *state, uint8_t *ret);
	/* Free what the state holds, also after a begin that failed; NULL:
	   nothing. */
	void (*end)(void *state);
};

struct spw_digest;

/**
 * CRC-32C (Castagnoli), as iSCSI and ext4 use it; four bytes, the most
 * significant first. By the processor's instruction where it has one.
 *
 * Returns:   the algorithm.
 */
SPW_API const struct spw_digest_algo *spw_digest_crc32c(void);

/**
 * Go on with a CRC-32C.
 *
 * Returns:   the CRC of what `crc` is of (0: of nothing) and `len` bytes more.
 */
SPW_API uint32_t spw_crc32c(uint32_t crc, const void *data, size_t len);

/**
 * Watch a spool.
 *
 * Returns:   0 and the digest in `*ret`.
 * Errors:    -ENOMEM; -EINVAL for an algorithm that cannot be; the error of
 *            its `begin`.
 * Ownership: takes a reference on the spool; `algo` must outlive it.
 */
SPW_API int spw_digest_open(struct spw_spool *s,
    const struct spw_digest_algo *algo, struct spw_digest **ret)
    SPW_MUST_CHECK;

/** Stop watching; NULL is allowed. Waits for an append that is using it. */
SPW_API void spw_digest_close(struct spw_digest *d);

static inline void spw_digest_closep(struct spw_digest **d)
{
	spw_digest_close(*d);
}

/**
 * Get the digest of what is there now. Reads what the digest has not seen, so
 * it may block on the disk.
 *
 * While others append, it is of the content as it was at some time during the
 * call.
 *
 * Returns:   0, `digest_bytes` of the algorithm in `ret`, and in `*ret_size`,
 *            which may be NULL, how many bytes of content they are of.
 * Errors:    -EIO; -EAGAIN for a sparse spool with holes, or when others
 *            overwrite faster than can be read; -ENODATA when bytes were
 *            discarded that it needs; the source's error of a failed spool;
 *            the algorithm's. It may be asked again.
 */
SPW_API int spw_digest_get(struct spw_digest *d, void *ret,
    uint64_t *ret_size) SPW_MUST_CHECK;

/**
 * Compare the digest with the one it should be, of `len` bytes.
 *
 * Returns:   0 when they are the same.
 * Errors:    -EBADMSG when they are not; as spw_digest_get().
 */
SPW_API int spw_digest_verify(struct spw_digest *d, const void *want,
    size_t len) SPW_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
