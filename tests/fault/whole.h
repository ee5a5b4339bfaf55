/* SPDX-License-Identifier: MIT */
/*
 * A whole server in this process, with each of its allocations and system
 * calls failing in turn while a client wants something of it: once, and from
 * then on.
 *
 *   static const struct scenario scenarios[] = {{"name", want, 200}, ...};
 *   static const struct play play = {prepare, is_defined, check_after};
 *   cmocka group: whole_make_bed()
 *     whole_start(&bed); whole_play(&scenarios[i], &play); whole_stop(&bed)
 *
 * This thread is the client; it is hit only while it is the server. The spool
 * directory outlives a server, and keeps files.
 */
#ifndef TESTS_FAULT_WHOLE_H
#define TESTS_FAULT_WHOLE_H

#include "check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spillway/server.h>

#include "fault/rounds.h"
#include "inproc/host.h"
#include "inproc/peer.h"

/** No scenario has more calls. */
#define CALLS_MAX 400

/* What can fail, and how. */
struct seam {
	const char *name;
	void (*arm)(unsigned nth, bool persistent);
	bool (*disarm)(void);
};
#define WHOLE_SEAMS 4
extern const struct seam whole_seams[WHOLE_SEAMS];

struct bed {
	char dir[160];
	struct spw_server *server;
	uint16_t port;
};
extern struct bed bed;

struct scenario {
	const char *name;
	/* Returns: the status of the answer, 0 when there was none. Content
	   of an answer has been compared. */
	int (*want)(const struct bed *b);
	int good; /* status when nothing fails */
};

struct play {
	void (*prepare)(const struct bed *b); /* before each round */
	/* An answer that a client can make something of? */
	bool (*is_defined)(const struct scenario *sc, int status);
	/* What was told is so, and what was not is as before. */
	void (*check_after)(
	    const struct bed *b, const struct scenario *sc, int status);
};

/** The set-up of a cmocka group. */
int whole_make_bed(void **state);

/** Whether this thread is the client: neither counted nor hit. */
void whole_be_client(bool on);

/** Returns: as spw_server_new() and _start(). */
int whole_start(struct bed *b);
void whole_stop(struct bed *b);

/** Returns: memory, descriptors and mappings that are held. */
long whole_held(void);

/** Fail each call of a scenario, in each way. A server runs. */
void whole_play(const struct scenario *sc, const struct play *play);

/** Is it an answer of a server in trouble, or none? */
bool whole_is_trouble(int status);

/**
 * GET `len` bytes of content from `off` on, with lines of a header as they
 * are. Returns: the status; 0 without, and when they did not all come.
 */
int whole_read(const struct bed *b, const char *target, const char *lines,
    uint64_t off, size_t len);

/** Send a request, with lines of a header as they are. Returns: the status,
    0 without. */
int whole_say(const struct bed *b, const char *head, const char *lines,
    const void *body, size_t len);

/** Say where we are, for whoever has to find out why. */
void whole_tell(void);

#define expect(cond)                                                           \
	do {                                                                   \
		if (!(cond)) {                                                 \
			whole_tell();                                          \
			require(!"" #cond);                                    \
		}                                                              \
	} while (0)

#endif
