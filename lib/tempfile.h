/* SPDX-License-Identifier: MIT */
/*
 * The inner side of temporary files: places (an open directory and its
 * absolute path), names, and deleting trees.
 *
 * Everything in a place is made and deleted relative to its descriptor, so
 * that neither a change of the current directory nor a directory above that
 * is renamed leads to another file of the same name.
 */
#ifndef SPILLWAY_LIB_TEMPFILE_H
#define SPILLWAY_LIB_TEMPFILE_H

#include <stdbool.h>

#include <spillway/tempfile.h>

/* The random part of a name, without the NUL. */
#define SPW__TEMP_RANDOM 8
#define SPW__TEMP_NAME_MAX 255
/* Names that are tried before a directory is believed to be full of them. */
#define SPW__TEMP_TRIES 100

struct spw__place {
	int fd;
	char *path;
};

/* tempfile_dir.c */

/**
 * Open a directory to make things in: `dir`, or the default one.
 *
 * Errors:    from the system; -ENOMEM. There is nothing to be closed then.
 */
int spw__place_open(const char *dir, spw_temp_env_fn env,
    struct spw__place *ret);
void spw__place_close(struct spw__place *p);

/** Returns: the path of `name` in a place, or NULL without memory. */
char *spw__place_path(const struct spw__place *p, const char *name);

/** An unnamed file in a directory. */
int spw__temp_unnamed(int dir_fd);

/** The same where there are no such: it has a name for a moment. */
int spw__temp_unlinked(int dir_fd);

/* tempfile_name.c */

/** Fill in a random part and a NUL. Returns: 0, or what getrandom() says. */
typedef int (*spw__temp_random_fn)(void *ctx, char *ret);

/** How to make something of a name. Returns: -EEXIST to try another one. */
typedef int (*spw__temp_make_fn)(int dir_fd, const char *name);

/** The usual source of names; `ctx` is not used. */
int spw__temp_random(void *ctx, char *ret);

struct spw__temp_names {
	const char *prefix, *suffix;
	spw__temp_random_fn random;
	void *ctx;
};

/**
 * Make something under the first free name.
 *
 * Returns:   what `make` returned, and the name in `ret`.
 * Errors:    -EEXIST, -ENAMETOOLONG, from `make` or the source of names.
 */
int spw__temp_make(int dir_fd, const struct spw__temp_names *names,
    spw__temp_make_fn make, char ret[SPW__TEMP_NAME_MAX + 1]);

/* tempfile_tree.c */

/** Delete a name in a directory and what is below it, as
    spw_temp_remove_tree(). */
int spw__tree_remove(int dir_fd, const char *name);

#endif
