/* SPDX-License-Identifier: MIT */
/*
 * The directory's inner side: charging bytes before they are written, and
 * making files.
 */
#ifndef SPILLWAY_LIB_DIR_H
#define SPILLWAY_LIB_DIR_H

#include <spillway/dir.h>

/* Of a name with the longest prefix and suffix. */
#define SPW__NAME_SIZE (2 * 64 + 32 + 1)

/**
 * Make up a name: `prefix`, 32 random hexadecimal digits, `suffix`.
 *
 * Errors:    -EIO.
 */
int spw__random_name(char *ret, size_t size, const char *prefix,
    const char *suffix);

/**
 * Make a file with such a name.
 *
 * Returns:   its descriptor, and the name in `ret_name`.
 */
int spw__named_file(int dir_fd, const char *prefix, const char *suffix,
    char ret_name[SPW__NAME_SIZE]);

/**
 * Account for `bytes` more, before they are written.
 *
 * Returns:   0.
 * Errors:    -EDQUOT; -ENOSPC when `keep_free_bytes` would be violated.
 */
int spw__dir_charge(struct spw_dir *d, uint64_t bytes);
void spw__dir_uncharge(struct spw_dir *d, uint64_t bytes);

/**
 * So much more of what was charged is not in a file yet, where that is no
 * matter of the file system: nothing is set aside there.
 */
void spw__dir_owe(struct spw_dir *d, int64_t more);

/** Returns: the descriptor of a new unnamed file, or a negative errno. */
int spw__dir_file(struct spw_dir *d);

/** Close a file of spw__dir_file(). */
void spw__dir_close(struct spw_dir *d, int fd);

/** Returns: a new unnamed file that the caller owns and nobody counts. */
int spw__dir_own_file(struct spw_dir *d);

/** Count a file that was made otherwise; spw__dir_close() closes it. */
void spw__dir_take_file(struct spw_dir *d);

/**
 * Open a directory without proving that files can be there.
 *
 * Errors:    as spw_dir_open().
 */
int spw__dir_look(const struct spw_dir_opts *opts, struct spw_dir **ret);

/** Returns: `r`, but 0 for having no room where that is allowed. */
int spw__dir_forgive(const struct spw_dir *d, int r);

/** Returns: the open directory. */
int spw__dir_fd(const struct spw_dir *d);

/** The segment that takes members now (lib/segment.h); locked. */
struct spw__segment **spw__dir_lock_segment(struct spw_dir *d);
void spw__dir_unlock_segment(struct spw_dir *d);

/** Is setting blocks aside worth it here? On tmpfs it takes memory. */
bool spw__dir_reserves(const struct spw_dir *d);

#endif
