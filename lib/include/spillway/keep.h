/* SPDX-License-Identifier: MIT */
/*
 * Spools that survive their process: uploads that go on after a restart.
 *
 *   spw_keep_open()                       a directory for them
 *   spw_kept_create() -> spw_kept_spool() -> spw_spool_append() ...
 *   spw_kept_commit()                     now and then: so much is safe
 *   spw_kept_remove()                     done with it; or else
 *   spw_kept_close()                      the next process goes on
 *
 *   and there: spw_keep_open() -> spw_keep_list() -> for each name
 *   spw_kept_adopt(), to go on from the last commit, or spw_keep_reap()
 *
 * A kept spool is two files. NAME.spool is its content and nothing else, so
 * that it can be sent, linked and looked at as any file. NAME.keep is its
 * journal: how much was committed, what of a sparse spool is there, and two
 * pieces of the program's own: metadata, and a state that belongs to exactly
 * that content (that of a running digest, say). The journal is a file of its
 * own and not an extended attribute, since those are a few KiB at most on
 * some file systems and missing on others.
 *
 * What the journal says is never ahead of what the content's file holds: it
 * is written after the content, into the older of two places, with a
 * checksum, so that being killed at any moment leaves the one or the other.
 * Without SPW_KEEP_SYNC that holds for the death of the process; after that
 * of the machine such a spool is not adopted, for nobody knows what of it
 * reached the disk (-ESTALE). With SPW_KEEP_SYNC every commit waits for the
 * disk, and it is.
 *
 * Who uses a kept spool holds a lock on its journal, which ends with the
 * process: two never have the same one, and a process that starts while the
 * old one drains finds what is left over and nothing else. A child that was
 * forked off and does not exec holds the lock as well.
 *
 * Kept spools live on disk only. They cannot be confidential, or the restart
 * would have to find the key; nothing of them can be discarded. Who overwrites
 * what was committed should commit again: the restart finds the new bytes and
 * the old state. What was truncated without another commit is found as long
 * as it is then, without a state.
 *
 * The file system must know unnamed files, links and locks, as the local ones
 * of Linux do; where it does not, spw_keep_open() says -EOPNOTSUPP.
 *
 * Threads: of one kept spool, commit, remove and close one at a time; the
 * spool itself as any other. Everything else from any thread. All may block.
 */
#ifndef SPILLWAY_KEEP_H
#define SPILLWAY_KEEP_H

#include <spillway/base.h>
#include <spillway/spool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spw_keep;
struct spw_kept;

#define SPW_KEEP_NAME_MAX 200
#define SPW_KEEP_META_MAX 8192
#define SPW_KEEP_STATE_MAX 4096

enum {
	SPW_KEEP_SYNC = 1 << 0,	/* a commit survives the machine as well */
	SPW_KEEP_READ = 1 << 1,	/* nothing there is written: it can be listed
				   and spw_keep_meta() be asked, else -EROFS */
};

struct spw_keep_opts {
	size_t size;		/* sizeof(struct spw_keep_opts) */
	const char *path;	/* must exist */
	uint64_t quota_bytes;	/* as in struct spw_dir_opts, for what this
				   process has */
	uint64_t keep_free_bytes;
	unsigned flags;		/* SPW_KEEP_... */
	struct spw_dir *dir;	/* NULL, or the directory itself, open, with
				   the quota that it has for other spools;
				   instead of the three above */
};

/** What a journal says besides the content. */
struct spw_kept_note {
	uint64_t length;	/* bytes that are safe; of a sparse spool how
				   many are there */
	const void *meta;	/* the program's, up to SPW_KEEP_META_MAX */
	size_t meta_len;
	const void *state;	/* of the content up to `length`, up to
				   SPW_KEEP_STATE_MAX */
	size_t state_len;
};

/**
 * Open a directory for kept spools, and prove that they can be there, unless
 * it is only to be read.
 *
 * Returns:   0 and the directory with one reference in `*ret`.
 * Errors:    as spw_dir_open(), for which the flags of `opts->dir` hold;
 *            -EOPNOTSUPP.
 * Ownership: takes a reference of its own on `opts->dir`.
 */
SPW_API int spw_keep_open(const struct spw_keep_opts *opts,
    struct spw_keep **ret) SPW_MUST_CHECK;

/** Drop the reference; NULL is allowed. Kept spools hold their own. */
SPW_API void spw_keep_unref(struct spw_keep *k);

static inline void spw_keep_unrefp(struct spw_keep **k)
{
	spw_keep_unref(*k);
}

/** Read the figures of the directory into `*ret`. */
SPW_API void spw_keep_stats(struct spw_keep *k, struct spw_dir_stats *ret);

/**
 * Call `fn` for each name in the directory, in use or not, until it returns
 * something else than 0. It may adopt and reap.
 *
 * Returns:   0, or what `fn` returned last.
 * Errors:    -ENOMEM; -EMFILE, -ENFILE, -EIO.
 */
SPW_API int spw_keep_list(struct spw_keep *k,
    int (*fn)(const char *name, void *user_data), void *user_data)
    SPW_MUST_CHECK;

/**
 * Delete what nobody uses.
 *
 * Returns:   0 when it is gone.
 * Errors:    -EBUSY while somebody has it; -ENOENT when there is none;
 *            -EINVAL for no name; from the disk.
 */
SPW_API int spw_keep_reap(struct spw_keep *k, const char *name)
    SPW_MUST_CHECK;

