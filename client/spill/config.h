/* SPDX-License-Identifier: MIT */
/*
 * Which server, and who we are: from the command line, else the environment,
 * else ~/.config/spillway/spill.conf.
 *
 * A token of the file goes to no other server than the file's. Paths in it are
 * relative to where it is.
 *
 * Threads: one.
 */
#ifndef SPILLWAY_SPILL_CONFIG_H
#define SPILLWAY_SPILL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include <spillway/base.h>

struct config {
	char *server;
	char *token;
	/** The option that gave it, on the command line. */
	const char *token_option;
	/** The token is for every server that is named, not just the one. */
	bool token_for_all;
	char *proxy;
	char *ca_file;
	/** Another file of settings. */
	char *file;
};

/** Why the settings cannot be had; one line. */
struct config_error {
	char text[1024];
	/** Others can read the token in this file. */
	bool exposed;
};

/**
 * Free what it holds.
 *
 * Returns:   nothing.
 */
void config_fini(struct config *c);

/**
 * Read a token out of a file: its first line.
 *
 * Returns:   0 and the token, for free().
 * Errors:    -EINVAL there is none; what open() and read() give; -ENOMEM.
 */
int config_read_token(const char *path, char **ret_token) SPW_MUST_CHECK;

/**
 * Make what goes of what the command line gave: the rest is looked for in
 * the environment, then in the file, which need not be there unless it was
 * given.
 *
 * Returns:   0; `ret_error->exposed` may be set, `text` saying the file.
 * Errors:    -EINVAL, -ENOMEM, and what open() and read() give;
 *            `ret_error->text` says it, and the option, the variable or the
 *            line that it is about.
 * Ownership: the caller's, for config_fini().
 */
int config_settle(const struct config *given, struct config *ret_config,
    struct config_error *ret_error) SPW_MUST_CHECK;

/**
 * A path below a directory of the user's: $VARIABLE, else $HOME/FALLBACK,
 * then "/spillway/NAME".
 *
 * Returns:   0 and the path, for free().
 * Errors:    -ENOENT when neither is set; -ENOMEM.
 */
int config_path(const char *variable, const char *fallback, const char *name,
    char **ret_path) SPW_MUST_CHECK;

#endif
