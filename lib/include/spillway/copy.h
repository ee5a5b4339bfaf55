/* SPDX-License-Identifier: MIT */
/*
 * Copies of a spool: a clone that goes its own way, a snapshot that stays as
 * it is, and a file with a name.
 *
 * Each holds the content of one moment. Who writes to the spool waits until
 * the copy is made, who must not block is told -EAGAIN; readers go on. What
 * is on disk is copied by the kernel, which shares the blocks where the file
 * system can (reflink), and what is sealed is not copied where a name or
 * a reference does.
 *
 * Threads: every call may be made from any thread, and may block.
 */
#ifndef SPILLWAY_COPY_H
#define SPILLWAY_COPY_H

#include <spillway/base.h>
#include <spillway/spool.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Make an open spool with the same content; afterwards neither knows of the
 * other. What is on disk is cloned there, if the clone has a directory. A
 * sparse spool's clone is sparse and has the same holes.
 *
 * `opts` may be NULL: as the original's, without callbacks. A confidential
 * spool's clone is confidential, with a key of its own; by the same cipher
 * unless `opts` name one.
 *
 * Returns:   0 and a spool with one reference in `*ret`.
 * Errors:    as spw_spool_new() and spw_spool_append() of the new one; -EIO;
 *            -EINVAL when only one is sparse; the source's error of a failed
 *            spool; -ENODATA when some of it was discarded. The original is
 *            as it was.
 */
SPW_API int spw_spool_clone(struct spw_spool *s,
    const struct spw_spool_opts *opts, struct spw_spool **ret) SPW_MUST_CHECK;

/**
 * Get the content of this moment as a sealed spool. Of a sealed spool this is
 * another reference and costs nothing; from then on nothing of it can be
 * discarded.
 *
 * Returns:   0 and a sealed spool, with a reference for the caller, in
 *            `*ret`.
 * Errors:    as spw_spool_clone(); -EAGAIN for a sparse spool with holes.
 */
SPW_API int spw_spool_snapshot(struct spw_spool *s, struct spw_spool **ret)
    SPW_MUST_CHECK;

enum {
	SPW_SAVE_EXCLUSIVE = 1 << 0, /* never replace a file */
	SPW_SAVE_SYNC = 1 << 1,	/* it survives a crash once it is returned */
	SPW_SAVE_COPY = 1 << 2,	/* never the spool's own file */
};

/**
 * Give the content a name in the file system. The name appears with all of
 * the content or not at all, and replaces a file of that name at once.
 *
 * A sealed spool whose file is on the same file system is not copied: its
 * file gets the name. The name and the spool are then one file until the
 * spool goes, and who writes to the one changes the other; SPW_SAVE_COPY asks
 * for a file apart. Only the first name is given so; each further one is that
 * of a copy. What is still open is always copied, and the file keeps the
 * content of the moment whatever becomes of the spool. So is what is
 * confidential: the file is not encrypted, or its name would be of no use.
 *
 * Units:     `dir_fd` as for openat(), AT_FDCWD for the current directory;
 *            `mode` are the file's permissions, not cut by the umask.
 * Returns:   0.
 * Errors:    -EEXIST with SPW_SAVE_EXCLUSIVE; -ENOENT, -ENOTDIR, -EACCES,
 *            -EROFS, -EISDIR, -ENAMETOOLONG as the system says; -ENOSPC,
 *            -EDQUOT, -EIO, -EMFILE; -EAGAIN for a sparse spool with holes;
 *            the source's error of a failed spool; -ENODATA when some of it
 *            was discarded; -EINVAL for unknown flags or a path that names no
 *            file. There is no new name then, but after a failed
 *            SPW_SAVE_SYNC there may be.
 */
SPW_API int spw_spool_save(struct spw_spool *s, int dir_fd, const char *path,
    unsigned mode, unsigned flags) SPW_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
