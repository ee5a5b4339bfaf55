/* SPDX-License-Identifier: MIT */
/*
 * A server embedded in the test, with a spool directory of its own, and what
 * is needed to see that nothing of it stays behind.
 *
 *   host_open(&h, SETTINGS("store.max_files=3"));
 *   ... h.port ...
 *   host_close(&h);
 *
 * Everything here ends the program when it fails, so that threads of a test
 * may use it as well.
 */
#ifndef TESTS_INPROC_HOST_H
#define TESTS_INPROC_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include <spillway/server.h>

#include "unit/lib/threads.h"

/** Waits that should be short give up after this: the machine may be busy. */
#define PATIENCE_MS 60000

#define SETTINGS(...) ((const char *const[]){__VA_ARGS__, NULL})

struct host {
	struct spw_server *server;
	uint16_t port;
	char dir[160];
};

/** What a program that embeds servers does first. */
void host_prepare(void);
/** Make a server with `settings` (NULL: none), not started. */
void host_make(struct host *h, const char *const *settings);
/** Make one and start it. */
void host_open(struct host *h, const char *const *settings);
/** Free the server; its directory must be empty now. */
void host_close(struct host *h);

/* What a process has that a server could leave behind. */
struct census {
	unsigned fds, threads;
};

struct census census_take(void);
/** Wait until there is no more than before; ends the program if not. */
void census_check(const struct census *before);

/** Sleep a moment between two looks at something. */
void nap(void);

uint64_t now_ms(void);

/** Wait until a condition holds; ends the program if it never does. */
#define eventually(cond)                                                       \
	do {                                                                   \
		uint64_t until_ = now_ms() + PATIENCE_MS;                      \
		while (!(cond)) {                                              \
			require(now_ms() < until_ && "never: " #cond);         \
			nap();                                                 \
		}                                                              \
	} while (0)

#endif
