/* SPDX-License-Identifier: MIT */
/*
 * One call, and the hook that it is for.
 * Threads: the hooks' thread, but call_new().
 */
#ifndef HOOK_CALL_H
#define HOOK_CALL_H

#include <curl/curl.h>

#include "base/conf.h"
#include "guard/guard_socket.h"
#include "hook/sign.h"
#include "store/store.h"

/* Calls about one file are in one lane, where the first is made before the
   next is. */
#define HOOK_LANES 256

struct call;

struct lane {
	struct call *first, **last;
};

struct hook {
	const struct conf_hook *conf;
	const struct conf_fetch *fetch;
	struct conf_fetch rules; /* what the guard goes by */
	struct sign_secret secret;
	/* Under the hooks' lock. */
	struct lane lanes[HOOK_LANES];
	unsigned queued;
	/* The thread's. */
	unsigned turn; /* the lane whose it is */
	unsigned running;
};

struct call {
	struct call *next; /* in its lane */
	struct hook *hook;
	unsigned lane;
	char id[ID_LEN + 1];
	struct log_request log; /* what it is a consequence of; or nothing */
	char *body;
	size_t len;
	unsigned tries;	 /* that were made */
	uint64_t due_ms; /* not before */

	/* While it is made. */
	CURL *easy;
	struct curl_slist *fields;
	struct guard_socket guard;
	size_t answered; /* bytes, which nobody reads */
	bool literal;	 /* the URL has an address, no name */
	bool refused;	 /* by the guard, and will be the next time */
	char why[CURL_ERROR_SIZE];
};

/** Make the call for an event. Returns: NULL without memory. */
struct call *call_new(
    struct hook *hook, enum store_event event, struct file *f);
void call_free(struct call *c);

enum call_end { CALL_DELIVERED, CALL_AGAIN, CALL_FAILED, CALL_REFUSED };

/** Prepare the next try. Returns: false when there is none; call_broken(). */
bool call_begin(struct call *c);
/** Returns: what follows then; `c->why` says why. */
enum call_end call_broken(const struct call *c);

/** The try is over. Returns: what follows; `c->why` says why. */
enum call_end call_over(struct call *c, CURLcode code);

/** Let go of what a try needs. */
void call_reset(struct call *c);

#endif
