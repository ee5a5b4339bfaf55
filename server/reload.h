/* SPDX-License-Identifier: MIT */
/*
 * SIGHUP: the configuration read again, as it was at the start.
 *
 *   struct reload r = {file, settings};
 *   reload_run(&r, server) ...
 *   reload_fini(&r)            after the server is gone
 *
 * What cannot be read, or is wrong, changes nothing. The log tells which keys
 * have changed and which take a restart.
 *
 * Threads: one at a time.
 */
#ifndef RELOAD_H
#define RELOAD_H

#include <spillway/server.h>

struct retired;

struct reload {
	const char *file; /* NULL: none */
	const char *const *settings; /* each -o; ends with NULL */
	/* Lists that somebody may still be looking at. They change by hand, so
	   there are few. */
	struct retired *retired;
};

/** Do it. Errors: they are in the log. */
int reload_run(struct reload *r, struct spw_server *server);

/** Free what it holds. */
void reload_fini(struct reload *r);

#endif
