/* SPDX-License-Identifier: MIT */
/*
 * Files as the user names them: by id, by path or URL on a spillwayd, by a
 * URL of something else, or by a path of this machine, which has a slash in
 * it ("./a.zip", "/tmp/a.zip") or is "-".
 *
 * Threads: one.
 */
#ifndef SPILLWAY_SPILL_TARGET_H
#define SPILLWAY_SPILL_TARGET_H

#include "spill/cli.h"

/** One file that the user named. */
struct target {
	/** One of the clients of the cli. */
	struct spwc_client *client;
	/** What to give it as the ref; NULL when it is no file of its. */
	char *ref;
	/** Its id, else its URL. */
	char *id;
	/** What to call it: its id, or the URL of elsewhere, which the caller
	 * gave. */
	const char *label;
};

/** What is done with the URL of something that is no file of a spillwayd. */
enum target_remote {
	/** It is refused. */
	TARGET_NO_REMOTE,
	/** It is read through the configured server. */
	TARGET_REMOTE,
	/** That server makes it a file, and fetches what is read of it; */
	TARGET_REMOTE_LAZY,
	/** any place of which can be read on return; */
	TARGET_REMOTE_ZIP,
	/** or fetches all of it, which is there on return. */
	TARGET_REMOTE_WHOLE,
};

/**
 * Whether the text names a file of this machine.
 *
 * Returns:   true if so.
 */
bool target_is_local(const char *text);

/**
 * Find the client for a file as the user named it.
 *
 * Returns:   an exit code, EXIT_OK with the target.
 * Errors:    any; the user was told.
 * Ownership: the target is the caller's, for target_fini().
 */
int target_find(struct cli *cli, const char *text, enum target_remote remote,
    struct target *ret_target);

/**
 * Find out why content broke off: of a file whose source failed the server
 * says so elsewhere. Without such a reason the error stays as it is.
 *
 * Returns:   nothing.
 */
void target_explain(const struct target *t, struct spwc_error *error);

/**
 * Free what a target holds; all zero is allowed.
 *
 * Returns:   nothing.
 */
void target_fini(struct target *t);

#endif
