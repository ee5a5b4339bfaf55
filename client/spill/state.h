/* SPDX-License-Identifier: MIT */
/*
 * What is remembered of an upload that is under way, so that it goes on after
 * an interruption or a reboot: a small JSON file in $XDG_STATE_HOME/spillway,
 * for nobody else to read.
 *
 * An upload is known by its server, the file's path, size and time, and what
 * was asked for with it; so a file that changed is another one. The file of
 * the state is locked while the upload runs.
 *
 * Calling sequence: state_open(); state_save() when there is something to
 * remember; state_remove() at the end, or nothing; state_close().
 *
 * Threads: one.
 */
#ifndef SPILLWAY_SPILL_STATE_H
#define SPILLWAY_SPILL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spillway/base.h>
#include <spillway/client.h>

#define STATE_PARTS_MAX 16

/** What an upload is known by. Strings are NULL when not given. */
struct state_key {
	const char *server;
	/** Absolute. */
	const char *path;
	uint64_t size;
	int64_t mtime_ns;
	const char *name;
	const char *type;
	uint64_t ttl_s;
	uint64_t reads;
};

/** Bytes [first, end) of the file are the upload `id`. */
struct state_part {
	char *id;
	uint64_t first;
	uint64_t end;
};

struct state {
	int fd;
	char *file;
	/** What there is so far; none: nothing was begun. */
	struct state_part parts[STATE_PARTS_MAX];
	size_t count;
	/** The file that the parts were put together to; or NULL. */
	char *joined;
};

/** What state_each() tells; valid only during the callback. */
struct state_entry {
	/** The file of the state, without its folder. */
	const char *name;
	const char *server;
	const char *path;
	uint64_t size;
	/** Seconds since 1970. */
	uint64_t since;
	/** A spill is at it now. */
	bool running;
	const struct state *state;
	struct state_key key;
};

/** A positive result ends, a negative errno fails. */
typedef int (*state_fn)(void *arg, const struct state_entry *entry);

/**
 * Find what is remembered of an upload; lock it.
 *
 * Returns:   0; `count` is 0 when nothing of use was there.
 * Errors:    -EBUSY another spill is at it; -ENOENT there is no home; what
 *            the file system gives; -ENOMEM. The state is closed then.
 */
int state_open(struct state *s, const struct state_key *key) SPW_MUST_CHECK;

/**
 * Forget parts that were read or added; nothing is written.
 *
 * Returns:   nothing.
 */
void state_clear(struct state *s);

/**
 * Add a part; nothing is written.
 *
 * Returns:   0.
 * Errors:    -ENOMEM, -E2BIG.
 */
int state_add(struct state *s, const char *id, uint64_t first, uint64_t end)
    SPW_MUST_CHECK;

/**
 * Write it, over a loss of power too.
 *
 * Returns:   0.
 * Errors:    what the file system gives; -ENOMEM.
 */
int state_save(struct state *s, const struct state_key *key) SPW_MUST_CHECK;

/**
 * Remove it from the disk.
 *
 * Returns:   nothing.
 */
void state_remove(struct state *s);

/**
 * Unlock and free. What was never saved leaves nothing behind.
 *
 * Returns:   nothing.
 */
void state_close(struct state *s);

/**
 * Tell of all that is remembered. What cannot be read is passed over.
 *
 * Returns:   0 at the end, or when `fn` ended it.
 * Errors:    what `fn` returned, and what opendir() gives.
 */
int state_each(state_fn fn, void *arg) SPW_MUST_CHECK;

/**
 * Forget one by the name of its file.
 *
 * Returns:   0.
 * Errors:    -ENOENT; -EBUSY when a spill is at it; -EINVAL it is no name.
 */
int state_forget(const char *name) SPW_MUST_CHECK;

#endif
