/* SPDX-License-Identifier: MIT */
/*
 * Temporary files and directories: unnamed, named, and trees, each private to
 * its maker (mode 0600 or 0700, close-on-exec, never through a link that
 * somebody else put there).
 *
 *   spw_temp_file()                            gone when it is closed
 *   spw_tempfile_open() -> _close() -> _free() has a name until then
 *   spw_tempdir_open() -> _cleanup() -> _free() and all that is in it
 *   spw_temp_mkstemp(), spw_temp_mkdtemp()     the caller deletes
 *
 * Names are prefix + 8 characters of [a-z0-9_] + suffix. The characters come
 * from the system with each call, so that a fork never makes the same ones.
 * Nothing is deleted by a process that did not make it: a child that frees its
 * copy of an object leaves the parent's file alone.
 *
 * The library reads no environment. Where no directory is given the default
 * one is looked for as spw_temp_dir() does, with the `env` of the options;
 * who makes many files asks once and passes it on.
 *
 * Threads: one at a time for one object. Every call may block on the disk.
 */
#ifndef SPILLWAY_TEMPFILE_H
#define SPILLWAY_TEMPFILE_H

#include <spillway/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spw_tempfile;
struct spw_tempdir;

/** Such as getenv(): the value of a variable, or NULL. */
typedef char *(*spw_temp_env_fn)(const char *name);

enum {
	/* Never delete it. */
	SPW_TEMP_KEEP = 1 << 0,
	/* spw_tempfile_close() leaves it, spw_tempfile_free() deletes it. */
	SPW_TEMP_KEEP_ON_CLOSE = 1 << 1,
};

struct spw_temp_opts {
	size_t size;		/* sizeof(struct spw_temp_opts) */
	const char *dir;	/* NULL: the default */
	const char *prefix;	/* NULL: "tmp"; no slash */
	const char *suffix;	/* NULL: none; no slash */
	spw_temp_env_fn env;	/* for the default directory; may be NULL */
	unsigned flags;		/* SPW_TEMP_... */
};

/**
 * Find the default directory: the first of $TMPDIR, $TEMP, $TMP (as `env`
 * says; NULL: none), /tmp, /var/tmp, /usr/tmp and the current directory in
 * which a file can be made, written and deleted.
 *
 * Returns:   0 and an absolute path in `*ret_path`.
 * Errors:    -ENOENT when none can be used; -EMFILE, -ENFILE, -ENOMEM.
 * Ownership: the path is the caller's, for spw_temp_path_free().
 */
SPW_API int spw_temp_dir(spw_temp_env_fn env, char **ret_path) SPW_MUST_CHECK;

/**
 * Prove with a real file, of which nothing is left, that a directory can be
 * used.
 *
 * Returns:   0 when it can.
 * Errors:    -ENOENT, -ENOTDIR, -EACCES, -EROFS, -ENOSPC, ...: as the system
 *            says.
 */
SPW_API int spw_temp_probe(const char *dir) SPW_MUST_CHECK;

/** Free a path of this header; NULL is allowed. */
SPW_API void spw_temp_path_free(char *path);

static inline void spw_temp_path_freep(char **path)
{
	spw_temp_path_free(*path);
}

/**
 * Make a file without a name. `opts` may be NULL; prefix and suffix say
 * nothing here. Where the file system knows no unnamed files it has a name
 * for a moment.
 *
 * Returns:   a descriptor, open for reading and writing.
 * Errors:    from the directory as spw_temp_probe(); -EMFILE; -ENOMEM;
 *            -EINVAL.
 * Ownership: the caller closes it; the content is gone then.
 */
SPW_API int spw_temp_file(const struct spw_temp_opts *opts) SPW_MUST_CHECK;

/**
 * Make a named file that the caller deletes. `opts` may be NULL.
 *
 * Returns:   a descriptor, open for reading and writing, and the absolute
 *            path in `*ret_path`.
 * Errors:    as spw_temp_file(); -EEXIST when no free name was found;
 *            -ENAMETOOLONG.
 * Ownership: the path is the caller's, for spw_temp_path_free().
 */
SPW_API int spw_temp_mkstemp(const struct spw_temp_opts *opts,
    char **ret_path) SPW_MUST_CHECK;

/**
 * Make a directory that the caller deletes. `opts` may be NULL.
 *
 * Returns:   0 and the absolute path in `*ret_path`.
 * Errors:    as spw_temp_mkstemp().
 * Ownership: the path is the caller's, for spw_temp_path_free().
 */
SPW_API int spw_temp_mkdtemp(const struct spw_temp_opts *opts,
    char **ret_path) SPW_MUST_CHECK;

/**
 * Delete a directory and everything in it. Links are deleted, never followed;
 * other file systems that are mounted in it are left alone; a directory that
 * its owner may not read, write or search is made so first. What somebody
 * else deletes or adds meanwhile does no harm.
 *
 * Returns:   0 when it is gone, also when it was not there.
 * Errors:    the first one; everything else that can be deleted is. -ENOTDIR
 *            when `path` is no directory, or a link.
 */
SPW_API int spw_temp_remove_tree(const char *path) SPW_MUST_CHECK;

/**
 * Make a named file that is deleted when it is closed, or when the object is
 * freed (SPW_TEMP_KEEP_ON_CLOSE), or never (SPW_TEMP_KEEP).
 *
 * Returns:   0 and the file in `*ret`.
 * Errors:    as spw_temp_mkstemp(); nothing is left behind.
 */
SPW_API int spw_tempfile_open(const struct spw_temp_opts *opts,
    struct spw_tempfile **ret) SPW_MUST_CHECK;

/** Returns: the descriptor, which stays the object's; -EBADF once closed. */
SPW_API int spw_tempfile_fd(const struct spw_tempfile *t) SPW_MUST_CHECK;

/** Returns: the absolute path, also when the file is gone. */
SPW_API const char *spw_tempfile_path(const struct spw_tempfile *t);

/**
 * Close it, and delete it unless the flags say otherwise. May be repeated;
 * that it is deleted already is no error.
 *
 * Returns:   0.
 * Errors:    from writing back or deleting; it is closed all the same.
 */
SPW_API int spw_tempfile_close(struct spw_tempfile *t);

/**
 * Close it, delete it unless SPW_TEMP_KEEP, and free the object; NULL is
 * allowed.
 */
SPW_API void spw_tempfile_free(struct spw_tempfile *t);

static inline void spw_tempfile_freep(struct spw_tempfile **t)
{
	spw_tempfile_free(*t);
}

/**
 * Make a directory that is deleted with everything in it.
 *
 * Returns:   0 and the directory in `*ret`.
 * Errors:    as spw_temp_mkdtemp().
 */
SPW_API int spw_tempdir_open(const struct spw_temp_opts *opts,
    struct spw_tempdir **ret) SPW_MUST_CHECK;

/** Returns: the absolute path, also when the directory is gone. */
SPW_API const char *spw_tempdir_path(const struct spw_tempdir *d);

/**
 * Delete it as spw_temp_remove_tree() does, whatever the flags. May be
 * repeated; that it is gone already is no error.
 *
 * Returns:   0 when it is gone.
 * Errors:    as spw_temp_remove_tree(); it may be tried again.
 */
SPW_API int spw_tempdir_cleanup(struct spw_tempdir *d);

/** Delete it unless SPW_TEMP_KEEP, and free the object; NULL is allowed. */
SPW_API void spw_tempdir_free(struct spw_tempdir *d);

static inline void spw_tempdir_freep(struct spw_tempdir **d)
{
	spw_tempdir_free(*d);
}

#ifdef __cplusplus
}
#endif

#endif
