/* SPDX-License-Identifier: MIT */
/*
 * A spool directory: where spools go when they outgrow memory.
 *
 * Files in it have no name (O_TMPFILE), so that nothing is left behind by a
 * process that is killed. The handle accounts for what spools put there: a
 * quota of its own, and a number of bytes that must stay free on the file
 * system for everybody else. Both refuse early, before bytes are written.
 *
 *   spw_dir_open() -> hand it to spools in spw_spool_opts -> unref when done
 *
 * A directory may have a fallback, and that one another. A spool that cannot
 * go to the first (it is full, over its quota, missing or not writable) goes
 * to the next; where its first byte is on disk, there it stays.
 *
 * Where a file system knows no unnamed files (some network and FUSE ones), a
 * file has a name for the moment until it is removed: `prefix`, 32 random
 * hexadecimal digits, `suffix`.
 *
 * Who holds a directory holds that very one, wherever it is moved. Where it was
 * removed, and one was made again at its path, that takes its place when the
 * next file is made; until then that is -ENOENT. A relative path is not
 * followed again.
 *
 * A program that may be limited in the size of its files (RLIMIT_FSIZE)
 * ignores SIGXFSZ, or a write ends it; then the limit is -ENOSPC.
 *
 * Threads: every call may be made from any thread.
 */
#ifndef SPILLWAY_DIR_H
#define SPILLWAY_DIR_H

#include <stdbool.h>

#include <spillway/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spw_dir;

enum {
	SPW_DIR_MAY_BE_FULL = 1 << 0, /* no room (-ENOSPC, -EDQUOT) is no
					 reason not to open it: what is there
					 can be read and deleted */
};

struct spw_dir_opts {
	size_t size;		/* sizeof(struct spw_dir_opts) */
	const char *path;	/* must exist */
	uint64_t quota_bytes;	/* most that spools may hold; 0: no quota */
	uint64_t keep_free_bytes; /* leave this much of the file system free */
	struct spw_dir *fallback; /* where to go when this one does not take
				     a spool; NULL: nowhere */
	const char *prefix;	/* of names; NULL: "." */
	const char *suffix;	/* of names; NULL: none */
	unsigned flags;		/* SPW_DIR_... */
};

struct spw_dir_stats {
	uint64_t quota;		/* bytes; SPW_UNLIMITED for none */
	uint64_t charged;	/* bytes written or reserved by spools, of
				   sparse ones whole pages of 4 KiB; or held */
	uint64_t free;		/* free for this process on the file system */
	uint64_t files;		/* open spool files */
	bool in_memory;		/* a tmpfs: spilling there frees no memory */
};

/**
 * Open a spool directory and prove with a real file that it can be used.
 *
 * Returns:   0 and a directory with one reference in `*ret`.
 * Errors:    -ENOENT, -ENOTDIR, -EACCES, -EROFS, -ENOSPC: as the system
 *            says when a file is made and written there; -ENOMEM; -EINVAL,
 *            also for flags that there are not, or a prefix or suffix with a
 *            '/' or of more than 64 bytes.
 * Ownership: takes its own reference on the fallback.
 */
SPW_API int spw_dir_open(const struct spw_dir_opts *opts, struct spw_dir **ret)
    SPW_MUST_CHECK;

/**
 * Open those of `count` directories that can be used, each the fallback of
 * the one before it. `opts` holds for each; its `path` is not looked at, its
 * `fallback` comes after the last.
 *
 * Returns:   0 and the first that can be used, with one reference, in `*ret`.
 * Errors:    -EINVAL without paths; when none can be used, as
 *            spw_dir_open() of the first.
 */
SPW_API int spw_dir_open_first(const struct spw_dir_opts *opts,
    const char *const *paths, size_t count, struct spw_dir **ret)
    SPW_MUST_CHECK;

/** Returns: the fallback, which stays the directory's; NULL without one. */
SPW_API struct spw_dir *spw_dir_fallback(struct spw_dir *d);

/** Take a reference. Returns: `d`. */
SPW_API struct spw_dir *spw_dir_ref(struct spw_dir *d);

/** Drop a reference; NULL is allowed. Spools hold their own. */
SPW_API void spw_dir_unref(struct spw_dir *d);

/**
 * Would `bytes` more fit right now, here or in a fallback? Nothing is
 * reserved.
 *
 * Returns:   0 when they would.
 * Errors:    -EDQUOT over the quota; -ENOSPC when `keep_free_bytes` would be
 *            violated.
 */
SPW_API int spw_dir_check(struct spw_dir *d, uint64_t bytes) SPW_MUST_CHECK;

/**
 * Prove again that files can be made and written here; a fallback does not
 * count.
 *
 * Returns:   0 when they can.
 * Errors:    as spw_dir_open().
 * Threads:   may block on the disk.
 */
SPW_API int spw_dir_probe(struct spw_dir *d) SPW_MUST_CHECK;

/**
 * Account for `bytes` of a file that is here without a spool: it counts
 * against the quota as those of spools do, but is never refused, since
 * it is there.
 */
SPW_API void spw_dir_hold(struct spw_dir *d, uint64_t bytes);

/** They are gone, or a spool accounts for them. */
SPW_API void spw_dir_release(struct spw_dir *d, uint64_t bytes);

/** Read the figures of this directory, without fallbacks, into `*ret`. */
SPW_API void spw_dir_stats(struct spw_dir *d, struct spw_dir_stats *ret);

static inline void spw_dir_unrefp(struct spw_dir **d)
{
	spw_dir_unref(*d);
}

#ifdef __cplusplus
}
#endif

#endif