/**
 * See whether what nobody uses can be gone on with, and copy out its metadata.
 * Nothing of it is touched, nor cut off.
 *
 * Returns:   the metadata's length.
 * Errors:    -EMSGSIZE when that is more than `size`; as spw_kept_adopt().
 */
SPW_API ssize_t spw_keep_meta(struct spw_keep *k, const char *name, void *buf,
    size_t size) SPW_MUST_CHECK;

/**
 * Make an empty kept spool. From now on it is found by spw_keep_list().
 *
 * A name is made of letters, digits, '-', '_' and '.', does not begin with a
 * '.', and has at most SPW_KEEP_NAME_MAX of them. `opts` as for
 * spw_spool_new(), may be NULL; they name no directory and no cipher, `flags`
 * may be SPW_SPOOL_SPARSE only, and `memory_max` is not looked at. `note` may
 * be NULL; its length and state are not looked at.
 *
 * Returns:   0 and the kept spool in `*ret`.
 * Errors:    -EEXIST when the name is taken; -EINVAL; -EMSGSIZE when the
 *            metadata is too long; as spw_spool_new(); from the disk.
 * Ownership: copies the metadata.
 */
SPW_API int spw_kept_create(struct spw_keep *k, const char *name,
    const struct spw_spool_opts *opts, const struct spw_kept_note *note,
    struct spw_kept **ret) SPW_MUST_CHECK;

/**
 * Keep a spool that is there already. It goes to disk; of its content nothing
 * is safe before the first commit. `note` as for spw_kept_create().
 *
 * Returns:   0 and the kept spool in `*ret`.
 * Errors:    as spw_kept_create(); -EINVAL for a spool that is not of this
 *            directory, is confidential, joined, failed or kept already, or
 *            of which something was discarded; -ENOENT for one whose file lost
 *            its name again, as after a sync that failed. The spool is as it
 *            was, but on disk.
 * Ownership: takes a reference of its own on `s`.
 */
SPW_API int spw_kept_take(struct spw_keep *k, const char *name,
    struct spw_spool *s, const struct spw_kept_note *note,
    struct spw_kept **ret) SPW_MUST_CHECK;

/**
 * Go on with one that nobody uses any more, from its last commit on: what was
 * written later is cut off. It is sealed if it was when it was committed.
 * `opts` as for spw_kept_create(); whether it is sparse, and how long, the
 * journal says.
 *
 * Returns:   0 and the kept spool in `*ret`.
 * Errors:    -EBUSY while somebody has it; -ENOENT when there is none, or no
 *            more than its journal, since whoever made or deleted it was
 *            killed; -ESTALE when the machine was down since and it is not
 *            known what reached the disk; -EBADMSG when journal or content
 *            are damaged; -EFBIG when it passes `size_max`; -EINVAL; -ENOMEM;
 *            from the disk, -EDQUOT for one, but not for want of room in a
 *            directory that may be full. The files stay.
 */
SPW_API int spw_kept_adopt(struct spw_keep *k, const char *name,
    const struct spw_spool_opts *opts, struct spw_kept **ret) SPW_MUST_CHECK;

/** Returns: the spool, which stays the kept one's. */
SPW_API struct spw_spool *spw_kept_spool(const struct spw_kept *k);

/** Read what the journal says into `*ret`, valid until the next commit. */
SPW_API void spw_kept_note(const struct spw_kept *k,
    struct spw_kept_note *ret);

/**
 * Write what waits for the disk, then say in the journal that it is there.
 *
 * `note` may be NULL: all that is there, the metadata as before, no state. In
 * it `length` bytes are committed, SPW_UNLIMITED for all; of a sparse spool
 * always all, or, where it has more than some 1200 gaps, what lies before
 * them. Without `meta` the metadata stays as it was. The state must be that
 * of `length` bytes.
 *
 * Returns:   0.
 * Errors:    -EINVAL when there are less than `length` bytes; -EMSGSIZE when
 *            metadata or state are too long; as spw_spool_append() from the
 *            disk: what was committed before is still. After a sync that
 *            failed nobody knows what the system dropped: every commit is
 *            -EIO from then on.
 * Ownership: copies metadata and state.
 */
SPW_API int spw_kept_commit(struct spw_kept *k,
    const struct spw_kept_note *note) SPW_MUST_CHECK;

/**
 * Delete the files' names, for good: it is finished, or was saved elsewhere
 * (spw_spool_save()). The spool goes on as one without a name.
 *
 * Returns:   0, also when they are gone already.
 * Errors:    from the disk; the call may be repeated.
 */
SPW_API int spw_kept_remove(struct spw_kept *k) SPW_MUST_CHECK;

/**
 * Let go of a kept spool; NULL is allowed. Unless it was removed, it is there
 * for the next to adopt, as of the last commit, and this process must not
 * write to it any more: if it is still open, it fails with -ESTALE.
 */
SPW_API void spw_kept_close(struct spw_kept *k);

static inline void spw_kept_closep(struct spw_kept **k)
{
	spw_kept_close(*k);
}

/**
 * Make a sealed spool of a file that is there and does not change any more,
 * as of one that spw_spool_save() has given a name. Nothing is read and
 * nothing charged: who has such files accounts for them by spw_dir_hold().
 *
 * `opts` as for spw_spool_new(); they name the directory, and no cipher;
 * `flags` are 0.
 *
 * Returns:   0 and the spool, with one reference, in `*ret`.
 * Errors:    -EINVAL, also for what is no plain file; -ENOMEM; -EIO.
 * Ownership: takes `fd` when it succeeds.
 */
SPW_API int spw_spool_load(int fd, const struct spw_spool_opts *opts,
    struct spw_spool **ret) SPW_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
